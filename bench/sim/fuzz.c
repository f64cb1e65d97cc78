// SPDX-License-Identifier: GPL-2.0-only
/*
 * Random scenarios: whatever the mix, the properties hold. What does not is
 * shrunk and printed as a scenario that `sim run --check` accepts.
 *
 * A known defect is an exception: a property, what a scenario must have for the
 * exception to apply, a scenario that shows it, and the reason. It is counted,
 * not hidden; and when its scenario no longer fails, that is said as well.
 */

#include <errno.h>
#include <ini.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "commands.h"

#define MAX_EXCEPTIONS	16

/* What a scenario has, as exceptions speak of it. */
enum feature {
	HAS_GANG	= 1 << 0,
	HAS_PINNED	= 1 << 1,
	HAS_CAP		= 1 << 2,
	HAS_HOST	= 1 << 3,
	HAS_CELLS	= 1 << 4,
	HAS_HALTS	= 1 << 5,	/* vCPUs that sleep */
	HAS_SPINS	= 1 << 6,
	HAS_PLE		= 1 << 7,
	HAS_WIDE	= 1 << 8,	/* a gang wider than its cell */
	HAS_COMES	= 1 << 9,	/* VMs that come or go */
	HAS_WEIGHTS	= 1 << 10,
	HAS_SLICES	= 1 << 11,	/* that differ */
	HAS_GUARD	= 1 << 12,
	HAS_STRICT	= 1 << 13,
	HAS_RESERVES	= 1 << 14,
	HAS_RELAXED	= 1 << 15,
	HAS_ISOLATE	= 1 << 16,
};

static const char *const features[] = {
	"gang", "pinned", "cap", "host", "cells", "halts", "spins", "ple", "wide", "comes",
	"weights", "slices", "guard", "strict", "reserves", "relaxed", "isolate",
};

#define NR_FEATURES (sizeof(features) / sizeof(features[0]))

struct exception {
	char name[MAX_NAME];
	enum prop prop;
	u32 when;
	char scenario[MAX_NAME];
	char reason[MAX_TEXT];
	u64 hits;
};

struct exceptions {
	struct exception list[MAX_EXCEPTIONS];
	u32 nr;
	bool bad;
	const char *path;
};

static u32 features_of(const struct scenario *sc)
{
	u32 has = 0, i;
	u64 cell = sc->cell < sc->pcpus ? sc->cell : sc->pcpus;

	if (sc->host_every)
		has |= HAS_HOST;
	if (sc->pcpus > sc->cell)
		has |= HAS_CELLS;
	if (sc->ple != PLE_NONE)
		has |= HAS_PLE;
	for (i = 0; i < sc->nr_vms; i++) {
		const struct vm_conf *vm = &sc->vms[i];

		if (vm->cosched && vm->cosched != COSCHED_RELAXED)
			has |= vm->vcpus > cell ? HAS_GANG | HAS_WIDE : HAS_GANG;
		if (vm->cosched == COSCHED_STRICT)
			has |= HAS_STRICT;
		if (vm->cosched == COSCHED_RELAXED)
			has |= HAS_RELAXED;
		if (vm->isolate && sc->threads > 1)
			has |= HAS_ISOLATE;
		if (vm->pin != PIN_NONE)
			has |= HAS_PINNED;
		if (vm->quota)
			has |= HAS_CAP;
		if (vm->reserve_slice)
			has |= HAS_RESERVES;
		if (vm->arrive || vm->depart)
			has |= HAS_COMES;
		if (vm->slice != sc->vms[0].slice)
			has |= HAS_SLICES;
		if (vm->guard)
			has |= HAS_GUARD;
		if (vm->weight != 100)
			has |= HAS_WEIGHTS;
		if (vm->model == MODEL_PIPE || vm->model == MODEL_IDLE || vm->model == MODEL_IO ||
		    vm->model == MODEL_DODGE || vm->phase || vm->spin_limit ||
		    vm_conf_threads(vm) < vm->vcpus)
			has |= HAS_HALTS;
		if (vm->model == MODEL_STORM || vm->model == MODEL_LOCK ||
		    vm->model == MODEL_BARRIER || vm->phase)
			has |= HAS_SPINS;
	}
	return has;
}

