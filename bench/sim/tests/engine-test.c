// SPDX-License-Identifier: GPL-2.0-only
/* The parts of the engine, and cases small enough to be computed by hand. */

#include <unistd.h>

#include "exact.h"

static u32 order[1000];
static u32 nr_order;

static void note(struct sim *sim, void *arg)
{
	(void)sim;
	order[nr_order++] = *(u32 *)arg;
}

/* Events happen in order of time, those of one time in the order they were set. */
static void test_event_order(void **state)
{
	struct event_queue q = { 0 };
	struct event ev[1000] = { 0 }, *e;
	u32 id[1000], i;
	struct rng r = { .s = 3 };

	(void)state;
	nr_order = 0;
	for (i = 0; i < 1000; i++) {
		id[i] = i;
		ev[i].fire = note;
		ev[i].arg = &id[i];
		event_set(&q, &ev[i], rng_below(&r, 50));
	}
	/* Some are moved, some taken out again. */
	for (i = 0; i < 1000; i += 7)
		event_set(&q, &ev[i], 25);
	for (i = 3; i < 1000; i += 11)
		event_cancel(&q, &ev[i]);
	while ((e = event_pop(&q)))
		e->fire(NULL, e->arg);
	for (i = 1; i < nr_order; i++) {
		struct event *a = &ev[order[i - 1]], *b = &ev[order[i]];

		assert_true(a->at < b->at || (a->at == b->at && a->seq < b->seq));
	}
	for (i = 0; i < 1000; i++) {
		u32 k, seen = 0;

		for (k = 0; k < nr_order; k++)
			seen += order[k] == i;
		assert_int_equal(seen, i % 11 != 3);
		assert_false(event_is_set(&ev[i]));
	}
	event_free(&q);
}

/*
 * Two vCPUs on two pCPUs, 60 us of work and then 40 us with the lock, so that
 * the lock is asked for 80 % of the time and nobody waits twice: after the
 * first meeting they follow each other, 60 + 40 us each. In 1 s each takes the
 * lock 10,000 times, less the one piece lost to the first meeting and to
 * beginning up to 1 ms late (10 of them).
 */
static void test_lock_by_hand(void **state)
{
	static struct scenario sc;
	struct vm_conf *vm;
	struct sim *sim;
	u64 spun;

	(void)state;
	scenario_default(&sc);
	free_of_cost(&sc);
	sc.seconds = SEC;
	vm = exact_vm(&sc, "lock", 2, MODEL_LOCK);
	vm->think = 60 * US;
	vm->hold = 40 * US;
	sim = run(&sc, &sched_off);
	assert_true(sim->vms[0].stats.units <= 20000);
	assert_true(sim->vms[0].stats.units >= 20000 - 22);
	/* What was spun is at most the first meeting's 40 us for each of them. */
	spun = sim->vcpus[0].stats.spun + sim->vcpus[1].stats.spun;
	assert_true(spun <= 80 * US);
	sim_free(sim);
}

/*
 * The same with no work in between but 10 us: the lock is the bottleneck. It is
 * held all the time: 25,000 sections a second of 40 us, and each vCPU spins for
 * 30 us of every 80.
 */
static void test_contended_lock_by_hand(void **state)
{
	static struct scenario sc;
	struct vm_conf *vm;
	struct sim *sim;
	u64 spun;

	(void)state;
	scenario_default(&sc);
	free_of_cost(&sc);
	sc.seconds = SEC;
	vm = exact_vm(&sc, "lock", 2, MODEL_LOCK);
	vm->think = 10 * US;
	vm->hold = 40 * US;
	sim = run(&sc, &sched_off);
	assert_true(off_by(sim->vms[0].stats.units, 25000) <= 30);
	spun = sim->vcpus[0].stats.spun + sim->vcpus[1].stats.spun;
	assert_true(off_by(spun, 750 * MS) <= 2 * MS);
	sim_free(sim);
}

