/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Guest-physical memory of a micro-VM: 64 KiB at address 0, shared by the
 * payloads (payload.S) and the VMM. Words that different vCPUs write lie in
 * cache lines of their own.
 */
#ifndef VMGANG_GUEST_LAYOUT_H
#define VMGANG_GUEST_LAYOUT_H

#define GUEST_GDT		0x0800
#define GUEST_CODE		0x1000
#define GUEST_IDT		0x2000
#define GUEST_SHARED		0x3000
#define GUEST_VCPU		0x8000
#define GUEST_VCPU_STRIDE	0x200
#define GUEST_MEM		0x10000
#define GUEST_MAX_VCPUS		64

/* Written by the VMM before the first vCPU runs. */
#define SH_NR_VCPUS	(GUEST_SHARED + 0x00)
#define SH_WORK		(GUEST_SHARED + 0x04)	/* turns, at least 1 */
#define SH_THINK	(GUEST_SHARED + 0x08)	/* turns, at least 1 */
#define SH_PHASE	(GUEST_SHARED + 0x0c)	/* iterations of one phase */
#define SH_LIMIT	(GUEST_SHARED + 0x10)	/* 0: none */
#define SH_RUN_TSC	(GUEST_SHARED + 0x14)
#define SH_HALT_NS	(GUEST_SHARED + 0x18)
#define SH_HINT_SHIFT	(GUEST_SHARED + 0x1c)
#define SH_HINT_CONTROL	(GUEST_SHARED + 0x20)

/* In a vCPU's own area, behind its counter: 1 while it holds a lock. */
#define VCPU_HELD	8

/* Written by the vCPUs. */
#define SH_BARRIER	(GUEST_SHARED + 0x80)	/* still to arrive; starts at nr_vcpus */
#define SH_SENSE	(GUEST_SHARED + 0x100)
#define SH_TICKET	(GUEST_SHARED + 0x180)
#define SH_OWNER	(GUEST_SHARED + 0x200)
#define SH_TOKEN	(GUEST_SHARED + 0x280)

/* An OUT to this port says that a vCPU has reached SH_LIMIT. */
#define PORT_DONE	0x10

#define GDT_CODE	0x08
#define GDT_DATA	0x10

#endif
