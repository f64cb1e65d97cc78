/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Relaxed: a VM's vCPUs run one by one, but none gets far ahead of its siblings
 * (later versions of VMware ESX: "relaxed co-scheduling").
 *
 * A vCPU's *progress* is the time that it ran.  Its *skew* is how far that is
 * ahead of the slowest sibling's that is runnable.  One that is idle in the guest
 * keeps up with whoever is ahead: it holds nobody back, and has no lead when it
 * wakes.  A vCPU whose skew exceeds the ent's @bound is co-stopped: it waits, and
 * is not picked until the slowest have made up for it.  A tick finds that, so the
 * skew is never more than the bound and a tick, and what a guard adds.
 *
 * The ent's @limit is the progress up to which a waiting vCPU may start; the list
 * of those that wait is in order of progress.  So who is behind goes first, the
 * leader's pCPU goes to it for the rest of the stint, and its VM goes before
 * others that have about as much virtual time (VG_BEHIND).  Its stint ends with
 * its siblings', so that they find their next pCPUs together; who takes over from
 * a leader whose siblings all run has a short one.  A sibling that has
 * waited VG_PATIENCE longer goes first all the same: the slowest may make little
 * of its turns, as it spins.
 *
 * Nobody is held for ever.  Who waits for its pCPU longer than VG_PATIENCE while
 * siblings could run (pinned to one that the host's threads have, say) is not
 * waited for, and what it lost by then is not made up for.  A cap of its own is
 * like idling; the VM's cap stops all alike.
 *
 * A worked number: 5 ms, a tick of 4 ms.  A and B have run equally long when B
 * loses its pCPU to another VM.  At the second tick A is more than 5 ms ahead, by
 * 8 at most: B takes over its pCPU.  A may go on, there or elsewhere, when B has
 * run for 3 ms.
 */
#ifndef VMGANG_POLICY_RELAXED_H
#define VMGANG_POLICY_RELAXED_H

#include "policy_refill.h"

#define VG_PATIENCE	(100 * VG_MS)
/* A gap that did not come about by ticks: the slowest tick is 10 ms. */
#define VG_RELAXED_LOST	(25 * VG_MS)
#define VG_NO_LIMIT	(~0ULL >> 1)

VG_INLINE u64 vg_vcpu_progress(struct vg_vcpu *v, u64 now)
{
	return v->progress + (v->state == VG_RUNNING ? vg_since(now, v->start) : 0);
}

/* Is waiting vCPU @v, or who has just been charged, too far ahead to run? */
VG_INLINE bool vg_vcpu_leads(struct vg_state_all *s, struct vg_vcpu *v)
{
	return v->progress > vg_ent(s, v->ent)->limit;
}

/*
 * Waiting @v has been without a pCPU for too long: it can not go where its siblings
 * could make room for it.
 */
VG_INLINE bool vg_vcpu_late(struct vg_cell *c, struct vg_vcpu *v, u64 now)
{
	return (v->mask & c->all) != c->all && vg_since(now, v->since) >= VG_PATIENCE;
}

/* Does waiting @v go before its sibling @best, though that is the slower one? */
VG_INLINE bool vg_relaxed_before(struct vg_ent *e, struct vg_vcpu *v, struct vg_vcpu *best)
{
	return e->bound && vg_since(best->since, v->since) > VG_PATIENCE;
}

/*
 * How long a vCPU of relaxed @e runs that could run for @len: until its siblings
 * stop, unless that is too soon.
 */
VG_FN u64 vg_relaxed_stint(struct vg_ent *e, u64 len, u64 now)
{
	u64 left = vg_since(e->deadline, now);

	if (!e->bound || (e->flags & VG_ON))
		return len;
	if (e->on && left >= VG_MIN_GRAN && left < len)
		return left;
	if (left < len)
		e->deadline = now + len;
	return len;
}

/* @v has run for @ran more. */
VG_INLINE void vg_relaxed_ran(struct vg_ent *e, struct vg_vcpu *v, u64 ran)
{
	v->progress += ran;
	if (v->progress > e->top)
		e->top = v->progress;
}

/* vCPU @vi, if it is one of @ei, has a pCPU, or has been on its way there for @late ns. */
VG_FN void vg_relaxed_see(struct vg_state_all *s, u32 ei, u32 vi, u64 now, u64 late)
{
	struct vg_vcpu *v = vg_vcpu(s, vi);
	struct vg_ent *e = vg_ent(s, ei);
	u64 progress;

	if (vi == VG_NONE || v->ent != ei)
		return;
	progress = vg_vcpu_progress(v, now);
	if (progress > e->top)
		e->top = progress;
	if (late < VG_PATIENCE && progress < e->slowest)
		e->slowest = progress;
}

/* The pCPUs that the waiting vCPUs of @e may use which may start. */
VG_FN u64 vg_relaxed_mask(struct vg_state_all *s, struct vg_ent *e)
{
	u32 vi = e->head;
	u64 mask = 0;

	while (vi != VG_NONE && can_loop) {
		if (!vg_vcpu_leads(s, vg_vcpu(s, vi)))
			mask |= vg_vcpu(s, vi)->mask;
		vi = vg_vcpu(s, vi)->next;
	}
	return mask;
}

/* A gang that is too wide for its cell is one as long as so many of it idle. */
VG_INLINE bool vg_relaxed_rests(struct vg_cell *c, struct vg_ent *e)
{
	return e->cosched == VMGANG_COSCHED_GANG &&
	       e->nr_waiting + vg_weight_of(e->on) <= c->nr_pcpus;
}

/* How far may the vCPUs of @ei be by now? */
VG_FN void vg_relaxed_look(struct vg_state_all *s, struct vg_cell *c, u32 ei, u64 now)
{
	struct vg_ent *e = vg_ent(s, ei);
	u32 vi = e->head, b;
	u64 m;

	if (!e->bound)
		return;
	e->slowest = VG_NO_LIMIT;
	if (vg_relaxed_rests(c, e))
		vi = VG_NONE;
	while (vi != VG_NONE && can_loop) {
		if (!vg_vcpu_late(c, vg_vcpu(s, vi), now)) {
			e->slowest = vg_vcpu(s, vi)->progress;
			break;
		}
		vi = vg_vcpu(s, vi)->next;
	}
	vg_each_bit(b, m, e->on) {
		struct vg_pcpu *p = vg_pcpu(c, b);

		vg_relaxed_see(s, ei, p->cur, now, 0);
		vg_relaxed_see(s, ei, p->coming, now, vg_since(now, p->since));
	}
	e->limit = vg_relaxed_rests(c, e) ? VG_NO_LIMIT : e->slowest + e->bound;
	e->flags &= ~VG_BEHIND;
	if (e->nr_waiting && e->on)
		e->flags |= VG_BEHIND;
	if (e->nr_pinned)
		e->mask = vg_relaxed_mask(s, e);
}

/* vCPU @vi, which was asleep or lost its pCPU, is about to wait. */
VG_FN void vg_relaxed_join(struct vg_state_all *s, struct vg_cell *c, u32 vi, u64 now)
{
	struct vg_vcpu *v = vg_vcpu(s, vi);
	struct vg_ent *e = vg_ent(s, v->ent);

	if (!e->bound || !v->idled)
		return;
	vg_relaxed_look(s, c, v->ent, now);
	if (v->progress < e->top)
		v->progress = e->top;
	v->idled = 0;
}

/* It waits: is it too far ahead? */
VG_FN void vg_relaxed_stop(struct vg_state_all *s, struct vg_cell *c, u32 vi, u64 now)
{
	struct vg_vcpu *v = vg_vcpu(s, vi);
	struct vg_ent *e = vg_ent(s, v->ent);

	if (!e->bound)
		return;
	vg_relaxed_look(s, c, v->ent, now);
	if (!vg_vcpu_leads(s, v))
		return;
	v->costop = 1;
	e->nr_costop++;
	vg_count(c, VG_STAT_LEADERS, 1);
}

/* It runs: if the others went on without it, they do not wait for it now. */
VG_INLINE void vg_relaxed_run(struct vg_ent *e, struct vg_vcpu *v)
{
	if (e->bound && v->progress + 2 * e->bound + VG_RELAXED_LOST < e->top)
		v->progress = e->top - e->bound;
}

/* Waiting vCPU @v, or who leaves that list, is co-stopped no longer. */
VG_INLINE void vg_relaxed_let(struct vg_ent *e, struct vg_vcpu *v)
{
	e->nr_costop -= v->costop;
	v->costop = 0;
}

/* Let those vCPUs of @ei go on that are not too far ahead any more. */
VG_FN void vg_relaxed_free(struct vg_state_all *s, struct vg_cell *c, struct vg_plan *pl, u32 ei)
{
	struct vg_ent *e = vg_ent(s, ei);
	u32 vi = e->head;

	while (vi != VG_NONE && can_loop) {
		struct vg_vcpu *v = vg_vcpu(s, vi);
		u32 n = pl->nr_freed;

		if (v->costop && !vg_vcpu_leads(s, v) && n < VG_PLAN_FREED) {
			vg_relaxed_let(e, v);
			pl->freed[n & (VG_PLAN_FREED - 1)] = vi;
			pl->nr_freed = n + 1;
			pl->kick |= c->idle & c->all & ~c->kept & v->mask;
		}
		vi = v->next;
	}
}

/* Ent @ei, one of which is co-stopped, is looked at in a while, should nobody tick. */
VG_FN void vg_relaxed_note(struct vg_state_all *s, struct vg_cell *c, u32 ei, u64 now)
{
	struct vg_ent *e = vg_ent(s, ei);

	if (!e->nr_costop || (e->flags & (VG_AHEAD | VG_THROTTLED)))
		return;
	e->flags |= VG_AHEAD;
	vg_throttled_add(s, c, ei, now + VG_PATIENCE, now);
}

VG_FN void vg_relaxed_forget(struct vg_state_all *s, struct vg_cell *c, u32 ei)
{
	struct vg_ent *e = vg_ent(s, ei);

	if (!(e->flags & VG_AHEAD))
		return;
	e->flags &= ~VG_AHEAD;
	vg_throttled_del(s, c, ei);
}

/*
 * The vCPUs of ent @ei are level at @now, and none may be more than @bound ahead;
 * 0: they may be as far as they like.
 */
VG_FN void vg_relaxed_set(struct vg_state_all *s, u32 ei, u64 bound, u64 now)
{
	struct vg_ent *e = vg_ent(s, ei);
	u32 vi = e->members;

	e->bound = bound;
	e->limit = VG_NO_LIMIT;
	e->flags &= ~VG_BEHIND;
	if (e->top < now)
		e->top = now;
	while (vi != VG_NONE && can_loop) {
		struct vg_vcpu *v = vg_vcpu(s, vi);

		v->progress = e->top - (v->state == VG_RUNNING ? vg_since(now, v->start) : 0);
		vi = v->elder;
	}
	e->mask = vg_relaxed_mask(s, e);
}

#endif /* VMGANG_POLICY_RELAXED_H */
