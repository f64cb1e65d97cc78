/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef VMGANG_SUPERVISOR_H
#define VMGANG_SUPERVISOR_H

#include <stdbool.h>
#include <systemd/sd-event.h>

#include "backoff.h"

struct vg_class;
struct vg_loader;

/*
 * Keeps the gang-scheduling class in charge, or says why it is not. Whatever
 * happens here, VMs run on: without the class under the default scheduler.
 */
struct vg_supervisor {
	sd_event *event;
	sd_event_source *retry;
	struct vg_class *class;		/* NULL while not attached */
	struct vg_loader *loader;	/* while it is being attached */
	struct vg_backoff backoff;
	char *module_btf;		/* /sys/kernel/btf/vmgang */
	char *why;			/* no class: the reason and the remedy */
	char *said;			/* the reason that was logged last */
	char *last_exit;		/* what ended it, if ever it was ended */
	void (*settled)(void *userdata);	/* attached, or not: known now */
	void *userdata;			/* of settled */
	unsigned int ejections;
	unsigned int quick_tries;
	bool disabled;			/* --no-class */
	bool module;			/* loaded */
};

int vg_supervisor_init(struct vg_supervisor *s, sd_event *event,
		       const char *module_btf, bool disabled);

/* The module has come or gone. */
void vg_supervisor_module(struct vg_supervisor *s, bool loaded);

/* The module's state has changed, or may have: is the class still there? */
void vg_supervisor_check(struct vg_supervisor *s);

/* An operator asks (reload): old failures are forgotten. */
void vg_supervisor_reset(struct vg_supervisor *s);

/*
 * The end. detach: vCPUs go back to the default scheduler; otherwise the
 * class stays in charge for the next daemon to find.
 */
void vg_supervisor_done(struct vg_supervisor *s, bool detach);

#endif
