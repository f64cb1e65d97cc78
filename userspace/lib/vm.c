// SPDX-License-Identifier: GPL-2.0-only
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "util.h"
#include "vm.h"

#define CGROUP_PATH_MAX 8192
#define VCPUS_MAX 4096

static const char *const stat_names[VG_NR_STATS] = {
	[VG_STAT_RUN_US] = "run_us",
	[VG_STAT_READY_US] = "ready_us",
	[VG_STAT_COSTOP_US] = "costop_us",
	[VG_STAT_WAIT_US] = "wait_us",
	[VG_STAT_CORUN_US] = "corun_us",
	[VG_STAT_PREEMPTIONS] = "preemptions",
	[VG_STAT_PREEMPTIONS_IN_KERNEL] = "preemptions_in_kernel",
	[VG_STAT_PREEMPTIONS_IN_LOCK] = "preemptions_in_lock",
	[VG_STAT_SPIN_EXITS] = "spin_exits",
	[VG_STAT_SPIN_VERDICTS] = "spin_verdicts",
	[VG_STAT_DIRECTED_YIELDS] = "directed_yields",
	[VG_STAT_GUARD_EXTENSIONS] = "guard_extensions",
	[VG_STAT_GUARD_EXPIRIES] = "guard_expiries",
	[VG_STAT_GUARD_ASKS] = "guard_asks",
	[VG_STAT_GUARDED_US] = "guarded_us",
	[VG_STAT_GUARD_MAX_US] = "guard_max_us",
	[VG_STAT_SKEW_MAX_US] = "skew_max_us",
	[VG_STAT_GANG_STARTS] = "gang_starts",
	[VG_STAT_GANG_STOPS] = "gang_stops",
	[VG_STAT_FRAG_US] = "frag_us",
};

const char *vg_stat_name(enum vg_stat stat)
{
	return stat_names[stat];
}

/* An attribute of a dead VM reads as ENODEV, its directory as ENOENT. */
static int gone(int r)
{
	return r == -ENODEV || r == -ESRCH ? -ENOENT : r;
}

