// SPDX-License-Identifier: GPL-2.0-only
/* Nobody gains by spinning, by leaving before the tick or by a cap; nobody is forgotten. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "sim.h"

#define OFF	VMGANG_COSCHED_OFF
#define GANG	VMGANG_COSCHED_GANG
#define ANY	(~0ULL)

static void add_vm(struct sim *m, u32 slot, u32 vcpus, u32 cosched, u64 mask)
{
	u32 i;

	for (i = 0; i < vcpus; i++)
		sim_vcpu(m, slot, cosched, 100, mask);
}

/* Whoever runs in VM @slot names a sibling that waits, as KVM does for a spinner. */
static void spin(struct sim *m, u32 slot)
{
	u32 b, i;

	for (b = 0; b < m->nr_cpus; b++) {
		u32 vi = m->cur[b];

		if (vi == VG_NONE || m->st.vcpus[vi].slot != slot)
			continue;
		for (i = 0; i < SIM_VCPUS; i++) {
			if (!m->v[i].used || m->st.vcpus[i].slot != slot ||
			    m->st.vcpus[i].state != VG_WAITING)
				continue;
			m->st.cells[0].pcpu[b].hint = i;
			m->v[vi].slice = false;
			m->resched[b] = true;
			break;
		}
	}
	sim_settle(m);
}

/* A VM whose vCPUs only yield to each other gets its half, to 2 %, and no more. */
static void test_spinning_gains_nothing(void **state)
{
	struct sim *m = sim_new(1, 3);
	u32 i;

	add_vm(m, 0, 1, OFF, ANY);
	add_vm(m, 1, 2, OFF, ANY);
	for (i = 0; i < 10000; i++) {
		sim_go(m, 1);
		spin(m, 1);
	}
	assert_true(m->st.cells[0].stats[VG_STAT_YIELDS] > 1000);
	assert_in_range(sim_vm_ran(m, 0), 4900 * VG_MS, 5100 * VG_MS);
	assert_in_range(m->v[0].waited, 1, 40 * VG_MS);
	free(m);
}

/* The sibling inherits the deadline of the stint that was yielded to it. */
static void test_yield_keeps_the_deadline(void **state)
{
	struct sim *m = sim_new(1, 3);
	u64 deadline;
	u32 from;

	add_vm(m, 0, 2, OFF, ANY);
	sim_go(m, 30);
	from = m->cur[0];
	deadline = sim_pcpu_deadline(m, 0);
	spin(m, 0);
	assert_int_not_equal(m->cur[0], from);
	assert_int_equal(sim_pcpu_deadline(m, 0), deadline);
	free(m);
}

/* May gang VM 1, which waits, take pCPU 0 from VM 0, whose vCPU has just come back there? */
static bool claims(struct sim *m, bool forced)
{
	struct vg_cell *c = &m->st.cells[0];

	if (!m->st.vms[1].nr_vcpus) {
		vg_plan_begin(&m->plan, m->now, VG_NONE, VG_NONE);
		vg_vcpu_wait(&m->st, c, &m->plan, sim_vcpu(m, 1, GANG, 100, ANY));
	}
	c->pcpu[0].since = m->now;
	vg_plan_begin(&m->plan, m->now, VG_NONE, VG_NONE);
	m->plan.forced = forced;
	return vg_claimable(&m->st, c, &m->plan, 0, m->st.vms[1].ents);
}

/*
 * A gang whose members leave just before their ticks, and are back just after,
 * is never seen past its deadline: from then on none of them is spared.
 */
static void test_dodging_gains_nothing(void **state)
{
	struct sim *m = sim_new(1, 3);
	struct vg_ent *e;

	add_vm(m, 0, 1, GANG, ANY);
	sim_go(m, 3);
	e = &m->st.ents[m->st.vms[0].ents];
	assert_true(e->flags & VG_ON);
	assert_false(claims(m, false));
	e->deadline = m->now;
	assert_true(claims(m, false));
	free(m);
}

/*
 * Who sleeps pays for the time in which its pCPU looks for another, and that
 * other does not.
 */
