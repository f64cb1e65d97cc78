/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A run: one workload on some threads, from "go" to "stop" or until a number of
 * units is done.
 */
#ifndef VMGANG_BENCH_RUN_H
#define VMGANG_BENCH_RUN_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "histogram.h"

#define RUN_MAX_THREADS	64

struct run;

/* A cache line each: written with every unit, read at the end. */
struct worker {
	_Alignas(64) atomic_uint_least64_t units;
	atomic_uint_least64_t last_ns;		/* when the last one was done */
	struct histogram *latency;		/* NULL: the workload has none */
	struct run *run;
	unsigned int index;
	pthread_t thread;
};

/**
 * struct workload - what a guest does
 * @name: as users say it
 * @unit: what is counted
 * @openmp: one thread is started, and its loops spread over the others
 * @active: OpenMP's waiting threads spin, however long it takes
 * @latency: the duration of each unit is kept
 * @coarse: a unit takes so long that the one begun at the end counts in part
 * @pinned: thread n stays on the nth CPU
 * @prepare: takes @run's argument and makes the data; -1 after run_problem()
 * @thread: works while run_more() says so, and says run_unit() after each unit
 * @wake: makes threads that sleep look at run_more() again
 * @verify: looks at the results when all threads have ended; -1 after
 *	run_problem()
 *
 * All but @name, @unit and @prepare may be missing.
 */
struct workload {
	const char *name;
	const char *unit;
	bool openmp;
	bool active;
	bool latency;
	bool coarse;
	bool pinned;
	int (*prepare)(struct run *run);
	void (*thread)(struct worker *worker);
	void (*wake)(struct run *run);
	int (*verify)(struct run *run);
};

struct run {
	const struct workload *workload;
	unsigned int threads;
	const char *arg;			/* NULL: the default */
	void *data;				/* the workload's */
	char problem[200];
	char note[200];				/* a result that is not a figure */
	struct worker *workers;
	unsigned int nr_workers;
	uint64_t limit;				/* units to do, 0: until the stop */
	uint64_t go_ns;
	atomic_bool stop;
	_Alignas(64) atomic_uint_least64_t claimed;
	atomic_uint alive;			/* threads that have not ended */
	int ended_fd;				/* readable when none is left */
	pthread_mutex_t gate_lock;
	pthread_cond_t gate;
	bool open;
};

/* What a run came to; latencies in microseconds. */
struct result {
	double units;
	bool latency;
	double p50, p90, p99, max;
};

/** run_more() - whether this thread is to do one more unit */
bool run_more(struct worker *worker);

/** run_unit() - this thread has done one */
void run_unit(struct worker *worker);

/** run_problem() - what went wrong, in words for the user; returns -1 */
int run_problem(struct run *run, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/**
 * run_argument() - the numbers of a workload's argument, "A" or "A/B"
 * @run: whose argument
 * @names: what they are, for the error; NULL where there is one only
 * @value: the defaults, replaced by what the argument says
 * @min: least that is allowed
 * @max: most that is allowed
 *
 * Return: 0, or -1 after run_problem()
 */
int run_argument(struct run *run, const char *const names[2],
		 unsigned long value[2], unsigned long min, unsigned long max);

/** run_prepare() - makes the data and threads that wait for run_go() */
int run_prepare(struct run *run);

/** run_go() - lets the threads go, for @limit units or, with 0, until run_stop() */
void run_go(struct run *run, uint64_t limit);

/** run_stop() - takes the count; the threads end when they see it */
void run_stop(struct run *run, struct result *result);

/** run_end() - waits for the threads and has the results verified */
int run_end(struct run *run);

/** clock_ns() - CLOCK_MONOTONIC */
uint64_t clock_ns(void);

#endif
