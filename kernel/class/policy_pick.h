/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the kernel's callbacks come down to: a pCPU asks for work, a vCPU wakes,
 * runs, stops or leaves, a second has passed.
 */
#ifndef VMGANG_POLICY_PICK_H
#define VMGANG_POLICY_PICK_H

#include "policy_edf.h"

/* pCPU pl->self goes on with pl->prev, whose stint is over, for another one. */
VG_FN void vg_pcpu_renew(struct vg_state_all *s, struct vg_cell *c, struct vg_plan *pl)
{
	struct vg_pcpu *p = vg_pcpu(c, pl->self);
	struct vg_vcpu *v = vg_vcpu(s, pl->prev);
	struct vg_ent *e = vg_ent(s, v->ent);
	u64 len = vg_vcpu_allowance(s, pl->prev, vg_weight_of(e->on), pl->now), left;

	if (c->nr_held && len > VG_SHORT)
		len = VG_SHORT;
	if (e->flags & VG_ON) {
		/* The first member at the deadline moves it, the others follow. */
		if (pl->now + VG_SLOP >= e->deadline) {
			e->deadline = pl->now + len;
			vg_gang_turn(c, pl, e);
			vg_count(c, VG_STAT_GANG_RENEWALS, 1);
		}
		left = vg_since(e->deadline, pl->now);
		if (left < len)
			len = left;
	}
	if (!e->nr_waiting)
		vg_ent_clamp(c, e, v->mask);
	p->since = pl->now;
	p->vstart = e->vtime;
	p->deadline = pl->now + len;
	if (pl->skip == VG_NONE)
		vg_cell_advance(c, pl->self, vg_ent_vtime(e));
	vg_vcpu_precharge(s, pl->prev, len);
	if (v->rsv.left > 0)
		vg_cell_alarm_at(c, p->deadline);
	vg_ent_requeue(s, c, v->ent);
	pl->own = VG_KEEP;
	vg_count(c, VG_STAT_KEEPS, 1);
}

/* A member of the stint that pCPU @self served last, if one waits. */
VG_FN bool vg_pick_rejoin(struct vg_state_all *s, struct vg_cell *c, struct vg_plan *pl)
{
	u32 ei = vg_pcpu(c, pl->self)->gang, vi;
	struct vg_ent *e;

	if (ei == VG_NONE)
		return false;
	e = vg_ent(s, ei);
	if (e->cell != c->id || !(e->flags & VG_ON) || !e->nr_waiting ||
	    (e->flags & VG_THROTTLED) ||
	    pl->now + VG_SLOP >= e->deadline)
		return false;
	vi = vg_ent_waiter(s, ei, pl->self, pl->now);
	if (vi == VG_NONE)
		return false;
	vg_vcpu_place(s, c, vi, pl->self, pl);
	vg_gang_release(c, e);
	pl->own = vi;
	vg_count(c, VG_STAT_REJOINS, 1);
	return true;
}

/*
 * The vCPU of ent @ei for whose sake a sibling gave the pCPU up, if it still waits;
 * not once a third has waited for a slice of each: two could hand it to and fro.
 */
VG_INLINE u32 vg_pcpu_hint(struct vg_state_all *s, struct vg_cell *c, u32 bit, u32 ei, u64 now)
{
	struct vg_ent *e = vg_ent(s, ei);
	u32 vi = vg_pcpu(c, bit)->hint;
	struct vg_vcpu *v = vg_vcpu(s, vi);

	if (vi == VG_NONE || v->state != VG_WAITING || v->ent != ei || !(v->mask & vg_bit(bit)))
		return VG_NONE;
	if (vg_since(now, vg_vcpu(s, e->head)->since) > e->slice * e->nr_bound)
		return VG_NONE;
	return vi;
}

/*
 * pl->prev spins in the middle of its stint and named a sibling: that takes over
 * the rest of the stint, and no more.  So a directed yield moves time only
 * within a VM, and spinning does not lengthen what a VM has.
 */
