// SPDX-License-Identifier: GPL-2.0-only
/* Strict gangs: all vCPUs have a pCPU or none has, those of idle ones stay empty. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "sim.h"

#define OFF	VMGANG_COSCHED_OFF
#define GANG	VMGANG_COSCHED_GANG
#define STRICT	VMGANG_COSCHED_STRICT
#define ANY	(~0ULL)

static u64 stat(struct sim *m, u32 which)
{
	return m->st.cells[0].stats[which];
}

/* A VM of @vcpus of which the first @busy compute and the others halt for ever. */
static u32 add_vm(struct sim *m, u32 slot, u32 vcpus, u32 busy, u32 cosched)
{
	u32 i, vi, first = 0;

	for (i = 0; i < vcpus; i++) {
		vi = sim_vcpu(m, slot, cosched, 100, ANY);
		if (!i)
			first = vi;
		if (i >= busy)
			m->v[vi].until = ANY;
	}
	return first;
}

static void change(struct sim *m, u32 slot, u32 cosched)
{
	m->st.vms[slot].cosched = cosched;
	vg_plan_begin(&m->plan, m->now, VG_NONE, VG_NONE);
	vg_ent_policy(&m->st, &m->st.cells[0], &m->plan, m->st.vms[slot].ents);
	sim_kick(m, &m->st.cells[0], m->plan.kick);
	sim_settle(m);
}

/*
 * Four vCPUs, one of them busy, beside a VM of one on four pCPUs.  They can not
 * run at once; one is charged for four pCPUs, the other for one: 1 to 4.  Three
 * pCPUs are empty for as long as the busy vCPU runs.
 */
static void test_idle_vcpus_cost(void **state)
{
	struct sim *m = sim_new(4, 1);
	u64 wide, single;

	add_vm(m, 0, 4, 1, STRICT);
	add_vm(m, 1, 1, 1, OFF);
	sim_go(m, 10000);
	wide = sim_vm_ran(m, 0);
	single = sim_vm_ran(m, 1);
	assert_in_range(wide, 1900 * VG_MS, 2100 * VG_MS);
	assert_in_range(wide + single, 9900 * VG_MS, 10050 * VG_MS);
	assert_in_range(stat(m, VG_STAT_FRAG), 29 * wide / 10, 31 * wide / 10);
	free(m);
}

/* The same as a gang: both run all the time, and nothing is kept empty. */
static void test_gang_has_no_such_loss(void **state)
{
	struct sim *m = sim_new(4, 1);

	add_vm(m, 0, 4, 1, GANG);
	add_vm(m, 1, 1, 1, OFF);
	sim_go(m, 10000);
	assert_in_range(sim_vm_ran(m, 0), 9900 * VG_MS, 10000 * VG_MS);
	assert_in_range(sim_vm_ran(m, 1), 9900 * VG_MS, 10000 * VG_MS);
	assert_int_equal(stat(m, VG_STAT_FRAG), 0);
	free(m);
}

/* A VM that is all idle has no stint and keeps nothing. */
static void test_all_idle(void **state)
{
	struct sim *m = sim_new(4, 1);

	add_vm(m, 0, 4, 0, STRICT);
	add_vm(m, 1, 4, 4, OFF);
	sim_go(m, 1000);
	assert_int_equal(stat(m, VG_STAT_FRAG), 0);
	assert_in_range(sim_vm_ran(m, 1), 3990 * VG_MS, 4000 * VG_MS);
	free(m);
}

/* Who wakes within the stint has its pCPU at the next step, however many wait. */
static void test_wakes_into_its_pcpu(void **state)
{
	struct sim *m = sim_new(4, 3);
	u32 vi = add_vm(m, 0, 4, 3, STRICT), i;

	for (i = 1; i < 4; i++)
		add_vm(m, i, 1, 1, OFF);
	/* Wakes every 1.5 ms: nearly always while its siblings run, or not at all. */
	m->v[vi + 3].run_ns = SIM_STEP;
	m->v[vi + 3].sleep_ns = 6 * SIM_STEP;
	m->v[vi + 3].until = m->now;
	sim_go(m, 5000);
	assert_true(stat(m, VG_STAT_REJOINS) > 100);
	for (i = 0; i < 3; i++)
		assert_true(m->v[vi + i].ran > 500 * VG_MS);
	free(m);
}

/* Pinned to one pCPU both, they can never run at once: then each runs alone. */
static void test_misfits_are_not_held(void **state)
{
	struct sim *m = sim_new(2, 1);

	sim_vcpu(m, 0, STRICT, 100, 1);
	sim_vcpu(m, 0, STRICT, 100, 1);
	sim_go(m, 1000);
	assert_in_range(sim_vm_ran(m, 0), 990 * VG_MS, 1000 * VG_MS);
	free(m);
}

/* Any change under load, time and again: everybody runs on, nothing stays kept. */
static void test_changes_under_load(void **state)
{
	static const u32 kinds[] = { OFF, GANG, STRICT };
	struct sim *m = sim_new(4, 5);
	u64 before[3];
	u32 i, vm;

	add_vm(m, 0, 4, 2, OFF);
	add_vm(m, 1, 3, 3, STRICT);
	add_vm(m, 2, 1, 1, OFF);
	for (i = 0; i < 500; i++) {
		change(m, sim_rand(m, 3), kinds[sim_rand(m, 3)]);
		sim_go(m, 1 + sim_rand(m, 30));
	}
	for (vm = 0; vm < 3; vm++) {
		change(m, vm, OFF);
		before[vm] = sim_vm_ran(m, vm);
	}
	sim_go(m, 1000);
	assert_int_equal(m->st.cells[0].kept, 0);
	for (vm = 0; vm < 3; vm++)
		assert_true(sim_vm_ran(m, vm) - before[vm] > 300 * VG_MS);
	free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_idle_vcpus_cost),
		cmocka_unit_test(test_gang_has_no_such_loss),
		cmocka_unit_test(test_all_idle),
		cmocka_unit_test(test_wakes_into_its_pcpu),
		cmocka_unit_test(test_misfits_are_not_held),
		cmocka_unit_test(test_changes_under_load),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
