/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A cell's queue: ents that have a vCPU waiting; and each ent's list of waiting
 * vCPUs, first come first served, or the slowest first if it is relaxed.
 *
 * The queue is a winner tree.  Its leaves are slots, filled from the left; each
 * node above knows which ent of those below is furthest behind, which pCPUs
 * could serve any of them, and how narrow the narrowest is.  An ent whose key
 * changes is noted; before the next answer that costs one walk to the top, how
 * ever often it changed (and the verifier sees that walk once, not wherever a
 * key changes).  The pCPU that asks finds its answer at the top
 * nearly always; affinity and gangs that do not fit send it further down, but
 * only where something for it waits.  What it looks at is bounded (VG_LOOKS):
 * if by then it has found somebody, that will do.  Only with more than half as
 * many ents waiting, of which many are pinned elsewhere or too wide, may that
 * be another than the one furthest behind, and no longer than until the sweep
 * calls that one starving.
 */
#ifndef VMGANG_POLICY_QUEUE_H
#define VMGANG_POLICY_QUEUE_H

#include "policy_core.h"
#include "policy_relaxed.h"

VG_INLINE struct vg_node *vg_node(struct vg_cell *c, u32 i)
{
	return &c->tree[i & (2 * VG_QUEUE - 1)];
}

VG_INLINE u32 vg_queue_at(struct vg_cell *c, u32 slot)
{
	return vg_node(c, VG_QUEUE + slot)->best;
}

/* Its vCPUs that could run now, those that do included. */
VG_INLINE u32 vg_ent_width(struct vg_ent *e)
{
	return e->nr_waiting + vg_weight_of(e->on);
}

/* All of its vCPUs have a pCPU, or none has. */
VG_INLINE bool vg_ent_is_strict(struct vg_cell *c, struct vg_ent *e)
{
	return e->cosched == VMGANG_COSCHED_STRICT && e->nr_bound <= c->nr_pcpus &&
	       !(e->flags & VG_MISFIT);
}

VG_INLINE bool vg_ent_is_gang(struct vg_cell *c, struct vg_ent *e)
{
	return (e->cosched == VMGANG_COSCHED_GANG && vg_ent_width(e) <= c->nr_pcpus) ||
	       vg_ent_is_strict(c, e);
}

/* pCPUs that a stint of it takes. */
VG_INLINE u32 vg_ent_need(struct vg_cell *c, struct vg_ent *e)
{
	return vg_ent_is_strict(c, e) ? e->nr_bound : vg_ent_width(e);
}

/*
 * Its width as the queue has it: who is ruled out by that is ruled out with all
 * that are wider.  Strict ones are wider than any other: where such a one does
 * not fit a gang may still send one member ahead.
 */
VG_INLINE u32 vg_ent_rank(struct vg_cell *c, struct vg_ent *e)
{
	if (!vg_ent_is_gang(c, e))
		return 1;
	if (vg_ent_is_strict(c, e) && e->nr_bound > 1)
		return VG_CELL_PCPUS + e->nr_bound;
	return vg_ent_width(e);
}

/* What it is ordered by: who has a vCPU that lags goes before its equals. */
VG_INLINE u64 vg_ent_key(struct vg_ent *e)
{
	return e->vtime - (e->flags / VG_BEHIND & 1) * VG_EQUAL;
}

VG_INLINE bool vg_ent_before(struct vg_ent *a, struct vg_ent *b)
{
	if ((a->flags ^ b->flags) & VG_STARVING)
		return a->flags & VG_STARVING;
	return vg_before(vg_ent_key(a), vg_ent_key(b));
}

/*
 * Node c->walk is the better of the two below it.  Without a branch: the verifier
 * would follow each of them, on each level.
 */
VG_FN void vg_node_merge(struct vg_state_all *s, struct vg_cell *c)
{
	u32 i = c->walk;
	struct vg_node *n = vg_node(c, i), *a = vg_node(c, 2 * i), *b = vg_node(c, 2 * i + 1);
	struct vg_ent *x = vg_ent(s, a->best), *y = vg_ent(s, b->best);
	u64 hurry_x = x->flags / VG_STARVING & 1, hurry_y = y->flags / VG_STARVING & 1;
	u64 before, right, less;

	/* A width less one, as 32 bits: nobody is wider than all. */
	u32 wide_a = a->width - 1, wide_b = b->width - 1;

	before = (hurry_y & ~hurry_x) |
		 (~(hurry_x ^ hurry_y) & ((vg_ent_key(y) - vg_ent_key(x)) >> 63));
	right = (wide_a >> 31) | (before & ~(wide_b >> 31) & 1);
	n->best = vg_node(c, 2 * i + right)->best;
	n->mask = a->mask | b->mask;
	less = ((u64)wide_a - wide_b) >> 63;
	n->width = wide_b + (wide_a - wide_b) * (u32)less + 1;
}

