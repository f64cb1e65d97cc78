// SPDX-License-Identifier: GPL-2.0-only
/*
 * work WORKLOAD THREADS [ARGUMENT]: runs one workload, told by lines on its
 * standard input, and telling on its standard output:
 *
 *	-> ready
 *	<- go [UNITS]
 *	<- stop
 *	-> stopped		the count is taken; the host's clock stops here
 *	-> note TEXT		a result that is not a figure
 *	-> done UNITS P50 P90 P99 MAX	microseconds, or -
 *	-> error TEXT		at any time, and then nothing more
 *
 * The thread that listens goes before those that work, or a stop would be heard
 * when the work lets it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "workload.h"

/* It waits for the first character only: a line is written at once. */
static int fail(const char *problem)
{
	printf("error %s\n", problem);
	return 1;
}

/*
 * OpenMP's library reads these before main(). A thread has its CPU, and waits
 * there; with the library's default it spins for a while and then sleeps.
 */
static void openmp_environment(const struct workload *w, const char *threads, char **argv)
{
	if (!w->openmp || getenv("OMP_NUM_THREADS"))
		return;
	setenv("OMP_NUM_THREADS", threads, 1);
	setenv("OMP_DYNAMIC", "false", 1);
	setenv("OMP_PROC_BIND", "true", 1);
	if (w->active)
		setenv("OMP_WAIT_POLICY", "active", 1);
	execv("/proc/self/exe", argv);
	perror("work: /proc/self/exe");
}

static void be_heard(void)
{
	const struct sched_param first = { .sched_priority = 1 };

	/* without the right to it, it waits its turn */
	sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &first);
}

/* false: the host has gone */
static bool listen_for(const char *word, unsigned long long *units)
{
	char line[64];

	if (!fgets(line, sizeof(line), stdin))
		return false;
	if (strncmp(line, word, strlen(word)) != 0)
		return false;
	if (units)
		*units = strtoull(line + strlen(word), NULL, 10);
	return true;
}

/* Until the host says stop, or nothing is left to do; without threads, until stop. */
static bool wait_for_stop(struct run *run)
{
	struct pollfd fds[] = {
		{ .fd = STDIN_FILENO, .events = POLLIN },
		{ .fd = run->nr_workers ? run->ended_fd : -1, .events = POLLIN },
	};

	while (poll(fds, 2, -1) < 0)
		if (errno != EINTR)
			return false;
	return fds[1].revents || listen_for("stop", NULL);
}

static void tell_result(const struct run *run, const struct result *r)
{
	if (run->note[0])
		printf("note %s\n", run->note);
	printf("done %.2f", r->units);
	if (r->latency)
		printf(" %.1f %.1f %.1f %.1f\n", r->p50, r->p90, r->p99, r->max);
	else
		printf(" - - - -\n");
}

static int work(struct run *run)
{
	unsigned long long limit;
	struct result result;

	if (run_prepare(run))
		return fail(run->problem);
	puts("ready");
	if (!listen_for("go", &limit))
		return fail("work: 'go' was expected");
	run_go(run, limit);
	if (!wait_for_stop(run))
		return fail("work: 'stop' was expected");
	run_stop(run, &result);
	puts("stopped");
	if (run_end(run))
		return fail(run->problem);
	tell_result(run, &result);
	return 0;
}

int main(int argc, char **argv)
{
	static struct run run;
	char problem[240], *end;
	long threads;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc < 3 || argc > 4)
		return fail("usage: work WORKLOAD THREADS [ARGUMENT]");
	run.workload = workload_find(argv[1]);
	if (!run.workload) {
		snprintf(problem, sizeof(problem), "no workload '%.32s'; there are %s",
			 argv[1], workload_names());
		return fail(problem);
	}
	threads = strtol(argv[2], &end, 10);
	if (*end || threads < 1 || threads > RUN_MAX_THREADS) {
		snprintf(problem, sizeof(problem),
			 "THREADS: '%.32s' is not a number from 1 to %d", argv[2],
			 RUN_MAX_THREADS);
		return fail(problem);
	}
	openmp_environment(run.workload, argv[2], argv);
	run.threads = threads;
	run.arg = argc == 4 ? argv[3] : NULL;
	be_heard();
	return work(&run);
}
