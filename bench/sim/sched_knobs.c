// SPDX-License-Identifier: GPL-2.0-only
/* A VM's knobs under each of the class's schedulers, and what they make of spinning. */

#include "sched_class.h"

static u32 cosched_of(struct sim *sim, struct vcpu *v)
{
	static const u32 words[] = {
		[COSCHED_OFF] = VMGANG_COSCHED_OFF,
		[COSCHED_GANG] = VMGANG_COSCHED_GANG,
		[COSCHED_ADAPTIVE] = VMGANG_COSCHED_ADAPTIVE,
		[COSCHED_STRICT] = VMGANG_COSCHED_STRICT,
		[COSCHED_RELAXED] = VMGANG_COSCHED_RELAXED,
	};

	if (sim->ops->flags & SCHED_ALL_OFF)
		return VMGANG_COSCHED_OFF;
	if (sim->ops->flags & SCHED_ALL_GANG)
		return VMGANG_COSCHED_GANG;
	if (sim->ops->flags & SCHED_ALL_ADAPTIVE)
		return VMGANG_COSCHED_ADAPTIVE;
	if (sim->ops->flags & SCHED_ALL_RELAXED)
		return VMGANG_COSCHED_RELAXED;
	return words[v->vm->conf->cosched];
}

_Static_assert((int)SPIN_PREEMPT == (int)VMGANG_SPIN_PREEMPT, "one order");
_Static_assert((int)GUARD_HINT == (int)VMGANG_GUARD_HINT, "one order");

static u32 guard_of(struct sim *sim, struct vcpu *v)
{
	return sim->ops->flags & SCHED_ALL_GUARD ? VMGANG_GUARD_KERNEL :
						   (u32)v->vm->conf->guard;
}

static u32 spin_of(struct sim *sim, struct vcpu *v)
{
	return sim->ops->flags & SCHED_ALL_PREEMPT ? VMGANG_SPIN_PREEMPT :
						     (u32)v->vm->conf->spin;
}

struct vmgang_bpf_vm class_policy(struct sim *sim, struct vcpu *v)
{
	const struct vm_conf *conf = v->vm->conf;

	return (struct vmgang_bpf_vm) {
		.id = v->vm->id + 1, .cgroup_id = v->vm->id + 1, .slot = v->vm->id,
		.pid = 1, .nr_vcpus = v->vm->nr_vcpus, .cosched = cosched_of(sim, v),
		.slice_us = (u32)(conf->slice / US), .managed = 1, .spin = spin_of(sim, v),
		.guard = guard_of(sim, v), .guard_us = (u32)(conf->guard_for / US),
		.isolate = (u32)conf->isolate, .skew_us = (u32)(conf->skew / US),
		.reserve_period_us = (u32)(conf->reserve_period / US),
		.reserve_slice_us = (u32)(conf->reserve_slice / US),
		.extratime = (u32)conf->extratime,
	};
}

/* At a tick: is relaxed @v, which runs, too far ahead? */
bool class_leads(struct sim *sim, struct vcpu *v)
{
	struct vg_plan *pl = begin_plan(sim, VG_NONE, VG_NONE);
	bool leads = vg_relaxed_tick(st(sim), cell_of(sim, v), pl, cv(v)->vi);

	act(sim, cell_of(sim, v), pl);
	return leads;
}

bool class_yield(struct sim *sim, struct vcpu *from, struct vcpu *to)
{
	if (!vg_spin_yield(st(sim), cell_of(sim, from), cv(from)->vi, cv(to)->vi))
		return false;
	cv(from)->slice = false;
	return true;
}

bool class_spins(struct sim *sim, struct vcpu *v, u32 exits)
{
	class_spun(sim, v, exits);
	if (!VMGANG_SPIN_VERDICT(exits) || !vg_spin_found(st(sim), cell_of(sim, v), cv(v)->vi))
		return false;
	cv(v)->slice = false;
	return true;
}