/*
 * A lock holder that is preempted holds up its sibling: two vCPUs of one VM and
 * a third, busy one of another VM, all pinned: 0 and the other share pCPU 0.
 * Half of the time vCPU 0 is not there, and vCPU 1 can do at most as much as
 * vCPU 0 does, because every section of one is followed by one of the other.
 */
static void test_preempted_holder(void **state)
{
	static struct scenario sc;
	struct vm_conf *vm;
	struct sim *sim;

	(void)state;
	scenario_default(&sc);
	free_of_cost(&sc);
	sc.seconds = 4 * SEC;
	vm = exact_vm(&sc, "lock", 2, MODEL_LOCK);
	vm->think = 10 * US;
	vm->hold = 40 * US;
	vm->pin = PIN_EACH;
	cpuset_add(&vm->pins, 0);
	cpuset_add(&vm->pins, 1);
	vm = exact_vm(&sc, "busy", 1, MODEL_COMPUTE);
	vm->pin = PIN_ALL;
	cpuset_add(&vm->pins, 0);
	/* Twice the weight: its VM's two vCPUs together get as much as the busy one. */
	vm->weight = 200;
	sim = run(&sc, &sched_eevdf);
	/* vCPU 1 always runs; it spins while vCPU 0 is away with or before the lock. */
	assert_true(off_by(sim->vcpus[1].stats.run, 4 * SEC) <= MS);
	assert_true(sim->vcpus[1].stats.spun > sim->vcpus[1].stats.run / 2);
	assert_true(sim->vcpus[0].stats.holding > 100);
	sim_free(sim);
}

/* One vCPU, one pCPU, pieces of 1 ms, free of cost: 1,000 a second. */
static void test_compute_by_hand(void **state)
{
	static struct scenario sc;
	struct sim *sim;

	(void)state;
	scenario_default(&sc);
	free_of_cost(&sc);
	sc.pcpus = 1;
	sc.seconds = SEC;
	exact_vm(&sc, "one", 1, MODEL_COMPUTE);
	sim = run(&sc, &sched_class);
	assert_true(off_by(sim->vms[0].stats.units, 999) <= 1);
	assert_int_equal(sim->vcpus[0].stats.overhead, 0);
	sim_free(sim);
}

/* What costs are set is what is paid: 10 us each tick leave 99.75 % of the time. */
static void test_costs_are_paid(void **state)
{
	static struct scenario sc;
	struct sim *sim;

	(void)state;
	scenario_default(&sc);
	free_of_cost(&sc);
	sc.pcpus = 1;
	sc.seconds = SEC;
	sc.costs.tick_ns = 10 * US;
	exact_vm(&sc, "one", 1, MODEL_COMPUTE);
	sim = run(&sc, &sched_class);
	assert_true(off_by(sim->vcpus[0].stats.overhead, 2500 * US) <= 20 * US);
	sim_free(sim);
}

/* Run, ready, co-stop and wait are all the time there is, whatever happens. */
static void test_times_add_up(void **state)
{
	static struct scenario sc;
	const struct sched_ops *const *ops;
	struct vm_conf *vm;
	u64 model, i;

	(void)state;
	for (ops = schedulers; *ops; ops++) {
		struct sim *sim;

		scenario_default(&sc);
		sc.pcpus = 3;
		sc.seconds = SEC;
		sc.host_every = 5 * MS;
		for (model = 0; model < NR_MODELS; model++) {
			vm = scenario_add_vm(&sc, scenario_model_name(model));
			vm->model = model;
			vm->vcpus = 2;
			vm->cosched = model & 1;
		}
		vm->quota = 20 * MS;
		sc.warmup = 100 * MS;
		sim = run(&sc, *ops);
		for (i = 0; i < sim->nr_vcpus; i++) {
			struct vcpu_stats *s = &sim->vcpus[i].stats;

			assert_int_equal(s->run + s->ready + s->costop + s->wait,
					 sc.seconds - sc.warmup);
			assert_int_equal(s->work + s->spun + s->overhead, s->run);
		}
		sim_free(sim);
	}
}

