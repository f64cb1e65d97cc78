// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fake.h"
#include "sample.h"
#include "json.h"
#include "util.h"
#include "vm.h"

static const char *const plain[] = { "qemu", NULL };

static int open_sysfs(const struct fake *f)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/sysfs", f->dir);
	fd = vg_sysfs_open(path);
	assert_true(fd >= 0);
	return fd;
}

/* Shows that every file of a VM is read into its place. */
static void reads_everything(void **state)
{
	struct fake *f = *state;
	vg_autofd int sysfs = -1;
	struct vg_vm vm;

	fake_vm(f, 100, 7, 3, plain);
	fake_write(f, "sysfs/vms/100/policy/cosched", "gang\n");
	fake_write(f, "sysfs/vms/100/name", "db\n");
	sysfs = open_sysfs(f);
	assert_int_equal(vg_vm_read(sysfs, "100", VG_VM_STATS | VG_VM_VCPUS,
				    &vm), 0);
	assert_int_equal(vm.id, 7);
	assert_int_equal(vm.slot, 7);
	assert_int_equal(vm.pid, 100);
	assert_int_equal(vm.nr_vcpus, 3);
	assert_string_equal(vm.label, "db");
	assert_string_equal(vm.cgroup,
		"/machine.slice/machine-qemu\\x2d7\\x2dvm.scope");
	assert_string_equal(vm.knobs[VG_KNOB_COSCHED], "gang");
	assert_string_equal(vm.knobs[VG_KNOB_SLICE_US], "20000");
	assert_int_equal(vm.stats[VG_STAT_RUN_US], 1200000);
	assert_int_equal(vm.stats[VG_STAT_GANG_STOPS], 57);
	assert_int_equal(vm.stats[VG_STAT_FRAG_US], 7500);
	assert_int_equal(vm.nr_vcpus_read, 3);
	assert_int_equal(vm.vcpus[2].index, 2);
	assert_int_equal(vm.vcpus[2].tid, 102);
	assert_string_equal(vm.vcpus[2].state, "run");
	assert_string_equal(vm.vcpus[2].sched_policy, "ext");
	assert_int_equal(vm.vcpus[2].stats[VG_STAT_DIRECTED_YIELDS], 3);
	vg_vm_free(&vm);
}

/* Shows that vCPUs and VMs come in the order of their numbers. */
static void sorts(void **state)
{
	struct fake *f = *state;
	vg_autostrv char **dirs = NULL;
	vg_autofd int sysfs = -1;
	struct vg_vm vm;

	fake_vm(f, 1000, 1, 12, plain);
	fake_vm(f, 99, 2, 1, plain);
	fake_write(f, "sysfs/vms/README", "not a VM\n");
	sysfs = open_sysfs(f);
	assert_int_equal(vg_vm_list(sysfs, &dirs), 0);
	assert_int_equal(vg_strv_length(dirs), 2);
	assert_string_equal(dirs[0], "99");
	assert_int_equal(vg_vm_read(sysfs, "1000", VG_VM_VCPUS, &vm), 0);
	for (size_t i = 0; i < 12; i++)
		assert_int_equal(vm.vcpus[i].index, i);
	vg_vm_free(&vm);
}

/* Shows that a VM without any one of its files is a VM that is gone. */
static void missing_files(void **state)
{
	static const char *const files[] = {
		"id", "slot", "pid", "nr_vcpus", "name", "cgroup",
		"policy/cosched", "policy/slice_us", "policy/managed",
		"policy/reserve_period_us", "policy/reserve_slice_us",
		"policy/extratime", "reserve/booked_vcpus", "reserve/misses",
		"stats/run_us", "stats/gang_stops", "vcpus",
	};
	struct fake *f = *state;

	for (size_t i = 0; i < VG_ARRAY_SIZE(files); i++) {
		vg_autofd int sysfs = open_sysfs(f);
		char path[128];
		struct vg_vm vm;

		fake_vm(f, 100, 1, 1, plain);
		snprintf(path, sizeof(path), "sysfs/vms/100/%s", files[i]);
		fake_remove(f, path);
		assert_int_equal(vg_vm_read(sysfs, "100",
					    VG_VM_STATS | VG_VM_VCPUS, &vm),
				 -ENOENT);
		fake_remove(f, "sysfs/vms/100");
	}
}

/* Shows that a vCPU that is gone is left out, and garbage is refused. */
static void damaged(void **state)
{
	struct fake *f = *state;
	vg_autofd int sysfs = -1;
	struct vg_vm vm;

	fake_vm(f, 100, 1, 3, plain);
	sysfs = open_sysfs(f);
	fake_remove(f, "sysfs/vms/100/vcpus/1/run_us");
	assert_int_equal(vg_vm_read(sysfs, "100", VG_VM_VCPUS, &vm), 0);
	assert_int_equal(vm.nr_vcpus_read, 2);
	assert_int_equal(vm.vcpus[1].index, 2);
	vg_vm_free(&vm);
	fake_write(f, "sysfs/vms/100/pid", "99999999999\n");
	assert_int_equal(vg_vm_read(sysfs, "100", 0, &vm), -ERANGE);
	fake_write(f, "sysfs/vms/100/pid", "-1\n");
	assert_int_equal(vg_vm_read(sysfs, "100", 0, &vm), -EINVAL);
	fake_write(f, "sysfs/vms/100/pid", "\n");
	assert_int_equal(vg_vm_read(sysfs, "100", 0, &vm), -EINVAL);
	assert_int_equal(vg_vm_read(sysfs, "../..", 0, &vm), -EINVAL);
	assert_int_equal(vg_vm_read(sysfs, "", 0, &vm), -EINVAL);
	assert_int_equal(vg_vm_read(sysfs, "1234567890123456789012345678901234",
				    0, &vm), -EINVAL);
	assert_int_equal(vg_vm_read(sysfs, "101", 0, &vm), -ENOENT);
}

