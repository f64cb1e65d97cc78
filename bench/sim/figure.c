// SPDX-License-Identifier: GPL-2.0-only
/*
 * sim figure: runs a scenario that has a [figure] section once for each value
 * and scheduler, writes what came out as TSV and has gnuplot draw it.
 */

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "commands.h"

#define MAX_SCHEDS	8

struct figure {
	const struct scenario *sc;
	const char *dir;
	char values[MAX_VALUES][MAX_NAME];
	u32 nr_values;
	const struct sched_ops *scheds[MAX_SCHEDS];
	u32 nr_scheds;
	/* What was measured, and its spread over the seeds. */
	double y[MAX_GROUPS][MAX_SCHEDS][MAX_VALUES];
};

/* Each point is the mean of so many seeds. */
#define SEEDS	3

static const char *const metric_names[] = {
	"time for a given amount of work",
	"units of work per second",
	"pCPUs",
	"latency, 99th percentile, us",
};

/* Is @name among the blank-separated @list? An empty list has all. */
static bool listed(const char *list, const char *name)
{
	size_t n = strlen(name);
	const char *at;

	if (!*list)
		return true;
	for (at = strstr(list, name); at; at = strstr(at + 1, name))
		if ((at == list || at[-1] == ' ') && (!at[n] || at[n] == ' '))
			return true;
	return false;
}

static int split_values(struct figure *fig)
{
	const char *at = fig->sc->figure.values;
	size_t len;

	for (;; at += len) {
		at += strspn(at, " ");
		len = strcspn(at, " ");
		if (!len)
			return fig->nr_values ? 0 : -1;
		if (fig->nr_values == MAX_VALUES || len >= MAX_NAME)
			return -1;
		snprintf(fig->values[fig->nr_values++], MAX_NAME, "%.*s", (int)len, at);
	}
}

static int split_scheds(struct figure *fig)
{
	char text[MAX_TEXT], *at = text, *word;

	snprintf(text, sizeof(text), "%s", fig->sc->figure.schedulers);
	while ((word = strsep(&at, " "))) {
		if (fig->nr_scheds == MAX_SCHEDS)
			return -1;
		fig->scheds[fig->nr_scheds] = sched_find(word);
		if (!fig->scheds[fig->nr_scheds++])
			return -1;
	}
	return 0;
}

static double measure(const struct sim *sim, u32 group, u64 metric)
{
	double span = (double)(sim->end - sim->warm_at), sum = 0;
	u32 i, k;

	if (metric == METRIC_TIME || metric == METRIC_RATE) {
		sum = group_rate(sim, group);
		return metric == METRIC_RATE ? sum : sum > 0 ? 1 / sum : 0;
	}
	for (i = 0; i < sim->nr_vms; i++) {
		const struct vm *vm = &sim->vms[i];

		if (vm->group != group)
			continue;
		if (metric == METRIC_LATENCY) {
			double us = (double)hist_percentile(&vm->stats.latency, 99) / (double)US;

			sum = us > sum ? us : sum;
		}
		for (k = 0; k < vm->nr_vcpus && metric == METRIC_SHARE; k++)
			sum += (double)vm->vcpus[k].stats.run / span;
	}
	return sum;
}

/* The scenario with its varied key at @value; -1 after a message. */
static int at_value(struct scenario *sc, const struct figure *fig, const char *value)
{
	const struct figure_conf *conf = &fig->sc->figure;
	u32 g;

	*sc = *fig->sc;
	for (g = 0; g < sc->nr_vms; g++)
		if (listed(conf->groups, sc->vms[g].name) &&
		    scenario_set_vm(sc, &sc->vms[g], conf->vary, value))
			return -1;
	return scenario_check(sc);
}

static int run_point(struct figure *fig, u32 s, u32 v)
{
	static struct scenario sc;
	u32 seed, g;

	if (at_value(&sc, fig, fig->values[v]))
		return -1;
	for (seed = 0; seed < SEEDS; seed++) {
		struct sim *sim;

		sc.seed = fig->sc->seed + seed;
		sim = simulate(&sc, fig->scheds[s], false, false, NULL);
		if (!sim || sim->failed)
			return -1;
		for (g = 0; g < sc.nr_vms; g++)
			fig->y[g][s][v] += measure(sim, g, sc.figure.metric) / SEEDS;
		sim_free(sim);
	}
	return 0;
}

static FILE *create(const struct figure *fig, const char *ext, char *path, size_t size)
{
	FILE *f;

	snprintf(path, size, "%s/%s.%s", fig->dir, fig->sc->name, ext);
	f = fopen(path, "we");
	if (!f)
		fprintf(stderr, "sim: %s: %s\n", path, strerror(errno));
	return f;
}

static double normalised(const struct figure *fig, u32 g, u32 s, u32 v)
{
	double first = fig->y[g][s][0];

	if (!fig->sc->figure.normalise)
		return fig->y[g][s][v];
	return first > 0 ? fig->y[g][s][v] / first : 0;
}

static int write_tsv(const struct figure *fig)
{
	char path[PATH_MAX];
	FILE *f = create(fig, "tsv", path, sizeof(path));
	u32 g, s, v;

	if (!f)
		return -1;
	fprintf(f, "%s", fig->sc->figure.vary);
	for (g = 0; g < fig->sc->nr_vms; g++)
		for (s = 0; s < fig->nr_scheds; s++)
			fprintf(f, "\t%s %s", fig->sc->vms[g].name, fig->scheds[s]->name);
	fputs("\n", f);
	for (v = 0; v < fig->nr_values; v++) {
		fprintf(f, "%s", fig->values[v]);
		for (g = 0; g < fig->sc->nr_vms; g++)
			for (s = 0; s < fig->nr_scheds; s++)
				fprintf(f, "\t%.4f", normalised(fig, g, s, v));
		fputs("\n", f);
	}
	return ferror(f) | fclose(f) ? -1 : 0;
}

