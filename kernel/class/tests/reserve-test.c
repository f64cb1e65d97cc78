// SPDX-License-Identifier: GPL-2.0-only
/* Reservations: what is booked is had in each period, no more is booked than there is. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "sim.h"

#define OFF	VMGANG_COSCHED_OFF
#define GANG	VMGANG_COSCHED_GANG
#define ANY	(~0ULL)

/* The simulated host looks at its timer this often, and a stint is late by as much twice. */
#define LATE	(3 * SIM_STEP)

static void add_vm(struct sim *m, u32 slot, u32 vcpus, u32 cosched, u32 weight, u64 mask)
{
	u32 i;

	for (i = 0; i < vcpus; i++)
		sim_vcpu(m, slot, cosched, weight, mask);
}

/* One pCPU, four VMs that press, three reservations that leave 37 % to all. */
static void test_met_in_each_period(void **state)
{
	static const u64 terms[3][2] = {
		{ 50 * VG_MS, 9 * VG_MS }, { 100 * VG_MS, 20 * VG_MS }, { 20 * VG_MS, 5 * VG_MS },
	};
	struct sim *m = sim_new(1, 1);
	u32 i;

	for (i = 0; i < 7; i++)
		add_vm(m, i, 1, OFF, 100, ANY);
	for (i = 0; i < 3; i++)
		assert_int_equal(sim_reserve(m, i, terms[i][0], terms[i][1], false), 1);
	sim_go(m, 1000);
	for (i = 0; i < 3; i++)
		assert_in_range(sim_least(m, i, terms[i][0], 50), terms[i][1] - LATE,
				terms[i][1] + LATE);
	/* What is left is shared alike. */
	for (i = 4; i < 7; i++)
		assert_in_range(m->v[i].ran, m->v[3].ran * 97 / 100, m->v[3].ran * 103 / 100);
	free(m);
}

/* Extra time goes by weight: 50 % and a third of the rest. */
static void test_extratime_by_weight(void **state)
{
	struct sim *m = sim_new(1, 2);

	add_vm(m, 0, 1, OFF, 100, ANY);
	add_vm(m, 1, 1, OFF, 200, ANY);
	assert_int_equal(sim_reserve(m, 0, 20 * VG_MS, 10 * VG_MS, true), 1);
	sim_go(m, 10000);
	assert_in_range(sim_vm_ran(m, 0), 6500 * VG_MS, 6850 * VG_MS);
	free(m);
}

static void test_overbooking_is_refused(void **state)
{
	struct sim *m = sim_new(2, 3);
	struct vg_cell *c = &m->st.cells[0];

	add_vm(m, 0, 2, OFF, 100, ANY);
	add_vm(m, 1, 2, OFF, 100, ANY);
	add_vm(m, 2, 1, OFF, 100, ANY);
	assert_int_equal(sim_reserve(m, 0, 10 * VG_MS, 5 * VG_MS, true), 2);
	assert_int_equal(c->pcpu[0].booked, 500000);
	assert_int_equal(c->pcpu[1].booked, 500000);
	/* 45 % is left on each: 50 % fits nowhere, though 90 % are free in all. */
	assert_int_equal(sim_reserve(m, 1, 10 * VG_MS, 5 * VG_MS, true), 0);
	assert_int_equal(sim_reserve(m, 1, 100 * VG_MS, 45 * VG_MS, true), 2);
	assert_int_equal(c->pcpu[0].booked + c->pcpu[1].booked, 1900000);
	assert_int_equal(sim_reserve(m, 2, 1000 * VG_MS, 1 * VG_MS, true), 0);
	/* What is let go of can be had. */
	assert_int_equal(sim_reserve(m, 1, 0, 0, true), 0);
	assert_int_equal(sim_reserve(m, 2, 100 * VG_MS, 45 * VG_MS, true), 1);
	free(m);
}

/* A vCPU is booked where it may run. */
static void test_booked_where_it_may_run(void **state)
{
	struct sim *m = sim_new(4, 4);
	u32 i;

	for (i = 0; i < 3; i++) {
		add_vm(m, i, 1, OFF, 100, vg_bit(2));
		assert_int_equal(sim_reserve(m, i, 10 * VG_MS, 4 * VG_MS, true), i < 2);
	}
	assert_int_equal(m->st.vcpus[1].rsv.home, 2);
	assert_int_equal(m->st.cells[0].pcpu[2].booked, 800000);
	free(m);
}