static void test_leaver_pays_for_the_pass(void **state)
{
	struct sim *m = sim_new(1, 3);
	u32 sleeper = sim_vcpu(m, 0, OFF, 100, ANY);
	u64 due;

	add_vm(m, 1, 1, OFF, ANY);
	m->v[sleeper].run_ns = 3 * VG_MS;
	m->v[sleeper].sleep_ns = VG_MS;
	m->pass = VG_PASS / 2;
	sim_go(m, 20000);
	due = 2 * m->passes * m->pass;
	assert_true(due > 500 * VG_MS);
	assert_in_range(sim_vm_ran(m, 1) - sim_vm_ran(m, 0), due - due / 20, due + due / 20);

	/* What took longer was no pass. */
	m->pass = VG_PASS + 1;
	m->passes = 0;
	m->v[0].ran = 0;
	m->v[1].ran = 0;
	sim_go(m, 20000);
	assert_in_range(sim_vm_ran(m, 1), 9800 * VG_MS, 10200 * VG_MS);
	free(m);
}

/* Two milliseconds are everybody's, but not from a gang that was held for long. */
static void test_held_gang_is_not_put_off(void **state)
{
	struct sim *m = sim_new(1, 3);

	add_vm(m, 0, 1, OFF, ANY);
	sim_go(m, 3);
	assert_false(claims(m, false));
	assert_true(claims(m, true));
	free(m);
}

/*
 * Who ran last on a pCPU goes first only within a gang's stint, and only until
 * somebody has waited for longer than that.
 */
static void test_affinity_forgets_nobody(void **state)
{
	struct sim *m = sim_new(1, 3);
	u32 a = sim_vcpu(m, 0, GANG, 100, ANY), b = sim_vcpu(m, 0, GANG, 100, ANY), ei;
	struct vg_cell *c = &m->st.cells[0];
	struct vg_ent *e;

	ei = m->st.vcpus[a].ent;
	e = &m->st.ents[ei];
	vg_plan_begin(&m->plan, m->now, VG_NONE, VG_NONE);
	vg_vcpu_wait(&m->st, c, &m->plan, a);
	vg_vcpu_wait(&m->st, c, &m->plan, b);
	m->st.vcpus[a].bit = 1;
	assert_int_equal(vg_ent_waiter(&m->st, ei, 0, m->now), a);
	e->flags |= VG_ON;
	assert_int_equal(vg_ent_waiter(&m->st, ei, 0, m->now), b);
	assert_int_equal(vg_ent_waiter(&m->st, ei, 0, m->now + e->slice + 1), a);
	free(m);
}

/* Time that is charged in advance does not move the others on: nor does a gang's full stint. */
static void test_advance_charge_moves_nobody(void **state)
{
	struct sim *m = sim_new(4, 3);
	u64 before = m->st.cells[0].vnow;

	add_vm(m, 0, 4, GANG, ANY);
	sim_go(m, 2);
	assert_int_equal(vg_weight_of(m->st.ents[m->st.vms[0].ents].on), 4);
	assert_in_range(m->st.cells[0].vnow - before, 0, 2 * VG_MS);
	assert_int_equal(m->st.ents[m->st.vms[0].ents].ahead, 4 * 20 * VG_MS);
	free(m);
}

/* Not even a gang that was held for long takes a pCPU from who is further behind than it. */
static void test_force_spares_who_is_behind(void **state)
{
	struct sim *m = sim_new(1, 3);

	add_vm(m, 0, 1, OFF, ANY);
	sim_go(m, 3);
	assert_true(claims(m, true));
	m->st.ents[m->st.vms[1].ents].vtime += 100 * VG_MS;
	assert_false(claims(m, true));
	free(m);
}

/*
 * A gang of three and one of two on four pCPUs never fit: each has half of the
 * host all the same, and none of the three waits for longer than two slices.
 */
