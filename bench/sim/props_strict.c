// SPDX-License-Identifier: GPL-2.0-only
/* Properties of strict gangs: they run whole, and what that costs is accounted for. */

#include "props.h"
#include "sched.h"

/* Looks at random times miss and double, several pCPUs at once: some deviations of that. */
#define FORCED_SLACK	(60 * MS)

bool props_strict(const struct sim *sim, const struct vm_conf *conf)
{
	return !(sim->ops->flags & (SCHED_ALL_OFF | SCHED_ALL_GANG)) &&
	       conf->cosched == COSCHED_STRICT && !conf->reserve_slice && conf->vcpus > 1 &&
	       conf->vcpus <= cells_least(sim) && conf->pin == PIN_NONE;
}

u64 strict_kept(struct sim *sim, struct strict_watch *sw, struct pcpu *p)
{
	if (sim->ops->kept && sim->ops->kept(sim, p)) {
		sw->kept_at[p->id] = sim->now;
		sw->forced += sim->now - sw->audited;
	}
	return sw->kept_at[p->id];
}

/* On its way to another cell a VM is in two. */
static bool is_split(struct sim *sim, const struct vm *vm)
{
	u32 i;

	for (i = 1; sim->ops->cell && i < vm->nr_vcpus; i++)
		if (sim->ops->cell(sim, &vm->vcpus[i]) != sim->ops->cell(sim, vm->vcpus))
			return true;
	return false;
}

/*
 * While one member of a strict gang runs, none that could waits: not for longer
 * than it takes those that run to find their stint ended, which is a tick, or a
 * guarded vCPU to make room.
 */
static void audit(struct sim *sim, const struct vm *vm)
{
	u64 bound = 2 * sim->cost->hz_ns + props_guard(sim);
	const struct vcpu *runs = NULL;
	u32 i;

	if (!props_strict(sim, vm->conf) || sim->sc->host_every || is_split(sim, vm))
		return;
	for (i = 0; i < vm->nr_vcpus; i++) {
		const struct vcpu *v = &vm->vcpus[i];

		if (v->state == VCPU_RUNNING && (!runs || v->since < runs->since))
			runs = v;
	}
	for (i = 0; i < vm->nr_vcpus && runs; i++) {
		const struct vcpu *v = &vm->vcpus[i];
		u64 from = props_waits(sim, v);

		if (runs->since > from)
			from = runs->since;
		if (v->state == VCPU_READY && sim->now - from > bound)
			props_fail(sim, PROP_TOGETHER, v, "waits for %.3f ms while %u runs",
				   (double)(sim->now - from) / (double)MS, runs->index);
	}
}

void strict_audit(struct sim *sim, struct strict_watch *sw)
{
	u32 i;

	for (i = 0; i < sim->nr_vms && !sim->failed; i++)
		audit(sim, &sim->vms[i]);
	sw->audited = sim->now;
}

/* The idle time that strict gangs force, looked at each 1 ms, is what the scheduler says. */
void strict_forced(struct sim *sim, const struct strict_watch *sw)
{
	u64 seen = sw->forced, said;

	if (!sim->ops->forced)
		return;
	said = sim->ops->forced(sim);
	if (said > seen + seen / 10 + FORCED_SLACK || seen > said + said / 10 + FORCED_SLACK)
		props_fail(sim, PROP_FORCED, sim->vcpus, "%.1f ms accounted for, %.1f seen",
			   (double)said / (double)MS, (double)seen / (double)MS);
}
