/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who runs where: place, claim, co-start, co-stop.
 *
 * A vCPU moves OUT -> WAITING -> COMING -> RUNNING -> OUT.  The kernel reports
 * the outer steps (vg_vcpu_wait, vg_vcpu_run, vg_vcpu_stop, vg_vcpu_leave);
 * WAITING -> COMING is decided when a pCPU asks for work (vg_pick, policy_pick.h)
 * and when a vCPU becomes runnable (vg_wake, policy_wake.h).
 */
#ifndef VMGANG_POLICY_GANG_H
#define VMGANG_POLICY_GANG_H

#include "policy.h"
#include "policy_queue.h"
#include "policy_credit.h"
#include "policy_refill.h"
#include "policy_strict.h"
#include "policy_isolate.h"
#include "policy_match.h"

/* What pCPU pl->self does next, because of @why; that is counted as @stat. */
VG_INLINE bool vg_pick_take(struct vg_cell *c, struct vg_plan *pl, u32 vi, u32 why, u32 stat)
{
	pl->take = vi;
	pl->why = why;
	vg_count(c, stat, 1);
	return true;
}

VG_INLINE void vg_idle_set(struct vg_cell *c, u32 bit)
{
	__sync_fetch_and_or(&c->idle, vg_bit(bit));
}

VG_INLINE void vg_idle_clear(struct vg_cell *c, u32 bit)
{
	__sync_fetch_and_and(&c->idle, ~vg_bit(bit));
}

/* The ent gives up pCPU @bit, unless another of its vCPUs is there as well. */
VG_FN void vg_ent_off(struct vg_state_all *s, struct vg_cell *c, u32 ei, u32 bit)
{
	struct vg_pcpu *p = vg_pcpu(c, bit);

	if (vg_pcpu_occupant(p) == VG_NONE)
		c->served &= ~vg_bit(bit);
	if (p->cur != VG_NONE && vg_vcpu(s, p->cur)->ent == ei)
		return;
	if (p->coming != VG_NONE && vg_vcpu(s, p->coming)->ent == ei)
		return;
	vg_ent(s, ei)->on &= ~vg_bit(bit);
}

/* The gang's stint is over: co-stop. */
VG_FN void vg_gang_stop(struct vg_state_all *s, struct vg_cell *c, struct vg_plan *pl, u32 ei)
{
	struct vg_ent *e = vg_ent(s, ei);
	u32 n = pl->nr_stopped;

	if (!(e->flags & VG_ON))
		return;
	e->flags &= ~VG_ON;
	e->coming = 0;
	pl->kick |= e->on;
	vg_strict_release(s, c, pl, ei);
	e->deadline = pl->now;
	if (n < VG_PLAN_STOPS) {
		pl->stopped[n & (VG_PLAN_STOPS - 1)] = ei;
		pl->width[n & (VG_PLAN_STOPS - 1)] = vg_ent_width(e);
		pl->nr_stopped = n + 1;
	}
	vg_count(c, VG_STAT_GANG_STOPS, 1);
}

VG_FN void vg_ent_throttle(struct vg_state_all *s, struct vg_cell *c, struct vg_plan *pl, u32 ei)
{
	struct vg_ent *e = vg_ent(s, ei);
	struct vg_cap *cap = &vg_vm(s, e->slot)->cap;

	if ((e->flags & VG_THROTTLED) || vg_cap_left(cap, pl->now))
		return;
	vg_gang_stop(s, c, pl, ei);
	vg_relaxed_forget(s, c, ei);
	e->flags |= VG_THROTTLED;
	vg_reserve_mark_all(s, c, ei);
	vg_throttled_add(s, c, ei, vg_cap_refill(cap), pl->now);
	pl->kick |= e->on;
	vg_count(c, VG_STAT_THROTTLES, 1);
	vg_ent_requeue(s, c, ei);
}

