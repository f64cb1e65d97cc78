// SPDX-License-Identifier: GPL-2.0-only
/* Scenario files: one table says what there is, for reading and for writing. */

#include <errno.h>
#include <ini.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "scenario.h"

enum kind {
	NUMBER,
	WORD,		/* one of several */
	TEXT,
	CPUS,
};

struct key {
	const char *name;
	enum kind kind;
	size_t at;
	u64 unit;	/* NUMBER: of the file, in the structure's */
	u64 least;	/* … in the file's */
	u64 most;
	const char *words;
	size_t size;	/* TEXT */
};

#define NUM(name, type, field, unit, least, most) \
	{ name, NUMBER, offsetof(type, field), unit, least, most, NULL, 0 }
#define ONE(name, type, field, words) \
	{ name, WORD, offsetof(type, field), 0, 0, 0, words, 0 }
#define TXT(name, type, field) \
	{ name, TEXT, offsetof(type, field), 0, 0, 0, NULL, sizeof(((type *)NULL)->field) }

static const struct key scenario_keys[] = {
	TXT("shows", struct scenario, shows),
	NUM("milliseconds", struct scenario, seconds, MS, 1, 3600000),
	NUM("warmup_ms", struct scenario, warmup, MS, 0, 3600000),
	NUM("seed", struct scenario, seed, 1, 0, ~0ULL),
	ONE("adaptive", struct scenario, adaptive, "no yes"),
	{ 0 }
};

static const struct key host_keys[] = {
	NUM("pcpus", struct scenario, pcpus, 1, 1, MAX_PCPUS),
	NUM("cell", struct scenario, cell, 1, 1, 64),
	NUM("node", struct scenario, node, 1, 1, MAX_PCPUS),
	NUM("threads", struct scenario, threads, 1, 1, 8),
	ONE("ple", struct scenario, ple, "none intel amd"),
	NUM("host_every_us", struct scenario, host_every, US, 0, 1000000000),
	NUM("host_for_us", struct scenario, host_for, US, 1, 1000000),
	{ 0 }
};

static const struct key cost_keys[] = {
#define X(name, dfl, most) NUM(#name, struct scenario, costs.name, 1, 0, most),
	COSTS(X)
#undef X
	{ 0 }
};

static const struct key figure_keys[] = {
	TXT("title", struct scenario, figure.title),
	TXT("vary", struct scenario, figure.vary),
	TXT("groups", struct scenario, figure.groups),
	TXT("show", struct scenario, figure.show),
	TXT("axis", struct scenario, figure.axis),
	TXT("paper", struct scenario, figure.paper),
	TXT("values", struct scenario, figure.values),
	TXT("schedulers", struct scenario, figure.schedulers),
	ONE("metric", struct scenario, figure.metric, "time rate share latency lhp"),
	ONE("normalise", struct scenario, figure.normalise, "no yes"),
	{ 0 }
};

#define MODELS "compute lock barrier pipe idle io dodge storm omp"

