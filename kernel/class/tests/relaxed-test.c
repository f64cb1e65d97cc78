// SPDX-License-Identifier: GPL-2.0-only
/* Relaxed VMs: vCPUs run one by one, and none gets far ahead of its siblings. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "sim.h"

#define OFF	VMGANG_COSCHED_OFF
#define GANG	VMGANG_COSCHED_GANG
#define STRICT	VMGANG_COSCHED_STRICT
#define RELAXED	VMGANG_COSCHED_RELAXED
#define ADAPTIVE VMGANG_COSCHED_ADAPTIVE
#define ANY	(~0ULL)
#define BOUND	(5 * VG_MS)

static u64 stat(struct sim *m, u32 which)
{
	return m->st.cells[0].stats[which];
}

static u32 add_vm(struct sim *m, u32 slot, u32 vcpus, u32 cosched, u64 mask)
{
	u32 i, vi, first = 0;

	for (i = 0; i < vcpus; i++) {
		vi = sim_vcpu(m, slot, cosched, 100, mask);
		if (!i)
			first = vi;
	}
	return first;
}

static void change(struct sim *m, u32 slot, u32 cosched, u32 skew_us)
{
	m->st.vms[slot].cosched = cosched;
	m->st.vms[slot].skew = skew_us * 1000ULL;
	vg_plan_begin(&m->plan, m->now, VG_NONE, VG_NONE);
	vg_ent_policy(&m->st, &m->st.cells[0], &m->plan, m->st.vms[slot].ents);
	sim_kick(m, &m->st.cells[0], m->plan.kick);
	sim_settle(m);
}

/* Let @ms pass; how far apart were the @n vCPUs from @first, which never sleep, at most? */
static u64 apart(struct sim *m, u32 first, u32 n, u64 ms)
{
	u64 end = m->now + ms * VG_MS, base[8], most = 0;
	u32 i;

	for (i = 0; i < n; i++)
		base[i] = m->v[first + i].ran;
	while (m->now < end) {
		u64 lo = ~0ULL, hi = 0;

		sim_step(m);
		for (i = 0; i < n; i++) {
			u64 ran = m->v[first + i].ran - base[i];

			lo = ran < lo ? ran : lo;
			hi = ran > hi ? ran : hi;
		}
		most = hi - lo > most ? hi - lo : most;
	}
	return most;
}

/*
 * Three busy vCPUs beside two other VMs on two pCPUs: their skew is the bound and a
 * tick at most, and one step, by which this host counts; and it is used.  As
 * independent ones they are apart by a slice.
 */
static void test_bound(void **state)
{
	static const u32 bounds[] = { 1000, 5000, 12000 };
	struct sim *m;
	u64 skew;
	u32 i, vi;

	for (i = 0; i < 3; i++) {
		m = sim_new(2, i);
		vi = add_vm(m, 0, 3, RELAXED, ANY);
		add_vm(m, 1, 1, OFF, ANY);
		add_vm(m, 2, 2, GANG, ANY);
		change(m, 0, RELAXED, bounds[i]);
		skew = apart(m, vi, 3, 5000);
		assert_in_range(skew, bounds[i] * 1000, bounds[i] * 1000 + SIM_TICK + SIM_STEP);
		assert_true(stat(m, VG_STAT_LEADERS) > 10);
		change(m, 0, OFF, bounds[i]);
		assert_true(apart(m, vi, 3, 2000) > 15 * VG_MS);
		free(m);
	}
}

/* Its share is that of its weight, and the others have theirs. */
static void test_weights(void **state)
{
	struct sim *m = sim_new(2, 4);

	add_vm(m, 0, 2, RELAXED, ANY);
	add_vm(m, 1, 2, GANG, ANY);
	add_vm(m, 2, 2, OFF, ANY);
	add_vm(m, 3, 2, RELAXED, ANY);
	sim_go(m, 10000);
	assert_in_range(sim_vm_ran(m, 0), 4850 * VG_MS, 5150 * VG_MS);
	assert_in_range(sim_vm_ran(m, 1), 4850 * VG_MS, 5150 * VG_MS);
	assert_in_range(sim_vm_ran(m, 2), 4850 * VG_MS, 5150 * VG_MS);
	assert_in_range(sim_vm_ran(m, 3), 4850 * VG_MS, 5150 * VG_MS);
	free(m);
}

