// SPDX-License-Identifier: GPL-2.0-only
/* Adaptive VMs: gang_policy.bpf.h's part of the class. */

#include "sched_class.h"

static struct vg_vm *vm_of(struct sim *sim, struct vcpu *v)
{
	return vg_vm(st(sim), v->vm->id);
}

static struct vg_adapt *adapting(struct sim *sim, struct vcpu *v)
{
	struct vg_vm *vm = vm_of(sim, v);

	return vm->cosched == VMGANG_COSCHED_ADAPTIVE ? &vm->adapt : NULL;
}

static void apply_policy(struct sim *sim, struct vg_vm *vm)
{
	struct vg_state_all *s = st(sim);
	u32 ei;

	for (ei = vm->ents; ei != VG_NONE; ei = vg_ent(s, ei)->sibling) {
		struct vg_cell *c = vg_cell(s, vg_ent(s, ei)->cell);
		struct vg_plan *pl = begin_plan(sim, VG_NONE, VG_NONE);

		vg_ent_policy(s, c, pl, ei);
		act(sim, c, pl);
	}
}

void class_adapt(struct sim *sim, struct vcpu *v)
{
	struct vg_adapt *a = adapting(sim, v);
	struct vg_cell *c = cell_of(sim, v);
	u32 tells = st(sim)->tells;

	if (!a || !vg_adapt_due(a, sim->now))
		return;
	vg_adapt_add(a, vg_adapt_busy(c, vm_of(sim, v), ent_of(sim, v), tells, sim->now));
	if (vg_adapt_step(a, vg_adapt_doubts(c, a, tells, sim->now), sim->now))
		apply_policy(sim, vm_of(sim, v));
}

void class_spun(struct sim *sim, struct vcpu *v, u32 exits)
{
	struct vg_adapt *a = adapting(sim, v);

	if (a)
		vg_adapt_exited(a, exits, sim->now);
}

void class_lost(struct sim *sim, struct vcpu *v)
{
	struct vg_adapt *a = adapting(sim, v);

	if (a)
		vg_adapt_add(a, vg_adapt_lost(st(sim), vm_of(sim, v), sim->now));
}
