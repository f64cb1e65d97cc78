/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Spin: what becomes of the stint of a vCPU that spins.
 *
 *	off	nothing: it goes on
 *	yield	KVM names a preempted sibling, which takes over the rest of the
 *		stint: time moves only within the VM (directed yield)
 *	preempt	the verdict that it spins ends the stint, and another VM's work
 *		goes on there (Wells, Chakraborty and Sohi, 2006).  What is left
 *		is not charged, so the VM comes back the sooner.  If no other VM
 *		waits for the pCPU a sibling takes over the rest; if none waits
 *		either, the vCPU goes on
 *
 * The verdict counts spin exits within one stint, and the window between two of
 * them doubles: so it falls at the 4th, 8th, 16th ... exit, which is when the
 * time spun has doubled (VMGANG_SPIN_VERDICT).  A vCPU that was kept because
 * nobody waited is looked at again then.
 *
 * Nothing of this applies to a gang in its stint: whom its member waits for runs.
 * One that finds no room to be whole runs in part, and then it does apply.
 */
#ifndef VMGANG_POLICY_SPIN_H
#define VMGANG_POLICY_SPIN_H

#include "policy_gang.h"

VG_INLINE u32 vg_spin_kind(struct vg_state_all *s, struct vg_vcpu *v)
{
	struct vg_ent *e = vg_ent(s, v->ent);

	return e->bound || !(e->flags & VG_ON) ? vg_vm(s, e->slot)->spin : VMGANG_SPIN_OFF;
}

/*
 * Without the cell's lock, from the vCPU's own pCPU: vCPU @vi spins, and KVM
 * would have @other go on.  Returns whether its turn ends.
 */
VG_FN bool vg_spin_yield(struct vg_state_all *s, struct vg_cell *c, u32 vi, u32 other)
{
	struct vg_vcpu *v = vg_vcpu(s, vi), *o = vg_vcpu(s, other);

	if (vg_spin_kind(s, v) != VMGANG_SPIN_YIELD || o->ent != v->ent ||
	    o->state != VG_WAITING || !(o->mask & vg_bit(v->bit)))
		return false;
	vg_pcpu(c, v->bit)->hint = other;
	return true;
}

/* Likewise: it is found to spin.  Returns whether its pCPU is to ask for work. */
VG_FN bool vg_spin_found(struct vg_state_all *s, struct vg_cell *c, u32 vi)
{
	struct vg_vcpu *v = vg_vcpu(s, vi);
	struct vg_pcpu *p = vg_pcpu(c, v->bit);

	if (vg_spin_kind(s, v) != VMGANG_SPIN_PREEMPT || p->cur != vi)
		return false;
	p->spun = vi;
	return true;
}

/*
 * The vCPU of ent @ei for whose sake a sibling gave the pCPU up, if it still waits;
 * not once a third has waited for a slice of each: two could hand it to and fro
 * (under relaxed they soon are too far ahead of it).
 */
VG_INLINE u32 vg_pcpu_hint(struct vg_state_all *s, struct vg_cell *c, u32 bit, u32 ei, u64 now)
{
	struct vg_ent *e = vg_ent(s, ei);
	u32 vi = vg_pcpu(c, bit)->hint;
	struct vg_vcpu *v = vg_vcpu(s, vi);

	if (vi == VG_NONE || v->state != VG_WAITING || v->ent != ei || !(v->mask & vg_bit(bit)) ||
	    vg_vcpu_leads(s, v))
		return VG_NONE;
	if (!e->bound && vg_since(now, vg_vcpu(s, e->head)->since) > e->slice * e->nr_bound)
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
	u32 vi = vg_pcpu_hint(s, c, pl->self, vg_vcpu(s, pl->prev)->ent, pl->now);

	if (vi == VG_NONE)
		return false;
	return vg_pick_take(c, pl, vi, VG_BY_HINT, VG_STAT_YIELDS);
}

/*
 * pl->prev, in the middle of its stint, has been found spinning: true if the
 * pCPU is to go to another VM.  If only a sibling waits, that is its hint.
 */
VG_FN bool vg_pick_spun(struct vg_state_all *s, struct vg_cell *c, struct vg_plan *pl)
{
	struct vg_pcpu *p = vg_pcpu(c, pl->self);
	u32 ei = vg_vcpu(s, pl->prev)->ent;

	if (p->spun != pl->prev)
		return false;
	pl->skip = ei;
	if (vg_cell_first(s, c, pl) == VG_NONE) {
		p->hint = vg_ent_waiter(s, ei, pl->self, pl->now);
		return false;
	}
	p->yielded = 1;
	vg_count(c, VG_STAT_SPUN, 1);
	return true;
}

#endif /* VMGANG_POLICY_SPIN_H */
