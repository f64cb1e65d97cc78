/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the kernel's callbacks come down to: a pCPU asks for work, a second has
 * passed.  A vCPU that runs, stops or leaves is in policy_run.h, one that wakes in
 * policy_wake.h.
 */
#ifndef VMGANG_POLICY_PICK_H
#define VMGANG_POLICY_PICK_H

#include "policy_edf.h"
#include "policy_gang.h"
#include "policy_guard.h"
#include "policy_lead.h"
#include "policy_run.h"
#include "policy_spin.h"
#include "policy_wake.h"

/*
 * A gang's vCPU has pCPU pl->self while a sibling waits, for which it may spin: not for
 * long.  A tick may be long in coming, so it is looked at.
 */
VG_INLINE void vg_part_turn(struct vg_cell *c, struct vg_plan *pl)
{
	vg_pcpu_shorten(c, pl->self, pl->now, VG_TURN);
	pl->look = vg_pcpu(c, pl->self)->deadline;
}

/* A look at pCPU @bit that was asked for is due: is it to ask for work? */
VG_INLINE bool vg_pcpu_looks(struct vg_cell *c, u32 bit, u64 now)
{
	struct vg_pcpu *p = vg_pcpu(c, bit);

	return p->guard || (p->cur != VG_NONE && now >= p->deadline);
}

/* pCPU pl->self goes on with pl->prev, whose stint is over, for another one. */
VG_FN void vg_pcpu_renew(struct vg_state_all *s, struct vg_cell *c, struct vg_plan *pl)
{
	struct vg_pcpu *p = vg_pcpu(c, pl->self);
	struct vg_vcpu *v = vg_vcpu(s, pl->prev);
	struct vg_ent *e = vg_ent(s, v->ent);
	u64 len = vg_vcpu_stint(s, c, pl->prev, vg_weight_of(e->on), pl->now), left;

	if ((c->nr_held || pl->barred) && len > VG_SHORT)
		len = VG_SHORT;
	if (e->flags & VG_ON) {
		/* The first member at the deadline moves it, the others follow. */
		if (pl->now + VG_SLOP >= e->deadline) {
			e->deadline = pl->now + len;
			vg_strict_settle(s, c, v->ent, pl->now);
			vg_strict_tell(e, pl, v->ent);
			vg_gang_turn(c, pl, e);
			vg_count(c, VG_STAT_GANG_RENEWALS, 1);
		}
		left = vg_since(e->deadline, pl->now);
		if (left < len)
			len = left;
	}
	len = vg_relaxed_stint(e, len, pl->now);
	if (!e->nr_waiting)
		vg_ent_clamp(c, e, v->mask);
	p->since = pl->now;
	p->vstart = e->vtime;
	p->deadline = pl->now + len;
	if (pl->skip == VG_NONE)
		vg_cell_advance(c, pl->self, vg_ent_vtime(e));
	vg_vcpu_precharge(s, pl->prev, len);
	vg_reserve_serve(c, v, pl->self);
	if (v->rsv.left > 0)
		vg_cell_alarm_at(c, p->deadline);
	if (vg_ent_is_gang(c, e) && !(e->flags & VG_ON) && e->nr_waiting)
		vg_part_turn(c, pl);
	vg_ent_requeue(s, c, v->ent);
	if (c->nr_iso)
		vg_core_goes_on(s, c, pl, v->ent);
	pl->own = VG_KEEP;
}

/*
 * pCPU pl->self takes pl->take.  One place for all reasons there are, which are
 * in pl->why: the verifier follows what is below once.
 */
