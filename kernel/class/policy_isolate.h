/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Isolate: the siblings of one core never run two VMs at once if one of them is
 * isolated (isolate=core), as the core scheduling of Xen and Hyper-V has it: what
 * siblings share (caches, buffers, predictors) tells one guest about the other.
 *
 * A pCPU beside an isolated VM's vCPU runs that VM's vCPUs or nobody.  Whose turn
 * it is takes the core as a gang takes pCPUs: those on the siblings who may be
 * claimed (vg_claimable) are made to leave, and the vCPU waits on its pCPU
 * (pcpu->coming) until they have: until ops.stopping() was called for the last
 * of them.  It is sent there by nobody else: its pCPU asks, when each stop lets
 * it look again.  Who can not claim the core now leaves it to those who suit it,
 * for a short stint, so that it is asked for again soon.
 *
 * A worked number: X, isolated, and Y, each of two busy vCPUs and weight 100, on
 * pCPUs 0 and 1 of one core.  At 0 ms X runs on both; at the tick that reaches
 * 20 ms pCPU 0 asks: Y is furthest behind, and X on pCPU 1 has had its 2 ms.  Y's
 * vCPU is placed on pCPU 0, where X's stops; pCPU 1 is kicked, finds its vCPU
 * beside Y's, stops it and takes Y's other one.  The later of the two stops
 * makes the other pCPU look: now both of Y's start.
 *
 * Forced idle: what an isolated VM's vCPU leaves empty beside it nobody else can
 * have.  It is counted and charged to the VM as a strict gang's kept pCPUs are
 * (ent->shut, vg_strict_settle): who is alone on a core pays for the whole core.
 * What is empty beside a pCPU that an isolated strict gang keeps is its as well.
 *
 * Who has booked a pCPU takes its core by right, but not from somebody who has
 * booked a sibling and whose period ends first (vg_edf_open).  What is booked is
 * counted by pCPU, so siblings can be overbooked: their VMs miss slices then.
 *
 * The limits: the host's own threads, in the fair class, run beside whom they
 * like.  A pCPU that they hold beside an isolated VM's vCPU is charged as empty.
 * A vCPU that the kernel starts where it is not placed (its affinity was changed
 * at that very moment) is made to leave at once, and counted (VG_STAT_OVERLAPS).
 */
#ifndef VMGANG_POLICY_ISOLATE_H
#define VMGANG_POLICY_ISOLATE_H

#include "policy_core.h"
#include "policy_strict.h"

/* In policy_gang.h. */
VG_FN bool vg_claimable(struct vg_state_all *s, struct vg_cell *c, struct vg_plan *pl, u32 bit,
			u32 ei);
VG_FN void vg_pcpu_call_off(struct vg_state_all *s, struct vg_cell *c, u32 bit, u64 now);
VG_FN void vg_gang_stop(struct vg_state_all *s, struct vg_cell *c, struct vg_plan *pl, u32 ei);

VG_INLINE u64 vg_mask_set(u64 mask, u64 bit, u64 on)
{
	return (mask & ~bit) | (on & bit);
}

/* The pCPUs on @core that are empty beside an isolated VM's vCPUs, or what it keeps. */
VG_INLINE void vg_core_fence(struct vg_state_all *s, struct vg_cell *c, u64 core, u64 now)
{
	struct vg_pcpu *first = vg_pcpu(c, vg_lowest(core));
	u32 was = first->holder, is = VG_NONE;
	struct vg_ent *e;
	u64 shut;

	if (core & c->iso_cur)
		is = vg_vcpu(s, vg_pcpu(c, vg_lowest(core & c->iso_cur))->cur)->ent;
	else if (core & c->iso_kept)
		is = vg_pcpu(c, vg_lowest(core & c->iso_kept))->keep;
	first->holder = is;
	if (was != VG_NONE && was != is) {
		vg_strict_settle(s, c, was, now);
		vg_ent(s, was)->shut &= ~core;
	}
	if (is == VG_NONE)
		return;
	e = vg_ent(s, is);
	shut = (e->shut & ~core) | (core & ~c->busy);
	if (shut == e->shut)
		return;
	vg_strict_settle(s, c, is, now);
	e->shut = shut;
}

/* pCPU @bit has another occupant, or one whose VM is isolated now, or no longer. */
VG_FN void vg_core_note(struct vg_state_all *s, struct vg_cell *c, u32 bit)
{
	struct vg_pcpu *p = vg_pcpu(c, bit);
	u32 cur = p->cur, next = vg_pcpu_occupant(p), at, to;
	u64 b = vg_bit(bit), is = vg_any(~cur), comes = vg_any(~next);

	if (!c->nr_iso || p->core == b)
		return;
	at = vg_vcpu(s, cur)->ent;
	to = vg_vcpu(s, next)->ent;
	c->curs = vg_mask_set(c->curs, b, is);
	c->busy = vg_mask_set(c->busy, b, comes);
	c->torn = vg_mask_set(c->torn, b, is & vg_any(at ^ to));
	c->iso_cur = vg_mask_set(c->iso_cur, b, is & vg_ent(s, at)->isolate);
	c->iso_next = vg_mask_set(c->iso_next, b, comes & vg_ent(s, to)->isolate);
	c->stirred |= b;
}

/* The end of a call: bring up to date what is empty beside whom. */
VG_FN void vg_core_settle(struct vg_state_all *s, struct vg_cell *c, u64 now)
{
	while (c->stirred && can_loop) {
		u64 core = vg_pcpu(c, vg_lowest(c->stirred))->core;

		c->stirred &= ~core;
		vg_core_fence(s, c, core, now);
	}
}

