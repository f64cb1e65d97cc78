// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client.h"
#include "doctor.h"
#include "topology.h"
#include "util.h"
#include "version.h"
#include "vm.h"

#define HOOK "/etc/libvirt/hooks/qemu.d/50-vmgang"
#define HOOK_HELPER "/usr/sbin/vmgang-hook"

static void check_module(struct vg_doctor *d, int sysfs)
{
	char version[32];

	if (sysfs < 0 || vg_sysfs_version(sysfs, version) < 0) {
		vg_doctor_say(d, "module", VG_FINDING_FAIL, "modprobe vmgang",
			      "the module vmgang is not loaded");
		return;
	}
	if (strcmp(version, VMGANG_VERSION) != 0)
		vg_doctor_say(d, "module", VG_FINDING_WARN,
			      "stop vmgangd, reload the module, start vmgangd",
			      "version %s is loaded, the tools are " VMGANG_VERSION,
			      version);
	else
		vg_doctor_say(d, "module", VG_FINDING_OK, NULL,
			      "vmgang %s is loaded", version);
	if (vg_doctor_exists(d, "/sys/kernel/btf/vmgang"))
		vg_doctor_say(d, "module BTF", VG_FINDING_OK, NULL,
			      "the module describes its types");
	else
		vg_doctor_say(d, "module BTF", VG_FINDING_FAIL,
			      "rebuild it against kernel headers with vmlinux in them,"
			      " with pahole or resolve_btfids installed",
			      "/sys/kernel/btf/vmgang is missing: the class can not load");
}

/* The daemon's own words, or NULL. */
static sd_json_variant *check_daemon(struct vg_doctor *d)
{
	sd_json_variant *status = NULL;
	vg_autofree char *error = NULL;
	int r = vg_fetch_daemon(d->cli, &error);

	if (r == 0)
		r = vg_client_call(d->cli->link, "Status", NULL, &status,
				   &error);
	if (r < 0)
		vg_doctor_say(d, "daemon", VG_FINDING_FAIL, r == -EACCES ?
			      "run vmgang doctor as root or as a member of vmgangd's Group=" :
			      "systemctl start vmgangd; journalctl -u vmgangd says why it ended",
			      "%s", vg_error_text(error));
	else if (vg_json_string(status, "class_error", NULL))
		vg_doctor_say(d, "daemon", VG_FINDING_WARN,
			      "the reason names what to do",
			      "vmgangd %s observes only: %s",
			      vg_json_string(status, "version", "?"),
			      vg_json_string(status, "class_error", "?"));
	else
		vg_doctor_say(d, "daemon", VG_FINDING_OK, NULL,
			      "vmgangd %s runs, the class is in charge",
			      vg_json_string(status, "version", "?"));
	if (status && vg_json_string(status, "config_error", NULL))
		vg_doctor_say(d, "configuration", VG_FINDING_FAIL,
			      "correct that line and systemctl reload vmgangd",
			      "%s", vg_json_string(status, "config_error", "?"));
	return status;
}

static bool libvirt_installed(const struct vg_doctor *d)
{
	return vg_doctor_exists(d, "/usr/sbin/libvirtd") ||
	       vg_doctor_exists(d, "/usr/sbin/virtqemud") ||
	       vg_doctor_exists(d, "/etc/libvirt/qemu.conf");
}

/* libvirt looks for hooks once, when it starts. */
static bool libvirtd_is_older(const struct vg_doctor *d,
			      const struct stat *hook)
{
	static const char *const pidfiles[] = {
		"/run/libvirtd.pid", "/run/virtqemud.pid",
	};

	for (size_t i = 0; i < VG_ARRAY_SIZE(pidfiles); i++) {
		vg_autofree char *path = vg_paths_in_root(&d->cli->paths,
							  pidfiles[i]);
		struct stat st;

		if (path && stat(path, &st) == 0 &&
		    st.st_mtime < hook->st_ctime)
			return true;
	}
	return false;
}

