/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A cell's queue: ents that have a vCPU waiting; and each ent's list of waiting
 * vCPUs, first come first served.
 *
 * The queue is a set, and the ent that is furthest behind is looked for when a
 * pCPU asks.  Keys change with every settlement, and most cells have less than
 * a few dozen VMs waiting: a look at each of them (some 5 ns) costs less than
 * to keep a heap in order, and affinity and refusals come for free.  With a
 * thousand VMs waiting in one cell a pick takes some 5 us.
 */
#ifndef VMGANG_POLICY_QUEUE_H
#define VMGANG_POLICY_QUEUE_H

#include "policy.h"

VG_INLINE u32 vg_queue_at(struct vg_cell *c, u32 i)
{
	return c->queue[i & (VG_QUEUE - 1)];
}

VG_INLINE void vg_queue_put(struct vg_state_all *s, struct vg_cell *c, u32 i, u32 ei)
{
	c->queue[i & (VG_QUEUE - 1)] = ei;
	vg_ent(s, ei)->pos = i;
}

VG_INLINE bool vg_ent_before(struct vg_ent *a, struct vg_ent *b)
{
	if ((a->flags ^ b->flags) & VG_STARVING)
		return a->flags & VG_STARVING;
	return vg_before(a->vtime, b->vtime);
}

/* Put the ent into the queue, or take it out, as is due. */
VG_FN void vg_ent_requeue(struct vg_state_all *s, struct vg_cell *c, u32 ei)
{
	struct vg_ent *e = vg_ent(s, ei);
	bool due = e->nr_waiting && !(e->flags & VG_THROTTLED);
	u32 i = e->pos, n = c->nr_queued;

	if (due == (i != VG_NONE))
		return;
	if (due) {
		if (n >= VG_QUEUE)
			return;
		c->nr_queued = n + 1;
		vg_queue_put(s, c, n, ei);
	} else {
		c->nr_queued = n - 1;
		vg_queue_put(s, c, i, vg_queue_at(c, n - 1));
		e->pos = VG_NONE;
	}
}

VG_FN void vg_list_add(struct vg_state_all *s, u32 vi)
{
	struct vg_vcpu *v = vg_vcpu(s, vi);
	struct vg_ent *e = vg_ent(s, v->ent);

	v->next = VG_NONE;
	v->prev = e->tail;
	if (e->tail == VG_NONE)
		e->head = vi;
	else
		vg_vcpu(s, e->tail)->next = vi;
	e->tail = vi;
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
	e->nr_waiting--;
}

/*
 * The longest waiting vCPU of @ei that may use pCPU @bit, in a gang one that
 * ran there last; VG_NONE if there is none.
 */
VG_FN u32 vg_ent_waiter(struct vg_state_all *s, u32 ei, u32 bit)
{
	struct vg_ent *e = vg_ent(s, ei);
	u32 vi = e->head, best = VG_NONE;
	bool gang = e->cosched == VMGANG_COSCHED_GANG;

	while (vi != VG_NONE && can_loop) {
		struct vg_vcpu *v = vg_vcpu(s, vi);

		if (v->mask & vg_bit(bit)) {
			/* Only an independent VM's order of arrival is binding. */
			if (v->bit == bit || !gang)
				return best == VG_NONE || gang ? vi : best;
			if (best == VG_NONE)
				best = vi;
		}
		vi = v->next;
	}
	return best;
}

/* Its vCPUs that could run now, those that do included. */
VG_INLINE u32 vg_ent_width(struct vg_ent *e)
{
	return e->nr_waiting + vg_weight_of(e->on);
}

VG_INLINE bool vg_ent_is_gang(struct vg_cell *c, struct vg_ent *e)
{
	return e->cosched == VMGANG_COSCHED_GANG && vg_ent_width(e) <= c->nr_pcpus;
}

VG_INLINE bool vg_plan_skips(struct vg_state_all *s, struct vg_cell *c, struct vg_plan *pl, u32 ei)
{
	struct vg_ent *e = vg_ent(s, ei);

	return ei == pl->skip || (vg_ent_is_gang(c, e) && vg_ent_width(e) > pl->narrow);
}

VG_INLINE bool vg_ent_fits(struct vg_state_all *s, u32 ei, u32 bit)
{
	return !vg_ent(s, ei)->nr_pinned || vg_ent_waiter(s, ei, bit) != VG_NONE;
}

/*
 * The ent that is furthest behind among those that pCPU @pl->self can serve
 * and that @pl does not rule out.
 */
VG_FN u32 vg_cell_first(struct vg_state_all *s, struct vg_cell *c, struct vg_plan *pl)
{
	u32 best = VG_NONE, ei;
	int i;

	vg_times(i, c->nr_queued) {
		ei = vg_queue_at(c, i);
		if (best != VG_NONE && !vg_ent_before(vg_ent(s, ei), vg_ent(s, best)))
			continue;
		if (vg_plan_skips(s, c, pl, ei) || !vg_ent_fits(s, ei, pl->self))
			continue;
		best = ei;
	}
	return best;
}

#endif /* VMGANG_POLICY_QUEUE_H */
