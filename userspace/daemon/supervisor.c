// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "class.h"
#include "loader.h"
#include "log.h"
#include "supervisor.h"
#include "util.h"
#include "vm.h"

#define OTHER_SCHEDULER_US (10ULL * 1000 * 1000)

/*
 * A class that has just been ejected is not quite gone when its end is
 * reported; attaching then says EBUSY without another scheduler. Twenty tries
 * of 100 ms were never all needed.
 */
#define QUICK_TRY_US (100ULL * 1000)
#define QUICK_TRIES 20

/* From here on enum scx_exit_kind means an error; below, somebody's wish. */
#define EXIT_KIND_ERROR 1024

static void try_attach(struct vg_supervisor *s);

int vg_supervisor_init(struct vg_supervisor *s, sd_event *event,
		       const char *module_btf, bool disabled)
{
	*s = (struct vg_supervisor){
		.event = event,
		.module_btf = strdup(module_btf),
		.disabled = disabled,
	};
	if (!s->module_btf)
		return -ENOMEM;
	vg_error_set(&s->why, disabled ? "vmgangd was started with --no-class" :
		     "the module vmgang is not loaded (modprobe vmgang)");
	return 0;
}

/* Says why there is no class; the same reason is logged once. */
static void stay_out(struct vg_supervisor *s, int priority, const char *why)
{
	vg_error_set(&s->why, "%s", why);
	if (s->said && strcmp(s->said, why) == 0)
		return;
	vg_error_set(&s->said, "%s", why);
	vg_log(priority, "observing only: %s", why);
}

static int on_retry(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct vg_supervisor *s = userdata;

	try_attach(s);
	return 0;
}

static void retry_in(struct vg_supervisor *s, uint64_t usec)
{
	int r;

	s->retry = sd_event_source_disable_unref(s->retry);
	r = sd_event_add_time_relative(s->event, &s->retry, CLOCK_MONOTONIC,
				       usec, 0, on_retry, s);
	if (r < 0)
		vg_err("can not set a timer for the class: %s", strerror(-r));
}

static void failed(struct vg_supervisor *s, const char *why)
{
	vg_autofree char *text = NULL;
	uint64_t now = 0, delay;

	sd_event_now(s->event, CLOCK_MONOTONIC, &now);
	delay = vg_backoff_failed(&s->backoff, now);
	if (delay == VG_BACKOFF_NEVER) {
		vg_error_set(&text,
			     "%s; given up after 3 tries in 10 minutes (systemctl reload vmgangd)",
			     why);
		stay_out(s, LOG_ERR, vg_error_text(text));
		return;
	}
	stay_out(s, LOG_WARNING, why);
	vg_info("trying to attach the class in %" PRIu64 " s", delay / 1000000);
	retry_in(s, delay);
}

/* Not a failure of the class: somebody else is in charge of the host. */
static void busy(struct vg_supervisor *s, const char *why)
{
	vg_autofree char *owner = NULL;

	if (vg_class_owner(&owner) < 0)
		owner = NULL;
	if ((!owner || vg_class_is_ours(owner)) &&
	    s->quick_tries < QUICK_TRIES) {
		s->quick_tries++;
		retry_in(s, QUICK_TRY_US);
		return;
	}
	stay_out(s, LOG_WARNING, why);
	retry_in(s, OTHER_SCHEDULER_US);
}

static void attached(struct vg_supervisor *s)
{
	s->quick_tries = 0;
	free(s->why);
	free(s->said);
	s->why = s->said = NULL;
	vg_info("the class is in charge of all managed vCPUs");
}

static void settled(struct vg_supervisor *s)
{
	if (s->settled)
		s->settled(s->userdata);
}

