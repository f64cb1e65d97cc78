// SPDX-License-Identifier: GPL-2.0-only
/* Hosts of several cells: who moves, when, and what that does to shares. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "sim.h"

#define OFF	VMGANG_COSCHED_OFF
#define GANG	VMGANG_COSCHED_GANG
#define ANY	(~0ULL)

static void add_vm(struct sim *m, u32 slot, u32 vcpus, u32 cosched, u32 weight, u64 cells)
{
	u32 i;

	for (i = 0; i < vcpus; i++)
		sim_vcpu_in(m, slot, cosched, weight, ANY, cells);
}

static u64 moves(struct sim *m)
{
	u64 sum = 0;
	u32 i;

	for (i = 0; i < m->st.nr_cells; i++)
		sum += m->st.cells[i].stats[VG_STAT_MOVES];
	return sum;
}

/* What must hold whatever happened: each cell's books are in order. */
static void check(struct sim *m)
{
	u32 i;

	for (i = 0; i < m->st.nr_cells; i++) {
		struct vg_cell *c = &m->st.cells[i];
		u64 want = 0, load = 0;
		u32 asked = 0, vcpus = 0, ents = 0, r, ei, before = VG_NONE, in_ratios = 0;

		for (ei = c->ents; ei != VG_NONE; ei = m->st.ents[ei].after) {
			struct vg_ent *e = &m->st.ents[ei];

			assert_int_equal(e->cell, i);
			assert_int_equal(e->before, before);
			before = ei;
			want += e->pull;
			asked += e->counted;
			vcpus += e->nr_bound;
			ents++;
		}
		for (r = 0; r < VG_RATIOS; r++)
			in_ratios += c->demand.weight[r];
		assert_int_equal(c->want, want);
		assert_int_equal(c->asked, asked);
		assert_int_equal(in_ratios, asked);
		assert_int_equal(c->nr_vcpus, vcpus);
		assert_int_equal(c->nr_ents, ents);
		for (r = 0; r < VMGANG_MAX_VMS; r++)
			if (m->st.vms[r].id && m->st.vms[r].home == i)
				load += m->st.vms[r].weight;
		assert_int_equal(c->load, load);
	}
}

static void go(struct sim *m, u64 ms)
{
	u64 end = m->now + ms * VG_MS;

	while (m->now < end) {
		sim_go(m, 50);
		check(m);
	}
}

/* pCPUs that VM @slot has in the next @ms. */
static double share(struct sim *m, u32 slot, u64 ms)
{
	u64 was = sim_vm_ran(m, slot);

	go(m, ms);
	return (double)(sim_vm_ran(m, slot) - was) / (double)(ms * VG_MS);
}

/* Steps of a quarter of a millisecond until no VM of @slots has a vCPU elsewhere than at home. */
static u64 until_home(struct sim *m, u32 slots, u64 most_ms)
{
	u64 from = m->now;
	bool away = true;
	u32 i;

	while (away && m->now - from < most_ms * VG_MS) {
		sim_step(m);
		away = false;
		for (i = 0; i < SIM_VCPUS; i++)
			if (m->v[i].used && m->st.vcpus[i].slot < slots &&
			    sim_vcpu_cell(m, i)->id != m->st.vms[m->st.vcpus[i].slot].home)
				away = true;
	}
	return (m->now - from) / VG_MS;
}

/* Is any pCPU idle now while a vCPU waits, wherever? */
static bool wasted(struct sim *m)
{
	bool idle = false, waits = false;
	u32 i;

	for (i = 0; i < m->nr_cpus; i++)
		idle |= m->cur[i] == VG_NONE;
	for (i = 0; i < SIM_VCPUS; i++)
		waits |= m->v[i].used && m->st.vcpus[i].state == VG_WAITING;
	return idle && waits;
}

/*
 * Four VMs on two cells; those of one cell go.  Its idleness is seen at the next
 * heartbeat and at a look 100 ms later, the VM's members that run go at once and
 * those that wait after a turn: within 1.3 s everybody runs, and stays.
 */
static void idle_cell_is_used(u32 cosched)
{
	struct sim *m = sim_new_cells(2, 2, 1);
	u64 from, used = 0;
	u32 i;

	for (i = 0; i < 4; i++)
		add_vm(m, i, 2, cosched, 100, ANY);
	go(m, 5000);
	assert_int_equal(moves(m), 0);
	for (i = 1; i < 4; i++)
		if (m->st.vms[i].home != m->st.vms[0].home)
			sim_vm_end(m, i);
	from = m->now;
	while (m->now < from + 3000 * VG_MS) {
		sim_step(m);
		if (wasted(m))
			used = m->now - from;
	}
	assert_in_range(used, 1, 1300 * VG_MS);
	assert_int_equal(moves(m), 1);
	go(m, 10000);
	assert_int_equal(moves(m), 1);
	for (i = 0; i < 4; i++)
		if (m->st.vms[i].id)
			assert_true(share(m, i, 1000) > 1.99);
	free(m);
}

