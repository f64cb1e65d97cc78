/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef VMGANG_FEED_H
#define VMGANG_FEED_H

/**
 * vg_feed_run() - tell vmgangd of libvirt's domains
 * @fd: the socket that lib/news.h describes
 * @uri: libvirt's
 *
 * Connects read-only, tells of every active domain once, and again whenever
 * libvirt says that one has started, stopped or got other metadata. Returns
 * when there is no connection, or no longer one, of which the last news give
 * the reason, and when the other end of @fd is closed.
 */
void vg_feed_run(int fd, const char *uri);

#endif