static int parse_features(const char *value, u32 *out)
{
	char text[MAX_TEXT], *at = text, *word;
	size_t i;

	snprintf(text, sizeof(text), "%s", value);
	while ((word = strsep(&at, " "))) {
		for (i = 0; i < NR_FEATURES && strcmp(word, features[i]) != 0; i++)
			;
		if (i == NR_FEATURES)
			return -1;
		*out |= 1U << i;
	}
	return 0;
}

static int on_exception(void *arg, const char *section, const char *name, const char *value)
{
	struct exceptions *ex = arg;
	struct exception *e = NULL;
	u32 i;

	for (i = 0; i < ex->nr; i++)
		if (!strcmp(ex->list[i].name, section))
			e = &ex->list[i];
	if (!e && ex->nr < MAX_EXCEPTIONS) {
		e = &ex->list[ex->nr++];
		snprintf(e->name, sizeof(e->name), "%s", section);
		e->prop = NR_PROPS;
	}
	if (!e)
		return 0;
	if (!strcmp(name, "property")) {
		for (i = 0; i < NR_PROPS && strcmp(props_name(i), value) != 0; i++)
			;
		e->prop = i;
		ex->bad |= i == NR_PROPS;
	} else if (!strcmp(name, "when")) {
		ex->bad |= parse_features(value, &e->when) != 0;
	} else if (!strcmp(name, "scenario")) {
		snprintf(e->scenario, sizeof(e->scenario), "%s", value);
	} else if (!strcmp(name, "reason")) {
		snprintf(e->reason + strlen(e->reason), sizeof(e->reason) - strlen(e->reason),
			 "%s%s", *e->reason ? " " : "", value);
	} else {
		ex->bad = true;
	}
	if (ex->bad) {
		fprintf(stderr, "sim: %s: [%s] %s = %s: allowed are property (a property's name), "
			"when (features), scenario and reason\n", ex->path, section, name, value);
		return 0;
	}
	return 1;
}

static int read_exceptions(struct exceptions *ex, const char *path)
{
	u32 i;

	ex->path = path;
	if (ini_parse(path, on_exception, ex)) {
		if (!ex->bad)
			fprintf(stderr, "sim: %s: can not be read\n", path);
		return -1;
	}
	for (i = 0; i < ex->nr; i++) {
		if (ex->list[i].prop == NR_PROPS || !*ex->list[i].scenario ||
		    !*ex->list[i].reason) {
			fprintf(stderr, "sim: %s: [%s]: property, scenario and reason are needed\n",
				path, ex->list[i].name);
			return -1;
		}
	}
	return 0;
}

static struct exception *excepted(struct exceptions *ex, enum prop prop, u32 has)
{
	u32 i;

	for (i = 0; i < ex->nr; i++)
		if (ex->list[i].prop == prop && (ex->list[i].when & has) == ex->list[i].when)
			return &ex->list[i];
	return NULL;
}

static u64 pick(struct rng *r, u64 least, u64 most)
{
	return least + rng_below(r, most - least + 1);
}

static void random_pins(struct scenario *sc, struct vm_conf *vm, struct rng *r)
{
	u32 i;

	if (vm->vcpus <= sc->pcpus && rng_percent(r, 30)) {
		vm->pin = PIN_EACH;
		for (i = 0; i < sc->pcpus; i++)
			cpuset_add(&vm->pins, i);
		return;
	}
	vm->pin = PIN_ALL;
	for (i = 0; i < sc->pcpus; i++)
		if (rng_percent(r, 50))
			cpuset_add(&vm->pins, i);
	cpuset_add(&vm->pins, (u32)rng_below(r, sc->pcpus));
}

