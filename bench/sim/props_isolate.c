// SPDX-License-Identifier: GPL-2.0-only
/* Properties of isolated VMs: they share no core with others. */

#include "props.h"
#include "sched.h"

static bool apart(const struct vcpu *a, const struct vcpu *b)
{
	return a->vm != b->vm && (a->vm->conf->isolate || b->vm->conf->isolate);
}

bool isolate_matters(const struct sim *sim)
{
	u32 i;

	for (i = 0; i < sim->nr_vms; i++)
		if (sim->vms[i].conf->isolate)
			return sim->sc->threads > 1;
	return false;
}

/* Who runs on a sibling of @p beside whom @v may not, NULL if nobody does. */
static struct vcpu *clash(struct sim *sim, const struct pcpu *p, const struct vcpu *v)
{
	u32 i;

	for (i = p->core; i < sim->nr_pcpus && sim->pcpus[i].core == p->core; i++) {
		struct vcpu *cur = sim->pcpus[i].cur;

		if (i != p->id && cur && apart(cur, v))
			return cur;
	}
	return NULL;
}

/* No bound and no grace: not for a moment. */
void isolate_start(struct sim *sim, const struct pcpu *p, const struct vcpu *v)
{
	const struct vcpu *other = clash(sim, p, v);

	if (other)
		props_fail(sim, PROP_OVERLAP, v, "runs on pCPU %u beside %s.%u/%u on %u", p->id,
			   other->vm->conf->name, other->vm->id, other->index, other->pcpu);
}

/* Could @v have run on @p, as far as the siblings go, since @when? */
bool isolate_free(struct sim *sim, const struct pcpu *p, const struct vcpu *v, u64 when)
{
	u32 i;

	if (!isolate_matters(sim))
		return true;
	for (i = p->core; i < sim->nr_pcpus && sim->pcpus[i].core == p->core; i++)
		if (i != p->id && (sim->pcpus[i].switched > when ||
				   (sim->ops->kept && sim->ops->kept(sim, &sim->pcpus[i]))))
			return false;
	return !clash(sim, p, v);
}