/* Shows that a knob is written and read back, and a dead VM's is not. */
static void writes(void **state)
{
	struct fake *f = *state;
	vg_autofd int sysfs = -1;
	char value[VG_VALUE_SIZE];

	fake_vm(f, 100, 1, 1, plain);
	sysfs = open_sysfs(f);
	assert_int_equal(vg_vm_write_knob(sysfs, "100", VG_KNOB_COSCHED,
					  "gang"), 0);
	assert_int_equal(vg_vm_read_knob(sysfs, "100", VG_KNOB_COSCHED, value),
			 0);
	assert_string_equal(value, "gang");
	assert_int_equal(vg_vm_write_label(sysfs, "100", "db"), 0);
	assert_true(fake_is(f, "sysfs/vms/100/name", "db"));
	assert_int_equal(vg_vm_write_knob(sysfs, "101", VG_KNOB_COSCHED,
					  "gang"), -ENOENT);
	fake_remove(f, "sysfs/vms/100/policy/cosched");
	assert_int_equal(vg_vm_write_knob(sysfs, "100", VG_KNOB_COSCHED,
					  "gang"), -ENOENT);
}

struct churn {
	const struct fake *f;
	volatile bool stop;
};

static void *churn(void *arg)
{
	struct churn *c = arg;

	while (!c->stop) {
		fake_vm(c->f, 100, 1, 2, plain);
		fake_remove(c->f, "sysfs/vms/100");
	}
	return NULL;
}

/* Shows that a VM that dies while it is read is whole or gone, never half. */
static void vanishing(void **state)
{
	struct fake *f = *state;
	vg_autofd int sysfs = open_sysfs(f);
	struct churn c = { .f = f };
	unsigned int whole = 0, gone = 0;
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, churn, &c), 0);
	for (int i = 0; i < 3000; i++) {
		struct vg_vm vm;
		int r = vg_vm_read(sysfs, "100", VG_VM_STATS | VG_VM_VCPUS,
				   &vm);

		if (r == 0) {
			whole++;
			assert_int_equal(vm.stats[VG_STAT_RUN_US], 800000);
			assert_true(vm.nr_vcpus_read <= 2);
			vg_vm_free(&vm);
		} else {
			assert_int_equal(r, -ENOENT);
			gone++;
		}
	}
	c.stop = true;
	pthread_join(thread, NULL);
	assert_int_equal(whole + gone, 3000);
}

static sd_json_variant *counts(int run, int ready, int costop, int wait)
{
	sd_json_variant *v = NULL;

	assert_true(sd_json_buildo(&v,
			SD_JSON_BUILD_PAIR_UNSIGNED("run_us", run),
			SD_JSON_BUILD_PAIR_UNSIGNED("ready_us", ready),
			SD_JSON_BUILD_PAIR_UNSIGNED("costop_us", costop),
			SD_JSON_BUILD_PAIR_UNSIGNED("wait_us", wait),
			SD_JSON_BUILD_PAIR_UNSIGNED("corun_us", run / 2),
			SD_JSON_BUILD_PAIR_UNSIGNED("spin_exits", run / 1000)) >= 0);
	return v;
}

/*
 * Shows esxtop's convention: the four shares of a VM are 100 times its vCPUs,
 * whatever the interval; and that time running backwards gives no share.
 */
static void shares(void **state)
{
	vg_autojson sd_json_variant *a = counts(100000, 100000, 0, 0);
	vg_autojson sd_json_variant *b = counts(1100000, 600000, 300000, 200000);
	struct vg_shares s = vg_shares(a, b, 2);

	assert_true(s.valid);
	assert_float_equal(s.run, 100.0, 1e-9);
	assert_float_equal(s.ready, 50.0, 1e-9);
	assert_float_equal(s.costop, 30.0, 1e-9);
	assert_float_equal(s.wait, 20.0, 1e-9);
	assert_float_equal(s.corun, 50.0, 1e-9);
	assert_float_equal(s.spins, 1000.0, 1e-6);
	s = vg_shares(NULL, a, 1);
	assert_float_equal(s.run + s.ready + s.costop + s.wait, 100.0, 1e-9);
	assert_false(vg_shares(b, a, 2).valid);
	assert_false(vg_shares(a, a, 2).valid);
	assert_false(vg_shares(NULL, a, 0).valid);
}

static int setup(void **state)
{
	struct fake *f = malloc(sizeof(*f));

	fake_new(f);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	fake_free(*state);
	free(*state);
	return 0;
}

int main(void)
{
#define TEST(t) cmocka_unit_test_setup_teardown(t, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(reads_everything), TEST(sorts), TEST(missing_files),
		TEST(damaged), TEST(writes), TEST(vanishing),
		cmocka_unit_test(shares),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
