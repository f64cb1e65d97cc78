// SPDX-License-Identifier: GPL-2.0-only
/*
 * The simple solution that the paper warns of (Southern, section 2): all vCPUs
 * of a VM at once, those that are idle too, as rows of Ousterhout's matrix
 * ("Scheduling techniques for concurrent systems", ICDCS 1982).
 *
 * At the end of each 30 ms slot (assumed: the slice of Xen's credit scheduler)
 * all pCPUs are dealt anew: VMs in the order of the weighted time they have
 * held pCPUs, each as many as it has vCPUs, as long as some are free. A pCPU
 * whose vCPU is idle, or for which no VM was narrow enough, idles: that is the
 * fragmentation. A VM that is idle as a whole is passed over.
 *
 * Left out: caps, and pins, which it refuses; VMs wider than the host as well.
 */

#include "runq.h"
#include "sched.h"

#define SLOT	(30 * MS)

struct naive_vm {
	u64 vtime;
	bool done;	/* has been looked at, for this slot */
};

struct naive_pcpu {
	struct vcpu *mine;	/* in this slot; NULL: nobody's */
};

struct naive {
	struct event slot;
};

static struct naive_vm *nv(struct vm *vm)
{
	return vm->priv;
}

static struct vcpu **mine(struct pcpu *p)
{
	return &((struct naive_pcpu *)p->priv)->mine;
}

static u32 nr_present(const struct vm *vm)
{
	u32 i, n = 0;

	for (i = 0; i < vm->nr_vcpus; i++)
		n += vm->vcpus[i].state != VCPU_ABSENT;
	return n;
}

/* Who is furthest behind of those that fit into @room pCPUs and want one at all. */
static struct vm *next_vm(struct sim *sim, u32 room)
{
	struct vm *best = NULL;
	u32 i;

	for (i = 0; i < sim->nr_vms; i++) {
		struct vm *vm = &sim->vms[i];

		if (nv(vm)->done || !vm->nr_wanting || nr_present(vm) > room)
			continue;
		if (!best || nv(vm)->vtime < nv(best)->vtime)
			best = vm;
	}
	return best;
}

static void deal(struct sim *sim)
{
	u32 i, at = 0;
	struct vm *vm;

	for (i = 0; i < sim->nr_vms; i++)
		nv(&sim->vms[i])->done = false;
	while ((vm = next_vm(sim, sim->nr_pcpus - at))) {
		nv(vm)->done = true;
		nv(vm)->vtime += SLOT * nr_present(vm) * 100 / vm->conf->weight;
		for (i = 0; i < vm->nr_vcpus; i++)
			if (vm->vcpus[i].state != VCPU_ABSENT)
				*mine(&sim->pcpus[at++]) = &vm->vcpus[i];
	}
	while (at < sim->nr_pcpus)
		*mine(&sim->pcpus[at++]) = NULL;
}

static void on_slot(struct sim *sim, void *arg)
{
	struct naive *naive = sim->priv;
	u64 least = NEVER;
	u32 i;

	(void)arg;
	sim->here = NULL;
	event_set(&sim->queue, &naive->slot, sim->now + SLOT);
	/* Who was idle for long has no arrears. */
	for (i = 0; i < sim->nr_vms; i++)
		if (sim->vms[i].nr_running && nv(&sim->vms[i])->vtime < least)
			least = nv(&sim->vms[i])->vtime;
	for (i = 0; i < sim->nr_vms; i++) {
		struct naive_vm *m = nv(&sim->vms[i]);

		if (!sim->vms[i].nr_wanting && least != NEVER && m->vtime < least)
			m->vtime = least;
	}
	deal(sim);
	for (i = 0; i < sim->nr_pcpus; i++)
		if (sim->pcpus[i].cur != *mine(&sim->pcpus[i]))
			host_resched(sim, &sim->pcpus[i]);
}

static void naive_wake(struct sim *sim, struct vcpu *v)
{
	struct naive *naive = sim->priv;
	u32 i;

	for (i = 0; i < sim->nr_pcpus; i++) {
		if (*mine(&sim->pcpus[i]) == v) {
			host_resched(sim, &sim->pcpus[i]);
			return;
		}
	}
	/* Nobody wanted anything: the slot begins now. */
	for (i = 0; i < sim->nr_pcpus; i++)
		if (*mine(&sim->pcpus[i]))
			return;
	event_set(&sim->queue, &naive->slot, sim->now);
}

static struct vcpu *naive_schedule(struct sim *sim, struct pcpu *p, struct vcpu *prev)
{
	struct vcpu *v = *mine(p);

	if (!v || !v->wants)
		return NULL;
	if (v == prev || v->state == VCPU_READY)
		return v;
	/* It has yet to leave its pCPU of the slot before, which is about to call. */
	if (event_is_set(&vcpu_pcpu(sim, v)->resched))
		host_resched(sim, p);
	return NULL;
}

static void naive_steal(struct sim *sim, struct pcpu *p, struct vcpu *prev)
{
	(void)sim;
	(void)p;
	(void)prev;
}

static void naive_tick(struct sim *sim, struct pcpu *p)
{
	(void)sim;
	(void)p;
}

static void naive_join(struct sim *sim, struct vcpu *v)
{
	(void)sim;
	(void)v;
}

static void naive_leave(struct sim *sim, struct vcpu *v)
{
	u32 i;

	for (i = 0; i < sim->nr_pcpus; i++)
		if (*mine(&sim->pcpus[i]) == v)
			*mine(&sim->pcpus[i]) = NULL;
}

static int naive_begin(struct sim *sim)
{
	struct naive *naive = sim->priv;
	u32 i;

	for (i = 0; i < sim->nr_vms; i++) {
		if (sim->vms[i].nr_vcpus <= sim->nr_pcpus)
			continue;
		fprintf(stderr, "sim: naive: [vm %s] vcpus: allowed are as many as the host has "
			"pCPUs, %u\n", sim->vms[i].conf->name, sim->nr_pcpus);
		return -1;
	}
	naive->slot.fire = on_slot;
	event_set(&sim->queue, &naive->slot, SLOT);
	return runq_refuse_pins(sim, "naive");
}

const struct sched_ops sched_naive = {
	.name = "naive",
	.what = "all vCPUs of a VM at once, idle ones too",
	.flags = SCHED_NO_PLE,
	.state = sizeof(struct naive),
	.vm = sizeof(struct naive_vm),
	.pcpu = sizeof(struct naive_pcpu),
	.begin = naive_begin,
	.join = naive_join,
	.leave = naive_leave,
	.wake = naive_wake,
	.schedule = naive_schedule,
	.steal = naive_steal,
	.tick = naive_tick,
};
