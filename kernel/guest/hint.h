/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The hint: how a guest tells its host that a vCPU holds a lock.  Shared by
 * both.
 *
 * Each vCPU lends the host a 32-bit word of its memory to look at: some of its
 * bits are set exactly while the vCPU must not lose its pCPU.  It does so with
 * CPUID, which reaches the host from every guest, is answered by KVM without
 * any help, and happens seldom otherwise:
 *
 *	eax	VMGANG_HINT_LEAF
 *	rbx	guest-physical address of the word, a multiple of 4; 0 takes the
 *		hint back
 *	ecx	VMGANG_HINT_CONTROL(how long the bits stay set as a rule)
 *	edx	which bits of the word count
 *	rsi	guest-physical address of another word, a multiple of 4, by which
 *		the host may ask the vCPU to come into a safe state; 0: it may not
 *
 * in guest kernel mode, on the vCPU itself.  What comes back says nothing; a
 * host without vmgang does nothing.  It is a lease of VMGANG_HINT_LEASE_S, so a
 * guest says it again every VMGANG_HINT_RENEW_S: then it holds across
 * migration and a host whose module is loaded later, and it ends by itself
 * when the guest is reset, crashes or becomes another kernel.  The host only
 * ever reads the first word.
 *
 * The second is VMGANG_ASK_NOT while the guest is ready to be asked.  To ask, the
 * host makes VMGANG_ASK_SAFE of it, and of nothing else, and raises the local
 * APIC's performance interrupt (LVTPC), which is masked where no driver waits for
 * it.  The guest comes into a state without locks as soon as it can, makes
 * VMGANG_ASK_NOT of the word, and says that it is there by a CPUID with
 *
 *	eax	VMGANG_SAFE_LEAF
 *
 * at which the host may take the pCPU.
 */
#ifndef VMGANG_HINT_H
#define VMGANG_HINT_H

#define VMGANG_HINT_LEAF	0x40766d67
#define VMGANG_SAFE_LEAF	0x40766d68
#define VMGANG_HINT_VERSION	1
#define VMGANG_HINT_LEASE_S	60
#define VMGANG_HINT_RENEW_S	10

/* @hold_us: 1 to 65535 */
#define VMGANG_HINT_CONTROL(hold_us)	(VMGANG_HINT_VERSION << 16 | (hold_us))
#define VMGANG_HINT_VERSION_OF(control)	((control) >> 16)
#define VMGANG_HINT_HOLD_US(control)	((control) & 0xffff)

/* Not likely to be what memory holds that has become something else. */
#define VMGANG_ASK_NOT		0x766d6771
#define VMGANG_ASK_SAFE		0x766d6773

#endif
