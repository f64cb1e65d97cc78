/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who runs where: place, claim, co-start, co-stop.
 *
 * A vCPU moves OUT -> WAITING -> COMING -> RUNNING -> OUT.  The kernel reports
 * the outer steps (vg_vcpu_wait, vg_vcpu_run, vg_vcpu_stop, vg_vcpu_leave);
 * WAITING -> COMING is decided when a pCPU asks for work (vg_pick) and when a
 * vCPU becomes runnable (vg_wake), both in policy_pick.h.
 */
#ifndef VMGANG_POLICY_GANG_H
#define VMGANG_POLICY_GANG_H

#include "policy.h"
#include "policy_queue.h"
#include "policy_credit.h"

VG_INLINE void vg_plan_begin(struct vg_plan *pl, u64 now, u32 self, u32 prev)
{
	pl->now = now;
	pl->self = self;
	pl->prev = prev;
	pl->placed = 0;
	pl->kick = 0;
	pl->own = VG_NONE;
	pl->started = VG_NONE;
	pl->held = VG_NONE;
	pl->nr_stopped = 0;
	pl->nr_missed = 0;
	pl->skip = VG_NONE;
	pl->narrow = VG_CELL_PCPUS;
}

VG_INLINE void vg_idle_set(struct vg_cell *c, u32 bit)
{
	__sync_fetch_and_or(&c->idle, vg_bit(bit));
}

VG_INLINE void vg_idle_clear(struct vg_cell *c, u32 bit)
{
	__sync_fetch_and_and(&c->idle, ~vg_bit(bit));
}

VG_INLINE u32 vg_pcpu_occupant(struct vg_pcpu *p)
{
	return p->coming != VG_NONE ? p->coming : p->cur;
}

VG_INLINE void vg_cell_refill_at(struct vg_cell *c, u64 when)
{
	if (when && (!c->refill || when < c->refill))
		c->refill = when;
}

/* The ent gives up pCPU @bit, unless another of its vCPUs is there as well. */
VG_FN void vg_ent_off(struct vg_state_all *s, struct vg_cell *c, u32 ei, u32 bit)
{
	struct vg_pcpu *p = vg_pcpu(c, bit);

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
	e->flags |= VG_THROTTLED;
	e->next = c->throttled;
	c->throttled = ei;
	pl->kick |= e->on;
	vg_cell_refill_at(c, vg_cap_refill(cap));
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
	vg_ent_off(s, c, v->ent, v->bit);
	vg_ent_requeue(s, c, v->ent);
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
		vg_vcpu_unplace(s, c, vi);
	if (v->state != VG_OUT)
		return;
	v->since = pl->now;
	v->costop = 0;
	vg_cap_begin(&v->cap, pl->now);
	vg_cap_begin(&vg_vm(s, e->slot)->cap, pl->now);
	vg_reserve_wake(s, c, vi, pl->now);
	if (!vg_vcpu_may(v, pl->now)) {
		v->state = VG_PAUSED;
		v->prev = VG_NONE;
		v->next = c->paused;
		if (c->paused != VG_NONE)
			vg_vcpu(s, c->paused)->prev = vi;
		c->paused = vi;
		if (!vg_cap_left(&v->cap, pl->now))
			vg_cell_refill_at(c, vg_cap_refill(&v->cap));
		vg_count(c, VG_STAT_THROTTLES, 1);
		return;
	}
	if (!e->nr_waiting)
		vg_ent_clamp(c, e, v->mask);
	v->state = VG_WAITING;
	vg_list_add(s, vi);
	vg_reserve_mark(s, c, vi);
	vg_gang_release(c, e);
	vg_ent_throttle(s, c, pl, ei);
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
		if (v->prev == VG_NONE)
			c->paused = v->next;
		else
			vg_vcpu(s, v->prev)->next = v->next;
		if (v->next != VG_NONE)
			vg_vcpu(s, v->next)->prev = v->prev;
	} else {
		return;
	}
	v->state = VG_OUT;
	vg_reserve_mark(s, c, vi);
}

/* Has @v's VM got another home, where @v is to go? */
VG_INLINE bool vg_vcpu_strays(struct vg_state_all *s, struct vg_cell *c, struct vg_vcpu *v)
{
	u32 home = vg_vm(s, v->slot)->home;

	return home != c->id && (v->cells & vg_bit(home));
}

/* Send waiting vCPU @vi to pCPU @bit, until @until; charge that in advance. */
VG_FN void vg_vcpu_place(struct vg_state_all *s, struct vg_cell *c, u32 vi, u32 bit,
			 struct vg_plan *pl)
{
	struct vg_vcpu *v = vg_vcpu(s, vi);
	u32 ei = v->ent;
	struct vg_ent *e = vg_ent(s, ei);
	struct vg_pcpu *p = vg_pcpu(c, bit);
	bool alone = vg_ent_width(e) < 2;
	u32 other = p->coming;
	u64 len;

