// SPDX-License-Identifier: GPL-2.0-only
/* What the class's decisions came to, and what its state takes. */

#include "sched_class.h"

struct class_counts class_counts(struct sim *sim)
{
	struct class_counts counts = class_of(sim)->counts;
	u32 i;

	counts.allocated = sizeof(struct vg_state_all);
	counts.used = sim->nr_cells * sizeof(struct vg_cell) +
		      sim->nr_vcpus * sizeof(struct vg_vcpu);
	for (i = 0; i < sim->nr_vms; i++) {
		u32 ei = vg_vm(st(sim), i)->ents;

		counts.used += sizeof(struct vg_vm);
		for (; ei != VG_NONE; ei = vg_ent(st(sim), ei)->sibling)
			counts.used += sizeof(struct vg_ent);
	}
	return counts;
}
