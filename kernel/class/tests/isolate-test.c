// SPDX-License-Identifier: GPL-2.0-only
/* Isolated VMs: the siblings of a core never run one of them and another VM. */

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

static void isolate(struct sim *m, u32 slot, bool on)
{
	m->st.vms[slot].isolate = on;
	vg_plan_begin(&m->plan, m->now, VG_NONE, VG_NONE);
	vg_ent_policy(&m->st, &m->st.cells[0], &m->plan, m->st.vms[slot].ents);
	sim_kick(m, &m->st.cells[0], m->plan.kick);
	sim_settle(m);
}

static u32 add_vm(struct sim *m, u32 slot, u32 vcpus, u32 cosched, bool isolated)
{
	u32 i, vi, first = 0;

	for (i = 0; i < vcpus; i++) {
		vi = sim_vcpu(m, slot, cosched, 100, ANY);
		if (!i)
			first = vi;
	}
	isolate(m, slot, isolated);
	return first;
}

static void assert_apart(struct sim *m)
{
	assert_int_equal(m->overlaps, 0);
	assert_int_equal(stat(m, VG_STAT_OVERLAPS), 0);
}

/*
 * Two of two vCPUs each on one core: it is one's, then the other's, and neither
 * pCPU is ever empty for longer than a switch takes.
 */
static void test_by_turns(void **state)
{
	struct sim *m = sim_new(2, 1);

	sim_smt(m, 2);
	add_vm(m, 0, 2, OFF, true);
	add_vm(m, 1, 2, OFF, true);
	sim_go(m, 10000);
	assert_apart(m);
	assert_in_range(sim_vm_ran(m, 0), 9700 * VG_MS, 10300 * VG_MS);
	assert_in_range(sim_vm_ran(m, 0) + sim_vm_ran(m, 1), 19600 * VG_MS, 20000 * VG_MS);
	free(m);
}

/* The same without: else nothing above would be shown. */
static void test_off(void **state)
{
	struct sim *m = sim_new(2, 1);

	sim_smt(m, 2);
	add_vm(m, 0, 1, OFF, false);
	add_vm(m, 1, 1, OFF, false);
	sim_go(m, 1000);
	assert_in_range(sim_vm_ran(m, 0), 990 * VG_MS, 1000 * VG_MS);
	assert_in_range(sim_vm_ran(m, 1), 990 * VG_MS, 1000 * VG_MS);
	assert_int_equal(stat(m, VG_STAT_FRAG), 0);
	free(m);
}

/*
 * An isolated vCPU leaves its sibling empty and is charged for both: beside a VM
 * of two that is half of the time for each.
 */
static void test_charged(void **state)
{
	struct sim *m = sim_new(2, 1);
	u64 alone, pair;

	sim_smt(m, 2);
	add_vm(m, 0, 1, OFF, true);
	add_vm(m, 1, 2, OFF, false);
	sim_go(m, 10000);
	assert_apart(m);
	alone = sim_vm_ran(m, 0);
	pair = sim_vm_ran(m, 1);
	assert_in_range(alone, 4700 * VG_MS, 5300 * VG_MS);
	assert_in_range(pair, 9400 * VG_MS, 10600 * VG_MS);
	assert_in_range(stat(m, VG_STAT_FRAG), 98 * alone / 100, 102 * alone / 100);
	free(m);
}

/* One VM of two on two cores: where it is not alone it takes both siblings. */
static void test_own_siblings(void **state)
{
	struct sim *m = sim_new(4, 1);

	sim_smt(m, 2);
	add_vm(m, 0, 4, GANG, true);
	sim_go(m, 1000);
	assert_apart(m);
	assert_in_range(sim_vm_ran(m, 0), 3980 * VG_MS, 4000 * VG_MS);
	free(m);
}

/* Cores of one thread: no cost, no change. */
static void test_no_siblings(void **state)
{
	struct sim *m = sim_new(2, 1);

	add_vm(m, 0, 1, OFF, true);
	add_vm(m, 1, 1, OFF, true);
	sim_go(m, 1000);
	assert_int_equal(m->st.cells[0].nr_iso, 0);
	assert_in_range(sim_vm_ran(m, 0), 990 * VG_MS, 1000 * VG_MS);
	assert_in_range(sim_vm_ran(m, 1), 990 * VG_MS, 1000 * VG_MS);
	free(m);
}

/* Of eight siblings, with gangs, strict ones and the host's threads in between. */
static void test_wide_cores(void **state)
{
	static const u32 kinds[] = { OFF, GANG, STRICT, OFF };
	struct sim *m = sim_new(16, 7);
	u32 i;

	sim_smt(m, 8);
	for (i = 0; i < 4; i++)
		add_vm(m, i, 3 + i, kinds[i], i != 3);
	for (i = 0; i < 1000; i++) {
		if (sim_rand(m, 3) == 0)
			sim_host(m, sim_rand(m, 16), sim_rand(m, 3000) * 1000);
		sim_go(m, 1 + sim_rand(m, 20));
	}
	assert_apart(m);
	for (i = 0; i < 4; i++)
		assert_true(sim_vm_ran(m, i) > 3000 * VG_MS);
	free(m);
}

