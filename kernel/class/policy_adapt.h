/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Adaptive: is this VM to be a gang?
 *
 * What says that a VM's vCPUs wait for each other while they run apart: a vCPU
 * spins (the hardware's PAUSE exits).  Where the hardware never reports that: a vCPU
 * loses its pCPU in guest kernel mode while siblings run (lock-holder preemption).
 * Where it does not report it from user mode, and has not reported any of this VM
 * for VG_ADAPT_TRUST: all vCPUs are runnable and none has slept for VG_ADAPT_BUSY, as
 * it is with threads that spin; or a vCPU sleeps after it has run for VG_ADAPT_SPELL
 * while siblings have no pCPU, as it is with threads that spin and give up.  Those
 * that only compute lose nothing as a gang.  Each gives the VM points, which decay
 * by half in 250 ms.  A VM with VG_ADAPT_HIGH points becomes a gang.
 *
 * A gang spins little because it is one.  So it is made independent for a look:
 * after 1.5 s, 3 s, 6 s ... up to 16 s, as long as the answer stays the same.
 * Members spin for a moment all the same where they synchronise; if that has
 * been seen, and ceases, the look comes at once.  With VG_ADAPT_LOW points it is
 * a gang again, and a look that is answered with yes ends with the answer; if
 * that does not come within VG_ADAPT_QUIET it stays independent.  Whose silence
 * turns out to mean nothing is given twice the time to be silent.
 *
 * Time counts only as far as the VM runs: a turn is a moment at which it ran,
 * at least VG_ADAPT_STEP after the one before.
 *
 * The limits: a phase that begins while a gang is between two looks, and is not
 * betrayed by silence, is found at the next look, up to 16 s later.  What spins
 * where the hardware does not look is guessed at, and not beside a VM that sleeps
 * and often has to wait when it wakes: gangs by a guess are looked at then, and become
 * independent.  A guest that halts at once instead of spinning (paravirtual locks) gives
 * no points: it does not need to be a gang.
 */
#ifndef VMGANG_POLICY_ADAPT_H
#define VMGANG_POLICY_ADAPT_H

#include "policy.h"

#define VG_ADAPT_STEP	(10 * VG_MS)	/* how often it is looked at */
#define VG_ADAPT_HALF	(250 * VG_MS)
#define VG_ADAPT_LOOK	(500 * VG_MS)	/* longest, of a gang that was lively */
#define VG_ADAPT_QUIET	(300 * VG_MS)	/* … and of one that was silent */
#define VG_ADAPT_TURNS	10		/* … and at least so many of them */
#define VG_ADAPT_GAP	(1500 * VG_MS)
#define VG_ADAPT_GAP_MAX (16000 * VG_MS)
#define VG_ADAPT_SPUN	1024		/* points */
#define VG_ADAPT_LOST	1024
#define VG_ADAPT_BUSY	(250 * VG_MS)	/* that no vCPU sleeps */
#define VG_ADAPT_SPELL	(1 * VG_MS)	/* that one runs before it gives up */
#define VG_ADAPT_TRUST	(10000 * VG_MS)	/* after exits, silence means something */
#define VG_ADAPT_ROUSED	(2 * VG_BRISK)	/* with short stints nobody may have to wait */
#define VG_ADAPT_HIGH	(4 * 1024)
#define VG_ADAPT_LOW	(2 * 1024)
#define VG_ADAPT_MOST	(24 * 1024)

enum vg_adapt_state {
	VG_ADAPT_OFF,		/* independent */
	VG_ADAPT_GANG,
	VG_ADAPT_PROBE,		/* a gang, independent for a look */
};

/*
 * Exit number @exits of a stint: points at 4, 6, 8, 12, 16, 24 ..., since the
 * window between two exits doubles, up to a limit on AMD: so they count the
 * logarithm of the time spun, twice for each doubling.
 */
VG_INLINE u32 vg_adapt_spun(u32 exits)
{
	u32 low = exits & -exits;

	return exits >= VMGANG_SPIN_EXITS && (exits == low || exits == 3 * low) ?
	       VG_ADAPT_SPUN : 0;
}

/* Does nothing tell whether the VM of @a spins? */
VG_INLINE bool vg_adapt_blind(struct vg_adapt *a, u32 tells, u64 now)
{
	return tells != VG_TELLS_ALL &&
	       !(a->exited && vg_since(now, a->exited) < VG_ADAPT_TRUST);
}

/* Has a VM woken in @c lately that often has to wait then? */
VG_INLINE bool vg_adapt_roused(struct vg_cell *c, u64 now)
{
	return c->roused && vg_since(now, c->roused) < VG_ADAPT_ROUSED;
}

/*
 * Is it to be guessed whether the VM of @a spins, in @c?  Not where the hardware @tells,
 * or has of this one lately: then one that computes after it has spun is to be
 * independent again.  Nor where a VM that sleeps often has to wait when it wakes: for
 * that one the short stints of independent vCPUs are better, and it may look as if it
 * spun itself, since it lives in its kernel.
 */
VG_INLINE bool vg_adapt_guesses(struct vg_cell *c, struct vg_adapt *a, u32 tells, u64 now)
{
	return vg_adapt_blind(a, tells, now) && !vg_adapt_roused(c, now);
}

/* … and if it is a gang by such a guess it is time for a look. */
VG_INLINE bool vg_adapt_doubts(struct vg_cell *c, struct vg_adapt *a, u32 tells, u64 now)
{
	return vg_adapt_blind(a, tells, now) && vg_adapt_roused(c, now);
}

/*
 * A lock holder of @vm lost its pCPU: points only where the hardware @tells nothing about
 * spinning, since a guest may be in its kernel without holding a lock.
 */
VG_INLINE u32 vg_adapt_lost(struct vg_state_all *s, struct vg_vm *vm, u64 now)
{
	return s->tells == VG_TELLS_NONE &&
	       vg_adapt_guesses(vg_cell(s, vm->home), &vm->adapt, s->tells, now) ?
	       VG_ADAPT_LOST : 0;
}

/* @vm, whose vCPUs are those of @e in @c, runs: points if all have been busy for long. */
VG_INLINE u32 vg_adapt_busy(struct vg_cell *c, struct vg_vm *vm, struct vg_ent *e, u32 tells,
			    u64 now)
{
	return vg_adapt_guesses(c, &vm->adapt, tells, now) && e->nr_bound > 1 &&
	       e->nr_bound == vm->nr_vcpus &&
	       e->nr_waiting + vg_weight_of(e->on) == e->nr_bound &&
	       vg_since(now, e->woke) >= VG_ADAPT_BUSY ? VG_ADAPT_SPUN : 0;
}

/*
 * @v of @vm, whose ent in @c is @e, goes to sleep: points if it ran for long, and a
 * sibling has no pCPU.
 */
VG_INLINE u32 vg_adapt_slept(struct vg_cell *c, struct vg_vm *vm, struct vg_ent *e,
			     struct vg_vcpu *v, u32 tells, u64 now)
{
	return v->spell >= VG_ADAPT_SPELL && e->nr_waiting &&
	       vg_adapt_guesses(c, &vm->adapt, tells, now) ? VG_ADAPT_SPUN : 0;
}

/* Points may be added by anyone, at any time, without a lock. */
VG_INLINE void vg_adapt_add(struct vg_adapt *a, u32 points)
{
	if (points)
		__sync_fetch_and_add(&a->fresh, points);
}

/* The VM has left the guest for the @exits'th time in a stint, because it spins. */
VG_INLINE void vg_adapt_exited(struct vg_adapt *a, u32 exits, u64 now)
{
	u32 points = vg_adapt_spun(exits);

	if (points)
		a->exited = now;
	vg_adapt_add(a, points);
}

VG_INLINE bool vg_adapt_due(struct vg_adapt *a, u64 now)
{
	return now >= a->next;
}

/* Decay by half per VG_ADAPT_HALF, linearly within; then take what is fresh. */
VG_FN void vg_adapt_sum(struct vg_adapt *a, u64 now)
{
	u64 gone = vg_since(now, a->at), halves = gone / VG_ADAPT_HALF, fresh = a->fresh;

	gone -= halves * VG_ADAPT_HALF;
	a->score = halves < 32 ? a->score >> (halves & 31) : 0;
	a->score -= a->score * gone / (2 * VG_ADAPT_HALF);
	a->at = now;
	if (fresh)
		a->lively = now;
	__sync_fetch_and_sub(&a->fresh, fresh);
	a->score += fresh;
	if (a->score > VG_ADAPT_MOST)
		a->score = VG_ADAPT_MOST;
}

VG_INLINE void vg_adapt_enter(struct vg_adapt *a, u32 state, u64 now)
{
	a->state = state;
	a->since = now;
	a->turns = 0;
	a->heard = 0;
	if (state == VG_ADAPT_PROBE)
		a->score = 0;	/* what was seen before is no answer */
}

VG_INLINE u64 vg_adapt_twice(u64 gap)
{
	return gap * 2 < VG_ADAPT_GAP_MAX ? gap * 2 : VG_ADAPT_GAP_MAX;
}

/* The answer was yes again: ask less often, by whichever of the two it was. */
VG_INLINE void vg_adapt_confirm(struct vg_adapt *a, u64 now)
{
	vg_adapt_enter(a, VG_ADAPT_GANG, now);
	if (a->signs > VG_ADAPT_TURNS)
		a->signs = VG_ADAPT_TURNS;
	if (a->silent)
		a->patience = vg_adapt_twice(a->patience);
	else
		a->gap = vg_adapt_twice(a->gap);
}

/*
 * A gang: is it time for a look?  Silence means something only after it was
 * lively in most of its turns.
 */
VG_INLINE bool vg_adapt_curious(struct vg_adapt *a, u64 now)
{
	u32 quiet = a->turns - a->heard;

	a->silent = a->signs >= VG_ADAPT_TURNS && 2 * a->signs >= a->heard &&
		    quiet >= VG_ADAPT_TURNS && vg_since(now, a->lively) >= a->patience;
	return a->silent || vg_since(now, a->since) >= a->gap;
}

/*
 * Look at the VM's points; returns whether it became, or ceased to be, a gang.  Those of a
 * gang in @doubt are looked at anew.
 */
VG_FN bool vg_adapt_step(struct vg_adapt *a, bool doubt, u64 now)
{
	u32 was = a->state;

	a->next = now + VG_ADAPT_STEP;
	vg_adapt_sum(a, now);
	a->turns++;
	if (was == VG_ADAPT_GANG && a->lively == now) {
		a->signs++;
		a->heard = a->turns;
	}
	if (was == VG_ADAPT_OFF) {
		if (a->score >= VG_ADAPT_HIGH) {
			vg_adapt_enter(a, VG_ADAPT_GANG, now);
			a->gap = VG_ADAPT_GAP;
			a->patience = VG_ADAPT_QUIET;
			a->signs = 0;
		}
	} else if (was == VG_ADAPT_GANG) {
		if (vg_adapt_curious(a, now) || doubt)
			vg_adapt_enter(a, VG_ADAPT_PROBE, now);
	} else if (a->score >= VG_ADAPT_LOW) {
		vg_adapt_confirm(a, now);
	} else if (a->turns >= VG_ADAPT_TURNS && vg_since(now, a->since) >=
		   (a->silent ? VG_ADAPT_QUIET : VG_ADAPT_LOOK)) {
		vg_adapt_enter(a, VG_ADAPT_OFF, now);
	}
	return (was == VG_ADAPT_GANG) != (a->state == VG_ADAPT_GANG);
}

VG_INLINE void vg_adapt_begin(struct vg_adapt *a)
{
	a->fresh = 0;
	a->score = 0;
	a->at = 0;
	a->next = 0;
	a->since = 0;
	a->lively = 0;
	a->exited = 0;
	a->gap = VG_ADAPT_GAP;
	a->patience = VG_ADAPT_QUIET;
	a->turns = 0;
	a->signs = 0;
	a->heard = 0;
	a->silent = 0;
	a->state = VG_ADAPT_OFF;
}

/*
 * How the VM's ents are to be scheduled now.  What is reserved is each vCPU's
 * own, when it is due: such a VM is no gang.
 */
VG_INLINE u32 vg_vm_cosched(struct vg_vm *vm)
{
	if (vm->terms.slice)
		return VMGANG_COSCHED_OFF;
	if (vm->cosched != VMGANG_COSCHED_ADAPTIVE)
		return vm->cosched;
	return vm->adapt.state == VG_ADAPT_GANG ? VMGANG_COSCHED_GANG : VMGANG_COSCHED_OFF;
}

#endif /* VMGANG_POLICY_ADAPT_H */
