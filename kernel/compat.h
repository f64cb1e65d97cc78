/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What differs between the kernels that vmgang is built for.  No other file
 * looks at LINUX_VERSION_CODE.
 */
#ifndef VMGANG_COMPAT_H
#define VMGANG_COMPAT_H

#include <linux/fprobe.h>
#include <linux/ftrace.h>
#include <linux/kernfs.h>
#include <linux/ptrace.h>
#include <linux/rcupdate.h>
#include <linux/version.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 12, 0)
#error "vmgang needs Linux 6.12 or later"
#endif

#ifndef CONFIG_X86
#error "vmgang knows KVM on x86 only"
#endif

/* 2026-11: the class needs sched_ext as of 7.2; 6.12 of Debian has it off. */
#if IS_ENABLED(CONFIG_SCHED_CLASS_EXT) && \
	LINUX_VERSION_CODE >= KERNEL_VERSION(7, 2, 0)
#define VMGANG_HAVE_CLASS 1
#else
#define VMGANG_HAVE_CLASS 0
#endif

/* kvm_vcpu.pid has a lock of its own since 6.14; it was under RCU before. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 14, 0)
#define VMGANG_HAVE_KVM_PID_LOCK 1
#else
#define VMGANG_HAVE_KVM_PID_LOCK 0
#endif

/*
 * fprobes pass struct ftrace_regs since 6.14.  Before, each had an ftrace_ops
 * of its own, and kernel.ftrace_enabled=0 would have switched it off, so that
 * we would miss a VM's death: a permanent one refuses that.
 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 14, 0)
typedef struct ftrace_regs vmgang_fprobe_regs;

static inline void *vmgang_fprobe_argument(struct ftrace_regs *regs)
{
	return (void *)ftrace_regs_get_argument(regs, 0);
}

static inline void vmgang_fprobe_prepare(struct fprobe *fprobe)
{
}
#else
typedef struct pt_regs vmgang_fprobe_regs;

static inline void *vmgang_fprobe_argument(struct pt_regs *regs)
{
	return (void *)regs_get_kernel_argument(regs, 0);
}

static inline void vmgang_fprobe_prepare(struct fprobe *fprobe)
{
	fprobe->ops.flags = FTRACE_OPS_FL_PERMANENT;
}
#endif

/* Whether the guest is in kernel mode 6.12 lets nobody ask but KVM's own. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(7, 2, 0) && IS_ENABLED(CONFIG_X86_64)
#define vmgang_kvm_cpl_is_0(kvcpu) (!kvm_x86_call(get_cpl)(kvcpu))
#else
#define vmgang_kvm_cpl_is_0(kvcpu) false
#endif

/* The set of registers that KVM has cached is a bitmap since 7.2. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(7, 2, 0)
#define vmgang_kvm_forget_segments(kvcpu) \
	__clear_bit(VCPU_REG_SEGMENTS, (kvcpu)->arch.regs_avail)
#else
#define vmgang_kvm_forget_segments(kvcpu) \
	((kvcpu)->arch.regs_avail &= ~BIT(VCPU_EXREG_SEGMENTS))
#endif

/* sched_process_exit says whether the thread is its process's last since 6.16. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 16, 0)
#define VMGANG_SCHED_EXIT_ARGS void *data, struct task_struct *task, bool last
#else
#define VMGANG_SCHED_EXIT_ARGS void *data, struct task_struct *task
#endif

/* A kernfs node's name is under RCU since 6.15. */
static inline const char *vmgang_kernfs_name(const struct kernfs_node *kn)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 15, 0)
	return rcu_dereference(kn->name);
#else
	return kn->name;
#endif
}

#endif
