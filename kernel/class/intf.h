/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The words that vmgang.ko, the class and user space share.
 *
 * Only scalars and structures of fixed size: the file is included by the
 * module, by BPF C (where vmlinux.h provides the types) and by user space
 * (linux/types.h).  A change of anything here changes VMGANG_ABI.
 */
#ifndef VMGANG_INTF_H
#define VMGANG_INTF_H

#ifndef __VMLINUX_H__
#include <linux/types.h>
#endif

#define VMGANG_ABI	3
#define VMGANG_MAX_VMS	4096	/* slots */

enum vmgang_cosched {
	VMGANG_COSCHED_OFF,
	VMGANG_COSCHED_GANG,
	VMGANG_COSCHED_ADAPTIVE,	/* a gang while it is seen to spin, else off */
	VMGANG_COSCHED_STRICT,		/* all at once, idle ones too */
	VMGANG_COSCHED_RELAXED,		/* one by one, none far ahead */
};

enum vmgang_guard {
	VMGANG_GUARD_OFF,
	VMGANG_GUARD_KERNEL,	/* not preempted in guest kernel mode */
	VMGANG_GUARD_HINT,	/* not while the guest says that it holds a lock */
};

enum vmgang_isolate {
	VMGANG_ISOLATE_OFF,
	VMGANG_ISOLATE_CORE,	/* siblings of a core never run it and another VM */
};

enum vmgang_spins {
	VMGANG_SPIN_OFF,
	VMGANG_SPIN_YIELD,	/* to the sibling that KVM names */
	VMGANG_SPIN_PREEMPT,	/* to another VM */
};

/*
 * The verdict that a vCPU spins: at exit 4, 8, 16 ... of one stint.  Fewer are a
 * lock's normal life; and since the window between two exits doubles, what is
 * counted is the logarithm of the time spun.
 */
#define VMGANG_SPIN_EXITS	4
#define VMGANG_SPIN_VERDICT(exits) \
	((exits) >= VMGANG_SPIN_EXITS && !((exits) & ((exits) - 1)))

/**
 * struct vmgang_bpf_vm - a VM as the class sees it
 * @id:		unique for ever, never 0
 * @cgroup_id:	kernfs id of the VM's cgroup: weight and cap are read there
 * @slot:	dense, unique among live VMs; reused only after the last thread
 *		of its former owner has left the class
 * @pid:	leader of the process that owns the VM
 * @nr_vcpus:	vCPUs that exist
 * @cosched:	enum vmgang_cosched
 * @slice_us:	length of a stint, in microseconds (1000..100000)
 * @spin:	enum vmgang_spins
 * @guard:	enum vmgang_guard
 * @guard_us:	how long at most, in microseconds (100..10000)
 * @skew_us:	how far a vCPU may be ahead under relaxed (1000..100000)
 * @isolate:	enum vmgang_isolate
 * @managed:	1 if the VM's threads belong in the class, else 0
 * @reserve_period_us: of the reservation of each vCPU; 0: none
 * @reserve_slice_us: that each vCPU is to have in each period; 0: none
 * @extratime:	1 if they may share what others leave, else 0
 */
struct vmgang_bpf_vm {
	__u64 id;
	__u64 cgroup_id;
	__u32 slot;
	__u32 pid;
	__u32 nr_vcpus;
	__u32 cosched;
	__u32 slice_us;
	__u32 spin;
	__u32 guard;
	__u32 guard_us;
	__u32 skew_us;
	__u32 isolate;
	__u32 managed;
	__u32 reserve_period_us;
	__u32 reserve_slice_us;
	__u32 extratime;
};

/**
 * struct vmgang_bpf_reserve - how a VM's reservation was decided
 * @id:		&struct vmgang_bpf_vm.id; what is said of a VM that is gone is dropped
 * @slot:	&struct vmgang_bpf_vm.slot
 * @refused:	1 if a change did not fit and all is as it was before
 * @vcpus:	of the VM, that have their reservation booked
 * @capacity_ppm: what can be booked in the VM's home cell, in ppm of a pCPU
 * @booked_ppm:	what is booked there
 * @free_ppm:	the most that one more vCPU could book on a pCPU there
 */
struct vmgang_bpf_reserve {
	__u64 id;
	__u32 slot;
	__u32 refused;
	__u32 vcpus;
	__u32 capacity_ppm;
	__u32 booked_ppm;
	__u32 free_ppm;
};

/**
 * struct vmgang_bpf_vcpu - a vCPU thread as the class sees it
 * @vm_id:	&struct vmgang_bpf_vm.id of its VM
 * @cgroup_id:	kernfs id of the thread's own cgroup
 * @slot:	&struct vmgang_bpf_vm.slot of its VM
 * @index:	vcpu->vcpu_idx
 */
struct vmgang_bpf_vcpu {
	__u64 vm_id;
	__u64 cgroup_id;
	__u32 slot;
	__u32 index;
};

#endif /* VMGANG_INTF_H */