VG_FN void vg_pcpu_take(struct vg_state_all *s, struct vg_cell *c, struct vg_plan *pl)
{
	u32 vi = pl->take, ei = vg_vcpu(s, vi)->ent;
	struct vg_pcpu *p = vg_pcpu(c, pl->self);
	struct vg_ent *e = vg_ent(s, ei);
	u64 until = p->deadline, since = p->since, vstart = p->vstart;

	vg_core_seize(c, pl, e, pl->self);
	if (pl->why & (VG_BY_TURN | VG_BY_PART | VG_BY_RIGHT))
		vg_pcpu_displace(s, c, pl, pl->self, ei);
	if ((pl->why & VG_BY_TURN) && vg_ent_is_gang(c, e))
		vg_gang_begin(s, c, pl, ei);
	vg_vcpu_place(s, c, vi, pl->self, pl);
	if (pl->why & VG_BY_HINT) {
		if (p->deadline > until)
			p->deadline = until;
		p->since = since;
		p->vstart = vstart;
	}
	if (pl->barred || pl->brief)
		vg_pcpu_shorten(c, pl->self, pl->now, VG_SHORT);
	if (pl->why & VG_BY_PART)
		vg_part_turn(c, pl);
	vg_gang_release(c, e);
	if (vg_core_waits(c, e, pl->self))
		return;
	p->going = 1;
	pl->own = vi;
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
	    pl->now + VG_SLOP >= e->deadline || vg_core_bars(c, e, pl->self))
		return false;
	vi = vg_ent_waiter(s, ei, pl->self, pl->now);
	if (vi == VG_NONE)
		return false;
	return vg_pick_take(c, pl, vi, 0, VG_STAT_REJOINS);
}

/*
 * pCPU pl->self is kept for a strict gang: for its vCPU that waits, or for none.
 * A stint that ought to be over by now ends here.
 */
VG_FN bool vg_pick_kept(struct vg_state_all *s, struct vg_cell *c, struct vg_plan *pl)
{
	u32 ei = vg_pcpu_keeper(c, pl->self), vi;

	if (ei == VG_NONE)
		return false;
	if (!vg_strict_on(s, c, ei, pl->now) || vg_core_bars(c, vg_ent(s, ei), pl->self)) {
		vg_gang_stop(s, c, pl, ei);
		vg_strict_release(s, c, pl, ei);
		return false;
	}
	vi = vg_ent(s, ei)->flags & VG_THROTTLED ? VG_NONE :
	     vg_ent_waiter(s, ei, pl->self, pl->now);
	if (vi != VG_NONE)
		vg_pick_take(c, pl, vi, 0, VG_STAT_REJOINS);
	return true;
}

/*
 * pl->prev belongs to a strict gang.  If another member has renewed its stint it
 * goes on as well; if another one has ended it, it goes on only with all others,
 * in a new stint, if it is their turn.
 */
VG_FN bool vg_pick_strict(struct vg_state_all *s, struct vg_cell *c, struct vg_plan *pl)
{
	u32 ei = vg_vcpu(s, pl->prev)->ent;
	struct vg_ent *e = vg_ent(s, ei);

	if (!vg_ent_is_strict(c, e) || e->nr_bound < 2)
		return false;
	if (vg_strict_on(s, c, ei, pl->now))
		return vg_pick_take(c, pl, VG_KEEP, 0, VG_STAT_KEEPS);
	/* It has all it needs: it is to be seen whether the stint goes on as it is. */
	if ((e->flags & VG_ON) && !e->nr_waiting &&
	    vg_weight_of(e->on | e->kept) >= e->nr_bound)
		return false;
	vg_gang_stop(s, c, pl, ei);
	pl->off = pl->prev;
	pl->prev = VG_NONE;
	return false;
}

/* Whose turn it is: ent @first's, or the strict gang's whose member is here. */
VG_FN u32 vg_pick_turn(struct vg_state_all *s, struct vg_plan *pl, u32 first)
{
	u32 ei;

	if (pl->off == VG_NONE || pl->skip != VG_NONE)
		return first;
	ei = vg_vcpu(s, pl->off)->ent;
	if (first == VG_NONE || !vg_ent_before(vg_ent(s, first), vg_ent(s, ei)))
		return ei;
	return first;
}

/*
 * Gang @e does not fit, so a wider one would not either.  The @last try is for
 * those that can do with this pCPU alone: any but a strict gang, or any but a
 * gang if it has been found that gangs do not fit.
 */
VG_INLINE u32 vg_pick_narrower(struct vg_cell *c, struct vg_ent *e, bool last)
{
	u32 rank = vg_ent_rank(c, e);

	if (!last)
		return rank - 1;
	return rank > VG_CELL_PCPUS ? VG_CELL_PCPUS : 1;
}

/*
 * The member of held gang @ei that is to run without the others; VG_NONE if one
 * of them (the pCPU runs ent pl->inc) does already, waits for none of those that
 * have no pCPU, and the next has not waited for half a turn yet.
 */
