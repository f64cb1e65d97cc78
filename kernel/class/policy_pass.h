/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who pays for a pass: a vCPU goes to sleep, and its pCPU takes its time to
 * choose another.  The pCPU's clock (pl->now) stands still meanwhile, so that
 * who comes next would be charged for it; and a guest that halts a thousand
 * times a second would have a thousand passes at its neighbours' cost.  So who
 * leaves pays.  Who is preempted has paid already: he is charged until he has
 * made room.
 */
#ifndef VMGANG_POLICY_PASS_H
#define VMGANG_POLICY_PASS_H

#include "policy_credit.h"

/* A vCPU of ent @ei goes to sleep on its pCPU @bit. */
VG_INLINE void vg_pass_begin(struct vg_cell *c, struct vg_plan *pl, u32 bit, u32 ei)
{
	struct vg_pcpu *p = vg_pcpu(c, bit);

	p->pass = pl->clock;
	p->left = pl->now;
	p->leaver = ei;
}

/* pCPU @bit has come to run another.  It may have been idle, or the host's, before. */
VG_FN void vg_pass_end(struct vg_state_all *s, struct vg_cell *c, struct vg_plan *pl, u32 bit)
{
	struct vg_pcpu *p = vg_pcpu(c, bit);
	struct vg_ent *e = vg_ent(s, p->leaver);
	struct vg_vcpu *v = vg_vcpu(s, p->cur);
	u64 pass = vg_since(pl->clock, p->pass);

	if (!p->pass || p->cur == VG_NONE || pass > VG_PASS) {
		p->pass = 0;
		return;
	}
	p->pass = 0;
	if (vg_before(v->start, p->left + pass))
		v->start = p->left + pass;
	/* It may be another's record by now, or have moved. */
	if (e->slot == VG_NONE || e->cell != c->id)
		return;
	e->vtime += vg_vtime(e, pass);
	e->ran += pass;
	vg_cap_charge(&vg_vm(s, e->slot)->cap, pass);
	vg_ent_requeue(s, c, p->leaver);
}

#endif /* VMGANG_POLICY_PASS_H */
