/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef VMGANG_VM_H
#define VMGANG_VM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "policy.h"

/*
 * Reading and writing the module's tree, /sys/kernel/vmgang or a test's copy
 * of it. A VM can die at any moment, also between two reads: every function
 * then returns -ENOENT and nothing half-read.
 */
enum vg_stat {
	VG_STAT_RUN_US,
	VG_STAT_READY_US,
	VG_STAT_COSTOP_US,
	VG_STAT_WAIT_US,
	VG_STAT_CORUN_US,
	VG_STAT_PREEMPTIONS,
	VG_STAT_PREEMPTIONS_IN_KERNEL,
	VG_STAT_PREEMPTIONS_IN_LOCK,
	VG_STAT_SPIN_EXITS,
	VG_STAT_SPIN_VERDICTS,
	VG_STAT_DIRECTED_YIELDS,
	VG_STAT_GUARD_EXTENSIONS,
	VG_STAT_GUARD_EXPIRIES,
	VG_STAT_GUARD_ASKS,
	VG_STAT_GUARDED_US,
	VG_NR_VCPU_STATS,
	/* of the whole VM only */
	VG_STAT_SKEW_MAX_US = VG_NR_VCPU_STATS,
	VG_STAT_GUARD_MAX_US,
	VG_STAT_GANG_STARTS,
	VG_STAT_GANG_STOPS,
	VG_STAT_FRAG_US,
	VG_NR_STATS
};

const char *vg_stat_name(enum vg_stat stat);

struct vg_vcpu {
	uint32_t index;
	pid_t tid;
	char state[16];
	char sched_policy[16];
	uint64_t stats[VG_NR_VCPU_STATS];
};

/* How the class decided on the VM's reservation; all 0 without a class. */
struct vg_reserve {
	uint32_t booked_vcpus;
	uint32_t capacity_ppm;	/* of the VM's home cell, in ppm of a pCPU */
	uint32_t booked_ppm;
	uint32_t free_max_ppm;	/* on one pCPU */
	uint64_t misses;
};

#define VG_DIR_SIZE 32
#define VG_LABEL_SIZE 256

struct vg_vm {
	char dir[VG_DIR_SIZE];
	uint64_t id;
	uint32_t slot;
	pid_t pid;
	uint32_t nr_vcpus;
	char *cgroup;
	char label[VG_LABEL_SIZE];
	char knobs[VG_NR_KNOBS][VG_VALUE_SIZE];	/* as sysfs has them */
	struct vg_reserve reserve;
	uint64_t stats[VG_NR_STATS];		/* with VG_VM_STATS */
	struct vg_vcpu *vcpus;			/* with VG_VM_VCPUS, by index */
	size_t nr_vcpus_read;
};

enum {
	VG_VM_STATS = 1 << 0,
	VG_VM_VCPUS = 1 << 1,
};

int vg_sysfs_open(const char *path);	/* an fd, -ENOENT: no module */
int vg_sysfs_state(int sysfs, char state[static 16]);
int vg_sysfs_version(int sysfs, char version[static 32]);

/**
 * struct vg_offers - what the module can do, of what vmgang knows
 * @values: of each knob, as its file has them, cosched_values and so on; empty:
 *	not known, because the knob has no such file, or there is no module, or
 *	an older one, which will say so itself
 */
struct vg_offers {
	char values[VG_NR_KNOBS][64];
};

void vg_sysfs_offers(int sysfs, struct vg_offers *ret);
bool vg_offers(const struct vg_offers *offers, enum vg_knob knob,
	       const char *value);

/* Is this name of a sched_ext scheduler, as sched_ext/root/ops has it, ours? */
bool vg_class_is_ours(const char *ops);

/* The directories' names below vms/, sorted by pid; NULL when there is none. */
int vg_vm_list(int sysfs, char ***ret);

int vg_vm_read(int sysfs, const char *dir, unsigned int what,
	       struct vg_vm *ret);
void vg_vm_free(struct vg_vm *vm);
int vg_vm_read_id(int sysfs, const char *dir, uint64_t *ret);

int vg_vm_read_knob(int sysfs, const char *dir, enum vg_knob knob,
		    char ret[static VG_VALUE_SIZE]);
int vg_vm_write_knob(int sysfs, const char *dir, enum vg_knob knob,
		     const char *value);
int vg_vm_write_label(int sysfs, const char *dir, const char *label);

#endif
