// SPDX-License-Identifier: GPL-2.0-only
/* Each verb of vmgang, with and without vmgangd. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host.h"

static double share(sd_json_variant *vm, const char *name)
{
	return sd_json_variant_real(sd_json_variant_by_key(
			sd_json_variant_by_key(vm, "shares"), name));
}

/* Shows every verb's JSON and exit status with the daemon. */
static void with_daemon(void **state)
{
	vg_autojson sd_json_variant *v = NULL, *w = NULL, *x = NULL, *y = NULL;
	struct host *h = *state;
	sd_json_variant *vm;
	char out[65536];

	fake_vm(&h->fake, 100, 1, 2, db);
	fake_vm(&h->fake, 200, 2, 4, anonymous);
	start(h);
	assert_int_equal(cli("--json -i 0", out, sizeof(out), &v), 0);
	assert_string_equal(vg_json_string(v, "state", ""), "observe");
	vm = sd_json_variant_by_index(sd_json_variant_by_key(v, "vms"), 1);
	assert_float_equal(share(vm, "run"), 160, 1e-6);
	assert_float_equal(share(vm, "ready"), 120, 1e-6);
	assert_float_equal(share(vm, "costop"), 80, 1e-6);
	assert_float_equal(share(vm, "wait"), 40, 1e-6);
	assert_float_equal(share(vm, "corun"), 50, 1e-6);
	assert_float_equal(share(vm, "spin_exits_per_s"), 100, 1e-6);
	assert_int_equal(cli("list -j", out, sizeof(out), &w), 0);
	assert_int_equal(sd_json_variant_elements(
			sd_json_variant_by_key(w, "vms")), 2);
	assert_int_equal(cli("show db --json", out, sizeof(out), &x), 0);
	assert_string_equal(vg_json_string(x, "uuid", ""), UUID_A);
	assert_int_equal(sd_json_variant_elements(
			sd_json_variant_by_key(x, "vcpus")), 2);
	assert_int_equal(cli("set db cosched=gang --json", out, sizeof(out),
			     &y), 0);
	assert_string_equal(policy_of(y, "cosched", "value"), "gang");
	assert_true(fake_is(&h->fake, "sysfs/vms/100/policy/cosched", "gang"));

	assert_int_equal(cli("set db cosched=always", out, sizeof(out), NULL), 2);
	assert_string_equal(out,
		"vmgang: cosched: unknown value \"always\" (allowed: "
		"off, strict, gang, relaxed, adaptive)\n");
	assert_int_equal(cli("set db", out, sizeof(out), NULL), 2);
	assert_int_equal(cli("frobnicate", out, sizeof(out), NULL), 2);
	assert_int_equal(cli("--colour", out, sizeof(out), NULL), 2);
	assert_int_equal(cli("-i -1", out, sizeof(out), NULL), 2);
	assert_int_equal(cli("show nobody", out, sizeof(out), NULL), 1);
	assert_string_equal(out, "vmgang: no VM is called \"nobody\", by name, uuid or pid\n");
	assert_int_equal(cli("help", out, sizeof(out), NULL), 0);
	assert_int_equal(cli("--version", out, sizeof(out), NULL), 0);
	assert_string_equal(out, "vmgang 0.1.0\n");
	assert_int_equal(cli("-i 0.1", out, sizeof(out), NULL), 0);
	assert_non_null(strstr(out, "observing only, 2 VMs, 2 co-scheduled"));
}

/* Shows that list, show and the state need no daemon, and set says so. */
static void without_daemon(void **state)
{
	vg_autojson sd_json_variant *v = NULL, *w = NULL;
	struct host *h = *state;
	char out[65536];

	fake_vm(&h->fake, 100, 1, 2, db);
	fake_vm(&h->fake, 200, 2, 2, web);
	assert_int_equal(cli("list --json", out, sizeof(out), &v),
			 0);
	assert_string_equal(policy_of(sd_json_variant_by_index(
			sd_json_variant_by_key(v, "vms"), 0), "cosched",
			"source"), "unknown");
	assert_int_equal(cli("show web -j", out, sizeof(out), &w),
			 0);
	assert_int_equal(vg_json_u64(w, "pid"), 200);
	assert_int_equal(cli("-i 0", out, sizeof(out), NULL), 0);
	assert_non_null(strstr(out, "vmgangd does not run"));
	assert_int_equal(cli("set db cosched=off", out, sizeof(out), NULL), 1);
	assert_string_equal(out, "vmgang: vmgangd does not run (systemctl start vmgangd)\n");
	fake_remove(&h->fake, "sysfs");
	assert_int_equal(cli("list", out, sizeof(out), NULL), 1);
	assert_non_null(strstr(out, "modprobe vmgang"));
}

/* Shows check on good, warned, bad, missing and huge domain files. */
static void check(void **state)
{
#define XML(inside) \
	"<domain type='kvm'><name>db</name><uuid>" UUID_A "</uuid><metadata>" \
	"<vmgang:domain xmlns:vmgang='urn:vmgang:domain:1'>" inside \
	"</vmgang:domain></metadata></domain>\n"
	vg_autojson sd_json_variant *v = NULL;
	struct host *h = *state;
	char out[65536], words[256];

	snprintf(words, sizeof(words), "check %s/xml", h->fake.dir);
	fake_write(&h->fake, "xml", XML("<vmgang:policy preset='esx'/>"));
	assert_int_equal(cli(words, out, sizeof(out), NULL), 0);
	assert_string_equal(out, "db: preset=esx\n");
	fake_write(&h->fake, "xml", XML("<vmgang:policy preset='fast'/>"));
	assert_int_equal(cli(words, out, sizeof(out), NULL), 1);
	assert_non_null(strstr(out, "allowed: adaptive, esx, "));
	snprintf(words, sizeof(words), "check --json %s/xml", h->fake.dir);
	assert_int_equal(cli(words, out, sizeof(out), &v), 1);
	assert_int_equal(sd_json_variant_elements(
			sd_json_variant_by_key(v, "errors")), 1);
	fake_write(&h->fake, "xml", "not xml");
	assert_int_equal(cli(words, out, sizeof(out), NULL), 1);
	assert_int_equal(cli("check /nonexistent", out, sizeof(out), NULL), 1);
	assert_int_equal(cli("check /dev/zero", out, sizeof(out), NULL), 1);
#undef XML
}

