// SPDX-License-Identifier: GPL-2.0-only
/*
 * Threads that run vCPUs: how they are found, and how they enter the class and
 * leave it.
 *
 * A thread's work compares what should be with what is.  It should be in the
 * class while the class is attached and it runs a vCPU of a living VM that is
 * managed.  Only this work changes a thread's policy, so it alone needs to
 * know what the policy was before; everything else that happens just has the
 * work done.
 *
 * What the user does to a thread stays: a thread under fifo, rr or deadline is
 * left alone, and one whose policy was changed while it was in the class is
 * not put back.
 */
#include <linux/hashtable.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <uapi/linux/sched.h>
#include <uapi/linux/sched/types.h>

#include "compat.h"
#include "trace.h"
#include "vm.h"

LIST_HEAD(vmgang_threads);

static DEFINE_HASHTABLE(threads_by_task, 12);
static u32 nr_threads;

static void thread_sync(struct work_struct *work);

/*
 * The caller is inside an RCU read-side critical section.  This is what every
 * context switch of the host pays.
 */
struct vmgang_thread *vmgang_thread_find(const struct task_struct *task)
{
	struct vmgang_thread *thread;

	hash_for_each_possible_rcu(threads_by_task, thread, node,
				   (unsigned long)task) {
		if (thread->task == task)
			return thread;
	}
	return NULL;
}

bool vmgang_thread_any(void)
{
	return READ_ONCE(nr_threads);
}

struct vmgang_thread *vmgang_thread_alloc(struct task_struct *task)
{
	struct vmgang_thread *thread;

	thread = kzalloc(sizeof(*thread), GFP_ATOMIC | __GFP_NOWARN);
	if (!thread)
		return NULL;
	thread->task = get_task_struct(task);
	refcount_set(&thread->ref, 1);
	INIT_LIST_HEAD(&thread->link);
	INIT_WORK(&thread->work, thread_sync);
	return thread;
}

void vmgang_thread_free(struct vmgang_thread *thread)
{
	put_task_struct(thread->task);
	kfree_rcu(thread, rcu);
}

void vmgang_thread_put(struct vmgang_thread *thread)
{
	if (refcount_dec_and_test(&thread->ref))
		vmgang_thread_free(thread);
}

/* The caller's reference becomes the table's. */
void vmgang_thread_add(struct vmgang_thread *thread)
{
	lockdep_assert_held(&vmgang_lock);
	list_add_tail(&thread->link, &vmgang_threads);
	hash_add_rcu(threads_by_task, &thread->node,
		     (unsigned long)thread->task);
	WRITE_ONCE(nr_threads, nr_threads + 1);
}

/* The thread is forgotten, once its work has put back its policy. */
void vmgang_thread_del(struct vmgang_thread *thread)
{
	lockdep_assert_held(&vmgang_lock);
	hash_del_rcu(&thread->node);
	list_del_init(&thread->link);
	WRITE_ONCE(nr_threads, nr_threads - 1);
	vmgang_thread_kick(thread);
	vmgang_thread_put(thread);
}

/* Has the thread's work done.  The caller holds the thread in some way. */
void vmgang_thread_kick(struct vmgang_thread *thread)
{
	refcount_inc(&thread->ref);
	if (!queue_work(vmgang_wq, &thread->work))
		vmgang_thread_put(thread);
}

/* The same for all threads, or for those of one VM. */
void vmgang_thread_kick_all(const struct vmgang_vm *vm)
{
	struct vmgang_thread *thread;
	struct vmgang_vcpu *vcpu;

	guard(raw_spinlock_irqsave)(&vmgang_lock);
	list_for_each_entry(thread, &vmgang_threads, link) {
		vcpu = rcu_dereference_protected(thread->vcpu, true);
		if (!vm || (vcpu && vcpu->vm == vm))
			vmgang_thread_kick(thread);
	}
}

/*
 * @task exits, or becomes another program, which can run no vCPU of before.
 * Its vCPU goes with it; should another thread run that vCPU later, it is a
 * new one.  A thread that lives on stays known even if it runs no vCPU: it may
 * run another, and only one of us may know what its policy was.
 */
