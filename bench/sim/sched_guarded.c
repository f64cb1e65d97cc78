// SPDX-License-Identifier: GPL-2.0-only
/* What the class knows of guarded vCPUs' state, and when it looks at a pCPU again. */

#include "sched_class.h"

/* Is @prev, if there is one, not to be preempted? */
void class_ask_unsafe(struct sim *sim, struct vg_plan *pl, struct vcpu *prev)
{
	if (!prev)
		return;
	if (vg_vm(st(sim), prev->vm->id)->hinted) {
		pl->hold = guest_hint(prev);
		pl->unsafe = pl->hold > 0;
	} else {
		pl->unsafe = guest_in_kernel(prev);
	}
}

/* pCPU @cpu goes on for so long; if that is with a guarded vCPU its guest may come when asked. */
void class_look(struct sim *sim, u32 cpu, struct vg_plan *pl)
{
	struct pcpu *p = &sim->pcpus[cpu];

	event_set(&sim->queue, &cp(p)->look, pl->look);
	if (pl->ask)
		cp(p)->asked = p->cur && p->cur->vm->conf->answers;
}

/* A guest comes when it has let go of its lock, if it ever does. */
void class_on_look(struct sim *sim, void *arg)
{
	struct pcpu *p = arg;
	struct vg_cell *c = vg_cell(st(sim), p->cell);

	sim->here = p;
	if (!vg_pcpu(c, cp(p)->bit)->guard)
		cp(p)->asked = false;
	if (!vg_pcpu_looks(c, cp(p)->bit, sim->now))
		return;
	if (cp(p)->asked && p->cur && !guest_hint(p->cur)) {
		cp(p)->asked = false;
		vg_guard_safe(st(sim), c, cv(p->cur)->vi);
	}
	class_kick(sim, c, vg_bit(cp(p)->bit));
}