static const struct key vm_keys[] = {
	NUM("count", struct vm_conf, count, 1, 1, 4096),
	NUM("vcpus", struct vm_conf, vcpus, 1, 1, 1024),
	NUM("weight", struct vm_conf, weight, 1, 1, 10000),
	NUM("cap_quota_us", struct vm_conf, quota, US, 0, 1000000000),
	NUM("cap_period_us", struct vm_conf, period, US, 1000, 1000000),
	ONE("cosched", struct vm_conf, cosched, "off gang adaptive strict relaxed"),
	ONE("spin", struct vm_conf, spin, "off yield preempt"),
	ONE("guard", struct vm_conf, guard, "off kernel hint"),
	ONE("isolate", struct vm_conf, isolate, "off core"),
	NUM("guard_us", struct vm_conf, guard_for, US, 100, 10000),
	NUM("skew_us", struct vm_conf, skew, US, 1000, 100000),
	NUM("hint_us", struct vm_conf, hint, US, 1, 65535),
	ONE("lies", struct vm_conf, lies, "no yes"),
	ONE("answers", struct vm_conf, answers, "no yes"),
	NUM("slice_us", struct vm_conf, slice, US, 1000, 100000),
	NUM("reserve_period_us", struct vm_conf, reserve_period, US, 1000, 10000000),
	NUM("reserve_slice_us", struct vm_conf, reserve_slice, US, 0, 10000000),
	ONE("extratime", struct vm_conf, extratime, "no yes"),
	ONE("pin", struct vm_conf, pin, "none all each"),
	{ "pin_to", CPUS, offsetof(struct vm_conf, pins), 0, 0, 0, NULL, 0 },
	NUM("arrive_ms", struct vm_conf, arrive, MS, 0, 3600000),
	NUM("depart_ms", struct vm_conf, depart, MS, 0, 3600000),
	ONE("model", struct vm_conf, model, MODELS),
	NUM("threads", struct vm_conf, threads, 1, 0, 1024),
	NUM("work_us", struct vm_conf, work, US, 1, 10000000),
	NUM("hold_us", struct vm_conf, hold, US, 1, 1000000),
	NUM("think_us", struct vm_conf, think, US, 1, 10000000),
	NUM("jitter_percent", struct vm_conf, jitter, 1, 0, 100),
	NUM("kernel_percent", struct vm_conf, kernel, 1, 0, 100),
	ONE("split", struct vm_conf, split, "no yes"),
	NUM("spin_limit_us", struct vm_conf, spin_limit, US, 0, 1000000),
	ONE("order", struct vm_conf, order, "ticket queued unfair"),
	NUM("depth", struct vm_conf, depth, 1, 1, 1024),
	ONE("then", struct vm_conf, next, MODELS),
	NUM("phase_ms", struct vm_conf, phase, MS, 0, 3600000),
	NUM("guest_hz", struct vm_conf, hz, 1, 0, 10000),
	NUM("guest_tick_us", struct vm_conf, tick, US, 1, 10000),
	{ 0 }
};

static const struct section {
	const char *name;
	const struct key *keys;
} sections[] = {
	{ "scenario", scenario_keys },
	{ "host", host_keys },
	{ "costs", cost_keys },
	{ "figure", figure_keys },
};

struct reader {
	struct scenario *sc;
	const char *path;
	bool bad;
};

void scenario_default(struct scenario *sc)
{
	memset(sc, 0, sizeof(*sc));
	sc->seconds = 10 * SEC;
	sc->warmup = SEC;
	sc->seed = 1;
	sc->pcpus = 2;
	sc->cell = 64;
	sc->node = MAX_PCPUS;
	sc->threads = 1;
	sc->ple = PLE_INTEL;
	sc->host_for = 50 * US;
#define X(name, dfl, most) sc->costs.name = dfl;
	COSTS(X)
#undef X
}

struct vm_conf *scenario_add_vm(struct scenario *sc, const char *name)
{
	struct vm_conf *vm;

	if (sc->nr_vms == MAX_GROUPS)
		return NULL;
	vm = &sc->vms[sc->nr_vms++];
	memset(vm, 0, sizeof(*vm));
	snprintf(vm->name, sizeof(vm->name), "%s", name);
	vm->count = 1;
	vm->vcpus = 1;
	vm->weight = 100;
	vm->period = 100 * MS;
	vm->spin = SPIN_YIELD;
	vm->guard_for = MS;
	vm->skew = 5 * MS;
	vm->hint = 500 * US;
	vm->slice = 20 * MS;
	vm->reserve_period = 100 * MS;
	vm->extratime = 1;
	vm->work = MS;
	vm->hold = 5 * US;
	vm->think = MS;
	vm->jitter = 10;
	vm->depth = 8;
	vm->hz = 250;
	vm->tick = 10 * US;
	return vm;
}

