// SPDX-License-Identifier: GPL-2.0-only
/*
 * sim figure adaptive: the scenarios that say `adaptive = yes`, at each value of
 * their figure if they have one, with all VMs under each preset of the class and
 * under adaptive.
 *
 * What a scheduler is worth in a case is the work done per second; where
 * requests come by themselves it is the inverse of how long one takes. Kinds of
 * VMs count alike, by their geometric mean: twice as much for one and half as
 * much for another is neither good nor bad. adaptive is to reach 97 % of the
 * best preset. Cases where it does not are named in adaptive.ini, with what it
 * reaches at least, and why.
 */

#include <dirent.h>
#include <errno.h>
#include <ini.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "figure.h"

#define SEEDS		6	/* each worth is the mean of so many */
#define MAX_CASES	96
#define MAX_PRESETS	12
#define WANTED		97	/* % of the best preset */

struct worth_case {
	char name[2 * MAX_NAME];
	double preset[MAX_PRESETS];
	double adaptive;
	u32 best;
	bool named;
	double least;		/* % of the best that it is to reach */
};

struct cost {
	char name[2 * MAX_NAME];
	double least;
	char reason[MAX_TEXT];
	bool seen;
};

struct merit {
	const struct sched_ops *presets[MAX_PRESETS];
	u32 nr_presets;
	struct worth_case cases[MAX_CASES];
	u32 nr_cases;
	struct cost costs[MAX_CASES];
	u32 nr_costs;
	bool bad;
};

/* Does what it does count? */
static bool is_worth(const struct vm_conf *conf)
{
	return conf->model != MODEL_IDLE && conf->model != MODEL_DODGE &&
	       conf->model != MODEL_STORM;
}

/* What a kind of VM is worth as it went. */
static double group_worth(const struct sim *sim, u32 g)
{
	const struct vm_conf *conf = &sim->sc->vms[g];
	double mean = 0;
	u32 i, n = 0;

	if (conf->model != MODEL_IO)
		return group_rate(sim, g);
	for (i = 0; i < sim->nr_vms; i++) {
		const struct hist *h = &sim->vms[i].stats.latency;

		if (sim->vms[i].group != g || !h->nr)
			continue;
		mean += (double)h->sum / (double)h->nr;
		n++;
	}
	return n ? (double)SEC * n / mean : 0;
}

/* Of all kinds of VMs together. */
static double worth(const struct sim *sim)
{
	double sum = 0;
	u32 g, n = 0;

	for (g = 0; g < sim->sc->nr_vms; g++) {
		double w = is_worth(&sim->sc->vms[g]) ? group_worth(sim, g) : 1;

		if (w <= 0)
			return 0;
		sum += log(w);
		n += is_worth(&sim->sc->vms[g]);
	}
	return n ? exp(sum / n) : 0;
}

static int worth_under(const struct scenario *from, const struct sched_ops *ops, double *out)
{
	static struct scenario sc;
	u32 seed;

	sc = *from;
	*out = 0;
	for (seed = 0; seed < SEEDS; seed++) {
		struct sim *sim;

		sc.seed = from->seed + seed;
		sim = simulate(&sc, ops, false, false, NULL);
		if (!sim || sim->failed)
			return -1;
		*out += worth(sim) / SEEDS;
		sim_free(sim);
	}
	return 0;
}

static struct cost *cost_find(struct merit *m, const char *name)
{
	u32 i;

	for (i = 0; i < m->nr_costs; i++)
		if (!strcmp(m->costs[i].name, name))
			return &m->costs[i];
	return NULL;
}

static int run_case(struct merit *m, const struct scenario *sc, const char *name)
{
	struct worth_case *c = &m->cases[m->nr_cases];
	struct cost *cost = cost_find(m, name);
	u32 i;

	if (m->nr_cases == MAX_CASES) {
		fprintf(stderr, "sim: more than %d cases\n", MAX_CASES);
		return -1;
	}
	m->nr_cases++;
	fprintf(stderr, "adaptive: %s\n", name);
	snprintf(c->name, sizeof(c->name), "%s", name);
	c->least = cost ? cost->least : WANTED;
	c->named = cost;
	if (cost)
		cost->seen = true;
	for (i = 0; i < m->nr_presets; i++) {
		if (worth_under(sc, m->presets[i], &c->preset[i]))
			return -1;
		if (c->preset[i] > c->preset[c->best])
			c->best = i;
	}
	return worth_under(sc, &sched_adaptive, &c->adaptive);
}

/* @sc as it is, or once for each value of its figure. */
static int run_cases(struct merit *m, const struct scenario *sc)
{
	char name[2 * MAX_NAME], value[MAX_NAME];
	static struct scenario at;
	u32 n;

	if (!*sc->figure.vary)
		return run_case(m, sc, sc->name);
	for (n = 0; word_at(sc->figure.values, n, value, sizeof(value)); n++) {
		snprintf(name, sizeof(name), "%s %s", sc->name, value);
		if (figure_at(&at, sc, value) || run_case(m, &at, name))
			return -1;
	}
	return 0;
}