/* Take back a placement that did not come to pass.  The vCPU is OUT then. */
VG_FN void vg_vcpu_unplace(struct vg_state_all *s, struct vg_cell *c, u32 vi)
{
	struct vg_vcpu *v = vg_vcpu(s, vi);
	struct vg_ent *e = vg_ent(s, v->ent);
	struct vg_pcpu *p = vg_pcpu(c, v->bit);

	if (p->coming == vi)
		p->coming = VG_NONE;
	vg_vcpu_uncharge(e, v, 0);
	v->state = VG_OUT;
	e->come &= ~vg_bit(v->bit);
	vg_ent_off(s, c, v->ent, v->bit);
	vg_core_note(s, c, v->bit);
	vg_ent_requeue(s, c, v->ent);
}

/* @vi does not come: a pCPU that went idle meanwhile, and did not say so, is to ask. */
VG_INLINE void vg_vcpu_miss(struct vg_state_all *s, struct vg_cell *c, struct vg_plan *pl, u32 vi)
{
	u32 bit = vg_vcpu(s, vi)->bit;

	vg_vcpu_unplace(s, c, vi);
	pl->kick |= vg_core_freed(c, bit);
	if (vg_pcpu_occupant(vg_pcpu(c, bit)) == VG_NONE)
		pl->kick |= vg_bit(bit);
}

/* A gang is not held if none of it waits, or if it has become too wide to be one. */
VG_INLINE void vg_gang_release(struct vg_cell *c, struct vg_ent *e)
{
	if ((e->flags & VG_HELD) && (!e->nr_waiting || !vg_ent_is_gang(c, e))) {
		e->flags &= ~VG_HELD;
		c->nr_held--;
	}
}

/* May @v run, as far as its own cap and its reservation go? */
VG_INLINE bool vg_vcpu_may(struct vg_vcpu *v, u64 now)
{
	return vg_cap_left(&v->cap, now) && vg_reserve_lets(v);
}

/* … and when it may if it may not now, or is to be asked again. */
VG_INLINE u64 vg_vcpu_may_at(struct vg_vcpu *v, u64 now)
{
	return vg_cap_left(&v->cap, now) ? v->rsv.due : vg_cap_refill(&v->cap);
}

/*
 * vCPU @vi is runnable and has no pCPU.  It joins its ent's list; if its VM was
 * asleep, the VM's credit is brought within reach of the others first.
 */
VG_FN void vg_vcpu_wait(struct vg_state_all *s, struct vg_cell *c, struct vg_plan *pl, u32 vi)
{
	struct vg_vcpu *v = vg_vcpu(s, vi);
	u32 ei = v->ent;
	struct vg_ent *e = vg_ent(s, ei);

	if (v->state == VG_COMING)
		vg_vcpu_miss(s, c, pl, vi);
	if (v->state != VG_OUT)
		return;
	v->since = pl->now;
	v->costop = 0;
	vg_cap_begin(&v->cap, pl->now);
	vg_cap_begin(&vg_vm(s, e->slot)->cap, pl->now);
	vg_reserve_wake(s, c, vi, pl->now);
	if (!vg_vcpu_may(v, pl->now)) {
		v->state = VG_PAUSED;
		v->idled = 1;
		vg_paused_add(s, c, vi, vg_vcpu_may_at(v, pl->now), pl->now);
		vg_count(c, VG_STAT_THROTTLES, 1);
		if (!e->on && !e->nr_waiting)
			vg_gang_stop(s, c, pl, ei);
		return;
	}
	if (!e->nr_waiting)
		vg_ent_clamp(c, e, v->mask);
	v->state = VG_WAITING;
	vg_relaxed_join(s, c, vi, pl->now);
	vg_list_add(s, vi);
	vg_relaxed_stop(s, c, vi, pl->now);
	vg_reserve_mark(s, c, vi);
	vg_gang_release(c, e);
	vg_ent_throttle(s, c, pl, ei);
	vg_relaxed_note(s, c, ei, pl->now);
	vg_ent_requeue(s, c, ei);
}

/* Take @vi out of whatever list it waits in. */
VG_FN void vg_vcpu_unlist(struct vg_state_all *s, struct vg_cell *c, u32 vi)
{
	struct vg_vcpu *v = vg_vcpu(s, vi);

	if (v->state == VG_WAITING) {
		vg_list_del(s, vi);
		vg_ent_requeue(s, c, v->ent);
	} else if (v->state == VG_PAUSED) {
		vg_paused_del(s, c, vi);
	} else {
		return;
	}
	v->state = VG_OUT;
	vg_reserve_mark(s, c, vi);
}

