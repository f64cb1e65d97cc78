// SPDX-License-Identifier: GPL-2.0-only
/*
 * The only file that knows KVM.  Three functions of kvm.ko are hooked, by
 * name, with ftrace; /sys/kernel/tracing/enabled_functions shows them:
 *
 *	kvm_arch_vcpu_ioctl_run(vcpu)	once for each KVM_RUN, in the vCPU's
 *					thread: finds VMs, vCPUs and threads.
 *					Nothing is done per VM exit.
 *	kvm_arch_destroy_vm(kvm)	the VM's end, before a vCPU is freed
 *	kvm_vcpu_on_spin(vcpu, kernel)	where every kind of spin exit arrives:
 *					PLE, pause filter, Hyper-V's and Xen's
 *					hypercalls
 *
 * The hooks are ftrace_ops of our own rather than fprobes for one flag: they
 * are permanent.  Where kernel.ftrace_enabled=0 still switches hooks off, it
 * would make us miss a VM's death; with the flag it is refused, as for live
 * patches.
 *
 * KVM exports little to others than its own modules.  We need nothing of it
 * but that it is there: kvm_put_kvm, never called, makes modprobe load kvm.ko
 * first and keeps it from being unloaded under our hooks.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/ftrace.h>
#include <linux/kvm_host.h>
#include <linux/printk.h>
#include <linux/string.h>

#include "compat.h"
#include "vm.h"

static void (* const pin_kvm)(struct kvm *kvm) __used = kvm_put_kvm;

static void *first_argument(struct ftrace_regs *regs)
{
	return (void *)ftrace_regs_get_argument(regs, 0);
}

static void on_run(unsigned long ip, unsigned long parent_ip,
		   struct ftrace_ops *ops, struct ftrace_regs *regs)
{
	struct kvm_vcpu *vcpu = first_argument(regs);

	vmgang_vm_enter(vcpu->kvm, vcpu, vcpu->vcpu_idx);
}

static void on_destroy(unsigned long ip, unsigned long parent_ip,
		       struct ftrace_ops *ops, struct ftrace_regs *regs)
{
	vmgang_vm_destroyed(first_argument(regs));
}

/* A vCPU spins in its own thread. */
static void on_spin(unsigned long ip, unsigned long parent_ip,
		    struct ftrace_ops *ops, struct ftrace_regs *regs)
{
	struct vmgang_thread *thread;

	guard(rcu)();
	thread = vmgang_thread_find(current);
	if (thread)
		vmgang_vcpu_spin(thread);
}

/*
 * Does the vCPU, which runs and is about to leave its pCPU by its own doing,
 * give way to a sibling?
 */
bool vmgang_kvm_yielding(const struct kvm_vcpu *kvcpu)
{
	return READ_ONCE(kvcpu->spin_loop.in_spin_loop);
}

/*
 * Was the vCPU in guest kernel mode when it was preempted?  KVM finds out
 * itself, just after the scheduler has told us of the switch, and keeps
 * @preempted until just after it has told us of the switch back: so this is to
 * be asked at the latter.  If @preempted is not set, the thread was preempted
 * outside of KVM_RUN.
 */
bool vmgang_kvm_preempted_in_kernel(const struct kvm_vcpu *kvcpu)
{
	return READ_ONCE(kvcpu->preempted) && kvcpu->arch.preempted_in_kernel;
}

/*
 * Directed yields by hypercall (KVM_HC_SCHED_YIELD), which KVM counts.  Those
 * from spin exits it does not: see vmgang_kvm_yielding().
 */
u64 vmgang_kvm_yields(const struct kvm_vcpu *kvcpu)
{
	return READ_ONCE(kvcpu->stat.directed_yield_successful);
}

/* In order of registration: no VM may be found before its death would be. */
static struct hook {
	const char *function;
	struct ftrace_ops ops;
} hooks[] = {
	{ "kvm_arch_destroy_vm", { .func = on_destroy } },
	{ "kvm_vcpu_on_spin", { .func = on_spin } },
	{ "kvm_arch_vcpu_ioctl_run", { .func = on_run } },
};

static int hook_register(struct hook *hook)
{
	char name[64];
	int ret;

	hook->ops.flags = FTRACE_OPS_FL_PERMANENT;
	strscpy(name, hook->function);
	ret = ftrace_set_filter(&hook->ops, name, strlen(name), 1);
	if (!ret)
		ret = register_ftrace_function(&hook->ops);
	if (ret) {
		pr_err("cannot hook %s() of KVM: %pe\n", hook->function,
		       ERR_PTR(ret));
		ftrace_free_filter(&hook->ops);
	}
	return ret;
}

/* Waits until no thread is inside the hook. */
static void hook_unregister(struct hook *hook)
{
	unregister_ftrace_function(&hook->ops);
	ftrace_free_filter(&hook->ops);
}

int vmgang_kvm_init(void)
{
	struct hook *hook;
	int ret;

	for (hook = hooks; hook < hooks + ARRAY_SIZE(hooks); hook++) {
		ret = hook_register(hook);
		if (ret)
			goto err;
	}
	return 0;
err:
	while (hook-- > hooks)
		hook_unregister(hook);
	return ret;
}

/*
 * First nothing new is found; then everything that was is let go, while the
 * death of a VM is still seen.
 */
void vmgang_kvm_uninit(void)
{
	struct hook *hook = hooks + ARRAY_SIZE(hooks);

	hook_unregister(--hook);
	vmgang_vm_kill_all();
	while (hook-- > hooks)
		hook_unregister(hook);
}