static void test_odd_widths_share_alike(void **state)
{
	struct sim *m = sim_new(4, 3);
	u32 i;

	add_vm(m, 0, 3, GANG, ANY);
	add_vm(m, 1, 2, GANG, ANY);
	sim_go(m, 10000);
	assert_in_range(sim_vm_ran(m, 0), 19600 * VG_MS, 20400 * VG_MS);
	assert_in_range(sim_vm_ran(m, 1), 19600 * VG_MS, 20400 * VG_MS);
	for (i = 0; i < 5; i++)
		assert_in_range(m->v[i].waited, 0, 60 * VG_MS);
	free(m);
}

/* A narrow VM of much weight has its pCPU, whatever gangs run beside it. */
static void test_narrow_vm_keeps_its_pcpu(void **state)
{
	struct sim *m = sim_new(3, 3);

	sim_vcpu(m, 0, OFF, 400, ANY);
	add_vm(m, 1, 3, GANG, ANY);
	add_vm(m, 2, 2, GANG, ANY);
	sim_go(m, 5000);
	assert_in_range(sim_vm_ran(m, 0), 4800 * VG_MS, 5000 * VG_MS);
	free(m);
}

/* Who has been sent somebody does not ask by himself, though his stint ends. */
static void test_sent_pcpu_does_not_ask(void **state)
{
	struct sim *m = sim_new(1, 3);
	struct vg_cell *c = &m->st.cells[0];
	u64 then;

	add_vm(m, 0, 2, OFF, ANY);
	sim_go(m, 3);
	then = m->now + 100 * VG_MS;
	assert_true(vg_pcpu_ends(&m->st, c, 0, then));
	c->pcpu[0].coming = 1;
	assert_false(vg_pcpu_ends(&m->st, c, 0, then));
	free(m);
}

/* A gang that was held, and becomes wider than its cell, is held no longer. */
static void test_wide_gang_is_released(void **state)
{
	struct sim *m = sim_new(2, 3);
	struct vg_cell *c = &m->st.cells[0];
	u32 v[3], i;

	for (i = 0; i < 3; i++)
		v[i] = sim_vcpu(m, 0, GANG, 100, ANY);
	vg_plan_begin(&m->plan, m->now, VG_NONE, VG_NONE);
	vg_vcpu_wait(&m->st, c, &m->plan, v[0]);
	vg_vcpu_wait(&m->st, c, &m->plan, v[1]);
	vg_gang_hold(&m->st, c, &m->plan, m->st.vcpus[v[0]].ent);
	assert_int_equal(c->nr_held, 1);
	vg_vcpu_wait(&m->st, c, &m->plan, v[2]);
	assert_int_equal(c->nr_held, 0);
	free(m);
}

/*
 * A member that runs alone when its gang starts is held to the cap like those
 * that join it: no deadline is later than what the cap has for each.
 */
static void test_cap_binds_all_members(void **state)
{
	struct sim *m = sim_new(2, 3);
	struct vg_cell *c = &m->st.cells[0];
	u32 a = sim_vcpu(m, 0, GANG, 100, ANY), b = sim_vcpu(m, 0, GANG, 100, ANY), i;

	vg_cap_set(&m->st.vms[0].cap, 12 * VG_MS, 100 * VG_MS, 0);
	m->v[b].until = m->now + 2 * VG_MS;
	sim_go(m, 1);
	m->st.ents[0].flags &= ~VG_ON;	/* it fills in */
	sim_go(m, 2);
	assert_int_equal(m->st.vcpus[a].state, VG_RUNNING);
	assert_int_equal(m->st.vcpus[b].state, VG_RUNNING);
	for (i = 0; i < 2; i++)
		assert_true(c->pcpu[i].deadline <= m->now + 6 * VG_MS);
	free(m);
}

/* What a cap has left is not cut into stints too short to be run. */
static void test_cap_leaves_no_crumbs(void **state)
{
	struct vg_cap cap = {};
	u64 now = 1000 * VG_MS;

	vg_cap_set(&cap, 10 * VG_MS, 100 * VG_MS, 0);
	vg_cap_begin(&cap, now);
	vg_cap_charge(&cap, 9 * VG_MS);
	assert_int_equal(vg_cap_share(&cap, 4, now), VG_MIN_GRAN);
	vg_cap_charge(&cap, 1 * VG_MS);
	assert_int_equal(vg_cap_share(&cap, 4, now), 0);
}