/* Whoever is on its way to pCPU @bit waits again. */
VG_FN void vg_pcpu_call_off(struct vg_state_all *s, struct vg_cell *c, u32 bit, u64 now)
{
	u32 vi = vg_pcpu(c, bit)->coming;

	if (vi == VG_NONE)
		return;
	vg_vcpu_unplace(s, c, vi);
	vg_vcpu(s, vi)->state = VG_WAITING;
	vg_vcpu(s, vi)->since = now;
	vg_list_add(s, vi);
	vg_reserve_mark(s, c, vi);
	if (vg_vcpu(s, vi)->rsv.left > 0)
		vg_cell_alarm_at(c, now);
	vg_ent_requeue(s, c, vg_vcpu(s, vi)->ent);
}

/* Has @v's VM got another home, where @v is to go? */
VG_INLINE bool vg_vcpu_strays(struct vg_state_all *s, struct vg_cell *c, struct vg_vcpu *v)
{
	u32 home = vg_vm(s, v->slot)->home;

	return home != c->id && (v->cells & vg_bit(home));
}

/*
 * Send waiting vCPU @vi to pCPU @bit, where nobody else is on the way; charge its
 * stint in advance.
 */
VG_FN void vg_vcpu_place(struct vg_state_all *s, struct vg_cell *c, u32 vi, u32 bit,
			 struct vg_plan *pl)
{
	struct vg_vcpu *v = vg_vcpu(s, vi);
	u32 ei = v->ent;
	struct vg_ent *e = vg_ent(s, ei);
	struct vg_pcpu *p = vg_pcpu(c, bit);
	bool alone = vg_ent_width(e) < 2;
	u64 len;

	if (!e->seen)
		e->seen = v->since;
	e->waited += vg_since(pl->now, v->since > e->seen ? v->since : e->seen);
	vg_vcpu_unlist(s, c, vi);
	vg_pcpu_unkeep(s, c, bit, pl->now);
	len = vg_vcpu_stint(s, c, vi, vg_weight_of(e->on) + 1, pl->now);
	if (vg_vcpu_strays(s, c, v) && len > VG_SHORT)
		len = VG_SHORT;
	if (e->flags & VG_ON) {
		u64 left = vg_since(e->deadline, pl->now);

		if (left < len)
			len = left;
		/* Whoever comes by alone leaves the pCPU to the gang it broke into. */
		if (!alone)
			p->gang = ei;
	}
	len = vg_relaxed_stint(e, len, pl->now);
	p->stint = e->flags & VG_ON;
	v->state = VG_COMING;
	v->bit = bit;
	p->coming = vi;
	p->sent = 0;
	p->going = 0;
	p->served = 0;
	p->hint = VG_NONE;
	p->spun = VG_NONE;
	p->yielded = 0;
	p->since = pl->now;
	p->vstart = e->vtime;
	p->deadline = pl->now + len;
	e->on |= vg_bit(bit);
	e->come |= vg_bit(bit);
	vg_core_note(s, c, bit);
	e->flags &= ~VG_STARVING;
	vg_vcpu_precharge(s, vi, len);
	vg_reserve_serve(c, v, bit);
	if (v->rsv.left > 0)
		vg_cell_alarm_at(c, p->deadline);
	if (p->due)
		vg_cell_alarm_at(c, pl->now);
	vg_idle_clear(c, bit);
	vg_ent_requeue(s, c, ei);
	vg_strict_trim(s, c, pl, ei);
}

/* Let the stint on pCPU @bit end soon: @most ns from now. */
VG_INLINE void vg_pcpu_shorten(struct vg_cell *c, u32 bit, u64 now, u64 most)
{
	struct vg_pcpu *p = vg_pcpu(c, bit);

	if (p->deadline > now + most)
		p->deadline = now + most;
}

/*
 * What runs on, or comes to, pCPU @bit has to make room for @by.  Its gang goes
 * with it if its stint is over, or if another gang takes over; but not for a
 * single vCPU that comes in between: that is gone before the stint is, as a
 * rule, and the member back.
 */