static void make_dirs(struct host *h, const char *path)
{
	char command[512];

	snprintf(command, sizeof(command), "mkdir -p '%s/root/%s'",
		 h->fake.dir, path);
	assert_int_equal(system(command), 0);
}

static const char *result_of(sd_json_variant *v, const char *name)
{
	sd_json_variant *findings = sd_json_variant_by_key(v, "findings");

	for (size_t i = 0; i < sd_json_variant_elements(findings); i++) {
		sd_json_variant *f = sd_json_variant_by_index(findings, i);

		if (strcmp(vg_json_string(f, "name", ""), name) == 0)
			return vg_json_string(f, "result", "");
	}
	return "absent";
}

/* Shows the doctor on a bare host and on one where everything is right. */
static void doctor(void **state)
{
	vg_autojson sd_json_variant *v = NULL, *w = NULL, *wide = NULL;
	struct host *h = *state;
	char out[65536];

	fake_vm(&h->fake, 100, 1, 2, db);
	fake_write(&h->fake, "sysfs/vms/100/vcpus/0/sched_policy", "fifo\n");
	assert_int_equal(cli("doctor --json", out, sizeof(out), &v), 1);
	assert_string_equal(result_of(v, "kernel"), "fail");
	assert_string_equal(result_of(v, "KVM"), "fail");
	assert_string_equal(result_of(v, "module"), "ok");
	assert_string_equal(result_of(v, "module BTF"), "fail");
	assert_string_equal(result_of(v, "daemon"), "fail");
	assert_string_equal(result_of(v, "real-time vCPUs"), "warn");

	make_dirs(h, "sys/kernel/sched_ext/root");
	make_dirs(h, "sys/kernel/btf");
	make_dirs(h, "sys/fs/cgroup");
	make_dirs(h, "sys/kernel/debug/sched/ext_server/cpu0");
	make_dirs(h, "sys/module/kvm_amd/parameters");
	make_dirs(h, "dev");
	make_dirs(h, "sys/devices/system/cpu/smt");
	fake_write(&h->fake, "root/sys/devices/system/cpu/smt/active", "0\n");
	fake_write(&h->fake, "root/sys/devices/system/cpu/online", "0\n");
	fake_write(&h->fake, "root/sys/kernel/sched_ext/state", "enabled\n");
	fake_write(&h->fake, "root/sys/kernel/sched_ext/root/ops", "vmgang\n");
	fake_write(&h->fake, "root/sys/kernel/btf/vmlinux", "x");
	fake_write(&h->fake, "root/sys/kernel/btf/vmgang", "x");
	fake_write(&h->fake, "root/sys/fs/cgroup/cgroup.controllers",
		   "cpuset cpu io\n");
	fake_write(&h->fake, "root/sys/kernel/debug/sched/ext_server/cpu0/runtime",
		   "50000000\n");
	fake_write(&h->fake, "root/sys/kernel/debug/sched/ext_server/cpu0/period",
		   "1000000000\n");
	fake_write(&h->fake, "root/sys/module/kvm_amd/parameters/pause_filter_count",
		   "3000\n");
	fake_write(&h->fake, "root/dev/kvm", "x");
	fake_write(&h->fake, "sysfs/vms/100/vcpus/0/sched_policy", "ext\n");
	fake_write(&h->fake, "conf", "[vmgangd]\nDefault=xen-credit\n");
	start(h);
	assert_int_equal(cli("doctor --json", out, sizeof(out), &w), 0);
	assert_string_equal(result_of(w, "kernel"), "ok");
	assert_string_equal(result_of(w, "sched_ext"), "ok");
	assert_string_equal(result_of(w, "ext server"), "ok");
	assert_string_equal(result_of(w, "PAUSE exits"), "ok");
	assert_string_equal(result_of(w, "cgroups"), "ok");
	assert_string_equal(result_of(w, "libvirt"), "ok");
	assert_string_equal(result_of(w, "real-time vCPUs"), "ok");
	assert_string_equal(result_of(w, "width"), "ok");
	/* --no-class is the one thing left to warn about */
	assert_string_equal(result_of(w, "daemon"), "warn");
	assert_int_equal(cli("doctor", out, sizeof(out), NULL), 0);
	assert_non_null(strstr(out, "50 ms of each 1000 ms"));
	assert_non_null(strstr(out, "one thread each: isolate=core changes nothing"));
	fake_write(&h->fake, "root/sys/devices/system/cpu/smt/active", "1\n");
	assert_int_equal(cli("doctor", out, sizeof(out), NULL), 0);
	assert_non_null(strstr(out, "several threads each"));
	/* two vCPUs on one pCPU can not be a gang */
	fake_write(&h->fake, "sysfs/vms/100/policy/cosched", "gang\n");
	assert_int_equal(cli("doctor --json", out, sizeof(out), &wide), 0);
	assert_string_equal(result_of(wide, "width"), "warn");
}

int main(void)
{
#define TEST(t) cmocka_unit_test_setup_teardown(t, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(with_daemon), TEST(without_daemon), TEST(check),
		TEST(doctor),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
