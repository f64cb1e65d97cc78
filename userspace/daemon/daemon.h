/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef VMGANG_DAEMON_H
#define VMGANG_DAEMON_H

#include <stdbool.h>
#include <systemd/sd-event.h>

#include "config.h"
#include "domains.h"
#include "json.h"
#include "libvirt.h"
#include "paths.h"
#include "supervisor.h"
#include "vmtable.h"

struct vg_control;
struct vg_saved;
struct vg_watch;

struct vg_options {
	bool no_class;
	bool no_libvirt;
};

/* Everything the daemon knows. One thread, one event loop. */
struct vg_daemon {
	sd_event *event;
	struct vg_options options;
	struct vg_paths paths;
	struct vg_config config;
	char *config_error;		/* of the last reload, NULL: it was good */
	struct vg_offers offers;	/* of the module */
	int sysfs;			/* -1: the module is not loaded */
	struct vg_vmtable vms;
	struct vg_domains domains;
	struct vg_saved *saved;		/* `set` values not yet claimed by a VM */
	struct vg_supervisor supervisor;
	struct vg_watch *watch;
	struct vg_control *control;
	struct vg_libvirt *libvirt;
	sd_event_source *save_source;
	sd_event_source *ready_source;
	bool ready;			/* systemd has been told */
	uint64_t hook_calls;		/* SetDomain and ForgetDomain by varlink */
	bool detach;			/* at exit */
};

/* daemon.c: the door */
int vg_daemon_new(const struct vg_options *options, struct vg_daemon **ret);
int vg_daemon_run(struct vg_daemon *d);
void vg_daemon_free(struct vg_daemon *d);
void vg_daemon_status(struct vg_daemon *d);	/* for systemctl status */

/* vms.c: VMs that come and go, and what is written to them */
void vg_daemon_resync(struct vg_daemon *d);
void vg_daemon_vm_added(struct vg_daemon *d, const char *dir);
void vg_daemon_vm_removed(struct vg_daemon *d, const char *dir);
int vg_daemon_apply(struct vg_daemon *d, struct vg_entry *entry);
void vg_daemon_apply_all(struct vg_daemon *d);
int vg_daemon_vm_json(struct vg_daemon *d, const struct vg_entry *entry,
		      unsigned int what, sd_json_variant **ret);

/* reserve.c: reservations */
int vg_daemon_write_reserve(struct vg_daemon *d, struct vg_entry *entry,
			    const struct vg_vm *vm);
int vg_daemon_reserve_errors(const struct vg_vm *vm, char ***errors);

/* links.c: what is told about domains, by libvirt or the hook */
int vg_daemon_domain_put(struct vg_daemon *d, const char *uuid,
			 const char *name, int id,
			 const struct vg_policy *policy, char *const *errors);
void vg_daemon_domain_forget(struct vg_daemon *d, const char *uuid);
void vg_daemon_libvirt_start(struct vg_daemon *d);
void vg_daemon_libvirt_stop(struct vg_daemon *d);

/* state.c: what outlives the daemon */
void vg_daemon_load(struct vg_daemon *d);
int vg_daemon_save(struct vg_daemon *d);
void vg_daemon_save_later(struct vg_daemon *d);
void vg_daemon_claim_saved(struct vg_daemon *d, struct vg_entry *entry);
void vg_daemon_drop_saved(struct vg_daemon *d);

/* watch.c: the kernel's events */
int vg_watch_start(struct vg_daemon *d);
void vg_watch_module(struct vg_daemon *d);	/* d->sysfs has changed */
void vg_watch_stop(struct vg_daemon *d);

/* control.c: the varlink service */
int vg_control_start(struct vg_daemon *d);
void vg_control_reload(struct vg_daemon *d);	/* Group= may have changed */
void vg_control_stop(struct vg_daemon *d);

#endif
