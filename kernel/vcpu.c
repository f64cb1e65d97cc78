// SPDX-License-Identifier: GPL-2.0-only
/*
 * vCPUs: who runs them, and what the scheduler does to them.
 */
#include <linux/slab.h>

#include "compat.h"
#include "trace.h"
#include "vm.h"

/* What a vCPU costs: DESIGN's limit for memory is 4 KB. */
static_assert(sizeof(struct vmgang_vcpu) + sizeof(struct vmgang_thread) <= 1024);

struct vmgang_vcpu *vmgang_vcpu_alloc(struct kvm_vcpu *kvcpu, u32 index)
{
	struct vmgang_vcpu *vcpu;

	vcpu = kzalloc(sizeof(*vcpu), GFP_ATOMIC | __GFP_NOWARN);
	if (!vcpu)
		return NULL;
	INIT_LIST_HEAD(&vcpu->link);
	vcpu->kvcpu = kvcpu;
	vcpu->yields_base = vmgang_kvm_yields(kvcpu);
	vcpu->index = index;
	vmgang_sysfs_init_vcpu(vcpu);
	return vcpu;
}

/* Called when the last reference is gone. */
void vmgang_vcpu_release(struct vmgang_vcpu *vcpu)
{
	struct vmgang_vm *vm = vcpu->vm;

	kfree_rcu(vcpu, rcu);
	if (vm)
		vmgang_vm_put(vm);
}

/* vm->vcpus changes under both locks, so either is enough to read it. */
struct vmgang_vcpu *vmgang_vcpu_find(struct vmgang_vm *vm,
				     const struct kvm_vcpu *kvcpu)
{
	struct vmgang_vcpu *vcpu;

	lockdep_assert_held(&vmgang_lock);
	list_for_each_entry(vcpu, &vm->vcpus, link) {
		if (vcpu->kvcpu == kvcpu)
			return vcpu;
	}
	return NULL;
}

/* The caller's reference becomes the VM's. */
void vmgang_vcpu_add(struct vmgang_vm *vm, struct vmgang_vcpu *vcpu)
{
	lockdep_assert_held(&vmgang_lock);
	vcpu->vm = vmgang_vm_get(vm);
	guard(raw_spinlock)(&vm->lock);
	vmgang_vm_clock(vm);
	list_add_tail(&vcpu->link, &vm->vcpus);
	vmgang_account_add(&vm->account, &vcpu->account, VMGANG_WAIT);
	WRITE_ONCE(vm->nr_vcpus, vm->nr_vcpus + 1);
}

/* Takes @vcpu from the thread that runs it. */
static void unbind(struct vmgang_vcpu *vcpu)
{
	struct vmgang_thread *thread = vcpu->thread;

	lockdep_assert_held(&vmgang_lock);
	lockdep_assert_held(&vcpu->vm->lock);
	vmgang_account_hold(&vcpu->vm->account, &vcpu->account, false);
	vmgang_account_move(&vcpu->vm->account, &vcpu->account, VMGANG_WAIT);
	if (!thread)
		return;
	thread->binding++;
	rcu_assign_pointer(thread->vcpu, NULL);
	vcpu->thread = NULL;
}

/* The vCPU leaves its VM.  The VM's work will remove its directory. */
void vmgang_vcpu_del(struct vmgang_vcpu *vcpu)
{
	struct vmgang_vm *vm = vcpu->vm;

	lockdep_assert_held(&vmgang_lock);
	guard(raw_spinlock)(&vm->lock);
	vmgang_vm_clock(vm);
	vmgang_vcpu_settle(vcpu);
	unbind(vcpu);
	WRITE_ONCE(vcpu->kvcpu, NULL);
	vmgang_account_del(&vm->account, &vcpu->account);
	list_move_tail(&vcpu->link, &vm->leaving);
	WRITE_ONCE(vm->nr_vcpus, vm->nr_vcpus - 1);
}

/*
 * Where a thread is now.  If it is not current this may change while we look;
 * the next switch of it puts that right.
 */
static enum vmgang_state state_of(const struct task_struct *task)
{
	if (task == current || READ_ONCE(task->on_cpu))
		return VMGANG_RUN;
	return READ_ONCE(task->__state) ? VMGANG_WAIT : VMGANG_READY;
}

/*
 * From now on @thread runs @vcpu.  Usually both are new; but a vCPU may move to
 * another thread, and a thread to another vCPU, even to one of another VM.
 */
void vmgang_vcpu_bind(struct vmgang_vcpu *vcpu, struct vmgang_thread *thread)
{
	struct vmgang_vcpu *former;

	lockdep_assert_held(&vmgang_lock);
	former = rcu_dereference_protected(thread->vcpu, true);
	if (former) {
		guard(raw_spinlock)(&former->vm->lock);
		vmgang_vm_clock(former->vm);
		unbind(former);
	}
	if (vcpu->thread)
		vmgang_thread_kick(vcpu->thread);

	guard(raw_spinlock)(&vcpu->vm->lock);
	vmgang_vm_clock(vcpu->vm);
	unbind(vcpu);
	vmgang_account_move(&vcpu->vm->account, &vcpu->account,
			    state_of(thread->task));
	vmgang_spin_begin(&vcpu->account.spin);
	vcpu->thread = thread;
	thread->binding++;
	rcu_assign_pointer(thread->vcpu, vcpu);
}

