// SPDX-License-Identifier: GPL-2.0-only
/*
 * Hooks on the scheduler, through tracepoints that every kernel has but does
 * not export: they are found by name.
 *
 *	sched_switch, sched_wakeup	under rq->lock, for every task
 *	sched_process_exit		the vCPU's thread ends
 *	sched_process_exec		it becomes another program
 *	sched_process_fork		a child must not inherit the class
 *	cgroup_attach_task		the VM may have another cgroup now
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/printk.h>
#include <linux/sched.h>
#include <linux/string.h>
#include <linux/tracepoint.h>

#include "compat.h"
#include "vm.h"

struct linux_binprm;
struct cgroup;

static void on_switch(void *data, bool preempt, struct task_struct *prev,
		      struct task_struct *next, unsigned int prev_state)
{
	struct vmgang_thread *thread, *other;

	if (!vmgang_thread_any())
		return;
	guard(rcu)();
	other = vmgang_thread_find(next);
	/*
	 * In 6.12, a task that finds a signal on its way to sleep stays
	 * runnable although prev_state says otherwise.
	 */
	thread = vmgang_thread_find(prev);
	if (thread)
		vmgang_vcpu_switch_out(thread, preempt, preempt ||
				       !prev_state ||
				       !READ_ONCE(prev->__state), other);
	if (other)
		vmgang_vcpu_switch_in(other);
}

static void on_wakeup(void *data, struct task_struct *task)
{
	struct vmgang_thread *thread;

	if (!vmgang_thread_any())
		return;
	guard(rcu)();
	thread = vmgang_thread_find(task);
	if (thread)
		vmgang_vcpu_wake(thread);
}

static void on_exit(VMGANG_SCHED_EXIT_ARGS)
{
	vmgang_thread_gone(task, true);
}

static void on_exec(void *data, struct task_struct *task, pid_t old_pid,
		    struct linux_binprm *bprm)
{
	vmgang_thread_gone(task, false);
}

static void on_fork(void *data, struct task_struct *parent,
		    struct task_struct *child)
{
	vmgang_thread_forked(parent, child);
}

static void on_cgroup(void *data, struct cgroup *cgrp, const char *path,
		      struct task_struct *task, bool threadgroup)
{
	vmgang_cgroup_moved(task);
}

static struct hook {
	const char *name;
	void *probe;
	struct tracepoint *tp;
} hooks[] = {
	{ "sched_switch", on_switch },
	{ "sched_wakeup", on_wakeup },
	{ "sched_process_exit", on_exit },
	{ "sched_process_exec", on_exec },
	{ "sched_process_fork", on_fork },
	{ "cgroup_attach_task", on_cgroup },
};

static void find_tracepoint(struct tracepoint *tp, void *unused)
{
	struct hook *hook;

	for (hook = hooks; hook < hooks + ARRAY_SIZE(hooks); hook++) {
		if (!strcmp(tp->name, hook->name))
			hook->tp = tp;
	}
}

static void unregister(struct hook *end)
{
	while (end-- > hooks)
		tracepoint_probe_unregister(end->tp, end->probe, NULL);
	tracepoint_synchronize_unregister();
}

int vmgang_sched_init(void)
{
	struct hook *hook;
	int ret;

	for_each_kernel_tracepoint(find_tracepoint, NULL);
	for (hook = hooks; hook < hooks + ARRAY_SIZE(hooks); hook++) {
		ret = hook->tp ? tracepoint_probe_register(hook->tp,
							   hook->probe, NULL)
			       : -ENOENT;
		if (ret) {
			pr_err("cannot hook the tracepoint %s\n", hook->name);
			unregister(hook);
			return ret;
		}
	}
	return 0;
}

void vmgang_sched_uninit(void)
{
	unregister(hooks + ARRAY_SIZE(hooks));
}
