// SPDX-License-Identifier: GPL-2.0-only
/*
 * VMs: find, get, put, and how they go away.
 *
 * A VM is born when one of its vCPUs first enters KVM_RUN.  That happens in
 * the vCPU's own thread, inside a hook: nothing may sleep, so the objects are
 * made at once and the VM's work does what takes time (sysfs, cgroup).
 *
 * It dies in two phases.
 *
 * First it becomes unreachable.  kvm_arch_destroy_vm() is called when nobody
 * can enter KVM_RUN any more, before KVM frees a vCPU.  Its hook, in
 * vm_kill(), takes the VM out of the table, marks it dead, ends the time of
 * all its vCPUs and clears every pointer into KVM under vm->lock.  Who holds
 * vm->lock later finds NULL and keeps away from KVM; who held it before us has
 * finished.  We hold no reference on the VM of KVM: its death is never
 * delayed.
 *
 * Then it is freed, when the last of these has let go:
 *
 *   - the list of VMs, and the VM's work while queued, be it for later: one
 *     reference each, and the first phase lets it wait no longer.
 *     The work removes the directories, which waits for every reader and
 *     writer of their files, and then gives back the list's reference;
 *   - each vCPU: until its own directory is gone;
 *   - each thread that is in the class for this VM, until the thread's work
 *     has put it back to its former policy, or it has exited.  The slot is
 *     freed with the VM, so the class never sees two VMs in one slot;
 *   - hooks in the scheduler and kfuncs, which find a VM through a thread or a
 *     slot: they take no reference, but are inside an RCU read-side critical
 *     section, and the memory is freed after a grace period.
 *
 *   - perf events that count this VM alone: one reference each, until they are
 *     closed. They can count on, but nothing changes any more.
 *
 * A vCPU goes away the same way, alone when its thread exits (hot-unplug: the
 * VMM parks the vCPU's file, and another thread may run it again under the
 * same index), or with its VM.  Its time stays in the VM's sums.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/bitmap.h>
#include <linux/hashtable.h>
#include <linux/pid.h>
#include <linux/printk.h>
#include <linux/seqlock.h>
#include <linux/slab.h>

#include "compat.h"
#include "trace.h"
#include "vm.h"

DEFINE_RAW_SPINLOCK(vmgang_lock);
LIST_HEAD(vmgang_vms);
struct workqueue_struct *vmgang_wq;

static DEFINE_HASHTABLE(vms_by_kvm, 8);
static struct vmgang_vm __rcu *slots[VMGANG_MAX_VMS];
static DECLARE_BITMAP(slots_used, VMGANG_MAX_VMS);
static u32 slots_next;
static u32 nr_vms;
static u64 last_id;

/* What VMs had that are gone; changes together with the slot of one. */
static struct vmgang_totals past;
static seqcount_raw_spinlock_t past_seq =
	SEQCNT_RAW_SPINLOCK_ZERO(past_seq, &vmgang_lock);

static void vm_sync(struct work_struct *work);

static struct vmgang_vm *vm_find(const struct kvm *kvm)
{
	struct vmgang_vm *vm;

	lockdep_assert_held(&vmgang_lock);
	hash_for_each_possible(vms_by_kvm, vm, node, (unsigned long)kvm) {
		if (vm->kvm == kvm)
			return vm;
	}
	return NULL;
}

/* The caller is inside an RCU read-side critical section. */
struct vmgang_vm *vmgang_vm_find_slot(u32 slot)
{
	return slot < VMGANG_MAX_VMS ? rcu_dereference(slots[slot]) : NULL;
}

/* The VM in the first slot in use from @slot on, and that slot, or NULL. */
static struct vmgang_vm *next_vm(u32 *slot)
{
	struct vmgang_vm *vm = NULL;

	for (; !vm; ++*slot) {
		*slot = find_next_bit(slots_used, VMGANG_MAX_VMS, *slot);
		if (*slot >= VMGANG_MAX_VMS)
			break;
		vm = vmgang_vm_find_slot(*slot);
	}
	return vm;
}

/* The VM of that id, with a reference, or NULL. */
struct vmgang_vm *vmgang_vm_get_id(u64 id)
{
	struct vmgang_vm *vm;
	u32 slot = 0;