VG_FN void vg_pcpu_displace(struct vg_state_all *s, struct vg_cell *c, struct vg_plan *pl,
			    u32 bit, u32 by)
{
	u32 vi = vg_pcpu_occupant(vg_pcpu(c, bit)), ei = vg_pcpu_keeper(c, bit);

	if (ei == VG_NONE || ei == by) {
		if (vi == VG_NONE)
			return;
		ei = vg_vcpu(s, vi)->ent;
		if (ei == by)
			return;
		if (pl->now + VG_SLOP < vg_ent(s, ei)->deadline &&
		    !vg_ent_is_strict(c, vg_ent(s, ei)) &&
		    (!(vg_ent(s, by)->flags & VG_ON) || vg_ent_need(c, vg_ent(s, by)) < 2))
			return;
	}
	vg_gang_stop(s, c, pl, ei);
}

/* May gang @ei take pCPU @bit now?  pl->forced: it has waited long enough. */
VG_FN bool vg_claimable(struct vg_state_all *s, struct vg_cell *c, struct vg_plan *pl, u32 bit,
			u32 ei)
{
	u64 now = pl->now;
	struct vg_pcpu *p = vg_pcpu(c, bit);
	u32 vi = vg_pcpu_occupant(p);
	struct vg_ent *o;
	u64 ahead;

	/* Called off it might begin in spite of that; and it has not had anything yet. */
	if (c->nr_iso && p->coming != VG_NONE)
		return false;
	if (c->kept & vg_bit(bit)) {
		o = vg_ent(s, p->keep);
		return p->keep == ei || now + VG_SLOP >= o->deadline ||
		       (pl->forced && vg_since(now, o->start) >= o->slice / 2);
	}
	if (c->idle & vg_bit(bit))
		return true;
	if (vi == VG_NONE || vg_vcpu(s, vi)->ent == ei)
		return false;		/* the host's, or our own */
	/* It would go to who is on his way, not ask again, and we can not send. */
	if (pl->self == VG_NONE && p->coming != VG_NONE)
		return false;
	o = vg_ent(s, vg_vcpu(s, vi)->ent);
	ahead = vg_pcpu_vtime(s, c, bit, now) - vg_ent(s, ei)->vtime;
	if ((s64)ahead < 0)
		return false;
	/*
	 * A gang's time is its stint's: a member that has just come back to one
	 * that is over has no claim of its own.  Who is well behind need not wait
	 * for the end of a long one.
	 */
	if ((o->flags & (VG_ON | VG_FILLS)) == VG_ON)
		return now + VG_SLOP >= o->deadline ||
		       ((pl->forced || (s64)ahead > (s64)vg_vtime(o, VG_LAG / 2)) &&
			vg_since(now, o->start) >= o->slice / 2);
	if ((o->flags & VG_ON) && vg_since(now, o->start) < VG_MIN_GRAN)
		return false;
	if (pl->forced)
		return true;
	/*
	 * Short visits by others begin many a stint anew: so the minimum
	 * granularity is not for who is a whole stint ahead.
	 */
	if (vg_since(now, p->since) < VG_MIN_GRAN)
		return (s64)ahead > (s64)vg_vtime(o, o->slice);
	return true;
}

VG_INLINE u64 vg_pcpu_deadline(struct vg_state_all *s, struct vg_pcpu *p, u32 vi)
{
	struct vg_ent *e = vg_ent(s, vg_vcpu(s, vi)->ent);

	if (p->stint && e->deadline < p->deadline)
		return e->deadline;
	return p->deadline;
}

/*
 * Does the stint on pCPU @bit end now, so that it asks for work by itself?  It
 * does not if somebody has been sent there already.
 */
VG_INLINE bool vg_pcpu_ends(struct vg_state_all *s, struct vg_cell *c, u32 bit, u64 now)
{
	struct vg_pcpu *p = vg_pcpu(c, bit);

	return p->cur != VG_NONE && p->coming == VG_NONE &&
	       now + VG_SLOP >= vg_pcpu_deadline(s, p, p->cur);
}

