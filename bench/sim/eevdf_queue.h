/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A level of EEVDF: entities with weights, who of them is eligible, and who is
 * next (Stoica and Abdel-Wahab 1995; kernel/sched/fair.c).
 */
#ifndef SIM_EEVDF_QUEUE_H
#define SIM_EEVDF_QUEUE_H

#include "host.h"

__extension__ typedef __int128 s128;

#define WEIGHT_ONE	1024

/* An entity: a group on a pCPU's queue, or a vCPU in a group. */
struct se {
	s64 vruntime;
	s64 deadline;
	s64 vlag;		/* while it is not queued */
	s64 v_left;		/* its queue's average then */
	s64 protect;		/* its deadline when it was picked */
	u64 weight;
	bool on;
	struct se *next;
	struct se *prev;
	void *owner;
};

struct queue {
	struct se *first;
	struct se *cur;
	s64 base;		/* the average, while the queue is empty */
	u32 nr;
};

static inline u64 slice_of(struct sim *sim)
{
	u32 n = sim->nr_pcpus < 8 ? sim->nr_pcpus : 8, log = 0;

	while (n >>= 1)
		log++;
	return sim->cost->eevdf_slice_ns * (1 + log);
}

static inline s64 scaled(u64 ns, u64 weight)
{
	return (s64)(ns * WEIGHT_ONE / weight);
}

/* The weighted average of where all of the queue are. */
static inline s64 average(const struct queue *q)
{
	s128 sum = 0;
	const struct se *e;
	s64 base;
	u64 weights = 0;

	if (!q->first)
		return q->base;
	base = q->first->vruntime;
	for (e = q->first; e; e = e->next) {
		sum += (s128)(e->vruntime - base) * (s64)e->weight;
		weights += e->weight;
	}
	return base + (s64)(sum / (s64)weights);
}

static inline void link_se(struct queue *q, struct se *e)
{
	e->prev = NULL;
	e->next = q->first;
	if (q->first)
		q->first->prev = e;
	q->first = e;
	q->nr++;
	e->on = true;
}

static inline void unlink_se(struct queue *q, struct se *e)
{
	q->base = average(q);
	if (e->prev)
		e->prev->next = e->next;
	else
		q->first = e->next;
	if (e->next)
		e->next->prev = e->prev;
	if (q->cur == e)
		q->cur = NULL;
	q->nr--;
	e->on = false;
}

/* Queue @e where its lag says, widened by what its own weight will do. */
static inline void place(struct sim *sim, struct queue *q, struct se *e)
{
	s64 avg = average(q), lag = e->vlag, most = 2 * scaled(slice_of(sim), e->weight);
	u64 weights = 0;
	struct se *o;

	if (lag < 0) {
		lag += avg - e->v_left > 0 ? avg - e->v_left : 0;
		lag = lag < 0 ? lag : 0;
	}
	lag = lag > most ? most : lag < -most ? -most : lag;
	for (o = q->first; o; o = o->next)
		weights += o->weight;
	if (weights)
		lag += lag * (s64)e->weight / (s64)weights;
	e->vruntime = avg - lag;
	e->deadline = e->vruntime + scaled(slice_of(sim), e->weight);
	link_se(q, e);
}

static inline void take(struct queue *q, struct se *e)
{
	s64 avg = average(q);

	e->vlag = avg - e->vruntime;
	e->v_left = avg;
	unlink_se(q, e);
}

static inline struct se *pick(struct queue *q, struct se *buddy)
{
	s64 avg = average(q);
	struct se *e, *best = NULL;

	if (buddy && buddy->on && buddy->vruntime <= avg)
		return buddy;
	if (q->cur && q->cur->on && q->cur->vruntime <= avg && q->cur->deadline == q->cur->protect)
		return q->cur;
	for (e = q->first; e; e = e->next)
		if (e->vruntime <= avg && (!best || e->deadline < best->deadline))
			best = e;
	for (e = q->first; e && !best; e = e->next)
		if (e->vruntime == avg || !e->next)
			best = e;
	return best;
}

static inline void set_cur(struct queue *q, struct se *e)
{
	q->cur = e;
	if (e)
		e->protect = e->deadline;
}

/* An eligible entity that yields gives up what is left of its slice (Linux 6.19). */
static inline void forfeit(struct sim *sim, struct queue *q, struct se *e)
{
	if (e->vruntime > average(q))
		return;
	e->vruntime = e->deadline;
	e->deadline += scaled(slice_of(sim), e->weight);
}

#endif