	guard(rcu)();
	while ((vm = next_vm(&slot))) {
		if (vm->id == id && kobject_get_unless_zero(&vm->kobj))
			return vm;
	}
	return NULL;
}

/* The VM's sums, brought up to now. */
void vmgang_vm_sum(struct vmgang_vm *vm, struct vmgang_sums *sums)
{
	struct vmgang_vcpu *vcpu;

	lockdep_assert_held(&vm->lock);
	vmgang_vm_clock(vm);
	list_for_each_entry(vcpu, &vm->vcpus, link)
		vmgang_vcpu_settle(vcpu);
	vmgang_account_sum(&vm->account, sums);
}

/*
 * Whoever holds vm->lock has it for some microseconds, unless it is we, further
 * up on this stack: then no patience helps.  10 ms are more than a pCPU of a
 * virtual host is away for as a rule, and harm nobody.
 */
#define PATIENCE_NS	(10 * NSEC_PER_MSEC)

static bool add_totals(struct vmgang_totals *totals, struct vmgang_vm *vm)
{
	u64 end = ktime_get_mono_fast_ns() + PATIENCE_NS;
	struct vmgang_sums sums;
	unsigned long flags;

	while (!raw_spin_trylock_irqsave(&vm->lock, flags)) {
		if (ktime_get_mono_fast_ns() >= end)
			return false;
		cpu_relax();
	}
	vmgang_vm_sum(vm, &sums);
	totals->gang_starts += vm->gang_starts;
	totals->gang_stops += vm->gang_stops;
	totals->frag_ns += vm->frag_ns;
	raw_spin_unlock_irqrestore(&vm->lock, flags);
	vmgang_sums_add(&totals->sums, &sums);
	return true;
}

/*
 * What @vm, of which the caller has a reference, has and had; or, if @vm is
 * NULL, what all VMs have and had since the module was loaded.  For readers
 * that may be anywhere: under the scheduler's locks, in an NMI, in a probe on
 * a function of ours that holds vm->lock.  So nothing here waits for ever, and
 * the answer may be false: not now.
 */
bool vmgang_vm_totals(struct vmgang_vm *vm, struct vmgang_totals *totals)
{
	unsigned int seq, tries = 8;
	u32 slot;

	guard(rcu)();
	memset(totals, 0, sizeof(*totals));
	if (vm)
		return add_totals(totals, vm);
	while (tries--) {
		seq = raw_seqcount_begin(&past_seq);
		*totals = past;
		for (slot = 0; (vm = next_vm(&slot)); ) {
			if (!add_totals(totals, vm))
				return false;
		}
		if (!read_seqcount_retry(&past_seq, seq))
			return true;
	}
	return false;
}

u32 vmgang_vm_count(void)
{
	return READ_ONCE(nr_vms);
}

static struct vmgang_vm *vm_alloc(struct kvm *kvm, struct task_struct *task)
{
	struct vmgang_vm *vm;

	vm = kzalloc(sizeof(*vm), GFP_ATOMIC | __GFP_NOWARN);
	if (!vm)
		return NULL;
	raw_spin_lock_init(&vm->lock);
	vmgang_account_init(&vm->account, ktime_get_mono_fast_ns());
	INIT_LIST_HEAD(&vm->link);
	INIT_LIST_HEAD(&vm->vcpus);
	INIT_LIST_HEAD(&vm->leaving);
	INIT_DELAYED_WORK(&vm->work, vm_sync);
	vm->kvm = kvm;
	vm->pid = task_tgid_nr(task);
	vm->tgid = get_pid(task_tgid(task));
	vm->slice_us = VMGANG_SLICE_US;
	vm->guard_us = VMGANG_GUARD_US;
	vm->skew_us = VMGANG_SKEW_US;
	vm->managed = 1;
	vm->extratime = 1;
	vmgang_sysfs_init_vm(vm);
	return vm;
}

static void vm_free(struct vmgang_vm *vm)
{
	put_pid(vm->tgid);
	kfree_rcu(vm, rcu);
}

