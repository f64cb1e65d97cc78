/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What differs between the kernels that vmgang is built for.  No other file
 * looks at LINUX_VERSION_CODE.
 */
#ifndef VMGANG_COMPAT_H
#define VMGANG_COMPAT_H

#include <linux/kernfs.h>
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