static int on_cost(void *arg, const char *section, const char *key, const char *value)
{
	struct merit *m = arg;
	struct cost *cost = cost_find(m, section);
	char *end = NULL;

	if (!cost && m->nr_costs < MAX_CASES) {
		cost = &m->costs[m->nr_costs++];
		snprintf(cost->name, sizeof(cost->name), "%s", section);
	}
	if (!cost)
		return 0;
	if (!strcmp(key, "least")) {
		cost->least = strtod(value, &end);
	} else if (!strcmp(key, "reason")) {
		size_t n = strlen(cost->reason);

		snprintf(cost->reason + n, sizeof(cost->reason) - n, "%s%s", n ? " " : "", value);
		return 1;
	}
	if (end && !*end && cost->least > 0 && cost->least < WANTED)
		return 1;
	fprintf(stderr, "sim: adaptive.ini: [%s] %s = %s: allowed are least (a percentage below "
		"%d) and reason\n", section, key, value, WANTED);
	m->bad = true;
	return 1;
}

static int read_costs(struct merit *m)
{
	char path[PATH_MAX];
	u32 i;

	snprintf(path, sizeof(path), "%s/../adaptive.ini", scenario_dir());
	if (ini_parse(path, on_cost, m)) {
		fprintf(stderr, "sim: %s: can not be read\n", path);
		return -1;
	}
	for (i = 0; i < m->nr_costs; i++) {
		if (m->costs[i].least > 0 && *m->costs[i].reason)
			continue;
		fprintf(stderr, "sim: %s: [%s]: least and reason are needed\n", path,
			m->costs[i].name);
		return -1;
	}
	return m->bad ? -1 : 0;
}

static double of_best(const struct worth_case *c, double worth)
{
	return 100 * worth / c->preset[c->best];
}

static const char *verdict(const struct worth_case *c)
{
	double percent = of_best(c, c->adaptive);

	if (percent < c->least)
		return "missed";
	return !c->named ? "held" : percent < WANTED ? "costs" : "held, though named";
}

static int write_table(const struct merit *m, const char *dir)
{
	FILE *f = figure_file(dir, "adaptive", "tsv");
	u32 i, k;

	if (!f)
		return -1;
	fputs("case", f);
	for (k = 0; k < m->nr_presets; k++)
		fprintf(f, "\t%s", m->presets[k]->name);
	fputs("\tadaptive\tbest\tat least\tverdict\n", f);
	for (i = 0; i < m->nr_cases; i++) {
		const struct worth_case *c = &m->cases[i];

		fputs(c->name, f);
		for (k = 0; k < m->nr_presets; k++)
			fprintf(f, "\t%.1f", of_best(c, c->preset[k]));
		fprintf(f, "\t%.1f\t%s\t%.0f\t%s\n", of_best(c, c->adaptive),
			m->presets[c->best]->name, c->least, verdict(c));
	}
	return ferror(f) | fclose(f) ? -1 : 0;
}

static int write_plot(const struct merit *m, const char *dir)
{
	FILE *f = figure_file(dir, "adaptive", "gp");
	u32 k;

	if (!f)
		return -1;
	fprintf(f, "set datafile separator '\\t'\nset xtics rotate by -60 noenhanced\n"
		"set yrange [0:*]\nset key outside right top vertical Left reverse\n"
		"set border 3\nset tics nomirror\nset grid ytics lc rgb '#cccccc'\n"
		"set title 'adaptive beside the presets'\nset ylabel '%% of the best preset'\n"
		"set arrow from graph 0, first %d to graph 1, first %d nohead dt 2\n"
		"plots = \"plot 'adaptive.tsv' using %u:xtic(1) title columnhead with linespoints "
		"lw 2 pt 7 lc rgb 'black'", WANTED, WANTED, m->nr_presets + 2);
	for (k = 0; k < m->nr_presets; k++)
		fprintf(f, ", '' using %u title columnhead with points pt %u", k + 2, k + 4);
	fputs("\"\n", f);
	figure_outputs(f, "adaptive");
	return ferror(f) | fclose(f) ? -1 : 0;
}

/* What the table says of itself: -1 if a case is worse than it may be. */
static int judge(const struct merit *m)
{
	int bad = 0;
	u32 i;

	for (i = 0; i < m->nr_cases; i++) {
		const struct worth_case *c = &m->cases[i];

		if (!strcmp(verdict(c), "held") || !strcmp(verdict(c), "costs"))
			continue;
		bad = -1;
		printf("%s: adaptive reaches %.1f %% of %s, %s %.0f %%\n", c->name,
		       of_best(c, c->adaptive), m->presets[c->best]->name,
		       c->named ? "adaptive.ini says" : "wanted are", c->least);
	}
	for (i = 0; i < m->nr_costs; i++) {
		if (m->costs[i].seen)
			continue;
		bad = -1;
		printf("%s: adaptive.ini names it, but it is no case\n", m->costs[i].name);
	}
	return bad;
}

static int run_all(struct merit *m)
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
		bad = bad || scenario_read(&sc, path) || (sc.adaptive && run_cases(m, &sc));
		free(list[i]);
	}
	free(list);
	return bad ? -1 : 0;
}

int merit_figure(const char *dir)
{
	struct merit *m = calloc(1, sizeof(*m));
	int i, err;

	if (!m) {
		perror("sim");
		return -1;
	}
	for (i = 0; schedulers[i]; i++)
		if ((schedulers[i]->flags & SCHED_PRESET) && m->nr_presets < MAX_PRESETS)
			m->presets[m->nr_presets++] = schedulers[i];
	err = read_costs(m) || run_all(m) || write_table(m, dir) || write_plot(m, dir) ||
	      figure_plot(dir, "adaptive");
	if (!err) {
		printf("%s/adaptive.tsv .svg .png\n", dir);
		err = judge(m);
	}
	free(m);
	return err ? -1 : 0;
}
