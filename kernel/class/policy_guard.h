/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Guard: a vCPU in guest kernel mode, where it may hold a lock, is not preempted
 * at once (Uhlig, LeVasseur, Skoglund and Dannowski, 2004: unsafe states, taken
 * from outside).  It keeps its pCPU until it is in user mode or halts, which are
 * safe, and for vm->guard at most.
 *
 * Its pCPU decides, when it asks for work: that follows a VM exit, after which
 * the guest's mode is known.  While the answer is "unsafe" the vCPU goes on, and
 * pl->look says when to ask again: VG_GUARD_LOOKS times within the bound, since
 * a guest that spends nine tenths of its time in the kernel is met in user mode
 * by one look in ten.  Whoever is to have the pCPU is placed there and waits
 * (pcpu->coming): it is not sent, because an insertion would not ask.
 *
 * A guest may say itself when it holds a lock, and for how long: then "unsafe" is
 * its word, and the bound is the shorter of the two times.
 *
 * A guest that is rarely in a safe state may have a driver that brings it into one
 * (their safe-state device): it is asked for that once a quarter of the bound has
 * passed, and if it comes, that is safe whatever mode it is in.  It gains nothing
 * by not coming, and only loses by saying so without need.
 *
 * What is taken is charged as all that runs is, so the VM has it back to give
 * when its turn comes, and a guest that is never safe gets its share.  Others
 * would wait out the bound for nothing each time, and those that wake often
 * would get little done: so whose extension expires goes without the next one,
 * and without 3, 7 and up to 255 of the next if that goes on (31 if it has a driver),
 * until it is met in a safe state.  Not guarded is who gives the pCPU away itself,
 * by spinning or yielding; nor is anyone from the host's own threads; nor is a
 * strict gang, of which nobody is left to wait for a lock; nor is anyone against
 * who has booked the pCPU, or beyond what it has reserved itself.
 */
#ifndef VMGANG_POLICY_GUARD_H
#define VMGANG_POLICY_GUARD_H

#include "policy_gang.h"

#define VG_GUARD_LOOKS	20
/* A look is an exit, a pass through the scheduler and an entry: some us each. */
#define VG_GUARD_LOOK	(50 * 1000ULL)
#define VG_GUARD_DOUBT	8
/* … of a guest that comes when it is asked: it may be long in reaching that. */
#define VG_GUARD_HEEDS	5
/* Part of the bound after which a guest is asked: most are safe before. */
#define VG_GUARD_ASK	4

/* The extension on pCPU @bit, if there is one, is over. */
VG_FN void vg_guard_end(struct vg_cell *c, struct vg_plan *pl, u32 bit, bool expired)
{
	struct vg_pcpu *p = vg_pcpu(c, bit);

	if (!p->guard)
		return;
	pl->guarded = p->cur;
	pl->guard_ns = vg_since(pl->now, p->guard);
	pl->expired = expired;
	p->guard = 0;
	p->asked = 0;
	p->safe = 0;
	c->guards &= ~vg_bit(bit);
	vg_count(c, VG_STAT_GUARDS, 1);
	vg_count(c, VG_STAT_EXPIRIES, expired);
	vg_count(c, VG_STAT_GUARD_SUM, pl->guard_ns);
}

/* Is pl->prev about to lose its pCPU against its will? */
VG_INLINE bool vg_guard_wanted(struct vg_state_all *s, struct vg_cell *c, struct vg_plan *pl)
{
	struct vg_pcpu *p = vg_pcpu(c, pl->self);
	struct vg_vcpu *v = vg_vcpu(s, pl->prev);
	struct vg_ent *e = vg_ent(s, v->ent);
	u32 ei;

	if (p->coming != VG_NONE)
		return !p->sent;
	if (vg_pcpu_keeper(c, pl->self) != VG_NONE)
		return vg_pcpu_keeper(c, pl->self) != v->ent;
	if ((e->flags & VG_THROTTLED) || !vg_cap_left(&v->cap, pl->now) || vg_vcpu_leads(s, v))
		return true;
	if (vg_core_waits(c, e, pl->self))
		return true;
	if (pl->now + VG_SLOP < vg_pcpu_deadline(s, p, pl->prev))
		return false;
	ei = p->gang;
	if (ei != VG_NONE && (vg_ent(s, ei)->flags & VG_ON) && vg_ent(s, ei)->nr_waiting)
		return true;	/* whose stint the pCPU served */
	ei = vg_cell_first(s, c, pl);
	return ei != VG_NONE && (ei == v->ent || vg_ent_before(vg_ent(s, ei), e));
}

