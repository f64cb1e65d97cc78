// SPDX-License-Identifier: GPL-2.0-only
/* What defines each yardstick scheduler, and the guests of OpenMP. */

#include "exact.h"

/* naive: two VMs of 3 vCPUs on 4 pCPUs take turns, and a pCPU idles beside each. */
static void test_naive_fragments(void **state)
{
	static struct scenario sc;
	struct vm_conf *vm;
	struct sim *sim;

	(void)state;
	scenario_default(&sc);
	free_of_cost(&sc);
	sc.pcpus = 4;
	sc.seconds = 6 * SEC;
	vm = exact_vm(&sc, "wide", 3, MODEL_COMPUTE);
	vm->count = 2;
	sim = run(&sc, &sched_naive);
	assert_true(off_by(sim->stats.idle, 6 * SEC) <= 100 * MS);
	assert_true(off_by(sim->vcpus[0].stats.run, 3 * SEC) <= 60 * MS);
	assert_true(off_by(sim->vms[0].stats.whole, 9 * SEC) <= 200 * MS);
	sim_free(sim);
	/* A VM that is idle but for one vCPU holds as many pCPUs all the same. */
	vm->threads = 1;
	sim = run(&sc, &sched_naive);
	assert_true(off_by(sim->vcpus[0].stats.run, 3 * SEC) <= 60 * MS);
	assert_true(sim->stats.idle >= 17 * SEC);
	sim_free(sim);
}

static struct sim *run_skewed(struct scenario *sc, const struct sched_ops *ops)
{
	scenario_default(sc);
	free_of_cost(sc);
	sc->pcpus = 4;
	sc->seconds = 10 * SEC;
	exact_vm(sc, "wide", 4, MODEL_COMPUTE);
	exact_vm(sc, "mid", 2, MODEL_COMPUTE);
	exact_vm(sc, "one", 1, MODEL_COMPUTE)->count = 3;
	return run(sc, ops);
}

/*
 * ESX: the skew keeps to 3 ms and the 1 ms between two looks; strict stops the
 * VM as a whole, relaxed only who leads; without either it is far beyond that.
 */
static void test_esx_skew(void **state)
{
	const struct sched_ops *const esx[] = { &sched_esx_strict, &sched_esx_relaxed };
	static struct scenario sc;
	struct sim *sim;
	u64 costop, i, k;

	(void)state;
	for (k = 0; k < 2; k++) {
		sim = run_skewed(&sc, esx[k]);
		assert_true(esx_skew_most(sim) > 3 * MS);
		assert_true(esx_skew_most(sim) <= 4 * MS + 100 * US);
		for (i = 0, costop = 0; i < 4; i++)
			costop += sim->vcpus[i].stats.costop;
		assert_true(costop > 0);
		sim_free(sim);
	}
	/* Idle vCPUs get no pCPU and cause no skew: the busy ones never stop. */
	scenario_default(&sc);
	free_of_cost(&sc);
	sc.pcpus = 4;
	sc.seconds = 2 * SEC;
	exact_vm(&sc, "idle", 4, MODEL_COMPUTE)->threads = 1;
	exact_vm(&sc, "busy", 1, MODEL_COMPUTE)->count = 3;
	sim = run(&sc, &sched_esx_strict);
	assert_true(off_by(sim->vcpus[0].stats.run, 2 * SEC) <= 2 * MS);
	assert_true(off_by(sim->vcpus[4].stats.run, 2 * SEC) <= 2 * MS);
	sim_free(sim);
}

/*
 * xen-credit: who sleeps most of the time is boosted when it wakes, and does
 * not wait for the 30 ms slices of those that compute, of whom each does when
 * its turn is over.
 */
static void test_xen_credit_boost(void **state)
{
	static struct scenario sc;
	struct vm_conf *vm;
	struct sim *sim;

	(void)state;
	scenario_default(&sc);
	free_of_cost(&sc);
	sc.pcpus = 1;
	sc.seconds = 20 * SEC;
	vm = exact_vm(&sc, "io", 1, MODEL_IO);
	vm->think = 20 * MS;
	vm->work = 200 * US;
	exact_vm(&sc, "busy", 1, MODEL_COMPUTE)->count = 2;
	sim = run(&sc, &sched_xen_credit);
	assert_true(hist_percentile(&sim->vms[0].stats.latency, 95) <= 2 * MS);
	assert_true(sim->vcpus[1].stats.longest >= 29 * MS);
	assert_true(off_by(sim->vcpus[1].stats.run, sim->vcpus[2].stats.run) <= SEC / 2);
	sim_free(sim);
}