/* Bars in groups, as the paper has them. */
static int write_plot(const struct figure *fig)
{
	const struct figure_conf *conf = &fig->sc->figure;
	char path[PATH_MAX];
	FILE *f = create(fig, "gp", path, sizeof(path));

	if (!f)
		return -1;
	fprintf(f, "set datafile separator '\\t'\nset style data histograms\n"
		"set style histogram clustered gap 1\nset style fill solid 0.8 border -1\n"
		"set key outside top center horizontal\nset yrange [0:*]\nset grid ytics\n"
		"set title \"%s\"\nset xlabel '%s'\nset ylabel '%s%s'\n", conf->title, conf->vary,
		metric_names[conf->metric], conf->normalise ? ", normalised to the first" : "");
	fprintf(f, "plots = 'plot for [i=2:%u] \"%s.tsv\" using i:xtic(1) title columnhead(i)'\n",
		1 + fig->sc->nr_vms * fig->nr_scheds, fig->sc->name);
	fprintf(f, "set terminal svg size 900,540\nset output '%s.svg'\neval plots\n"
		"set terminal pngcairo size 900,540\nset output '%s.png'\neval plots\n",
		fig->sc->name, fig->sc->name);
	return ferror(f) | fclose(f) ? -1 : 0;
}

static int plot(const struct figure *fig)
{
	char command[2 * PATH_MAX];

	snprintf(command, sizeof(command), "cd '%s' && gnuplot '%s.gp'", fig->dir, fig->sc->name);
	if (system(command)) { /* NOLINT(cert-env33-c,bugprone-command-processor) */
		fputs("sim: gnuplot failed; the figures are in the TSV all the same\n", stderr);
		return -1;
	}
	return 0;
}

static int draw(const struct scenario *sc, const char *dir)
{
	struct figure *fig = calloc(1, sizeof(*fig));
	u32 s, v;
	int err;

	if (!fig) {
		perror("sim");
		return -1;
	}
	fig->sc = sc;
	fig->dir = dir;
	err = split_values(fig) || split_scheds(fig);
	if (err)
		fprintf(stderr, "sim: %s: [figure] values or schedulers: none, or too many\n",
			sc->name);
	for (s = 0; s < fig->nr_scheds && !err; s++) {
		for (v = 0; v < fig->nr_values && !err; v++) {
			fprintf(stderr, "%s: %s, %s %s\n", sc->name, fig->scheds[s]->name,
				sc->figure.vary, fig->values[v]);
			err = run_point(fig, s, v);
		}
	}
	err = err || write_tsv(fig) || write_plot(fig) || plot(fig);
	if (!err)
		printf("%s/%s.tsv .svg .png\n", dir, sc->name);
	free(fig);
	return err ? -1 : 0;
}

static int has_dot_ini(const struct dirent *d)
{
	const char *dot = strrchr(d->d_name, '.');

	return dot && !strcmp(dot, ".ini");
}

static int draw_all(const char *dir)
{
	static struct scenario sc;
	struct dirent **list;
	char path[PATH_MAX];
	int i, n, bad = 0;

	n = scandir(scenario_dir(), &list, has_dot_ini, alphasort);
	if (n < 0) {
		fprintf(stderr, "sim: %s: %s\n", scenario_dir(), strerror(errno));
		return -1;
	}
	for (i = 0; i < n; i++) {
		snprintf(path, sizeof(path), "%s/%s", scenario_dir(), list[i]->d_name);
		bad |= scenario_read(&sc, path) || (*sc.figure.vary && draw(&sc, dir));
		free(list[i]);
	}
	free(list);
	return bad ? -1 : 0;
}

int cmd_figure(int argc, char **argv)
{
	static struct scenario sc;
	char dir[PATH_MAX];

	if (argc != 2 && !(argc == 4 && !strcmp(argv[2], "--out"))) {
		fputs("Usage: sim figure NAME|all [--out DIR]\n", stderr);
		return EXIT_USAGE;
	}
	if (argc == 4)
		snprintf(dir, sizeof(dir), "%s", argv[3]);
	else
		snprintf(dir, sizeof(dir), "%s/../build/figures", scenario_dir());
	if (argc == 2) {
		char parent[PATH_MAX];

		snprintf(parent, sizeof(parent), "%s/../build", scenario_dir());
		mkdir(parent, 0777);
	}
	if (mkdir(dir, 0777) && errno != EEXIST) {
		fprintf(stderr, "sim: %s: %s\n", dir, strerror(errno));
		return EXIT_BAD;
	}
	if (!strcmp(argv[1], "all"))
		return draw_all(dir) ? EXIT_BAD : EXIT_OK;
	if (scenario_find(&sc, argv[1]))
		return EXIT_BAD;
	if (!*sc.figure.vary) {
		fprintf(stderr, "sim: scenario '%s' has no [figure] section; `sim list` shows "
			"which have\n", sc.name);
		return EXIT_USAGE;
	}
	return draw(&sc, dir) ? EXIT_BAD : EXIT_OK;
}
