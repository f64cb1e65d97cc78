// SPDX-License-Identifier: GPL-2.0-only
/*
 * Xen 3's SEDF scheduler: a reservation (period, slice) for each vCPU, earliest
 * deadline first. Written from Cherkasova, Gupta and Vahdat, "Comparison of the
 * three CPU schedulers in Xen", SIGMETRICS Performance Evaluation Review 35(2),
 * 2007, section 2.3, and Diestelhorst's "sEDF scheduler" mini-HOWTO in Xen's
 * docs/misc (defaults of a best-effort domain, extra time).
 *
 * Each pCPU has queues of its own and keeps the vCPUs that were dealt to it:
 * SEDF balances no load. Who has some of its slice left runs, the earliest
 * deadline first; at the deadline the slice is filled up again. What nobody has
 * reserved, or leaves unused, goes to those with `extratime`, in turn of how
 * much extra time they have had, 0.5 ms at a time.
 *
 * Left out: weights of extra time by what was lost while blocked (the "L0"
 * queue), latency scaling, changing a period for who blocks. There is no
 * admission control, as in Xen: reservations of more than a pCPU miss.
 */

#include "runq.h"
#include "sched.h"

#define QUANTUM	(500 * US)

struct sedf_vcpu {
	struct runq_node node;
	struct event period;
	u64 deadline;
	u64 left;		/* of the slice, in this period */
	s64 extra;		/* ns had beyond the slice, by weight */
	u32 cpu;
	bool extratime;		/* runs, or ran last, in extra time */
};

struct sedf_pcpu {
	struct runq reserved;	/* by deadline */
	struct runq extra;	/* by extra time had */
	struct event end;
	u64 since;
	s64 floor;		/* of extra time: who comes late has no arrears */
};

struct sedf {
	u32 dealt;
};

static struct sedf_vcpu *sv(struct vcpu *v)
{
	return v->priv;
}

static struct sedf_pcpu *sp(struct pcpu *p)
{
	return p->priv;
}

static struct sedf_pcpu *home(struct sim *sim, struct vcpu *v)
{
	return sp(&sim->pcpus[sv(v)->cpu]);
}

static void dequeue(struct sim *sim, struct vcpu *v)
{
	struct sedf_pcpu *q = home(sim, v);

	runq_del(sv(v)->extratime ? &q->extra : &q->reserved, &sv(v)->node);
}

/* Where @v waits now; nowhere if its slice is used up and it has no extra time. */
static void queue(struct sim *sim, struct vcpu *v)
{
	struct sedf_pcpu *q = home(sim, v);

	sv(v)->extratime = !sv(v)->left;
	if (sv(v)->left) {
		runq_add(&q->reserved, &sv(v)->node, v, (s64)sv(v)->deadline);
	} else if (v->vm->conf->extratime) {
		if (sv(v)->extra < q->floor)
			sv(v)->extra = q->floor;
		runq_add(&q->extra, &sv(v)->node, v, sv(v)->extra);
	}
}

/* Charge who runs up to now. */
static void charge(struct sim *sim, struct pcpu *p)
{
	u64 dt = sim->now - sp(p)->since;
	struct vcpu *v = p->cur;

	sp(p)->since = sim->now;
	if (!v)
		return;
	if (sv(v)->extratime) {
		sv(v)->extra += (s64)(dt * 100 / v->vm->conf->weight);
		sp(p)->floor = sv(v)->extra > sp(p)->floor + (s64)QUANTUM ?
			sv(v)->extra - (s64)QUANTUM : sp(p)->floor;
	} else {
		sv(v)->left -= dt < sv(v)->left ? dt : sv(v)->left;
	}
}

static void new_period(struct sim *sim, struct vcpu *v)
{
	sv(v)->deadline = sim->now + v->vm->conf->reserve_period;
	sv(v)->left = v->vm->conf->reserve_slice;
	event_set(&sim->queue, &sv(v)->period, sv(v)->deadline);
}