static void random_vm(struct scenario *sc, struct rng *r, bool plain)
{
	static const u64 slices[] = { 5, 10, 20, 20, 20, 50 };
	char name[MAX_NAME];
	struct vm_conf *vm;
	u64 kind;

	snprintf(name, sizeof(name), "vm%u", sc->nr_vms);
	vm = scenario_add_vm(sc, name);
	vm->vcpus = pick(r, 1, rng_percent(r, 10) ? 8 : 4);
	kind = rng_below(r, 100);
	vm->cosched = kind < 50 ? COSCHED_GANG : kind < 60 ? COSCHED_ADAPTIVE :
		      kind < 70 ? COSCHED_STRICT : COSCHED_OFF;
	vm->slice = slices[rng_below(r, 6)] * MS;
	if (rng_percent(r, 40))
		vm->weight = pick(r, 25, 400);
	vm->model = rng_percent(r, 50) ? MODEL_COMPUTE : rng_below(r, MODEL_OMP);
	vm->work = pick(r, 200, 5000) * US;
	vm->think = pick(r, 200, 20000) * US;
	vm->hold = pick(r, 5, 200) * US;
	vm->jitter = pick(r, 0, 50);
	vm->kernel = pick(r, 0, 100);
	vm->order = rng_below(r, 3);
	vm->depth = pick(r, 1, 8);
	if (plain)
		return;
	if (rng_percent(r, 15))
		vm->threads = pick(r, 1, vm->vcpus);
	if (rng_percent(r, 30))
		vm->spin_limit = pick(r, 1, 500) * US;
	if (rng_percent(r, 10)) {
		vm->phase = pick(r, 20, 300) * MS;
		vm->next = rng_below(r, MODEL_OMP);
	}
	if (rng_percent(r, 12))
		vm->quota = pick(r, 5, 200) * MS;
	if (rng_percent(r, 12))
		random_pins(sc, vm, r);
	if (rng_percent(r, 8))
		vm->arrive = pick(r, 0, 1000) * MS;
	if (rng_percent(r, 8))
		vm->depart = vm->arrive + pick(r, 1, 1000) * MS;
}

/* Three honest VMs and one that is not, long enough for 2 % to show. */
static void random_malice(struct scenario *sc, struct rng *r)
{
	u64 width = pick(r, 1, 4);
	struct vm_conf *vm;
	u32 i;

	sc->pcpus = pick(r, 1, width);
	sc->seconds = 11 * SEC;
	for (i = 0; i < 4; i++) {
		random_vm(sc, r, true);
		vm = &sc->vms[i];
		vm->vcpus = width;
		vm->slice = 20 * MS;
		vm->weight = 100;
		vm->model = i < 3 ? MODEL_COMPUTE : rng_percent(r, 50) ? MODEL_DODGE : MODEL_STORM;
	}
}

/* Some of the VMs have reservations; those that do not fit are not booked. */
static void random_reserves(struct scenario *sc, u64 seed)
{
	struct rng r = { .s = seed * 0xd1342543de82ef95ULL };
	u32 i;

	if (!rng_percent(&r, 25))
		return;
	for (i = 0; i < sc->nr_vms; i++) {
		struct vm_conf *vm = &sc->vms[i];

		if (!rng_percent(&r, 40))
			continue;
		vm->reserve_period = pick(&r, 2, rng_percent(&r, 20) ? 500 : 100) * MS;
		vm->reserve_slice = pick(&r, 1, vm->reserve_period / US * 9 / 10) * US;
		vm->extratime = rng_percent(&r, 50);
	}
}

/*
 * Several cells, VMs of all sizes, some of which leave and make it uneven; then
 * time enough for the rest to spread, and for shares to show.
 */
static void random_cells(struct scenario *sc, struct rng *r)
{
	struct vm_conf *vm;
	u64 n, i;

	sc->cell = pick(r, 1, 4);
	sc->pcpus = sc->cell * pick(r, 2, 4) - (rng_percent(r, 20) ? rng_below(r, sc->cell) : 0);
	sc->seconds = 20 * SEC;
	sc->warmup = 10 * SEC;
	n = pick(r, 2, 14);
	for (i = 0; i < n; i++) {
		random_vm(sc, r, true);
		vm = &sc->vms[i];
		vm->slice = 20 * MS;
		if (vm->vcpus > sc->cell)
			vm->vcpus = sc->cell;
		vm->cosched = rng_percent(r, 20);
		if (rng_percent(r, 70))
			vm->model = MODEL_COMPUTE;
		if (rng_percent(r, 30))
			vm->depart = pick(r, 500, 4000) * MS;
		if (rng_percent(r, 10))
			vm->arrive = pick(r, 0, 400) * MS;
	}
}

