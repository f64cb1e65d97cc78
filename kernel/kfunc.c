// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the class can ask and tell.  Everything here may be called with a
 * run queue's lock held and interrupts off; nothing ever waits for the class.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/btf.h>
#include <linux/btf_ids.h>
#include <linux/cgroup.h>
#include <linux/errno.h>
#include <linux/irq_work.h>
#include <linux/printk.h>

#include "compat.h"
#include "trace.h"
#include "vm.h"

static int class_attached;

bool vmgang_class_attached(void)
{
	return READ_ONCE(class_attached);
}

/*
 * The class has come or gone: all threads enter it or leave it.  Two steps,
 * since no work may be queued where the class tells us, under rq->lock.
 */
static void state_work_fn(struct work_struct *work)
{
	pr_info("state: %s\n", vmgang_class_attached() ? "class" : "observe");
	if (!vmgang_class_attached())
		vmgang_reserve_forget();
	vmgang_sysfs_notify_state();
	vmgang_thread_kick_all(NULL);
}

static DECLARE_WORK(state_work, state_work_fn);

static void state_irq_fn(struct irq_work *work)
{
	queue_work(vmgang_wq, &state_work);
}

static DEFINE_IRQ_WORK(state_irq, state_irq_fn);

__bpf_kfunc_start_defs();

/*
 * Threads are passed as p__ign: pahole (1.30 with gcc 14's DWARF) does not
 * merge the module's struct task_struct with the kernel's, so that the verifier
 * would take them for two types and refuse the class.  So anything may come as
 * a thread: it is only compared with those that are known, and followed if it
 * is one of them.
 */

/**
 * vmgang_bpf_attach_class - the class is there
 * @abi: VMGANG_ABI that the class was compiled with
 *
 * For ops.init.  From now on the threads of managed VMs are put into the
 * class, and the state in sysfs is "class".
 *
 * Return: 0; -EPROTO if @abi is not the module's; -EBUSY if a class is there
 * already; -EOPNOTSUPP if this kernel has no sched_ext that fits.
 */
__bpf_kfunc int vmgang_bpf_attach_class(u32 abi)
{
	if (!VMGANG_HAVE_CLASS) {
		pr_err("no class on this kernel: it has no sched_ext\n");
		return -EOPNOTSUPP;
	}
	if (abi != VMGANG_ABI) {
		pr_err("class refused: it speaks ABI %u, this module %u\n",
		       abi, VMGANG_ABI);
		return -EPROTO;
	}
	if (cmpxchg(&class_attached, 0, 1))
		return -EBUSY;
	irq_work_queue(&state_irq);
	return 0;
}

/**
 * vmgang_bpf_detach_class - the class is gone
 *
 * For ops.exit.  From now on no thread is put into the class; those that are
 * in it get their former policy back soon after.  Without a class attached,
 * nothing happens.
 */
__bpf_kfunc void vmgang_bpf_detach_class(void)
{
	if (cmpxchg(&class_attached, 1, 0))
		irq_work_queue(&state_irq);
}

/**
 * vmgang_bpf_get_vcpu - which vCPU a thread runs
 * @p__ign: the thread
 * @out: where to tell
 *
 * What it tells holds until the thread leaves the class: one that comes to run
 * another vCPU leaves and enters again.
 *
 * Return: 0; -ENOENT if the thread runs no vCPU.
 */
__bpf_kfunc int vmgang_bpf_get_vcpu(struct task_struct *p__ign,
				    struct vmgang_bpf_vcpu *out)
{
	struct vmgang_thread *thread;
	struct vmgang_vcpu *vcpu;

	guard(rcu)();
	thread = vmgang_thread_find(p__ign);
	vcpu = thread ? rcu_dereference(thread->vcpu) : NULL;
	if (!vcpu)
		return -ENOENT;
	out->vm_id = vcpu->vm->id;
	out->slot = vcpu->vm->slot;
	out->index = vcpu->index;
	out->cgroup_id = cgroup_id(task_dfl_cgroup(p__ign));
	return 0;
}

/**
 * vmgang_bpf_get_vm - a VM and its policy
 * @slot: the VM's slot
 * @out: where to tell
 *
 * Read it again after the tracepoint policy_change.
 *
 * Return: 0; -ENOENT if no VM has this slot.
 */
__bpf_kfunc int vmgang_bpf_get_vm(u32 slot, struct vmgang_bpf_vm *out)
{
	struct vmgang_vm *vm;

	guard(rcu)();
	vm = vmgang_vm_find_slot(slot);
	if (!vm)
		return -ENOENT;
	out->id = vm->id;
	out->cgroup_id = READ_ONCE(vm->cgroup_id);
	out->slot = vm->slot;
	out->pid = vm->pid;
	out->nr_vcpus = READ_ONCE(vm->nr_vcpus);
	out->cosched = READ_ONCE(vm->cosched);
	out->slice_us = READ_ONCE(vm->slice_us);
	out->spin = READ_ONCE(vm->spin);
	out->guard = READ_ONCE(vm->guard);
	out->guard_us = READ_ONCE(vm->guard_us);
	out->skew_us = READ_ONCE(vm->skew_us);
	out->isolate = READ_ONCE(vm->isolate);
	out->managed = READ_ONCE(vm->managed);
	out->reserve_period_us = READ_ONCE(vm->reserve_period_us);
	out->reserve_slice_us = READ_ONCE(vm->reserve_slice_us);
	out->extratime = READ_ONCE(vm->extratime);
	return 0;
}