/* One that idles keeps up: it holds nobody back, and is not ahead when it wakes. */
static void test_idle_is_progress(void **state)
{
	struct sim *m = sim_new(2, 2);
	u32 vi = add_vm(m, 0, 2, RELAXED, ANY);

	m->v[vi + 1].run_ns = VG_MS;
	m->v[vi + 1].sleep_ns = 40 * VG_MS;
	m->v[vi + 1].until = VG_MS;
	sim_go(m, 3000);
	assert_true(m->v[vi].ran >= 2990 * VG_MS);
	assert_true(m->v[vi + 1].waited <= SIM_TICK);
	free(m);
}

/* Who is pinned beside another VM has its VM's share there; its sibling keeps to that. */
static void test_pinned_laggard(void **state)
{
	struct sim *m = sim_new(2, 3);
	u32 slow = sim_vcpu(m, 0, RELAXED, 100, 1), fast = sim_vcpu(m, 0, RELAXED, 100, 2);

	sim_vcpu(m, 1, OFF, 100, 1);
	sim_go(m, 5000);
	assert_in_range(m->v[slow].ran, 1600 * VG_MS, 1800 * VG_MS);
	assert_in_range(m->v[fast].ran, m->v[slow].ran - 10 * VG_MS, m->v[slow].ran + 10 * VG_MS);
	free(m);
}

/* Whose only pCPU the host's own threads keep is not waited for, nor made up for. */
static void test_lost_laggard(void **state)
{
	struct sim *m = sim_new(2, 3);
	u32 slow = sim_vcpu(m, 0, RELAXED, 100, 1), fast = sim_vcpu(m, 0, RELAXED, 100, 2);
	u64 ran;

	sim_go(m, 100);
	sim_host(m, 0, 2000 * VG_MS);
	ran = m->v[fast].ran;
	sim_go(m, 2000);
	assert_true(m->v[fast].ran - ran > 1700 * VG_MS);
	assert_true(m->v[fast].waited < 2 * VG_PATIENCE + 10 * VG_MS);
	ran = m->v[fast].ran;
	m->v[fast].waited = 0;
	sim_go(m, 1000);
	assert_true(m->v[fast].ran - ran > 900 * VG_MS);
	assert_true(m->v[slow].ran > 1050 * VG_MS);
	free(m);
}

/* A sibling that is stopped for good, or capped, is as good as idle. */
static void test_stopped_sibling(void **state)
{
	struct sim *m = sim_new(2, 5);
	u32 vi = add_vm(m, 0, 2, RELAXED, ANY);

	vg_cap_set(&m->st.vcpus[vi + 1].cap, 10 * VG_MS, 100 * VG_MS, 0);
	sim_go(m, 3000);
	assert_in_range(m->v[vi + 1].ran, 250 * VG_MS, 350 * VG_MS);
	assert_true(m->v[vi].ran > 2700 * VG_MS);
	m->v[vi + 1].run_ns = SIM_STEP;
	m->v[vi + 1].sleep_ns = ANY / 2;
	sim_go(m, 200);
	m->v[vi].ran = 0;
	sim_go(m, 1000);
	assert_in_range(m->v[vi].ran, 995 * VG_MS, 1000 * VG_MS);
	free(m);
}