VG_FN bool vg_pick_hint(struct vg_state_all *s, struct vg_cell *c, struct vg_plan *pl)
{
	struct vg_pcpu *p = vg_pcpu(c, pl->self);
	u64 until = p->deadline, since = p->since, vstart = p->vstart;
	u32 vi = vg_pcpu_hint(s, c, pl->self, vg_vcpu(s, pl->prev)->ent, pl->now);

	if (vi == VG_NONE)
		return false;
	vg_vcpu_place(s, c, vi, pl->self, pl);
	if (p->deadline > until)
		p->deadline = until;
	p->since = since;
	p->vstart = vstart;
	pl->own = vi;
	vg_count(c, VG_STAT_YIELDS, 1);
	return true;
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
	struct vg_vcpu *v = vg_vcpu(s, vi);

	if (!p->yielded && vg_reserve_holds(s, pl->prev, pl->self, pl->now) &&
	    (vi == VG_NONE || v->rsv.due >= vg_vcpu(s, pl->prev)->rsv.due)) {
		vg_pcpu_renew(s, c, pl);
		return true;
	}
	if (vi == VG_NONE)
		return false;
	vg_pcpu_displace(s, c, pl, pl->self, v->ent);
	vg_vcpu_place(s, c, vi, pl->self, pl);
	pl->own = vi;
	vg_count(c, VG_STAT_RESERVE_PICKS, 1);
	return true;
}

/*
 * The member of held gang @ei that is to run without the others; VG_NONE if one
 * of them (the pCPU runs ent @inc) does already, and the next has not waited for
 * a slice yet.
 */
VG_FN u32 vg_pick_part(struct vg_state_all *s, struct vg_plan *pl, u32 ei, u32 inc)
{
	u32 vi = vg_ent_waiter(s, ei, pl->self, pl->now);

	if (vi == VG_NONE || ei != inc)
		return vi;
	return vg_since(pl->now, vg_vcpu(s, vi)->since) < vg_ent(s, ei)->slice ? VG_NONE : vi;
}

/*
 * pCPU pl->self asks for work.  pl->prev, if any, is what it runs and could go
 * on with; it is charged up to now.  The answer is in pl->own, and in
 * pl->placed for the other members of a gang.
 */
VG_FN void vg_pick_queue(struct vg_state_all *s, struct vg_cell *c, struct vg_plan *pl)
{
	struct vg_pcpu *p = vg_pcpu(c, pl->self);
	u32 inc = pl->prev == VG_NONE ? VG_NONE : vg_vcpu(s, pl->prev)->ent;
	u32 filler = VG_NONE, ei, vi;
	struct vg_ent *e;
	u64 vtime, done, first = 0, limit = 0;
	int k;

	vg_times(k, VG_PLAN_TRIES) {
		ei = vg_cell_first(s, c, pl);
		if (ei == VG_NONE)
			break;
		e = vg_ent(s, ei);
		vtime = e->vtime;
		done = vg_ent_vtime(e);
		if (filler != VG_NONE && !vg_before(vtime, limit))
			break;
		if (inc != VG_NONE && inc != ei && !p->yielded &&
		    !vg_ent_before(e, vg_ent(s, inc)))
			break;
		if (e->cosched == VMGANG_COSCHED_GANG && !vg_ent_is_gang(c, e))
			vg_count(c, VG_STAT_WIDE, 1);
		if (vg_ent_is_gang(c, e) && vg_ent_width(e) > 1) {
			if (vg_gang_start(s, c, pl, ei)) {
				if (pl->skip == VG_NONE)
					vg_cell_advance(c, pl->self, done);
				if (pl->own != VG_NONE)
					return;
				if (inc == ei) {
					vg_pcpu_renew(s, c, pl);
					return;
				}
			} else {
				vg_gang_hold(s, c, pl, ei);
				if (filler == VG_NONE) {
					filler = ei;
					limit = vtime + vg_vtime(e, e->slice);
				}
				/* A wider one would not fit either. */
				pl->narrow = k + 2 < VG_PLAN_TRIES ? vg_ent_width(e) - 1 : 1;
			}
		} else {
			vi = vg_pcpu_hint(s, c, pl->self, ei, pl->now);
			if (vi == VG_NONE)
				vi = vg_ent_waiter(s, ei, pl->self, pl->now);
			if (vi != VG_NONE) {
				vg_pcpu_displace(s, c, pl, pl->self, ei);
				if (vg_ent_is_gang(c, e))
					vg_gang_begin(s, c, pl, ei);
				vg_vcpu_place(s, c, vi, pl->self, pl);
				vg_gang_release(c, e);
				pl->own = vi;
				if (pl->skip == VG_NONE)
					vg_cell_advance(c, pl->self, done);
				return;
			}
		}
		pl->skip = ei;
	}
	/* Better one member alone than an idle pCPU: it is its gang's turn after all. */
	if (filler != VG_NONE)
		first = vg_ent_vtime(vg_ent(s, filler));
	vi = filler == VG_NONE ? VG_NONE : vg_pick_part(s, pl, filler, inc);
	if (inc != VG_NONE &&
	    (vi == VG_NONE || (filler != inc && vg_before(vg_ent(s, inc)->vtime, limit)))) {
		/* It goes on; by turns with siblings for which there is no pCPU. */
		vi = filler == inc ? VG_NONE : vg_pick_part(s, pl, inc, inc);
		if (vi == VG_NONE) {
			vg_pcpu_renew(s, c, pl);
			if (filler == inc)
				vg_cell_advance(c, pl->self, first);
			return;
		}
		filler = inc;
		first = vg_ent_vtime(vg_ent(s, inc));
	}
	if (vi == VG_NONE)
		return;
	vg_cell_advance(c, pl->self, first);
	vg_pcpu_displace(s, c, pl, pl->self, filler);
	vg_vcpu_place(s, c, vi, pl->self, pl);
	vg_pcpu_shorten(c, pl->self, pl->now);
	vg_gang_release(c, vg_ent(s, filler));
	pl->own = vi;
	vg_count(c, VG_STAT_PARTIAL, 1);
}