/* Brings everything that is shown about the vCPU up to the VM's clock. */
void vmgang_vcpu_settle(struct vmgang_vcpu *vcpu)
{
	struct vmgang_vcpu_account *account = &vcpu->account;
	u64 yields;

	lockdep_assert_held(&vcpu->vm->lock);
	vmgang_account_settle(&vcpu->vm->account, account);
	vmgang_account_skew(&vcpu->vm->account, account);
	if (vcpu->kvcpu) {
		yields = vmgang_kvm_yields(vcpu->kvcpu);
		account->sums.directed_yields += yields - vcpu->yields_base;
		vcpu->yields_base = yields;
	}
}

/*
 * The VM's lock for one event of @thread, or nothing if it runs no vCPU: it
 * may lose its vCPU at any time until the lock is held.  Interrupts are off
 * or not, as the event has it.
 */
static struct vmgang_vcpu *event_begin(struct vmgang_thread *thread,
				       unsigned long *flags)
{
	struct vmgang_vcpu *vcpu = rcu_dereference(thread->vcpu);

	if (!vcpu)
		return NULL;
	raw_spin_lock_irqsave(&vcpu->vm->lock, *flags);
	if (vcpu->thread == thread) {
		vmgang_vm_clock(vcpu->vm);
		return vcpu;
	}
	raw_spin_unlock_irqrestore(&vcpu->vm->lock, *flags);
	return NULL;
}

static void event_end(struct vmgang_vcpu *vcpu, unsigned long flags)
{
	raw_spin_unlock_irqrestore(&vcpu->vm->lock, flags);
}

static void event_end_released(struct vmgang_vcpu *vcpu, unsigned long flags,
			       bool released)
{
	u64 held_ns = vmgang_account_held_ns(&vcpu->account);
	struct vmgang_vm *vm = vcpu->vm;

	raw_spin_unlock_irqrestore(&vm->lock, flags);
	if (released)
		trace_vcpu_costart(vm->slot, vm->pid, vcpu->index,
				   held_ns / NSEC_PER_USEC);
}

/*
 * @thread leaves its pCPU.  If it could go on it has been preempted, unless it
 * gives way to a sibling by KVM's directed yield.  @for_vcpu: another vCPU follows,
 * and not one of the host's own threads, which soon makes room again.
 */
void vmgang_vcpu_switch_out(struct vmgang_thread *thread, bool preempt,
			    bool runnable, bool for_vcpu)
{
	struct vmgang_vcpu_account *account;
	struct vmgang_vm_account *all;
	struct vmgang_vcpu *vcpu;
	bool released = false;
	unsigned long flags;

	vcpu = event_begin(thread, &flags);
	if (!vcpu)
		return;
	account = &vcpu->account;
	all = &vcpu->vm->account;
	if (!runnable) {
		released = vmgang_account_hold(all, account, false);
		vmgang_account_move(all, account, VMGANG_WAIT);
	} else {
		vmgang_account_move(all, account, account->held ?
				    VMGANG_COSTOP : VMGANG_READY);
		if (!preempt && vcpu->kvcpu && vmgang_kvm_yielding(vcpu->kvcpu)) {
			account->sums.directed_yields++;
		} else {
			account->sums.preemptions++;
			account->preempted = true;
			account->deserted = all->nr_running;
			if (for_vcpu && vmgang_hint_held(&vcpu->hint, all->now))
				account->sums.preemptions_in_lock++;
			account->starts = all->starts;
		}
	}
	event_end_released(vcpu, flags, released);
}

/* @thread gets a pCPU: a stint begins. */
void vmgang_vcpu_switch_in(struct vmgang_thread *thread)
{
	struct vmgang_vcpu_account *account;
	struct vmgang_vm_account *all;
	struct vmgang_vcpu *vcpu;
	bool released, lhp = false;
	unsigned long flags;

	vcpu = event_begin(thread, &flags);
	if (!vcpu)
		return;
	account = &vcpu->account;
	all = &vcpu->vm->account;
	released = vmgang_account_hold(all, account, false);
	if (account->starts != all->starts)
		account->deserted = true;	/* a sibling ran meanwhile */
	vmgang_account_move(all, account, VMGANG_RUN);
	vmgang_spin_begin(&account->spin);
	if (account->preempted && vcpu->kvcpu &&
	    vmgang_kvm_preempted_in_kernel(vcpu->kvcpu)) {
		account->sums.preemptions_in_kernel++;
		lhp = account->deserted;
	}
	account->preempted = false;
	event_end_released(vcpu, flags, released);
	if (lhp)
		trace_vcpu_lhp(vcpu->vm->slot, vcpu->vm->pid, vcpu->index);
}

