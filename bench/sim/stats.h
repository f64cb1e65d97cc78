/* SPDX-License-Identifier: GPL-2.0-only */
/* What is measured: counters of VMs, vCPUs and the host, and latencies. */
#ifndef SIM_STATS_H
#define SIM_STATS_H

#include <stdio.h>

#include "types.h"

#define HIST_SUB	8	/* buckets for each power of two */
#define HIST_BUCKETS	(64 * HIST_SUB)

struct hist {
	u64 nr;
	u64 sum;
	u64 most;
	u32 bucket[HIST_BUCKETS];
};

void hist_add(struct hist *h, u64 ns);
/* The value that @percent of all do not exceed, to 1/8 of its size. */
u64 hist_percentile(const struct hist *h, u32 percent);

struct vcpu_stats {
	u64 run;		/* run + ready + costop + wait = time present */
	u64 ready;
	u64 costop;
	u64 wait;
	u64 work;		/* of run: useful, spun, lost to switches and exits */
	u64 spun;
	u64 overhead;
	u64 preempted;		/* lost the pCPU though it could go on */
	u64 in_kernel;		/* … while in the guest's kernel */
	u64 holding;		/* … while it held a lock: LHP */
	u64 ple_exits;
	u64 yields;		/* directed yields that were heard */
	u64 switches;
	u64 moves;		/* to another pCPU */
	u64 moves_far;		/* … under another LLC */
	u64 longest;		/* ready or costop, ns */
};

struct vm_stats {
	u64 units;		/* of work done: see the models */
	u64 corun;		/* of run: while a sibling ran as well */
	u64 whole;		/* … while all runnable siblings did */
	struct hist latency;	/* of I/O, arrival to end of the burst */
};

struct host_stats {
	u64 idle;
	u64 stolen;		/* by the host's own threads */
	u64 guarded;		/* time in which a guard made others wait */
	u64 ipis;
	u64 events;
};

struct pcpu;
struct sim;
struct vcpu;
struct vm;

void stats_reset(struct sim *sim);
/* Count up to now, for the state that is about to be left. */
void stats_vcpu(struct sim *sim, struct vcpu *v);
void stats_vm(struct sim *sim, struct vm *vm);
void stats_pcpu(struct sim *sim, struct pcpu *p);
/* Bring everything up to sim->now. */
void stats_settle(struct sim *sim);
/* One line for each VM and one for the host, with or without the names of the columns. */
void stats_tsv(struct sim *sim, FILE *f, bool head);
void stats_table(struct sim *sim, FILE *f);

#endif
