/* SPDX-License-Identifier: GPL-2.0-only */
/* A vCPU wakes: is there a pCPU for it at once? */
#ifndef VMGANG_POLICY_WAKE_H
#define VMGANG_POLICY_WAKE_H

#include "policy_edf.h"

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
 * How long a stint of @o goes on against who wakes and is behind.  A gang's are short
 * and many while such have to wait, so that they would never find one old enough.
 */
VG_INLINE u64 vg_wake_gran(struct vg_cell *c, struct vg_ent *o, u64 now)
{
	return (o->flags & VG_ON) && !vg_cell_pressed(c, now) ? VG_MIN_GRAN : VG_WAKE_GRAN;
}

/*
 * How far whoever runs on pCPU @bit is ahead of @e.  The members of a gang were charged for
 * their stint one after the other, so the last has begun far ahead: its stint's begin counts.
 */
VG_INLINE u64 vg_wake_lead(struct vg_state_all *s, struct vg_cell *c, u32 bit, struct vg_ent *e,
			   u64 now)
{
	struct vg_pcpu *p = vg_pcpu(c, bit);
	struct vg_ent *o = vg_ent(s, vg_vcpu(s, p->cur)->ent);
	u64 lead = vg_pcpu_vtime(s, c, bit, now) - e->vtime;

	return o->flags & VG_ON ? lead - (p->vstart - o->vstart) : lead;
}

/*
 * The pCPU where @vi would disturb least, of those whose ents are @gran ahead, or,
 * if that is 0, that do not serve a stint; VG_NONE if it has to wait.  If that is only
 * because all stints have just begun, the one that may end first will.
 */
VG_FN u32 vg_wake_victim(struct vg_state_all *s, struct vg_cell *c, struct vg_plan *pl, u32 vi,
			 u64 gran)
{
	struct vg_vcpu *v = vg_vcpu(s, vi);
	struct vg_ent *e = vg_ent(s, v->ent), *o;
	u32 b, best = VG_NONE, next = VG_NONE, other;
	u64 most = 0, ahead, end, soon = ~0ULL, m;

	vg_each_bit(b, m, v->mask & c->all & ~vg_reserve_closed(c)) {
		struct vg_pcpu *p = vg_pcpu(c, b);

		other = p->cur;
		if (other == VG_NONE || p->coming != VG_NONE || (c->kept & vg_bit(b)) ||
		    vg_vcpu(s, other)->ent == v->ent ||
		    vg_strict_on(s, c, vg_vcpu(s, other)->ent, pl->now) ||
		    !vg_core_open(s, c, pl, v->ent, b))
			continue;
		o = vg_ent(s, vg_vcpu(s, other)->ent);
		if (!gran) {
			if ((o->flags & VG_ON) || vg_pcpu_owed(s, c, pl, b, e))
				continue;
			ahead = p->gang == v->ent ? ~0ULL >> 1 : vg_since(pl->now, p->since);
		} else {
			u64 lead = vg_wake_lead(s, c, b, e, pl->now);

			if ((s64)lead <= (s64)vg_vtime(o, gran))
				continue;
			end = p->since + vg_wake_gran(c, o, pl->now);
			if (end > pl->now) {
				if (end < soon && !p->guard) {
					soon = end;
					next = b;
				}
				continue;
			}
			ahead = o->flags & VG_ON ? 1 : lead;
		}
		if (best == VG_NONE || ahead > most) {
			best = b;
			most = ahead;
		}
	}
	if (best == VG_NONE && next != VG_NONE) {
		vg_pcpu_shorten(c, next, soon, 0);
		pl->look = soon;
		pl->look_bit = next;
	}
	return best;
}