VG_FN void vg_pick(struct vg_state_all *s, struct vg_cell *c, struct vg_plan *pl)
{
	struct vg_pcpu *p = vg_pcpu(c, pl->self);
	u32 prev = pl->prev;

	vg_count(c, VG_STAT_PICKS, 1);
	if (prev != VG_NONE) {
		vg_vcpu_settle(s, c, prev, pl->now);
		vg_ent_throttle(s, c, pl, vg_vcpu(s, prev)->ent);
	}
	if (p->coming != VG_NONE) {
		p->served = 1;
		if (!p->sent)
			pl->own = p->coming;
		else if (prev != VG_NONE)
			pl->own = VG_KEEP;	/* until it is there */
		goto out;
	}
	if (prev != VG_NONE && ((vg_ent(s, vg_vcpu(s, prev)->ent)->flags & VG_THROTTLED) ||
				vg_vcpu_strays(s, c, vg_vcpu(s, prev)) ||
				!vg_vcpu_may(vg_vcpu(s, prev), pl->now)))
		pl->prev = VG_NONE;
	if (vg_pick_reserved(s, c, pl))
		goto out;
	if (pl->prev != VG_NONE && !p->yielded &&
	    pl->now + VG_SLOP < vg_pcpu_deadline(s, p, prev)) {
		u64 left = vg_pcpu_deadline(s, p, prev) - pl->now;

		if (vg_pick_hint(s, c, pl))
			goto out;
		vg_vcpu_precharge(s, prev, left);
		vg_ent_requeue(s, c, vg_vcpu(s, prev)->ent);
		pl->own = VG_KEEP;
		goto out;
	}
	if (!vg_pick_rejoin(s, c, pl))
		vg_pick_queue(s, c, pl);
	if (pl->own == VG_NONE && prev == VG_NONE)
		vg_idle_set(c, pl->self);
out:
	p->yielded = 0;
	p->hint = VG_NONE;
	pl->kick &= ~(pl->placed | vg_bit(pl->self));
}

/*
 * Is it the turn of whoever runs on pCPU @bit, even though gang @e has a stint?
 * It is if he was behind the gang when that began, or is well behind all others:
 * then there may be no time in which to make up for what he loses.
 */
VG_FN bool vg_pcpu_owed(struct vg_state_all *s, struct vg_cell *c, struct vg_plan *pl, u32 bit,
			struct vg_ent *e)
{
	u64 vtime = vg_pcpu_vtime(s, c, bit, pl->now);
	struct vg_ent *o = vg_ent(s, vg_vcpu(s, vg_pcpu(c, bit)->cur)->ent);

	return vg_before(vtime, e->vstart) || vg_before(vtime, c->vnow - vg_vtime(o, o->slice));
}

