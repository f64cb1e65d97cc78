// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "run.h"

uint64_t clock_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

int run_problem(struct run *run, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(run->problem, sizeof(run->problem), format, args);
	va_end(args);
	return -1;
}

static bool number(const char *text, char end, unsigned long *value, const char **rest)
{
	char *stop;

	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	*value = strtoul(text, &stop, 10);
	if (errno || (*stop && *stop != end))
		return false;
	*rest = *stop ? stop + 1 : stop;
	return true;
}

int run_argument(struct run *run, const char *const names[2],
		 unsigned long value[2], unsigned long min, unsigned long max)
{
	unsigned long got[2] = { value[0], value[1] };
	const char *rest = run->arg;
	int i;

	if (!run->arg)
		return 0;
	for (i = 0; i < 2 && names[i]; i++)
		if (!number(rest, names[1] && !i ? '/' : '\0', &got[i], &rest) ||
		    got[i] < min || got[i] > max)
			break;
	if ((i < 2 && names[i]) || *rest)
		return run_problem(run, "%s: '%s' is not %s%s%s, from %lu to %lu",
				   run->workload->name, run->arg, names[0],
				   names[1] ? "/" : "", names[1] ? names[1] : "",
				   min, max);
	value[0] = got[0];
	value[1] = got[1];
	return 0;
}

bool run_more(struct worker *worker)
{
	struct run *run = worker->run;

	if (atomic_load_explicit(&run->stop, memory_order_relaxed))
		return false;
	return !run->limit || atomic_fetch_add(&run->claimed, 1) < run->limit;
}

void run_unit(struct worker *worker)
{
	if (worker->run->workload->coarse)
		atomic_store_explicit(&worker->last_ns, clock_ns(), memory_order_relaxed);
	/* only its own thread writes it */
	atomic_store_explicit(&worker->units, worker->units + 1, memory_order_release);
}

static void gate_wait(struct run *run)
{
	pthread_mutex_lock(&run->gate_lock);
	while (!run->open)
		pthread_cond_wait(&run->gate, &run->gate_lock);
	pthread_mutex_unlock(&run->gate_lock);
}

static void *worker_main(void *arg)
{
	struct worker *worker = arg;
	struct run *run = worker->run;

	gate_wait(run);
	run->workload->thread(worker);
	if (atomic_fetch_sub(&run->alive, 1) == 1)
		eventfd_write(run->ended_fd, 1);
	return NULL;
}

/* The nth CPU that this process may use, over and over. */
static int pin(pthread_attr_t *attr, unsigned int n)
{
	cpu_set_t all, one;
	int cpu;

	if (sched_getaffinity(0, sizeof(all), &all))
		return -1;
	n %= CPU_COUNT(&all);
	for (cpu = 0; !CPU_ISSET(cpu, &all) || n--; cpu++)
		;
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	return pthread_attr_setaffinity_np(attr, sizeof(one), &one);
}

static int worker_start(struct run *run, unsigned int index)
{
	struct worker *worker = &run->workers[index];
	pthread_attr_t attr;
	int err;

	worker->run = run;
	worker->index = index;
	if (run->workload->latency) {
		worker->latency = calloc(1, sizeof(*worker->latency));
		if (!worker->latency)
			return run_problem(run, "no memory for latencies");
	}
	if (pthread_attr_init(&attr) || (run->workload->pinned && pin(&attr, index)))
		return run_problem(run, "no CPU for thread %u", index);
	err = pthread_create(&worker->thread, &attr, worker_main, worker);
	pthread_attr_destroy(&attr);
	return err ? run_problem(run, "no thread: %s", strerror(err)) : 0;
}

int run_prepare(struct run *run)
{
	unsigned int i;

	if (run->workload->prepare(run))
		return -1;
	run->nr_workers = !run->workload->thread ? 0 :
			  run->workload->openmp ? 1 : run->threads;
	run->ended_fd = eventfd(0, EFD_CLOEXEC);
	run->workers = aligned_alloc(64, sizeof(*run->workers) * RUN_MAX_THREADS);
	if (run->ended_fd < 0 || !run->workers)
		return run_problem(run, "no memory for threads");
	memset(run->workers, 0, sizeof(*run->workers) * RUN_MAX_THREADS);
	atomic_store(&run->alive, run->nr_workers);
	pthread_mutex_init(&run->gate_lock, NULL);
	pthread_cond_init(&run->gate, NULL);
	for (i = 0; i < run->nr_workers; i++)
		if (worker_start(run, i))
			return -1;
	return 0;
}

void run_go(struct run *run, uint64_t limit)
{
	pthread_mutex_lock(&run->gate_lock);
	run->limit = limit;
	run->go_ns = clock_ns();
	run->open = true;
	pthread_cond_broadcast(&run->gate);
	pthread_mutex_unlock(&run->gate_lock);
}

/*
 * How much of the unit that is under way a thread has probably done: it goes on
 * at the rate that it had so far. Without this, long units would make a rate as
 * coarse as one in their number.
 */
static double begun(const struct run *run, const struct worker *worker,
		    uint64_t units, uint64_t now)
{
	uint64_t last = atomic_load(&worker->last_ns);
	double part;

	if (!run->workload->coarse || run->limit || !units ||
	    last <= run->go_ns || now <= last)
		return 0;
	part = (double)units * (double)(now - last) / (double)(last - run->go_ns);
	return part < 0.99 ? part : 0.99;
}

void run_stop(struct run *run, struct result *result)
{
	struct histogram *all = calloc(1, sizeof(*all));
	uint64_t now = clock_ns(), units;
	unsigned int i;

	memset(result, 0, sizeof(*result));
	for (i = 0; i < run->nr_workers; i++) {
		units = atomic_load(&run->workers[i].units);
		result->units += (double)units +
				 begun(run, &run->workers[i], units, now);
	}
	atomic_store(&run->stop, true);
	if (run->workload->wake)
		run->workload->wake(run);
	if (!all)
		return;
	for (i = 0; i < run->nr_workers && run->workload->latency; i++)
		histogram_merge(all, run->workers[i].latency);
	result->latency = all->total > 0;
	result->p50 = (double)histogram_percentile(all, 50) / 1e3;
	result->p90 = (double)histogram_percentile(all, 90) / 1e3;
	result->p99 = (double)histogram_percentile(all, 99) / 1e3;
	result->max = (double)all->max / 1e3;
	free(all);
}

int run_end(struct run *run)
{
	unsigned int i;

	for (i = 0; i < run->nr_workers; i++)
		pthread_join(run->workers[i].thread, NULL);
	if (run->problem[0])
		return -1;
	return run->workload->verify ? run->workload->verify(run) : 0;
}
