// SPDX-License-Identifier: GPL-2.0-only
/*
 * A vCPU's hint: the word of guest memory that says whether the vCPU holds a
 * lock, and the one by which it is asked to come into a safe state.  They are
 * used where nothing may sleep or fault, under rq->lock, so their pages are
 * pinned, as those of the VMM's memory which they are: KVM is not asked.
 *
 * The first is never written, and only ever read as a number.  The second is
 * written only if it has the value by which the guest says that it may be.
 *
 * Nobody tells us when that memory is taken away or put elsewhere: an MMU notifier
 * would, but who unmaps would have to wait for those who look, under a lock of
 * both.  What a pin that is out of date means is a page that is nobody else's: one
 * that its owner has let go of stays allocated while it is pinned, and one that he
 * still has, elsewhere, is his.  So what is read is old, and what is written is
 * lost or where he let us write.  Whatever becomes of the guest or its memory
 * (unmapped, ballooned, rebooted, another kernel), the worst is a wrong answer and
 * a page too many, until the first of these: the guest renews its offer, which
 * pins anew what is there now, if anything; it takes it back; the vCPU's thread,
 * the VM or this module goes; VMGANG_HINT_LEASE_S have passed.
 *
 * A guest can make the VM's work run, which is no time of its own, by nothing
 * but an offer: so it is heard ten times a second.
 */
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>

#include "guest/hint.h"
#include "vm.h"

#define OFFER_NS	(100 * NSEC_PER_MSEC)
#define LEASE_NS	(VMGANG_HINT_LEASE_S * NSEC_PER_SEC)

static bool pinned(const struct vmgang_hint *hint)
{
	return hint->page[VMGANG_HINT_HELD];
}

/* By the vCPU's own thread.  True: the VM's work is to be done. */
bool vmgang_hint_offer(struct vmgang_hint *hint, u64 now,
		       const struct vmgang_hint_offer *offer)
{
	if (!offer->address[VMGANG_HINT_HELD]) {
		memset(hint->word, 0, sizeof(hint->word));
		hint->offer = *offer;
		return pinned(hint);
	}
	if (now < hint->next)
		return false;
	hint->next = now + OFFER_NS;
	hint->until = now + LEASE_NS;
	hint->asked = false;
	/* What is known is used on meanwhile, if the words stay where they are. */
	if (memcmp(offer->address, hint->offer.address, sizeof(offer->address)) ||
	    offer->mask != hint->offer.mask)
		memset(hint->word, 0, sizeof(hint->word));
	hint->offer = *offer;
	if (!hint->mm) {
		mmgrab(current->mm);
		hint->mm = current->mm;
	}
	return true;
}

/* How long the guest holds a lock as a rule; 0 if it gave no hint. */
u32 vmgang_hint_hold_us(const struct vmgang_hint *hint, u64 now)
{
	return hint->word[VMGANG_HINT_HELD] && now < hint->until ?
	       hint->offer.hold_us : 0;
}

/* Does the guest say that it holds a lock now? */
bool vmgang_hint_held(const struct vmgang_hint *hint, u64 now)
{
	return vmgang_hint_hold_us(hint, now) &&
	       READ_ONCE(*hint->word[VMGANG_HINT_HELD]) & hint->offer.mask;
}

/*
 * Asks the guest to come into a safe state, if it is ready to be asked.  True:
 * it is to be interrupted, so that it looks.
 */
bool vmgang_hint_ask(struct vmgang_hint *hint, u64 now)
{
	u32 *word = hint->word[VMGANG_HINT_ASK];

	if (!word || !vmgang_hint_hold_us(hint, now) ||
	    cmpxchg(word, VMGANG_ASK_NOT, VMGANG_ASK_SAFE) != VMGANG_ASK_NOT)
		return false;
	hint->asked = true;
	return true;
}

/* The guest says that it is in a safe state.  True: it has been asked. */
bool vmgang_hint_safe(struct vmgang_hint *hint)
{
	bool asked = hint->asked;

	hint->asked = false;
	return asked;
}