/* The pCPU has to look if @v comes before who runs there. */
static void preempt(struct sim *sim, struct vcpu *v)
{
	struct pcpu *p = &sim->pcpus[sv(v)->cpu];
	struct vcpu *cur = p->cur;

	if (!sv(v)->node.on)
		return;
	if (!cur || (!sv(v)->extratime &&
		     (sv(cur)->extratime || sv(v)->deadline < sv(cur)->deadline)))
		host_resched(sim, p);
}

static void on_period(struct sim *sim, void *arg)
{
	struct vcpu *v = arg;

	sim->here = NULL;
	if (v->state == VCPU_RUNNING) {
		charge(sim, vcpu_pcpu(sim, v));
		new_period(sim, v);
		host_resched(sim, vcpu_pcpu(sim, v));
		return;
	}
	if (v->state != VCPU_READY) {
		sv(v)->left = 0;	/* begun anew when it wakes */
		return;
	}
	dequeue(sim, v);
	new_period(sim, v);
	queue(sim, v);
	preempt(sim, v);
}

static void sedf_wake(struct sim *sim, struct vcpu *v)
{
	if (v->vm->conf->reserve_slice && sim->now >= sv(v)->deadline)
		new_period(sim, v);
	queue(sim, v);
	preempt(sim, v);
}

static void on_end(struct sim *sim, void *arg)
{
	sim->here = arg;
	host_resched(sim, arg);
}

static struct vcpu *sedf_schedule(struct sim *sim, struct pcpu *p, struct vcpu *prev)
{
	struct sedf_pcpu *q = sp(p);
	struct runq_node *n;

	charge(sim, p);
	if (prev && prev->wants)
		queue(sim, prev);
	n = q->reserved.first ? q->reserved.first : q->extra.first;
	if (!n) {
		event_cancel(&sim->queue, &q->end);
		return NULL;
	}
	dequeue(sim, n->v);
	event_set(&sim->queue, &q->end,
		  sim->now + (sv(n->v)->extratime ? QUANTUM : sv(n->v)->left));
	return n->v;
}

static void sedf_steal(struct sim *sim, struct pcpu *p, struct vcpu *prev)
{
	charge(sim, p);
	event_cancel(&sim->queue, &sp(p)->end);
	if (prev && prev->wants)
		queue(sim, prev);
}

static void sedf_tick(struct sim *sim, struct pcpu *p)
{
	(void)sim;
	(void)p;
}

static void sedf_join(struct sim *sim, struct vcpu *v)
{
	struct sedf *sedf = sim->priv;

	sv(v)->cpu = runq_deal(sim, v, &sedf->dealt);
	sv(v)->period.fire = on_period;
	sv(v)->period.arg = v;
}

static void sedf_leave(struct sim *sim, struct vcpu *v)
{
	dequeue(sim, v);
	event_cancel(&sim->queue, &sv(v)->period);
}

static int sedf_begin(struct sim *sim)
{
	struct sedf *sedf = sim->priv;
	u32 i;

	sedf->dealt = sim->nr_pcpus - 1;
	for (i = 0; i < sim->nr_pcpus; i++) {
		sp(&sim->pcpus[i])->end.fire = on_end;
		sp(&sim->pcpus[i])->end.arg = &sim->pcpus[i];
	}
	return 0;
}

/* Its slice is used up, and it may not run on what others leave. */
static bool sedf_held(struct sim *sim, struct vcpu *v)
{
	(void)sim;
	return !sv(v)->left && !v->vm->conf->extratime;
}

const struct sched_ops sched_xen_sedf = {
	.name = "xen-sedf",
	.what = "Xen 3's SEDF: a slice in each period, the rest as extra time, no balancing",
	.flags = SCHED_NO_PLE,
	.state = sizeof(struct sedf),
	.vcpu = sizeof(struct sedf_vcpu),
	.pcpu = sizeof(struct sedf_pcpu),
	.begin = sedf_begin,
	.join = sedf_join,
	.leave = sedf_leave,
	.wake = sedf_wake,
	.schedule = sedf_schedule,
	.steal = sedf_steal,
	.tick = sedf_tick,
	.held = sedf_held,
};
