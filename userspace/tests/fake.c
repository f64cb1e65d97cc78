// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fake.h"

static void make_dir(const struct fake *f, const char *path)
{
	char full[256];

	snprintf(full, sizeof(full), "%s/%s", f->dir, path);
	assert_true(mkdir(full, 0755) == 0 || errno == EEXIST);
}

static void set_env(const struct fake *f, const char *variable,
		    const char *path)
{
	char full[256];

	snprintf(full, sizeof(full), "%s/%s", f->dir, path);
	setenv(variable, full, 1);
}

void fake_new(struct fake *f)
{
	strcpy(f->dir, "/tmp/vmgang-test-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	assert_int_equal(chmod(f->dir, 0755), 0);
	make_dir(f, "sysfs");
	make_dir(f, "sysfs/vms");
	make_dir(f, "proc");
	make_dir(f, "run");
	make_dir(f, "root");
	fake_write(f, "sysfs/version", "0.1.0\n");
	fake_write(f, "sysfs/state", "observe\n");
	fake_write(f, "sysfs/nr_vms", "0\n");
	fake_write(f, "sysfs/cosched_values", "off gang adaptive\n");
	fake_write(f, "sysfs/guard_values", "off kernel\n");
	fake_write(f, "sysfs/spin_values", "off yield\n");
	fake_write(f, "sysfs/isolate_values", "off core\n");
	set_env(f, "VMGANG_ROOT", "root");
	set_env(f, "VMGANG_SYSFS", "sysfs");
	set_env(f, "VMGANG_PROC", "proc");
	set_env(f, "VMGANG_RUN", "run");
	set_env(f, "VMGANG_CONF", "conf");
}

static int remove_one(const char *path, const struct stat *st, int type,
		      struct FTW *ftw)
{
	return remove(path);
}

void fake_free(struct fake *f)
{
	nftw(f->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

void fake_write(const struct fake *f, const char *path, const char *fmt, ...)
{
	char full[256];
	va_list ap;
	FILE *file;

	snprintf(full, sizeof(full), "%s/%s", f->dir, path);
	file = fopen(full, "w");
	assert_non_null(file);
	va_start(ap, fmt);
	vfprintf(file, fmt, ap);
	va_end(ap);
	assert_int_equal(fclose(file), 0);
}

char *fake_read(const struct fake *f, const char *path)
{
	char full[256], *text;
	FILE *file;
	size_t n;

	snprintf(full, sizeof(full), "%s/%s", f->dir, path);
	file = fopen(full, "r");
	if (!file)
		return strdup("");
	text = calloc(1, 65536);
	assert_non_null(text);
	n = fread(text, 1, 65535, file);
	text[n] = '\0';
	fclose(file);
	return text;
}

bool fake_is(const struct fake *f, const char *path, const char *text)
{
	char *have = fake_read(f, path);
	bool same;

	have[strcspn(have, "\n")] = '\0';
	same = strcmp(have, text) == 0;
	free(have);
	return same;
}

void fake_remove(const struct fake *f, const char *path)
{
	char full[256];

	snprintf(full, sizeof(full), "%s/%s", f->dir, path);
	nftw(full, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* Each vCPU: 40 % run, 30 % ready, 20 % co-stop, 10 % wait of a second. */
static void write_counts(const struct fake *f, const char *dir, int factor)
{
	static const struct {
		const char *name;
		int value;
	} counts[] = {
		{ "run_us", 400000 }, { "ready_us", 300000 },
		{ "costop_us", 200000 }, { "wait_us", 100000 },
		{ "corun_us", 200000 }, { "preemptions", 5 },
		{ "preemptions_in_kernel", 1 }, { "preemptions_in_lock", 0 },
		{ "spin_exits", 25 },
		{ "spin_verdicts", 4 }, { "directed_yields", 3 },
		{ "guard_extensions", 6 }, { "guard_expiries", 1 },
		{ "guard_asks", 2 },
		{ "guarded_us", 2345 }, { "guard_max_us", 1003 },
		{ "skew_max_us", 1234 },
		{ "gang_starts", 20 }, { "gang_stops", 19 },
		{ "frag_us", 2500 },
	};
	char path[128];

	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, counts[i].name);
		fake_write(f, path, "%d\n", counts[i].value * factor);
	}
}

static void write_vcpu(const struct fake *f, int index, int tid)
{
	char dir[64], path[128];

	snprintf(dir, sizeof(dir), "new/vcpus/%d", index);
	make_dir(f, dir);
	snprintf(path, sizeof(path), "%s/tid", dir);
	fake_write(f, path, "%d\n", tid);
	snprintf(path, sizeof(path), "%s/state", dir);
	fake_write(f, path, "run\n");
	snprintf(path, sizeof(path), "%s/sched_policy", dir);
	fake_write(f, path, "ext\n");
	write_counts(f, dir, 1);
}

static void write_cmdline(const struct fake *f, int pid,
			  const char *const *cmdline)
{
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "proc/%d", pid);
	make_dir(f, path);
	snprintf(path, sizeof(path), "%s/proc/%d/cmdline", f->dir, pid);
	file = fopen(path, "w");
	assert_non_null(file);
	for (; *cmdline; cmdline++)
		fwrite(*cmdline, 1, strlen(*cmdline) + 1, file);
	fclose(file);
}

void fake_vm(const struct fake *f, int pid, int id, int nr_vcpus,
	     const char *const *cmdline)
{
	char from[128], to[128];

	write_cmdline(f, pid, cmdline);
	/* built aside and moved: the kernel, too, shows complete VMs only */
	make_dir(f, "new");
	make_dir(f, "new/policy");
	make_dir(f, "new/reserve");
	make_dir(f, "new/stats");
	make_dir(f, "new/vcpus");
	fake_write(f, "new/id", "%d\n", id);
	fake_write(f, "new/slot", "%d\n", id);
	fake_write(f, "new/pid", "%d\n", pid);
	fake_write(f, "new/nr_vcpus", "%d\n", nr_vcpus);
	fake_write(f, "new/name", "\n");
	fake_write(f, "new/cgroup",
		   "/machine.slice/machine-qemu\\x2d%d\\x2dvm.scope\n", id);
	fake_write(f, "new/policy/cosched", "off\n");
	fake_write(f, "new/policy/spin", "off\n");
	fake_write(f, "new/policy/guard", "off\n");
	fake_write(f, "new/policy/guard_us", "1000\n");
	fake_write(f, "new/policy/skew_us", "5000\n");
	fake_write(f, "new/policy/isolate", "off\n");
	fake_write(f, "new/policy/slice_us", "20000\n");
	fake_write(f, "new/policy/managed", "1\n");
	fake_write(f, "new/policy/reserve_period_us", "0\n");
	fake_write(f, "new/policy/reserve_slice_us", "0\n");
	fake_write(f, "new/policy/extratime", "1\n");
	fake_write(f, "new/reserve/booked_vcpus", "0\n");
	fake_write(f, "new/reserve/cell_capacity_ppm", "1900000\n");
	fake_write(f, "new/reserve/cell_booked_ppm", "650000\n");
	fake_write(f, "new/reserve/cell_free_max_ppm", "700000\n");
	fake_write(f, "new/reserve/misses", "0\n");
	write_counts(f, "new/stats", nr_vcpus);
	for (int i = 0; i < nr_vcpus; i++)
		write_vcpu(f, i, pid + i);
	snprintf(from, sizeof(from), "%s/new", f->dir);
	snprintf(to, sizeof(to), "%s/sysfs/vms/%d", f->dir, pid);
	assert_int_equal(rename(from, to), 0);
}
