// SPDX-License-Identifier: GPL-2.0-only
/*
 * Linux's default scheduler, as far as it decides where vCPUs run: the
 * yardstick. Written from its documented behaviour (Stoica and Abdel-Wahab
 * 1995, Earliest Eligible Virtual Deadline First; kernel/sched/fair.c of 6.12).
 *
 * Each pCPU has a run queue of groups, one for each VM that has a vCPU there,
 * and each group a queue of vCPUs. A group's weight on a pCPU is the VM's,
 * shared out by where its runnable vCPUs are. At each level the entity runs
 * that is eligible (not ahead of the weighted average) and has the earliest
 * deadline; who runs keeps the pCPU until its slice is used up, unless it is
 * no longer eligible (RUN_TO_PARITY). Slices end on ticks.
 *
 * Lag is kept over sleep; what is negative decays while others run, as with
 * delayed dequeueing. A vCPU wakes on its previous pCPU, or on an idle one that
 * shares its cache. Who goes idle pulls; busy pCPUs balance at intervals, and
 * ask idle ones to pull at each tick.
 *
 * Not modelled: PELT's averages (loads are those of the moment), core
 * scheduling, NUMA balancing, misfits, bandwidth slices of 5 ms.
 */

#include <stdlib.h>
#include <string.h>

#include "eevdf_queue.h"
#include "sched.h"

struct group {
	struct se se;
	struct queue queue;
	struct vm *vm;
	u32 pcpu;
};

struct eevdf_vm {
	struct group **groups;	/* by pCPU */
	u32 nr;			/* vCPUs queued or running anywhere */
	s64 tokens;
	bool throttled;
	struct event refill;
	struct vm *vm;
};

struct eevdf_vcpu {
	struct se se;
	u32 cpu;
	u32 born;		/* where it was made */
	bool queued;		/* on cpu's queue, running included */
	u64 last;		/* ran last */
};

struct eevdf_pcpu {
	struct queue queue;
	u32 nr;			/* vCPUs */
	u32 made;		/* … that began here and are still there */
	struct vcpu *cur;
	u64 since;		/* charged up to here */
	u64 balance;		/* the next periodic balance */
	struct se *buddy;	/* a directed yield's */
};

static struct eevdf_vm *em(struct vm *vm)
{
	return vm->priv;
}

static struct eevdf_vcpu *ev(struct vcpu *v)
{
	return v->priv;
}

static struct eevdf_pcpu *ep(struct pcpu *p)
{
	return p->priv;
}

static struct group *group_of(struct vm *vm, u32 cpu)
{
	struct group **g = &em(vm)->groups[cpu];

	if (!*g) {
		*g = calloc(1, sizeof(**g));
		if (!*g) {
			perror("sim");
			exit(1);
		}
		(*g)->vm = vm;
		(*g)->pcpu = cpu;
		(*g)->se.owner = *g;
		(*g)->se.weight = WEIGHT_ONE;
	}
	return *g;
}

/* A VM's weight on this pCPU: its part of the VM's runnable vCPUs. */
static void reweigh(struct group *g)
{
	u64 w = g->vm->conf->weight * WEIGHT_ONE / 100;

	w = em(g->vm)->nr ? w * g->queue.nr / em(g->vm)->nr : w;
	g->se.weight = w < 2 ? 2 : w;
}

static void throttle(struct sim *sim, struct vm *vm);

/* Charge who runs on @p up to now; true if its slice is over. */
static bool update(struct sim *sim, struct pcpu *p)
{
	struct eevdf_pcpu *q = ep(p);
	u64 dt = sim->now - q->since;
	struct group *g;
	bool over = false;
	struct se *e;

	q->since = sim->now;
	if (!q->cur || !dt)
		return false;
	g = group_of(q->cur->vm, p->id);
	for (e = &ev(q->cur)->se;; e = &g->se) {
		e->vruntime += scaled(dt, e->weight);
		if (e->vruntime >= e->deadline) {
			e->deadline = e->vruntime + scaled(slice_of(sim), e->weight);
			over = true;
		}
		if (e == &g->se)
			break;
	}
	ev(q->cur)->last = sim->now;
	if (g->vm->conf->quota) {
		em(g->vm)->tokens -= (s64)dt;
		if (em(g->vm)->tokens <= 0 && !em(g->vm)->throttled)
			throttle(sim, g->vm);
	}
	return over;
}

static void group_on(struct sim *sim, struct pcpu *p, struct group *g)
{
	if (!g->se.on && g->queue.nr && !em(g->vm)->throttled) {
		reweigh(g);
		place(sim, &ep(p)->queue, &g->se);
	}
}

