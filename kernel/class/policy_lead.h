/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who leads in a relaxed VM: where that is asked, and what becomes of his pCPU.
 * What a lead is, is in policy_relaxed.h.
 */
#ifndef VMGANG_POLICY_LEAD_H
#define VMGANG_POLICY_LEAD_H

#include "policy_spin.h"

/* A change may have made ent @ei relaxed, or have it be so no longer. */
VG_FN void vg_ent_relax(struct vg_state_all *s, struct vg_cell *c, u32 ei, u64 now)
{
	struct vg_ent *e = vg_ent(s, ei);
	u64 bound = 0;

	if (e->cosched == VMGANG_COSCHED_RELAXED ||
	    (e->cosched == VMGANG_COSCHED_GANG && e->nr_bound > c->nr_pcpus))
		bound = vg_vm(s, e->slot)->skew;
	if (e->bound == bound)
		return;
	vg_relaxed_set(s, ei, bound, now);
	vg_ent_requeue(s, c, ei);
}

/* Let those of relaxed ent @ei, which was looked at, go on that may again. */
VG_FN void vg_relaxed_again(struct vg_state_all *s, struct vg_cell *c, struct vg_plan *pl, u32 ei)
{
	struct vg_ent *e = vg_ent(s, ei);

	vg_relaxed_free(s, c, pl, ei);
	vg_ent_requeue(s, c, ei);
	if (e->nr_waiting && !vg_vcpu_leads(s, vg_vcpu(s, e->head)))
		pl->kick |= c->idle & c->all & ~c->kept & vg_vcpu(s, e->head)->mask;
}

/* Cell lock.  A tick finds @vi running: is it to stop, as it is too far ahead? */
VG_FN bool vg_relaxed_tick(struct vg_state_all *s, struct vg_cell *c, struct vg_plan *pl, u32 vi)
{
	struct vg_vcpu *v = vg_vcpu(s, vi);
	struct vg_ent *e = vg_ent(s, v->ent);

	if (!e->bound || v->state != VG_RUNNING)
		return false;
	vg_relaxed_look(s, c, v->ent, pl->now);
	if (e->nr_waiting && (e->nr_costop || e->nr_pinned || e->pos == VG_NONE))
		vg_relaxed_again(s, c, pl, v->ent);
	return vg_vcpu_progress(v, pl->now) > e->limit;
}

/*
 * pl->prev is too far ahead of its siblings to go on: the slowest of them takes
 * over the rest of its stint, if there is some.
 */
VG_FN bool vg_pick_ahead(struct vg_state_all *s, struct vg_cell *c, struct vg_plan *pl)
{
	struct vg_pcpu *p = vg_pcpu(c, pl->self);
	struct vg_vcpu *v = vg_vcpu(s, pl->prev);

	if (!vg_vcpu_leads(s, v))
		return false;
	if (!p->yielded && pl->now + VG_SLOP < vg_pcpu_deadline(s, p, pl->prev)) {
		p->hint = vg_ent(s, v->ent)->head;
		vg_pick_hint(s, c, pl);
	}
	/* It is back soon: who comes instead is not to stay. */
	if (pl->take == VG_NONE)
		pl->brief = 1;
	pl->prev = VG_NONE;
	return true;
}

#endif /* VMGANG_POLICY_LEAD_H */
