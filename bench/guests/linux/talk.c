// SPDX-License-Identifier: GPL-2.0-only
/* talk: what bench-vm says to its guests, with times by the host's clock. */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"
#include "link.h"
#include "loops.h"
#include "run.h"

#define SECOND_NS	1000000000ULL
#define MAX_GUESTS	64
/* an emulator with eight guests that all prepare at once needs a minute */
#define PATIENCE_NS	(120 * SECOND_NS)

/* NAME:WORKLOAD[:THREADS[:ARGUMENT]] */
struct task {
	const char *name, *workload, *threads, *argument;
	struct client *client;		/* of one that serves */
};

static struct link links[MAX_GUESTS];
static struct task tasks[MAX_GUESTS];
static unsigned int nr_tasks;
static const char *dir;
static double seconds;
static unsigned long long units;	/* 0: for `seconds` */
static bool notes;

static int usage(void)
{
	fprintf(stderr,
		"usage: talk calibrate\n"
		"       talk wait DIR NAME CPUS SECONDS\n"
		"       talk run DIR SECONDS [--work UNITS] [--notes] NAME:WORKLOAD[:THREADS[:ARGUMENT]]...\n");
	return 2;
}

static bool positive(const char *text, double most, double *value)
{
	char *end;

	*value = strtod(text, &end);
	return end != text && !*end && *value > 0 && *value <= most;
}

static int connect_guest(struct link *link, const char *name, uint64_t deadline)
{
	char path[300];

	link->name = name;
	link->notes = notes;
	snprintf(path, sizeof(path), "%s/%s.sock", dir, name);
	return link_open(link, path, deadline);
}

static int wait_for(const char *name, const char *cpus, const char *patience)
{
	struct link *link = &links[0];
	uint64_t deadline;
	double s;

	if (!positive(patience, 3600, &s))
		return usage();
	deadline = clock_ns() + (uint64_t)(s * 1e9);
	if (connect_guest(link, name, deadline) || link_hello(link, 1, deadline))
		return 1;
	if (strtoul(link->said, NULL, 10) == strtoul(cpus, NULL, 10))
		return 0;
	fprintf(stderr, "bench-vm: %s: has CPUs and kernel '%s', and should have %s CPUs\n",
		name, link->said, cpus);
	return 1;
}

static int parse_task(char *spec)
{
	struct task *t = &tasks[nr_tasks];
	char *rest = spec;

	if (nr_tasks == MAX_GUESTS) {
		fprintf(stderr, "bench-vm: more than %d guests\n", MAX_GUESTS);
		return -1;
	}
	t->name = strsep(&rest, ":");
	t->workload = rest ? strsep(&rest, ":") : "";
	t->threads = rest ? strsep(&rest, ":") : "1";
	t->argument = rest && *rest && strcmp(rest, "-") != 0 ? rest : NULL;
	if (!*t->name || !*t->workload || !*t->threads || strchr(t->name, '/') ||
	    strchr(t->workload, ' ') || strchr(t->threads, ' ') ||
	    (t->argument && strpbrk(t->argument, " :"))) {
		fprintf(stderr, "bench-vm: '%s' is not NAME:WORKLOAD[:THREADS[:ARGUMENT]]\n",
			spec);
		return -1;
	}
	nr_tasks++;
	return 0;
}

static bool is_echo(const struct task *t)
{
	return !strcmp(t->workload, "echo");
}

static bool serves(const struct task *t)
{
	return is_echo(t) || !strcmp(t->workload, "web");
}

/* Has no end of its own. */
static bool is_endless(const struct task *t)
{
	return serves(t) || !strcmp(t->workload, "idle");
}

static int open_client(struct task *t)
{
	char path[300], ip[32] = "";
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s.ip", dir, t->name);
	file = fopen(path, "re");
	if (file && !fgets(ip, sizeof(ip), file))
		ip[0] = '\0';
	if (file)
		fclose(file);
	ip[strcspn(ip, "\n")] = '\0';
	t->client = calloc(1, sizeof(*t->client));
	if (!t->client)
		return -1;
	t->client->name = t->name;
	return client_open(t->client, ip, is_echo(t), t->argument);
}

static int prepare(void)
{
	unsigned int i;
	int behind;

	for (i = 0; i < nr_tasks; i++)
		if (connect_guest(&links[i], tasks[i].name, clock_ns() + 5 * SECOND_NS))
			return -1;
	if (link_hello(links, nr_tasks, clock_ns() + PATIENCE_NS))
		return -1;
	for (i = 0; i < nr_tasks; i++)
		if (link_say(&links[i], "prepare %s %s %s", tasks[i].workload,
			     tasks[i].threads, serves(&tasks[i]) || !tasks[i].argument ?
			     "-" : tasks[i].argument))
			return -1;
	behind = link_await(links, nr_tasks, LINK_READY, clock_ns() + PATIENCE_NS);
	if (behind > 0)
		fprintf(stderr, "bench-vm: %d guests are not ready in time\n", behind);
	for (i = 0; i < nr_tasks && !behind; i++)
		if (serves(&tasks[i]) && open_client(&tasks[i]))
			return -1;
	return behind ? -1 : 0;
}

