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
 * Skew: a vCPU's progress is the time that it ran; one that was idle in the
 * guest has kept up with whoever is ahead, which it is given when it wakes.  How
 * far others have come is known without a walk as long as the one that leads
 * runs, since all that run advance alike; when it stops while others run on, the
 * next who wants to know looks for the one that leads then.
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
	to->guard_asks += from->guard_asks;
	to->guarded_ns += from->guarded_ns;
}

static bool lagging(const struct vmgang_vcpu_account *vcpu)
{
	return vcpu->state == VMGANG_READY || vcpu->state == VMGANG_COSTOP;
}

static u64 larger(u64 a, u64 b)
{
	return a > b ? a : b;
}

static u64 progress(const struct vmgang_vm_account *vm,
		    const struct vmgang_vcpu_account *vcpu)
{
	u64 ns = vcpu->head_start + vcpu->sums.ns[VMGANG_RUN];

	return vcpu->state == VMGANG_RUN ? ns + (vm->now - vcpu->since) : ns;
}

/* The progress of the one that leads. */
static u64 front(struct vmgang_vm_account *vm)
{
	const struct vmgang_vcpu_account *vcpu;
	s64 pace;

	if (!vm->nr_running)
		return vm->front;
	if (!vm->pace_known) {
		vm->pace = S64_MIN;	/* at least one runs */
		list_for_each_entry(vcpu, &vm->members, link) {
			pace = progress(vm, vcpu) - vm->now;
			if (vcpu->state == VMGANG_RUN && pace > vm->pace)
				vm->pace = pace;
		}
		vm->pace_known = true;
	}
	return larger(vm->front, vm->pace + vm->now);
}

/* @vcpu, whose state is set, begins to run. */
static void begin_run(struct vmgang_vm_account *vm,
		      struct vmgang_vcpu_account *vcpu)
{
	s64 pace = progress(vm, vcpu) - vm->now;

	if (!vm->nr_running++) {
		vm->pace = pace;
		vm->pace_known = true;
	} else if (pace > vm->pace) {
		vm->pace = pace;
	}
}

/* @vcpu, whose time is settled, runs no longer. */
static void end_run(struct vmgang_vm_account *vm,
		    const struct vmgang_vcpu_account *vcpu)
{
	u64 ns = vcpu->head_start + vcpu->sums.ns[VMGANG_RUN];

	vm->nr_running--;
	vm->front = larger(vm->front, ns);
	if ((s64)(ns - vm->now) == vm->pace)
		vm->pace_known = false;
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
	vcpu->head_start = front(vm);
	vcpu->state = state;
	vcpu->since = vm->now;
	vcpu->corun_mark = vm->corun_clock;
	list_add_tail(&vcpu->link, &vm->members);
	if (state == VMGANG_RUN)
		begin_run(vm, vcpu);
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

/* Its progress is at least @ns from now on. */
static void level(const struct vmgang_vm_account *vm,
		  struct vmgang_vcpu_account *vcpu, u64 ns)
{
	u64 is = progress(vm, vcpu);

	if (is < ns)
		vcpu->head_start += ns - is;
}

/* All are level, and have never been otherwise: another policy begins. */
void vmgang_account_level(struct vmgang_vm_account *vm)
{
	struct vmgang_vcpu_account *vcpu;
	u64 ns = front(vm);

	list_for_each_entry(vcpu, &vm->members, link) {
		level(vm, vcpu, ns);
		vcpu->skew_max_ns = 0;
	}
	vm->skew_max_ns = 0;
	vm->pace_known = false;
}

void vmgang_account_move(struct vmgang_vm_account *vm,
			 struct vmgang_vcpu_account *vcpu,
			 enum vmgang_state state)
{
	vmgang_account_settle(vm, vcpu);
	if (vcpu->state == state)
		return;
	if (vcpu->state == VMGANG_RUN)
		end_run(vm, vcpu);
	else if (vcpu->state == VMGANG_WAIT)
		level(vm, vcpu, front(vm));
	else
		vmgang_account_skew(vm, vcpu);
	vcpu->state = state;
	if (state == VMGANG_RUN) {
		begin_run(vm, vcpu);
		vm->starts++;
	}
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
	if (vcpu->state == VMGANG_WAIT)
		return;
	vcpu->skew_max_ns = larger(vcpu->skew_max_ns,
				   front(vm) - progress(vm, vcpu));
	vm->skew_max_ns = larger(vm->skew_max_ns, vcpu->skew_max_ns);
}
