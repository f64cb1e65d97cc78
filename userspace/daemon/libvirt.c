// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "libvirt.h"
#include "log.h"
#include "newslink.h"
#include "process.h"
#include "util.h"

#define DEFAULT_URI "qemu:///system"

/* Between attempts to connect, and between looks whether libvirtd runs. */
#define RETRY_MIN_US	(1000ULL * 1000)
#define RETRY_MAX_US	(30 * RETRY_MIN_US)
#define LOOK_US		(5 * RETRY_MIN_US)

/* From the end of its socket to its own. */
#define END_US		(2 * RETRY_MIN_US)

/* A process that has done its work for so long may fail early again. */
#define STEADY_US	(60 * RETRY_MIN_US)

struct vg_libvirt {
	struct vg_libvirt_setup setup;
	char *program, *uri;
	bool local;		/* it is libvirt's default daemon of this host */
	enum vg_libvirt_state state;
	char *said;		/* the reason that was logged last */
	sd_event_source *timer;	/* until it is tried again, or ended */
	struct vg_process *process;
	struct vg_newslink *link;
	sd_event_source *io;
	uint64_t started;
	uint64_t retry_us;
};

static void try_again(struct vg_libvirt *lv, uint64_t usec);

/* Tells the log, too, when the reason is not the one before. */
static void set_state(struct vg_libvirt *lv, enum vg_libvirt_state state,
		      const char *why)
{
	bool changed = lv->state != state;

	lv->state = state;
	if (state == VG_LIBVIRT_CONNECTED) {
		vg_info("libvirt: connected to %s", why);
		free(lv->said);
		lv->said = NULL;
	} else if (!lv->said || strcmp(lv->said, why) != 0) {
		vg_log(changed ? LOG_WARNING : LOG_INFO, "libvirt: %s", why);
		vg_error_set(&lv->said, "%s", why);
	}
}

static void handle(struct vg_libvirt *lv, const struct vg_news *news)
{
	switch (news->kind) {
	case VG_NEWS_CONNECTED:
		set_state(lv, VG_LIBVIRT_CONNECTED, news->text);
		break;
	case VG_NEWS_WAITING:
		/* a connection that came to its end, not one that failed */
		if (lv->state == VG_LIBVIRT_CONNECTED)
			lv->retry_us = RETRY_MIN_US;
		set_state(lv, VG_LIBVIRT_WAITING, news->text);
		break;
	case VG_NEWS_ABSENT:
		set_state(lv, VG_LIBVIRT_ABSENT, news->text);
		break;
	default:
		lv->setup.domain(news, lv->setup.userdata);
	}
}

static int receive(struct vg_libvirt *lv)
{
	int r = vg_newslink_receive(lv->link);
	struct vg_news *news;
	bool any = false;

	while ((news = vg_newslink_next(lv->link))) {
		handle(lv, news);
		vg_news_free(news);
		any = true;
	}
	if (any)
		lv->setup.changed(lv->setup.userdata);
	return r;
}

/* The process is no more, or is being killed. */
static void let_go(struct vg_libvirt *lv)
{
	lv->io = sd_event_source_disable_unref(lv->io);
	vg_newslink_free(lv->link);
	lv->link = NULL;
	lv->process = NULL;
}

/* Later each time, unless it has lived long. */
static void back_off(struct vg_libvirt *lv)
{
	uint64_t now = lv->started, delay;

	sd_event_now(lv->setup.event, CLOCK_MONOTONIC, &now);
	if (now - lv->started > STEADY_US)
		lv->retry_us = RETRY_MIN_US;
	delay = lv->retry_us;
	lv->retry_us = delay * 2 < RETRY_MAX_US ? delay * 2 : RETRY_MAX_US;
	vg_debug("libvirt: trying again in %" PRIu64 " ms", delay / 1000);
	try_again(lv, delay);
}

static void on_end(const siginfo_t *si, void *userdata)
{
	struct vg_libvirt *lv = userdata;
	vg_autofree char *why = NULL;

	/* its last words */
	receive(lv);
	let_go(lv);
	if (lv->state == VG_LIBVIRT_ABSENT)
		return;
	if (si->si_code != CLD_EXITED)
		vg_error_set(&why, "%s was ended by signal %d; it is started again",
			     lv->program, si->si_status);
	else if (si->si_status != 0)
		vg_error_set(&why, "%s ended with status %d; it is started again",
			     lv->program, si->si_status);
	if (why) {
		set_state(lv, VG_LIBVIRT_WAITING, why);
	} else if (lv->state == VG_LIBVIRT_CONNECTED) {
		set_state(lv, VG_LIBVIRT_WAITING, "connection lost");
		lv->retry_us = RETRY_MIN_US;
	}
	back_off(lv);
	lv->setup.changed(lv->setup.userdata);
}

static void end(struct vg_libvirt *lv, const char *why)
{
	set_state(lv, VG_LIBVIRT_WAITING, why);
	vg_process_kill(lv->process);
	let_go(lv);
	back_off(lv);
	lv->setup.changed(lv->setup.userdata);
}

