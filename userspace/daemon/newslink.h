/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef VMGANG_NEWSLINK_H
#define VMGANG_NEWSLINK_H

#include "news.h"

struct vg_newslink;

/*
 * The daemon's end of vmgang-libvirt's socket. It never blocks and believes
 * nothing: a packet that is not right is dropped with a line in the log.
 */

/* Takes over fd, which does not block; NULL without memory. */
struct vg_newslink *vg_newslink_new(int fd);
void vg_newslink_free(struct vg_newslink *link);	/* NULL is allowed */
int vg_newslink_fd(const struct vg_newslink *link);

/*
 * Takes what is there, but not more than a good share. 0: call it again when
 * the descriptor is readable; -EPIPE: the other end has been closed; -EPROTO:
 * so many packets were bad that the other end is better ended.
 */
int vg_newslink_receive(struct vg_newslink *link);

/*
 * The next piece of news, for vg_news_free(); NULL: no more. Of each domain
 * only the latest is kept.
 */
struct vg_news *vg_newslink_next(struct vg_newslink *link);

#endif
