/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The objects: a VM (one struct kvm), its vCPUs, and the threads that run
 * them.  vm.c, vcpu.c and thread.c own them; who may hold them, and how they
 * go away, is told in vm.c.
 *
 * Locks, in the order in which they nest:
 *
 *	vmgang_lock	raw, interrupts off: the lists and tables of VMs and
 *			threads, slots, and who is bound to whom (together
 *			with vm->lock).  Work may be queued under it.
 *	  rq->lock	the scheduler's; we are called under it
 *	    vm->lock	raw, interrupts off: the VM's time, its vCPUs, and
 *			every pointer into KVM.  Nothing is called under it
 *			that wakes, sleeps, allocates or traces.
 *
 * perf calls us under locks of its own, which nest inside rq->lock: of these
 * locks it may take vm->lock alone, and may not wait for it (vm.c).
 */
#ifndef VMGANG_VM_H
#define VMGANG_VM_H

#include <linux/kobject.h>
#include <linux/list.h>
#include <linux/rcupdate.h>
#include <linux/refcount.h>
#include <linux/sched.h>
#include <linux/spinlock.h>
#include <linux/timekeeping.h>
#include <linux/workqueue.h>

#include "account.h"
#include "class/intf.h"
#include "hint.h"

struct kvm;
struct kvm_vcpu;

#define VMGANG_NAME_MAX		255
#define VMGANG_SLICE_US		20000
#define VMGANG_SLICE_US_MIN	1000
#define VMGANG_SLICE_US_MAX	100000
#define VMGANG_GUARD_US		1000
#define VMGANG_GUARD_US_MIN	100
#define VMGANG_GUARD_US_MAX	10000
#define VMGANG_SKEW_US		5000
#define VMGANG_SKEW_US_MIN	1000
#define VMGANG_SKEW_US_MAX	100000
#define VMGANG_RESERVE_SLICE_US_MIN	100
#define VMGANG_RESERVE_PERIOD_US_MIN	1000
#define VMGANG_RESERVE_PERIOD_US_MAX	1000000

struct vmgang_vm {
	raw_spinlock_t lock;
	struct vmgang_vm_account account;
	u64 gang_starts;
	u64 gang_stops;
	u64 guard_max_ns;
	u64 frag_ns;

	u64 id;
	u32 slot;
	pid_t pid;
	u32 instance;			/* <n> of vms/<pid>-<n> */
	u32 nr_vcpus;
	u64 cgroup_id;
	u32 cosched;			/* enum vmgang_cosched */
	u32 slice_us;
	u32 spin;			/* enum vmgang_spins */
	u32 guard;			/* enum vmgang_guard */
	u32 guard_us;
	u32 skew_us;
	u32 managed;
	u32 reserve_period_us;		/* changed under a lock of reserve_attr.c */
	u32 reserve_slice_us;
	u32 extratime;
	bool reserve_refused;		/* the class's answer to the last change */
	struct vmgang_bpf_reserve reserve_answer;
	u64 reserve_misses;
	bool dead;
	bool shown;			/* in sysfs; the VM's work's own */

	struct kvm *kvm;		/* a key, never followed */
	struct pid *tgid;
	struct hlist_node node;		/* in the table of VMs, by @kvm */
	struct list_head link;		/* in vmgang_vms */
	struct list_head vcpus;		/* of vmgang_vcpu.link */
	struct list_head leaving;	/* those whose directory is to go */
	struct work_struct work;
	struct kobject kobj;
	struct kobject *vcpus_kobj;
	struct rcu_head rcu;
	char name[VMGANG_NAME_MAX + 1];
};

/* Everything that is counted for VMs and can be added up. */
struct vmgang_totals {
	struct vmgang_sums sums;
	u64 gang_starts;
	u64 gang_stops;
	u64 frag_ns;
};

struct vmgang_vcpu {
	struct vmgang_vcpu_account account;
	struct vmgang_vm *vm;
	struct vmgang_thread *thread;	/* who runs it, or NULL */
	struct kvm_vcpu *kvcpu;		/* NULL once the VM is dead */
	u64 yields_base;		/* KVM's count when it was added */
	struct vmgang_hint hint;
	u32 index;
	bool shown;			/* in sysfs; the VM's work's own */
	struct list_head link;
	struct kobject kobj;
	struct rcu_head rcu;
};