/* 60 % reserved, capped at 20 %: the cap wins. */
static void test_cap_wins(void **state)
{
	struct sim *m = sim_new(1, 5);

	add_vm(m, 0, 1, OFF, 100, ANY);
	add_vm(m, 1, 1, OFF, 100, ANY);
	sim_reserve(m, 0, 20 * VG_MS, 12 * VG_MS, true);
	vg_cap_set(&m->st.vms[0].cap, 20 * VG_MS, 100 * VG_MS, 0);
	sim_go(m, 10000);
	assert_in_range(sim_vm_ran(m, 0), 1900 * VG_MS, 2060 * VG_MS);
	free(m);
}

/* Who sleeps 30 ms after each 4 ms of work gets his pCPU within a period's rest. */
static void test_wakes_into_a_period(void **state)
{
	struct sim *m = sim_new(1, 6);
	u32 i;

	for (i = 0; i < 5; i++)
		add_vm(m, i, 1, OFF, 100, ANY);
	m->v[0].run_ns = 4 * VG_MS;
	m->v[0].sleep_ns = 30 * VG_MS;
	sim_reserve(m, 0, 10 * VG_MS, 5 * VG_MS, false);
	sim_go(m, 3400);
	assert_in_range(sim_vm_ran(m, 0), 390 * VG_MS, 402 * VG_MS);
	assert_true(m->v[0].waited <= LATE);
	free(m);
}

/* Asking for a slice at the end of a period, again and again, gets no more than is booked. */
static void test_no_two_slices_in_a_row(void **state)
{
	struct sim *m = sim_new(1, 7);

	add_vm(m, 0, 1, OFF, 100, ANY);
	add_vm(m, 1, 1, OFF, 100, ANY);
	m->v[0].run_ns = 1 * VG_MS;
	m->v[0].sleep_ns = 2 * VG_MS;
	assert_int_equal(sim_reserve(m, 0, 20 * VG_MS, 4 * VG_MS, false), 1);
	assert_int_equal(sim_reserve(m, 1, 100 * VG_MS, 75 * VG_MS, false), 1);
	sim_go(m, 10000);
	assert_in_range(sim_vm_ran(m, 0), 1500 * VG_MS, 2050 * VG_MS);
	assert_in_range(sim_vm_ran(m, 1), 7450 * VG_MS, 7600 * VG_MS);
	free(m);
}

/* Without a reservation, a vCPU that had to wait for its next period goes on. */
static void test_let_go_while_paused(void **state)
{
	struct sim *m = sim_new(1, 8);

	add_vm(m, 0, 1, OFF, 100, ANY);
	sim_reserve(m, 0, 1000 * VG_MS, 10 * VG_MS, false);
	sim_go(m, 100);
	assert_int_equal(m->st.vcpus[0].state, VG_PAUSED);
	sim_reserve(m, 0, 0, 0, false);
	sim_go(m, 100);
	assert_in_range(sim_vm_ran(m, 0), 105 * VG_MS, 115 * VG_MS);
	free(m);
}

/* Gangs beside a reservation: that is met, and they share the rest, mostly together. */
static void test_beside_a_gang(void **state)
{
	struct sim *m = sim_new(2, 9);

	add_vm(m, 0, 1, OFF, 100, ANY);
	add_vm(m, 1, 2, GANG, 100, ANY);
	add_vm(m, 2, 2, GANG, 100, ANY);
	sim_reserve(m, 0, 20 * VG_MS, 5 * VG_MS, false);
	sim_go(m, 1000);
	assert_true(sim_least(m, 0, 20 * VG_MS, 100) + LATE >= 5 * VG_MS);
	assert_in_range(sim_vm_ran(m, 1), sim_vm_ran(m, 2) * 98 / 100,
			sim_vm_ran(m, 2) * 102 / 100);
	assert_true(sim_vm_corun(m, 1) > sim_vm_ran(m, 1) / 2);
	free(m);
}