/* Who woke the vCPU that was placed on pCPU @bit sends it there, or the pCPU asks. */
VG_INLINE u32 vg_wake_send(struct vg_state_all *s, struct vg_cell *c, struct vg_plan *pl, u32 bit)
{
	struct vg_ent *e = vg_ent(s, vg_vcpu(s, vg_pcpu(c, bit)->coming)->ent);

	if (vg_pcpu_guarded(s, c, bit) || vg_core_waits(c, e, bit)) {
		pl->kick |= vg_bit(bit);
		return VG_NONE;
	}
	vg_pcpu(c, bit)->sent = 1;
	pl->kick &= ~vg_bit(bit);
	return bit;
}

/*
 * The pCPU for vCPU @vi, in pl->spot, if it is its turn; pl->whole: all of its gang
 * have got one by now, so that is settled.
 */
VG_FN void vg_wake_seek(struct vg_state_all *s, struct vg_cell *c, struct vg_plan *pl, u32 vi,
			bool preempt)
{
	struct vg_vcpu *v = vg_vcpu(s, vi);
	struct vg_ent *e = vg_ent(s, v->ent);
	u64 idle = vg_core_idle(c, e, vg_cell_idle(c) & v->mask);

	if (v->state != VG_WAITING || v->costop || (e->flags & VG_THROTTLED))
		return;
	if (!idle && v->rsv.left > 0) {
		vg_edf_urge(s, c, pl, vi);
		return;
	}
	pl->strict = vg_ent_is_strict(c, e);
	pl->gang = vg_ent_is_gang(c, e);
	if (pl->strict && !e->on && !vg_strict_on(s, c, v->ent, pl->now))
		vg_gang_stop(s, c, pl, v->ent);
	if (idle)
		pl->spot = idle & vg_bit(v->bit) ? v->bit : vg_lowest(idle);
	if (pl->gang && (e->flags & VG_ON) && e->kept)
		pl->spot = vg_strict_place(s, c, vi, pl->spot);
	if (pl->spot != VG_NONE && vg_core_bars(c, e, pl->spot))
		pl->spot = VG_NONE;
	vg_forget();
	/* Whoever comes for the end of a stint takes what is free, and does not lengthen it. */
	if (pl->gang && (e->flags & VG_ON) &&
	    (pl->spot != VG_NONE || pl->now + VG_SLOP < e->deadline)) {
		if (pl->spot == VG_NONE && preempt)
			pl->spot = vg_wake_victim(s, c, pl, vi, 0);
		if (pl->spot != VG_NONE)
			vg_count(c, VG_STAT_REJOINS, 1);
		else if (pl->strict && !e->on)
			vg_gang_stop(s, c, pl, v->ent);
	} else if (pl->gang && vg_ent_need(c, e) > 1) {
		u64 done = vg_ent_vtime(e);

		if (pl->spot == VG_NONE &&
		    (preempt || !vg_before(e->vtime + vg_vtime(e, e->slice), c->vnow)))
			return;
		if (vg_gang_start(s, c, pl, v->ent)) {
			pl->spot = v->bit;
			pl->whole = 1;
			vg_cell_advance(c, v->bit, done);
		} else if (pl->spot != VG_NONE) {
			vg_gang_hold(s, c, pl, v->ent);
			if (pl->strict)
				pl->spot = VG_NONE;
		}
	} else if (pl->spot != VG_NONE) {
		vg_cell_advance(c, pl->spot, vg_ent_vtime(e));
		vg_count(c, VG_STAT_WAKE_IDLE, 1);
	} else if (preempt || e->head == vi) {
		/* Who had to make room does not pass a sibling that waits for longer. */
		pl->spot = vg_wake_victim(s, c, pl, vi, preempt ? VG_WAKE_GRAN : e->slice);
		if (pl->spot != VG_NONE)
			vg_count(c, VG_STAT_WAKE_PREEMPTS, 1);
	}
}