/**
 * vmgang_bpf_in_kernel - is the current vCPU in guest kernel mode?
 * @p__ign: its thread, which is current on this CPU
 *
 * For ops.dispatch, where a thread that runs on arrives from a VM exit: the
 * answer is of that exit. Uhlig et al., "Towards Scalable Multiprocessor Virtual
 * Machines", VM 2004, section 4.1: an unsafe state, seen from outside.
 *
 * Return: true if so; false in user mode, outside of KVM_RUN, and for a guest
 * whose state is protected from the host.
 */
__bpf_kfunc bool vmgang_bpf_in_kernel(struct task_struct *p__ign)
{
	struct vmgang_thread *thread;
	struct vmgang_vcpu *vcpu;
	struct kvm_vcpu *kvcpu;

	if (p__ign != current)
		return false;
	guard(rcu)();
	thread = vmgang_thread_find(p__ign);
	vcpu = thread ? rcu_dereference(thread->vcpu) : NULL;
	kvcpu = vcpu ? READ_ONCE(vcpu->kvcpu) : NULL;
	return kvcpu && vmgang_kvm_in_kernel(kvcpu);
}

/**
 * vmgang_bpf_lock_us - does the vCPU hold a lock, by its guest's own word?
 * @p__ign: its thread
 *
 * Uhlig et al. (as above), section 4.2: the guest says how long it holds a lock.
 * It may lie.
 *
 * Return: 0 if it does not, or its guest gives no hint; else for how long it says
 * it holds locks, in microseconds (1..65535).
 */
__bpf_kfunc u32 vmgang_bpf_lock_us(struct task_struct *p__ign)
{
	struct vmgang_thread *thread;

	guard(rcu)();
	thread = vmgang_thread_find(p__ign);
	return thread ? vmgang_vcpu_lock_us(thread) : 0;
}

/**
 * vmgang_bpf_ask_safe - ask a vCPU's guest to come into a safe state
 * @p__ign: its thread, which is current on this CPU and goes on
 *
 * Uhlig et al. (as above), section 4.1: a device that interrupts a guest which is
 * rarely safe.  Does nothing if the guest has no driver for it.  When the guest is
 * there, the tracepoint vcpu_safe is emitted, in the vCPU's thread.
 */
__bpf_kfunc void vmgang_bpf_ask_safe(struct task_struct *p__ign)
{
	struct vmgang_thread *thread;

	if (p__ign != current)
		return;
	guard(rcu)();
	thread = vmgang_thread_find(p__ign);
	if (thread)
		vmgang_vcpu_ask(thread);
}

/**
 * vmgang_bpf_report_guard - a vCPU was let go on in guest kernel mode
 * @p__ign: its thread
 * @ns: for how long
 * @expired: true: until the bound, guard_us; false: until it was in a safe state,
 *	gave its pCPU away, or lost it to the host
 *
 * Counts guard_extensions, guard_expiries and guarded_us, and emits the
 * tracepoint vcpu_guard.
 */
__bpf_kfunc void vmgang_bpf_report_guard(struct task_struct *p__ign, u64 ns,
					 bool expired)
{
	struct vmgang_thread *thread;

	guard(rcu)();
	thread = vmgang_thread_find(p__ign);
	if (thread)
		vmgang_vcpu_guarded(thread, ns, expired);
}

/**
 * vmgang_bpf_report_costop - a vCPU is held back for its siblings' sake
 * @p__ign: its thread
 * @held: true: from now on; false: not any more
 *
 * While held, the vCPU's runnable time counts as co-stop, not as ready. May
 * come before the thread leaves its pCPU or before its wake-up is complete.
 * Ends by itself when the vCPU runs or sleeps.  Emits the tracepoints
 * vcpu_costop and vcpu_costart.
 */
__bpf_kfunc void vmgang_bpf_report_costop(struct task_struct *p__ign, bool held)
{
	struct vmgang_thread *thread;

	guard(rcu)();
	thread = vmgang_thread_find(p__ign);
	if (thread)
		vmgang_vcpu_hold(thread, held);
}

/**
 * vmgang_bpf_report_gang - a VM's vCPUs begin or end to run together
 * @slot: the VM's slot
 * @id: the VM's id; a report about a VM that is gone is dropped
 * @start: true: a co-start; false: a co-stop
 * @width: how many vCPUs
 *
 * Counts gang_starts or gang_stops and emits the tracepoint of that name.
 */
