/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The guests: 32-bit protected mode, flat, no paging, position-independent.
 * A vCPU enters with
 *
 *	%ebp	its own 64-bit iteration counter, in a cache line of its own
 *	%edi	its index
 *	%esp	its own stack
 *
 * and interrupts off. Lengths are given in turns: one turn is the two
 * instructions DEC and JNZ of the macro `work`, about one cycle on hardware,
 * a few nanoseconds under emulation. Besides its turns, an iteration costs
 * some ten instructions.
 *
 * Each payload is one entry of vmm.c's table, which says what it counts.
 */
#include "../../kernel/guest/hint.h"
#include "layout.h"

#define MSR_SYSENTER_CS		0x174
#define MSR_SYSENTER_ESP	0x175
#define MSR_SYSENTER_EIP	0x176

#define APIC(reg)	0xfee00000 + (reg)
#define APIC_EOI	0xb0
#define APIC_SVR	0xf0
#define APIC_ICR_LOW	0x300
#define APIC_ICR_HIGH	0x310
#define APIC_LVTT	0x320
#define APIC_TMICT	0x380
#define APIC_TDCR	0x3e0

	.section .rodata
	.code32

	.globl payload_start, payload_end
	.globl payload_irq
	.globl payload_compute, payload_barrier, payload_lock, payload_phase
	.globl payload_spin, payload_idle, payload_one_busy, payload_wake
	.globl payload_yieldy, payload_syscall, payload_held, payload_hinted
	.globl payload_renews, payload_team

	.macro work turns
	movl	\turns, %ecx
901:	decl	%ecx
	jnz	901b
	.endm

/* The VMM ignores the OUT that a wrapped counter causes without a limit. */
	.macro count_one
	addl	$1, (%ebp)
	adcl	$0, 4(%ebp)
	movl	(%ebp), %eax
	cmpl	SH_LIMIT, %eax
	jne	902f
	outb	%al, $PORT_DONE
902:
	.endm

/* Sense-reversing barrier; %esi is this vCPU's sense, 0 at the start. */
	.macro barrier
	xorl	$1, %esi
	lock decl SH_BARRIER
	jnz	903f
	movl	SH_NR_VCPUS, %eax
	movl	%eax, SH_BARRIER
	movl	%esi, SH_SENSE
	jmp	905f
903:	cmpl	%esi, SH_SENSE
	je	905f
	pause
	jmp	903b
905:
	.endm

/* APIC on; one-shot timer in nanoseconds (KVM's APIC bus runs at 1 GHz). */
	.macro apic_on
	movl	$0x1ff, APIC(APIC_SVR)
	movl	$0xb, APIC(APIC_TDCR)
	movl	$0x20, APIC(APIC_LVTT)
	.endm

	.macro apic_timer ns
	movl	\ns, %eax
	movl	%eax, APIC(APIC_TMICT)
	.endm

/* The hint may lie about where the word is. */
	.macro give_hint
	movl	$VMGANG_HINT_LEAF, %eax
	leal	VCPU_HELD(%ebp), %ebx
	addl	SH_HINT_SHIFT, %ebx
	movl	SH_HINT_CONTROL, %ecx
	movl	$1, %edx
	cpuid
	.endm

/* Interrupts are only ever on here, so that none is lost before the HLT. */
	.macro halt
	sti
	hlt
	cli
	.endm

payload_start:

payload_irq:
	movl	$0, APIC(APIC_EOI)
	iret

payload_compute:
	work	SH_WORK
	count_one
	jmp	payload_compute

payload_barrier:
	xorl	%esi, %esi
1:	work	SH_WORK
	barrier
	count_one
	jmp	1b

/* 0xc4021: vector 0x21 for all but the sender. */
payload_team:
	apic_on
	xorl	%esi, %esi
