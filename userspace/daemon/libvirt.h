/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What libvirt says about its domains, brought to the daemon's main loop.
 *
 * All calls into libvirt are made by a thread of their own: they can block for
 * as long as libvirtd likes. libvirt is opened at run time, so that the daemon
 * runs on hosts that do not have it.
 */
#ifndef VMGANG_LIBVIRT_H
#define VMGANG_LIBVIRT_H

#include <stdbool.h>

#include "../lib/metadata.h"

struct vg_libvirt;

/**
 * enum vg_libvirt_state - how the daemon stands with libvirt
 * @VG_LIBVIRT_ABSENT: there is no usable libvirt.so.0; nothing is tried again
 * @VG_LIBVIRT_WAITING: libvirtd does not run or does not answer; tried again
 * @VG_LIBVIRT_CONNECTED: events arrive
 */
enum vg_libvirt_state {
	VG_LIBVIRT_ABSENT,
	VG_LIBVIRT_WAITING,
	VG_LIBVIRT_CONNECTED,
};

/**
 * struct vg_domain - news about one active domain
 * @metadata: its name, uuid, id and policy; only name and uuid if it is gone
 * @gone: it has stopped: forget what was known of it
 */
struct vg_domain {
	struct vg_metadata metadata;
	bool gone;
	/* private: the queue's */
	struct vg_domain *next;
};

/**
 * vg_libvirt_start() - start the thread
 * @ret: the new object
 * @uri: libvirt's URI, NULL for qemu:///system
 *
 * Return: 0, also where libvirt is absent; a negative errno.
 */
int vg_libvirt_start(struct vg_libvirt **ret, const char *uri);

/**
 * vg_libvirt_fd() - the descriptor to watch
 * @lv: the object, which keeps the descriptor
 *
 * Return: a descriptor that is readable while vg_libvirt_next() has something
 * or the state has changed.
 */
int vg_libvirt_fd(const struct vg_libvirt *lv);

/**
 * vg_libvirt_next() - take one piece of news
 * @lv: the object
 *
 * To be called until it returns NULL whenever the descriptor is readable; NULL
 * makes the descriptor unreadable again.
 *
 * Return: the caller's own, for vg_domain_free(); NULL if there is none.
 */
struct vg_domain *vg_libvirt_next(struct vg_libvirt *lv);

/** vg_domain_free() - free one piece of news; NULL is allowed. */
void vg_domain_free(struct vg_domain *d);

/** vg_libvirt_state() - how things stand; never blocks. */
enum vg_libvirt_state vg_libvirt_state(const struct vg_libvirt *lv);

/** vg_libvirt_state_name() - "absent", "waiting" or "connected". */
const char *vg_libvirt_state_name(enum vg_libvirt_state state);

/**
 * vg_libvirt_kick() - try at once to connect
 * @lv: the object
 *
 * For the daemon when the hook has spoken: libvirtd runs. Never blocks.
 */
void vg_libvirt_kick(struct vg_libvirt *lv);

/**
 * vg_libvirt_stop() - end the thread and free the object
 * @lv: the object; NULL is allowed
 *
 * Takes a tenth of a second at most. A thread that hangs in libvirt is left
 * behind, and ends with the process.
 */
void vg_libvirt_stop(struct vg_libvirt *lv);

#endif