struct vmgang_thread {
	struct hlist_node node;		/* in the table of threads, by @task */
	struct list_head link;		/* in vmgang_threads */
	struct task_struct *task;
	struct vmgang_vcpu __rcu *vcpu;	/* what it runs, or NULL */
	u64 binding;			/* changes whenever @vcpu does */
	bool exiting;
	refcount_t ref;
	struct rcu_head rcu;

	/* The rest is its work's own: what it was before the class had it. */
	struct work_struct work;
	struct vmgang_vm *home;		/* VM it is in the class for, or NULL */
	u64 home_binding;
	u64 slice_ns;			/* sched_attr.sched_runtime */
	int policy;
};

static inline struct vmgang_vm *vmgang_vm_of(struct kobject *kobj)
{
	return container_of(kobj, struct vmgang_vm, kobj);
}

extern raw_spinlock_t vmgang_lock;
extern struct list_head vmgang_vms;
extern struct list_head vmgang_threads;
extern struct workqueue_struct *vmgang_wq;

/* vm.c */
int vmgang_vm_init(void);
void vmgang_vm_uninit(void);
void vmgang_vm_enter(struct kvm *kvm, struct kvm_vcpu *kvcpu, u32 index,
		     struct task_struct *task);
void vmgang_vm_destroyed(struct kvm *kvm);
void vmgang_vm_kill_all(void);
struct vmgang_vm *vmgang_vm_find_slot(u32 slot);
struct vmgang_vm *vmgang_vm_get_id(u64 id);
void vmgang_vm_sum(struct vmgang_vm *vm, struct vmgang_sums *sums);
bool vmgang_vm_totals(struct vmgang_vm *vm, struct vmgang_totals *totals);
void vmgang_vm_kick(struct vmgang_vm *vm);
void vmgang_vm_level(struct vmgang_vm *vm);
void vmgang_vm_release(struct vmgang_vm *vm);
u32 vmgang_vm_count(void);

static inline struct vmgang_vm *vmgang_vm_get(struct vmgang_vm *vm)
{
	kobject_get(&vm->kobj);
	return vm;
}

static inline void vmgang_vm_put(struct vmgang_vm *vm)
{
	kobject_put(&vm->kobj);
}

/* The VM's clock, brought up to now. */
static inline void vmgang_vm_clock(struct vmgang_vm *vm)
{
	lockdep_assert_held(&vm->lock);
	vmgang_account_clock(&vm->account, ktime_get_mono_fast_ns());
}

/* vcpu.c */
struct vmgang_vcpu *vmgang_vcpu_alloc(struct kvm_vcpu *kvcpu, u32 index);
void vmgang_vcpu_release(struct vmgang_vcpu *vcpu);
struct vmgang_vcpu *vmgang_vcpu_find(struct vmgang_vm *vm,
				     const struct kvm_vcpu *kvcpu);
void vmgang_vcpu_add(struct vmgang_vm *vm, struct vmgang_vcpu *vcpu);
void vmgang_vcpu_del(struct vmgang_vcpu *vcpu);
void vmgang_vcpu_bind(struct vmgang_vcpu *vcpu, struct vmgang_thread *thread);
void vmgang_vcpu_settle(struct vmgang_vcpu *vcpu);
void vmgang_vcpu_switch_out(struct vmgang_thread *thread, bool preempt,
			    bool runnable, bool for_vcpu);
void vmgang_vcpu_switch_in(struct vmgang_thread *thread);
void vmgang_vcpu_wake(struct vmgang_thread *thread);
void vmgang_vcpu_hold(struct vmgang_thread *thread, bool held);
void vmgang_vcpu_spin(struct vmgang_thread *thread);
void vmgang_vcpu_guarded(struct vmgang_thread *thread, u64 ns, bool expired);
void vmgang_vcpu_hint(struct vmgang_thread *thread,
		      const struct vmgang_hint_offer *offer);
u32 vmgang_vcpu_lock_us(struct vmgang_thread *thread);
void vmgang_vcpu_ask(struct vmgang_thread *thread);
void vmgang_vcpu_safe(struct vmgang_thread *thread);