static void test_idle_cell_is_used(void **state)
{
	idle_cell_is_used(OFF);
	idle_cell_is_used(GANG);
}

/*
 * 32 VMs that run one vCPU each, of weights 100 and 200, on four cells of two
 * pCPUs; half of them go, so that the rest have two cells.  They can be spread
 * evenly, 600 of weight for each cell: so each has its share, to 2 %.
 */
static void test_shares_follow_weights(void **state)
{
	struct sim *m = sim_new_cells(4, 2, 1);
	double total = 0;
	u64 was[32];
	u32 i;

	for (i = 0; i < 32; i++)
		add_vm(m, i, 1, OFF, 100 * (1 + i / 4 % 2), ANY);
	go(m, 3000);
	for (i = 0; i < 32; i++)
		if (m->st.vms[i].home >= 2)
			sim_vm_end(m, i);
	go(m, 20000);
	for (i = 0; i < 32; i++) {
		was[i] = sim_vm_ran(m, i);
		if (m->st.vms[i].id)
			total += m->st.vms[i].weight;
	}
	i = (u32)moves(m);
	assert_in_range(i, 6, 12);
	go(m, 20000);
	assert_int_equal(moves(m), i);
	for (i = 0; i < 32; i++) {
		double want, got = (double)(sim_vm_ran(m, i) - was[i]) / 20e9;

		if (!m->st.vms[i].id)
			continue;
		want = 8 * m->st.vms[i].weight / total;
		if (want > 1)
			want = 1;
		assert_true(got > want * 0.98 && got < want * 1.02);
	}
	free(m);
}

/* VMs come and go for a minute: nobody waits for ever, and the books are right. */
static void test_arrivals(void **state)
{
	struct sim *m = sim_new_cells(4, 4, 7);
	u64 most = 0, most_moves;
	u32 i, n, nr = 0;

	for (n = 0; n < 60; n++) {
		u32 slot = sim_rand(m, 24);

		if (m->st.vms[slot].id) {
			sim_vm_end(m, slot);
			nr--;
		} else {
			add_vm(m, slot, 1 + sim_rand(m, 4), sim_rand(m, 2) ? OFF : GANG,
			       50 + sim_rand(m, 400), ANY);
			nr++;
		}
		go(m, 1000);
	}
	most_moves = moves(m);
	go(m, 10000);
	/* At most one for each that came or went, and a few more to even them out. */
	assert_in_range(most_moves, 1, 90);
	assert_in_range(moves(m) - most_moves, 0, nr);
	for (i = 0; i < SIM_VCPUS; i++)
		if (m->v[i].used && m->v[i].waited > most)
			most = m->v[i].waited;
	assert_in_range(most, 1, 3000 * VG_MS);
	free(m);
}

/* Who may use one cell only stays there, though the other one is idle. */
static void test_pinned_stay(void **state)
{
	struct sim *m = sim_new_cells(2, 2, 1);
	u32 i;

	for (i = 0; i < 3; i++)
		add_vm(m, i, 2, OFF, 100, vg_bit(1));
	go(m, 6000);
	assert_int_equal(moves(m), 0);
	for (i = 0; i < 3; i++) {
		assert_int_equal(m->st.vms[i].home, 1);
		assert_true(share(m, i, 3000) < 0.7);
	}
	free(m);
}

/* Beside them, who may move does: the idle cell is his. */
static void test_free_leave_pinned(void **state)
{
	struct sim *m = sim_new_cells(2, 2, 1);
	u32 i;

	for (i = 0; i < 2; i++)
		add_vm(m, i, 2, OFF, 100, vg_bit(1));
	add_vm(m, 2, 2, GANG, 100, ANY);
	m->st.vms[2].home = 0;
	go(m, 3000);
	assert_int_equal(m->st.vms[2].home, 0);
	assert_true(share(m, 2, 2000) > 1.98);
	free(m);
}

/* Three equal VMs on two cells can not be even: they stay where they are. */
static void test_no_ping_pong(void **state)
{
	static const u32 widths[] = { 1, 2, 3 };
	u32 w, i;

	for (w = 0; w < 3; w++) {
		struct sim *m = sim_new_cells(2, 2, w + 1);

		for (i = 0; i < 3; i++)
			add_vm(m, i, widths[w], OFF, 100, ANY);
		go(m, 30000);
		assert_int_equal(moves(m), 0);
		free(m);
	}
}

