// SPDX-License-Identifier: GPL-2.0-only
/*
 * The only file that knows KVM.  Four functions of kvm.ko are hooked, by
 * name, with fprobes; /sys/kernel/tracing/enabled_functions shows them:
 *
 *	kvm_arch_vcpu_ioctl_run(vcpu)	once for each KVM_RUN, in the vCPU's
 *					thread: finds VMs, vCPUs and threads.
 *					Nothing is done per VM exit.
 *	kvm_arch_destroy_vm(kvm)	the VM's end, before a vCPU is freed
 *	kvm_vcpu_on_spin(vcpu, kernel)	where every kind of spin exit arrives:
 *					PLE, pause filter, Hyper-V's and Xen's
 *					hypercalls
 *	kvm_emulate_cpuid(vcpu)		where a guest's hint comes from, and its
 *					answer: see guest/hint.h
 *
 * Only entries are hooked, so that no thread that is inside one of these
 * functions for hours returns through us.
 *
 * KVM exports little to others than its own modules.  We need nothing of it
 * but that it is there: kvm_put_kvm, never called, makes modprobe load kvm.ko
 * first and keeps it from being unloaded under our hooks.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/fdtable.h>
#include <linux/fprobe.h>
#include <linux/fs.h>
#include <linux/kvm_host.h>
#include <linux/magic.h>
#include <linux/printk.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/string.h>

#include "compat.h"
#include "guest/hint.h"
#include "vm.h"

static void (* const pin_kvm)(struct kvm *kvm) __used = kvm_put_kvm;

static int on_run(struct fprobe *fprobe, unsigned long ip,
		  unsigned long ret_ip, vmgang_fprobe_regs *regs, void *data)
{
	struct kvm_vcpu *vcpu = vmgang_fprobe_argument(regs);

	vmgang_vm_enter(vcpu->kvm, vcpu, vcpu->vcpu_idx, current);
	return 0;
}

static int on_destroy(struct fprobe *fprobe, unsigned long ip,
		      unsigned long ret_ip, vmgang_fprobe_regs *regs,
		      void *data)
{
	vmgang_vm_destroyed(vmgang_fprobe_argument(regs));
	return 0;
}

/* A vCPU spins in its own thread. */
static int on_spin(struct fprobe *fprobe, unsigned long ip,
		   unsigned long ret_ip, vmgang_fprobe_regs *regs, void *data)
{
	struct vmgang_thread *thread;

	guard(rcu)();
	thread = vmgang_thread_find(current);
	if (thread)
		vmgang_vcpu_spin(thread);
	return 0;
}

/*
 * Where in the VMM's memory the guest-physical address is, or 0 if it is
 * nowhere.  The vCPU's thread holds kvm->srcu while it handles an exit.
 */
static unsigned long guest_address(struct kvm_vcpu *vcpu, gpa_t gpa)
{
	struct kvm_memory_slot *slot;

	slot = __gfn_to_memslot(kvm_memslots(vcpu->kvm), gpa_to_gfn(gpa));
	if (!slot || slot->flags & (KVM_MEMSLOT_INVALID | KVM_MEM_READONLY))
		return 0;
	return __gfn_to_hva_memslot(slot, gpa_to_gfn(gpa)) + offset_in_page(gpa);
}

/* What is not valid takes the hint back, too. */
static void hear_hint(struct vmgang_thread *thread, struct kvm_vcpu *vcpu)
{
	const unsigned long *regs = vcpu->arch.regs;
	u32 control = regs[VCPU_REGS_RCX];
	gpa_t held = regs[VCPU_REGS_RBX], ask = regs[VCPU_REGS_RSI];
	struct vmgang_hint_offer offer = {
		.mask = regs[VCPU_REGS_RDX],
		.hold_us = VMGANG_HINT_HOLD_US(control),
	};

	if (VMGANG_HINT_VERSION_OF(control) == VMGANG_HINT_VERSION &&
	    held && IS_ALIGNED(held | ask, sizeof(u32)) && offer.mask &&
	    offer.hold_us) {
		offer.address[VMGANG_HINT_HELD] = guest_address(vcpu, held);
		if (ask)
			offer.address[VMGANG_HINT_ASK] = guest_address(vcpu, ask);
	}
	vmgang_vcpu_hint(thread, &offer);
}

static int on_cpuid(struct fprobe *fprobe, unsigned long ip,
		    unsigned long ret_ip, vmgang_fprobe_regs *regs, void *data)
{
	struct kvm_vcpu *vcpu = vmgang_fprobe_argument(regs);
	u32 leaf = vcpu->arch.regs[VCPU_REGS_RAX];
	struct vmgang_thread *thread;

	if ((leaf != VMGANG_HINT_LEAF && leaf != VMGANG_SAFE_LEAF) ||
	    !vmgang_kvm_in_kernel(vcpu))
		return 0;
	guard(rcu)();
	thread = vmgang_thread_find(current);
	if (thread && leaf == VMGANG_HINT_LEAF)
		hear_hint(thread, vcpu);
	else if (thread)
		vmgang_vcpu_safe(thread);
	return 0;
}

