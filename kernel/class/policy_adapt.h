/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Adaptive: is this VM to be a gang?
 *
 * Two things say that a VM's vCPUs wait for each other while they run apart: a
 * vCPU spins (the hardware's PAUSE exits), and a vCPU loses its pCPU in guest
 * kernel mode while siblings run on (lock-holder preemption).  Each gives the
 * VM points, which decay by half in 250 ms.  A VM with VG_ADAPT_HIGH points
 * becomes a gang.
 *
 * A gang is not seen to spin because it is one.  So from time to time it is
 * made independent for a look: after 1 s, 2 s, 4 s ... up to 16 s, as long as
 * the answer stays the same.  If it is still above VG_ADAPT_LOW after 150 ms it
 * is a gang again; if it stays below for 500 ms it stays independent.
 *
 * The limits: a phase that begins while a gang is between two looks is found at
 * the next look, so within about a second if phases change every few seconds,
 * up to 16 s after a long constant one.  On a host whose hardware reports no
 * spinning, a guest that spins in user mode alone is not seen.  A guest that
 * halts instead of spinning (paravirtual locks) gives no points: it does not
 * need to be a gang.
 */
#ifndef VMGANG_POLICY_ADAPT_H
#define VMGANG_POLICY_ADAPT_H

#include "policy.h"

#define VG_ADAPT_STEP	(25 * VG_MS)	/* how often it is looked at */
#define VG_ADAPT_HALF	(250 * VG_MS)
#define VG_ADAPT_LOOK	(150 * VG_MS)
#define VG_ADAPT_QUIET	(500 * VG_MS)
#define VG_ADAPT_GAP	(1000 * VG_MS)
#define VG_ADAPT_GAP_MAX (16000 * VG_MS)
#define VG_ADAPT_SPUN	1024		/* points */
#define VG_ADAPT_LOST	512
#define VG_ADAPT_HIGH	(6 * 1024)
#define VG_ADAPT_LOW	(2 * 1024)
#define VG_ADAPT_MOST	(24 * 1024)
/* The first spin exit of a stint that counts; fewer are a lock's normal life. */
#define VG_ADAPT_EXITS	4

enum vg_adapt_state {
	VG_ADAPT_OFF,		/* independent */
	VG_ADAPT_GANG,
	VG_ADAPT_PROBE,		/* a gang, independent for a look */
};

/*
 * Exit number @exits of a stint: points at 4, 8, 16 ..., since the window
 * between two exits doubles: so they count the logarithm of the time spun.
 */
VG_INLINE u32 vg_adapt_spun(u32 exits)
{
	return exits >= VG_ADAPT_EXITS && !(exits & (exits - 1)) ? VG_ADAPT_SPUN : 0;
}

/* Points may be added by anyone, at any time, without a lock. */
VG_INLINE void vg_adapt_add(struct vg_adapt *a, u32 points)
{
	if (points)
		__sync_fetch_and_add(&a->fresh, points);
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
	__sync_fetch_and_sub(&a->fresh, fresh);
	a->score += fresh;
	if (a->score > VG_ADAPT_MOST)
		a->score = VG_ADAPT_MOST;
}

VG_INLINE void vg_adapt_enter(struct vg_adapt *a, u32 state, u64 now)
{
	a->state = state;
	a->since = now;
	if (state == VG_ADAPT_PROBE)
		a->score = 0;	/* what was seen before is no answer */
}

/* The answer was yes again: look less often. */
VG_INLINE void vg_adapt_confirm(struct vg_adapt *a, u64 now)
{
	vg_adapt_enter(a, VG_ADAPT_GANG, now);
	a->gap = a->gap * 2 < VG_ADAPT_GAP_MAX ? a->gap * 2 : VG_ADAPT_GAP_MAX;
}

/* Look at the VM's points; returns whether it became, or ceased to be, a gang. */
VG_FN bool vg_adapt_step(struct vg_adapt *a, u64 now)
{
	u32 was = a->state;
	u64 age;

	a->next = now + VG_ADAPT_STEP;
	vg_adapt_sum(a, now);
	age = vg_since(now, a->since);
	if (was == VG_ADAPT_OFF) {
		if (a->score >= VG_ADAPT_HIGH) {
			vg_adapt_enter(a, VG_ADAPT_GANG, now);
			a->gap = VG_ADAPT_GAP;
		}
	} else if (was == VG_ADAPT_GANG) {
		if (age >= a->gap)
			vg_adapt_enter(a, VG_ADAPT_PROBE, now);
	} else if (a->score >= VG_ADAPT_HIGH) {
		vg_adapt_confirm(a, now);
	} else if (age >= VG_ADAPT_LOOK && a->score >= VG_ADAPT_LOW) {
		vg_adapt_confirm(a, now);
	} else if (age >= VG_ADAPT_QUIET) {
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
	a->gap = VG_ADAPT_GAP;
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