/* Work that comes and goes is no reason to move back and forth. */
static void test_bursts_do_not_push(void **state)
{
	struct sim *m = sim_new_cells(2, 4, 5);
	u32 i;

	for (i = 0; i < 24; i++) {
		u32 vi = sim_vcpu(m, i, OFF, 100, ANY);

		m->v[vi].run_ns = (1 + sim_rand(m, 20)) * VG_MS;
		m->v[vi].sleep_ns = (1 + sim_rand(m, 40)) * VG_MS;
		m->v[vi].until = m->v[vi].run_ns;
	}
	go(m, 60000);
	/* Each at most once in 8 s; that all of them would is 180. */
	assert_in_range(moves(m), 0, 12);
	free(m);
}

/*
 * A VM brings its credit: after a move it is as far ahead of, or behind, its new
 * neighbours as it was of the old ones, whatever their clocks say.
 */
static void test_credit_travels(void **state)
{
	struct sim *m = sim_new_cells(2, 1, 1);
	s64 before, after;
	u32 a, i;

	for (i = 0; i < 4; i++)
		add_vm(m, i, 1, OFF, i < 2 ? 100 : 300, ANY);
	go(m, 5000);
	a = VG_NONE;
	for (i = 0; i < SIM_VCPUS; i++)
		if (m->v[i].used && m->st.vcpus[i].slot == 0)
			a = i;
	m->st.ents[m->st.vcpus[a].ent].vtime -= 7 * VG_MS;
	before = vg_ent_lead(&m->st, sim_vcpu_cell(m, a), m->st.vcpus[a].ent, m->now);
	m->st.cells[m->st.vms[0].home].load -= 100;
	m->st.vms[0].home ^= 1;
	m->st.cells[m->st.vms[0].home].load += 100;
	m->st.cells[m->st.vms[0].home].vnow += 12345 * VG_MS;
	sim_rehome(m, a);
	after = vg_ent_lead(&m->st, sim_vcpu_cell(m, a), m->st.vcpus[a].ent, m->now);
	assert_int_equal(sim_vcpu_cell(m, a)->id, m->st.vms[0].home);
	assert_int_equal(before, after);
	free(m);
}

/* A gang goes only where it fits. */
static void test_gang_keeps_its_width(void **state)
{
	struct sim *m = sim_new_cells(2, 4, 1);
	u32 i;

	/* The second cell loses three of its pCPUs before anybody comes. */
	m->st.cells[1].nr_pcpus = 1;
	m->st.cells[1].all = 1;
	m->st.cells[1].idle = 1;
	for (i = 0; i < 2; i++) {
		add_vm(m, i, 3, GANG, 100, vg_bit(0));
		m->st.ents[m->st.vms[i].ents].cells = ~0ULL;
	}
	go(m, 5000);
	assert_int_equal(moves(m), 0);
	free(m);
}

/* A moving VM is soon whole: those that run go at once, waiters after a turn. */
static void test_move_is_swift(void **state)
{
	struct sim *m = sim_new_cells(2, 2, 1);
	u32 i;

	for (i = 0; i < 3; i++)
		add_vm(m, i, 3, OFF, 100, ANY);
	go(m, 2500);
	m->st.cells[m->st.vms[0].home].load -= 100;
	m->st.vms[0].home ^= 1;
	m->st.cells[m->st.vms[0].home].load += 100;
	assert_in_range(until_home(m, 3, 1000), 0, 150);
	free(m);
}

/* Two VMs that ask for more than their share, one for less: the level is theirs. */
static void test_level(void **state)
{
	struct sim *m = sim_new_cells(2, 2, 1);

	add_vm(m, 0, 2, OFF, 100, ANY);
	add_vm(m, 1, 2, OFF, 100, ANY);
	add_vm(m, 2, 1, OFF, 1000, ANY);
	go(m, 4000);
	/* 200 of weight for the three pCPUs that the heavy one leaves. */
	assert_in_range(m->st.level, 66, 67);
	sim_vm_end(m, 0);
	go(m, 3000);
	assert_int_equal(m->st.level, 1);
	free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_idle_cell_is_used),
		cmocka_unit_test(test_shares_follow_weights),
		cmocka_unit_test(test_arrivals),
		cmocka_unit_test(test_pinned_stay),
		cmocka_unit_test(test_free_leave_pinned),
		cmocka_unit_test(test_no_ping_pong),
		cmocka_unit_test(test_bursts_do_not_push),
		cmocka_unit_test(test_credit_travels),
		cmocka_unit_test(test_gang_keeps_its_width),
		cmocka_unit_test(test_move_is_swift),
		cmocka_unit_test(test_level),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