/* vCPU @v was met in a safe state, or was not within its bound. */
VG_INLINE void vg_guard_learn(struct vg_vcpu *v, bool expired)
{
	u32 most = v->heeds ? VG_GUARD_HEEDS : VG_GUARD_DOUBT;

	v->doubt = !expired ? 0 : v->doubt < most ? v->doubt + 1 : most;
	v->refused = expired ? (1U << v->doubt) - 1 : 0;
}

/* pl->prev, charged up to now, goes on although it should not; see above. */
VG_FN bool vg_pick_guard(struct vg_state_all *s, struct vg_cell *c, struct vg_plan *pl)
{
	struct vg_pcpu *p = vg_pcpu(c, pl->self);
	struct vg_vcpu *v = vg_vcpu(s, pl->prev);
	u64 bound, until, look;
	bool safe;

	if (pl->prev == VG_NONE)
		return false;
	/* That word may come late: of an extension that is over it says nothing. */
	if (!p->guard)
		p->safe = 0;
	safe = !pl->unsafe || p->safe;
	bound = vg_ent_is_strict(c, vg_ent(s, v->ent)) ? 0 : vg_vm(s, v->slot)->guard;
	if (bound && safe)
		vg_guard_learn(v, false);
	if (!bound || safe || p->yielded || p->hint != VG_NONE ||
	    p->spun != VG_NONE || p->due || !vg_reserve_lets(v) || !vg_guard_wanted(s, c, pl)) {
		vg_guard_end(c, pl, pl->self, false);
		return false;
	}
	if (!p->guard && v->refused) {
		v->refused--;
		return false;
	}
	if (!p->guard)
		p->guard = pl->now;
	c->guards |= vg_bit(pl->self);
	if (pl->hold && pl->hold < bound)
		bound = pl->hold;
	until = p->guard + bound;
	if (pl->now >= until) {
		vg_guard_end(c, pl, pl->self, true);
		vg_guard_learn(v, true);
		return false;
	}
	if (!p->asked && vg_since(pl->now, p->guard) >= bound / VG_GUARD_ASK) {
		p->asked = 1;
		pl->ask = 1;
	}
	if (p->coming != VG_NONE) {
		u64 idle = vg_cell_idle(c) & vg_vcpu(s, p->coming)->mask;

		if (idle)
			pl->kick |= vg_bit(vg_lowest(idle));
	}
	look = bound / VG_GUARD_LOOKS;
	look = pl->now + (look > VG_GUARD_LOOK ? look : VG_GUARD_LOOK);
	pl->look = look < until ? look : until;
	pl->own = VG_KEEP;
	return true;
}

/*
 * Without the cell's lock, from the vCPU's own pCPU: the guest says that @vi is
 * in a safe state.  Returns whether the pCPU is to ask for work.
 */
VG_FN bool vg_guard_safe(struct vg_state_all *s, struct vg_cell *c, u32 vi)
{
	struct vg_pcpu *p = vg_pcpu(c, vg_vcpu(s, vi)->bit);

	if (p->cur != vi)
		return false;
	vg_vcpu(s, vi)->heeds = 1;
	if (!p->guard)
		return false;
	p->safe = 1;
	return true;
}

/* pCPU pl->self has nothing to do: it takes who waits for a guarded vCPU, if any. */
VG_FN void vg_pick_unguarded(struct vg_state_all *s, struct vg_cell *c, struct vg_plan *pl)
{
	struct vg_ent *e;
	u32 b, vi;
	u64 m;

	vg_each_bit(b, m, c->guards) {
		vi = vg_pcpu(c, b)->coming;
		if (vi == VG_NONE || vg_pcpu(c, b)->sent ||
		    !(vg_vcpu(s, vi)->mask & vg_bit(pl->self)) ||
		    vg_core_waits(c, vg_ent(s, vg_vcpu(s, vi)->ent), pl->self))
			continue;
		e = vg_ent(s, vg_vcpu(s, vi)->ent);
		/* The stint of the others is over. */
		if (vg_ent_is_strict(c, e) && !(e->flags & VG_ON))
			continue;
		vg_vcpu_unplace(s, c, vi);
		pl->kick |= vg_core_freed(c, b);
		vg_vcpu_place(s, c, vi, pl->self, pl);
		vg_pcpu(c, pl->self)->going = 1;
		pl->own = vi;
		return;
	}
}

#endif /* VMGANG_POLICY_GUARD_H */
