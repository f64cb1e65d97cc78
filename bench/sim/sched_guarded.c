// SPDX-License-Identifier: GPL-2.0-only
/* Guarded vCPUs: what the class knows of their state, and when it looks again. */

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

/* @p goes on with a guarded vCPU, for so long; its guest may come when it is asked. */
void class_look(struct sim *sim, struct pcpu *p, struct vg_plan *pl)
{
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
	if (!vg_pcpu(c, cp(p)->bit)->guard) {
		cp(p)->asked = false;
		return;
	}
	if (cp(p)->asked && p->cur && !guest_hint(p->cur)) {
		cp(p)->asked = false;
		vg_guard_safe(st(sim), c, cv(p->cur)->vi);
	}
	class_kick(sim, c, vg_bit(cp(p)->bit));
}
