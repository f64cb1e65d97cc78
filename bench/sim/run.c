// SPDX-License-Identifier: GPL-2.0-only
/* sim run, sim list, sim compare. */

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "commands.h"

const char *scenario_dir(void)
{
	static char dir[PATH_MAX];
	const char *env = getenv("VMGANG_SCENARIOS");
	char exe[PATH_MAX], *slash;
	ssize_t n;

	if (env)
		return env;
	n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	if (n < 0)
		return "scenarios";
	exe[n] = '\0';
	slash = strrchr(exe, '/');
	if (slash)
		*slash = '\0';
	if (snprintf(dir, sizeof(dir), "%s/scenarios", exe) >= (int)sizeof(dir))
		return "scenarios";
	return dir;
}

int scenario_find(struct scenario *sc, const char *name)
{
	char path[PATH_MAX];

	if (strchr(name, '/') || strchr(name, '.'))
		return scenario_read(sc, name);
	snprintf(path, sizeof(path), "%s/%s.ini", scenario_dir(), name);
	if (access(path, R_OK)) {
		fprintf(stderr, "sim: no scenario '%s' in %s; `sim list` shows them\n", name,
			scenario_dir());
		return -1;
	}
	return scenario_read(sc, path);
}

int option_number(const char *option, const char *value, u64 most, u64 *out)
{
	char *end;

	errno = 0;
	if (value && *value >= '0' && *value <= '9') {
		*out = strtoull(value, &end, 10);
		if (!errno && !*end && *out <= most)
			return 0;
	}
	fprintf(stderr, "sim: %s %s: allowed is a number up to %" PRIu64 "\n", option,
		value ? value : "(nothing)", most);
	return -1;
}

struct sim *simulate(const struct scenario *sc, const struct sched_ops *ops, bool watch,
		     bool progress, FILE *trace)
{
	struct sim *sim = sim_new(sc, ops);

	if (!sim)
		return NULL;
	if (watch)
		props_watch(sim);
	sim->progress = progress;
	sim->trace = trace;
	sim_run(sim);
	return sim;
}

double group_rate(const struct sim *sim, u32 group)
{
	double span = (double)(sim->end - sim->warm_at) / (double)SEC, sum = 0;
	u32 i, n = 0;

	for (i = 0; i < sim->nr_vms; i++) {
		if (sim->vms[i].group != group)
			continue;
		sum += (double)sim->vms[i].stats.units;
		n++;
	}
	return n ? sum / span / n : 0;
}

/* Runs this long are worth a word about how far they are. */
static bool is_long(const struct scenario *sc)
{
	return isatty(STDERR_FILENO) && sc->seconds / MS * scenario_nr_vcpus(sc) > 200000;
}

struct run_options {
	const char *name;
	const struct sched_ops *ops;
	const char *tsv;
	const char *trace;
	u64 seconds;
	u64 seed;
	bool seeded;
	bool check;
};

static int run_options(struct run_options *o, int argc, char **argv)
{
	int i;

	for (i = 1; i < argc; i++) {
		const char *arg = argv[i], *value = i + 1 < argc ? argv[i + 1] : NULL;

		if (!strcmp(arg, "--check")) {
			o->check = true;
			continue;
		}
		if (*arg != '-' && !o->name) {
			o->name = arg;
			continue;
		}
		if (strcmp(arg, "--sched") != 0 && strcmp(arg, "--seconds") != 0 &&
		    strcmp(arg, "--seed") != 0 && strcmp(arg, "--tsv") != 0 &&
		    strcmp(arg, "--trace") != 0) {
			fprintf(stderr, "sim run: no option '%s'; there are --sched --seconds "
				"--seed --tsv --trace --check\n", arg);
			return -1;
		}
		if (!value) {
			fprintf(stderr, "sim run: %s needs a value\n", arg);
			return -1;
		}
		i++;
		if (!strcmp(arg, "--sched") && !(o->ops = sched_find(value)))
			return -1;
		if (!strcmp(arg, "--seconds") && option_number(arg, value, 36000, &o->seconds))
			return -1;
		if (!strcmp(arg, "--seed")) {
			if (option_number(arg, value, ~0ULL, &o->seed))
				return -1;
			o->seeded = true;
		}
		if (!strcmp(arg, "--tsv"))
			o->tsv = value;
		if (!strcmp(arg, "--trace"))
			o->trace = value;
	}
	if (!o->name)
		fputs("sim run: which scenario?\n", stderr);
	return o->name ? 0 : -1;
}

static FILE *open_out(const char *path)
{
	FILE *f = path ? fopen(path, "we") : NULL;

	if (path && !f)
		fprintf(stderr, "sim: %s: %s\n", path, strerror(errno));
	return f;
}

/* 0, or -1 after a message: what was written may not be there. */
static int close_out(FILE *f, const char *path)
{
	if (!f)
		return 0;
	if (ferror(f) | fclose(f)) {
		fprintf(stderr, "sim: %s: could not be written\n", path);
		return -1;
	}
	return 0;
}

/* Simulate and say how it went; TSV to @tsv, the trace to @trace, if wanted. */
static int run_one(struct scenario *sc, struct run_options *o, FILE *tsv, FILE *trace)
{
	struct sim *sim = simulate(sc, o->ops, o->check, is_long(sc), trace);
	const char *what;
	enum prop prop;
	bool failed;

	if (!sim)
		return EXIT_BAD;
	failed = sim->failed;
	prop = props_failed(sim, &what);
	if (failed)
		printf("%s under %s: VIOLATED %s: %s\n", sc->name, o->ops->name, props_name(prop),
		       what);
	else
		stats_table(sim, stdout);
	if (tsv && !failed)
		stats_tsv(sim, tsv, true);
	sim_free(sim);
	return failed ? EXIT_BAD : EXIT_OK;
}