static void check_hook_files(struct vg_doctor *d)
{
	vg_autofree char *path = vg_paths_in_root(&d->cli->paths, HOOK);
	struct stat st;

	if (!path)
		return;
	if (lstat(path, &st) < 0) {
		vg_doctor_say(d, "libvirt hook", VG_FINDING_WARN,
			      "install it as " HOOK " and restart libvirtd",
			      HOOK ": %s", strerror(errno));
		return;
	}
	if (!S_ISREG(st.st_mode) || !(st.st_mode & 0100))
		vg_doctor_say(d, "libvirt hook", VG_FINDING_FAIL,
			      "install it as a file with mode 0755: AppArmor refuses links",
			      HOOK " is not an executable file");
	else if (!vg_doctor_exists(d, HOOK_HELPER))
		vg_doctor_say(d, "libvirt hook", VG_FINDING_FAIL,
			      "install vmgang-hook",
			      HOOK_HELPER ", which the hook runs, is missing");
	else if (libvirtd_is_older(d, &st))
		vg_doctor_say(d, "libvirt hook", VG_FINDING_WARN,
			      "systemctl restart libvirtd (or virtqemud); running domains go on",
			      HOOK " is newer than libvirtd, which has not noticed it");
	else
		vg_doctor_say(d, "libvirt hook", VG_FINDING_OK, NULL,
			      HOOK " is installed");
}

static void check_libvirt(struct vg_doctor *d, sd_json_variant *status)
{
	const char *state = status ? vg_json_string(status, "libvirt", "off")
				   : "off";

	if (!libvirt_installed(d)) {
		vg_doctor_say(d, "libvirt", VG_FINDING_OK, NULL,
			      "not installed: policies come from the configuration and vmgang set");
		return;
	}
	check_hook_files(d);
	if (!status)
		return;
	if (strcmp(state, "connected") == 0)
		vg_doctor_say(d, "libvirt", VG_FINDING_OK, NULL,
			      "vmgangd is connected");
	else
		vg_doctor_say(d, "libvirt", VG_FINDING_WARN,
			      "systemctl start libvirtd, or set LibvirtUri= in vmgangd.conf;"
			      " until then live edits of metadata are not seen",
			      "vmgangd's connection is %s", state);
}

/* vCPUs of real-time policies outrank the class, which leaves them alone. */
static size_t count_realtime(const struct vg_vm *vm)
{
	static const char *const realtime[] = { "fifo", "rr", "deadline" };
	size_t n = 0;

	for (size_t i = 0; i < vm->nr_vcpus_read; i++)
		for (size_t p = 0; p < VG_ARRAY_SIZE(realtime); p++)
			n += strcmp(vm->vcpus[i].sched_policy, realtime[p]) == 0;
	return n;
}

/* pCPUs in the host's largest cell; 0: not known. */
static uint32_t largest_cell(const struct vg_doctor *d)
{
	vg_autofree char *root = vg_paths_in_root(&d->cli->paths,
						  "/sys/devices/system/cpu");
	uint32_t size[VG_TOPOLOGY_CPUS] = {}, most = 0;
	struct vg_topology t;

	if (!root || vg_topology_read(&t, root) < 0)
		return 0;
	for (uint32_t i = 0; i < t.nr_cpus; i++)
		if (t.cell[i] < VG_TOPOLOGY_CPUS && ++size[t.cell[i]] > most)
			most = size[t.cell[i]];
	return most;
}

/* A gang that is wider than any cell is scheduled as relaxed. */
static bool check_width(struct vg_doctor *d, const struct vg_vm *vm,
			uint32_t cell)
{
	const char *cosched = vm->knobs[VG_KNOB_COSCHED];

	if (!cell || vm->nr_vcpus <= cell ||
	    (strcmp(cosched, "gang") != 0 && strcmp(cosched, "strict") != 0 &&
	     strcmp(cosched, "adaptive") != 0))
		return true;
	vg_doctor_say(d, "width", VG_FINDING_WARN,
		      "give the domain fewer vCPUs if they have to run together",
		      "VM %s (%s): with all of its %u vCPUs busy cosched=%s is as"
		      " %s: %u pCPUs are scheduled together at most",
		      vm->dir, vm->label[0] ? vm->label : "no name",
		      vm->nr_vcpus, cosched,
		      strcmp(cosched, "strict") == 0 ? "off" : "relaxed", cell);
	return false;
}