/* A VM whose vCPUs have reservations is no gang, and is one again without. */
static void test_reserved_is_no_gang(void **state)
{
	struct sim *m = sim_new(2, 10);

	add_vm(m, 0, 2, GANG, 100, ANY);
	sim_reserve(m, 0, 20 * VG_MS, 5 * VG_MS, true);
	assert_int_equal(m->st.ents[m->st.vms[0].ents].cosched, OFF);
	sim_reserve(m, 0, 20 * VG_MS, 0, true);
	assert_int_equal(m->st.ents[m->st.vms[0].ents].cosched, GANG);
	free(m);
}

/* Whoever was stopped 4 ms late gives that back, but in no period more than a little. */
static void test_late_end_is_paid_back_slowly(void **state)
{
	struct vg_reserve r = {
		.terms = { .period = 20 * VG_MS, .slice = 5 * VG_MS }, .left = -4 * (s64)VG_MS,
	};
	u64 lacked = 0;
	int i;

	for (i = 0; i < 100; i++) {
		vg_reserve_fill(&r);
		assert_true(r.left + VG_RESERVE_BACK >= 5 * VG_MS);
		lacked += 5 * VG_MS - (u64)r.left;
		r.left = 0;
	}
	assert_int_equal(lacked, 4 * VG_MS);
}

/* The kernel goes on with a vCPU by itself: it has what is left of its slice, and no more. */
static void test_goes_on_by_itself(void **state)
{
	struct sim *m = sim_new(1, 11);
	struct vg_cell *c = &m->st.cells[0];
	struct vg_vcpu *v = &m->st.vcpus[0];

	add_vm(m, 0, 1, OFF, 100, ANY);
	add_vm(m, 1, 1, OFF, 100, ANY);
	sim_reserve(m, 0, 20 * VG_MS, 5 * VG_MS, false);
	sim_go(m, 100);
	v->rsv.left = 2 * VG_MS;
	c->pcpu[0].deadline = m->now + 20 * VG_MS;
	vg_edf_run(c, v, 0, m->now);
	assert_int_equal(c->pcpu[0].deadline, m->now + 2 * VG_MS);
	assert_in_range(c->alarm, 1, m->now + 2 * VG_MS);
	v->rsv.left = 0;
	vg_edf_run(c, v, 0, m->now);
	assert_int_equal(c->pcpu[0].deadline, m->now);
	/* Nobody who has nothing reserved is in the way of who has. */
	c->alarm = 0;
	c->wanted = 1;
	vg_edf_run(c, &m->st.vcpus[1], 0, m->now);
	assert_int_equal(c->alarm, m->now);
	free(m);
}

/* While its cap holds a VM, what it has booked is not kept from others. */
static void test_held_by_a_cap_closes_nothing(void **state)
{
	struct sim *m = sim_new(1, 2);
	u64 held = 0;
	u32 i;

	add_vm(m, 0, 1, OFF, 100, ANY);
	add_vm(m, 1, 1, OFF, 100, ANY);
	vg_cap_set(&m->st.vms[0].cap, 20 * VG_MS, 100 * VG_MS, 0);
	assert_int_equal(sim_reserve(m, 0, 100 * VG_MS, 60 * VG_MS, false), 1);
	for (i = 0; i < 20000; i++) {
		sim_step(m);
		if (!(m->st.ents[m->st.vms[0].ents].flags & VG_THROTTLED))
			continue;
		held++;
		assert_int_equal(m->st.cells[0].wanted, 0);
	}
	assert_true(held > 2000);
	free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_met_in_each_period),
		cmocka_unit_test(test_extratime_by_weight),
		cmocka_unit_test(test_overbooking_is_refused),
		cmocka_unit_test(test_booked_where_it_may_run),
		cmocka_unit_test(test_cap_wins),
		cmocka_unit_test(test_held_by_a_cap_closes_nothing),
		cmocka_unit_test(test_wakes_into_a_period),
		cmocka_unit_test(test_no_two_slices_in_a_row),
		cmocka_unit_test(test_let_go_while_paused),
		cmocka_unit_test(test_beside_a_gang),
		cmocka_unit_test(test_reserved_is_no_gang),
		cmocka_unit_test(test_late_end_is_paid_back_slowly),
		cmocka_unit_test(test_goes_on_by_itself),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
