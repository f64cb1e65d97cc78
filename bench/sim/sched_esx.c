// SPDX-License-Identifier: GPL-2.0-only
/*
 * VMware ESX's co-scheduling: esx-strict (ESX 2 and 3.0), esx-relaxed (later).
 * Written from VMware, "ESX scheduler support for SMP VMs: co-scheduling and
 * more", blogs.vmware.com/performance, 2008; Southern, section 4; and, for the
 * quantum of 50 ms, VMware, "The CPU Scheduler in VMware vSphere 5.1", 2013.
 *
 * A VM's vCPUs are scheduled one by one, the VM first whose weighted time is
 * furthest behind. Each 1 ms the progress of siblings is compared: a vCPU makes
 * progress while it runs, or is idle in the guest; idle ones have no pCPU and
 * count as if they ran. Skew is how far one is ahead of the slowest.
 *
 *	strict	 if a skew exceeds the threshold the whole VM is co-stopped, and
 *		 starts again when there are pCPUs for all that want one
 *	relaxed	 only who is ahead is stopped, until the others have caught up
 *
 * The sources say "a few milliseconds" for the threshold: 3 ms assumed. Assumed
 * as well: half of it before a leader may go on; 2 ms before a vCPU is preempted
 * for another VM's sake, if that one is 5 ms behind.
 *
 * Left out: reservations, limits (caps), cells, NUMA, affinity to caches; pins,
 * which it refuses.
 */

#include "runq.h"
#include "sched.h"

#define PERIOD		MS
#define THRESHOLD	(3 * MS)
#define QUANTUM		(50 * MS)
#define GRANULE		(2 * MS)
#define BEHIND		(5 * MS)

struct esx_vm {
	u64 vtime;
	bool stopped;
};

struct esx_vcpu {
	u64 progress;
	bool held;		/* relaxed: ahead of the others */
	struct pcpu *to;	/* it is about to start there */
};

struct esx_pcpu {
	struct vcpu *coming;
	u64 since;		/* charged up to here */
	u64 began;
};

struct esx {
	struct event period;
	bool strict;
	u64 skew_most;
};

static struct esx *esx_of(struct sim *sim)
{
	return sim->priv;
}

static struct esx_vm *xm(struct vm *vm)
{
	return vm->priv;
}

static struct esx_vcpu *xv(struct vcpu *v)
{
	return v->priv;
}

static struct esx_pcpu *xp(struct pcpu *p)
{
	return p->priv;
}

u64 esx_skew_most(struct sim *sim)
{
	return esx_of(sim)->skew_most;
}

static void charge(struct sim *sim, struct pcpu *p)
{
	u64 dt = sim->now - xp(p)->since;

	xp(p)->since = sim->now;
	if (!p->cur)
		return;
	xm(p->cur->vm)->vtime += dt * 100 / p->cur->vm->conf->weight;
	xv(p->cur)->progress += dt;
}

static void charge_all(struct sim *sim)
{
	u32 i;

	for (i = 0; i < sim->nr_pcpus; i++)
		charge(sim, &sim->pcpus[i]);
}

static bool may_run(struct vcpu *v)
{
	return v->state == VCPU_READY && !xv(v)->held && !xv(v)->to && !xm(v->vm)->stopped;
}

/* Of those that may run, one of the VM that is furthest behind. */
static struct vcpu *furthest_behind(struct sim *sim)
{
	struct vcpu *best = NULL;
	u32 i;

	for (i = 0; i < sim->nr_vcpus; i++) {
		struct vcpu *v = &sim->vcpus[i];

		if (!may_run(v))
			continue;
		if (!best || xm(v->vm)->vtime < xm(best->vm)->vtime ||
		    (v->vm == best->vm && xv(v)->progress < xv(best)->progress))
			best = v;
	}
	return best;
}

/* The pCPU that serves @vm best: an idle one, or who runs there is furthest ahead. */
static struct pcpu *claimable(struct sim *sim, struct vm *vm, u32 was)
{
	struct pcpu *best = NULL;
	u64 most = xm(vm)->vtime + BEHIND;
	u32 i;

	if (was != NO_PCPU && sim->pcpus[was].idle && !sim->pcpus[was].stolen &&
	    !xp(&sim->pcpus[was])->coming)
		return &sim->pcpus[was];
	for (i = 0; i < sim->nr_pcpus; i++) {
		struct pcpu *p = &sim->pcpus[i];

		if (p->stolen || xp(p)->coming)
			continue;
		if (p->idle)
			return p;
		if (!p->cur || p->cur->vm == vm || sim->now - xp(p)->began < GRANULE)
			continue;
		if (xm(p->cur->vm)->vtime > most) {
			most = xm(p->cur->vm)->vtime;
			best = p;
		}
	}
	return best;
}

static void claim(struct pcpu *p, struct vcpu *v)
{
	xp(p)->coming = v;
	xv(v)->to = p;
}