void vmgang_thread_gone(struct task_struct *task, bool exiting)
{
	struct vmgang_thread *thread;
	struct vmgang_vcpu *vcpu;

	guard(rcu)();
	thread = vmgang_thread_find(task);
	if (!thread)
		return;
	scoped_guard(raw_spinlock_irqsave, &vmgang_lock) {
		if (list_empty(&thread->link))
			return;
		WRITE_ONCE(thread->exiting, exiting);
		vcpu = rcu_dereference_protected(thread->vcpu, true);
		if (vcpu) {
			vmgang_vcpu_del(vcpu);
			vmgang_vm_kick(vcpu->vm);
		}
		if (exiting)
			vmgang_thread_del(thread);
		else
			vmgang_thread_kick(thread);
	}
	if (vcpu)
		trace_vcpu_del(vcpu->vm->slot, vcpu->vm->pid, vcpu->index,
			       task_pid_nr(task));
}

static int set_policy(struct task_struct *task, int policy, u64 slice_ns)
{
	struct sched_attr attr = {
		.size = sizeof(attr),
		.sched_policy = policy,
		.sched_nice = task_nice(task),
		.sched_runtime = slice_ns,
	};

	if (task->sched_reset_on_fork)
		attr.sched_flags |= SCHED_FLAG_RESET_ON_FORK;
	return sched_setattr_nocheck(task, &attr);
}

/* Takes over the caller's reference on @vm. */
static void join(struct vmgang_thread *thread, struct vmgang_vm *vm,
		 u64 binding)
{
	struct task_struct *task = thread->task;
	int policy = READ_ONCE(task->policy);

	switch (policy) {
	case SCHED_NORMAL:
	case SCHED_BATCH:
	case SCHED_IDLE:
		break;
	default:
		vmgang_vm_put(vm);
		return;
	}
	thread->policy = policy;
	thread->slice_ns = task->se.custom_slice ? task->se.slice : 0;
	WRITE_ONCE(thread->home, vm);
	thread->home_binding = binding;
	/* The class may have said no to this thread: then it stays as it is. */
	if (set_policy(task, SCHED_EXT, 0)) {
		WRITE_ONCE(thread->home, NULL);
		vmgang_vm_put(vm);
	}
}

static void leave(struct vmgang_thread *thread)
{
	struct task_struct *task = thread->task;
	struct vmgang_vm *vm = thread->home;

	if (READ_ONCE(task->policy) == SCHED_EXT && !READ_ONCE(thread->exiting))
		set_policy(task, thread->policy, thread->slice_ns);
	WRITE_ONCE(thread->home, NULL);
	vmgang_vm_put(vm);
}

static void thread_sync(struct work_struct *work)
{
	struct vmgang_thread *thread;
	struct vmgang_vm *vm = NULL;
	struct vmgang_vcpu *vcpu;
	u64 binding;

	thread = container_of(work, struct vmgang_thread, work);
	scoped_guard(raw_spinlock_irqsave, &vmgang_lock) {
		vcpu = rcu_dereference_protected(thread->vcpu, true);
		binding = thread->binding;
		if (vcpu && READ_ONCE(vcpu->vm->managed) &&
		    vmgang_class_attached())
			vm = vmgang_vm_get(vcpu->vm);
	}
	/*
	 * A thread that now runs another vCPU leaves and enters, so that the
	 * class asks again whose it is.
	 */
	if (thread->home &&
	    (thread->home != vm || thread->home_binding != binding))
		leave(thread);
	if (vm && !thread->home) {
		vmgang_cgroup_resolve(vm);
		join(thread, vm, binding);
	} else if (vm) {
		vmgang_vm_put(vm);
	}
	vmgang_thread_put(thread);
}

/*
 * The class is for vCPUs alone: a thread or process that one of them makes
 * does not inherit it.  The child has not run yet, and nothing sleeps here.
 */
void vmgang_thread_forked(struct task_struct *parent,
			  struct task_struct *child)
{
	struct vmgang_thread *thread;

	if (READ_ONCE(child->policy) != SCHED_EXT)
		return;
	guard(rcu)();
	thread = vmgang_thread_find(parent);
	if (thread && READ_ONCE(thread->home))
		set_policy(child, READ_ONCE(thread->policy), 0);
}
