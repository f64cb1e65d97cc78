/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Earliest deadline first: who has booked a pCPU comes before everybody else
 * there, in the order in which their periods end.
 *
 * Stints in reserved time end when the slice does, periods begin when they
 * begin: neither waits for a tick.  The cell's timer is set to the first of
 * these moments (vg_cell->alarm).
 */
#ifndef VMGANG_POLICY_EDF_H
#define VMGANG_POLICY_EDF_H

#include "policy_gang.h"

/* Who came in between is on its way: look again after this. */
#define VG_EDF_RETRY	(100 * VG_US)

/* @vi waits for its home, which it has booked: end what runs there. */
VG_FN void vg_edf_urge(struct vg_state_all *s, struct vg_cell *c, struct vg_plan *pl, u32 vi)
{
	u32 bit = vg_vcpu(s, vi)->rsv.home;
	struct vg_pcpu *p = vg_pcpu(c, bit);
	u32 who = vg_pcpu_occupant(p);

	if (c->idle & vg_bit(bit)) {
		pl->kick |= vg_bit(bit);
		return;
	}
	/* The host's own thread has it: it asks when that is gone. */
	if (who == VG_NONE)
		return;
	if (vg_reserve_holds(s, who, bit, pl->now) &&
	    vg_vcpu(s, vi)->rsv.due >= vg_vcpu(s, who)->rsv.due)
		return;
	p->deadline = pl->now;
	if (p->coming != VG_NONE) {
		vg_cell_alarm_at(c, pl->now + VG_EDF_RETRY);
		/* Whoever goes on there for being guarded makes room first. */
		if (!p->guard)
			return;
		p->served = 0;
	}
	pl->kick |= vg_bit(bit);
}

/*
 * @v runs on pCPU @bit, and nobody has sent it: the kernel went on with it after
 * a thread of the host.  It has what is left of its slice, and is not in the way
 * of whoever has booked the pCPU.
 */
VG_FN void vg_edf_run(struct vg_cell *c, struct vg_vcpu *v, u32 bit, u64 now)
{
	struct vg_pcpu *p = vg_pcpu(c, bit);
	u64 most = v->rsv.left > 0 ? (u64)v->rsv.left : 0;

	if ((most || !vg_reserve_lets(v)) && now + most < p->deadline)
		p->deadline = now + most;
	vg_reserve_serve(c, v, bit);
	if (c->wanted & vg_bit(bit))
		vg_cell_alarm_at(c, now);
	if (v->rsv.terms.slice)
		vg_cell_alarm_at(c, p->deadline);
}

/*
 * Ent @ei was held by its cap: that is as if its vCPUs had slept, and what they
 * did not have then they can not have all at once.
 */
VG_FN void vg_edf_release(struct vg_state_all *s, struct vg_cell *c, u32 ei, u64 now)
{
	u32 vi = vg_ent(s, ei)->head;

	if (!vg_vm(s, vg_ent(s, ei)->slot)->terms.slice)
		return;
	vg_cell_alarm_at(c, now);
	while (vi != VG_NONE && can_loop) {
		vg_reserve_sleep(s, c, vi);
		vg_reserve_wake(s, c, vi, now);
		vg_reserve_mark(s, c, vi);
		vi = vg_vcpu(s, vi)->next;
	}
}

/*
 * May @vi, who has booked pCPU pl->self, have its core?  Not while a sibling has
 * somebody on his way, nor against somebody there who has booked that one and
 * whose period ends first.
 */
VG_FN bool vg_edf_open(struct vg_state_all *s, struct vg_cell *c, struct vg_plan *pl, u32 vi)
{
	u64 m, until = 0;
	u32 b, who;

	vg_each_bit(b, m, vg_core_bars(c, vg_ent(s, vg_vcpu(s, vi)->ent), pl->self)) {
		struct vg_pcpu *p = vg_pcpu(c, b);

		who = vg_pcpu_occupant(p);
		if (p->coming != VG_NONE)
			until = pl->now;
		else if (vg_reserve_holds(s, who, b, pl->now) &&
			 vg_vcpu(s, who)->rsv.due <= vg_vcpu(s, vi)->rsv.due)
			until = p->deadline;
	}
	if (until)
		vg_cell_alarm_at(c, (until > pl->now ? until : pl->now) + VG_EDF_RETRY);
	return !until;
}

/*
 * pCPU pl->self asks for work: is it booked by somebody who has some of his
 * slice left?  If so he runs, or goes on; what is reserved is not given to a
 * sibling either, which has a reservation of its own.
 */
VG_FN bool vg_pick_reserved(struct vg_state_all *s, struct vg_cell *c, struct vg_plan *pl)
{
	struct vg_pcpu *p = vg_pcpu(c, pl->self);
	u32 vi = vg_reserve_first(s, c, pl->self);

	if (vi != VG_NONE && !vg_edf_open(s, c, pl, vi))
		vi = VG_NONE;
	if (!p->yielded && vg_reserve_holds(s, pl->prev, pl->self, pl->now) &&
	    (vi == VG_NONE || vg_vcpu(s, vi)->rsv.due >= vg_vcpu(s, pl->prev)->rsv.due))
		return vg_pick_take(c, pl, VG_KEEP, 0, VG_STAT_KEEPS);
	if (vi == VG_NONE)
		return false;
	return vg_pick_take(c, pl, vi, VG_BY_RIGHT, VG_STAT_RESERVE_PICKS);
}