/* thread.c */
struct vmgang_thread *vmgang_thread_alloc(struct task_struct *task);
void vmgang_thread_free(struct vmgang_thread *thread);
void vmgang_thread_put(struct vmgang_thread *thread);
void vmgang_thread_add(struct vmgang_thread *thread);
void vmgang_thread_del(struct vmgang_thread *thread);
struct vmgang_thread *vmgang_thread_find(const struct task_struct *task);
void vmgang_thread_kick(struct vmgang_thread *thread);
void vmgang_thread_kick_all(const struct vmgang_vm *vm);
void vmgang_thread_gone(struct task_struct *task, bool exiting);
void vmgang_thread_forked(struct task_struct *parent,
			  struct task_struct *child);
bool vmgang_thread_any(void);

/* sched.c */
int vmgang_sched_init(void);
void vmgang_sched_uninit(void);

/* kvm.c */
int vmgang_kvm_init(void);
void vmgang_kvm_uninit(void);
bool vmgang_kvm_yielding(const struct kvm_vcpu *kvcpu);
bool vmgang_kvm_preempted_in_kernel(const struct kvm_vcpu *kvcpu);
bool vmgang_kvm_in_kernel(struct kvm_vcpu *kvcpu);
u64 vmgang_kvm_yields(const struct kvm_vcpu *kvcpu);
void vmgang_kvm_interrupt(struct kvm_vcpu *kvcpu);

/* cgroup.c */
void vmgang_cgroup_resolve(struct vmgang_vm *vm);
void vmgang_cgroup_moved(struct task_struct *task);
ssize_t vmgang_cgroup_path(struct vmgang_vm *vm, char *buf, size_t size);

/* sysfs.c */
int vmgang_sysfs_init(void);
void vmgang_sysfs_uninit(void);
void vmgang_sysfs_init_vm(struct vmgang_vm *vm);
void vmgang_sysfs_init_vcpu(struct vmgang_vcpu *vcpu);
int vmgang_sysfs_add_vm(struct vmgang_vm *vm);
void vmgang_sysfs_announce_vm(struct vmgang_vm *vm);
void vmgang_sysfs_del_vm(struct vmgang_vm *vm);
int vmgang_sysfs_add_vcpu(struct vmgang_vcpu *vcpu);
void vmgang_sysfs_del_vcpu(struct vmgang_vcpu *vcpu);
void vmgang_sysfs_notify_state(void);

/* policy_attr.c */
extern const struct attribute_group vmgang_policy_group;
extern const struct attribute_group vmgang_policy_values_group;
/* reserve_attr.c */
extern const struct attribute_group vmgang_reserve_group;
int vmgang_reserve_change(struct vmgang_vm *vm, u32 *knob, u32 value);
void vmgang_reserve_forget(void);

/* kfunc.c */
int vmgang_kfunc_init(void);
void vmgang_kfunc_uninit(void);
int vmgang_bpf_attach_class(u32 abi);
void vmgang_bpf_detach_class(void);
int vmgang_bpf_get_vcpu(struct task_struct *p, struct vmgang_bpf_vcpu *out);
int vmgang_bpf_get_vm(u32 slot, struct vmgang_bpf_vm *out);
bool vmgang_bpf_in_kernel(struct task_struct *p);
u32 vmgang_bpf_lock_us(struct task_struct *p);
void vmgang_bpf_ask_safe(struct task_struct *p);
void vmgang_bpf_report_guard(struct task_struct *p, u64 ns, bool expired);
void vmgang_bpf_report_costop(struct task_struct *p, bool held);
void vmgang_bpf_report_gang(u32 slot, u64 id, bool start, u32 width);
void vmgang_bpf_report_reserve(const struct vmgang_bpf_reserve *answer);
void vmgang_bpf_report_missed(u32 slot, u64 id, u32 vcpu);
void vmgang_bpf_report_frag(u32 slot, u64 id, u64 ns);
bool vmgang_class_attached(void);

/* pmu.c */
int vmgang_pmu_init(void);
void vmgang_pmu_uninit(void);

#endif