/* xen-credit: weights 1:3 come out so, and a cap of half a pCPU is kept to 5 %. */
static void test_xen_credit_shares(void **state)
{
	static struct scenario sc;
	struct sim *sim;
	u64 a, b;

	(void)state;
	scenario_default(&sc);
	free_of_cost(&sc);
	sc.pcpus = 1;
	sc.seconds = 30 * SEC;
	exact_vm(&sc, "light", 1, MODEL_COMPUTE);
	exact_vm(&sc, "heavy", 1, MODEL_COMPUTE)->weight = 300;
	sim = run(&sc, &sched_xen_credit);
	a = sim->vcpus[0].stats.run;
	b = sim->vcpus[1].stats.run;
	assert_true(off_by(b, 3 * a) <= b / 10);
	sim_free(sim);
	scenario_default(&sc);
	free_of_cost(&sc);
	sc.seconds = 30 * SEC;
	exact_vm(&sc, "capped", 1, MODEL_COMPUTE)->quota = 50 * MS;
	sim = run(&sc, &sched_xen_credit);
	assert_true(off_by(sim->vcpus[0].stats.run, 15 * SEC) <= 15 * SEC / 20);
	sim_free(sim);
}

/*
 * xen-sedf: a slice of 5 ms in each period of 20 ms is had in every period,
 * beside who computes all the time; without extra time no more than that.
 */
static void test_xen_sedf_slice(void **state)
{
	static struct scenario sc;
	struct vm_conf *vm;
	struct sim *sim;

	(void)state;
	scenario_default(&sc);
	free_of_cost(&sc);
	sc.pcpus = 1;
	sc.seconds = 4 * SEC;
	vm = exact_vm(&sc, "reserved", 1, MODEL_COMPUTE);
	vm->reserve_period = 20 * MS;
	vm->reserve_slice = 5 * MS;
	vm->extratime = 0;
	exact_vm(&sc, "busy", 1, MODEL_COMPUTE)->count = 2;
	sim = run(&sc, &sched_xen_sedf);
	assert_true(off_by(sim->vcpus[0].stats.run, SEC) <= 10 * MS);
	/* Two slices are never further apart than two periods less both. */
	assert_true(sim->vcpus[0].stats.longest <= 2 * (20 - 5) * MS);
	assert_true(off_by(sim->vcpus[1].stats.run, sim->vcpus[2].stats.run) <= 10 * MS);
	sim_free(sim);
}

/*
 * omp: thread 0 of 2 is pinned beside a VM that takes half of its pCPU: who
 * waits spins for 1.5 ms at most and then sleeps, so that its pCPU is idle.
 */
static void test_omp_sleeps(void **state)
{
	static struct scenario sc;
	struct vm_conf *vm;
	struct sim *sim;

	(void)state;
	scenario_default(&sc);
	sc.seconds = 4 * SEC;
	vm = exact_vm(&sc, "omp", 2, MODEL_OMP);
	vm->work = 8 * MS;
	vm->pin = PIN_EACH;
	cpuset_add(&vm->pins, 0);
	cpuset_add(&vm->pins, 1);
	vm = exact_vm(&sc, "busy", 1, MODEL_COMPUTE);
	vm->pin = PIN_ALL;
	cpuset_add(&vm->pins, 0);
	sim = run(&sc, &sched_xen_credit);
	assert_true(sim->vms[0].stats.units > 100);
	assert_true(sim->vcpus[1].stats.wait > SEC / 2);
	/* At each of its barriers it has spun for no more than the limit. */
	assert_true(sim->vcpus[1].stats.spun <= (sim->vms[0].stats.units + 1) * 1510 * US);
	sim_free(sim);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_naive_fragments),
		cmocka_unit_test(test_esx_skew),
		cmocka_unit_test(test_xen_credit_boost),
		cmocka_unit_test(test_xen_credit_shares),
		cmocka_unit_test(test_xen_sedf_slice),
		cmocka_unit_test(test_omp_sleeps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