static void unclaim(struct pcpu *p)
{
	if (xp(p)->coming)
		xv(xp(p)->coming)->to = NULL;
	xp(p)->coming = NULL;
}

/* Start all of @vm that want to run at once, one of them on @p if it is given. */
static bool co_start(struct sim *sim, struct vm *vm, struct pcpu *p)
{
	struct pcpu *to;
	u32 i;

	for (i = 0; i < vm->nr_vcpus; i++)
		if (vm->vcpus[i].state == VCPU_RUNNING)
			return false;	/* on its way out */
	for (i = 0; i < vm->nr_vcpus; i++) {
		struct vcpu *v = &vm->vcpus[i];

		if (v->state != VCPU_READY)
			continue;
		to = p ? p : claimable(sim, vm, v->pcpu);
		p = NULL;
		if (!to)
			break;
		claim(to, v);
	}
	if (i < vm->nr_vcpus) {
		for (i = 0; i < vm->nr_vcpus; i++)
			if (xv(&vm->vcpus[i])->to)
				unclaim(xv(&vm->vcpus[i])->to);
		return false;
	}
	xm(vm)->stopped = false;
	for (i = 0; i < vm->nr_vcpus; i++) {
		struct vcpu *v = &vm->vcpus[i];

		xv(v)->progress = 0;
		host_costop(sim, v, false);
		if (xv(v)->to && xv(v)->to != sim->here)
			host_resched(sim, xv(v)->to);
	}
	return true;
}

static void co_stop(struct sim *sim, struct vm *vm)
{
	u32 i;

	xm(vm)->stopped = true;
	for (i = 0; i < vm->nr_vcpus; i++) {
		struct vcpu *v = &vm->vcpus[i];

		if (xv(v)->to)
			unclaim(xv(v)->to);
		if (v->state == VCPU_RUNNING)
			host_resched(sim, vcpu_pcpu(sim, v));
		else
			host_costop(sim, v, true);
	}
}

/* The co-stopped VM that is furthest behind. */
static struct vm *next_stopped(struct sim *sim)
{
	struct vm *best = NULL;
	u32 i;

	for (i = 0; i < sim->nr_vms; i++) {
		struct vm *vm = &sim->vms[i];

		if (xm(vm)->stopped && vm->nr_wanting &&
		    (!best || xm(vm)->vtime < xm(best)->vtime))
			best = vm;
	}
	return best;
}

/* Somebody may run who did not: give it a pCPU if one can be had. */
static void offer(struct sim *sim, struct vcpu *v)
{
	struct pcpu *p = claimable(sim, v->vm, v->pcpu);

	if (!p)
		return;
	claim(p, v);
	host_resched(sim, p);
}

/* Stop who is too far ahead of the slowest, let go who is not any more. */
static void relax(struct sim *sim, struct vm *vm, u64 least)
{
	u32 i;

	for (i = 0; i < vm->nr_vcpus; i++) {
		struct vcpu *v = &vm->vcpus[i];
		u64 skew = v->state == VCPU_ABSENT ? 0 : xv(v)->progress - least;
		bool was = xv(v)->held;

		xv(v)->held = skew > (was ? THRESHOLD / 2 : THRESHOLD);
		if (xv(v)->held && v->state == VCPU_RUNNING)
			host_resched(sim, vcpu_pcpu(sim, v));
		if (xv(v)->held && xv(v)->to)
			unclaim(xv(v)->to);
		host_costop(sim, v, xv(v)->held);
		if (was && may_run(v))
			offer(sim, v);
	}
}

static void compare(struct sim *sim, struct vm *vm)
{
	u64 most = 0, least = NEVER, skew;
	u32 i;

	for (i = 0; i < vm->nr_vcpus; i++)
		if (xv(&vm->vcpus[i])->progress > most)
			most = xv(&vm->vcpus[i])->progress;
	for (i = 0; i < vm->nr_vcpus; i++) {
		struct vcpu *v = &vm->vcpus[i];

		if (v->state == VCPU_HALTED || v->state == VCPU_ABSENT)
			xv(v)->progress = most;
		if (xv(v)->progress < least)
			least = xv(v)->progress;
		if (xm(vm)->stopped)
			host_costop(sim, v, true);
	}
	skew = most - least;
	if (skew > esx_of(sim)->skew_most)
		esx_of(sim)->skew_most = skew;
	if (!esx_of(sim)->strict)
		relax(sim, vm, least);
	else if (skew > THRESHOLD && !xm(vm)->stopped)
		co_stop(sim, vm);
}

static void on_period(struct sim *sim, void *arg)
{
	struct vcpu *v;
	struct vm *vm;
	u32 i;

	(void)arg;
	sim->here = NULL;
	event_set(&sim->queue, &esx_of(sim)->period, sim->now + PERIOD);
	charge_all(sim);
	for (i = 0; i < sim->nr_vms; i++)
		compare(sim, &sim->vms[i]);
	vm = next_stopped(sim);
	v = furthest_behind(sim);
	if (vm && (!v || xm(vm)->vtime <= xm(v->vm)->vtime) && co_start(sim, vm, NULL))
		return;
	if (v)
		offer(sim, v);
	for (i = 0; i < sim->nr_pcpus && v; i++)
		if (sim->pcpus[i].cur && sim->now - xp(&sim->pcpus[i])->began >= QUANTUM)
			host_resched(sim, &sim->pcpus[i]);
}