/* A guest that keeps one vCPU behind gains nothing beside honest ones. */
static void test_malice(void **state)
{
	struct sim *m = sim_new(2, 6);
	u32 vi = add_vm(m, 0, 2, RELAXED, ANY), i;

	/* Never there when the tick comes. */
	m->v[vi].run_ns = 3 * VG_MS;
	m->v[vi].sleep_ns = VG_MS;
	for (i = 1; i < 4; i++)
		add_vm(m, i, 2, i == 1 ? RELAXED : OFF, ANY);
	sim_go(m, 10000);
	assert_true(sim_vm_ran(m, 0) <= 5100 * VG_MS);
	for (i = 1; i < 4; i++)
		assert_true(sim_vm_ran(m, i) >= 4900 * VG_MS);
	free(m);
}

/* A gang wider than its cell is as relaxed, and one that fits is not. */
static void test_wide_gang(void **state)
{
	struct sim *m = sim_new(2, 7);
	u32 vi = add_vm(m, 0, 3, GANG, ANY);

	add_vm(m, 1, 1, OFF, ANY);
	assert_true(apart(m, vi, 3, 3000) <= BOUND + SIM_TICK + SIM_STEP);
	assert_true(stat(m, VG_STAT_LEADERS) > 0);
	free(m);
	m = sim_new(3, 7);
	add_vm(m, 0, 3, GANG, ANY);
	add_vm(m, 1, 1, OFF, ANY);
	sim_go(m, 1000);
	assert_int_equal(stat(m, VG_STAT_LEADERS), 0);
	free(m);
}

/* Any change under load, time and again: everybody runs on, and nobody stays behind. */
static void test_changes_under_load(void **state)
{
	static const u32 kinds[] = { OFF, GANG, STRICT, RELAXED, ADAPTIVE };
	struct sim *m = sim_new(3, 8);
	u64 before[3];
	u32 i, vm;

	add_vm(m, 0, 4, OFF, ANY);
	add_vm(m, 1, 2, RELAXED, ANY);
	add_vm(m, 2, 3, RELAXED, 3);
	for (i = 0; i < 600; i++) {
		change(m, sim_rand(m, 3), kinds[sim_rand(m, 5)], 1000 + sim_rand(m, 99000));
		sim_go(m, 1 + sim_rand(m, 30));
	}
	for (vm = 0; vm < 3; vm++)
		change(m, vm, RELAXED, 5000);
	sim_go(m, 1000);
	for (vm = 0; vm < 3; vm++)
		before[vm] = sim_vm_ran(m, vm);
	sim_go(m, 1000);
	for (vm = 0; vm < 3; vm++) {
		assert_true(sim_vm_ran(m, vm) - before[vm] > 600 * VG_MS);
		change(m, vm, OFF, 5000);
	}
	sim_go(m, 300);
	for (i = 0; i < 9; i++) {
		assert_int_equal(m->st.vcpus[i].costop, 0);
		assert_int_equal(m->st.ents[m->st.vcpus[i].ent].nr_costop, 0);
	}
	free(m);
}

/* Siblings that are put out of step run together again: a stint ends with theirs. */
static void test_back_in_step(void **state)
{
	struct sim *m = sim_new(2, 11);
	u64 ran = 0, corun = 0;
	u32 i;

	for (i = 0; i < 3; i++)
		add_vm(m, i, 2, RELAXED, ANY);
	for (i = 0; i < 3; i++)
		change(m, i, RELAXED, 5000);
	for (i = 0; i < 20; i++) {
		sim_host(m, i % 2, 7 * VG_MS);
		sim_go(m, 300);
	}
	for (i = 0; i < 3; i++) {
		ran += sim_vm_ran(m, i);
		corun += sim_vm_corun(m, i);
	}
	assert_true(corun > ran * 3 / 4);
	free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bound),
		cmocka_unit_test(test_back_in_step),
		cmocka_unit_test(test_weights),
		cmocka_unit_test(test_idle_is_progress),
		cmocka_unit_test(test_pinned_laggard),
		cmocka_unit_test(test_lost_laggard),
		cmocka_unit_test(test_stopped_sibling),
		cmocka_unit_test(test_malice),
		cmocka_unit_test(test_wide_gang),
		cmocka_unit_test(test_changes_under_load),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