/*
 * The pCPU where @vi would disturb least, of those whose ents are @gran ahead, or,
 * if that is 0, that do not serve a stint; VG_NONE if it has to wait.
 */
VG_FN u32 vg_wake_victim(struct vg_state_all *s, struct vg_cell *c, struct vg_plan *pl, u32 vi,
			 u64 gran)
{
	struct vg_vcpu *v = vg_vcpu(s, vi);
	struct vg_ent *e = vg_ent(s, v->ent), *o;
	u32 b, best = VG_NONE, other;
	u64 most = 0, ahead, m;

	vg_each_bit(b, m, v->mask & c->all) {
		struct vg_pcpu *p = vg_pcpu(c, b);

		other = p->cur;
		if (other == VG_NONE || p->coming != VG_NONE || vg_vcpu(s, other)->ent == v->ent ||
		    vg_reserve_guards(s, c, b, pl->now))
			continue;
		o = vg_ent(s, vg_vcpu(s, other)->ent);
		if (!gran) {
			if ((o->flags & VG_ON) || vg_pcpu_owed(s, c, pl, b, e))
				continue;
			ahead = p->gang == v->ent ? ~0ULL >> 1 : vg_since(pl->now, p->since);
		} else {
			u64 lead = vg_pcpu_vtime(s, c, b, pl->now) - e->vtime;

			if ((s64)lead <= (s64)vg_vtime(o, gran))
				continue;
			if (vg_since(pl->now, p->since) <
			    (o->flags & VG_ON ? VG_MIN_GRAN : VG_WAKE_GRAN)) {
				vg_pcpu_shorten(c, b, pl->now);
				continue;
			}
			ahead = o->flags & VG_ON ? 1 : lead;
		}
		if (best == VG_NONE || ahead > most) {
			best = b;
			most = ahead;
		}
	}
	return best;
}

/*
 * vCPU @vi has just begun to wait.  Give it a pCPU at once if it is its turn: a
 * member of a gang within its stint, an idle pCPU, or one whose ent is ahead: well
 * if @preempt, by a slice if it has only lost its pCPU to another.  Returns the
 * pCPU, VG_NONE if it waits.
 */
VG_FN u32 vg_wake(struct vg_state_all *s, struct vg_cell *c, struct vg_plan *pl, u32 vi,
		  bool preempt)
{
	struct vg_vcpu *v = vg_vcpu(s, vi);
	struct vg_ent *e = vg_ent(s, v->ent);
	u64 idle = c->idle & c->all & v->mask;
	u32 b = VG_NONE;
	u64 done = vg_ent_vtime(e);
	bool gang;

	if (v->state != VG_WAITING || (e->flags & VG_THROTTLED))
		return VG_NONE;
	gang = vg_ent_is_gang(c, e);
	if (!idle && v->rsv.left > 0) {
		vg_edf_urge(s, c, pl, v->rsv.home);
		return VG_NONE;
	}
	if (idle)
		b = idle & vg_bit(v->bit) ? v->bit : vg_lowest(idle);
	/* Whoever comes for the end of a stint takes what is free, and does not lengthen it. */
	if (gang && (e->flags & VG_ON) &&
	    (b != VG_NONE || pl->now + VG_SLOP < e->deadline)) {
		if (b == VG_NONE && preempt)
			b = vg_wake_victim(s, c, pl, vi, 0);
		if (b == VG_NONE)
			return VG_NONE;
		vg_count(c, VG_STAT_REJOINS, 1);
	} else if (gang && vg_ent_width(e) > 1) {
		if (b == VG_NONE &&
		    (preempt || !vg_before(e->vtime + vg_vtime(e, e->slice), c->vnow)))
			return VG_NONE;
		if (vg_gang_start(s, c, pl, v->ent)) {
			vg_cell_advance(c, b, done);
			vg_pcpu(c, v->bit)->sent = 1;
			pl->kick &= ~vg_bit(v->bit);
			return v->bit;
		}
		if (b == VG_NONE)
			return VG_NONE;
		vg_gang_hold(s, c, pl, v->ent);
	} else if (b != VG_NONE) {
		vg_cell_advance(c, b, done);
		vg_count(c, VG_STAT_WAKE_IDLE, 1);
	} else {
		/* Who had to make room does not pass a sibling that waits for longer. */
		if (preempt || e->head == vi)
			b = vg_wake_victim(s, c, pl, vi, preempt ? VG_WAKE_GRAN : e->slice);
		if (b == VG_NONE)
			return VG_NONE;
		vg_count(c, VG_STAT_WAKE_PREEMPTS, 1);
	}
	if (gang && vg_ent_width(e) == 1)
		vg_gang_begin(s, c, pl, v->ent);
	vg_pcpu_displace(s, c, pl, b, v->ent);
	vg_vcpu_place(s, c, vi, b, pl);
	if (gang && !(e->flags & VG_ON))
		vg_pcpu_shorten(c, b, pl->now);
	vg_gang_release(c, e);
	vg_pcpu(c, b)->sent = 1;
	pl->kick &= ~vg_bit(b);
	return b;
}