/* Called when the last reference is gone. */
void vmgang_vm_release(struct vmgang_vm *vm)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&vmgang_lock, flags);
	write_seqcount_begin(&past_seq);
	vmgang_sums_add(&past.sums, &vm->account.gone);
	past.gang_starts += vm->gang_starts;
	past.gang_stops += vm->gang_stops;
	past.frag_ns += vm->frag_ns;
	RCU_INIT_POINTER(slots[vm->slot], NULL);
	clear_bit(vm->slot, slots_used);
	write_seqcount_end(&past_seq);
	raw_spin_unlock_irqrestore(&vmgang_lock, flags);
	vm_free(vm);
}

/* The smallest number that no other VM of the process has. */
static u32 free_instance(const struct vmgang_vm *vm)
{
	struct vmgang_vm *other;
	u32 instance = 0;

again:
	list_for_each_entry(other, &vmgang_vms, link) {
		if (other->pid == vm->pid && other->instance == instance) {
			instance++;
			goto again;
		}
	}
	return instance;
}

/*
 * Slots are given out in turn, so that a slot rests as long as possible
 * before it is used again.
 */
static bool vm_add(struct vmgang_vm *vm)
{
	u32 slot;

	lockdep_assert_held(&vmgang_lock);
	slot = find_next_zero_bit(slots_used, VMGANG_MAX_VMS, slots_next);
	if (slot == VMGANG_MAX_VMS)
		slot = find_first_zero_bit(slots_used, VMGANG_MAX_VMS);
	if (slot == VMGANG_MAX_VMS)
		return false;
	set_bit(slot, slots_used);
	slots_next = (slot + 1) % VMGANG_MAX_VMS;
	vm->slot = slot;
	vm->id = ++last_id;
	vm->instance = free_instance(vm);
	list_add_tail(&vm->link, &vmgang_vms);
	hash_add(vms_by_kvm, &vm->node, (unsigned long)vm->kvm);
	WRITE_ONCE(nr_vms, nr_vms + 1);
	rcu_assign_pointer(slots[slot], vm);
	return true;
}

/*
 * What vmgang_vm_enter() has found or made.  The spares are made before the
 * lock is taken, since other threads of the VM may enter at the same time;
 * those that turn out not to be needed are freed.
 */
struct entry {
	struct vmgang_vm *vm, *spare_vm;
	struct vmgang_vcpu *vcpu, *spare_vcpu;
	struct vmgang_thread *thread, *spare_thread;
	bool new_vm, new_vcpu;
};

static bool entry_prepare(struct entry *e, struct kvm *kvm,
			  struct kvm_vcpu *kvcpu, u32 index,
			  struct task_struct *task)
{
	scoped_guard(raw_spinlock_irqsave, &vmgang_lock) {
		e->vm = vm_find(kvm);
		if (e->vm)
			e->vcpu = vmgang_vcpu_find(e->vm, kvcpu);
		else if (bitmap_full(slots_used, VMGANG_MAX_VMS))
			return false;
	}
	if (!e->vm)
		e->spare_vm = vm_alloc(kvm, task);
	if (!e->vcpu)
		e->spare_vcpu = vmgang_vcpu_alloc(kvcpu, index);
	if (!e->thread)
		e->spare_thread = vmgang_thread_alloc(task);
	return (e->vm || e->spare_vm) && (e->vcpu || e->spare_vcpu) &&
	       (e->thread || e->spare_thread);
}

static bool entry_commit(struct entry *e, struct kvm *kvm,
			 struct kvm_vcpu *kvcpu)
{
	guard(raw_spinlock_irqsave)(&vmgang_lock);

	e->vm = vm_find(kvm);
	if (!e->vm) {
		if (!e->spare_vm || !vm_add(e->spare_vm))
			return false;
		e->vm = no_free_ptr(e->spare_vm);
		e->new_vm = true;
	}
	e->vcpu = vmgang_vcpu_find(e->vm, kvcpu);
	if (!e->vcpu) {
		if (!e->spare_vcpu)
			return false;
		e->vcpu = no_free_ptr(e->spare_vcpu);
		vmgang_vcpu_add(e->vm, e->vcpu);
		e->new_vcpu = true;
	}
	if (!e->thread) {
		e->thread = no_free_ptr(e->spare_thread);
		vmgang_thread_add(e->thread);
	}
	vmgang_vcpu_bind(e->vcpu, e->thread);
	vmgang_vm_kick(e->vm);
	vmgang_thread_kick(e->thread);
	return true;
}

