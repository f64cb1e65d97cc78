/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the class needs from the kernel and what vmlinux.h does not say.
 *
 * sched_ext promises no stable interface.  Everything that depends on the
 * kernel's version is here, with the date it was looked at.
 *
 * 2026-11, kernels 7.1 to 7.3: SCX_ENQ_IMMED (7.1) sends a task back to
 * ops.enqueue() when its pCPU is not free for it; bpf_timer_start() may be
 * called with interrupts off (7.0); no SCX_KICK_WAIT before 7.0-rc6.  The floor
 * is 7.1: an older kernel refuses the program, which lacks the enum value.
 */
#ifndef VMGANG_COMPAT_BPF_H
#define VMGANG_COMPAT_BPF_H

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include <bpf/bpf_core_read.h>

#ifndef __noinline
#define __noinline __attribute__((noinline))
#endif
#ifndef __always_inline
#define __always_inline inline __attribute__((always_inline))
#endif
#ifndef __maybe_unused
#define __maybe_unused __attribute__((unused))
#endif

/* A loop condition that bounds the loop for the verifier. */
#define can_loop							\
({									\
	__label__ l_break, l_continue;					\
	bool ret = true;						\
	asm volatile goto("may_goto %l[l_break]" :::: l_break);		\
	goto l_continue;						\
l_break:								\
	ret = false;							\
l_continue:;								\
	ret;								\
})

#define BPF_STRUCT_OPS(name, args...)					\
SEC("struct_ops/" #name)						\
BPF_PROG(name, ##args)

#define BPF_STRUCT_OPS_SLEEPABLE(name, args...)				\
SEC("struct_ops.s/" #name)						\
BPF_PROG(name, ##args)

#define VG_ENOENT	2
#define VG_CLOCK_MONOTONIC 1
#define VG_TIMER_CPU_PIN 2	/* BPF_F_TIMER_CPU_PIN */

#endif /* VMGANG_COMPAT_BPF_H */