int cmd_run(int argc, char **argv)
{
	struct run_options o = { .ops = &sched_class };
	static struct scenario sc;
	FILE *tsv, *trace;
	int status;

	if (run_options(&o, argc, argv))
		return EXIT_USAGE;
	if (scenario_find(&sc, o.name))
		return EXIT_BAD;
	if (o.seconds)
		sc.seconds = o.seconds * SEC;
	if (o.seeded)
		sc.seed = o.seed;
	if (scenario_check(&sc))
		return EXIT_USAGE;
	if (o.check && !(o.ops->flags & SCHED_PROPS)) {
		fprintf(stderr, "sim run: scheduler '%s' promises no properties to check\n",
			o.ops->name);
		return EXIT_USAGE;
	}
	tsv = open_out(o.tsv);
	trace = open_out(o.trace);
	if ((o.tsv && !tsv) || (o.trace && !trace))
		status = EXIT_BAD;
	else
		status = run_one(&sc, &o, tsv, trace);
	if (close_out(tsv, o.tsv) | close_out(trace, o.trace))
		return EXIT_BAD;
	if (o.check && status == EXIT_OK)
		printf("every property holds\n");
	return status;
}

int is_scenario(const struct dirent *d)
{
	size_t n = strlen(d->d_name);

	return n > 4 && !strcmp(d->d_name + n - 4, ".ini");
}

int cmd_list(int argc, char **argv)
{
	static struct scenario sc;
	struct dirent **list;
	int i, n, bad = 0;
	char path[PATH_MAX];

	if (argc > 1) {
		fprintf(stderr, "sim list: what is '%s'?\n", argv[1]);
		return EXIT_USAGE;
	}
	n = scandir(scenario_dir(), &list, is_scenario, alphasort);
	if (n < 0) {
		fprintf(stderr, "sim: %s: %s\n", scenario_dir(), strerror(errno));
		return EXIT_BAD;
	}
	puts("Scenarios:");
	for (i = 0; i < n; i++) {
		snprintf(path, sizeof(path), "%s/%s", scenario_dir(), list[i]->d_name);
		if (scenario_read(&sc, path))
			bad++;
		else
			printf("  %-16s %s%s\n", sc.name, sc.shows,
			       *sc.figure.vary ? " [figure]" : "");
		free(list[i]);
	}
	free(list);
	puts("\nSchedulers:");
	for (i = 0; schedulers[i]; i++)
		printf("  %-16s %s\n", schedulers[i]->name, schedulers[i]->what);
	return bad ? EXIT_BAD : EXIT_OK;
}

static double percent(u64 part, u64 whole)
{
	return whole ? 100.0 * (double)part / (double)whole : 0;
}

struct group_sum {
	double rate;
	u64 run;
	u64 corun;
	u64 p99;
};

static struct group_sum sum_group(const struct sim *sim, u32 group)
{
	struct group_sum s = { .rate = group_rate(sim, group) };
	u32 i, k;

	for (i = 0; i < sim->nr_vms; i++) {
		const struct vm *vm = &sim->vms[i];

		if (vm->group != group)
			continue;
		for (k = 0; k < vm->nr_vcpus; k++)
			s.run += vm->vcpus[k].stats.run;
		s.corun += vm->stats.corun;
		if (hist_percentile(&vm->stats.latency, 99) > s.p99)
			s.p99 = hist_percentile(&vm->stats.latency, 99);
	}
	return s;
}

int cmd_compare(int argc, char **argv)
{
	const struct sched_ops *a, *b;
	static struct scenario sc;
	int i;
	u32 g;

	if (argc < 4) {
		fputs("Usage: sim compare A B SCENARIO...\n", stderr);
		return EXIT_USAGE;
	}
	a = sched_find(argv[1]);
	b = sched_find(argv[2]);
	if (!a || !b)
		return EXIT_USAGE;
	printf("%-16s %-12s %12s %12s %8s %8s %8s %9s %9s\n", "scenario", "VMs", a->name, b->name,
	       "ratio", "corun", "corun", "p99 us", "p99 us");
	for (i = 3; i < argc; i++) {
		struct sim *x, *y;

		if (scenario_find(&sc, argv[i]))
			return EXIT_BAD;
		x = simulate(&sc, a, false, is_long(&sc), NULL);
		y = simulate(&sc, b, false, is_long(&sc), NULL);
		if (!x || !y || x->failed || y->failed)
			return EXIT_BAD;
		for (g = 0; g < sc.nr_vms; g++) {
			struct group_sum p = sum_group(x, g), q = sum_group(y, g);

			printf("%-16s %-12s %12.1f %12.1f %8.3f %7.1f%% %7.1f%% %9" PRIu64
			       " %9" PRIu64 "\n", sc.name, sc.vms[g].name, p.rate, q.rate,
			       p.rate > 0 ? q.rate / p.rate : 0, percent(p.corun, p.run),
			       percent(q.corun, q.run), p.p99 / US, q.p99 / US);
		}
		sim_free(x);
		sim_free(y);
	}
	return EXIT_OK;
}