/*
 * @task is in KVM_RUN.  All but the first time, that is one probe of the
 * table of threads.  Should memory be short, the next time will do.
 */
void vmgang_vm_enter(struct kvm *kvm, struct kvm_vcpu *kvcpu, u32 index,
		     struct task_struct *task)
{
	struct entry e = {};
	struct vmgang_vcpu *vcpu;

	guard(rcu)();
	e.thread = vmgang_thread_find(task);
	if (e.thread) {
		vcpu = rcu_dereference(e.thread->vcpu);
		if (vcpu && READ_ONCE(vcpu->kvcpu) == kvcpu)
			return;
	}
	if (entry_prepare(&e, kvm, kvcpu, index, task) &&
	    entry_commit(&e, kvm, kvcpu)) {
		if (e.new_vm)
			trace_vm_add(e.vm->slot, e.vm->pid, e.vm->id);
		if (e.new_vcpu)
			trace_vcpu_add(e.vm->slot, e.vm->pid, index,
				       task_pid_nr(task));
	}
	if (e.spare_thread)
		vmgang_thread_free(e.spare_thread);
	if (e.spare_vcpu)
		vmgang_vcpu_release(e.spare_vcpu);
	if (e.spare_vm)
		vm_free(e.spare_vm);
}

/* The first phase of a VM's death. */
static void vm_kill(struct vmgang_vm *vm)
{
	struct vmgang_vcpu *vcpu, *next;
	struct vmgang_thread *thread;

	lockdep_assert_held(&vmgang_lock);
	hash_del(&vm->node);
	WRITE_ONCE(nr_vms, nr_vms - 1);
	WRITE_ONCE(vm->dead, true);
	list_for_each_entry_safe(vcpu, next, &vm->vcpus, link) {
		thread = vcpu->thread;
		vmgang_vcpu_del(vcpu);
		if (thread)
			vmgang_thread_kick(thread);
	}
	vm->kvm = NULL;
	vmgang_vm_kick(vm);
}

/* KVM is about to free @kvm and its vCPUs. */
void vmgang_vm_destroyed(struct kvm *kvm)
{
	struct vmgang_vm *vm;

	guard(rcu)();
	scoped_guard(raw_spinlock_irqsave, &vmgang_lock) {
		vm = vm_find(kvm);
		if (vm)
			vm_kill(vm);
	}
	if (vm)
		trace_vm_del(vm->slot, vm->pid, vm->id);
}

/* For the module's end.  No VM can be born any more. */
void vmgang_vm_kill_all(void)
{
	struct vmgang_thread *thread, *next;
	struct vmgang_vm *vm;

	guard(raw_spinlock_irqsave)(&vmgang_lock);
	list_for_each_entry(vm, &vmgang_vms, link) {
		if (!vm->dead)
			vm_kill(vm);
	}
	list_for_each_entry_safe(thread, next, &vmgang_threads, link)
		vmgang_thread_del(thread);
}

/* Its vCPUs are level from now on: see account.c. */
void vmgang_vm_level(struct vmgang_vm *vm)
{
	guard(raw_spinlock_irqsave)(&vm->lock);
	vmgang_vm_clock(vm);
	vmgang_account_level(&vm->account);
}

/* Has the VM's work done.  The caller holds the VM in some way. */
void vmgang_vm_kick(struct vmgang_vm *vm)
{
	vmgang_vm_get(vm);
	if (mod_delayed_work(vmgang_wq, &vm->work, 0))
		vmgang_vm_put(vm);
}