static int go(void)
{
	unsigned int i;

	for (i = 0; i < nr_tasks; i++) {
		links[i].go_ns = clock_ns();
		if (link_say(&links[i], "go %llu", is_endless(&tasks[i]) ? 0 : units))
			return -1;
		if (tasks[i].client && client_go(tasks[i].client))
			return -1;
	}
	return 0;
}

/* Those without an end are stopped when the last of the others has come to its own. */
static int work_until(uint64_t deadline)
{
	struct link *with_end[MAX_GUESTS];
	unsigned int i, nr = 0, behind;

	for (i = 0; i < nr_tasks; i++)
		if (!units || !is_endless(&tasks[i]))
			with_end[nr++] = &links[i];
	if (units && !nr) {
		fprintf(stderr, "bench-vm: --work: no workload that comes to an end\n");
		return -1;
	}
	do {
		uint64_t now = clock_ns(), step = deadline;

		/* so that it is seen soon when the last one has come to its end */
		if (units && step > now + SECOND_NS / 20)
			step = now + SECOND_NS / 20;
		if (link_await(links, nr_tasks, LINK_STOPPED, step) < 0)
			return -1;
		for (i = 0, behind = 0; i < nr; i++)
			behind += with_end[i]->state < LINK_STOPPED;
	} while (behind && clock_ns() < deadline);
	if (units && behind)
		fprintf(stderr, "bench-vm: %u guests have not done %llu units in %g s\n",
			behind, units, seconds);
	return units && behind ? -1 : 0;
}

static int stop(void)
{
	unsigned int i;
	int behind, err = 0;

	for (i = 0; i < nr_tasks; i++)
		if (tasks[i].client && client_stop(tasks[i].client))
			err = -1;
	for (i = 0; i < nr_tasks; i++)
		if (links[i].state < LINK_STOPPED && link_say(&links[i], "stop"))
			return -1;
	behind = link_await(links, nr_tasks, LINK_DONE, clock_ns() + PATIENCE_NS);
	if (behind > 0)
		fprintf(stderr, "bench-vm: %d guests do not stop\n", behind);
	return behind ? -1 : err;
}

static void report(const struct task *t, const struct link *link)
{
	double took = (double)(link->stopped_ns - link->go_ns) / 1e9, done;
	const struct client *c = t->client;
	char latency[120] = "- - - -", *at;

	if (c) {
		took = (double)(c->stopped_ns - c->go_ns) / 1e9;
		done = (double)c->latency.total;
		snprintf(latency, sizeof(latency), "%.1f %.1f %.1f %.1f",
			 (double)histogram_percentile(&c->latency, 50) / 1e3,
			 (double)histogram_percentile(&c->latency, 90) / 1e3,
			 (double)histogram_percentile(&c->latency, 99) / 1e3,
			 (double)c->latency.max / 1e3);
	} else {
		done = strtod(link->said, &at);
		snprintf(latency, sizeof(latency), "%s", at + strspn(at, " "));
	}
	for (at = latency; *at; at++)
		if (*at == ' ')
			*at = '\t';
	printf("%s\t%s\t%s\t%.3f\t%.2f\t%.3f\t%s\n", t->name, t->workload, t->threads,
	       took, done, done / took, latency);
}

static int run(void)
{
	const struct sched_param first = { .sched_priority = 1 };
	unsigned int i;

	/*
	 * Before the guests, whoever schedules them: else what is measured would
	 * have this process's own delays in it. Without the right to it, it has.
	 */
	sched_setscheduler(0, SCHED_FIFO, &first);
	if (prepare() || go() || work_until(clock_ns() + (uint64_t)(seconds * 1e9)) || stop())
		return 1;
	for (i = 0; i < nr_tasks; i++)
		report(&tasks[i], &links[i]);
	return 0;
}

static int run_options(int argc, char **argv)
{
	double number;
	int i;

	if (argc < 2 || !positive(argv[1], 1e6, &seconds)) {
		fprintf(stderr, "bench-vm: SECONDS: '%s' is not a number above 0\n",
			argc < 2 ? "" : argv[1]);
		return 2;
	}
	dir = argv[0];
	for (i = 2; i < argc; i++) {
		if (!strcmp(argv[i], "--notes")) {
			notes = true;
		} else if (!strcmp(argv[i], "--work")) {
			if (++i == argc || !positive(argv[i], 1e15, &number) || number < 1) {
				fprintf(stderr, "bench-vm: --work: '%s' is not a number of units\n",
					i < argc ? argv[i] : "");
				return 2;
			}
			units = (unsigned long long)number;
		} else if (argv[i][0] == '-') {
			fprintf(stderr, "bench-vm: unknown option '%s'\n", argv[i]);
			return 2;
		} else if (parse_task(argv[i])) {
			return 2;
		}
	}
	return nr_tasks ? 0 : usage();
}

int main(int argc, char **argv)
{
	int status;

	if (argc == 2 && !strcmp(argv[1], "calibrate"))
		return printf("%.1f\n", loops_per_us()) < 0;
	if (argc == 6 && !strcmp(argv[1], "wait")) {
		dir = argv[2];
		return wait_for(argv[3], argv[4], argv[5]);
	}
	if (argc < 4 || strcmp(argv[1], "run") != 0)
		return usage();
	status = run_options(argc - 2, argv + 2);
	return status ? status : run();
}