/* vCPU @vi begins to run where it may not: it is to leave at once. */
VG_FN u64 vg_core_clash(struct vg_state_all *s, struct vg_cell *c, u32 vi)
{
	struct vg_vcpu *v = vg_vcpu(s, vi);
	struct vg_ent *e = vg_ent(s, v->ent);

	if (!c->nr_iso || v->state != VG_RUNNING || !(vg_core_waits(c, e, v->bit) & c->curs))
		return 0;
	vg_count(c, VG_STAT_OVERLAPS, 1);
	return vg_bit(v->bit);
}

/* May a vCPU of ent @ei be sent to pCPU @bit, as far as its siblings go? */
VG_FN bool vg_core_open(struct vg_state_all *s, struct vg_cell *c, struct vg_plan *pl, u32 ei,
			u32 bit)
{
	struct vg_ent *e = vg_ent(s, ei);
	u64 bars = vg_core_bars(c, e, bit), m;
	u32 b;

	if (!bars)
		return true;
	if (bars & vg_reserve_closed(c))
		return false;
	pl->forced = e->nr_waiting &&
		     vg_since(pl->now, vg_vcpu(s, e->head)->since) >= 2 * e->slice;
	vg_each_bit(b, m, bars)
		if (!vg_claimable(s, c, pl, b, ei))
			return false;
	return true;
}

/* Of @avail, what gang @ei can claim, those pCPUs whose siblings it can claim as well. */
VG_FN u64 vg_core_avail(struct vg_cell *c, struct vg_ent *e, u64 avail)
{
	u64 open = avail, m;
	u32 b;

	vg_each_bit(b, m, avail)
		if (vg_core_bars(c, e, b) & ~avail)
			open &= ~vg_bit(b);
	return open;
}

/*
 * Ent @e is about to take pCPU @bit: whoever may not be beside it is to ask for
 * work, and finds that out.
 */
VG_INLINE void vg_core_seize(struct vg_cell *c, struct vg_plan *pl, struct vg_ent *e, u32 bit)
{
	pl->kick |= vg_core_waits(c, e, bit) | vg_core_bars(c, e, bit);
}

/* The vCPU of ent @ei that runs on pCPU pl->self may be there no longer. */
VG_FN bool vg_core_lost(struct vg_state_all *s, struct vg_cell *c, struct vg_plan *pl, u32 ei)
{
	struct vg_ent *e = vg_ent(s, ei);

	if (!vg_core_waits(c, e, pl->self))
		return false;
	/* It runs whole or not at all. */
	if (vg_ent_is_strict(c, e))
		vg_gang_stop(s, c, pl, ei);
	return true;
}

/* Idle pCPUs of @idle where a vCPU of @e may begin at once. */
VG_FN u64 vg_core_idle(struct vg_cell *c, struct vg_ent *e, u64 idle)
{
	u64 open, m;
	u32 b;

	if (!c->nr_iso)
		return idle;
	open = idle & ~c->busy;
	vg_each_bit(b, m, idle)
		if (vg_core_bars(c, e, b))
			open &= ~vg_bit(b);
	return vg_core_nearest(e, open);
}

/* A vCPU has left pCPU @bit. */
VG_INLINE void vg_core_left(struct vg_state_all *s, struct vg_cell *c, struct vg_plan *pl,
			    u32 bit)
{
	vg_core_note(s, c, bit);
	pl->kick |= vg_core_freed(c, bit);
}

/* One goes on there: count what it leaves empty, and let siblings look again. */
VG_FN void vg_core_goes_on(struct vg_state_all *s, struct vg_cell *c, struct vg_plan *pl, u32 ei)
{
	struct vg_ent *e = vg_ent(s, ei);

	pl->kick |= vg_core_freed(c, pl->self);
	if (!e->shut)
		return;
	vg_strict_settle(s, c, ei, pl->now);
	vg_strict_tell(e, pl, ei);
}

/* Ent @ei is isolated from now on, or is no longer.  Returns whether that is new. */
VG_FN bool vg_ent_isolate(struct vg_state_all *s, struct vg_cell *c, u32 ei, bool on, u64 now)
{
	struct vg_ent *e = vg_ent(s, ei);
	u64 m;
	u32 b;

	if (c->threads < 2)
		on = false;
	if (!!e->isolate == on)
		return false;
	c->nr_iso += on;
	e->isolate = vg_any(on);
	c->iso_kept = on ? c->iso_kept | e->kept : c->iso_kept & ~e->kept;
	vg_each_bit(b, m, c->all)
		vg_core_note(s, c, b);
	vg_core_settle(s, c, now);
	c->nr_iso -= !on;
	c->iso = vg_any(c->nr_iso);
	return true;
}

/* … while its vCPUs run: all pCPUs ask, and whoever is in a wrong place leaves. */
VG_FN void vg_ent_isolation(struct vg_state_all *s, struct vg_cell *c, struct vg_plan *pl, u32 ei)
{
	u64 m;
	u32 b;

	if (!vg_ent_isolate(s, c, ei, vg_vm(s, vg_ent(s, ei)->slot)->isolate, pl->now))
		return;
	vg_strict_tell(vg_ent(s, ei), pl, ei);
	vg_each_bit(b, m, c->all)
		if (!vg_pcpu(c, b)->sent && !vg_pcpu(c, b)->going)
			vg_pcpu_call_off(s, c, b, pl->now);
	vg_core_settle(s, c, pl->now);
	pl->kick |= c->all;
}

#endif /* VMGANG_POLICY_ISOLATE_H */