VG_FN u32 vg_pick_part(struct vg_state_all *s, struct vg_cell *c, struct vg_plan *pl, u32 ei)
{
	u32 vi;

	if (vg_core_bars(c, vg_ent(s, ei), pl->self))
		return VG_NONE;
	vi = ei == pl->inc ? vg_pcpu_hint(s, c, pl->self, ei, pl->now) : VG_NONE;
	if (vi != VG_NONE)
		return vi;
	vi = vg_ent_waiter(s, ei, pl->self, pl->now);
	if (vi == VG_NONE || ei != pl->inc)
		return vi;
	return vg_since(pl->now, vg_vcpu(s, vi)->since) < VG_TURN / 2 ? VG_NONE : vi;
}

/*
 * Nobody is to have pCPU pl->self as a whole.  Better one member alone than an idle
 * pCPU: it is its gang's turn after all.
 */
VG_FN void vg_pick_part_of(struct vg_state_all *s, struct vg_cell *c, struct vg_plan *pl)
{
	u32 vi = VG_NONE;

	if (pl->filler != VG_NONE) {
		pl->first = vg_ent_vtime(vg_ent(s, pl->filler));
		vi = vg_pick_part(s, c, pl, pl->filler);
	}
	if (pl->inc != VG_NONE &&
	    (vi == VG_NONE || (pl->filler != pl->inc &&
			       vg_before(vg_ent(s, pl->inc)->vtime, pl->limit)))) {
		/* It goes on; by turns with siblings for which there is no pCPU. */
		vi = pl->filler == pl->inc ? VG_NONE : vg_pick_part(s, c, pl, pl->inc);
		if (vi == VG_NONE) {
			vg_pick_take(c, pl, VG_KEEP, 0, VG_STAT_KEEPS);
			if (pl->filler == pl->inc)
				vg_cell_advance(c, pl->self, pl->first);
			return;
		}
		pl->filler = pl->inc;
		pl->first = vg_ent_vtime(vg_ent(s, pl->inc));
	}
	if (vi == VG_NONE)
		return;
	vg_cell_advance(c, pl->self, pl->first);
	vg_pick_take(c, pl, vi, VG_BY_PART, VG_STAT_PARTIAL);
}

/*
 * pCPU pl->self asks for work.  pl->prev, if any, is what it runs and could go
 * on with; it is charged up to now.  The answer is in pl->own, and in
 * pl->placed for the other members of a gang.
 */
VG_FN void vg_pick_queue(struct vg_state_all *s, struct vg_cell *c, struct vg_plan *pl)
{
	struct vg_pcpu *p = vg_pcpu(c, pl->self);
	u32 ei, vi;
	struct vg_ent *e;
	u64 vtime, done;
	int k;

	pl->inc = pl->prev == VG_NONE ? VG_NONE : vg_vcpu(s, pl->prev)->ent;
	pl->limit = 0;
	vg_times(k, VG_PLAN_TRIES) {
		ei = vg_pick_turn(s, pl, vg_cell_first(s, c, pl));
		if (ei == VG_NONE)
			break;
		e = vg_ent(s, ei);
		vtime = e->vtime;
		done = vg_ent_vtime(e);
		if (pl->filler != VG_NONE && !vg_before(vtime, pl->limit))
			break;
		if (pl->inc != VG_NONE && pl->inc != ei && !p->yielded &&
		    !vg_ent_before(e, vg_ent(s, pl->inc)))
			break;
		if (e->cosched == VMGANG_COSCHED_GANG && !vg_ent_is_gang(c, e))
			vg_count(c, VG_STAT_WIDE, 1);
		if (vg_ent_is_gang(c, e) && vg_ent_need(c, e) > 1) {
			if (vg_gang_start(s, c, pl, ei)) {
				if (!k)
					vg_cell_advance(c, pl->self, done);
				if (p->coming != VG_NONE || vg_pcpu_keeper(c, pl->self) != VG_NONE)
					return;
				if (pl->off != VG_NONE && vg_vcpu(s, pl->off)->ent == ei) {
					pl->prev = pl->off;
					pl->inc = ei;
				}
				if (pl->inc == ei) {
					vg_pick_take(c, pl, VG_KEEP, 0, VG_STAT_KEEPS);
					return;
				}
			} else {
				vg_gang_hold(s, c, pl, ei);
				if (vg_core_bars(c, e, pl->self)) {
					pl->barred = 1;
					pl->skip = ei;
					continue;
				}
				if (pl->filler == VG_NONE && !vg_ent_is_strict(c, e)) {
					pl->filler = ei;
					pl->limit = vtime + vg_vtime(e, e->slice);
				}
				pl->narrow = vg_pick_narrower(c, e, k + 2 == VG_PLAN_TRIES);
			}
		} else if (!vg_core_open(s, c, pl, ei, pl->self)) {
			pl->barred = 1;
		} else {
			vi = vg_pcpu_hint(s, c, pl->self, ei, pl->now);
			if (vi == VG_NONE)
				vi = vg_ent_waiter(s, ei, pl->self, pl->now);
			if (vi != VG_NONE) {
				vg_pick_take(c, pl, vi, VG_BY_TURN, VG_NR_STATS);
				if (!k)
					vg_cell_advance(c, pl->self, done);
				return;
			}
		}
		pl->skip = ei;
	}
	vg_pick_part_of(s, c, pl);
}