/* A new vCPU of VM @slot that runs for @run ms and sleeps for @sleep by turns; 10 s of it. */
static u32 nap_often(struct sim *m, u32 slot, u32 cosched, u32 run, u32 sleep)
{
	u32 vi = sim_vcpu(m, slot, cosched, 100, ANY);

	m->v[vi].run_ns = run * VG_MS;
	m->v[vi].sleep_ns = sleep * VG_MS;
	sim_go(m, 1000);
	m->v[vi].waited = 0;
	m->v[vi].ran = 0;
	sim_go(m, 10000);
	return vi;
}

/*
 * Who wakes often and wants more than its share waits for short stints, and gets its
 * share; without it stints are as long as they may be.
 */
static void test_who_wakes_presses(void **state)
{
	struct sim *m = sim_new(1, 7);
	u64 runs;
	u32 vi;

	add_vm(m, 0, 1, OFF, ANY);
	add_vm(m, 1, 1, OFF, ANY);
	sim_go(m, 1000);
	runs = m->st.cells[0].runs;
	sim_go(m, 10000);
	assert_true(m->st.cells[0].runs - runs <= 10000 / 20);
	vi = nap_often(m, 2, OFF, 3, 2);
	assert_true(m->v[vi].waited <= 16 * VG_MS);
	assert_true(m->v[vi].ran > 3200 * VG_MS && m->v[vi].ran < 3450 * VG_MS);
	free(m);
}

/*
 * So it is where gangs are beside it, and where it is one: their stints are short, too,
 * and it has its two thirds of a pCPU, though each has only just begun when it wakes.
 */
static void test_gangs_make_room_for_who_wakes(void **state)
{
	static const struct { u32 kind, run, sleep; } cases[] = {
		{ OFF, 8, 2 }, { GANG, 8, 2 }, { OFF, 3, 1 }, { GANG, 3, 1 },
	};
	u32 i, vi;
	u64 starts;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sim *m = sim_new(2, 7);
		struct vg_cell *c = &m->st.cells[0];

		add_vm(m, 0, 2, GANG, ANY);
		add_vm(m, 1, 2, GANG, ANY);
		sim_go(m, 1000);
		starts = c->stats[VG_STAT_GANG_STARTS] + c->stats[VG_STAT_GANG_RENEWALS];
		sim_go(m, 10000);
		starts = c->stats[VG_STAT_GANG_STARTS] + c->stats[VG_STAT_GANG_RENEWALS] - starts;
		assert_true(starts <= 10000 / 20);
		vi = nap_often(m, 2, cases[i].kind, cases[i].run, cases[i].sleep);
		assert_true(m->v[vi].waited <= 16 * VG_MS);
		assert_in_range(m->v[vi].ran, 6500 * VG_MS, 6800 * VG_MS);
		/* A gang that has to wait is no reason for others to be none. */
		if (cases[i].kind == GANG)
			assert_int_equal(c->roused, 0);
		free(m);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_spinning_gains_nothing),
		cmocka_unit_test(test_yield_keeps_the_deadline),
		cmocka_unit_test(test_dodging_gains_nothing),
		cmocka_unit_test(test_leaver_pays_for_the_pass),
		cmocka_unit_test(test_held_gang_is_not_put_off),
		cmocka_unit_test(test_affinity_forgets_nobody),
		cmocka_unit_test(test_advance_charge_moves_nobody),
		cmocka_unit_test(test_force_spares_who_is_behind),
		cmocka_unit_test(test_odd_widths_share_alike),
		cmocka_unit_test(test_narrow_vm_keeps_its_pcpu),
		cmocka_unit_test(test_sent_pcpu_does_not_ask),
		cmocka_unit_test(test_wide_gang_is_released),
		cmocka_unit_test(test_cap_binds_all_members),
		cmocka_unit_test(test_cap_leaves_no_crumbs),
		cmocka_unit_test(test_who_wakes_presses),
		cmocka_unit_test(test_gangs_make_room_for_who_wakes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