/* Is the stint that begins the gang's turn, or does it fill in for one that is held? */
VG_INLINE void vg_gang_turn(struct vg_cell *c, struct vg_plan *pl, struct vg_ent *e)
{
	bool fills = pl->self == VG_NONE ? c->nr_held : pl->skip != VG_NONE;

	e->flags = fills ? e->flags | VG_FILLS : e->flags & ~VG_FILLS;
	e->vstart = vg_ent_vtime(e);
}

/* The gang's stint begins: its members share the deadline. */
VG_FN void vg_gang_begin(struct vg_state_all *s, struct vg_cell *c, struct vg_plan *pl, u32 ei)
{
	struct vg_ent *e = vg_ent(s, ei);

	if (e->flags & VG_ON)
		return;
	e->flags |= VG_ON;
	vg_gang_turn(c, pl, e);
	e->start = pl->now;
	e->deadline = pl->now + vg_brisk(c, e, e->slice, pl->now);
	e->coming = 0;
	e->skew = 0;
	pl->started = ei;
	vg_count(c, VG_STAT_GANG_STARTS, 1);
}

/*
 * The vCPU that runs on, or comes to, pCPU @bit joins the stint of its gang: it
 * shares the deadline, unless its own cap ends before.  What it has run is charged
 * now: a sibling that wakes just after each deadline would put that off for ever.
 */
VG_FN void vg_gang_join(struct vg_state_all *s, struct vg_cell *c, struct vg_plan *pl, u32 bit)
{
	struct vg_pcpu *p = vg_pcpu(c, bit);
	u32 vi = vg_pcpu_occupant(p);
	struct vg_ent *e = vg_ent(s, vg_vcpu(s, vi)->ent);
	u64 len;

	if (vg_vm(s, e->slot)->cap.quota && vg_vcpu(s, vi)->state == VG_RUNNING) {
		vg_vcpu_settle(s, c, vi, pl->now);
		vg_vcpu_precharge(s, vi, vg_since(e->deadline, pl->now));
	}
	len = vg_vcpu_allowance(s, vi, vg_weight_of(e->on), pl->now);
	if (pl->now + len < e->deadline)
		p->deadline = pl->now + len;
	else
		p->deadline = e->deadline;
	p->stint = 1;
	p->gang = vg_vcpu(s, vi)->ent;
}

/* Does the vCPU that runs on pCPU @bit want to be asked before it goes? */
VG_INLINE bool vg_pcpu_guarded(struct vg_state_all *s, struct vg_cell *c, u32 bit)
{
	u32 vi = vg_pcpu(c, bit)->cur;

	return vi != VG_NONE && vg_vm(s, vg_vcpu(s, vi)->slot)->guard;
}

/*
 * What gang @ei could run on besides what it has; in pl->hosts what it could
 * have kept because it has waited for long.
 */
VG_FN u64 vg_gang_avail(struct vg_state_all *s, struct vg_cell *c, struct vg_plan *pl, u32 ei)
{
	struct vg_ent *e = vg_ent(s, ei);
	u64 self = pl->self == VG_NONE ? 0 : vg_bit(pl->self);
	u64 avail = 0, closed = vg_reserve_closed(c) & ~self, m;
	u32 b;

	pl->forced = (e->flags & VG_HELD) && vg_since(pl->now, e->held) >= 2 * e->slice;
	pl->strict = vg_ent_is_strict(c, e);
	pl->hosts = 0;
	pl->slow = 0;
	vg_each_bit(b, m, c->all & ~e->on & ~closed) {
		if (b == pl->self || vg_claimable(s, c, pl, b, ei)) {
			avail |= vg_bit(b);
			/* Idle vCPUs do not mind: it is to stay empty for them. */
			if (pl->strict && !c->nr_iso && b != pl->self &&
			    vg_pcpu_guarded(s, c, b))
				pl->slow |= vg_bit(b);
		} else if (pl->strict && pl->forced && vg_pcpu_is_hosts(c, b)) {
			avail |= vg_bit(b);
			pl->hosts |= vg_bit(b);
		}
	}
	if (c->nr_iso)
		avail = vg_core_avail(c, e, avail);
	return avail;
}