/*
 * The guest's local APIC raises its performance interrupt when the vCPU, which is
 * current, goes on: the one source of it that a guest has set up in any case, or
 * has masked, and that KVM lets be asked for from outside.
 */
void vmgang_kvm_interrupt(struct kvm_vcpu *kvcpu)
{
	kvm_make_request(KVM_REQ_PMI, kvcpu);
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
 * Is the vCPU, which is current, in guest kernel mode, as of its last VM exit?
 * KVM can tell while it has the vCPU loaded on this CPU: then, and only then,
 * its preempt notifier is among the thread's.  A guest whose state is protected
 * does not say.
 *
 * On Intel, KVM caches what it reads of the segments until the next entry.  We
 * may have come between its writing one and its forgetting what it was before,
 * so that it would keep what we read: so have it forget.
 */
bool vmgang_kvm_in_kernel(struct kvm_vcpu *kvcpu)
{
	struct preempt_notifier *notifier;
	bool in_kernel;

	hlist_for_each_entry(notifier, &current->preempt_notifiers, link) {
		if (notifier != &kvcpu->preempt_notifier)
			continue;
		if (kvcpu->arch.guest_state_protected)
			return false;
		in_kernel = vmgang_kvm_cpl_is_0(kvcpu);
		vmgang_kvm_forget_segments(kvcpu);
		return in_kernel;
	}
	return false;
}

/*
 * Directed yields by hypercall (KVM_HC_SCHED_YIELD), which KVM counts.  Those
 * from spin exits it does not: see vmgang_kvm_yielding().
 */
u64 vmgang_kvm_yields(const struct kvm_vcpu *kvcpu)
{
	return READ_ONCE(kvcpu->stat.directed_yield_successful);
}

/*
 * vCPUs that are in KVM_RUN already when the module is loaded.  A guest that
 * needs nothing of its VMM may stay there for hours, so they are looked for:
 * in the open files of all processes.  Those that are not in KVM_RUN will be
 * found when they enter it.
 */
static bool is_vcpu(const struct file *file)
{
	return file_inode(file)->i_sb->s_magic == ANON_INODE_FS_MAGIC &&
	       !strncmp(file->f_path.dentry->d_name.name, "kvm-vcpu:",
			strlen("kvm-vcpu:"));
}

/* The thread that ran it last.  The caller is inside an RCU critical section. */
static struct task_struct *vcpu_task(struct kvm_vcpu *vcpu)
{
#if VMGANG_HAVE_KVM_PID_LOCK
	guard(read_lock)(&vcpu->pid_lock);
	return pid_task(vcpu->pid, PIDTYPE_PID);
#else
	return pid_task(rcu_dereference(vcpu->pid), PIDTYPE_PID);
#endif
}

/* The lock of the table of files is held, so the vCPU is alive. */
static int discover_file(const void *unused, struct file *file, unsigned int fd)
{
	struct kvm_vcpu *vcpu = file->private_data;
	struct task_struct *task;

	if (!is_vcpu(file) || !READ_ONCE(vcpu->wants_to_run))
		return 0;
	task = vcpu_task(vcpu);
	if (!task)
		return 0;
	vmgang_vm_enter(vcpu->kvm, vcpu, vcpu->vcpu_idx, task);
	/* If it began to exit before it was known, nobody will tell us. */
	smp_mb();
	if (READ_ONCE(task->flags) & PF_EXITING)
		vmgang_thread_gone(task, true);
	return 0;
}

static void discover(void)
{
	struct task_struct *process, *thread;

	guard(rcu)();
	for_each_process_thread(process, thread) {
		/* Nearly always all threads have the same files. */
		if (thread != process && thread->files == process->files)
			continue;
		task_lock(thread);
		iterate_fd(thread->files, 0, discover_file, NULL);
		task_unlock(thread);
	}
}

/* In order of registration: no VM may be found before its death would be. */
static struct hook {
	const char *function;
	struct fprobe fprobe;
} hooks[] = {
	{ "kvm_arch_destroy_vm", { .entry_handler = on_destroy } },
	{ "kvm_vcpu_on_spin", { .entry_handler = on_spin } },
	{ "kvm_emulate_cpuid", { .entry_handler = on_cpuid } },
	{ "kvm_arch_vcpu_ioctl_run", { .entry_handler = on_run } },
};

static int hook_register(struct hook *hook)
{
	int ret;

	vmgang_fprobe_prepare(&hook->fprobe);
	ret = register_fprobe_syms(&hook->fprobe, &hook->function, 1);
	if (ret)
		pr_err("cannot hook %s() of KVM: %pe\n", hook->function,
		       ERR_PTR(ret));
	return ret;
}

/* Waits until nobody is inside the hook. */
static void hook_unregister(struct hook *hook)
{
	unregister_fprobe(&hook->fprobe);
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
	discover();
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