/*
 * Switched under load, time and again: from then on nobody begins where he may
 * not, and when all is off everybody runs as before.
 */
static void test_changes_under_load(void **state)
{
	struct sim *m = sim_new(4, 5);
	u64 before[3];
	u32 i, vm;

	sim_smt(m, 2);
	add_vm(m, 0, 4, GANG, false);
	add_vm(m, 1, 3, OFF, true);
	add_vm(m, 2, 1, OFF, false);
	for (i = 0; i < 500; i++) {
		isolate(m, sim_rand(m, 3), sim_rand(m, 2));
		sim_go(m, 1 + sim_rand(m, 30));
	}
	assert_apart(m);
	for (vm = 0; vm < 3; vm++)
		isolate(m, vm, false);
	assert_int_equal(m->st.cells[0].nr_iso, 0);
	for (vm = 0; vm < 3; vm++) {
		assert_int_equal(m->st.ents[m->st.vms[vm].ents].shut, 0);
		before[vm] = sim_vm_ran(m, vm);
	}
	sim_go(m, 1000);
	for (vm = 0; vm < 3; vm++)
		assert_true(sim_vm_ran(m, vm) - before[vm] > 300 * VG_MS);
	free(m);
}

/*
 * A strict gang of two on two cores, one of them idle: whoever runs, and whatever
 * is kept, closes its whole core.  It pays for four pCPUs, the other VM for one.
 */
static void test_kept_cores_are_charged(void **state)
{
	struct sim *m = sim_new(4, 1);
	u64 ran;
	u32 i, vi;

	sim_smt(m, 2);
	for (i = 0; i < 2; i++)
		vi = sim_vcpu(m, 0, STRICT, 100, 1ULL << 2 * i);
	m->v[vi].until = ANY;
	isolate(m, 0, true);
	add_vm(m, 1, 1, OFF, false);
	sim_go(m, 10000);
	assert_apart(m);
	ran = sim_vm_ran(m, 0);
	assert_in_range(ran, 1850 * VG_MS, 2150 * VG_MS);
	assert_in_range(ran + sim_vm_ran(m, 1), 9800 * VG_MS, 10050 * VG_MS);
	assert_in_range(stat(m, VG_STAT_FRAG), 29 * ran / 10, 31 * ran / 10);
	free(m);
}

/*
 * Who has booked a pCPU gets its core in time, against a VM of much more weight on
 * both siblings; and so do two who have booked one sibling each.
 */
static void test_reserved(void **state)
{
	struct sim *m = sim_new(2, 1);
	u32 i;

	sim_smt(m, 2);
	for (i = 0; i < 2; i++) {
		sim_vcpu(m, i, OFF, 100, 1ULL << i);
		isolate(m, i, true);
	}
	for (i = 0; i < 2; i++)
		sim_vcpu(m, 2, OFF, 1000, ANY);
	assert_int_equal(sim_reserve(m, 0, 50 * VG_MS, 10 * VG_MS, false), 1);
	assert_int_equal(sim_reserve(m, 1, 100 * VG_MS, 20 * VG_MS, false), 1);
	sim_go(m, 1000);
	assert_true(sim_least(m, 0, 50 * VG_MS, 50) >= 9800 * VG_US);
	assert_true(sim_least(m, 1, 100 * VG_MS, 50) >= 19800 * VG_US);
	assert_apart(m);
	/* 60 % of the core are left, on both siblings. */
	assert_true(sim_vm_ran(m, 2) > 8000 * VG_MS);
	free(m);
}

/* Started by the kernel where nobody placed it: it is seen, and gone at once. */
static void test_in_spite(void **state)
{
	struct sim *m = sim_new(2, 1);
	u32 one, two, at;

	sim_smt(m, 2);
	one = add_vm(m, 0, 1, OFF, true);
	two = add_vm(m, 1, 1, OFF, false);
	sim_go(m, 10);
	if (m->st.vcpus[one].state != VG_RUNNING) {
		at = one;
		one = two;
		two = at;
	}
	at = !m->st.vcpus[one].bit;
	assert_int_equal(m->cur[at], VG_NONE);
	sim_run(m, at, two);
	assert_int_equal(stat(m, VG_STAT_OVERLAPS), 1);
	sim_settle(m);
	assert_true(m->cur[0] == VG_NONE || m->cur[1] == VG_NONE);
	sim_go(m, 1000);
	assert_int_equal(stat(m, VG_STAT_OVERLAPS), 1);
	assert_int_equal(m->overlaps, 1);
	assert_true(m->v[one].ran > 200 * VG_MS && m->v[two].ran > 200 * VG_MS);
	free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_by_turns),
		cmocka_unit_test(test_off),
		cmocka_unit_test(test_charged),
		cmocka_unit_test(test_own_siblings),
		cmocka_unit_test(test_no_siblings),
		cmocka_unit_test(test_wide_cores),
		cmocka_unit_test(test_changes_under_load),
		cmocka_unit_test(test_in_spite),
		cmocka_unit_test(test_kept_cores_are_charged),
		cmocka_unit_test(test_reserved),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
