/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * libvirt's domains, brought to the daemon by a process of its own.
 *
 * libvirt's client library is three times as large as the daemon, and a call
 * into it can take as long as libvirtd likes. So only vmgang-libvirt has it, for
 * the life of one connection; this runs it whenever there is a libvirtd, and
 * goes on without it when it hangs, dies or talks nonsense.
 */
#ifndef VMGANG_LIBVIRT_H
#define VMGANG_LIBVIRT_H

#include <systemd/sd-event.h>

#include "news.h"

struct vg_libvirt;

/**
 * enum vg_libvirt_state - how the daemon stands with libvirt
 * @VG_LIBVIRT_ABSENT: there is no vmgang-libvirt, or no libvirt.so.0 for it;
 *	nothing is tried again
 * @VG_LIBVIRT_WAITING: libvirtd does not run or does not answer; tried again
 * @VG_LIBVIRT_CONNECTED: events arrive
 */
enum vg_libvirt_state {
	VG_LIBVIRT_ABSENT,
	VG_LIBVIRT_WAITING,
	VG_LIBVIRT_CONNECTED,
};

/**
 * struct vg_libvirt_setup - what is needed
 * @event: the main loop
 * @program: path of vmgang-libvirt
 * @uri: libvirt's
 * @domain: called with news of a domain, VG_NEWS_DOMAIN or VG_NEWS_GONE
 * @changed: called after that, and when the state has changed
 * @userdata: of both
 */
struct vg_libvirt_setup {
	sd_event *event;
	const char *program;
	const char *uri;
	void (*domain)(const struct vg_news *news, void *userdata);
	void (*changed)(void *userdata);
	void *userdata;
};

/**
 * vg_libvirt_start() - start to follow libvirt
 * @ret: the new object
 * @setup: what is needed; strings are copied
 *
 * Return: 0, also where libvirt is absent; a negative errno.
 */
int vg_libvirt_start(struct vg_libvirt **ret,
		     const struct vg_libvirt_setup *setup);

/** vg_libvirt_state() - how things stand. */
enum vg_libvirt_state vg_libvirt_state(const struct vg_libvirt *lv);

/** vg_libvirt_state_name() - "absent", "waiting" or "connected". */
const char *vg_libvirt_state_name(enum vg_libvirt_state state);

/**
 * vg_libvirt_kick() - try at once to connect
 * @lv: the object
 *
 * For the daemon when the hook has spoken: libvirtd runs.
 */
void vg_libvirt_kick(struct vg_libvirt *lv);

/** vg_libvirt_stop() - end it all and free the object; NULL is allowed. */
void vg_libvirt_stop(struct vg_libvirt *lv);

#endif