u32 vm_conf_threads(const struct vm_conf *vm)
{
	return vm->threads && vm->threads < vm->vcpus ? vm->threads : vm->vcpus;
}

u64 scenario_nr_vcpus(const struct scenario *sc)
{
	u64 n = 0;
	u32 i;

	for (i = 0; i < sc->nr_vms; i++)
		n += sc->vms[i].count * sc->vms[i].vcpus;
	return n;
}

bool word_at(const char *words, u64 n, char *out, size_t size)
{
	size_t len;

	for (;; words += len) {
		words += strspn(words, " ");
		len = strcspn(words, " ");
		if (!len)
			return false;
		if (!n--) {
			snprintf(out, size, "%.*s", (int)len, words);
			return true;
		}
	}
}

const char *scenario_model_name(u64 model)
{
	static char name[MAX_NAME];

	return word_at(MODELS, model, name, sizeof(name)) ? name : "?";
}

static int parse_number(const char *s, u64 *out)
{
	char *end;

	if (*s < '0' || *s > '9')
		return -1;
	errno = 0;
	*out = strtoull(s, &end, 10);
	return errno || *end ? -1 : 0;
}

/* "0-3,8": a list of pCPUs. */
static int parse_cpus(const char *s, struct cpuset *set)
{
	memset(set, 0, sizeof(*set));
	while (*s) {
		unsigned long a, b;
		char *end;

		if (*s < '0' || *s > '9')
			return -1;
		a = b = strtoul(s, &end, 10);
		if (*end == '-')
			b = strtoul(end + 1, &end, 10);
		if (a > b || b >= MAX_PCPUS || (*end && *end != ','))
			return -1;
		for (; a <= b; a++)
			cpuset_add(set, (u32)a);
		s = *end ? end + 1 : end;
	}
	return 0;
}

static void write_cpus(const struct cpuset *set, FILE *f)
{
	const char *sep = "";
	u32 i;

	for (i = 0; i < MAX_PCPUS; i++) {
		if (!cpuset_has(set, i))
			continue;
		fprintf(f, "%s%u", sep, i);
		sep = ",";
	}
}

/* Set what @k says in @base to @value; what is wrong goes to stderr. */
static int key_set(const struct key *k, void *base, const char *value, const char *where)
{
	void *at = (char *)base + k->at;
	char word[MAX_NAME];
	u64 n;

	switch (k->kind) {
	case NUMBER:
		if (parse_number(value, &n) || n < k->least || n > k->most) {
			fprintf(stderr, "sim: %s: %s = '%s': allowed is a number from %" PRIu64
				" to %" PRIu64 "\n", where, k->name, value, k->least, k->most);
			return -1;
		}
		*(u64 *)at = n * k->unit;
		return 0;
	case WORD:
		for (n = 0; word_at(k->words, n, word, sizeof(word)); n++) {
			if (!strcmp(word, value)) {
				*(u64 *)at = n;
				return 0;
			}
		}
		fprintf(stderr, "sim: %s: %s = '%s': allowed is one of: %s\n", where, k->name,
			value, k->words);
		return -1;
	case TEXT:
		/* A further line of the same value is added to it. */
		n = strlen(at);
		if (n + 1 + strlen(value) >= k->size) {
			fprintf(stderr, "sim: %s: %s: longer than %zu characters\n", where,
				k->name, k->size - 1);
			return -1;
		}
		snprintf((char *)at + n, k->size - n, "%s%s", n ? " " : "", value);
		return 0;
	case CPUS:
		if (parse_cpus(value, at)) {
			fprintf(stderr, "sim: %s: %s = '%s': allowed is a list as in 0-3,8, up to "
				"%d\n", where, k->name, value, MAX_PCPUS - 1);
			return -1;
		}
		return 0;
	}
	return -1;
}

