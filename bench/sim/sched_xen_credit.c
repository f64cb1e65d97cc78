// SPDX-License-Identifier: GPL-2.0-only
/*
 * Xen 3.2's credit scheduler, the one of the paper's figures 3 and 4. Written
 * from Cherkasova, Gupta and Vahdat, "Comparison of the three CPU schedulers
 * in Xen", SIGMETRICS Performance Evaluation Review 35(2), 2007, section 2.4;
 * the Xen project's page "Credit Scheduler" (slice, boost); Southern, section 5
 * (vCPUs run independently of each other).
 *
 * Each pCPU has a queue sorted by priority: BOOST, UNDER (credits left), OVER
 * (none). Who runs pays 100 credits if a tick, each 10 ms, finds it running.
 * Each 30 ms the credits of all pCPUs, 300 each, are shared out among the VMs
 * with active vCPUs by weight, and among those vCPUs. A vCPU that wakes and is
 * UNDER is boosted until the next tick finds it. A slice is 30 ms. A pCPU whose
 * best is OVER, or that has nobody, steals who is better from another one's
 * queue. A cap parks a VM's vCPUs while they are in debt.
 *
 * Left out: weights of more than the active vCPUs can use are not shared out
 * again; the balance that keeps credits between periods has no fractions;
 * dom0, whose I/O threads the host's own threads stand for; SMT preferences.
 */

#include "runq.h"
#include "sched.h"

#define TICK	(10 * MS)
#define SLICE	(30 * MS)
#define PER_TICK	100
#define PER_SLICE	300

enum { BOOST, UNDER, OVER };

struct xen_vcpu {
	struct runq_node node;
	s64 credit;
	u32 pri;
	u32 cpu;
	bool active;
	bool parked;
	bool waits;	/* parked, and wants to run */
};

struct xen_pcpu {
	struct runq queue;
	struct event tick;
	struct event slice;
};

struct xen {
	struct event acct;
	u32 dealt;
};

static struct xen_vcpu *xv(struct vcpu *v)
{
	return v->priv;
}

static struct xen_pcpu *xp(struct pcpu *p)
{
	return p->priv;
}

static void queue(struct sim *sim, struct vcpu *v)
{
	if (xv(v)->parked)
		xv(v)->waits = true;
	else
		runq_add(&xp(&sim->pcpus[xv(v)->cpu])->queue, &xv(v)->node, v, xv(v)->pri);
}

/* @p has somebody new: it, or an idle pCPU that steals, has to look. */
static void tickle(struct sim *sim, struct pcpu *p, struct vcpu *v)
{
	u32 i;

	if (!p->cur) {
		host_resched(sim, p);
		return;
	}
	if (xv(v)->pri < xv(p->cur)->pri)
		host_resched(sim, p);
	for (i = 1; i < sim->nr_pcpus; i++) {
		struct pcpu *o = &sim->pcpus[(p->id + i) % sim->nr_pcpus];

		if (o->idle && !o->stolen && cpuset_has(&v->mask, o->id)) {
			host_resched(sim, o);
			return;
		}
	}
}

static void xen_wake(struct sim *sim, struct vcpu *v)
{
	if (xv(v)->pri == UNDER)
		xv(v)->pri = BOOST;
	queue(sim, v);
	if (!xv(v)->parked)
		tickle(sim, &sim->pcpus[xv(v)->cpu], v);
}

static void on_tick(struct sim *sim, void *arg)
{
	struct pcpu *p = arg;
	struct vcpu *v = p->cur;

	sim->here = p;
	event_set(&sim->queue, &xp(p)->tick, sim->now + TICK);
	if (!v)
		return;
	xv(v)->active = true;
	xv(v)->credit -= PER_TICK;
	if (xv(v)->pri == BOOST)
		xv(v)->pri = UNDER;
	if (xp(p)->queue.first && xp(p)->queue.first->key < xv(v)->pri)
		host_resched(sim, p);
}

static void on_slice(struct sim *sim, void *arg)
{
	struct pcpu *p = arg;

	sim->here = p;
	host_resched(sim, p);
}

static void park(struct sim *sim, struct vcpu *v)
{
	if (xv(v)->parked)
		return;
	xv(v)->parked = true;
	xv(v)->waits = xv(v)->node.on;
	runq_del(&xp(&sim->pcpus[xv(v)->cpu])->queue, &xv(v)->node);
	if (v->state == VCPU_RUNNING)
		host_resched(sim, vcpu_pcpu(sim, v));
}

static void unpark(struct sim *sim, struct vcpu *v)
{
	if (!xv(v)->parked)
		return;
	xv(v)->parked = false;
	if (!xv(v)->waits)
		return;
	xv(v)->waits = false;
	queue(sim, v);
	tickle(sim, &sim->pcpus[xv(v)->cpu], v);
}

/* The new credits of a vCPU decide on its priority; who has plenty rests. */
static void vcpu_acct(struct sim *sim, struct vcpu *v, s64 fair, s64 cap)
{
	struct xen_vcpu *x = xv(v);
	u32 pri;

	x->credit += fair;
	if (x->credit < 0) {
		pri = OVER;
		if (cap && x->credit < -cap)
			park(sim, v);
		if (x->credit < -PER_SLICE)
			x->credit = -PER_SLICE;
	} else {
		pri = UNDER;
		unpark(sim, v);
		if (x->credit > PER_SLICE) {
			x->active = false;
			x->credit = 0;
		}
	}
	if (x->pri == BOOST && pri == UNDER)
		return;
	x->pri = pri;
	if (x->node.on) {
		runq_del(&xp(&sim->pcpus[x->cpu])->queue, &x->node);
		queue(sim, v);
	}
}