static int on_io(sd_event_source *source, int fd, uint32_t revents,
		 void *userdata)
{
	struct vg_libvirt *lv = userdata;
	int r = receive(lv);

	if (r == -EPIPE) {
		lv->io = sd_event_source_disable_unref(lv->io);
		try_again(lv, END_US);
	} else if (r < 0) {
		end(lv, "vmgang-libvirt sends nothing that makes sense; it is ended");
	}
	return 0;
}

static int start_process(struct vg_libvirt *lv)
{
	char *argv[] = { (char *)"vmgang-libvirt", lv->uri, NULL };
	struct vg_process_setup setup = {
		.program = lv->program, .argv = argv, .fd_as = STDIN_FILENO,
		.end = on_end, .userdata = lv,
	};
	int fds[2], r;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0)
		return -errno;
	lv->link = vg_newslink_new(fds[0]);
	if (!lv->link) {
		close(fds[0]);
		close(fds[1]);
		return -ENOMEM;
	}
	setup.fd = fds[1];
	r = vg_process_start(lv->setup.event, &setup, &lv->process);
	close(fds[1]);
	if (r == 0)
		r = sd_event_add_io(lv->setup.event, &lv->io, fds[0], EPOLLIN,
				    on_io, lv);
	/* VMs, operators and the watchdog go before what it says */
	if (r >= 0)
		r = sd_event_source_set_priority(lv->io,
						 SD_EVENT_PRIORITY_IDLE);
	if (r < 0) {
		vg_process_kill(lv->process);
		let_go(lv);
		return r;
	}
	sd_event_now(lv->setup.event, CLOCK_MONOTONIC, &lv->started);
	return 0;
}

static void start(struct vg_libvirt *lv)
{
	vg_autofree char *why = NULL;
	int r = start_process(lv);

	if (r == 0)
		return;
	vg_error_set(&why, "%s: %s", lv->program, strerror(-r));
	if (r == -ENOENT || r == -EACCES) {
		set_state(lv, VG_LIBVIRT_ABSENT, vg_error_text(why));
	} else {
		set_state(lv, VG_LIBVIRT_WAITING, vg_error_text(why));
		back_off(lv);
	}
	lv->setup.changed(lv->setup.userdata);
}

static bool process_of_pidfile(const char *path)
{
	uint64_t pid;

	return vg_read_u64(AT_FDCWD, path, &pid) == 0 &&
	       pid > 0 && pid <= INT_MAX &&
	       (kill((pid_t)pid, 0) == 0 || errno == EPERM);
}

/*
 * To connect to libvirt's socket is to start libvirtd, which an operator who
 * has stopped it would not like.
 */
static bool libvirtd_runs(const struct vg_libvirt *lv)
{
	return !lv->local || process_of_pidfile("/run/libvirtd.pid") ||
	       process_of_pidfile("/run/virtqemud.pid");
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct vg_libvirt *lv = userdata;

	lv->timer = sd_event_source_disable_unref(lv->timer);
	if (lv->process) {
		end(lv, "vmgang-libvirt has closed its socket; it is ended");
	} else if (libvirtd_runs(lv)) {
		start(lv);
	} else {
		lv->retry_us = RETRY_MIN_US;
		try_again(lv, LOOK_US);
	}
	return 0;
}

static void try_again(struct vg_libvirt *lv, uint64_t usec)
{
	int r;

	lv->timer = sd_event_source_disable_unref(lv->timer);
	r = sd_event_add_time_relative(lv->setup.event, &lv->timer,
				       CLOCK_MONOTONIC, usec, 0, on_timer, lv);
	if (r < 0)
		vg_err("can not set a timer for libvirt: %s", strerror(-r));
}

int vg_libvirt_start(struct vg_libvirt **ret,
		     const struct vg_libvirt_setup *setup)
{
	struct vg_libvirt *lv = calloc(1, sizeof(*lv));

	if (!lv)
		return -ENOMEM;
	lv->setup = *setup;
	lv->state = VG_LIBVIRT_WAITING;
	lv->retry_us = RETRY_MIN_US;
	lv->program = strdup(setup->program);
	lv->uri = strdup(setup->uri);
	if (!lv->program || !lv->uri) {
		vg_libvirt_stop(lv);
		return -ENOMEM;
	}
	lv->local = strcmp(lv->uri, DEFAULT_URI) == 0;
	try_again(lv, 0);
	*ret = lv;
	return 0;
}

enum vg_libvirt_state vg_libvirt_state(const struct vg_libvirt *lv)
{
	return lv->state;
}

const char *vg_libvirt_state_name(enum vg_libvirt_state state)
{
	switch (state) {
	case VG_LIBVIRT_ABSENT:
		return "absent";
	case VG_LIBVIRT_WAITING:
		return "waiting";
	case VG_LIBVIRT_CONNECTED:
		return "connected";
	}
	return "unknown";
}

void vg_libvirt_kick(struct vg_libvirt *lv)
{
	if (lv->timer && !lv->process)
		try_again(lv, 0);
}

void vg_libvirt_stop(struct vg_libvirt *lv)
{
	if (!lv)
		return;
	sd_event_source_disable_unref(lv->timer);
	vg_process_kill(lv->process);
	let_go(lv);
	free(lv->said);
	free(lv->program);
	free(lv->uri);
	free(lv);
}
