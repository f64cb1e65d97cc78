/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the guest's server and the host's client agree on.
 *
 * web: requests and answers of HTTP 1.1 on connections that stay; the answer to
 * "GET /BLOCK" is a page of WEB_PAGE bytes, with its sum in the header.
 * echo: messages of ECHO_BYTES come back as they are.
 */
#ifndef VMGANG_BENCH_WEB_H
#define VMGANG_BENCH_WEB_H

#include <stddef.h>
#include <stdint.h>

#define WEB_PORT	8080
#define WEB_PAGE	8192
#define WEB_HEAD_MAX	256
#define ECHO_BYTES	64

/* FNV-1a: what the page costs the server beside being sent */
static inline uint32_t web_sum(const char *page, size_t bytes)
{
	uint32_t sum = 2166136261U;
	size_t i;

	for (i = 0; i < bytes; i++)
		sum = (sum ^ (unsigned char)page[i]) * 16777619U;
	return sum;
}

#endif