/* Somebody is to come to pCPU pl->self, as soon as its siblings' occupants allow that. */
VG_FN void vg_pick_coming(struct vg_state_all *s, struct vg_cell *c, struct vg_plan *pl)
{
	struct vg_pcpu *p = vg_pcpu(c, pl->self);
	u64 waits = vg_core_waits(c, vg_ent(s, vg_vcpu(s, p->coming)->ent), pl->self);

	if (waits && !p->sent) {
		pl->kick |= waits;
		return;
	}
	p->served = 1;
	p->going = !p->sent;
	if (!p->sent)
		pl->own = p->coming;
	else if (pl->prev != VG_NONE)
		pl->own = VG_KEEP;	/* until it is there */
}

VG_FN void vg_pick(struct vg_state_all *s, struct vg_cell *c, struct vg_plan *pl)
{
	struct vg_pcpu *p = vg_pcpu(c, pl->self);
	u32 prev = pl->prev;

	vg_count(c, VG_STAT_PICKS, 1);
	if (prev != VG_NONE) {
		vg_vcpu_settle(s, c, prev, pl->now);
		vg_ent_throttle(s, c, pl, vg_vcpu(s, prev)->ent);
		vg_relaxed_look(s, c, vg_vcpu(s, prev)->ent, pl->now);
	}
	if (vg_pick_guard(s, c, pl))
		goto out;
	if (p->coming != VG_NONE) {
		vg_pick_coming(s, c, pl);
		goto out;
	}
	if (prev != VG_NONE && ((vg_ent(s, vg_vcpu(s, prev)->ent)->flags & VG_THROTTLED) ||
				vg_vcpu_strays(s, c, vg_vcpu(s, prev)) ||
				vg_core_lost(s, c, pl, vg_vcpu(s, prev)->ent) ||
				!vg_vcpu_may(vg_vcpu(s, prev), pl->now)))
		pl->prev = VG_NONE;
	if (vg_pick_reserved(s, c, pl) || vg_pick_kept(s, c, pl))
		goto take;
	if (pl->prev != VG_NONE) {
		if (vg_pick_ahead(s, c, pl)) {
			if (pl->take != VG_NONE)
				goto take;
		} else if (!p->yielded && pl->now + VG_SLOP < vg_pcpu_deadline(s, p, prev) &&
			   !vg_pick_spun(s, c, pl)) {
			u64 left = vg_pcpu_deadline(s, p, prev) - pl->now;

			if (vg_pick_hint(s, c, pl))
				goto take;
			vg_vcpu_precharge(s, prev, left);
			vg_ent_requeue(s, c, vg_vcpu(s, prev)->ent);
			pl->own = VG_KEEP;
			goto out;
		} else if (vg_pick_strict(s, c, pl)) {
			goto take;
		}
	}
	if (!vg_pick_rejoin(s, c, pl))
		vg_pick_queue(s, c, pl);
	if (c->guards && pl->take == VG_NONE && p->coming == VG_NONE && pl->prev == VG_NONE &&
	    vg_pcpu_keeper(c, pl->self) == VG_NONE)
		vg_pick_unguarded(s, c, pl);
take:
	if (pl->take == VG_KEEP && vg_core_lost(s, c, pl, vg_vcpu(s, pl->prev)->ent))
		goto out;
	if (pl->take == VG_KEEP)
		vg_pcpu_renew(s, c, pl);
	else if (pl->take != VG_NONE)
		vg_pcpu_take(s, c, pl);
	else if (pl->own == VG_NONE && pl->was == VG_NONE)
		vg_idle_set(c, pl->self);
out:
	vg_core_settle(s, c, pl->now);
	p->yielded = 0;
	p->hint = VG_NONE;
	p->spun = VG_NONE;
	pl->kick &= ~(pl->placed | vg_bit(pl->self));
	/* A gang that it has just started elsewhere took its core: it asks once more. */
	if (pl->take == VG_KEEP && pl->own == VG_NONE)
		pl->kick |= vg_bit(pl->self);
}