1:	work	SH_WORK
	xorl	$1, %esi
	lock decl SH_BARRIER
	jnz	2f
	movl	SH_NR_VCPUS, %eax
	movl	%eax, SH_BARRIER
	movl	%esi, SH_SENSE
	movl	$0xc4021, APIC(APIC_ICR_LOW)
	jmp	5f
2:	movl	SH_THINK, %ecx
3:	cmpl	%esi, SH_SENSE
	je	5f
	pause
	decl	%ecx
	jnz	3b
4:	cmpl	%esi, SH_SENSE
	je	5f
	halt
	jmp	4b
5:	count_one
	jmp	1b

payload_hinted:
	give_hint
payload_lock:
	movl	$1, %eax
	lock xaddl %eax, SH_TICKET
1:	cmpl	%eax, SH_OWNER
	je	2f
	pause
	jmp	1b
2:	movl	$1, VCPU_HELD(%ebp)
	work	SH_WORK
	movl	$0, VCPU_HELD(%ebp)
	incl	SH_OWNER
	work	SH_THINK
	count_one
	jmp	payload_lock

payload_phase:
	xorl	%esi, %esi
1:	movl	SH_PHASE, %edx
2:	work	SH_WORK
	count_one
	decl	%edx
	jnz	2b
	movl	SH_PHASE, %edx
3:	work	SH_WORK
	barrier
	count_one
	decl	%edx
	jnz	3b
	jmp	1b

payload_spin:
	movl	SH_WORK, %ecx
1:	pause
	decl	%ecx
	jnz	1b
	count_one
	jmp	payload_spin

payload_idle:
	apic_on
1:	apic_timer SH_HALT_NS
	halt
	count_one
	jmp	1b

payload_one_busy:
	testl	%edi, %edi
	jz	payload_compute
	outb	%al, $PORT_DONE
1:	halt
	jmp	1b

payload_wake:
	apic_on
1:	cmpl	%edi, SH_TOKEN
	je	2f
	halt
	jmp	1b
2:	work	SH_WORK
	leal	1(%edi), %eax
	cmpl	SH_NR_VCPUS, %eax
	jb	3f
	xorl	%eax, %eax
3:	movl	%eax, SH_TOKEN
	shll	$24, %eax
	movl	%eax, APIC(APIC_ICR_HIGH)
	movl	$0x4021, APIC(APIC_ICR_LOW)
	count_one
	jmp	1b

payload_yieldy:
	apic_on
1:	rdtsc
	movl	%eax, %esi
2:	work	SH_WORK
	count_one
	rdtsc
	subl	%esi, %eax
	cmpl	SH_RUN_TSC, %eax
	jb	2b
	apic_timer SH_HALT_NS
	halt
	jmp	1b

/* SYSENTER and SYSEXIT load flat segments by themselves; data stays as it is. */
payload_syscall:
	xorl	%edx, %edx
	movl	$MSR_SYSENTER_CS, %ecx
	movl	$GDT_CODE, %eax
	wrmsr
	movl	$MSR_SYSENTER_ESP, %ecx
	movl	%esp, %eax
	wrmsr
	movl	$MSR_SYSENTER_EIP, %ecx
	movl	$(GUEST_CODE + (1f - payload_start)), %eax
	wrmsr
1:	work	SH_WORK
	count_one
	movl	$(GUEST_CODE + (2f - payload_start)), %edx
	movl	%esp, %ecx
	sysexit
2:	work	SH_THINK
	sysenter

payload_held:
	give_hint
1:	movl	$1, VCPU_HELD(%ebp)
	work	SH_WORK
	movl	$0, VCPU_HELD(%ebp)
	work	SH_THINK
	count_one
	jmp	1b

payload_renews:
	movl	SH_PHASE, %edi
	give_hint
1:	movl	$1, VCPU_HELD(%ebp)
	work	SH_WORK
	movl	$0, VCPU_HELD(%ebp)
	work	SH_THINK
	count_one
	decl	%edi
	jnz	1b
	jmp	payload_renews

payload_end:

	.section .note.GNU-stack, "", @progbits