	if (!e->seen)
		e->seen = v->since;
	e->waited += vg_since(pl->now, v->since > e->seen ? v->since : e->seen);
	vg_vcpu_unlist(s, c, vi);
	if (other != VG_NONE) {
		vg_vcpu_unplace(s, c, other);
		vg_vcpu(s, other)->state = VG_WAITING;
		vg_vcpu(s, other)->since = pl->now;
		vg_list_add(s, other);
		vg_reserve_mark(s, c, other);
		if (vg_vcpu(s, other)->rsv.left > 0)
			vg_cell_alarm_at(c, pl->now);
		vg_ent_requeue(s, c, vg_vcpu(s, other)->ent);
	}
	len = vg_vcpu_allowance(s, vi, vg_weight_of(e->on) + 1, pl->now);
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
	p->stint = e->flags & VG_ON;
	v->state = VG_COMING;
	v->bit = bit;
	p->coming = vi;
	p->sent = 0;
	p->served = 0;
	p->hint = VG_NONE;
	p->yielded = 0;
	p->since = pl->now;
	p->vstart = e->vtime;
	p->deadline = pl->now + len;
	e->on |= vg_bit(bit);
	e->flags &= ~VG_STARVING;
	vg_vcpu_precharge(s, vi, len);
	if (v->rsv.left > 0)
		vg_cell_alarm_at(c, p->deadline);
	if (p->due)
		vg_cell_alarm_at(c, pl->now);
	vg_idle_clear(c, bit);
	vg_ent_requeue(s, c, ei);
}

