/* SPDX-License-Identifier: GPL-2.0-only */
/* Scenarios: a host, its VMs and what their guests do, read from .ini files. */
#ifndef SIM_SCENARIO_H
#define SIM_SCENARIO_H

#include <stdio.h>

#include "params.h"

#define MAX_GROUPS	64
#define MAX_TEXT	400
#define MAX_NAME	40

enum model {
	MODEL_COMPUTE,
	MODEL_LOCK,
	MODEL_BARRIER,
	MODEL_PIPE,
	MODEL_IDLE,
	MODEL_IO,
	MODEL_DODGE,
	MODEL_STORM,
	MODEL_OMP,
	NR_MODELS,
};

enum ple {
	PLE_NONE,
	PLE_INTEL,
	PLE_AMD,
};

enum lock_order {
	ORDER_TICKET,
	ORDER_QUEUED,
	ORDER_UNFAIR,
};

/* In the order of enum vmgang_isolate. */
enum isolate {
	ISOLATE_OFF,
	ISOLATE_CORE,
};

/* In the order of enum vmgang_guard. */
enum guard {
	GUARD_OFF,
	GUARD_KERNEL,
	GUARD_HINT,
};

/* In the order of enum vmgang_spins. */
enum spin {
	SPIN_OFF,
	SPIN_YIELD,
	SPIN_PREEMPT,
};

enum cosched {
	COSCHED_OFF,
	COSCHED_GANG,
	COSCHED_ADAPTIVE,
	COSCHED_STRICT,
	COSCHED_RELAXED,
};

enum pin {
	PIN_NONE,
	PIN_ALL,	/* every vCPU to the whole set */
	PIN_EACH,	/* vCPU n to the n-th pCPU of the set */
};

/**
 * struct vm_conf - a [vm NAME] section: @count VMs that are alike
 * @reserve_period, @reserve_slice, @extratime: SEDF's, of each vCPU; no slice:
 *		best effort
 * @threads:	vCPUs that do what @model says; 0: all. The others are idle
 * @hint:	ns for which the guest says that it holds a lock
 * @lies:	it says so all the time
 * @answers:	it comes into a safe state when the host asks for that
 * @kernel:	percent of the time that its work spends in the guest's kernel
 * @jitter:	percent by which lengths of work vary
 * @split:	@work is shared out among the threads (strong scaling)
 * @spin_limit:	ns after which who waits halts; 0: never
 * @next:	model for every other phase of @phase ns
 * @hz:		of the guest's own tick
 * @tick:	ns that an idle vCPU runs at each
 */
struct vm_conf {
	char name[MAX_NAME];
	u64 count;
	u64 vcpus;
	u64 weight;
	u64 quota;
	u64 period;
	u64 cosched;
	u64 spin;
	u64 guard;
	u64 guard_for;
	u64 skew;
	u64 isolate;
	u64 hint;
	u64 lies;
	u64 answers;
	u64 slice;
	u64 reserve_period;
	u64 reserve_slice;
	u64 extratime;
	u64 pin;
	struct cpuset pins;
	u64 arrive;
	u64 depart;

	u64 model;
	u64 threads;
	u64 work;
	u64 hold;
	u64 think;
	u64 jitter;
	u64 kernel;
	u64 split;
	u64 spin_limit;
	u64 order;
	u64 depth;
	u64 next;
	u64 phase;
	u64 hz;
	u64 tick;
};

#define MAX_VALUES	16

/* A [figure] section: the scenario is run once for each value and scheduler. */
struct figure_conf {
	char title[MAX_TEXT];
	char vary[MAX_NAME];	/* key of the VMs' sections; empty: no figure */
	char groups[MAX_TEXT];	/* names of those; empty: all */
	char show[MAX_TEXT];	/* names of those that are drawn; empty: all */
	char axis[MAX_TEXT];	/* what the varied key is, in words */
	char paper[MAX_TEXT];	/* what the paper has for each value; -: it does not say */
	char values[MAX_TEXT];
	char schedulers[MAX_TEXT];
	u64 metric;
	u64 normalise;		/* to the first value */
};

enum metric {
	METRIC_TIME,		/* that a given amount of work takes */
	METRIC_RATE,
	METRIC_SHARE,
	METRIC_LATENCY,		/* 99th percentile */
	METRIC_LHP,		/* preemptions with a lock held, percent of all */
};

struct scenario {
	char name[MAX_NAME];
	char shows[MAX_TEXT];
	u64 seconds;		/* ns */
	u64 warmup;
	u64 seed;
	u64 adaptive;		/* a case of `sim figure adaptive` */

	u64 pcpus;
	u64 cell;		/* pCPUs in a cell, 0: all, at most 64 */
	u64 node;		/* pCPUs in a NUMA node, 0: all */
	u64 threads;		/* pCPUs in a core */
	u64 ple;
	u64 host_every;		/* mean ns between the host's own threads; 0: none */
	u64 host_for;

	struct costs costs;
	struct vm_conf vms[MAX_GROUPS];
	u32 nr_vms;
	struct figure_conf figure;
};

void scenario_default(struct scenario *sc);
struct vm_conf *scenario_add_vm(struct scenario *sc, const char *name);

/* 0, or -1 after a message that says what is wrong and what is allowed. */
int scenario_read(struct scenario *sc, const char *path);
int scenario_check(const struct scenario *sc);
/* Set @key of VM section @vm as if the file said so. */
int scenario_set_vm(struct scenario *sc, struct vm_conf *vm, const char *key, const char *value);
void scenario_write(const struct scenario *sc, FILE *f);

/* The @n-th of @words, blank-separated, in @out; false if there are fewer. */
bool word_at(const char *words, u64 n, char *out, size_t size);
u64 scenario_nr_vcpus(const struct scenario *sc);
/* vCPUs that do what the model says. */
u32 vm_conf_threads(const struct vm_conf *vm);
const char *scenario_model_name(u64 model);

#endif
