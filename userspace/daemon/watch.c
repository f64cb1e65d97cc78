// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include <systemd/sd-device.h>

#include "daemon.h"
#include "log.h"
#include "util.h"

/*
 * Uevents tell of VMs at once. The scan is for what they can not tell: events
 * lost when a thousand VMs come and go in a burst, and hosts without udevd,
 * which is what hands events to sd-device.
 */
#define SCAN_US (30ULL * 1000 * 1000)
#define SCAN_WITHOUT_UDEV_US (1ULL * 1000 * 1000)
#define RECEIVE_BUFFER (8 * 1024 * 1024)

struct vg_watch {
	sd_device_monitor *monitor;
	sd_event_source *scan;
	sd_event_source *state;
	char *udev_control;
	bool without_udev;
};

static int on_device(sd_device_monitor *monitor, sd_device *device,
		     void *userdata)
{
	const char *subsystem = NULL, *name = NULL;
	struct vg_daemon *d = userdata;
	sd_device_action_t action;

	if (sd_device_get_subsystem(device, &subsystem) < 0 ||
	    sd_device_get_sysname(device, &name) < 0 ||
	    sd_device_get_action(device, &action) < 0)
		return 0;
	if (strcmp(subsystem, "module") == 0) {
		if (strcmp(name, "vmgang") == 0)
			vg_daemon_resync(d);
		return 0;
	}
	if (d->sysfs < 0)
		vg_daemon_resync(d);
	if (action == SD_DEVICE_ADD)
		vg_daemon_vm_added(d, name);
	else if (action == SD_DEVICE_REMOVE)
		vg_daemon_vm_removed(d, name);
	vg_daemon_status(d);
	return 0;
}

static int start_monitor(struct vg_daemon *d, struct vg_watch *w)
{
	int r = sd_device_monitor_new(&w->monitor);

	if (r < 0)
		return r;
	sd_device_monitor_set_receive_buffer_size(w->monitor, RECEIVE_BUFFER);
	r = sd_device_monitor_filter_add_match_subsystem_devtype(w->monitor,
								 "vmgang", NULL);
	if (r >= 0)
		r = sd_device_monitor_filter_add_match_subsystem_devtype(
			w->monitor, "module", NULL);
	if (r >= 0)
		r = sd_device_monitor_attach_event(w->monitor, d->event);
	if (r >= 0)
		r = sd_device_monitor_start(w->monitor, on_device, d);
	if (r < 0)
		w->monitor = sd_device_monitor_unref(w->monitor);
	return r;
}

static int on_scan(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct vg_daemon *d = userdata;
	bool without = !d->watch->monitor ||
		       access(d->watch->udev_control, F_OK) < 0;

	if (without != d->watch->without_udev)
		vg_info(without ?
			"udevd does not run: looking for VMs every second" :
			"udevd runs: VMs are reported as they come");
	d->watch->without_udev = without;
	vg_daemon_resync(d);
	vg_daemon_status(d);
	sd_event_source_set_time_relative(source,
			without ? SCAN_WITHOUT_UDEV_US : SCAN_US);
	return 0;
}

static int on_state(sd_event_source *source, int fd, uint32_t revents,
		    void *userdata)
{
	struct vg_daemon *d = userdata;
	char buf[16];

	/* reading from the start is what makes the file wait for the next */
	if (pread(fd, buf, sizeof(buf), 0) < 0) {
		sd_event_source_set_enabled(source, SD_EVENT_OFF);
		vg_daemon_resync(d);
		return 0;
	}
	vg_supervisor_check(&d->supervisor);
	vg_daemon_status(d);
	return 0;
}

void vg_watch_module(struct vg_daemon *d)
{
	struct vg_watch *w = d->watch;
	char buf[16];
	int fd, r;

	w->state = sd_event_source_disable_unref(w->state);
	if (d->sysfs < 0)
		return;
	fd = openat(d->sysfs, "state", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	r = pread(fd, buf, sizeof(buf), 0) < 0 ? -errno : 0;
	if (r == 0)
		r = sd_event_add_io(d->event, &w->state, fd, EPOLLPRI,
				    on_state, d);
	if (r < 0) {
		/* EPERM: an ordinary file, as in a test's tree */
		if (r != -EPERM)
			vg_warn("%s/state can not be watched: %s",
				d->paths.sysfs, strerror(-r));
		close(fd);
		return;
	}
	sd_event_source_set_io_fd_own(w->state, 1);
}

int vg_watch_start(struct vg_daemon *d)
{
	struct vg_watch *w = calloc(1, sizeof(*w));
	int r;

	if (!w)
		return -ENOMEM;
	d->watch = w;
	w->udev_control = vg_paths_in_root(&d->paths, "/run/udev/control");
	if (!w->udev_control)
		return -ENOMEM;
	r = start_monitor(d, w);
	if (r < 0)
		vg_warn("no uevents: %s", strerror(-r));
	return sd_event_add_time_relative(d->event, &w->scan, CLOCK_MONOTONIC,
					  0, 0, on_scan, d) < 0 ? -ENOMEM :
	       sd_event_source_set_enabled(w->scan, SD_EVENT_ON);
}

void vg_watch_stop(struct vg_daemon *d)
{
	struct vg_watch *w = d->watch;

	if (!w)
		return;
	sd_device_monitor_unref(w->monitor);
	sd_event_source_disable_unref(w->scan);
	sd_event_source_disable_unref(w->state);
	free(w->udev_control);
	free(w);
	d->watch = NULL;
}