static void group_off(struct pcpu *p, struct group *g)
{
	if (g->se.on)
		take(&ep(p)->queue, &g->se);
}

static void throttle(struct sim *sim, struct vm *vm)
{
	u32 i;

	em(vm)->throttled = true;
	for (i = 0; i < sim->nr_pcpus; i++) {
		struct pcpu *p = &sim->pcpus[i];

		if (!em(vm)->groups[i])
			continue;
		group_off(p, em(vm)->groups[i]);
		if (ep(p)->cur && ep(p)->cur->vm == vm)
			host_resched(sim, p);
	}
}

static void on_refill(struct sim *sim, void *arg)
{
	struct eevdf_vm *m = arg;
	s64 quota = (s64)m->vm->conf->quota;
	u32 i;

	sim->here = NULL;
	m->tokens = m->tokens + quota < quota ? m->tokens + quota : quota;
	event_set(&sim->queue, &m->refill, sim->now + m->vm->conf->period);
	if (!m->throttled || m->tokens <= 0)
		return;
	m->throttled = false;
	for (i = 0; i < sim->nr_pcpus; i++) {
		if (!m->groups[i] || !m->groups[i]->queue.nr)
			continue;
		group_on(sim, &sim->pcpus[i], m->groups[i]);
		host_resched(sim, &sim->pcpus[i]);
	}
}

static void enqueue(struct sim *sim, struct vcpu *v, u32 cpu)
{
	struct pcpu *p = &sim->pcpus[cpu];
	struct group *g = group_of(v->vm, cpu);

	update(sim, p);
	ev(v)->cpu = cpu;
	ev(v)->queued = true;
	place(sim, &g->queue, &ev(v)->se);
	em(v->vm)->nr++;
	ep(p)->nr++;
	if (g->se.on)
		reweigh(g);
	else
		group_on(sim, p, g);
}

static void dequeue(struct sim *sim, struct vcpu *v)
{
	struct pcpu *p = &sim->pcpus[ev(v)->cpu];
	struct group *g = group_of(v->vm, p->id);

	update(sim, p);
	if (ep(p)->cur == v)
		ep(p)->cur = NULL;
	if (ep(p)->buddy == &ev(v)->se)
		ep(p)->buddy = NULL;
	take(&g->queue, &ev(v)->se);
	ev(v)->queued = false;
	em(v->vm)->nr--;
	ep(p)->nr--;
	if (!g->queue.nr)
		group_off(p, g);
	else
		reweigh(g);
}

/* What @v adds to the load of its pCPU. */
static u64 load_of(struct vcpu *v)
{
	u32 n = em(v->vm)->nr;

	return v->vm->conf->weight * WEIGHT_ONE / (n ? n : 1);
}

static u64 pcpu_load(struct sim *sim, struct pcpu *p)
{
	u64 load = 0;
	struct se *g, *e;

	(void)sim;
	for (g = ep(p)->queue.first; g; g = g->next)
		for (e = ((struct group *)g->owner)->queue.first; e; e = e->next)
			load += load_of(e->owner);
	return load;
}

static bool is_free(struct pcpu *p)
{
	return p->idle && !p->stolen && !ep(p)->nr;
}

static u32 select_pcpu(struct sim *sim, struct vcpu *v)
{
	u32 was = ev(v)->cpu, i, n = sim->nr_pcpus;

	if (cpuset_has(&v->mask, was) && is_free(&sim->pcpus[was]))
		return was;
	for (i = 1; i < n; i++) {
		u32 at = (was + i) % n;

		if (sim->pcpus[at].cell == sim->pcpus[was].cell && cpuset_has(&v->mask, at) &&
		    is_free(&sim->pcpus[at]))
			return at;
	}
	return was;
}

/* May @v, which waits on another pCPU, come to @p? */
static bool can_move(struct sim *sim, struct vcpu *v, struct pcpu *p)
{
	return v->state == VCPU_READY && cpuset_has(&v->mask, p->id) && ev(v)->queued &&
	       ep(&sim->pcpus[ev(v)->cpu])->cur != v && !em(v->vm)->throttled;
}