/* vCPU @vi has reached its notch: it goes on if it may. */
VG_FN void vg_paused_due(struct vg_state_all *s, struct vg_cell *c, struct vg_plan *pl, u32 vi)
{
	struct vg_vcpu *v = vg_vcpu(s, vi);

	if (!vg_vcpu_may(v, pl->now)) {
		vg_paused_del(s, c, vi);
		vg_paused_add(s, c, vi, vg_vcpu_may_at(v, pl->now), pl->now);
		return;
	}
	vg_vcpu_unlist(s, c, vi);
	vg_reserve_sleep(s, c, vi);
	vg_vcpu_wait(s, c, pl, vi);
	if (v->rsv.terms.slice)
		vg_cell_alarm_at(c, pl->now);
	pl->kick |= vg_cell_idle(c);
}

/* Ent @ei likewise. */
VG_FN void vg_throttled_due(struct vg_state_all *s, struct vg_cell *c, struct vg_plan *pl, u32 ei)
{
	struct vg_ent *e = vg_ent(s, ei);
	struct vg_cap *cap = &vg_vm(s, e->slot)->cap;

	vg_throttled_del(s, c, ei);
	if (e->flags & VG_AHEAD) {
		e->flags &= ~VG_AHEAD;
		vg_relaxed_look(s, c, ei, pl->now);
		vg_relaxed_again(s, c, pl, ei);
		vg_relaxed_note(s, c, ei, pl->now);
		return;
	}
	if (!vg_cap_left(cap, pl->now)) {
		vg_throttled_add(s, c, ei, vg_cap_refill(cap), pl->now);
		return;
	}
	e->flags &= ~VG_THROTTLED;
	vg_edf_release(s, c, ei, pl->now);
	vg_ent_requeue(s, c, ei);
	vg_relaxed_note(s, c, ei, pl->now);
	if (e->nr_waiting)
		pl->kick |= vg_cell_idle(c);
}

/* Caps: let go on who has tokens again. */
VG_FN void vg_cell_refill(struct vg_state_all *s, struct vg_cell *c, struct vg_plan *pl)
{
	u32 notch;
	u64 at;
	int i;

	vg_times(i, VG_REFILL) {
		if (!c->noted)
			break;
		at = vg_wheel_next(c);
		if (at * VG_MS > pl->now)
			break;
		c->turned = at - 1;
		notch = at & (VG_WHEEL - 1);
		if (c->paused[notch] != VG_NONE)
			vg_paused_due(s, c, pl, c->paused[notch]);
		else if (c->throttled[notch] != VG_NONE)
			vg_throttled_due(s, c, pl, c->throttled[notch]);
	}
	c->refill = c->noted ? vg_wheel_next(c) * VG_MS : 0;
}

/* Forget that the ent is throttled: its last vCPU leaves. */
VG_FN void vg_ent_unthrottle(struct vg_state_all *s, struct vg_cell *c, u32 ei)
{
	struct vg_ent *e = vg_ent(s, ei);

	vg_relaxed_forget(s, c, ei);
	if (!(e->flags & VG_THROTTLED))
		return;
	e->flags &= ~VG_THROTTLED;
	vg_throttled_del(s, c, ei);
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
	e->flags &= ~VG_MISFIT;
	/* What runs asks, to begin or end together; what is idle, for who waited. */
	pl->kick |= e->on | vg_cell_idle(c);
	vg_ent_requeue(s, c, ei);
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

	vg_queue_sort(s, c, pl->now);
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
		/* Kept beyond the stint: it asks, and finds that out. */
		if ((c->kept & vg_bit(b)) && !vg_strict_on(s, c, p->keep, pl->now))
			pl->kick |= vg_bit(b);
	}
	if (c->nr_queued)
		pl->kick |= vg_cell_idle(c);
}

#endif /* VMGANG_POLICY_PICK_H */