/* It takes that pCPU. */
VG_FN void vg_wake_take(struct vg_state_all *s, struct vg_cell *c, struct vg_plan *pl, u32 vi)
{
	struct vg_vcpu *v = vg_vcpu(s, vi);
	struct vg_ent *e = vg_ent(s, v->ent);

	if (pl->gang && vg_ent_need(c, e) == 1)
		vg_gang_begin(s, c, pl, v->ent);
	vg_core_seize(c, pl, e, pl->spot);
	vg_pcpu_displace(s, c, pl, pl->spot, v->ent);
	vg_pcpu_call_off(s, c, pl->spot, pl->now);
	vg_vcpu_place(s, c, vi, pl->spot, pl);
	if (pl->gang && !(e->flags & VG_ON))
		vg_pcpu_shorten(c, pl->spot, pl->now, VG_SHORT);
	vg_gang_release(c, e);
}

/* Is the vCPU of @e that waits all that is runnable of its VM, which was asleep? */
VG_INLINE bool vg_wake_first(struct vg_ent *e)
{
	return !e->on && e->nr_waiting == 1;
}

/*
 * @v woke from a nap, and somebody else has its pCPU?  A gang's member does not count
 * while siblings run or wait: then it is not yet, or no longer, their turn.
 */
VG_INLINE bool vg_wake_presses(struct vg_state_all *s, struct vg_cell *c, struct vg_vcpu *v,
			       u64 now)
{
	struct vg_ent *e = vg_ent(s, v->ent);

	return v->state == VG_WAITING && !v->costop && !c->nr_iso && !(e->flags & VG_THROTTLED) &&
	       (!vg_ent_is_gang(c, e) || vg_wake_first(e)) && v->start &&
	       vg_since(now, v->start) < VG_NAP;
}

/*
 * It does, and has to wait if it @waits.  A VM that is no gang, unless by a guess, was
 * asleep as a whole and often has to wait is one for whom others are better none.
 */
VG_INLINE void vg_wake_press(struct vg_state_all *s, struct vg_cell *c, struct vg_ent *e,
			     bool waits, u64 now)
{
	if (waits)
		c->pressed = now;
	if (!vg_wake_first(e) || (vg_ent_is_gang(c, e) &&
				  vg_vm(s, e->slot)->cosched != VMGANG_COSCHED_ADAPTIVE))
		return;
	if (waits) {
		if (vg_since(now, e->rose) >= VG_OFTEN)
			e->rises = now;
		e->rose = now;
		if (vg_since(now, e->rises) >= VG_OFTEN_LASTS)
			e->often = now;
	}
	if (e->often && vg_since(now, e->often) < VG_OFTEN_HOLDS)
		c->roused = now;
}

/*
 * vCPU @vi has just begun to wait.  Give it a pCPU at once if it is its turn: a
 * member of a gang within its stint, an idle pCPU, or one whose ent is ahead: well
 * if @preempt, by a slice if it has only lost its pCPU to another.  Returns the
 * pCPU that it is to be sent to, VG_NONE if it waits, or if that pCPU has to ask
 * for it.
 */
VG_FN u32 vg_wake(struct vg_state_all *s, struct vg_cell *c, struct vg_plan *pl, u32 vi,
		  bool preempt)
{
	struct vg_vcpu *v = vg_vcpu(s, vi);
	u32 bit = VG_NONE;

	pl->spot = VG_NONE;
	pl->whole = 0;
	if (preempt)
		vg_ent(s, v->ent)->woke = pl->now;
	vg_wake_seek(s, c, pl, vi, preempt);
	vg_forget();
	if ((pl->spot == VG_NONE || vg_pcpu(c, pl->spot)->cur != VG_NONE) &&
	    vg_wake_presses(s, c, v, pl->now)) {
		if (preempt)
			vg_wake_press(s, c, vg_ent(s, v->ent), pl->spot == VG_NONE, pl->now);
		else if (pl->spot == VG_NONE && v->spell < VG_BURST)
			c->pressed = pl->now;	/* it had to make room instead */
	}
	if (pl->spot != VG_NONE && !pl->whole)
		vg_wake_take(s, c, pl, vi);
	if (pl->spot != VG_NONE)
		bit = vg_wake_send(s, c, pl, pl->spot);
	vg_core_settle(s, c, pl->now);
	return bit;
}

#endif /* VMGANG_POLICY_WAKE_H */