/* The vCPU of @from that @p had best take, whose load is at most @most. */
static struct vcpu *find_movable(struct sim *sim, struct pcpu *from, struct pcpu *p, u64 most,
				 bool hot)
{
	struct se *g, *e;

	for (g = ep(from)->queue.first; g; g = g->next) {
		for (e = ((struct group *)g->owner)->queue.first; e; e = e->next) {
			struct vcpu *v = e->owner;

			if (!can_move(sim, v, p) || load_of(v) / 2 > most)
				continue;
			if (!hot && sim->now - ev(v)->last < sim->cost->migration_hot_ns)
				continue;
			return v;
		}
	}
	return NULL;
}

/* Move one vCPU to @p from the most loaded pCPU within reach; near ones first. */
static bool pull(struct sim *sim, struct pcpu *p, bool idle)
{
	u64 mine = pcpu_load(sim, p);
	u32 level, i;

	for (level = 0; level < 3; level++) {
		struct pcpu *busiest = NULL;
		struct vcpu *v;
		u64 load, most = 0;

		for (i = 0; i < sim->nr_pcpus; i++) {
			struct pcpu *o = &sim->pcpus[i];

			if (o == p || ep(o)->nr < 2 || (level == 0 && o->cell != p->cell) ||
			    (level == 1 && o->node != p->node))
				continue;
			load = pcpu_load(sim, o);
			if (load > most) {
				most = load;
				busiest = o;
			}
		}
		if (!busiest || (!idle && most * 100 <= mine * 117))
			continue;
		v = find_movable(sim, busiest, p, idle ? ~0ULL : (most - mine) / 2, idle);
		if (!v)
			continue;
		dequeue(sim, v);
		enqueue(sim, v, p->id);
		return true;
	}
	return false;
}

/* Does whoever has been queued on @p run before who runs there? */
static void check_preempt(struct sim *sim, struct pcpu *p, struct vcpu *v)
{
	struct vcpu *cur = ep(p)->cur;
	struct group *g = group_of(v->vm, p->id);

	update(sim, p);
	if (!cur || !g->se.on) {
		host_resched(sim, p);
		return;
	}
	if (cur->vm == v->vm ? pick(&g->queue, NULL) == &ev(v)->se :
	    pick(&ep(p)->queue, NULL) == &g->se)
		host_resched(sim, p);
}

static void eevdf_wake(struct sim *sim, struct vcpu *v)
{
	u32 cpu = select_pcpu(sim, v);

	enqueue(sim, v, cpu);
	check_preempt(sim, &sim->pcpus[cpu], v);
}

static struct vcpu *pick_vcpu(struct sim *sim, struct pcpu *p)
{
	struct eevdf_pcpu *q = ep(p);
	struct vcpu *buddy = q->buddy ? q->buddy->owner : NULL, *v;
	struct group *g;
	struct se *e;

	e = pick(&q->queue, buddy ? &group_of(buddy->vm, p->id)->se : NULL);
	if (!e)
		return NULL;
	g = e->owner;
	set_cur(&q->queue, e);
	e = pick(&g->queue, q->buddy);
	q->buddy = NULL;
	set_cur(&g->queue, e);
	v = e->owner;
	q->cur = v;
	q->since = sim->now;
	return v;
}

static struct vcpu *eevdf_schedule(struct sim *sim, struct pcpu *p, struct vcpu *prev)
{
	struct vcpu *next;

	update(sim, p);
	if (prev && !prev->wants && ev(prev)->queued)
		dequeue(sim, prev);
	ep(p)->cur = NULL;
	next = pick_vcpu(sim, p);
	if (!next && pull(sim, p, true))
		next = pick_vcpu(sim, p);
	return next;
}

static void eevdf_steal(struct sim *sim, struct pcpu *p, struct vcpu *prev)
{
	update(sim, p);
	if (prev && !prev->wants && ev(prev)->queued)
		dequeue(sim, prev);
	ep(p)->cur = NULL;
}

static void eevdf_tick(struct sim *sim, struct pcpu *p)
{
	struct eevdf_pcpu *q = ep(p);
	bool over = update(sim, p);
	u32 i;

	if (q->cur && group_of(q->cur->vm, p->id)->se.on)
		reweigh(group_of(q->cur->vm, p->id));
	if (over && q->nr > 1)
		host_resched(sim, p);
	if (q->nr > 1) {
		for (i = 1; i < sim->nr_pcpus; i++) {
			struct pcpu *o = &sim->pcpus[(p->id + i) % sim->nr_pcpus];

			if (is_free(o) && pull(sim, o, true)) {
				host_resched(sim, o);
				break;
			}
		}
	}
	/* Busy pCPUs balance each 16 ms for each pCPU of the cell. */
	if (sim->now >= q->balance) {
		q->balance = sim->now + 16 * MS * sim->sc->cell;
		if (q->balance > sim->now + SEC)
			q->balance = sim->now + SEC;
		pull(sim, p, false);
	}
}

