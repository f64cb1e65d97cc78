/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where a vCPU's time goes.  Pure: no locks, no clock, no hooks; the callers
 * hold the VM's lock and bring the time, and unit tests bring their own.
 */
#ifndef VMGANG_ACCOUNT_H
#define VMGANG_ACCOUNT_H

#include <linux/list.h>
#include <linux/types.h>

#include "spin.h"

enum vmgang_state {
	VMGANG_RUN,		/* on a pCPU */
	VMGANG_READY,		/* runnable, not running */
	VMGANG_COSTOP,		/* runnable, held back by co-scheduling */
	VMGANG_WAIT,		/* neither: guest HLT, or its thread blocked */
	VMGANG_NR_STATES
};

/* What is counted per vCPU, and summed per VM. */
struct vmgang_sums {
	u64 ns[VMGANG_NR_STATES];
	u64 corun_ns;
	u64 preemptions;
	u64 preemptions_in_kernel;
	u64 preemptions_in_lock;
	u64 spin_exits;
	u64 spin_verdicts;
	u64 directed_yields;
	u64 guard_extensions;
	u64 guard_expiries;
	u64 guard_asks;
	u64 guarded_ns;
};

struct vmgang_vm_account {
	struct list_head members;
	u64 now;		/* the VM's clock; never goes back */
	u64 corun_clock;	/* ns with two or more members running */
	u64 front;		/* the most progress of one that then stopped */
	s64 pace;		/* … of those that run, less the VM's clock */
	bool pace_known;
	u64 skew_max_ns;
	u64 starts;		/* of members' stints */
	u32 nr_running;
	struct vmgang_sums gone;	/* of members that have left */
};

struct vmgang_vcpu_account {
	struct list_head link;
	enum vmgang_state state;
	bool held;		/* the class says: co-stopped */
	bool preempted;		/* lost its pCPU against its will */
	bool deserted;		/* … while a sibling ran on */
	u64 starts;		/* the VM's, at that time */
	u64 since;		/* accounted up to here */
	u64 corun_mark;		/* corun_clock at @since */
	u64 costop_mark;	/* ns[COSTOP] when @held became true */
	u64 head_start;		/* progress that it was given, not having run */
	struct vmgang_spin spin;
	struct vmgang_sums sums;
};

void vmgang_sums_add(struct vmgang_sums *to, const struct vmgang_sums *from);
void vmgang_account_init(struct vmgang_vm_account *vm, u64 now);
void vmgang_account_clock(struct vmgang_vm_account *vm, u64 now);
void vmgang_account_add(struct vmgang_vm_account *vm,
			struct vmgang_vcpu_account *vcpu,
			enum vmgang_state state);
void vmgang_account_del(struct vmgang_vm_account *vm,
			struct vmgang_vcpu_account *vcpu);
void vmgang_account_settle(struct vmgang_vm_account *vm,
			   struct vmgang_vcpu_account *vcpu);
void vmgang_account_move(struct vmgang_vm_account *vm,
			 struct vmgang_vcpu_account *vcpu,
			 enum vmgang_state state);
bool vmgang_account_hold(struct vmgang_vm_account *vm,
			 struct vmgang_vcpu_account *vcpu, bool held);
u64 vmgang_account_held_ns(const struct vmgang_vcpu_account *vcpu);
void vmgang_account_sum(struct vmgang_vm_account *vm,
			struct vmgang_sums *sums);
void vmgang_account_level(struct vmgang_vm_account *vm);
void vmgang_account_skew(struct vmgang_vm_account *vm,
			 struct vmgang_vcpu_account *vcpu);

#endif