static void on_loaded(int r, const char *error, void *userdata)
{
	struct vg_supervisor *s = userdata;

	s->loader = NULL;
	if (r == 0 && vg_class_adopt(&s->class) == 0)
		attached(s);
	else if (r == 0)
		failed(s, "the class was ejected as soon as it was attached; dmesg has the reason");
	else if (r == -EBUSY)
		busy(s, vg_error_text(error));
	else if (r == -EOPNOTSUPP)
		stay_out(s, LOG_ERR, vg_error_text(error));
	else
		failed(s, vg_error_text(error));
	settled(s);
}

static void try_attach(struct vg_supervisor *s)
{
	int r;

	s->retry = sd_event_source_disable_unref(s->retry);
	if (s->disabled || !s->module || s->class || s->loader)
		return;
	if (vg_class_adopt(&s->class) == 0) {
		attached(s);
		settled(s);
		return;
	}
	if (access(s->module_btf, F_OK) < 0) {
		stay_out(s, LOG_ERR,
			 "the module vmgang has no BTF, which the class needs:"
			 " rebuild it against kernel headers with vmlinux in them,"
			 " with pahole or resolve_btfids installed");
		return;
	}
	r = vg_loader_start(s->event, on_loaded, s, &s->loader);
	if (r < 0)
		failed(s, strerror(-r));
	else
		vg_error_set(&s->why, "the class is being loaded");
}

void vg_supervisor_module(struct vg_supervisor *s, bool loaded)
{
	s->module = loaded;
	if (s->disabled)
		return;
	if (loaded) {
		try_attach(s);
		return;
	}
	s->retry = sd_event_source_disable_unref(s->retry);
	vg_loader_cancel(s->loader);
	s->loader = NULL;
	if (s->class)
		vg_class_detach(s->class);
	s->class = NULL;
	stay_out(s, LOG_NOTICE,
		 "the module vmgang is not loaded (modprobe vmgang)");
}

static void ejected(struct vg_supervisor *s)
{
	struct vg_class_exit info = {};
	vg_autofree char *text = NULL;
	bool restart = false, deliberate = false;

	if (vg_class_exit_info(s->class, &info) == 0) {
		restart = info.restart;
		deliberate = info.kind < EXIT_KIND_ERROR;
		vg_error_set(&text, "the class was ejected: kind %" PRIu32
			     ", code %" PRId64 ", %s: %s", info.kind, info.code,
			     info.reason, info.msg);
	} else {
		vg_error_set(&text, "the class was ejected for an unknown reason");
	}
	vg_class_detach(s->class);
	s->class = NULL;
	s->ejections++;
	s->quick_tries = 0;
	vg_error_set(&s->last_exit, "%s", vg_error_text(text));
	if (restart) {
		vg_info("%s; attaching it again", s->last_exit);
		vg_error_set(&s->why, "%s", s->last_exit);
		try_attach(s);
	} else if (deliberate) {
		stay_out(s, LOG_WARNING, s->last_exit);
	} else {
		failed(s, s->last_exit);
	}
}

void vg_supervisor_check(struct vg_supervisor *s)
{
	if (s->class && !vg_class_attached(s->class))
		ejected(s);
}

void vg_supervisor_reset(struct vg_supervisor *s)
{
	s->backoff = (struct vg_backoff){};
	s->quick_tries = 0;
	vg_supervisor_check(s);
	try_attach(s);
}

void vg_supervisor_done(struct vg_supervisor *s, bool detach)
{
	sd_event_source_disable_unref(s->retry);
	/* a loader that was a moment from its end may have left a class */
	vg_loader_cancel(s->loader);
	if (s->loader && detach && vg_class_adopt(&s->class) < 0)
		s->class = NULL;
	if (s->class && detach) {
		vg_class_detach(s->class);
		vg_info("the class is detached; VMs run under the default scheduler");
		vg_class_wait_unused();
	} else if (s->class) {
		vg_class_close(s->class);
		vg_info("the class stays in charge without the daemon");
	}
	free(s->module_btf);
	free(s->why);
	free(s->said);
	free(s->last_exit);
	*s = (struct vg_supervisor){};
}