/*
 * Enter ent @ei into @slot, or clear it, and tell the nodes above.  The way up is
 * in the cell: the verifier would follow a variable through each level.
 */
VG_FN void vg_queue_put(struct vg_state_all *s, struct vg_cell *c, u32 slot, u32 ei, u32 width)
{
	struct vg_node *n = vg_node(c, VG_QUEUE + slot);
	int level;

	n->best = ei;
	n->width = width;
	n->mask = width ? vg_ent(s, ei)->mask : 0;
	c->walk = VG_QUEUE + slot;
	vg_times(level, c->levels) {
		c->walk = (c->walk & (2 * VG_QUEUE - 1)) >> 1;
		vg_node_merge(s, c);
	}
}

/*
 * The ent is to be put into the queue, taken out, or looked at again, since its
 * key, its width or its pCPUs may have changed.
 */
VG_INLINE void vg_ent_requeue(struct vg_state_all *s, struct vg_cell *c, u32 ei)
{
	struct vg_ent *e = vg_ent(s, ei);

	if (e->flags & VG_CHANGED)
		return;
	e->flags |= VG_CHANGED;
	e->later = c->changed;
	c->changed = ei;
}

VG_FN void vg_ent_sort(struct vg_state_all *s, struct vg_cell *c, u32 ei)
{
	struct vg_ent *e = vg_ent(s, ei);
	bool due = e->nr_waiting && !(e->flags & VG_THROTTLED) &&
		   !vg_vcpu_leads(s, vg_vcpu(s, e->head));
	u32 i = e->pos, n = c->nr_queued, last, width;

	if (due) {
		if (i == VG_NONE) {
			if (n >= VG_QUEUE)
				return;
			i = n;
			c->nr_queued = n + 1;
			if (n >> (c->levels & 31))
				c->levels++;
		}
		e->pos = i;
		vg_queue_put(s, c, i, ei, vg_ent_rank(c, e));
	} else if (i != VG_NONE) {
		last = vg_queue_at(c, n - 1);
		width = vg_node(c, VG_QUEUE + n - 1)->width;
		vg_queue_put(s, c, n - 1, VG_NONE, 0);
		if (last != ei) {
			vg_ent(s, last)->pos = i;
			vg_queue_put(s, c, i, last, width);
		}
		e->pos = VG_NONE;
		c->nr_queued = n - 1;
		if (c->levels && n - 1 <= 1U << ((c->levels - 1) & 31))
			c->levels--;
	}
}

/* Bring the queue up to date. */
VG_FN void vg_queue_sort(struct vg_state_all *s, struct vg_cell *c, u64 now)
{
	while (c->changed != VG_NONE && can_loop) {
		u32 ei = c->changed;

		c->changed = vg_ent(s, ei)->later;
		vg_ent(s, ei)->flags &= ~VG_CHANGED;
		vg_relaxed_look(s, c, ei, now);
		vg_ent_sort(s, c, ei);
	}
}

VG_FN void vg_list_add(struct vg_state_all *s, u32 vi)
{
	struct vg_vcpu *v = vg_vcpu(s, vi);
	struct vg_ent *e = vg_ent(s, v->ent);
	u32 at = e->tail;

	while (e->bound && at != VG_NONE && vg_vcpu(s, at)->progress > v->progress && can_loop)
		at = vg_vcpu(s, at)->prev;
	v->prev = at;
	v->next = at == VG_NONE ? e->head : vg_vcpu(s, at)->next;
	if (at == VG_NONE)
		e->head = vi;
	else
		vg_vcpu(s, at)->next = vi;
	if (v->next == VG_NONE)
		e->tail = vi;
	else
		vg_vcpu(s, v->next)->prev = vi;
	e->mask |= v->mask;
	e->nr_waiting++;
}

