/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reservations: so many ns in each period, for each vCPU of a VM (SEDF's
 * period, slice and extratime).
 *
 * A reservation is booked on one pCPU, the vCPU's home, where it may run: the
 * one with most to spare.  What is booked on a pCPU may not be more than
 * VG_RESERVE_MOST; then earliest deadline first meets every deadline there
 * (Liu and Layland, "Scheduling algorithms for multiprogramming in a hard
 * real-time environment", 1973), which on several pCPUs together it does not.
 * A vCPU may run elsewhere at any time; it only has a right to its home.
 *
 * Time that a vCPU has while some of its slice is left is what it has reserved:
 * it costs the VM no virtual time.  The rest, if it may have any (extratime), is
 * shared by weight like anybody's.
 *
 * A vCPU that slept begins a new period when it wakes, if its old one is over
 * or has too little time left for what is left of its slice: it can not ask
 * for more at once than it has booked (the constant bandwidth server of Abeni
 * and Buttazzo, 1998; Xen begins anew only after the end).
 */
#ifndef VMGANG_POLICY_RESERVE_H
#define VMGANG_POLICY_RESERVE_H

#include "policy_queue.h"
#include "policy_refill.h"

#define VG_RESERVE_ALL	1000000U	/* ppm of a pCPU */
#define VG_RESERVE_MOST	950000U		/* … that may be booked */
/* Less than this is left of a slice: nothing is, it would not pay the switch. */
#define VG_RESERVE_CRUMB (50 * VG_US)
/* What a vCPU had too much of in former periods is taken off the next one by so much at most. */
#define VG_RESERVE_BACK	(50 * VG_US)
/* A slice that lacks no more than this at the end of the period has been had. */
#define VG_RESERVE_SHY	(200 * VG_US)

VG_INLINE void vg_cell_alarm_at(struct vg_cell *c, u64 when)
{
	if (!c->alarm || when < c->alarm)
		c->alarm = when;
}

VG_INLINE u32 vg_reserve_share(u64 period, u64 slice)
{
	return period ? (slice * VG_RESERVE_ALL + period - 1) / period : 0;
}

/* Of @v's slice, by now. */
VG_INLINE s64 vg_reserve_left(struct vg_vcpu *v, u64 now)
{
	s64 left = v->rsv.left;

	if (!v->rsv.terms.slice)
		return 0;
	return v->state == VG_RUNNING ? left - (s64)vg_since(now, v->start) : left;
}

/* May @v run, as far as its reservation goes? */
VG_INLINE bool vg_reserve_lets(struct vg_vcpu *v)
{
	return !v->rsv.terms.slice || v->rsv.terms.extra || v->rsv.left > 0;
}

/* Somebody waits for pCPU @bit, who has booked it, or nobody. */
VG_INLINE void vg_reserve_want(struct vg_cell *c, u32 bit)
{
	if (vg_pcpu(c, bit)->due)
		c->wanted |= vg_bit(bit);
	else
		c->wanted &= ~vg_bit(bit);
}

/* @v runs on, or comes to, pCPU @bit: by right? */
VG_INLINE void vg_reserve_serve(struct vg_cell *c, struct vg_vcpu *v, u32 bit)
{
	if (v->rsv.left > 0 && v->rsv.home == bit)
		c->served |= vg_bit(bit);
	else
		c->served &= ~vg_bit(bit);
}

/* Is @v to be served first at home? Tell whoever serves there. */
VG_FN void vg_reserve_mark(struct vg_state_all *s, struct vg_cell *c, u32 vi)
{
	struct vg_vcpu *v = vg_vcpu(s, vi);
	struct vg_pcpu *p = vg_pcpu(c, v->rsv.home);

	if (!v->rsv.terms.slice)
		return;
	if (v->state == VG_WAITING && v->rsv.left > 0 &&
	    !(vg_ent(s, v->ent)->flags & VG_THROTTLED))
		p->due |= vg_bit(v->rsv.seat);
	else
		p->due &= ~vg_bit(v->rsv.seat);
	vg_reserve_want(c, v->rsv.home);
}

/* Likewise all of ent @ei that wait: its cap holds them from now on. */
VG_FN void vg_reserve_mark_all(struct vg_state_all *s, struct vg_cell *c, u32 ei)
{
	u32 vi = vg_ent(s, ei)->head;

	if (!vg_vm(s, vg_ent(s, ei)->slot)->terms.slice)
		return;
	while (vi != VG_NONE && can_loop) {
		vg_reserve_mark(s, c, vi);
		vi = vg_vcpu(s, vi)->next;
	}
}

/* What can still be booked on @p, in ppm. */
VG_INLINE u32 vg_pcpu_free(struct vg_pcpu *p)
{
	return !~p->seats || p->booked >= VG_RESERVE_MOST ? 0 : VG_RESERVE_MOST - p->booked;
}

/* The pCPU of @mask with most to spare; VG_NONE if @mask is empty. */
VG_FN u32 vg_reserve_roomiest(struct vg_cell *c, u64 mask)
{
	u32 b, best = VG_NONE, most = 0, left;
	u64 m;

	vg_each_bit(b, m, mask & c->all) {
		left = vg_pcpu_free(vg_pcpu(c, b));
		if (best == VG_NONE || left > most) {
			best = b;
			most = left;
		}
	}
	return best;
}

/* Let go of what @vi has booked. */
VG_FN void vg_reserve_cancel(struct vg_state_all *s, struct vg_cell *c, u32 vi, u64 now)
{
	struct vg_vcpu *v = vg_vcpu(s, vi);
	struct vg_pcpu *p = vg_pcpu(c, v->rsv.home);
	u64 seat = vg_bit(v->rsv.seat);

	if (!v->rsv.terms.slice)
		return;
	p->seats &= ~seat;
	p->live &= ~seat;
	p->due &= ~seat;
	vg_reserve_want(c, v->rsv.home);
	p->booked -= v->rsv.share < p->booked ? v->rsv.share : p->booked;
	if (v->state == VG_PAUSED) {	/* it may be what held it: look at once */
		vg_paused_del(s, c, vi);
		vg_paused_add(s, c, vi, now, now);
	}
	v->rsv.terms.slice = 0;
	v->rsv.left = 0;
	v->rsv.debt = 0;
	__sync_fetch_and_sub(&vg_vm(s, v->slot)->nr_booked, 1);
}

/*
 * A period begins, with a whole slice.  Without extratime a vCPU that was stopped
 * late has had too much before: that is taken back in the long run, but no
 * period is to be short of more than a little for it.
 */
VG_INLINE void vg_reserve_fill(struct vg_reserve *r)
{
	u64 slice = r->terms.slice, back = slice / 16, debt = r->debt;

	if (r->left < 0)
		debt += (u64)-r->left;
	if (debt > slice)
		debt = slice;
	if (back > VG_RESERVE_BACK)
		back = VG_RESERVE_BACK;
	if (back > debt)
		back = debt;
	r->debt = debt - back;
	r->left = (s64)(slice - back);
}

/* The vCPU becomes runnable. */
VG_FN void vg_reserve_wake(struct vg_state_all *s, struct vg_cell *c, u32 vi, u64 now)
{
	struct vg_vcpu *v = vg_vcpu(s, vi);
	struct vg_reserve *r = &v->rsv;
	struct vg_pcpu *p = vg_pcpu(c, r->home);

	if (!r->terms.slice)
		return;
	if (!(p->live & vg_bit(r->seat))) {
		p->live |= vg_bit(r->seat);
		r->ready = now;
		if (now >= r->due ||
		    (r->left > 0 &&
		     (u64)r->left * r->terms.period > (r->due - now) * r->terms.slice)) {
			if (now >= r->due + r->terms.period) {
				r->left = 0;
				r->debt = 0;
			}
			vg_reserve_fill(r);
			r->due = now + r->terms.period;
		}
	}
	if (!p->next || r->due < p->next)
		p->next = r->due;
	vg_cell_alarm_at(c, r->due);
}

/* The vCPU sleeps. */
VG_INLINE void vg_reserve_sleep(struct vg_state_all *s, struct vg_cell *c, u32 vi)
{
	struct vg_vcpu *v = vg_vcpu(s, vi);

	if (v->rsv.terms.slice)
		vg_pcpu(c, v->rsv.home)->live &= ~vg_bit(v->rsv.seat);
}

/*
 * Book for @vi what its VM has reserved.  What it had booked before is gone.
 * False: it does not fit.
 */
VG_FN bool vg_reserve_book(struct vg_state_all *s, struct vg_cell *c, u32 vi, u64 now)
{
	struct vg_vcpu *v = vg_vcpu(s, vi);
	struct vg_vm *vm = vg_vm(s, v->slot);
	u32 share = vg_reserve_share(vm->terms.period, vm->terms.slice);
	struct vg_reserve *r = &v->rsv;
	struct vg_pcpu *p;
	u32 b;

	vg_reserve_cancel(s, c, vi, now);
	if (!share)
		return true;
	b = vg_reserve_roomiest(c, v->mask);
	if (b == VG_NONE)
		return false;
	p = vg_pcpu(c, b);
	if (share > vg_pcpu_free(p))
		return false;
	r->home = b;
	r->seat = vg_lowest(~p->seats);
	r->share = share;
	r->terms = vm->terms;
	r->left = 0;
	r->due = 0;
	p->seats |= vg_bit(r->seat);
	p->booked += share;
	p->seat[r->seat & (VG_SEATS - 1)] = vi;
	__sync_fetch_and_add(&vm->nr_booked, 1);
	if (v->state != VG_OUT) {
		vg_reserve_wake(s, c, vi, now);
		vg_reserve_mark(s, c, vi);
	}
	return true;
}

/* @v ran for @ns: how much of that had it reserved? */
VG_INLINE u64 vg_reserve_charge(struct vg_vcpu *v, u64 ns)
{
	struct vg_reserve *r = &v->rsv;
	u64 had;

	if (!r->terms.slice || (r->terms.extra && r->left <= 0))
		return 0;
	had = r->left <= 0 ? 0 : (u64)r->left < ns ? (u64)r->left : ns;
	r->left -= r->terms.extra ? had : ns;
	if (r->left > 0 && (u64)r->left < VG_RESERVE_CRUMB)
		r->left = 0;
	return had;
}

/* Of those that wait at home on pCPU @bit, who is to be served first. */
VG_FN u32 vg_reserve_first(struct vg_state_all *s, struct vg_cell *c, u32 bit)
{
	struct vg_pcpu *p = vg_pcpu(c, bit);
	u32 seat, best = VG_NONE;
	u64 m, due = 0;

	vg_each_bit(seat, m, p->due) {
		u32 vi = p->seat[seat & (VG_SEATS - 1)];
		struct vg_vcpu *v = vg_vcpu(s, vi);

		if (best == VG_NONE || v->rsv.due < due) {
			best = vi;
			due = v->rsv.due;
		}
	}
	return best;
}

/* Does @vi have a right to pCPU @bit now? */
VG_INLINE bool vg_reserve_holds(struct vg_state_all *s, u32 vi, u32 bit, u64 now)
{
	struct vg_vcpu *v = vg_vcpu(s, vi);

	return vi != VG_NONE && v->rsv.terms.slice && v->rsv.home == bit &&
	       vg_reserve_left(v, now) > 0;
}

/* pCPUs taken, or wanted, by somebody who has booked them. */
VG_INLINE u64 vg_reserve_closed(struct vg_cell *c)
{
	return c->wanted | c->served;
}

#endif /* VMGANG_POLICY_RESERVE_H */
