// SPDX-License-Identifier: GPL-2.0-only
/*
 * pCPUs that the class keeps empty: for idle vCPUs of strict gangs, and beside
 * isolated VMs' vCPUs.
 */

#include "sched_class.h"

/* A kick to end it may be on its way for as long as a tick is. */
bool class_kept(struct sim *sim, struct pcpu *p)
{
	struct vg_cell *c = vg_cell(st(sim), p->cell);
	u32 ei = vg_pcpu_keeper(c, cp(p)->bit), bit = cp(p)->bit;
	u32 holder = vg_pcpu(c, vg_lowest(vg_pcpu(c, bit)->core))->holder;

	if (holder != VG_NONE && (vg_ent(st(sim), holder)->shut & vg_bit(bit)))
		return true;
	return ei != VG_NONE && sim->now < vg_ent(st(sim), ei)->deadline + sim->cost->hz_ns;
}

u64 class_forced(struct sim *sim)
{
	u64 sum = 0;
	u32 i;

	for (i = 0; i < sim->nr_pcpus; i++) {
		struct vg_cell *c = vg_cell(st(sim), sim->pcpus[i].cell);
		u32 bit = cp(&sim->pcpus[i])->bit, ei = vg_pcpu_keeper(c, bit);
		u32 holder = vg_pcpu(c, bit)->holder;

		if (holder != VG_NONE)
			vg_strict_settle(st(sim), c, holder, sim->now);
		if (ei != VG_NONE)
			vg_strict_settle(st(sim), c, ei, sim->now);
	}
	for (i = 0; i < sim->nr_cells; i++)
		sum += vg_cell(st(sim), i)->stats[VG_STAT_FRAG];
	return sum;
}