/* A VM that has been idle has no arrears of more than a quantum. */
static void catch_up(struct sim *sim, struct vm *vm)
{
	u64 least = NEVER;
	u32 i;

	for (i = 0; i < sim->nr_vms; i++)
		if (&sim->vms[i] != vm && sim->vms[i].nr_wanting &&
		    xm(&sim->vms[i])->vtime < least)
			least = xm(&sim->vms[i])->vtime;
	if (least != NEVER && xm(vm)->vtime + QUANTUM < least)
		xm(vm)->vtime = least - QUANTUM;
}

static void esx_wake(struct sim *sim, struct vcpu *v)
{
	charge_all(sim);
	if (v->vm->nr_wanting == 1)
		catch_up(sim, v->vm);
	if (may_run(v))
		offer(sim, v);
	else
		host_costop(sim, v, true);
}

static bool goes_on(struct sim *sim, struct pcpu *p, struct vcpu *prev, struct vcpu *best)
{
	if (!prev || !prev->wants || xm(prev->vm)->stopped || xv(prev)->held)
		return false;
	if (!best)
		return true;
	return sim->now - xp(p)->began < QUANTUM &&
	       xm(prev->vm)->vtime <= xm(best->vm)->vtime + BEHIND;
}

static struct vcpu *esx_schedule(struct sim *sim, struct pcpu *p, struct vcpu *prev)
{
	struct vcpu *v = xp(p)->coming;
	struct vm *vm;

	charge(sim, p);
	unclaim(p);
	if (v && v->state == VCPU_READY) {
		xp(p)->began = sim->now;
		return v;
	}
	v = furthest_behind(sim);
	if (goes_on(sim, p, prev, v))
		return prev;
	vm = next_stopped(sim);
	if (vm && (!v || xm(vm)->vtime <= xm(v->vm)->vtime) && co_start(sim, vm, p)) {
		v = xp(p)->coming;
		unclaim(p);
	}
	xp(p)->began = sim->now;
	return v;
}

static void esx_steal(struct sim *sim, struct pcpu *p, struct vcpu *prev)
{
	(void)prev;
	charge(sim, p);
	unclaim(p);
}

static void esx_tick(struct sim *sim, struct pcpu *p)
{
	(void)sim;
	(void)p;
}

static void esx_join(struct sim *sim, struct vcpu *v)
{
	(void)sim;
	(void)v;
}

static void esx_leave(struct sim *sim, struct vcpu *v)
{
	(void)sim;
	if (xv(v)->to)
		unclaim(xv(v)->to);
	xv(v)->held = false;
}

static int esx_begin(struct sim *sim, const char *name, bool strict)
{
	u32 i;

	esx_of(sim)->strict = strict;
	esx_of(sim)->period.fire = on_period;
	event_set(&sim->queue, &esx_of(sim)->period, PERIOD);
	for (i = 0; i < sim->nr_vms && strict; i++) {
		if (sim->vms[i].nr_vcpus <= sim->nr_pcpus)
			continue;
		fprintf(stderr, "sim: %s: [vm %s] vcpus: allowed are as many as the host has "
			"pCPUs, %u\n", name, sim->vms[i].conf->name, sim->nr_pcpus);
		return -1;
	}
	return runq_refuse_pins(sim, name);
}

static int strict_begin(struct sim *sim)
{
	return esx_begin(sim, "esx-strict", true);
}

static int relaxed_begin(struct sim *sim)
{
	return esx_begin(sim, "esx-relaxed", false);
}

/* NOLINTBEGIN(bugprone-macro-parentheses) */
#define ESX(id, says, sentence, how)			\
const struct sched_ops id = {				\
	.name = says,					\
	.what = sentence,				\
	.flags = SCHED_NO_PLE,				\
	.state = sizeof(struct esx),			\
	.vm = sizeof(struct esx_vm),			\
	.vcpu = sizeof(struct esx_vcpu),		\
	.pcpu = sizeof(struct esx_pcpu),		\
	.begin = how,					\
	.join = esx_join,				\
	.leave = esx_leave,				\
	.wake = esx_wake,				\
	.schedule = esx_schedule,			\
	.steal = esx_steal,				\
	.tick = esx_tick,				\
}
/* NOLINTEND(bugprone-macro-parentheses) */

ESX(sched_esx_strict, "esx-strict", "ESX 2 and 3.0: a skewed VM is co-stopped as a whole",
    strict_begin);
ESX(sched_esx_relaxed, "esx-relaxed", "later ESX: only vCPUs that are ahead are stopped",
    relaxed_begin);