static u32 nr_active(const struct vm *vm)
{
	u32 i, n = 0;

	for (i = 0; i < vm->nr_vcpus; i++)
		n += xv(&vm->vcpus[i])->active;
	return n;
}

static void vm_acct(struct sim *sim, struct vm *vm, u64 weights)
{
	const struct vm_conf *conf = vm->conf;
	s64 all = (s64)PER_SLICE * sim->nr_pcpus, fair, cap = 0;
	u32 i, n = nr_active(vm);

	if (!n || !weights)
		return;
	fair = (s64)(((u64)all * conf->weight + weights - 1) / weights);
	if (conf->quota) {
		cap = (s64)(conf->quota * PER_SLICE / conf->period);
		fair = fair < cap ? fair : cap;
		cap = cap / n + 1;
	}
	if (fair > (s64)n * PER_SLICE)
		fair = (s64)n * PER_SLICE;
	for (i = 0; i < vm->nr_vcpus; i++)
		if (xv(&vm->vcpus[i])->active)
			vcpu_acct(sim, &vm->vcpus[i], (fair + n - 1) / n, cap);
}

static void on_acct(struct sim *sim, void *arg)
{
	struct xen *xen = sim->priv;
	u64 weights = 0;
	u32 i;

	(void)arg;
	sim->here = NULL;
	event_set(&sim->queue, &xen->acct, sim->now + SLICE);
	for (i = 0; i < sim->nr_vms; i++)
		weights += nr_active(&sim->vms[i]) ? sim->vms[i].conf->weight : 0;
	for (i = 0; i < sim->nr_vms; i++)
		vm_acct(sim, &sim->vms[i], weights);
}

/* Somebody of another pCPU's queue who is better than @pri. */
static struct vcpu *steal_better(struct sim *sim, struct pcpu *p, s64 pri)
{
	struct runq_node *n;
	u32 i;

	for (i = 1; i < sim->nr_pcpus; i++) {
		struct xen_pcpu *o = xp(&sim->pcpus[(p->id + i) % sim->nr_pcpus]);

		for (n = o->queue.first; n && n->key < pri; n = n->next) {
			/* Who has yet to leave its pCPU can not be taken. */
			if (n->v->state != VCPU_READY || !cpuset_has(&n->v->mask, p->id))
				continue;
			runq_del(&o->queue, n);
			xv(n->v)->cpu = p->id;
			return n->v;
		}
	}
	return NULL;
}

static void put_back(struct sim *sim, struct vcpu *prev)
{
	if (prev && prev->wants)
		queue(sim, prev);
}

static struct vcpu *xen_schedule(struct sim *sim, struct pcpu *p, struct vcpu *prev)
{
	struct runq *q = &xp(p)->queue;
	struct runq_node *first;
	struct vcpu *better, *v = NULL;

	put_back(sim, prev);
	first = q->first;
	if (!first || first->key == OVER) {
		better = steal_better(sim, p, first ? OVER : OVER + 1);
		if (better) {
			event_set(&sim->queue, &xp(p)->slice, sim->now + SLICE);
			return better;
		}
	}
	if (first) {
		v = first->v;
		runq_del(q, first);
		event_set(&sim->queue, &xp(p)->slice, sim->now + SLICE);
	} else {
		event_cancel(&sim->queue, &xp(p)->slice);
	}
	return v;
}

static void xen_steal(struct sim *sim, struct pcpu *p, struct vcpu *prev)
{
	put_back(sim, prev);
	event_cancel(&sim->queue, &xp(p)->slice);
}

static void xen_tick(struct sim *sim, struct pcpu *p)
{
	(void)sim;
	(void)p;
}

static void xen_join(struct sim *sim, struct vcpu *v)
{
	struct xen *xen = sim->priv;

	xv(v)->cpu = runq_deal(sim, v, &xen->dealt);
	xv(v)->pri = UNDER;
}

static void xen_leave(struct sim *sim, struct vcpu *v)
{
	runq_del(&xp(&sim->pcpus[xv(v)->cpu])->queue, &xv(v)->node);
	xv(v)->active = false;
	xv(v)->parked = false;
	xv(v)->waits = false;
}

static bool xen_held(struct sim *sim, struct vcpu *v)
{
	(void)sim;
	return xv(v)->parked;
}

static int xen_begin(struct sim *sim)
{
	struct xen *xen = sim->priv;
	u32 i;

	xen->dealt = sim->nr_pcpus - 1;
	xen->acct.fire = on_acct;
	event_set(&sim->queue, &xen->acct, SLICE);
	for (i = 0; i < sim->nr_pcpus; i++) {
		struct xen_pcpu *x = xp(&sim->pcpus[i]);

		x->tick.fire = on_tick;
		x->slice.fire = on_slice;
		x->tick.arg = x->slice.arg = &sim->pcpus[i];
		event_set(&sim->queue, &x->tick, TICK + TICK * i / sim->nr_pcpus);
	}
	return 0;
}

const struct sched_ops sched_xen_credit = {
	.name = "xen-credit",
	.what = "Xen 3's credit scheduler: vCPUs independent of each other, 30 ms slices",
	.flags = SCHED_NO_PLE,
	.state = sizeof(struct xen),
	.vcpu = sizeof(struct xen_vcpu),
	.pcpu = sizeof(struct xen_pcpu),
	.begin = xen_begin,
	.join = xen_join,
	.leave = xen_leave,
	.wake = xen_wake,
	.schedule = xen_schedule,
	.steal = xen_steal,
	.tick = xen_tick,
	.held = xen_held,
};
