/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The host: pCPUs with a tick, in cells and NUMA nodes; vCPU threads that run,
 * sleep and wake; the host's own threads. The engine below every scheduler.
 */
#ifndef SIM_HOST_H
#define SIM_HOST_H

#include "event.h"
#include "guest.h"
#include "scenario.h"
#include "stats.h"

#define NO_PCPU	(~0U)

struct sched_ops;
struct props;

enum vcpu_state {
	VCPU_ABSENT,
	VCPU_HALTED,
	VCPU_READY,
	VCPU_RUNNING,
};

/**
 * struct vcpu - a thread of the host
 * @wants:	it could run: false as soon as its guest halts or it departs
 * @costop:	READY, and held back for its siblings' sake
 * @stops:	RUNNING: … will be, as soon as it is READY
 * @pcpu:	where it runs, or ran last; NO_PCPU before
 * @debt:	ns of overhead to be paid before the guest makes progress
 * @from:	RUNNING: progress is counted up to here
 * @since:	statistics are counted up to here
 * @waiting:	READY since
 * @held:	co-stopped since
 * @progress:	the end of what the guest does now
 * @timer:	wakes it
 * @exits:	PAUSE-loop exits of its present stint
 * @yields:	it gives its pCPU to a sibling by a directed yield
 * @lost:	lost its pCPU in the guest's kernel
 * @starts:	… the VM's then; NEVER: a sibling ran on
 * @priv:	the scheduler's
 */
struct vcpu {
	struct vm *vm;
	u32 id;
	u32 index;
	enum vcpu_state state;
	bool wants;
	bool leaving;
	bool costop;
	bool stops;
	bool yields;
	bool lost;
	u32 pcpu;
	u32 exits;
	u64 debt;
	u64 from;
	u64 since;
	u64 waiting;
	u64 held;
	u64 starts;
	struct cpuset mask;
	struct event progress;
	struct event timer;
	struct event life;
	struct guest_vcpu g;
	struct vcpu_stats stats;
	struct rng rng;
	void *priv;
};

struct vm {
	const struct vm_conf *conf;
	u32 id;
	u32 group;
	u32 nr_vcpus;
	u32 threads;
	struct vcpu *vcpus;
	u32 nr_running;
	u32 nr_wanting;
	u64 starts;		/* stints of its vCPUs, so far */
	u64 since;		/* corun and whole are counted up to here */
	struct guest_vm g;
	struct vm_stats stats;
	struct rng rng;
	struct event phase;
	void *priv;
};

struct pcpu {
	u32 id;
	u32 cell;
	u32 node;
	u32 core;		/* its lowest sibling */
	struct vcpu *cur;
	struct vcpu *last;	/* that ran before */
	bool idle;
	bool stolen;		/* a thread of the host has it */
	u64 since;		/* idle or stolen is counted up to here */
	u64 idle_since;
	u64 switched;		/* from or to a vCPU */
	struct event resched;
	struct event tick;
	struct event host;	/* the host's thread comes or goes */
	struct rng rng;
	void *priv;
};

struct sim {
	u64 now;
	u64 end;
	struct event_queue queue;
	const struct scenario *sc;
	const struct costs *cost;
	const struct sched_ops *ops;
	void *priv;
	struct pcpu *pcpus;
	u32 nr_pcpus;
	u32 nr_cells;
	struct vm *vms;
	u32 nr_vms;
	struct vcpu *vcpus;
	u32 nr_vcpus;
	struct pcpu *here;	/* whose code runs; NULL: a timer's */
	struct event warm;
	u64 warm_at;		/* statistics begin here */
	struct host_stats stats;
	struct props *props;	/* NULL: properties are not watched */
	FILE *trace;
	bool failed;
	bool progress;		/* say on stderr how far it is */
};

/* A simulation of @sc under @ops that has not begun; NULL after a message. */
struct sim *sim_new(const struct scenario *sc, const struct sched_ops *ops);
/* Run to the end, or to the first property that is violated. */
void sim_run(struct sim *sim);
void sim_free(struct sim *sim);

/* For schedulers */

/* Let @p call the scheduler: now if it is the one that speaks, else after an IPI. */
void host_resched(struct sim *sim, struct pcpu *p);
void host_costop(struct sim *sim, struct vcpu *v, bool held);
/* Forget what the vCPU has not paid for yet; bring its progress up to now. */
void host_account(struct sim *sim, struct vcpu *v);

/* For guests */

/* The guest has changed what @v does: see to its end. */
void host_rearm(struct sim *sim, struct vcpu *v);
/* @v has nothing to do until it is woken, or until @until. */
void host_halt(struct sim *sim, struct vcpu *v, u64 until);
/* Another vCPU sends @v an interrupt. */
void host_interrupt(struct sim *sim, struct vcpu *v);
void host_yield_to(struct sim *sim, struct vcpu *from);
u64 host_next_tick(struct sim *sim, u32 pcpu);

static inline struct pcpu *vcpu_pcpu(struct sim *sim, const struct vcpu *v)
{
	return v->pcpu == NO_PCPU ? NULL : &sim->pcpus[v->pcpu];
}

#endif