static void random_guests(struct scenario *sc, u64 seed)
{
	struct rng r = { .s = seed * 0x2545f4914f6cdd1dULL };
	struct rng cells = { .s = seed * 0x9e6c63d0876a9a47ULL };
	bool plain;
	u64 n, i;

	scenario_default(sc);
	snprintf(sc->name, sizeof(sc->name), "fuzz-%" PRIu64, seed);
	sc->seed = seed;
	sc->ple = rng_percent(&r, 70) ? PLE_NONE : pick(&r, PLE_INTEL, PLE_AMD);
	sc->warmup = 500 * MS;
	if (rng_percent(&cells, 4)) {
		random_cells(sc, &cells);
		return;
	}
	if (rng_percent(&r, 5)) {
		random_malice(sc, &r);
		return;
	}
	sc->pcpus = pick(&r, 1, rng_percent(&r, 10) ? 16 : 6);
	if (rng_percent(&r, 15))
		sc->cell = pick(&r, 1, sc->pcpus);
	sc->seconds = rng_percent(&r, 10) ? 5 * SEC : pick(&r, 1000, 2500) * MS;
	if (rng_percent(&r, 25)) {
		sc->host_every = pick(&r, 1000, 50000) * US;
		sc->host_for = pick(&r, 10, 2000) * US;
	}
	plain = rng_percent(&r, 30);
	n = pick(&r, 1, 8);
	for (i = 0; i < n; i++)
		random_vm(sc, &r, plain);
	random_reserves(sc, seed);
}

/* Cores with siblings; a cell has whole ones. */
static void random_cores(struct scenario *sc, u64 seed)
{
	struct rng r = { .s = seed * 0xd1342543de82ef95ULL + 3 };
	u32 i;

	if (rng_percent(&r, 70))
		return;
	sc->threads = rng_percent(&r, 80) ? 2 : 4;
	if (sc->cell < sc->pcpus)
		sc->cell += (sc->threads - sc->cell % sc->threads) % sc->threads;
	for (i = 0; i < sc->nr_vms; i++)
		sc->vms[i].isolate = rng_percent(&r, 50);
}

/*
 * Half of the guarded VMs say themselves when they hold a lock, and half of these
 * lie. So do some for whom malice was drawn. Some come when they are asked.
 */
static void random_hints(struct scenario *sc, u64 seed)
{
	struct rng r = { .s = seed * 0xd6e8feb86659fd93ULL + 1 };
	u32 i;

	for (i = 0; i < sc->nr_vms; i++) {
		struct vm_conf *vm = &sc->vms[i];

		if (vm->model == MODEL_STORM && rng_percent(&r, 40)) {
			vm->guard = GUARD_HINT;
			vm->hint = pick(&r, 1, 65535) * US;
			vm->lies = 1;
			vm->model = MODEL_COMPUTE;
		} else if (vm->guard == GUARD_KERNEL && rng_percent(&r, 50)) {
			vm->guard = GUARD_HINT;
			vm->hint = pick(&r, 1, 5000) * US;
			vm->lies = rng_percent(&r, 50);
		}
		vm->answers = rng_percent(&r, 30);
	}
}

/* Drawn last, so that a scenario stays what it is when there is more to draw. */
static void random_scenario(struct scenario *sc, u64 seed)
{
	struct rng r = { .s = seed * 0x9e3779b97f4a7c15ULL + 1 };
	u32 i;

	random_guests(sc, seed);
	for (i = 0; i < sc->nr_vms; i++) {
		sc->vms[i].spin = rng_below(&r, 3);
		sc->vms[i].guard = rng_percent(&r, 30);
		sc->vms[i].guard_for = pick(&r, 100, 10000) * US;
	}
	for (i = 0; i < sc->nr_vms; i++) {
		if (rng_percent(&r, 20))
			sc->vms[i].cosched = COSCHED_RELAXED;
		sc->vms[i].skew = rng_percent(&r, 50) ? 5 * MS : pick(&r, 1000, 100000) * US;
	}
	random_hints(sc, seed);
	random_cores(sc, seed);
}

struct tally {
	u64 done;
	u64 failed;
	u64 excepted;
	u64 events;
};

