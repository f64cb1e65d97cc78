/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What differs between the guest's kernels.  No other file of the driver looks
 * at LINUX_VERSION_CODE.
 */
#ifndef VMGANG_GUEST_COMPAT_H
#define VMGANG_GUEST_COMPAT_H

#include <linux/percpu.h>
#include <linux/preempt.h>
#include <linux/version.h>

#ifndef CONFIG_X86_64
#error "the hint is for x86-64 guests"
#endif
#ifndef CONFIG_PREEMPT_COUNT
#error "without CONFIG_PREEMPT_COUNT a spinlock leaves no trace"
#endif
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 6, 0)
#error "the hint needs Linux 6.6 or later"
#endif

/* The counter was a member of pcpu_hot until 6.15. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 15, 0)
#define preempt_count_word()	((void *)this_cpu_ptr(&__preempt_count))
#else
#define preempt_count_word()	((void *)this_cpu_ptr(&pcpu_hot.preempt_count))
#endif

/* Interrupts that spin_lock_irq_disable() has switched off, since 7.3. */
#ifndef HARDIRQ_DISABLE_MASK
#define HARDIRQ_DISABLE_MASK	0
#endif

#endif
