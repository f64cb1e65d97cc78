// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <systemd/sd-daemon.h>

#include "daemon.h"
#include "log.h"
#include "presets.h"
#include "util.h"

#define READY_TIMEOUT_US (120ULL * 1000 * 1000)

void vg_daemon_status(struct vg_daemon *d)
{
	size_t gangs = 0;

	for (size_t i = 0; i < d->vms.nr; i++) {
		const struct vg_entry *e = d->vms.entries[i];

		if (strcmp(e->resolved.value[VG_KNOB_COSCHED], "off") != 0)
			gangs++;
	}
	if (d->supervisor.why)
		sd_notifyf(false, "STATUS=observing only: %s; %zu VMs",
			   d->supervisor.why, d->vms.nr);
	else
		sd_notifyf(false, "STATUS=class in charge; %zu VMs, %zu co-scheduled",
			   d->vms.nr, gangs);
}

static void log_warnings(const struct vg_config *config)
{
	for (char **line = config->warnings; line && *line; line++)
		vg_warn("%s", *line);
}

/* Without a preset its VMs stay on the default, and say so. */
static void load_presets(void)
{
	vg_autostrv char **warnings = NULL;
	int r = vg_presets_load(&warnings);

	for (char **line = warnings; line && *line; line++)
		vg_warn("%s", *line);
	if (r < 0)
		vg_err("presets can not be read: %s", strerror(-r));
}

/* A bad configuration changes nothing. */
static void reload(struct vg_daemon *d)
{
	vg_autofree char *error = NULL;
	struct vg_config config;

	load_presets();
	if (vg_config_load(d->paths.conf, &config, &error) < 0) {
		vg_err("%s; the old configuration stays",
		       vg_error_text(error));
		vg_error_set(&d->config_error, "%s", vg_error_text(error));
		return;
	}
	log_warnings(&config);
	free(d->config_error);
	d->config_error = NULL;
	vg_config_free(&d->config);
	d->config = config;
	vg_control_reload(d);
	/* it may be another one, and metadata may mean something else now */
	vg_daemon_libvirt_stop(d);
	vg_daemon_libvirt_start(d);
	vg_daemon_resync(d);
	vg_daemon_apply_all(d);
	vg_info("configuration read again: %zu [match] sections, %zu VMs",
		d->config.nr_rules, d->vms.nr);
}

static int on_hangup(sd_event_source *source,
		     const struct signalfd_siginfo *si, void *userdata)
{
	struct vg_daemon *d = userdata;
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	sd_notifyf(false, "RELOADING=1\nMONOTONIC_USEC=%llu",
		   (unsigned long long)now.tv_sec * 1000000ULL +
		   (unsigned long long)now.tv_nsec / 1000ULL);
	reload(d);
	vg_supervisor_reset(&d->supervisor);
	sd_notify(false, "READY=1");
	vg_daemon_status(d);
	return 0;
}

/*
 * SIGTERM and SIGINT end vmgang on this host: the class is detached. SIGUSR1
 * ends the daemon alone, for another to take over; the unit has it as
 * RestartKillSignal=, so that `systemctl restart` changes nothing for VMs.
 */
static int on_end(sd_event_source *source, const struct signalfd_siginfo *si,
		  void *userdata)
{
	struct vg_daemon *d = userdata;

	d->detach = si->ssi_signo != SIGUSR1;
	sd_notify(false, "STOPPING=1");
	return sd_event_exit(d->event, 0);
}

static int add_signals(struct vg_daemon *d)
{
	static const int ends[] = { SIGTERM, SIGINT, SIGUSR1 };
	sigset_t child;
	int r;

	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigprocmask(SIG_BLOCK, &child, NULL);

	signal(SIGPIPE, SIG_IGN);
	r = sd_event_add_signal(d->event, NULL,
				SIGHUP | SD_EVENT_SIGNAL_PROCMASK, on_hangup, d);
	for (size_t i = 0; r >= 0 && i < VG_ARRAY_SIZE(ends); i++)
		r = sd_event_add_signal(d->event, NULL,
					ends[i] | SD_EVENT_SIGNAL_PROCMASK,
					on_end, d);
	return r;
}

/*
 * With a bad file there is no old configuration to keep: better no daemon, and
 * everything as it is, than VMs that lose the policy the file meant.
 */