VG_FN void vg_list_del(struct vg_state_all *s, u32 vi)
{
	struct vg_vcpu *v = vg_vcpu(s, vi);
	struct vg_ent *e = vg_ent(s, v->ent);

	if (v->prev == VG_NONE)
		e->head = v->next;
	else
		vg_vcpu(s, v->prev)->next = v->next;
	if (v->next == VG_NONE)
		e->tail = v->prev;
	else
		vg_vcpu(s, v->next)->prev = v->prev;
	v->next = VG_NONE;
	v->prev = VG_NONE;
	vg_relaxed_let(e, v);
	if (!--e->nr_waiting) {
		e->mask = 0;
	} else if (e->nr_pinned) {
		e->mask = 0;
		for (vi = e->head; vi != VG_NONE && can_loop; vi = vg_vcpu(s, vi)->next)
			e->mask |= vg_vcpu(s, vi)->mask;
	}
}

/*
 * The longest waiting vCPU of @ei that may use pCPU @bit; VG_NONE if there is
 * none.  In a gang within its stint who ran there last is preferred, as all are
 * to run anyhow: unless somebody has waited for longer than a stint, so that it
 * seems that they do not.
 */
VG_FN u32 vg_ent_waiter(struct vg_state_all *s, u32 ei, u32 bit, u64 now)
{
	struct vg_ent *e = vg_ent(s, ei);
	u32 vi = e->head, best = VG_NONE;

	while (vi != VG_NONE && can_loop) {
		struct vg_vcpu *v = vg_vcpu(s, vi);

		if ((v->mask & vg_bit(bit)) && !vg_vcpu_leads(s, v)) {
			if (best == VG_NONE || vg_relaxed_before(e, v, vg_vcpu(s, best)))
				best = vi;
			if (e->flags & VG_ON ?
			    vg_since(now, vg_vcpu(s, best)->since) > e->slice : !e->bound)
				return best;
			if ((e->flags & VG_ON) && v->bit == bit)
				return vi;
		}
		vi = v->next;
	}
	return best;
}

/* May pCPU pl->self take ent @ei, which is queued? */
VG_INLINE bool vg_plan_takes(struct vg_state_all *s, struct vg_cell *c, struct vg_plan *pl, u32 ei)
{
	struct vg_node *n = vg_node(c, VG_QUEUE + vg_ent(s, ei)->pos);

	if (pl->barred && vg_core_bars(c, vg_ent(s, ei), pl->self))
		return false;
	return ei != pl->skip && n->width <= pl->narrow && (n->mask & vg_bit(pl->self));
}

VG_INLINE void vg_plan_push(struct vg_plan *pl, u32 node)
{
	pl->stack[pl->depth & (VG_PLAN_STACK - 1)] = node;
	pl->depth++;
}

/*
 * The ent that is furthest behind among those that pCPU @pl->self can serve
 * and that @pl does not rule out.
 */
VG_FN u32 vg_cell_first(struct vg_state_all *s, struct vg_cell *c, struct vg_plan *pl)
{
	u64 self = vg_bit(pl->self);
	u32 best = VG_NONE, i;

	vg_queue_sort(s, c, pl->now);
	pl->looks = 0;
	pl->depth = 0;
	vg_plan_push(pl, VG_QUEUE >> (c->levels & 31));
	while (pl->depth && can_loop) {
		struct vg_node *n, *a, *b;
		bool swap;

		pl->depth--;
		i = pl->stack[pl->depth & (VG_PLAN_STACK - 1)];
		n = vg_node(c, i);
		pl->looks++;
		if (!n->width || n->width > pl->narrow || !(n->mask & self))
			continue;
		if (best != VG_NONE) {
			if (pl->looks > VG_LOOKS)
				break;
			if (!vg_ent_before(vg_ent(s, n->best), vg_ent(s, best)))
				continue;
		}
		if (vg_plan_takes(s, c, pl, n->best)) {
			best = n->best;
			continue;
		}
		if (i >= VG_QUEUE)
			continue;
		a = vg_node(c, 2 * i);
		b = vg_node(c, 2 * i + 1);
		swap = a->width && b->width &&
		       vg_ent_before(vg_ent(s, b->best), vg_ent(s, a->best));
		vg_plan_push(pl, 2 * i + !swap);
		vg_plan_push(pl, 2 * i + swap);
	}
	return best;
}

#endif /* VMGANG_POLICY_QUEUE_H */