/*
 * @thread has been woken.  It may not have left its pCPU yet: then the wake-up
 * ends a sleep that never began.
 */
void vmgang_vcpu_wake(struct vmgang_thread *thread)
{
	struct vmgang_vcpu *vcpu;
	unsigned long flags;

	vcpu = event_begin(thread, &flags);
	if (!vcpu)
		return;
	if (vcpu->account.state == VMGANG_WAIT)
		vmgang_account_move(&vcpu->vm->account, &vcpu->account,
				    vcpu->account.held ? VMGANG_COSTOP :
				    VMGANG_READY);
	event_end(vcpu, flags);
}

/* The class holds @thread back for its siblings' sake, or lets it go. */
void vmgang_vcpu_hold(struct vmgang_thread *thread, bool held)
{
	struct vmgang_vcpu *vcpu;
	unsigned long flags;
	bool changed;

	vcpu = event_begin(thread, &flags);
	if (!vcpu)
		return;
	changed = vmgang_account_hold(&vcpu->vm->account, &vcpu->account, held);
	event_end_released(vcpu, flags, changed && !held);
	if (changed && held)
		trace_vcpu_costop(vcpu->vm->slot, vcpu->vm->pid, vcpu->index);
}

/* The hardware says that @thread, which is current, spins. */
void vmgang_vcpu_spin(struct vmgang_thread *thread)
{
	struct vmgang_vcpu *vcpu;
	unsigned long flags;
	u32 exits;

	vcpu = event_begin(thread, &flags);
	if (!vcpu)
		return;
	vcpu->account.sums.spin_exits++;
	exits = vmgang_spin_exit(&vcpu->account.spin);
	vcpu->account.sums.spin_verdicts += VMGANG_SPIN_VERDICT(exits);
	event_end(vcpu, flags);
	trace_vcpu_spin(vcpu->vm->slot, vcpu->vm->pid, vcpu->index, exits);
}

/* The class let @thread go on for @ns, since it was in an unsafe state. */
void vmgang_vcpu_guarded(struct vmgang_thread *thread, u64 ns, bool expired)
{
	struct vmgang_vcpu *vcpu;
	struct vmgang_sums *sums;
	unsigned long flags;

	vcpu = event_begin(thread, &flags);
	if (!vcpu)
		return;
	sums = &vcpu->account.sums;
	sums->guard_extensions++;
	sums->guard_expiries += expired;
	sums->guarded_ns += ns;
	if (ns > vcpu->vm->guard_max_ns)
		vcpu->vm->guard_max_ns = ns;
	event_end(vcpu, flags);
	trace_vcpu_guard(vcpu->vm->slot, vcpu->vm->pid, vcpu->index,
			 ns / NSEC_PER_USEC, expired);
}

/* The guest says of @thread, which is current, where to see that it holds a lock. */
void vmgang_vcpu_hint(struct vmgang_thread *thread,
		      const struct vmgang_hint_offer *offer)
{
	struct vmgang_vm *vm = NULL;
	struct vmgang_vcpu *vcpu;
	unsigned long flags;

	vcpu = event_begin(thread, &flags);
	if (!vcpu)
		return;
	if (vmgang_hint_offer(&vcpu->hint, vcpu->vm->account.now, offer))
		vm = vmgang_vm_get(vcpu->vm);
	event_end(vcpu, flags);
	if (vm) {
		vmgang_vm_kick(vm);
		vmgang_vm_put(vm);
	}
}

/* For how long @thread's guest says that it will hold a lock that it holds now. */
u32 vmgang_vcpu_lock_us(struct vmgang_thread *thread)
{
	struct vmgang_vcpu *vcpu;
	unsigned long flags;
	u32 us = 0;

	vcpu = event_begin(thread, &flags);
	if (!vcpu)
		return 0;
	if (vmgang_hint_held(&vcpu->hint, vcpu->vm->account.now))
		us = vcpu->hint.offer.hold_us;
	event_end(vcpu, flags);
	return us;
}

/* @thread, which is current, is let go on: would its guest come into a safe state? */
void vmgang_vcpu_ask(struct vmgang_thread *thread)
{
	struct vmgang_vcpu *vcpu;
	unsigned long flags;

	vcpu = event_begin(thread, &flags);
	if (!vcpu)
		return;
	if (vcpu->kvcpu && vmgang_hint_ask(&vcpu->hint, vcpu->vm->account.now)) {
		vcpu->account.sums.guard_asks++;
		vmgang_kvm_interrupt(vcpu->kvcpu);
	}
	event_end(vcpu, flags);
}

/* The guest says that @thread, which is current, is in a safe state. */
void vmgang_vcpu_safe(struct vmgang_thread *thread)
{
	struct vmgang_vcpu *vcpu;
	unsigned long flags;
	bool asked;

	vcpu = event_begin(thread, &flags);
	if (!vcpu)
		return;
	asked = vmgang_hint_safe(&vcpu->hint);
	event_end(vcpu, flags);
	if (asked)
		trace_vcpu_safe(vcpu->vm->slot, vcpu->vm->pid, vcpu->index);
}