/* Is what is pinned still lent? */
static bool lent(const struct vmgang_hint *hint, u64 now)
{
	return hint->offer.address[VMGANG_HINT_HELD] && now < hint->until;
}

/* Has the guest said something that the VM's work has not seen, or is it time? */
bool vmgang_hint_pending(const struct vmgang_hint *hint, u64 now)
{
	return hint->mm || (pinned(hint) && !lent(hint, now));
}

/* When the VM's work is to look at it again at the latest. */
u64 vmgang_hint_until(const struct vmgang_hint *hint)
{
	return pinned(hint) ? hint->until : U64_MAX;
}

/*
 * Pins what @offer names, as far as it can be, into @pages, which are NULL.  To
 * last, so that what may not be kept from going (a page of a DAX file) is refused
 * and what is movable is made to stay where it does not hinder others.
 */
static void pin(struct mm_struct *mm, const struct vmgang_hint_offer *offer,
		struct page **pages)
{
	int i;

	if (!mmget_not_zero(mm))
		return;
	mmap_read_lock(mm);
	for (i = 0; i < VMGANG_HINT_WORDS; i++) {
		unsigned int flags = FOLL_LONGTERM;

		if (i == VMGANG_HINT_ASK)
			flags |= FOLL_WRITE;
		if (!offer->address[i])
			continue;
		if (pin_user_pages_remote(mm, offer->address[i] & PAGE_MASK, 1,
					  flags, &pages[i], NULL) != 1) {
			pages[i] = NULL;
			break;	/* who can not be seen is not asked */
		}
	}
	mmap_read_unlock(mm);
	mmput(mm);
}

static void unpin(struct page **pages)
{
	if (pages[VMGANG_HINT_HELD])
		unpin_user_page(pages[VMGANG_HINT_HELD]);
	if (pages[VMGANG_HINT_ASK])
		unpin_user_pages_dirty_lock(&pages[VMGANG_HINT_ASK], 1, true);
}

/* Takes the pages of a hint that has ended, and what is needed for the next, off it. */
static void detach(struct vmgang_vcpu *vcpu, struct mm_struct **mm,
		   struct vmgang_hint_offer *offer, struct page **pages)
{
	struct vmgang_hint *hint = &vcpu->hint;

	guard(raw_spinlock_irqsave)(&vcpu->vm->lock);
	*mm = hint->mm;
	*offer = hint->offer;
	hint->mm = NULL;
	if (vcpu->kvcpu && lent(hint, vcpu->vm->account.now))
		return;
	memcpy(pages, hint->page, sizeof(hint->page));
	memset(hint->page, 0, sizeof(hint->page));
	memset(hint->word, 0, sizeof(hint->word));
}

/* Gives the hint its new pages, unless they are out of date; @pages are the others. */
static void attach(struct vmgang_vcpu *vcpu, const struct vmgang_hint_offer *offer,
		   struct page **pages)
{
	struct vmgang_hint *hint = &vcpu->hint;
	int i;

	guard(raw_spinlock_irqsave)(&vcpu->vm->lock);
	if (!vcpu->kvcpu ||
	    memcmp(hint->offer.address, offer->address, sizeof(offer->address)))
		return;
	for (i = 0; i < VMGANG_HINT_WORDS; i++) {
		swap(hint->page[i], pages[i]);
		hint->word[i] = NULL;
		if (hint->page[i])
			hint->word[i] = page_address(hint->page[i]) +
					offset_in_page(offer->address[i]);
	}
}

/*
 * Makes of the latest offer what can be made of it; of none that of a vCPU that
 * has left its VM.
 */
void vmgang_hint_sync(struct vmgang_vcpu *vcpu)
{
	struct page *old[VMGANG_HINT_WORDS] = {}, *new[VMGANG_HINT_WORDS] = {};
	struct vmgang_hint_offer offer;
	struct mm_struct *mm;

	detach(vcpu, &mm, &offer, old);
	unpin(old);
	if (!mm)
		return;
	if (offer.address[VMGANG_HINT_HELD]) {
		pin(mm, &offer, new);
		attach(vcpu, &offer, new);
		unpin(new);
	}
	mmdrop(mm);
}
