/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the host makes of a vCPU's hint (guest/hint.h).  The caller holds
 * vm->lock, except where it says otherwise.
 */
#ifndef VMGANG_HOST_HINT_H
#define VMGANG_HOST_HINT_H

#include <linux/types.h>

struct mm_struct;
struct page;
struct vmgang_vcpu;

/* The words of guest memory: that says "held", and by which we ask. */
enum vmgang_hint_word {
	VMGANG_HINT_HELD,
	VMGANG_HINT_ASK,
	VMGANG_HINT_WORDS,
};

/*
 * What a guest said, where the words are for the VMM: if the first is at 0 the
 * hint is taken back.
 */
struct vmgang_hint_offer {
	unsigned long address[VMGANG_HINT_WORDS];
	u32 mask;
	u32 hold_us;
};

struct vmgang_hint {
	u32 *word[VMGANG_HINT_WORDS];		/* in @page, or NULL */
	struct page *page[VMGANG_HINT_WORDS];	/* pinned, or NULL */
	struct mm_struct *mm;	/* an offer awaits the VM's work, or NULL */
	struct vmgang_hint_offer offer;
	u64 until;		/* end of the lease, by the VM's clock */
	u64 next;		/* no other offer is taken before */
	bool asked;		/* … to come into a safe state, and has not said so */
};

bool vmgang_hint_offer(struct vmgang_hint *hint, u64 now,
		       const struct vmgang_hint_offer *offer);
u32 vmgang_hint_hold_us(const struct vmgang_hint *hint, u64 now);
bool vmgang_hint_held(const struct vmgang_hint *hint, u64 now);
bool vmgang_hint_ask(struct vmgang_hint *hint, u64 now);
bool vmgang_hint_safe(struct vmgang_hint *hint);

bool vmgang_hint_pending(const struct vmgang_hint *hint);

/* For the VM's work, which may sleep and holds no lock. */
void vmgang_hint_sync(struct vmgang_vcpu *vcpu);

#endif
