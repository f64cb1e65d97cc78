// SPDX-License-Identifier: GPL-2.0-only
/*
 * A vCPU is in exactly one state at any time, all its VM's vCPUs are measured
 * by one clock, and every nanosecond since it was added is charged to exactly
 * one state: run + ready + co-stop + wait is the time since then, by
 * construction.
 *
 * Co-run: a running vCPU runs together with a sibling exactly while two or
 * more of its VM's vCPUs run.  So one clock per VM that advances during that
 * time is enough, and a vCPU reads it when a stint begins and when it ends.
 *
 * Skew: progress is run + wait, so a vCPU's lag behind the wall clock is
 * ready + co-stop, and the skew between two is the difference of their lags.
 * Lags only grow.  The largest skew can therefore be kept with one comparison
 * for almost every stint: against a floor that is at or below every member's
 * lag; only if that says there may be a new maximum are the members walked.
 */
#include "account.h"

void vmgang_sums_add(struct vmgang_sums *to, const struct vmgang_sums *from)
{
	int i;

	for (i = 0; i < VMGANG_NR_STATES; i++)
		to->ns[i] += from->ns[i];
	to->corun_ns += from->corun_ns;
	to->preemptions += from->preemptions;
	to->preemptions_in_kernel += from->preemptions_in_kernel;
	to->preemptions_in_lock += from->preemptions_in_lock;
	to->spin_exits += from->spin_exits;
	to->spin_verdicts += from->spin_verdicts;
	to->directed_yields += from->directed_yields;
	to->guard_extensions += from->guard_extensions;
	to->guard_expiries += from->guard_expiries;
	to->guarded_ns += from->guarded_ns;
}

static bool lagging(const struct vmgang_vcpu_account *vcpu)
{
	return vcpu->state == VMGANG_READY || vcpu->state == VMGANG_COSTOP;
}

static u64 lag(const struct vmgang_vm_account *vm,
	       const struct vmgang_vcpu_account *vcpu)
{
	u64 ns = vcpu->lag_base + vcpu->sums.ns[VMGANG_READY] +
		 vcpu->sums.ns[VMGANG_COSTOP];

	return lagging(vcpu) ? ns + (vm->now - vcpu->since) : ns;
}

static u64 smallest_lag(const struct vmgang_vm_account *vm)
{
	const struct vmgang_vcpu_account *vcpu;
	u64 least = U64_MAX;

	list_for_each_entry(vcpu, &vm->members, link) {
		u64 ns = lag(vm, vcpu);

		if (ns < least)
			least = ns;
	}
	return least == U64_MAX ? vm->lag_floor : least;
}

void vmgang_account_init(struct vmgang_vm_account *vm, u64 now)
{
	INIT_LIST_HEAD(&vm->members);
	vm->now = now;
}

/* Brings the VM's clock to @now.  CPUs may differ a little: never go back. */
void vmgang_account_clock(struct vmgang_vm_account *vm, u64 now)
{
	if (now <= vm->now)
		return;
	if (vm->nr_running >= 2)
		vm->corun_clock += now - vm->now;
	vm->now = now;
}

/* A newcomer begins level with the leader, so that its age is not skew. */
void vmgang_account_add(struct vmgang_vm_account *vm,
			struct vmgang_vcpu_account *vcpu,
			enum vmgang_state state)
{
	vcpu->lag_base = smallest_lag(vm);
	vcpu->state = state;
	vcpu->since = vm->now;
	vcpu->corun_mark = vm->corun_clock;
	list_add_tail(&vcpu->link, &vm->members);
	if (state == VMGANG_RUN)
		vm->nr_running++;
}

/* Its time stays in the VM's sums. */
void vmgang_account_del(struct vmgang_vm_account *vm,
			struct vmgang_vcpu_account *vcpu)
{
	vmgang_account_move(vm, vcpu, VMGANG_WAIT);
	list_del_init(&vcpu->link);
	vmgang_sums_add(&vm->gone, &vcpu->sums);
}

/* Charges the time up to the VM's clock to the present state. */
void vmgang_account_settle(struct vmgang_vm_account *vm,
			   struct vmgang_vcpu_account *vcpu)
{
	vcpu->sums.ns[vcpu->state] += vm->now - vcpu->since;
	if (vcpu->state == VMGANG_RUN)
		vcpu->sums.corun_ns += vm->corun_clock - vcpu->corun_mark;
	vcpu->since = vm->now;
	vcpu->corun_mark = vm->corun_clock;
}

void vmgang_account_move(struct vmgang_vm_account *vm,
			 struct vmgang_vcpu_account *vcpu,
			 enum vmgang_state state)
{
	vmgang_account_settle(vm, vcpu);
	if (vcpu->state == state)
		return;
	if (vcpu->state == VMGANG_RUN)
		vm->nr_running--;
	if (state == VMGANG_RUN) {
		vm->nr_running++;
		vm->starts++;
	}
	if (lagging(vcpu) && state == VMGANG_RUN)
		vmgang_account_skew(vm, vcpu);
	vcpu->state = state;
}

/*
 * While held, runnable time is co-stop time.  The word may come before the
 * vCPU leaves its pCPU, or before its wake-up is complete: it is kept until
 * then.  Returns whether anything changed.
 */
bool vmgang_account_hold(struct vmgang_vm_account *vm,
			 struct vmgang_vcpu_account *vcpu, bool held)
{
	if (vcpu->held == held)
		return false;
	if (lagging(vcpu))
		vmgang_account_move(vm, vcpu,
				    held ? VMGANG_COSTOP : VMGANG_READY);
	if (held)
		vcpu->costop_mark = vcpu->sums.ns[VMGANG_COSTOP];
	vcpu->held = held;
	return true;
}

/* Co-stop time of the hold that is on or has just ended. */
u64 vmgang_account_held_ns(const struct vmgang_vcpu_account *vcpu)
{
	return vcpu->sums.ns[VMGANG_COSTOP] - vcpu->costop_mark;
}

/* The VM's sums, up to its clock, members that have left included. */
void vmgang_account_sum(struct vmgang_vm_account *vm, struct vmgang_sums *sums)
{
	struct vmgang_vcpu_account *vcpu;

	*sums = vm->gone;
	list_for_each_entry(vcpu, &vm->members, link) {
		vmgang_account_settle(vm, vcpu);
		vmgang_sums_add(sums, &vcpu->sums);
	}
}

/* Notes how far @vcpu is behind the leader, if that is further than ever. */
void vmgang_account_skew(struct vmgang_vm_account *vm,
			 struct vmgang_vcpu_account *vcpu)
{
	u64 ns = lag(vm, vcpu);

	if (ns - vm->lag_floor <= vm->skew_max_ns)
		return;
	vm->lag_floor = smallest_lag(vm);
	if (ns - vm->lag_floor > vm->skew_max_ns)
		vm->skew_max_ns = ns - vm->lag_floor;
}