/* vCPUs that came when all that can be booked was. */
static void check_reserve(struct vg_doctor *d, const struct vg_vm *vm)
{
	if (strcmp(vm->knobs[VG_KNOB_RESERVE_SLICE_US], "0") != 0 &&
	    vm->reserve.capacity_ppm && vm->reserve.booked_vcpus < vm->nr_vcpus)
		vg_doctor_say(d, "reservations", VG_FINDING_WARN,
			      "reserve less, here or for others, and set it again",
			      "VM %s (%s): %u of %u vCPUs have none: no room",
			      vm->dir, vm->label[0] ? vm->label : "no name",
			      vm->nr_vcpus - vm->reserve.booked_vcpus,
			      vm->nr_vcpus);
	if (vm->reserve.misses)
		vg_doctor_say(d, "reservations", VG_FINDING_WARN,
			      "is the host's own work, or a cap, in the way?",
			      "VM %s (%s): not met in %llu periods", vm->dir,
			      vm->label[0] ? vm->label : "no name",
			      (unsigned long long)vm->reserve.misses);
}

/* The class keeps to the VM's own cap only. */
static void check_caps_above(struct vg_doctor *d, const struct vg_vm *vm)
{
	vg_autofree char *group = strdup(vm->cgroup ? vm->cgroup : "");
	char path[PATH_MAX], cap[64], *slash;

	if (!group)
		return;
	while ((slash = strrchr(group, '/')) && slash != group) {
		*slash = '\0';
		snprintf(path, sizeof(path), "/sys/fs/cgroup%s/cpu.max", group);
		if (vg_doctor_read(d, path, cap, sizeof(cap)) < 0 ||
		    strncmp(cap, "max", strlen("max")) == 0)
			continue;
		vg_doctor_say(d, "caps", VG_FINDING_WARN,
			      "set cpu.max of the VMs in it instead",
			      "VM %s (%s): cpu.max of %s is not kept", vm->dir,
			      vm->label[0] ? vm->label : "no name", group);
	}
}

static void check_vms(struct vg_doctor *d, int sysfs)
{
	uint32_t cell = largest_cell(d);
	size_t wide = 0;
	vg_autostrv char **dirs = NULL;
	size_t vms = 0, bad = 0;

	if (sysfs < 0 || vg_vm_list(sysfs, &dirs) < 0)
		return;
	for (char **dir = dirs; dir && *dir; dir++) {
		struct vg_vm vm;
		size_t n;

		if (vg_vm_read(sysfs, *dir, VG_VM_VCPUS, &vm) < 0)
			continue;
		vms++;
		wide += !check_width(d, &vm, cell);
		check_reserve(d, &vm);
		check_caps_above(d, &vm);
		n = count_realtime(&vm);
		if (n > 0) {
			bad++;
			vg_doctor_say(d, "real-time vCPUs", VG_FINDING_WARN,
				      "remove <vcpusched> from the domain's <cputune>",
				      "VM %s (%s): %zu vCPUs are fifo, rr or deadline",
				      *dir, vm.label[0] ? vm.label : "no name",
				      n);
		}
		vg_vm_free(&vm);
	}
	if (wide == 0)
		vg_doctor_say(d, "width", VG_FINDING_OK, NULL,
			      "no gang is wider than its cell");
	if (bad == 0)
		vg_doctor_say(d, "real-time vCPUs", VG_FINDING_OK, NULL,
			      "none in %zu VMs", vms);
}

void vg_doctor_parts(struct vg_doctor *d)
{
	vg_autojson sd_json_variant *status = NULL;
	vg_autofd int sysfs = vg_sysfs_open(d->cli->paths.sysfs);

	check_module(d, sysfs);
	status = check_daemon(d);
	check_libvirt(d, status);
	check_vms(d, sysfs);
}