__bpf_kfunc void vmgang_bpf_report_gang(u32 slot, u64 id, bool start, u32 width)
{
	struct vmgang_vm *vm;

	guard(rcu)();
	vm = vmgang_vm_find_slot(slot);
	if (!vm || vm->id != id)
		return;
	scoped_guard(raw_spinlock_irqsave, &vm->lock) {
		if (start)
			vm->gang_starts++;
		else
			vm->gang_stops++;
	}
	if (start)
		trace_gang_start(slot, vm->pid, width);
	else
		trace_gang_stop(slot, vm->pid, width);
}

/**
 * vmgang_bpf_report_reserve - how a VM's reservation was decided
 * @answer: the decision, and what is booked
 *
 * For the tracepoint policy_change, before it returns: a change that is refused
 * is undone, and whoever made it told.  And whenever a vCPU of a VM with a
 * reservation comes or goes.
 */
__bpf_kfunc void vmgang_bpf_report_reserve(const struct vmgang_bpf_reserve *answer)
{
	struct vmgang_vm *vm;

	guard(rcu)();
	vm = vmgang_vm_find_slot(answer->slot);
	if (!vm || vm->id != answer->id)
		return;
	scoped_guard(raw_spinlock_irqsave, &vm->lock)
		vm->reserve_answer = *answer;
	if (answer->refused)
		WRITE_ONCE(vm->reserve_refused, true);
}

/**
 * vmgang_bpf_report_missed - a vCPU did not get what it has reserved
 * @slot: its VM's slot
 * @id: its VM's id; a report about a VM that is gone is dropped
 * @vcpu: its index
 *
 * Counts reserve/misses and emits the tracepoint vcpu_missed.
 */
__bpf_kfunc void vmgang_bpf_report_missed(u32 slot, u64 id, u32 vcpu)
{
	struct vmgang_vm *vm;

	guard(rcu)();
	vm = vmgang_vm_find_slot(slot);
	if (!vm || vm->id != id)
		return;
	scoped_guard(raw_spinlock_irqsave, &vm->lock)
		vm->reserve_misses++;
	trace_vcpu_missed(slot, vm->pid, vcpu);
}

/**
 * vmgang_bpf_report_frag - pCPUs stayed empty for a VM's idle vCPUs
 * @slot: the VM's slot
 * @id: the VM's id; a report about a VM that is gone is dropped
 * @ns: for how long in all, since the last report
 */
__bpf_kfunc void vmgang_bpf_report_frag(u32 slot, u64 id, u64 ns)
{
	struct vmgang_vm *vm;

	guard(rcu)();
	vm = vmgang_vm_find_slot(slot);
	if (!vm || vm->id != id)
		return;
	guard(raw_spinlock_irqsave)(&vm->lock);
	vm->frag_ns += ns;
}

__bpf_kfunc_end_defs();

BTF_KFUNCS_START(vmgang_kfuncs)
BTF_ID_FLAGS(func, vmgang_bpf_attach_class, KF_SLEEPABLE)
BTF_ID_FLAGS(func, vmgang_bpf_detach_class)
BTF_ID_FLAGS(func, vmgang_bpf_get_vcpu, KF_RCU)
BTF_ID_FLAGS(func, vmgang_bpf_get_vm)
BTF_ID_FLAGS(func, vmgang_bpf_in_kernel, KF_RCU)
BTF_ID_FLAGS(func, vmgang_bpf_lock_us, KF_RCU)
BTF_ID_FLAGS(func, vmgang_bpf_ask_safe, KF_RCU)
BTF_ID_FLAGS(func, vmgang_bpf_report_guard, KF_RCU)
BTF_ID_FLAGS(func, vmgang_bpf_report_costop, KF_RCU)
BTF_ID_FLAGS(func, vmgang_bpf_report_gang)
BTF_ID_FLAGS(func, vmgang_bpf_report_reserve)
BTF_ID_FLAGS(func, vmgang_bpf_report_missed)
BTF_ID_FLAGS(func, vmgang_bpf_report_frag)
BTF_KFUNCS_END(vmgang_kfuncs)

static const struct btf_kfunc_id_set kfunc_set = {
	.owner = THIS_MODULE,
	.set = &vmgang_kfuncs,
};

int vmgang_kfunc_init(void)
{
	static const enum bpf_prog_type types[] = {
		BPF_PROG_TYPE_STRUCT_OPS, BPF_PROG_TYPE_TRACING,
		BPF_PROG_TYPE_SYSCALL,
	};
	int i, ret;

	for (i = 0; i < ARRAY_SIZE(types); i++) {
		ret = register_btf_kfunc_id_set(types[i], &kfunc_set);
		if (ret)
			return ret;
	}
	return 0;
}

/*
 * Programs that call us hold the module, so none is left by now; the kernel
 * forgets the set with the module.
 */
void vmgang_kfunc_uninit(void)
{
	WRITE_ONCE(class_attached, 0);
	irq_work_sync(&state_irq);
	cancel_work_sync(&state_work);
}