/* vCPU @vi begins to run on pCPU @bit, because we said so or in spite of it. */
VG_FN void vg_vcpu_run(struct vg_state_all *s, struct vg_cell *c, u32 vi, u32 bit, u64 now)
{
	struct vg_vcpu *v = vg_vcpu(s, vi);
	struct vg_ent *e = vg_ent(s, v->ent);
	struct vg_pcpu *p = vg_pcpu(c, bit);

	if (v->state == VG_RUNNING)
		return;
	vg_vcpu_unlist(s, c, vi);
	if (v->state == VG_COMING && p->coming != vi)
		vg_vcpu_unplace(s, c, vi);
	if (v->state == VG_COMING) {
		p->coming = VG_NONE;
		if (e->coming && (e->flags & VG_ON)) {
			if (!e->skew)
				e->skew = now;
			if (!--e->coming) {
				u64 skew = vg_since(now, e->skew);

				vg_count(c, VG_STAT_SKEW_SUM, skew);
				vg_count(c, VG_STAT_SKEW_NR, 1);
				if (skew > c->stats[VG_STAT_SKEW_MAX])
					c->stats[VG_STAT_SKEW_MAX] = skew;
			}
		}
	} else {
		p->since = now;
		p->vstart = e->vtime;
		p->deadline = now + e->slice;
		vg_vcpu_uncharge(e, v, 0);
	}
	v->state = VG_RUNNING;
	v->bit = bit;
	v->start = now;
	v->bounced = 0;
	v->costop = 0;
	p->cur = vi;
	c->runs++;
	c->nr_running++;
	e->on |= vg_bit(bit);
	vg_idle_clear(c, bit);
	vg_gang_release(c, e);
	vg_ent_requeue(s, c, v->ent);
}

/* vCPU @vi has stopped running, for whatever reason. */
VG_FN void vg_vcpu_stop(struct vg_state_all *s, struct vg_cell *c, struct vg_plan *pl, u32 vi)
{
	struct vg_vcpu *v = vg_vcpu(s, vi);
	u32 ei = v->ent;
	struct vg_ent *e = vg_ent(s, ei);
	struct vg_pcpu *p = vg_pcpu(c, v->bit);

	if (v->state != VG_RUNNING)
		return;
	vg_vcpu_settle(s, c, vi, pl->now);
	v->state = VG_OUT;
	c->nr_running--;
	if (p->cur == vi)
		p->cur = VG_NONE;
	vg_ent_off(s, c, ei, v->bit);
	if (!e->on)
		vg_gang_stop(s, c, pl, ei);
	vg_ent_requeue(s, c, ei);
	vg_ent_throttle(s, c, pl, ei);
}

/* vCPU @vi is no longer runnable, or no longer ours. */
VG_FN void vg_vcpu_leave(struct vg_state_all *s, struct vg_cell *c, struct vg_plan *pl, u32 vi)
{
	struct vg_vcpu *v = vg_vcpu(s, vi);
	struct vg_ent *e = vg_ent(s, v->ent);

	if (v->state == VG_RUNNING)
		vg_vcpu_stop(s, c, pl, vi);
	else if (v->state == VG_COMING)
		vg_vcpu_unplace(s, c, vi);
	else
		vg_vcpu_unlist(s, c, vi);
	vg_reserve_sleep(s, c, vi);
	if (!e->on && !e->nr_waiting) {
		e->flags |= VG_ASLEEP;
		vg_gang_stop(s, c, pl, v->ent);
	}
	vg_gang_release(c, e);
}