/* Has the VM's work done when the first hint is no longer lent. */
static void await_hints(struct vmgang_vm *vm)
{
	struct vmgang_vcpu *vcpu;
	u64 until = U64_MAX, now;

	scoped_guard(raw_spinlock_irqsave, &vm->lock) {
		list_for_each_entry(vcpu, &vm->vcpus, link)
			until = min(until, vmgang_hint_until(&vcpu->hint));
		now = vm->account.now;
	}
	if (until == U64_MAX)
		return;
	vmgang_vm_get(vm);
	if (!queue_delayed_work(vmgang_wq, &vm->work,
				until > now ? nsecs_to_jiffies(until - now) + 1 : 0))
		vmgang_vm_put(vm);
}

static struct vmgang_vcpu *first_leaving(struct vmgang_vm *vm)
{
	struct vmgang_vcpu *vcpu;

	guard(raw_spinlock_irqsave)(&vm->lock);
	vcpu = list_first_entry_or_null(&vm->leaving, struct vmgang_vcpu, link);
	if (vcpu)
		list_del_init(&vcpu->link);
	return vcpu;
}

/*
 * None while one is still to go: it may have the same index.  Its leaving has
 * queued the work again.
 */
static struct vmgang_vcpu *first_unshown(struct vmgang_vm *vm)
{
	struct vmgang_vcpu *vcpu;

	guard(raw_spinlock_irqsave)(&vm->lock);
	if (!list_empty(&vm->leaving))
		return NULL;
	list_for_each_entry(vcpu, &vm->vcpus, link) {
		if (!vcpu->shown) {
			vcpu->shown = true;
			kobject_get(&vcpu->kobj);
			return vcpu;
		}
	}
	return NULL;
}

static struct vmgang_vcpu *first_hinting(struct vmgang_vm *vm)
{
	struct vmgang_vcpu *vcpu;

	guard(raw_spinlock_irqsave)(&vm->lock);
	vmgang_vm_clock(vm);
	list_for_each_entry(vcpu, &vm->vcpus, link) {
		if (vmgang_hint_pending(&vcpu->hint, vm->account.now)) {
			kobject_get(&vcpu->kobj);
			return vcpu;
		}
	}
	return NULL;
}

/*
 * The VM's work: makes sysfs say what is, and pins what vCPUs hint at.  Whatever
 * changed since it was queued is done in one go, the old before the new, since
 * a vCPU may come back under its old index.
 */
static void vm_sync(struct work_struct *work)
{
	struct vmgang_vm *vm = container_of(to_delayed_work(work),
					    struct vmgang_vm, work);
	bool dead = READ_ONCE(vm->dead), announce = false;
	struct vmgang_vcpu *vcpu;

	while ((vcpu = first_leaving(vm))) {
		vmgang_sysfs_del_vcpu(vcpu);
		vmgang_hint_sync(vcpu);
		kobject_put(&vcpu->kobj);
	}
	while ((vcpu = first_hinting(vm))) {
		vmgang_hint_sync(vcpu);
		kobject_put(&vcpu->kobj);
	}
	if (!dead) {
		vmgang_cgroup_resolve(vm);
		if (!vm->shown) {
			vm->shown = announce = !vmgang_sysfs_add_vm(vm);
			if (!vm->shown)
				pr_warn_ratelimited("VM of process %d: cannot make its directory\n",
						    vm->pid);
		}
		while (vm->shown && (vcpu = first_unshown(vm))) {
			vmgang_sysfs_add_vcpu(vcpu);
			kobject_put(&vcpu->kobj);
		}
		if (announce)
			vmgang_sysfs_announce_vm(vm);
		await_hints(vm);
	} else if (!list_empty(&vm->link)) {
		if (vm->shown)
			vmgang_sysfs_del_vm(vm);
		scoped_guard(raw_spinlock_irqsave, &vmgang_lock)
			list_del_init(&vm->link);
		vmgang_vm_put(vm);
	}
	vmgang_vm_put(vm);
}

int vmgang_vm_init(void)
{
	vmgang_wq = alloc_workqueue("vmgang", WQ_UNBOUND | WQ_HIGHPRI, 0);
	return vmgang_wq ? 0 : -ENOMEM;
}

/* Everything that could queue work is gone by now. */
void vmgang_vm_uninit(void)
{
	destroy_workqueue(vmgang_wq);
	WARN_ON_ONCE(!list_empty(&vmgang_vms) || !list_empty(&vmgang_threads));
}
