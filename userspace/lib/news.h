/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What vmgang-libvirt tells vmgangd of libvirt and its domains.
 *
 * It goes through a socket of type SOCK_SEQPACKET, one piece of news in a
 * packet, as JSON:
 *	{"domain": {"uuid": …, "name": …, "id": 7, "knobs": {…}, "errors": […]}}
 *	{"gone": {"uuid": …, "name": …}}
 *	{"connected": "qemu:///system"}, {"waiting": "why"}, {"absent": "why"}
 * A reader that does not like a packet drops it, and that packet only.
 */
#ifndef VMGANG_NEWS_H
#define VMGANG_NEWS_H

#include <stddef.h>

#include "metadata.h"

/* Bytes of a packet. 16 errors of 1 KiB and a name fit; no XML ever comes. */
#define VG_NEWS_MAX	(32U << 10)

/**
 * enum vg_news_kind - what it is about
 * @VG_NEWS_DOMAIN: an active domain and its policy
 * @VG_NEWS_GONE: a domain has stopped: forget what was known of it
 * @VG_NEWS_CONNECTED: events arrive from here on
 * @VG_NEWS_WAITING: libvirtd does not answer, or no longer
 * @VG_NEWS_ABSENT: there is no usable libvirt.so.0
 */
enum vg_news_kind {
	VG_NEWS_DOMAIN,
	VG_NEWS_GONE,
	VG_NEWS_CONNECTED,
	VG_NEWS_WAITING,
	VG_NEWS_ABSENT,
	VG_NR_NEWS_KINDS
};

/**
 * struct vg_news - one piece of news
 * @kind: what it is about
 * @metadata: of a domain; only name and uuid when it is gone
 * @text: the URI, or why there is no connection; NULL for a domain
 */
struct vg_news {
	enum vg_news_kind kind;
	struct vg_metadata metadata;
	char *text;
};

/**
 * vg_news_send() - send one piece of news
 * @fd: the socket
 * @news: what to send
 *
 * Return: 0; -EAGAIN if a socket that does not block has no room now;
 * -EMSGSIZE if it does not fit into a packet; another negative errno.
 */
int vg_news_send(int fd, const struct vg_news *news);

/**
 * vg_news_parse() - read one packet
 * @packet: its bytes, with a NUL byte after them
 * @len: their number
 * @ret: the news, for vg_news_free()
 * @error: receives what is wrong with it
 *
 * Takes whatever the bytes are: everything that a good packet could not have
 * (a knob's value that is not allowed, no UUID, too long a name) is an error.
 *
 * Return: 0, -EBADMSG, -ENOMEM.
 */
int vg_news_parse(const char *packet, size_t len, struct vg_news **ret,
		  char **error);

/** vg_news_free() - free one piece of news; NULL is allowed. */
void vg_news_free(struct vg_news *news);

#endif