/* True: a property is violated that has no exception. */
static bool fuzz_one(struct exceptions *ex, u64 seed, struct tally *t)
{
	static struct scenario sc;
	struct exception *e;
	const char *what;
	struct sim *sim;
	enum prop prop;

	random_scenario(&sc, seed);
	sim = simulate(&sc, &sched_class, true, false, NULL);
	if (!sim)
		exit(EXIT_BAD);
	t->done++;
	t->events += sim->stats.events;
	prop = props_failed(sim, &what);
	if (prop == NR_PROPS) {
		sim_free(sim);
		return false;
	}
	e = excepted(ex, prop, features_of(&sc));
	if (e) {
		e->hits++;
		t->excepted++;
		sim_free(sim);
		return false;
	}
	t->failed++;
	printf("not ok - seed %" PRIu64 ": %s: %s\n", seed, props_name(prop), what);
	sim_free(sim);
	shrink(&sc, prop);
	sim = simulate(&sc, &sched_class, true, false, NULL);
	if (sim) {
		props_failed(sim, &what);
		printf("; shrunk; violates %s: %s\n", props_name(prop), what);
		sim_free(sim);
	}
	scenario_write(&sc, stdout);
	puts("");
	fflush(stdout);
	return true;
}

/* Each exception's scenario must still show it, under exactly that property. */
static u32 check_exceptions(struct exceptions *ex)
{
	static struct scenario sc;
	u32 i, stale = 0;

	for (i = 0; i < ex->nr; i++) {
		struct exception *e = &ex->list[i];
		enum prop prop;
		const char *what;
		struct sim *sim;

		if (scenario_find(&sc, e->scenario))
			exit(EXIT_BAD);
		sim = simulate(&sc, &sched_class, true, false, NULL);
		if (!sim)
			exit(EXIT_BAD);
		prop = props_failed(sim, &what);
		if (prop == e->prop) {
			printf("known - %s (%s): %s; %" PRIu64 " of the random scenarios\n",
			       e->name, props_name(e->prop), e->reason, e->hits);
		} else {
			printf("not ok - exception '%s': scenario %s does not violate %s any "
			       "more: take it out of %s\n", e->name, e->scenario,
			       props_name(e->prop), ex->path);
			stale++;
		}
		sim_free(sim);
	}
	return stale;
}

int cmd_fuzz(int argc, char **argv)
{
	static struct exceptions ex;
	char path[PATH_MAX];
	u64 count = 10000, seed = 1, i;
	struct tally t = { 0 };
	time_t said = time(NULL);
	u32 stale;
	int k;

	snprintf(path, sizeof(path), "%s/../exceptions.ini", scenario_dir());
	for (k = 1; k < argc; k += 2) {
		const char *value = k + 1 < argc ? argv[k + 1] : NULL;

		if (!strcmp(argv[k], "--count")) {
			if (option_number(argv[k], value, ~0ULL, &count))
				return EXIT_USAGE;
		} else if (!strcmp(argv[k], "--seed")) {
			if (option_number(argv[k], value, ~0ULL, &seed))
				return EXIT_USAGE;
		} else if (!strcmp(argv[k], "--exceptions") && value) {
			snprintf(path, sizeof(path), "%s", value);
		} else {
			fprintf(stderr, "sim fuzz: '%s': there are --count N, --seed N and "
				"--exceptions FILE\n", argv[k]);
			return EXIT_USAGE;
		}
	}
	if (read_exceptions(&ex, path))
		return EXIT_USAGE;
	for (i = 0; !count || i < count; i++) {
		if (fuzz_one(&ex, seed + i, &t) && t.failed >= 5)
			break;
		if (time(NULL) - said >= 5) {
			said = time(NULL);
			fprintf(stderr, "fuzz: %" PRIu64 " scenarios, %" PRIu64 " failed\n",
				t.done, t.failed);
		}
	}
	stale = check_exceptions(&ex);
	printf("%" PRIu64 " scenarios, %" PRIu64 " events, %" PRIu64 " with a known defect\n",
	       t.done, t.events, t.excepted);
	printf("fuzz: %" PRIu64 " passed, %" PRIu64 " failed\n",
	       t.done - t.failed - t.excepted, t.failed + stale);
	return t.failed || stale ? EXIT_BAD : EXIT_OK;
}