/*
 * Caps: let go on whoever has tokens again, where nobody runs.  They are not
 * counted: the verifier would follow the loops once for each of the values.
 */
VG_FN void vg_cell_refill(struct vg_state_all *s, struct vg_cell *c, struct vg_plan *pl)
{
	u32 vi = c->paused, ei = c->throttled, next, keep = VG_NONE;

	c->refill = 0;
	while (vi != VG_NONE && can_loop) {
		struct vg_vcpu *v = vg_vcpu(s, vi);

		next = v->next;
		if (vg_vcpu_may(v, pl->now)) {
			vg_vcpu_unlist(s, c, vi);
			vg_reserve_sleep(s, c, vi);
			vg_vcpu_wait(s, c, pl, vi);
			if (v->rsv.terms.slice)
				vg_cell_alarm_at(c, pl->now);
			pl->kick |= c->idle & c->all;
		} else if (!vg_cap_left(&v->cap, pl->now)) {
			vg_cell_refill_at(c, vg_cap_refill(&v->cap));
		}
		vi = next;
	}
	c->throttled = VG_NONE;
	while (ei != VG_NONE && can_loop) {
		struct vg_ent *e = vg_ent(s, ei);

		next = e->next;
		if (vg_cap_left(&vg_vm(s, e->slot)->cap, pl->now)) {
			e->flags &= ~VG_THROTTLED;
			if (e->nr_waiting)
				pl->kick |= c->idle & c->all;
			vg_edf_release(s, c, ei, pl->now);
			vg_ent_requeue(s, c, ei);
		} else {
			vg_cell_refill_at(c, vg_cap_refill(&vg_vm(s, e->slot)->cap));
			e->next = keep;
			keep = ei;
		}
		ei = next;
	}
	c->throttled = keep;
}

/* Forget that the ent is throttled: its last vCPU leaves. */
VG_FN void vg_ent_unthrottle(struct vg_state_all *s, struct vg_cell *c, u32 ei)
{
	struct vg_ent *e = vg_ent(s, ei);
	u32 at = c->throttled;

	if (!(e->flags & VG_THROTTLED))
		return;
	e->flags &= ~VG_THROTTLED;
	if (at == ei) {
		c->throttled = e->next;
		return;
	}
	while (at != VG_NONE && can_loop) {
		if (vg_ent(s, at)->next == ei) {
			vg_ent(s, at)->next = e->next;
			break;
		}
		at = vg_ent(s, at)->next;
	}
}

/*
 * Once a second: of VG_SWEEP ents, in turn, who waits longest goes first if that
 * is too long, and a pCPU that sits on a placement is asked again.
 */
VG_FN void vg_cell_sweep(struct vg_state_all *s, struct vg_cell *c, struct vg_plan *pl)
{
	u64 most = VG_STARVED, m;
	u32 b, old = VG_NONE, n;
	int i;

	vg_queue_sort(s, c);
	n = c->nr_queued < VG_SWEEP ? c->nr_queued : VG_SWEEP;
	vg_times(i, n) {
		u32 ei, vi;
		u64 age;

		c->sweep++;
		if (c->sweep >= c->nr_queued)
			c->sweep = 0;
		ei = vg_queue_at(c, c->sweep);
		vi = vg_ent(s, ei)->head;
		if (vi == VG_NONE)
			continue;
		age = vg_since(pl->now, vg_vcpu(s, vi)->since);
		if (age > most) {
			most = age;
			old = ei;
		}
	}
	if (old != VG_NONE) {
		vg_ent(s, old)->flags |= VG_STARVING;
		vg_ent_requeue(s, c, old);
		vg_count(c, VG_STAT_STARVED, 1);
	}
	vg_each_bit(b, m, c->all) {
		struct vg_pcpu *p = vg_pcpu(c, b);

		if (p->coming != VG_NONE && vg_since(pl->now, p->since) > VG_MS * 100) {
			p->sent = 0;
			p->served = 0;
			pl->kick |= vg_bit(b);
		}
	}
	if (c->nr_queued)
		pl->kick |= c->idle & c->all;
}

#endif /* VMGANG_POLICY_PICK_H */
