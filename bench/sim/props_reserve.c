// SPDX-License-Identifier: GPL-2.0-only
/* Properties of reservations, and what is left of the others' where there are some. */

#include "props.h"
#include "sched.h"

/*
 * What is lost is an interrupt and a switch whenever somebody is to make room,
 * and crumbs that do not pay the switch. What the host's own threads take is
 * nobody's fault. Siblings of a core may be booked by VMs that it runs by turns.
 */
#define RESERVE_BOUND	(150 * US)

void props_period(struct sim *sim, const struct vcpu *v, u64 had, u64 slice)
{
	if (sim->props && !sim->sc->host_every && !isolate_matters(sim) &&
	    had + RESERVE_BOUND < slice)
		props_fail(sim, PROP_RESERVE, v, "ran %.3f ms in a period, has booked %.3f",
			   (double)had / (double)MS, (double)slice / (double)MS);
}

static bool reserved(const struct sim *sim)
{
	u32 i;

	for (i = 0; i < sim->nr_vms; i++)
		if (sim->vms[i].conf->reserve_slice)
			return true;
	return false;
}

/* All others may have to do with the 5 % that can not be booked. */
u64 props_squeeze(const struct sim *sim)
{
	return reserved(sim) ? 20 : 1;
}

/*
 * Reservations may take all pCPUs at the same time: who is narrower than the host
 * can not make up for that in the rest of it, and what is left for him is no
 * matter of weight.
 */
bool props_crowded_out(const struct sim *sim)
{
	bool narrow = false;
	u32 i;

	for (i = 0; i < sim->nr_vms; i++) {
		const struct vm_conf *conf = sim->vms[i].conf;

		narrow |= conf->vcpus < sim->nr_pcpus || props_gang(sim, conf);
	}
	return narrow && reserved(sim);
}