int vg_sysfs_open(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

int vg_sysfs_state(int sysfs, char state[static 16])
{
	return gone(vg_read_line(sysfs, "state", state, 16));
}

int vg_sysfs_version(int sysfs, char version[static 32])
{
	return gone(vg_read_line(sysfs, "version", version, 32));
}

void vg_sysfs_offers(int sysfs, struct vg_offers *ret)
{
	for (int k = 0; k < VG_NR_KNOBS; k++) {
		char file[64];

		snprintf(file, sizeof(file), "%s_values",
			 vg_knob_name((enum vg_knob)k));
		if (sysfs < 0 || vg_read_line(sysfs, file, ret->values[k],
					      sizeof(ret->values[k])) < 0)
			ret->values[k][0] = '\0';
	}
}

bool vg_offers(const struct vg_offers *offers, enum vg_knob knob,
	       const char *value)
{
	const char *at = offers->values[knob];
	size_t n = strlen(value);

	if (!*at)
		return true;
	while (*at) {
		size_t len = strcspn(at, " ");

		if (len == n && strncmp(at, value, n) == 0)
			return true;
		at += len + (at[len] == ' ');
	}
	return false;
}

/* The kernel may append more to the name, after an underscore or a blank. */
bool vg_class_is_ours(const char *ops)
{
	static const char ours[] = "vmgang";
	size_t n = sizeof(ours) - 1;

	return strncmp(ops, ours, n) == 0 && ops[n] != '.' &&
	       !isalnum((unsigned char)ops[n]);
}

static int open_vm(int sysfs, const char *dir)
{
	char path[sizeof("vms/") + VG_DIR_SIZE];
	int fd, n;

	if (!*dir || *dir == '.' || strchr(dir, '/'))
		return -EINVAL;
	n = snprintf(path, sizeof(path), "vms/%s", dir);
	if (n < 0 || (size_t)n >= sizeof(path))
		return -EINVAL;
	fd = openat(sysfs, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? gone(-errno) : fd;
}

static int by_number(const void *a, const void *b)
{
	const char *x = *(char *const *)a, *y = *(char *const *)b;
	long m = strtol(x, NULL, 10), n = strtol(y, NULL, 10);

	return m != n ? (m > n) - (m < n) : strcmp(x, y);
}

/* Names of the subdirectories of dirfd/path, sorted by their number. */
static int list_directories(int dirfd, const char *path, size_t max,
			    char ***ret)
{
	vg_autostrv char **list = NULL;
	struct dirent *entry;
	size_t n = 0;
	DIR *dir;
	int fd;

	fd = openat(dirfd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return gone(-errno);
	dir = fdopendir(fd);
	if (!dir) {
		close(fd);
		return -ENOMEM;
	}
	while (n < max && (entry = readdir(dir))) {
		if (entry->d_name[0] < '0' || entry->d_name[0] > '9')
			continue;
		if (vg_strv_add(&list, entry->d_name) < 0) {
			closedir(dir);
			return -ENOMEM;
		}
		n++;
	}
	closedir(dir);
	if (n > 0)
		qsort(list, n, sizeof(*list), by_number);
	*ret = list;
	list = NULL;
	return 0;
}

int vg_vm_list(int sysfs, char ***ret)
{
	return list_directories(sysfs, "vms", 1 << 16, ret);
}

static int read_u32(int dir, const char *name, uint32_t *ret)
{
	uint64_t v = 0;
	int r = vg_read_u64(dir, name, &v);

	if (r == 0 && v > UINT32_MAX)
		r = -ERANGE;
	if (r == 0)
		*ret = (uint32_t)v;
	return r;
}

static int read_pid(int dir, const char *name, pid_t *ret)
{
	uint32_t v = 0;
	int r = read_u32(dir, name, &v);

	if (r == 0 && v > INT32_MAX)
		r = -ERANGE;
	if (r == 0)
		*ret = (pid_t)v;
	return r;
}

static int read_stats(int dir, const char *prefix, size_t nr, uint64_t *ret)
{
	char path[64];

	for (size_t i = 0; i < nr; i++) {
		int r;

		snprintf(path, sizeof(path), "%s%s", prefix, stat_names[i]);
		r = vg_read_u64(dir, path, &ret[i]);
		if (r < 0)
			return r;
	}
	return 0;
}

static int read_vcpu(int vcpus, const char *name, struct vg_vcpu *ret)
{
	vg_autofd int dir = openat(vcpus, name,
				   O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r;

	if (dir < 0)
		return -errno;
	ret->index = (uint32_t)strtoul(name, NULL, 10);
	r = read_pid(dir, "tid", &ret->tid);
	if (r == 0)
		r = vg_read_line(dir, "state", ret->state, sizeof(ret->state));
	if (r == 0)
		r = vg_read_line(dir, "sched_policy", ret->sched_policy,
				 sizeof(ret->sched_policy));
	return r < 0 ? r : read_stats(dir, "", VG_NR_VCPU_STATS, ret->stats);
}

/* A vCPU that dies meanwhile is left out; the VM goes on without it. */
static int read_vcpus(int dir, struct vg_vm *vm)
{
	vg_autofd int vcpus = openat(dir, "vcpus",
				     O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	vg_autostrv char **names = NULL;
	size_t n;
	int r;

	if (vcpus < 0)
		return -errno;
	r = list_directories(vcpus, ".", VCPUS_MAX, &names);
	if (r < 0)
		return r;
	n = vg_strv_length(names);
	if (n == 0)
		return 0;
	vm->vcpus = calloc(n, sizeof(*vm->vcpus));
	if (!vm->vcpus)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		r = gone(read_vcpu(vcpus, names[i],
				   &vm->vcpus[vm->nr_vcpus_read]));
		if (r == 0)
			vm->nr_vcpus_read++;
		else if (r != -ENOENT)
			return r;
	}
	return 0;
}

static int read_reserve(int dir, struct vg_reserve *ret)
{
	int r = read_u32(dir, "reserve/booked_vcpus", &ret->booked_vcpus);

	if (r == 0)
		r = read_u32(dir, "reserve/cell_capacity_ppm", &ret->capacity_ppm);
	if (r == 0)
		r = read_u32(dir, "reserve/cell_booked_ppm", &ret->booked_ppm);
	if (r == 0)
		r = read_u32(dir, "reserve/cell_free_max_ppm", &ret->free_max_ppm);
	return r < 0 ? r : vg_read_u64(dir, "reserve/misses", &ret->misses);
}

static int read_vm(int dir, unsigned int what, struct vg_vm *vm)
{
	int r;

	r = vg_read_u64(dir, "id", &vm->id);
	if (r == 0)
		r = read_u32(dir, "slot", &vm->slot);
	if (r == 0)
		r = read_pid(dir, "pid", &vm->pid);
	if (r == 0)
		r = read_u32(dir, "nr_vcpus", &vm->nr_vcpus);
	if (r == 0)
		r = vg_read_line(dir, "name", vm->label, sizeof(vm->label));
	if (r == 0)
		r = vg_read_file(dir, "cgroup", CGROUP_PATH_MAX, &vm->cgroup,
				 NULL);
	if (r < 0)
		return r;
	vm->cgroup[strcspn(vm->cgroup, "\n")] = '\0';
	for (int k = 0; k < VG_NR_KNOBS; k++) {
		const char *path = vg_knob_sysfs((enum vg_knob)k);

		r = path ? vg_read_line(dir, path, vm->knobs[k],
					VG_VALUE_SIZE) : 0;
		if (r < 0)
			return r;
	}
	r = read_reserve(dir, &vm->reserve);
	if (r < 0)
		return r;
	if (what & VG_VM_STATS) {
		r = read_stats(dir, "stats/", VG_NR_STATS, vm->stats);
		if (r < 0)
			return r;
	}
	return what & VG_VM_VCPUS ? read_vcpus(dir, vm) : 0;
}

int vg_vm_read(int sysfs, const char *dir, unsigned int what,
	       struct vg_vm *ret)
{
	vg_autofd int fd = open_vm(sysfs, dir);
	struct vg_vm vm = {};
	int r;

	if (fd < 0)
		return fd;
	snprintf(vm.dir, sizeof(vm.dir), "%s", dir);
	r = gone(read_vm(fd, what, &vm));
	if (r < 0) {
		vg_vm_free(&vm);
		return r;
	}
	*ret = vm;
	return 0;
}

void vg_vm_free(struct vg_vm *vm)
{
	free(vm->cgroup);
	free(vm->vcpus);
	*vm = (struct vg_vm){};
}

int vg_vm_read_id(int sysfs, const char *dir, uint64_t *ret)
{
	vg_autofd int fd = open_vm(sysfs, dir);

	return fd < 0 ? fd : gone(vg_read_u64(fd, "id", ret));
}

int vg_vm_read_knob(int sysfs, const char *dir, enum vg_knob knob,
		    char ret[static VG_VALUE_SIZE])
{
	vg_autofd int fd = open_vm(sysfs, dir);

	return fd < 0 ? fd : gone(vg_read_line(fd, vg_knob_sysfs(knob), ret,
					       VG_VALUE_SIZE));
}

int vg_vm_write_knob(int sysfs, const char *dir, enum vg_knob knob,
		     const char *value)
{
	vg_autofd int fd = open_vm(sysfs, dir);

	return fd < 0 ? fd : gone(vg_write_line(fd, vg_knob_sysfs(knob),
						value));
}

int vg_vm_write_label(int sysfs, const char *dir, const char *label)
{
	vg_autofd int fd = open_vm(sysfs, dir);

	return fd < 0 ? fd : gone(vg_write_line(fd, "name", label));
}