static const struct key *key_find(const struct key *keys, const char *name)
{
	for (; keys->name; keys++)
		if (!strcmp(keys->name, name))
			return keys;
	return NULL;
}

static int set_in(const struct key *keys, void *base, const char *key, const char *value,
		  const char *where)
{
	const struct key *k = key_find(keys, key);

	if (k)
		return key_set(k, base, value, where);
	fprintf(stderr, "sim: %s: no key '%s'; there are", where, key);
	for (; keys->name; keys++)
		fprintf(stderr, " %s", keys->name);
	fputs("\n", stderr);
	return -1;
}

int scenario_set_vm(struct scenario *sc, struct vm_conf *vm, const char *key, const char *value)
{
	return set_in(vm_keys, vm, key, value, sc->name);
}

static struct vm_conf *vm_find(struct scenario *sc, const char *name)
{
	u32 i;

	for (i = 0; i < sc->nr_vms; i++)
		if (!strcmp(sc->vms[i].name, name))
			return &sc->vms[i];
	return scenario_add_vm(sc, name);
}

static int on_key(void *arg, const char *section, const char *name, const char *value)
{
	struct reader *r = arg;
	struct vm_conf *vm;
	size_t i;

	if (!strncmp(section, "vm ", 3)) {
		vm = vm_find(r->sc, section + 3);
		if (!vm) {
			fprintf(stderr, "sim: %s: more than %d [vm] sections\n", r->path,
				MAX_GROUPS);
			r->bad = true;
		} else if (set_in(vm_keys, vm, name, value, r->path)) {
			r->bad = true;
		}
		return 1;
	}
	for (i = 0; i < sizeof(sections) / sizeof(sections[0]); i++) {
		if (strcmp(section, sections[i].name) != 0)
			continue;
		if (set_in(sections[i].keys, r->sc, name, value, r->path))
			r->bad = true;
		return 1;
	}
	fprintf(stderr, "sim: %s: no section [%s]; there are [scenario] [host] [costs] [figure] "
		"[vm NAME]\n", r->path, section);
	r->bad = true;
	return 1;
}

static int check_vm(const struct scenario *sc, const struct vm_conf *vm)
{
	u32 cpus = cpuset_count(&vm->pins, MAX_PCPUS);

	if (vm->pin != PIN_NONE && cpus != cpuset_count(&vm->pins, (u32)sc->pcpus)) {
		fprintf(stderr, "sim: %s: [vm %s] pin_to: the host has pCPUs 0 to %" PRIu64 "\n",
			sc->name, vm->name, sc->pcpus - 1);
		return -1;
	}
	if ((vm->pin == PIN_ALL && !cpus) || (vm->pin == PIN_EACH && cpus < vm->vcpus)) {
		fprintf(stderr, "sim: %s: [vm %s] pin_to: too few pCPUs for pin\n", sc->name,
			vm->name);
		return -1;
	}
	if (vm->quota && vm->quota < MS) {
		fprintf(stderr, "sim: %s: [vm %s] cap_quota_us: 0 or at least 1000\n", sc->name,
			vm->name);
		return -1;
	}
	if (vm->reserve_slice > vm->reserve_period) {
		fprintf(stderr, "sim: %s: [vm %s] reserve_slice_us: more than reserve_period_us\n",
			sc->name, vm->name);
		return -1;
	}
	if (vm->depart && vm->depart <= vm->arrive) {
		fprintf(stderr, "sim: %s: [vm %s] depart_ms: not after arrive_ms\n", sc->name,
			vm->name);
		return -1;
	}
	return 0;
}