/* The same seed gives the same bytes, another seed others. */
static void test_determinism(void **state)
{
	const struct sched_ops *const *ops;
	static struct scenario sc;
	char *text[3];
	size_t size;
	int i;

	(void)state;
	for (ops = schedulers; *ops; ops++) {
		for (i = 0; i < 3; i++) {
			struct vm_conf *vm;
			struct sim *sim;
			FILE *f;

			scenario_default(&sc);
			sc.seed = i == 2 ? 6 : 5;
			sc.seconds = 2 * SEC;
			sc.host_every = 10 * MS;
			vm = scenario_add_vm(&sc, "barrier");
			vm->count = 3;
			vm->vcpus = 2;
			vm->model = MODEL_BARRIER;
			vm->cosched = 1;
			vm = scenario_add_vm(&sc, "io");
			vm->model = MODEL_IO;
			sim = run(&sc, *ops);
			f = open_memstream(&text[i], &size);
			assert_non_null(f);
			sim->sc = &sc;
			stats_tsv(sim, f, true);
			fclose(f);
			sim_free(sim);
		}
		assert_string_equal(text[0], text[1]);
		assert_string_not_equal(text[0], text[2]);
		for (i = 0; i < 3; i++)
			free(text[i]);
	}
}

/* What is written is read back as the same scenario. */
static void test_scenario_round_trip(void **state)
{
	static struct scenario sc, back;
	struct vm_conf *vm;
	char path[] = "/tmp/sim-test-XXXXXX";
	FILE *f;
	int fd;

	(void)state;
	scenario_default(&sc);
	sc.pcpus = 6;
	sc.cell = 3;
	sc.ple = PLE_AMD;
	sc.costs.ipi_ns = 777;
	vm = scenario_add_vm(&sc, "one");
	vm->vcpus = 3;
	vm->model = MODEL_PIPE;
	vm->pin = PIN_ALL;
	cpuset_add(&vm->pins, 1);
	cpuset_add(&vm->pins, 5);
	vm = scenario_add_vm(&sc, "two");
	vm->count = 4;
	vm->quota = 30 * MS;
	fd = mkstemp(path);
	f = fd < 0 ? NULL : fdopen(fd, "w");
	if (!f) {
		fail_msg("no temporary file");
		return;
	}
	scenario_write(&sc, f);
	fclose(f);
	assert_int_equal(scenario_read(&back, path), 0);
	unlink(path);
	memcpy(back.name, sc.name, sizeof(sc.name));
	assert_memory_equal(&sc, &back, sizeof(sc));
}

/* A percentile is never below the true one, and at most an eighth above it. */
static void test_histogram(void **state)
{
	static struct hist h;
	u64 i;

	(void)state;
	for (i = 1; i <= 10000; i++)
		hist_add(&h, i * US);
	assert_int_equal(h.nr, 10000);
	assert_int_equal(h.most, 10 * MS);
	assert_in_range(hist_percentile(&h, 50), 5 * MS, 5 * MS * 9 / 8);
	assert_in_range(hist_percentile(&h, 99), 9900 * US, 10 * MS);
}

/* EEVDF: weights of VMs hold on one pCPU whatever the numbers of their vCPUs. */
static void test_eevdf_weights(void **state)
{
	static struct scenario sc;
	struct sim *sim;
	u64 a, b;

	(void)state;
	scenario_default(&sc);
	sc.pcpus = 1;
	sc.seconds = 10 * SEC;
	exact_vm(&sc, "wide", 3, MODEL_COMPUTE);
	exact_vm(&sc, "heavy", 1, MODEL_COMPUTE)->weight = 300;
	sim = run(&sc, &sched_eevdf);
	a = sim->vcpus[0].stats.run + sim->vcpus[1].stats.run + sim->vcpus[2].stats.run;
	b = sim->vcpus[3].stats.run;
	assert_true(off_by(b, 3 * a) <= b / 50);
	sim_free(sim);
}

