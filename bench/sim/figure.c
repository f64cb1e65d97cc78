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
#include "figure.h"

#define MAX_SCHEDS	10

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
	"time for the same work",
	"units of work per second",
	"pCPUs",
	"latency, 99th percentile, us",
	"preemptions while holding a lock, % of all",
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
	const char *all = fig->sc->figure.values;
	char word[MAX_TEXT];

	while (word_at(all, fig->nr_values, word, sizeof(word))) {
		if (fig->nr_values == MAX_VALUES || strlen(word) >= MAX_NAME)
			return -1;
		snprintf(fig->values[fig->nr_values++], MAX_NAME, "%.*s", MAX_NAME - 1, word);
	}
	return fig->nr_values ? 0 : -1;
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

/* Uhlig's statistic: how often who is preempted holds a lock, in percent. */
static double lhp_share(const struct sim *sim, u32 group)
{
	u64 preempted = 0, holding = 0;
	u32 i;

	for (i = 0; i < sim->nr_vcpus; i++) {
		if (sim->vcpus[i].vm->group != group)
			continue;
		preempted += sim->vcpus[i].stats.preempted;
		holding += sim->vcpus[i].stats.holding;
	}
	return preempted ? 100.0 * (double)holding / (double)preempted : 0;
}

static double measure(const struct sim *sim, u32 group, u64 metric)
{
	double span = (double)(sim->end - sim->warm_at), sum = 0;
	u32 i, k;

	if (metric == METRIC_TIME || metric == METRIC_RATE) {
		sum = group_rate(sim, group);
		return metric == METRIC_RATE ? sum : sum > 0 ? 1 / sum : 0;
	}
	if (metric == METRIC_LHP)
		return lhp_share(sim, group);
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

int figure_at(struct scenario *sc, const struct scenario *from, const char *value)
{
	const struct figure_conf *conf = &from->figure;
	u32 g;

	*sc = *from;
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

	if (figure_at(&sc, fig->sc, fig->values[v]))
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

FILE *figure_file(const char *dir, const char *name, const char *ext)
{
	char path[PATH_MAX];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s.%s", dir, name, ext);
	f = fopen(path, "we");
	if (!f)
		fprintf(stderr, "sim: %s: %s\n", path, strerror(errno));
	return f;
}

/* In percent of the first value, if the figure says so; below 0: nothing was done. */
static double value_at(const struct figure *fig, u32 g, u32 s, u32 v)
{
	double y = fig->y[g][s][v], first = fig->y[g][s][0];

	if (!fig->sc->figure.normalise)
		return y;
	return first > 0 && y > 0 ? 100 * y / first : -1;
}

static bool is_shown(const struct figure *fig, u32 g)
{
	return listed(fig->sc->figure.show, fig->sc->vms[g].name);
}

static u32 write_head(const struct figure *fig, FILE *f)
{
	const struct figure_conf *conf = &fig->sc->figure;
	u32 g, s, shown = 0, columns = 1;

	for (g = 0; g < fig->sc->nr_vms; g++)
		shown += is_shown(fig, g);
	fprintf(f, "%s", *conf->axis ? conf->axis : conf->vary);
	if (*conf->paper) {
		fprintf(f, "\tthe paper");
		columns++;
	}
	for (g = 0; g < fig->sc->nr_vms; g++) {
		for (s = 0; s < fig->nr_scheds && is_shown(fig, g); s++, columns++) {
			fprintf(f, "\t%s", fig->scheds[s]->name);
			if (shown > 1)
				fprintf(f, ": %s", fig->sc->vms[g].name);
		}
	}
	fputs("\n", f);
	return columns;
}

static int write_tsv(const struct figure *fig, u32 *columns)
{
	FILE *f = figure_file(fig->dir, fig->sc->name, "tsv");
	char word[MAX_NAME];
	int digits = fig->sc->figure.metric == METRIC_LHP ? 3 : 1;
	u32 g, s, v;

	if (!f)
		return -1;
	*columns = write_head(fig, f);
	for (v = 0; v < fig->nr_values; v++) {
		fprintf(f, "%s", fig->values[v]);
		if (*fig->sc->figure.paper) {
			if (!word_at(fig->sc->figure.paper, v, word, sizeof(word)))
				snprintf(word, sizeof(word), "-");
			fprintf(f, "\t%s", word);
		}
		for (g = 0; g < fig->sc->nr_vms; g++) {
			for (s = 0; s < fig->nr_scheds && is_shown(fig, g); s++) {
				double y = value_at(fig, g, s, v);

				if (y < 0)
					fputs("\t-", f);
				else
					fprintf(f, "\t%.*f", digits, y);
			}
		}
		fputs("\n", f);
	}
	return ferror(f) | fclose(f) ? -1 : 0;
}

void figure_outputs(FILE *f, const char *name)
{
	fprintf(f, "set terminal svg size 1000,520 background 'white'\n"
		"set output '%s.svg'\neval plots\n"
		"set terminal pngcairo size 1000,520\nset output '%s.png'\neval plots\n",
		name, name);
}

/* Bars in groups, as the paper has them; its own values are black. */
static int write_plot(const struct figure *fig, u32 columns)
{
	static const char *const colours[] = {
		"#1b9e77", "#d95f02", "#7570b3", "#e7298a", "#66a61e", "#e6ab02", "#a6761d",
		"#80b1d3", "#bc80bd", "#fb8072", "#8dd3c7", "#b3b3b3",
	};
	const struct figure_conf *conf = &fig->sc->figure;
	const char *axis = *conf->axis ? conf->axis : conf->vary;
	FILE *f = figure_file(fig->dir, fig->sc->name, "gp");
	u32 i, c = 0;

	if (!f)
		return -1;
	fprintf(f, "set datafile separator '\\t'\nset datafile missing '-'\n"
		"set style data histograms\nset style histogram clustered gap 1.5\n"
		"set style fill solid 0.9 border lc rgb 'black'\nset boxwidth 0.95\n"
		"set key outside right top vertical Left reverse\nset yrange [0:*]\n"
		"set offsets 0,0,graph 0.08,0\nset border 3\nset tics nomirror\n"
		"set grid ytics lc rgb '#cccccc'\nset title \"%s\" noenhanced\n"
		"set xlabel '%s'\nset ylabel '%s%s'\n", conf->title, axis,
		metric_names[conf->metric],
		!conf->normalise ? "" : conf->metric == METRIC_TIME ?
		", % of the first; lower is better" : ", % of the first");
	if (conf->metric == METRIC_LHP)
		fputs("set logscale y\nset yrange [0.01:100]\n", f);
	if (conf->normalise)
		fputs("set arrow from graph 0, first 100 to graph 1, first 100 nohead dt 2\n", f);
	fputs("plots = \"plot ", f);
	for (i = 2; i <= columns; i++) {
		bool paper = i == 2 && *conf->paper;

		fprintf(f, "%s'%s.tsv' using %u:xtic(1) title columnhead(%u) noenhanced "
			"lc rgb '%s'", i > 2 ? ", " : "", fig->sc->name, i, i,
			paper ? "black" : colours[c % (sizeof(colours) / sizeof(*colours))]);
		c += !paper;
	}
	fputs("\"\n", f);
	figure_outputs(f, fig->sc->name);
	return ferror(f) | fclose(f) ? -1 : 0;
}

int figure_plot(const char *dir, const char *name)
{
	char command[2 * PATH_MAX];

	snprintf(command, sizeof(command), "cd '%s' && gnuplot '%s.gp'", dir, name);
	if (system(command)) { /* NOLINT(cert-env33-c,bugprone-command-processor) */
		fputs("sim: gnuplot failed; the figures are in the TSV all the same\n", stderr);
		return -1;
	}
	return 0;
}

static int draw(const struct scenario *sc, const char *dir)
{
	struct figure *fig = calloc(1, sizeof(*fig));
	u32 s, v, columns = 0;
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
	err = err || write_tsv(fig, &columns) || write_plot(fig, columns) ||
	      figure_plot(dir, sc->name);
	if (!err)
		printf("%s/%s.tsv .svg .png\n", dir, sc->name);
	free(fig);
	return err ? -1 : 0;
}

static int draw_all(const char *dir)
{
	static struct scenario sc;
	struct dirent **list;
	char path[PATH_MAX];
	int i, n, bad = 0;

	n = scandir(scenario_dir(), &list, is_scenario, alphasort);
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
	return bad | merit_figure(dir) ? -1 : 0;
}

int cmd_figure(int argc, char **argv)
{
	static struct scenario sc;
	char dir[PATH_MAX];

	if (argc != 2 && !(argc == 4 && !strcmp(argv[2], "--out"))) {
		fputs("Usage: sim figure NAME|adaptive|all [--out DIR]\n", stderr);
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
	if (!strcmp(argv[1], "adaptive"))
		return merit_figure(dir) ? EXIT_BAD : EXIT_OK;
	if (scenario_find(&sc, argv[1]))
		return EXIT_BAD;
	if (!*sc.figure.vary) {
		fprintf(stderr, "sim: scenario '%s' has no [figure] section; `sim list` shows "
			"which have\n", sc.name);
		return EXIT_USAGE;
	}
	return draw(&sc, dir) ? EXIT_BAD : EXIT_OK;
}
