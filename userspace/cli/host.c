// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "doctor.h"
#include "util.h"
#include "vm.h"

#define NEW_KERNEL \
	"boot a kernel with sched_ext; until then vmgang observes. Debian 13:" \
	" apt install -t trixie-backports linux-image-amd64"

static void check_kernel(struct vg_doctor *d)
{
	struct utsname u;

	if (uname(&u) < 0)
		snprintf(u.release, sizeof(u.release), "?");
	if (vg_doctor_exists(d, "/sys/kernel/sched_ext/state"))
		vg_doctor_say(d, "kernel", VG_FINDING_OK, NULL,
			      "%s has sched_ext", u.release);
	else
		vg_doctor_say(d, "kernel", VG_FINDING_FAIL, NEW_KERNEL,
			      "%s has no sched_ext (CONFIG_SCHED_CLASS_EXT)",
			      u.release);
}

static void check_btf(struct vg_doctor *d)
{
	if (vg_doctor_exists(d, "/sys/kernel/btf/vmlinux"))
		vg_doctor_say(d, "kernel BTF", VG_FINDING_OK, NULL,
			      "the kernel describes its types");
	else
		vg_doctor_say(d, "kernel BTF", VG_FINDING_FAIL,
			      "boot a kernel with CONFIG_DEBUG_INFO_BTF=y, as distributions' are",
			      "/sys/kernel/btf/vmlinux is missing: no BPF scheduler can be loaded");
}

static void check_owner(struct vg_doctor *d)
{
	char state[32], ops[64];

	if (vg_doctor_read(d, "/sys/kernel/sched_ext/state", state,
			   sizeof(state)) < 0)
		return;	/* said above */
	if (vg_doctor_read(d, "/sys/kernel/sched_ext/root/ops", ops,
			   sizeof(ops)) < 0 || strcmp(state, "disabled") == 0)
		vg_doctor_say(d, "sched_ext", VG_FINDING_WARN,
			      "systemctl start vmgangd; if it runs, `vmgang` says why not",
			      "no scheduler is attached (%s)", state);
	else if (vg_class_is_ours(ops))
		vg_doctor_say(d, "sched_ext", VG_FINDING_OK, NULL,
			      "the class is attached (%s)", state);
	else
		vg_doctor_say(d, "sched_ext", VG_FINDING_FAIL,
			      "stop it: the kernel allows one; vmgangd takes over within 10 s",
			      "another scheduler is in charge: %s", ops);
}

static void say_ple(struct vg_doctor *d, const char *module, const char *name,
		    const char *value)
{
	if (strcmp(value, "0") == 0)
		vg_doctor_say(d, "PAUSE exits", VG_FINDING_WARN,
			      "gangs work, but spinning is not seen;"
			      " if the CPU can, load the KVM module without this parameter",
			      "%s: %s=0, spinning vCPUs do not exit", module,
			      name);
	else
		vg_doctor_say(d, "PAUSE exits", VG_FINDING_OK, NULL,
			      "%s: %s=%s", module, name, value);
}

static void check_kvm(struct vg_doctor *d)
{
	char value[32];

	if (vg_doctor_exists(d, "/dev/kvm"))
		vg_doctor_say(d, "KVM", VG_FINDING_OK, NULL,
			      "/dev/kvm is there");
	else
		vg_doctor_say(d, "KVM", VG_FINDING_FAIL,
			      "enable virtualisation in the firmware and load kvm_intel or kvm_amd",
			      "/dev/kvm is missing");
	if (vg_doctor_read(d, "/sys/module/kvm_intel/parameters/ple_gap",
			   value, sizeof(value)) == 0)
		say_ple(d, "kvm_intel", "ple_gap", value);
	if (vg_doctor_read(d, "/sys/module/kvm_amd/parameters/pause_filter_count",
			   value, sizeof(value)) == 0)
		say_ple(d, "kvm_amd", "pause_filter_count", value);
}

static void check_cores(struct vg_doctor *d)
{
	char active[8];
	bool smt = vg_doctor_read(d, "/sys/devices/system/cpu/smt/active",
				  active, sizeof(active)) == 0 &&
		   strcmp(active, "1") == 0;

	vg_doctor_say(d, "cores", VG_FINDING_OK, NULL, "%s", smt ?
		      "several threads each: isolate=core keeps other VMs off a VM's cores" :
		      "one thread each: isolate=core changes nothing");
}

/* Only root reads debugfs; the first CPU stands for all. */
static void check_deadline_server(struct vg_doctor *d)
{
	static const char dir[] = "/sys/kernel/debug/sched/ext_server/cpu0/";
	char path[128], runtime[32], period[32];

	if (!vg_doctor_exists(d, "/sys/kernel/debug/sched")) {
		vg_doctor_say(d, "ext server", VG_FINDING_WARN,
			      "run vmgang doctor as root, with debugfs mounted",
			      "/sys/kernel/debug/sched can not be read");
		return;
	}
	snprintf(path, sizeof(path), "%sruntime", dir);
	if (vg_doctor_read(d, path, runtime, sizeof(runtime)) < 0) {
		vg_doctor_say(d, "ext server", VG_FINDING_WARN,
			      "use a kernel of 7.0 or later where the host itself may be CPU-bound",
			      "none in this kernel: a CPU-bound host task can starve vCPUs");
		return;
	}
	snprintf(path, sizeof(path), "%speriod", dir);
	if (vg_doctor_read(d, path, period, sizeof(period)) < 0)
		snprintf(period, sizeof(period), "?");
	if (strcmp(runtime, "0") == 0)
		vg_doctor_say(d, "ext server", VG_FINDING_WARN,
			      "write 50000000 to /sys/kernel/debug/sched/ext_server/cpu*/runtime",
			      "switched off: a CPU-bound host task can starve vCPUs");
	else
		vg_doctor_say(d, "ext server", VG_FINDING_OK, NULL,
			      "vCPUs get at least %.0f ms of each %.0f ms under host load",
			      strtod(runtime, NULL) / 1e6,
			      strtod(period, NULL) / 1e6);
}

static void check_cgroup(struct vg_doctor *d)
{
	char line[512];

	if (vg_doctor_read(d, "/sys/fs/cgroup/cgroup.controllers", line,
			   sizeof(line)) < 0)
		vg_doctor_say(d, "cgroups", VG_FINDING_WARN,
			      "boot with systemd.unified_cgroup_hierarchy=1",
			      "no unified hierarchy: weights and caps of VMs are not seen");
	else if (!strstr(line, "cpu ") && !strstr(line, " cpu"))
		vg_doctor_say(d, "cgroups", VG_FINDING_WARN,
			      "remove cgroup_disable=cpu from the kernel's command line",
			      "no cpu controller: weights and caps of VMs are not seen");
	else
		vg_doctor_say(d, "cgroups", VG_FINDING_OK, NULL,
			      "cpu.weight and cpu.max are there");
}

void vg_doctor_host(struct vg_doctor *d)
{
	check_kernel(d);
	check_btf(d);
	check_kvm(d);
	check_cores(d);
	check_cgroup(d);
	check_owner(d);
	check_deadline_server(d);
}