/* Let the stint on pCPU @bit end soon. */
VG_INLINE void vg_pcpu_shorten(struct vg_cell *c, u32 bit, u64 now)
{
	struct vg_pcpu *p = vg_pcpu(c, bit);

	if (p->deadline > now + VG_SHORT)
		p->deadline = now + VG_SHORT;
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
	u32 vi = vg_pcpu_occupant(vg_pcpu(c, bit)), ei;

	if (vi == VG_NONE)
		return;
	ei = vg_vcpu(s, vi)->ent;
	if (ei == by)
		return;
	if (pl->now + VG_SLOP >= vg_ent(s, ei)->deadline ||
	    ((vg_ent(s, by)->flags & VG_ON) && vg_ent_width(vg_ent(s, by)) > 1))
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

	if (vg_reserve_guards(s, c, bit, now))
		return false;
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

/* The pCPU of @cand whose ent is furthest ahead. */
VG_FN u32 vg_furthest(struct vg_state_all *s, struct vg_cell *c, u64 cand, u64 now)
{
	u32 b, best = VG_NONE;
	u64 ahead = 0, v, m;

	vg_each_bit(b, m, cand) {
		if (vg_pcpu_occupant(vg_pcpu(c, b)) == VG_NONE)
			return b;
		v = vg_pcpu_vtime(s, c, b, now);
		if (best == VG_NONE || vg_before(ahead, v)) {
			best = b;
			ahead = v;
		}
	}
	return best;
}

/*
 * Find a pCPU for each waiting vCPU of gang @ei among @avail, those that may
 * use the fewest first in two classes, and note them in pl->match.  Returns the
 * pCPUs chosen, 0 if someone is left over.
 */
VG_FN u64 vg_gang_match(struct vg_state_all *s, struct vg_cell *c, struct vg_plan *pl, u32 ei,
			u64 avail)
{
	struct vg_ent *e = vg_ent(s, ei);
	bool spare = vg_weight_of(avail) > e->nr_waiting;
	u64 chosen = 0, cand;
	u32 vi, b;
	int pass;

	vg_times(pass, 3) {
		vi = e->head;
		while (vi != VG_NONE && can_loop) {
			struct vg_vcpu *v = vg_vcpu(s, vi);
			bool pinned, stays;

			cand = v->mask & avail;
			pinned = (v->mask & c->all) != c->all;
			stays = !pinned && (cand & vg_bit(v->bit));
			if (pass != (pinned ? 0 : stays ? 1 : 2) ||
			    ((chosen & vg_bit(v->bit)) &&
			     pl->match[v->bit & (VG_CELL_PCPUS - 1)] == vi)) {
				vi = v->next;
				continue;
			}
			if (!cand)
				return 0;
			if ((cand & vg_bit(v->bit)) && (pass < 2 || !spare))
				b = v->bit;
			else if (pl->self != VG_NONE && (cand & vg_bit(pl->self)))
				b = pl->self;
			else if (cand & c->idle)
				b = vg_lowest(cand & c->idle);
			else if (spare)
				b = vg_furthest(s, c, cand, pl->now);
			else
				b = vg_lowest(cand);
			avail &= ~vg_bit(b);
			chosen |= vg_bit(b);
			pl->match[b & (VG_CELL_PCPUS - 1)] = vi;
			v->bit = b;
			vi = v->next;
		}
	}
	return chosen;
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
	e->deadline = pl->now + e->slice;
	e->coming = 0;
	e->skew = 0;
	pl->started = ei;
	vg_count(c, VG_STAT_GANG_STARTS, 1);
}

/*
 * The vCPU that runs on, or comes to, pCPU @bit joins the stint of its gang: it
 * shares the deadline, unless its own cap ends before.
 */
VG_FN void vg_gang_join(struct vg_state_all *s, struct vg_cell *c, struct vg_plan *pl, u32 bit)
{
	struct vg_pcpu *p = vg_pcpu(c, bit);
	u32 vi = vg_pcpu_occupant(p);
	struct vg_ent *e = vg_ent(s, vg_vcpu(s, vi)->ent);
	u64 len = vg_vcpu_allowance(s, vi, vg_weight_of(e->on), pl->now);

	if (pl->now + len < e->deadline)
		p->deadline = pl->now + len;
	else
		p->deadline = e->deadline;
	p->stint = 1;
	p->gang = vg_vcpu(s, vi)->ent;
}

/*
 * Start gang @ei on as many pCPUs as it has runnable vCPUs, now, or not at all.
 * Members that run already (alone, filling in) join the stint where they are.
 */
VG_FN bool vg_gang_start(struct vg_state_all *s, struct vg_cell *c, struct vg_plan *pl, u32 ei)
{
	struct vg_ent *e = vg_ent(s, ei);
	u64 avail = 0, ending = 0, chosen, len, m;
	u32 b;

	pl->forced = (e->flags & VG_HELD) && vg_since(pl->now, e->held) >= 2 * e->slice;
	vg_each_bit(b, m, c->all & ~e->on) {
		if (b == pl->self || vg_claimable(s, c, pl, b, ei))
			avail |= vg_bit(b);
	}
	if (vg_weight_of(avail) < e->nr_waiting)
		return false;
	chosen = vg_gang_match(s, c, pl, ei, avail);
	if (vg_weight_of(chosen) != e->nr_waiting)
		return false;

	if (e->flags & VG_HELD) {
		e->flags &= ~VG_HELD;
		c->nr_held--;
		if (pl->forced)
			vg_count(c, VG_STAT_FORCED, 1);
	}
	vg_count(c, VG_STAT_CLAIMS,
		 vg_weight_of(chosen & ~c->idle & ~(pl->self == VG_NONE ? 0 : vg_bit(pl->self))));
	/* Who comes late shares what is left of the stint. */
	if (!(e->flags & VG_ON) || pl->now + VG_SLOP >= e->deadline)
		len = vg_ent_allowance(s, e, vg_weight_of(e->on | chosen), pl->now);
	else
		len = e->deadline - pl->now;
	vg_gang_begin(s, c, pl, ei);
	e->deadline = pl->now + len;
	e->coming = vg_weight_of(chosen);
	vg_each_bit(b, m, e->on)
		vg_gang_join(s, c, pl, b);
	vg_each_bit(b, m, chosen) {
		if (vg_pcpu_ends(s, c, b, pl->now))
			ending |= vg_bit(b);
		vg_pcpu_displace(s, c, pl, b, ei);
		vg_vcpu_place(s, c, pl->match[b], b, pl);
		if (b == pl->self)
			pl->own = pl->match[b];
		else if (pl->self != VG_NONE && !(ending & vg_bit(b)))
			pl->placed |= vg_bit(b);
		else
			pl->kick |= vg_bit(b);
		vg_pcpu(c, b)->sent = !!(pl->placed & vg_bit(b));
	}
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

/* Ent @ei is a gang from now on, or is one no longer. */
VG_FN void vg_ent_cosched(struct vg_state_all *s, struct vg_cell *c, struct vg_plan *pl, u32 ei,
			  u32 cosched)
{
	struct vg_ent *e = vg_ent(s, ei);

	if (e->cosched == cosched)
		return;
	vg_gang_stop(s, c, pl, ei);
	if (e->flags & VG_HELD) {
		e->flags &= ~VG_HELD;
		c->nr_held--;
	}
	e->cosched = cosched;
	vg_ent_requeue(s, c, ei);
}

/* Would vg_vcpu_leave() change nothing? */
VG_INLINE bool vg_vcpu_left(struct vg_state_all *s, u32 vi)
{
	struct vg_vcpu *v = vg_vcpu(s, vi);

	return v->state == VG_OUT && !v->rsv.terms.slice &&
	       !(vg_ent(s, v->ent)->flags & (VG_ON | VG_HELD));
}

#endif /* VMGANG_POLICY_GANG_H */
