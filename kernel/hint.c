// SPDX-License-Identifier: GPL-2.0-only
/*
 * A vCPU's hint: the word of guest memory that says whether the vCPU holds a
 * lock.  It is read where nothing may sleep or fault, under rq->lock, so its
 * page is pinned, as that of the VMM's memory which it is: KVM is not asked.
 *
 * The page is never written, and only ever read as a number.  Whatever becomes
 * of the guest or its memory (unmapped, ballooned, rebooted, another kernel),
 * the worst is a wrong answer until the lease ends, which is at most
 * VMGANG_HINT_LEASE_S.  Every renewal pins anew, so memory that was moved
 * below the guest is found again.
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

/* By the vCPU's own thread.  True: the VM's work is to be done. */
bool vmgang_hint_offer(struct vmgang_hint *hint, u64 now,
		       const struct vmgang_hint_offer *offer)
{
	if (!offer->address) {
		hint->word = NULL;
		hint->offer = *offer;
		return hint->page;
	}
	if (now < hint->next)
		return false;
	hint->next = now + OFFER_NS;
	hint->until = now + LEASE_NS;
	/* What is known is used on meanwhile, if the word stays where it is. */
	if (offer->address != hint->offer.address || offer->mask != hint->offer.mask)
		hint->word = NULL;
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
	return hint->word && now < hint->until ? hint->offer.hold_us : 0;
}

/* Does the guest say that it holds a lock now? */
bool vmgang_hint_held(const struct vmgang_hint *hint, u64 now)
{
	return vmgang_hint_hold_us(hint, now) &&
	       READ_ONCE(*hint->word) & hint->offer.mask;
}

/* Has the guest said something that the VM's work has not seen? */
bool vmgang_hint_pending(const struct vmgang_hint *hint)
{
	return hint->mm || (hint->page && !hint->offer.address);
}

static struct page *pin(struct mm_struct *mm, unsigned long address)
{
	struct page *page = NULL;

	if (!mmget_not_zero(mm))
		return NULL;
	mmap_read_lock(mm);
	if (pin_user_pages_remote(mm, address & PAGE_MASK, 1, FOLL_LONGTERM,
				  &page, NULL) != 1)
		page = NULL;
	mmap_read_unlock(mm);
	mmput(mm);
	return page;
}

/* Takes the page, and what is needed for the next, off the hint. */
static struct page *detach(struct vmgang_vcpu *vcpu, struct mm_struct **mm,
			   unsigned long *address)
{
	struct vmgang_hint *hint = &vcpu->hint;
	struct page *page;

	guard(raw_spinlock_irqsave)(&vcpu->vm->lock);
	*mm = hint->mm;
	*address = hint->offer.address;
	hint->mm = NULL;
	if (*address && vcpu->kvcpu)
		return NULL;
	page = hint->page;
	hint->page = NULL;
	hint->word = NULL;
	return page;
}

/* Gives the hint its new page, unless it is out of date; returns the other. */
static struct page *attach(struct vmgang_vcpu *vcpu, struct page *page,
			   unsigned long address)
{
	struct vmgang_hint *hint = &vcpu->hint;
	struct page *former;

	guard(raw_spinlock_irqsave)(&vcpu->vm->lock);
	if (!vcpu->kvcpu || hint->offer.address != address)
		return page;
	former = hint->page;
	hint->page = page;
	hint->word = page ? page_address(page) + offset_in_page(address) : NULL;
	return former;
}

/*
 * Makes of the latest offer what can be made of it; of none that of a vCPU that
 * has left its VM.
 */
void vmgang_hint_sync(struct vmgang_vcpu *vcpu)
{
	struct page *page = NULL;
	struct mm_struct *mm;
	unsigned long address;

	page = detach(vcpu, &mm, &address);
	if (page)
		unpin_user_page(page);
	if (!mm)
		return;
	if (address) {
		page = attach(vcpu, pin(mm, address), address);
		if (page)
			unpin_user_page(page);
	}
	mmdrop(mm);
}