/* @vi was held by its reservation alone: it goes on. */
VG_FN void vg_edf_resume(struct vg_state_all *s, struct vg_cell *c, struct vg_plan *pl, u32 vi)
{
	struct vg_vcpu *v = vg_vcpu(s, vi);
	struct vg_ent *e = vg_ent(s, v->ent);

	vg_paused_del(s, c, vi);
	v->state = VG_WAITING;
	v->since = pl->now;
	if (!e->nr_waiting)
		vg_ent_clamp(c, e, v->mask);
	vg_list_add(s, vi);
	vg_ent_requeue(s, c, v->ent);
	pl->kick |= vg_cell_idle(c) & v->mask;
}

/* A period of @vi, which is runnable, is over: fill up its slice. */
VG_FN void vg_edf_renew(struct vg_state_all *s, struct vg_cell *c, struct vg_plan *pl, u32 vi)
{
	struct vg_vcpu *v = vg_vcpu(s, vi);
	struct vg_reserve *r = &v->rsv;
	struct vg_pcpu *p = vg_pcpu(c, v->bit);
	u64 until;

	if (v->state == VG_RUNNING)
		vg_vcpu_settle(s, c, vi, pl->now);
	if (r->ready + r->terms.period <= r->due) {
		vg_count(c, VG_STAT_PERIODS, 1);
		if (r->left > (s64)VG_RESERVE_SHY) {
			vg_count(c, VG_STAT_MISSES, 1);
			if (pl->nr_missed < VG_PLAN_MISSES)
				pl->missed[pl->nr_missed++ & (VG_PLAN_MISSES - 1)] = vi;
		}
	}
	vg_reserve_fill(r);
	r->due += r->terms.period;
	/* The pCPU was away for longer: a whole one, and periods where they were. */
	if (r->due <= pl->now)
		r->due += ((pl->now - r->due) / r->terms.period + 2) * r->terms.period;
	/* It waits for a guarded one to make room. */
	if (v->state == VG_COMING && vg_pcpu(c, v->bit)->guard && !vg_pcpu(c, v->bit)->sent)
		vg_pcpu_call_off(s, c, v->bit, pl->now);
	if (v->state == VG_RUNNING) {
		until = pl->now + (u64)r->left;
		if (until < p->deadline)
			p->deadline = until;
		vg_cell_alarm_at(c, p->deadline);
		vg_reserve_serve(c, v, v->bit);
	} else if (v->state == VG_PAUSED && vg_cap_left(&v->cap, pl->now)) {
		vg_edf_resume(s, c, pl, vi);
	}
	vg_reserve_mark(s, c, vi);
}

/* Periods that end on pCPU @bit, and the stint there if it is over. */
VG_FN void vg_edf_look(struct vg_state_all *s, struct vg_cell *c, struct vg_plan *pl, u32 bit)
{
	struct vg_pcpu *p = vg_pcpu(c, bit);
	u32 seat, who = vg_pcpu_occupant(p);
	u64 m, first = 0;

	if (p->live && pl->now >= p->next) {
		vg_each_bit(seat, m, p->live) {
			u32 vi = p->seat[seat & (VG_SEATS - 1)];

			if (vg_vcpu(s, vi)->rsv.due <= pl->now)
				vg_edf_renew(s, c, pl, vi);
			if (!first || vg_vcpu(s, vi)->rsv.due < first)
				first = vg_vcpu(s, vi)->rsv.due;
		}
		p->next = first;
	}
	if (p->live)
		vg_cell_alarm_at(c, p->next);
	if (who == VG_NONE)
		return;
	if (vg_vcpu(s, who)->rsv.left <= 0 && vg_reserve_lets(vg_vcpu(s, who)))
		return;
	if (pl->now < p->deadline)
		vg_cell_alarm_at(c, p->deadline);
	else if (p->coming == VG_NONE)
		pl->kick |= vg_bit(bit);
	else
		vg_cell_alarm_at(c, pl->now + VG_EDF_RETRY);
}

/* The cell's timer. */
VG_FN void vg_cell_alarm(struct vg_state_all *s, struct vg_cell *c, struct vg_plan *pl)
{
	u64 m;
	u32 b, vi;

	if (!c->alarm || pl->now < c->alarm)
		return;
	c->alarm = 0;
	vg_each_bit(b, m, c->all) {
		vg_edf_look(s, c, pl, b);
		vi = vg_reserve_first(s, c, b);
		if (vi != VG_NONE)
			vg_edf_urge(s, c, pl, vi);
	}
}

/* When the cell's timer is to go off for caps and reservations; 0: it need not. */
VG_INLINE u64 vg_cell_wants(struct vg_cell *c)
{
	if (!c->refill || (c->alarm && c->alarm < c->refill))
		return c->alarm;
	return c->refill;
}

#endif /* VMGANG_POLICY_EDF_H */