/* pCPU @b, chosen for gang @ei: its vCPU comes, or it is kept for it. */
VG_INLINE void vg_gang_take(struct vg_state_all *s, struct vg_cell *c, struct vg_plan *pl, u32 b,
			    u32 ei)
{
	u32 vi = pl->match[b & (VG_CELL_PCPUS - 1)];

	pl->ending = vg_pcpu_ends(s, c, b, pl->now);
	vg_core_seize(c, pl, vg_ent(s, ei), b);
	vg_pcpu_displace(s, c, pl, b, ei);
	vg_pcpu_call_off(s, c, b, pl->now);
	if (vg_vcpu(s, vi)->state != VG_WAITING || (pl->hosts & vg_bit(b))) {
		vg_pcpu_keep(s, c, b, ei, pl->now);
		if (vg_pcpu(c, b)->cur != VG_NONE)
			pl->kick |= vg_bit(b);
		return;
	}
	vg_vcpu_place(s, c, vi, b, pl);
	vg_ent(s, ei)->coming++;
	if (vg_core_waits(c, vg_ent(s, ei), b))
		pl->kick |= vg_bit(b);
	else if (b == pl->self)
		pl->own = vi;
	else if (pl->self != VG_NONE && !pl->ending && !vg_pcpu_guarded(s, c, b))
		pl->placed |= vg_bit(b);
	else
		pl->kick |= vg_bit(b);
	vg_pcpu(c, b)->sent = !!(pl->placed & vg_bit(b));
	vg_pcpu(c, b)->going = pl->own == vi;
}

/*
 * Start gang @ei on as many pCPUs as it has runnable vCPUs, or vCPUs if it is
 * strict, now, or not at all.  Members that run already (alone, filling in) join
 * the stint where they are.
 */
VG_FN bool vg_gang_start(struct vg_state_all *s, struct vg_cell *c, struct vg_plan *pl, u32 ei)
{
	struct vg_ent *e = vg_ent(s, ei);
	u64 avail = vg_gang_avail(s, c, pl, ei), len, m;
	u32 b;

	if (vg_weight_of(avail | e->on) < vg_ent_need(c, e) ||
	    (pl->strict && vg_strict_torn(s, c, ei)))
		return false;
	if (!vg_gang_match(s, c, pl, ei, avail)) {
		/* The best there can be, and still not enough. */
		if (avail == c->all && pl->strict) {
			e->flags |= VG_MISFIT;
			vg_ent_requeue(s, c, ei);
		}
		return false;
	}

	if (e->flags & VG_HELD) {
		e->flags &= ~VG_HELD;
		c->nr_held--;
		if (pl->forced)
			vg_count(c, VG_STAT_FORCED, 1);
	}
	vg_count(c, VG_STAT_CLAIMS,
		 vg_weight_of(pl->chosen & ~c->idle &
			      ~(pl->self == VG_NONE ? 0 : vg_bit(pl->self))));
	/* Who comes late shares what is left of the stint. */
	if (!(e->flags & VG_ON) || pl->now + VG_SLOP >= e->deadline)
		len = vg_brisk(c, e, vg_ent_allowance(s, e, vg_weight_of(e->on | pl->chosen),
						      pl->now), pl->now);
	else
		len = e->deadline - pl->now;
	vg_strict_release(s, c, pl, ei);
	vg_gang_begin(s, c, pl, ei);
	e->deadline = pl->now + len;
	e->coming = 0;
	vg_each_bit(b, m, e->on)
		vg_gang_join(s, c, pl, b);
	vg_each_bit(b, m, pl->chosen)
		vg_gang_take(s, c, pl, b, ei);
	return true;
}

VG_FN void vg_gang_hold(struct vg_state_all *s, struct vg_cell *c, struct vg_plan *pl, u32 ei)
{
	struct vg_ent *e = vg_ent(s, ei);

	if (e->flags & VG_HELD)
		return;
	e->flags |= VG_HELD;
	e->held = pl->now;
	c->nr_held++;
	pl->held = ei;
	vg_count(c, VG_STAT_HOLDS, 1);
}

#endif /* VMGANG_POLICY_GANG_H */
