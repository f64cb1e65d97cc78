/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A scheduler of the simulated host: one table, one file.
 *
 * The engine (host.c) keeps the truth about who runs where and what it costs; a
 * scheduler only answers. Its own data hangs on @priv of the simulation and of
 * each VM, vCPU and pCPU: zeroed memory of the sizes below, made by the engine.
 * No callback is called within another one.
 */
#ifndef SIM_SCHED_H
#define SIM_SCHED_H

#include "host.h"

enum sched_flags {
	SCHED_NO_PLE	= 1,	/* its host has PAUSE-loop exits switched off */
	SCHED_ALL_OFF	= 2,	/* whatever the scenario says, VMs are independent, */
	SCHED_ALL_GANG	= 4,	/* … gangs */
	SCHED_PROPS	= 8,	/* promises the properties of props.h */
	SCHED_ALL_ADAPTIVE = 16, /* … as the class finds them */
	SCHED_PRESET	= 32,	/* one way to set all VMs: adaptive is held against it */
	SCHED_ALL_PREEMPT = 64,	/* … are preempted when they spin, */
	SCHED_ALL_GUARD	= 128,	/* … not in the guest's kernel */
	SCHED_ALL_RELAXED = 256, /* … are never far ahead of their siblings */
};

/**
 * struct sched_ops - a scheduler
 * @name:	as on the command line
 * @what:	one sentence
 * @lag:	ns, at weight 100, that a VM may be behind and still make up for
 * @state:	bytes of sim->priv; @vm, @vcpu, @pcpu likewise
 * @begin:	before the first event; 0, or -1 after a message
 * @end:	after the last; optional
 * @join:	the vCPU exists from now on; it does not want to run yet
 * @leave:	it will exist no more; it does not run and is not runnable
 * @wake:	it wants to run
 * @schedule:	the pCPU asks whom to run. @prev is who ran until now (NULL: it
 *		was idle); @prev->wants says whether it could go on. If it does
 *		not go on, the scheduler has queued it when this returns. NULL:
 *		nobody
 * @steal:	the host's own thread takes the pCPU from @prev, which may be NULL
 * @idle:	the pCPU has gone idle, or is idle no longer; optional
 * @tick:	each 4 ms while the pCPU is busy
 * @yield_to:	KVM's directed yield: @to, a preempted sibling, would be better
 *		served. True: the pCPU calls the scheduler. NULL: nobody listens
 * @spun:	the vCPU has made its @exits-th PAUSE-loop exit of this stint. True: the
 *		pCPU calls the scheduler. Optional
 * @lost:	the vCPU, which runs again, had lost its pCPU in the guest's kernel
 *		while a sibling ran, or came to run meanwhile. Optional
 * @held:	the vCPU may not run now, by its cap: it does not wait. Optional
 * @kept:	the pCPU stays empty for a vCPU that is idle. Optional
 * @forced:	ns that pCPUs did, by the scheduler's own account. Optional
 * @cell:	the vCPU runs on pCPUs of this cell only, NO_PCPU: on any. Optional
 */
struct sched_ops {
	const char *name;
	const char *what;
	u32 flags;
	u64 lag;
	size_t state;
	size_t vm;
	size_t vcpu;
	size_t pcpu;
	int (*begin)(struct sim *sim);
	void (*end)(struct sim *sim);
	void (*join)(struct sim *sim, struct vcpu *v);
	void (*leave)(struct sim *sim, struct vcpu *v);
	void (*wake)(struct sim *sim, struct vcpu *v);
	struct vcpu *(*schedule)(struct sim *sim, struct pcpu *p, struct vcpu *prev);
	void (*steal)(struct sim *sim, struct pcpu *p, struct vcpu *prev);
	void (*idle)(struct sim *sim, struct pcpu *p, bool idle);
	void (*tick)(struct sim *sim, struct pcpu *p);
	bool (*yield_to)(struct sim *sim, struct vcpu *from, struct vcpu *to);
	bool (*spun)(struct sim *sim, struct vcpu *v, u32 exits);
	void (*lost)(struct sim *sim, struct vcpu *v);
	bool (*held)(struct sim *sim, struct vcpu *v);
	bool (*kept)(struct sim *sim, struct pcpu *p);
	u64 (*forced)(struct sim *sim);
	u32 (*cell)(struct sim *sim, struct vcpu *v);
};

extern const struct sched_ops sched_off, sched_preempt, sched_guard, sched_gang, sched_adaptive,
	sched_relaxed, sched_class;
extern const struct sched_ops sched_eevdf, sched_eevdf_ple;
extern const struct sched_ops sched_xen_credit, sched_xen_sedf;
extern const struct sched_ops sched_esx_strict, sched_esx_relaxed, sched_naive;

/* ns by which a vCPU was ahead of its slowest sibling at most, under an esx-…. */
u64 esx_skew_most(struct sim *sim);

/**
 * struct class_counts - what the class's decisions came to
 * @picks:	calls of vg_pick(); @wakes: of vg_wake()
 * @looks:	nodes of a queue that picks looked at
 * @allocated:	bytes of its state; @used: of the records in use, cells included
 */
struct class_counts {
	u64 picks;
	u64 wakes;
	u64 looks;
	u64 allocated;
	u64 used;
};

struct class_counts class_counts(struct sim *sim);

/* Ends with NULL. */
extern const struct sched_ops *const schedulers[];

/* NULL after a message if there is none. */
const struct sched_ops *sched_find(const char *name);

#endif