static int load_config(struct vg_daemon *d)
{
	vg_autofree char *error = NULL;
	int r = vg_config_load(d->paths.conf, &d->config, &error);

	if (r < 0)
		vg_err("%s", vg_error_text(error));
	else
		log_warnings(&d->config);
	return r;
}

static int setup(struct vg_daemon *d)
{
	vg_autofree char *btf = NULL;
	int r;

	r = vg_paths_init(&d->paths);
	if (r == 0)
		load_presets();
	if (r == 0)
		r = load_config(d);
	if (r < 0)
		return r;
	btf = vg_paths_in_root(&d->paths, "/sys/kernel/btf/vmgang");
	if (!btf)
		return -ENOMEM;
	if (mkdir(d->paths.run, 0755) < 0 && errno != EEXIST) {
		r = -errno;
		vg_err("%s: %s", d->paths.run, strerror(-r));
		return r;
	}
	r = sd_event_default(&d->event);
	if (r >= 0)
		r = add_signals(d);
	if (r >= 0)
		r = vg_supervisor_init(&d->supervisor, d->event, btf,
				       d->options.no_class);
	if (r < 0)
		return r;
	vg_daemon_load(d);
	r = vg_control_start(d);
	if (r >= 0)
		r = vg_watch_start(d);
	return r;
}

int vg_daemon_new(const struct vg_options *options, struct vg_daemon **ret)
{
	struct vg_daemon *d = calloc(1, sizeof(*d));
	int r;

	if (!d)
		return -ENOMEM;
	d->options = *options;
	d->sysfs = -1;
	r = setup(d);
	if (r < 0) {
		vg_daemon_free(d);
		return r;
	}
	*ret = d;
	return 0;
}

/*
 * Ready is when it is known whether the class is in charge. A slow machine
 * gets the time that it needs for that, but not forever: VMs are served by
 * then, and only the state is still to change.
 */
static void ready(struct vg_daemon *d)
{
	d->ready_source = sd_event_source_disable_unref(d->ready_source);
	if (!d->ready)
		sd_notify(false, "READY=1");
	d->ready = true;
	vg_daemon_status(d);
}

static int on_ready_timeout(sd_event_source *source, uint64_t usec,
			    void *userdata)
{
	ready(userdata);
	return 0;
}

static void on_settled(void *userdata)
{
	ready(userdata);
}

static int wait_for_class(struct vg_daemon *d)
{
	sd_notifyf(false, "EXTEND_TIMEOUT_USEC=%llu\nSTATUS=loading the class",
		   READY_TIMEOUT_US + 30 * 1000000);
	return sd_event_add_time_relative(d->event, &d->ready_source,
					  CLOCK_MONOTONIC, READY_TIMEOUT_US, 0,
					  on_ready_timeout, d);
}

int vg_daemon_run(struct vg_daemon *d)
{
	int r;

	d->supervisor.settled = on_settled;
	d->supervisor.userdata = d;
	vg_daemon_resync(d);
	if (d->sysfs < 0)
		vg_warn("observing nothing: %s does not exist (modprobe vmgang)",
			d->paths.sysfs);
	if (d->options.no_class)
		vg_info("observing only: started with --no-class");
	vg_daemon_libvirt_start(d);
	r = sd_event_set_watchdog(d->event, true);
	if (r < 0)
		vg_warn("no watchdog: %s", strerror(-r));
	if (!d->supervisor.loader || wait_for_class(d) < 0)
		ready(d);
	return sd_event_loop(d->event);
}

void vg_daemon_free(struct vg_daemon *d)
{
	if (!d)
		return;
	if (d->save_source)
		vg_daemon_save(d);
	sd_event_source_disable_unref(d->ready_source);
	vg_control_stop(d);
	vg_watch_stop(d);
	vg_daemon_libvirt_stop(d);
	vg_supervisor_done(&d->supervisor, d->detach);
	vg_daemon_drop_saved(d);
	vg_vmtable_free(&d->vms);
	vg_domains_free(&d->domains);
	vg_config_free(&d->config);
	vg_paths_free(&d->paths);
	free(d->config_error);
	if (d->sysfs >= 0)
		close(d->sysfs);
	sd_event_unref(d->event);
	free(d);
}
