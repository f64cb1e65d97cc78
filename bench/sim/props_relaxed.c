// SPDX-License-Identifier: GPL-2.0-only
/*
 * The property of relaxed VMs: no vCPU gets further ahead of its siblings than
 * skew_us and what it takes to find that out. Judged by the time that each has
 * run, as the engine counts it, for VMs whose vCPUs never halt: then nothing but
 * running is progress. A gang wider than its cell is such a VM.
 */

#include "props.h"
#include "sched.h"

bool props_relaxed(const struct sim *sim, const struct vm_conf *conf)
{
	if (sim->ops->flags & (SCHED_ALL_OFF | SCHED_ALL_GANG | SCHED_ALL_ADAPTIVE))
		return false;
	return (sim->ops->flags & SCHED_ALL_RELAXED) || conf->cosched == COSCHED_RELAXED ||
	       (conf->cosched == COSCHED_GANG && conf->vcpus > cells_width(sim));
}

/* A gang, of an adaptive VM as well, is relaxed where it is wider than its cell. */
bool props_relaxes(const struct sim *sim, const struct vm_conf *conf)
{
	return props_relaxed(sim, conf) ||
	       ((conf->cosched == COSCHED_GANG || conf->cosched == COSCHED_ADAPTIVE) &&
		conf->vcpus > cells_least(sim));
}

static u64 ran(const struct sim *sim, const struct vcpu *v)
{
	return v->stats.run + (v->state == VCPU_RUNNING ? sim->now - v->since : 0);
}

/* vCPUs begin within this of each other, and are level then. */
#define BEGIN	MS

/* From the tick that finds a leader until its pCPU has gone through the scheduler. */
#define DISPATCH	(100 * US)

/*
 * The tick that finds a leader comes up to a tick after it has become one, or a
 * guard keeps it; and the host's own threads may take its pCPU from the slowest
 * when that has just been given it.
 */
static u64 bound(const struct sim *sim, const struct vm_conf *conf)
{
	return conf->skew + BEGIN + sim->cost->hz_ns + DISPATCH + props_guard(sim) +
	       (sim->sc->host_every ? sim->sc->host_for + sim->cost->hz_ns : 0);
}

/* Is what its vCPUs have run all that there is to know about their progress? */
static bool judged(const struct sim *sim, const struct vm *vm)
{
	return props_relaxed(sim, vm->conf) && props_hungry(vm->conf) && !vm->conf->reserve_slice &&
	       vm->conf->pin == PIN_NONE && vm->conf->vcpus > 1 && sim->nr_cells == 1;
}

static void audit(struct sim *sim, struct relaxed_watch *rw, const struct vm *vm)
{
	u64 most = 0, least = NEVER;
	const struct vcpu *lead = NULL;
	u32 i;

	for (i = 0; i < vm->nr_vcpus; i++) {
		const struct vcpu *v = &vm->vcpus[i];
		u64 now = ran(sim, v);

		/* The statistics begin anew after the warm-up. */
		rw->progress[v->id] += now < rw->seen[v->id] ? now : now - rw->seen[v->id];
		rw->seen[v->id] = now;
		if (rw->progress[v->id] > most) {
			most = rw->progress[v->id];
			lead = v;
		}
		if (rw->progress[v->id] < least)
			least = rw->progress[v->id];
	}
	if (lead && most - least > bound(sim, vm->conf))
		props_fail(sim, PROP_SKEW, lead, "is %.3f ms ahead of its slowest sibling, bound "
			   "%.3f", (double)(most - least) / (double)MS,
			   (double)bound(sim, vm->conf) / (double)MS);
}

void relaxed_audit(struct sim *sim, struct relaxed_watch *rw)
{
	u32 i;

	for (i = 0; i < sim->nr_vms && !sim->failed; i++)
		if (judged(sim, &sim->vms[i]))
			audit(sim, rw, &sim->vms[i]);
}
