// SPDX-License-Identifier: GPL-2.0-only
/*
 * Properties of hosts with several cells: none idles while another one is
 * crowded, and shares are as even as whole VMs can be spread.
 */

#include <stdlib.h>

#include "props.h"
#include "sched.h"

/*
 * Two heartbeats of the policy, and what it takes to get there: a look 100 ms
 * later, and a turn of each vCPU that waits before it goes.
 */
#define IDLE_CELL_BOUND	(2500 * MS)

/* Before this, VMs may still be on their way; see cells_fair(). */
#define SETTLED		(6 * SEC)

u64 cells_width(const struct sim *sim)
{
	return sim->sc->cell < sim->nr_pcpus ? sim->sc->cell : sim->nr_pcpus;
}

u64 cells_least(const struct sim *sim)
{
	u64 rest = sim->nr_pcpus % cells_width(sim);

	return rest ? rest : cells_width(sim);
}

static u32 pcpus_of(const struct sim *sim, u32 cell)
{
	u32 width = (u32)cells_width(sim), first = cell * width;

	return first + width > sim->nr_pcpus ? sim->nr_pcpus - first : width;
}

/* May be anywhere, and is there all the time, always wanting more. */
static bool settles(const struct vm_conf *conf)
{
	return props_hungry(conf) && conf->pin == PIN_NONE;
}

/*
 * Crowded: two VMs or more that settle() and want more than the cell has. One of
 * them then is no more than half of what is there, so that it pays to move it;
 * at least to a cell that is as large.
 */
static bool is_crowded(struct sim *sim, u32 cell)
{
	u64 want = 0;
	u32 i, vms = 0;

	for (i = 0; i < sim->nr_vms; i++) {
		struct vm *vm = &sim->vms[i];

		if (!settles(vm->conf) || vm->vcpus->state == VCPU_ABSENT ||
		    sim->ops->cell(sim, vm->vcpus) != cell)
			continue;
		want += vm->nr_vcpus;
		vms++;
	}
	return vms > 1 && want > pcpus_of(sim, cell);
}

/* Nobody of ours, nor of the host's, runs there. */
static bool is_idle(const struct sim *sim, u32 cell)
{
	u32 width = (u32)cells_width(sim), i;

	for (i = cell * width; i < cell * width + pcpus_of(sim, cell); i++)
		if (sim->pcpus[i].cur || sim->pcpus[i].stolen)
			return false;
	return true;
}

static void since(u64 *at, bool is, u64 now)
{
	if (!is)
		*at = 0;
	else if (!*at)
		*at = now;
}

void cells_audit(struct sim *sim, struct cells_watch *cw)
{
	u32 c, t;

	if (sim->nr_cells < 2 || !sim->ops->cell)
		return;
	for (c = 0; c < sim->nr_cells; c++) {
		since(&cw->idle_since[c], is_idle(sim, c), sim->now);
		/* Who lives where changes slowly. */
		if (sim->now / MS % 50 == 0)
			since(&cw->crowded_since[c], is_crowded(sim, c), sim->now);
	}
	for (c = 0; c < sim->nr_cells; c++) {
		for (t = 0; t < sim->nr_cells; t++) {
			if (!cw->crowded_since[c] || !cw->idle_since[t] ||
			    pcpus_of(sim, t) < pcpus_of(sim, c) ||
			    sim->now - cw->crowded_since[c] <= IDLE_CELL_BOUND ||
			    sim->now - cw->idle_since[t] <= IDLE_CELL_BOUND)
				continue;
			props_fail(sim, PROP_IDLE_CELL, sim->vcpus,
				   "cell %u has been idle for %.0f ms beside cell %u, crowded", t,
				   (double)(sim->now - cw->idle_since[t]) / (double)MS, c);
			return;
		}
	}
}

/*
 * The largest, over all cells, of the smallest that a VM there deserves, in
 * pCPUs: the policy leaves two cells uneven if half of the difference is less
 * than 8/15 of each VM of the fuller one.
 */
static double grain(struct sim *sim, double span)
{
	double most = 0;
	u32 i, c;

	for (c = 0; c < sim->nr_cells; c++) {
		double least = 0;

		for (i = 0; i < sim->nr_vms; i++) {
			double d;

			if (!settles(sim->vms[i].conf) ||
			    sim->ops->cell(sim, sim->vms[i].vcpus) != c)
				continue;
			d = props_deserves(sim, i, span) / span;
			if (least <= 0 || d < least)
				least = d;
		}
		if (least > most)
			most = least;
	}
	return most;
}

/*
 * Is each VM's share what its weight deserves of the whole host, as far as VMs
 * can be spread?  A cell that has more to serve than another one, for each of
 * its pCPUs, by less than 2 x 8/15 of its smallest VM over its pCPUs has no VM
 * whose move would help; nor by 1/64, which counts as even.  So with e the
 * largest smallest VM, in pCPUs, and P the smallest cell, a share is off by at
 * most t = 16/15 e / P + 1/64: not less than its due / (1 + t), nor more than
 * its due / (1 - t).  On top comes what holds within a cell (props_slack()), and
 * 5 %, which is what the measured demand of VMs that sleep may be off.
 */
void cells_fair(struct sim *sim)
{
	double span = (double)(sim->end - sim->warm_at), off;
	u32 i, least = pcpus_of(sim, sim->nr_cells - 1);

	if (sim->warm_at < SETTLED || sim->end - sim->warm_at < SETTLED || !sim->ops->cell)
		return;
	for (i = 0; i < sim->nr_vms; i++)
		if (props_gang(sim, sim->vms[i].conf) || sim->vms[i].nr_vcpus > least)
			return;		/* whole gangs may not fit beside each other */
	off = 16.0 / 15 * grain(sim, span) / least + 1.0 / 64 + 0.05;
	for (i = 0; i < sim->nr_vms; i++) {
		struct vm *vm = &sim->vms[i];
		double want, got, slack;

		if (!settles(vm->conf))
			continue;
		want = props_deserves(sim, i, span);
		got = (double)props_ran(vm);
		slack = props_slack(sim, vm, want) + (double)sim->stats.stolen;
		if (got < want / (1 + off) - slack ||
		    (off < 1 && got > want / (1 - off) + slack)) {
			props_fail(sim, PROP_FAIR, vm->vcpus,
				   "its VM ran %.1f ms of %.1f, cells may be uneven by %.0f %%",
				   got / (double)MS, want / (double)MS, off * 100);
			return;
		}
	}
}