/* EEVDF: a cap holds to its period and a tick, and the rest is used. */
static void test_eevdf_cap(void **state)
{
	static struct scenario sc;
	struct sim *sim;
	u64 ran;

	(void)state;
	scenario_default(&sc);
	sc.seconds = 10 * SEC;
	sc.warmup = 0;
	exact_vm(&sc, "capped", 2, MODEL_COMPUTE)->quota = 30 * MS;
	sim = run(&sc, &sched_eevdf);
	ran = sim->vcpus[0].stats.run + sim->vcpus[1].stats.run;
	assert_true(off_by(ran, 3 * SEC) <= 60 * MS);
	sim_free(sim);
}

/* A scheduler that gives each pCPU what another one runs. */
static struct vcpu *liar_schedule(struct sim *sim, struct pcpu *p, struct vcpu *prev)
{
	u32 i;

	(void)p;
	for (i = 0; i < sim->nr_vcpus; i++)
		if (sim->vcpus[i].state == VCPU_RUNNING && &sim->vcpus[i] != prev)
			return &sim->vcpus[i];
	for (i = 0; i < sim->nr_vcpus; i++)
		if (sim->vcpus[i].wants)
			return &sim->vcpus[i];
	return NULL;
}

/* A watched property that does not hold is found. */
static void test_properties_can_fail(void **state)
{
	struct sched_ops liar = sched_class;
	static struct scenario sc;
	const char *what;
	struct sim *sim;

	(void)state;
	liar.schedule = liar_schedule;
	scenario_default(&sc);
	sc.seconds = SEC;
	exact_vm(&sc, "two", 2, MODEL_COMPUTE);
	sim = simulate(&sc, &liar, true, false, NULL);
	assert_non_null(sim);
	assert_true(sim->failed);
	assert_int_equal(props_failed(sim, &what), PROP_ONE_PCPU);
	sim_free(sim);
}

/* A scenario that violates a property is made as small as two VMs. */
static void test_shrinking(void **state)
{
	static struct scenario sc;
	const char *what;
	struct sim *sim;
	enum prop prop;
	u32 i;

	(void)state;
	scenario_default(&sc);
	sc.pcpus = 1;
	sc.seconds = 3 * SEC;
	sc.warmup = 100 * MS;
	for (i = 0; i < 4; i++) {
		struct vm_conf *vm = exact_vm(&sc, i == 2 ? "storm" : "honest", 3,
					      i == 2 ? MODEL_STORM : MODEL_COMPUTE);

		snprintf(vm->name, sizeof(vm->name), "vm%u", i);
		vm->slice = 100 * MS;
	}
	sc.costs.ple_intel_ns = 1000;
	sim = simulate(&sc, &sched_class, true, false, NULL);
	assert_non_null(sim);
	prop = props_failed(sim, &what);
	sim_free(sim);
	if (prop == NR_PROPS)
		skip();	/* the policy does not let directed yields starve others any more */
	shrink(&sc, prop);
	assert_true(sc.nr_vms <= 2);
	assert_true(sc.seconds < 3 * SEC);
	sim = simulate(&sc, &sched_class, true, false, NULL);
	assert_int_equal(props_failed(sim, &what), prop);
	sim_free(sim);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_event_order),
		cmocka_unit_test(test_compute_by_hand),
		cmocka_unit_test(test_costs_are_paid),
		cmocka_unit_test(test_lock_by_hand),
		cmocka_unit_test(test_contended_lock_by_hand),
		cmocka_unit_test(test_preempted_holder),
		cmocka_unit_test(test_times_add_up),
		cmocka_unit_test(test_determinism),
		cmocka_unit_test(test_scenario_round_trip),
		cmocka_unit_test(test_histogram),
		cmocka_unit_test(test_eevdf_weights),
		cmocka_unit_test(test_eevdf_cap),
		cmocka_unit_test(test_properties_can_fail),
		cmocka_unit_test(test_shrinking),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