/*
 * The spinner forfeits its turn; the sibling is next where it waits. The turn is
 * lost to other VMs, too: from 7.3 on all vCPUs are picked from one level
 * (Zijlstra, "sched: Flatten the pick", lkml, May 2026).
 */
static bool eevdf_yield_to(struct sim *sim, struct vcpu *from, struct vcpu *to)
{
	struct pcpu *p = &sim->pcpus[ev(to)->cpu], *here = vcpu_pcpu(sim, from);
	struct group *g = group_of(from->vm, here->id);

	if (!ev(to)->queued || em(to->vm)->throttled)
		return false;
	ep(p)->buddy = &ev(to)->se;
	update(sim, here);
	forfeit(sim, &g->queue, &ev(from)->se);
	forfeit(sim, &ep(here)->queue, &g->se);
	if (p != here)
		host_resched(sim, p);
	return true;
}

static bool eevdf_held(struct sim *sim, struct vcpu *v)
{
	(void)sim;
	return em(v->vm)->throttled;
}

/*
 * A new thread goes where there are fewest. The threads of a VM are made one
 * after the other, before those of the next VM: siblings begin apart.
 */
static u32 fork_pcpu(struct sim *sim, struct vcpu *v)
{
	u32 i, best = NO_PCPU;

	for (i = 0; i < sim->nr_pcpus; i++)
		if (cpuset_has(&v->mask, i) &&
		    (best == NO_PCPU || ep(&sim->pcpus[i])->made < ep(&sim->pcpus[best])->made))
			best = i;
	return best;
}

static void eevdf_join(struct sim *sim, struct vcpu *v)
{
	struct eevdf_vm *m = em(v->vm);

	ev(v)->cpu = fork_pcpu(sim, v);
	ev(v)->born = ev(v)->cpu;
	ep(&sim->pcpus[ev(v)->born])->made++;

	ev(v)->se.weight = WEIGHT_ONE;
	ev(v)->se.owner = v;
	if (!v->vm->conf->quota || event_is_set(&m->refill))
		return;
	m->vm = v->vm;
	m->tokens = (s64)v->vm->conf->quota;
	m->refill.fire = on_refill;
	m->refill.arg = m;
	event_set(&sim->queue, &m->refill, sim->now + v->vm->conf->period);
}

static void eevdf_leave(struct sim *sim, struct vcpu *v)
{
	ep(&sim->pcpus[ev(v)->born])->made--;
	if (ev(v)->queued)
		dequeue(sim, v);
}

static int eevdf_begin(struct sim *sim)
{
	u32 i;

	for (i = 0; i < sim->nr_vms; i++) {
		em(&sim->vms[i])->groups = calloc(sim->nr_pcpus, sizeof(struct group *));
		if (!em(&sim->vms[i])->groups) {
			perror("sim: eevdf");
			return -1;
		}
	}
	return 0;
}

static void eevdf_end(struct sim *sim)
{
	u32 i, k;

	for (i = 0; i < sim->nr_vms; i++) {
		struct group **groups = em(&sim->vms[i])->groups;

		for (k = 0; groups && k < sim->nr_pcpus; k++)
			free(groups[k]);
		free(groups);
	}
}

/* NOLINTBEGIN(bugprone-macro-parentheses) */
#define EEVDF(id, says, sentence, bits, yield)		\
const struct sched_ops id = {				\
	.name = says,					\
	.what = sentence,				\
	.flags = bits,					\
	.vm = sizeof(struct eevdf_vm),			\
	.vcpu = sizeof(struct eevdf_vcpu),		\
	.pcpu = sizeof(struct eevdf_pcpu),		\
	.begin = eevdf_begin,				\
	.end = eevdf_end,				\
	.join = eevdf_join,				\
	.leave = eevdf_leave,				\
	.wake = eevdf_wake,				\
	.schedule = eevdf_schedule,			\
	.steal = eevdf_steal,				\
	.tick = eevdf_tick,				\
	.yield_to = yield,				\
	.held = eevdf_held,				\
}
/* NOLINTEND(bugprone-macro-parentheses) */

EEVDF(sched_eevdf, "eevdf", "Linux's default scheduler, PAUSE-loop exits off", SCHED_NO_PLE,
      NULL);
EEVDF(sched_eevdf_ple, "eevdf-ple", "… with PAUSE-loop exits, if the host has them", 0,
      eevdf_yield_to);