int scenario_check(const struct scenario *sc)
{
	u64 vms = 0;
	u32 i;

	for (i = 0; i < sc->nr_vms; i++) {
		vms += sc->vms[i].count;
		if (check_vm(sc, &sc->vms[i]))
			return -1;
	}
	if (!vms || vms > 4096 || scenario_nr_vcpus(sc) > 16384) {
		fprintf(stderr, "sim: %s: allowed are 1 to 4096 VMs and at most 16384 vCPUs\n",
			sc->name);
		return -1;
	}
	if ((sc->pcpus + sc->cell - 1) / sc->cell > 64) {
		fprintf(stderr, "sim: %s: more than 64 cells\n", sc->name);
		return -1;
	}
	if (sc->cell < sc->pcpus && sc->cell % sc->threads) {
		fprintf(stderr, "sim: %s: threads: a core is in one cell, so cell is a multiple\n",
			sc->name);
		return -1;
	}
	if (sc->warmup >= sc->seconds) {
		fprintf(stderr, "sim: %s: warmup_ms: not shorter than milliseconds\n", sc->name);
		return -1;
	}
	if (!sc->costs.hz_ns || !sc->costs.eevdf_slice_ns || !sc->costs.ple_intel_ns ||
	    !sc->costs.ple_amd_ns) {
		fprintf(stderr, "sim: %s: hz_ns, eevdf_slice_ns and ple_*_ns: at least 1\n",
			sc->name);
		return -1;
	}
	return 0;
}

int scenario_read(struct scenario *sc, const char *path)
{
	const char *base = strrchr(path, '/');
	struct reader r = { .sc = sc, .path = path };
	int err;

	scenario_default(sc);
	base = base ? base + 1 : path;
	snprintf(sc->name, sizeof(sc->name), "%.*s", (int)strcspn(base, "."), base);
	err = ini_parse(path, on_key, &r);
	if (err < 0) {
		fprintf(stderr, "sim: %s: %s\n", path, strerror(errno));
		return -1;
	}
	if (err > 0) {
		fprintf(stderr, "sim: %s:%d: neither [section] nor key = value\n", path, err);
		return -1;
	}
	return r.bad ? -1 : scenario_check(sc);
}

/* @section: its heading, written before the first key; NULL: it is there already. */
static void write_keys(const char *section, const struct key *k, const void *base,
		       const void *dfl, FILE *f)
{
	char word[MAX_NAME];

	for (; k->name; k++) {
		const char *at = (const char *)base + k->at;
		const char *was = (const char *)dfl + k->at;

		if (k->kind == TEXT ? !strcmp(at, was) :
		    !memcmp(at, was, k->kind == CPUS ? sizeof(struct cpuset) : sizeof(u64)))
			continue;
		if (section)
			fprintf(f, "\n[%s]\n", section);
		section = NULL;
		fprintf(f, "%s = ", k->name);
		if (k->kind == NUMBER)
			fprintf(f, "%" PRIu64, *(const u64 *)at / k->unit);
		else if (k->kind == WORD && word_at(k->words, *(const u64 *)at, word, sizeof(word)))
			fputs(word, f);
		else if (k->kind == TEXT)
			fputs(at, f);
		else if (k->kind == CPUS)
			write_cpus((const struct cpuset *)at, f);
		fputs("\n", f);
	}
}

void scenario_write(const struct scenario *sc, FILE *f)
{
	static struct scenario dfl;
	const struct vm_conf *vm;
	size_t i;

	scenario_default(&dfl);
	vm = scenario_add_vm(&dfl, "");
	fputs("; SPDX-License-Identifier: GPL-2.0-only\n", f);
	for (i = 0; i < sizeof(sections) / sizeof(sections[0]); i++)
		write_keys(sections[i].name, sections[i].keys, sc, &dfl, f);
	for (i = 0; i < sc->nr_vms; i++) {
		fprintf(f, "\n[vm %s]\n", sc->vms[i].name);
		fprintf(f, "vcpus = %" PRIu64 "\n", sc->vms[i].vcpus);
		write_keys(NULL, vm_keys + 2, &sc->vms[i], vm, f);
		if (sc->vms[i].count != 1)
			fprintf(f, "count = %" PRIu64 "\n", sc->vms[i].count);
	}
}
