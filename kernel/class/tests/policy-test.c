// SPDX-License-Identifier: GPL-2.0-only
/* What the policy promises, shown on a simulated host. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "sim.h"

#define OFF	VMGANG_COSCHED_OFF
#define GANG	VMGANG_COSCHED_GANG
#define ANY	(~0ULL)

/* Every invariant that must hold between two steps. */
static void check(struct sim *m)
{
	struct vg_cell *c = &m->st.cells[0];
	u32 on[SIM_VCPUS] = {}, b, i, waiting = 0, queued = 0;

	vg_queue_sort(&m->st, c, m->now);
	for (b = 0; b < m->nr_cpus; b++) {
		u32 vi = m->cur[b];

		assert_int_equal(c->pcpu[b].cur, vi);
		if (vi == VG_NONE)
			continue;
		/* No vCPU on two pCPUs; none where it may not be. */
		assert_int_equal(on[vi]++, 0);
		assert_int_equal(m->st.vcpus[vi].state, VG_RUNNING);
		assert_int_equal(m->st.vcpus[vi].bit, b);
		assert_true(m->st.vcpus[vi].mask & vg_bit(b));
		assert_true(m->st.ents[m->st.vcpus[vi].ent].on & vg_bit(b));
		assert_false(c->idle & vg_bit(b));
	}
	for (i = 0; i < SIM_VCPUS; i++) {
		struct vg_ent *e;

		if (!m->v[i].used)
			continue;
		e = &m->st.ents[m->st.vcpus[i].ent];
		waiting += m->st.vcpus[i].state == VG_WAITING;
		if (m->st.vcpus[i].state == VG_WAITING && !(e->flags & VG_THROTTLED) &&
		    !vg_vcpu_leads(&m->st, &m->st.vcpus[i]))
			assert_int_not_equal(e->pos, VG_NONE);
		if (!m->v[i].runnable)
			assert_int_equal(m->st.vcpus[i].state, VG_OUT);
	}
	for (i = 0; i < c->nr_queued; i++) {
		struct vg_ent *e = &m->st.ents[vg_queue_at(c, i)];
		struct vg_node *n = vg_node(c, VG_QUEUE + i);
		u64 mask = 0;
		u32 vi;

		assert_int_equal(e->pos, i);
		for (vi = e->head; vi != VG_NONE; vi = m->st.vcpus[vi].next)
			if (!vg_vcpu_leads(&m->st, &m->st.vcpus[vi]))
				mask |= m->st.vcpus[vi].mask;
		assert_int_equal(n->mask, mask);
		assert_int_equal(n->width, vg_ent_is_gang(c, e) ? vg_ent_width(e) : 1);
		n = vg_node(c, VG_QUEUE >> c->levels);
		assert_false(vg_ent_before(e, &m->st.ents[n->best]));
		queued += e->nr_waiting;
	}
	assert_true(queued <= waiting);
}

static void go(struct sim *m, u64 ms)
{
	u64 end = m->now + ms * VG_MS;

	while (m->now < end) {
		sim_step(m);
		check(m);
	}
}

static void add_vm(struct sim *m, u32 slot, u32 vcpus, u32 cosched, u32 weight, u64 mask)
{
	u32 i;

	for (i = 0; i < vcpus; i++)
		sim_vcpu(m, slot, cosched, weight, mask);
}

/* Percent by which @is misses @want. */
static double off_by(u64 is, double want)
{
	double d = (is - want) / want * 100;

	return d < 0 ? -d : d;
}

/*
 * Three gangs of two on two pCPUs, nothing else: they take turns, always
 * whole.  One pick in each pCPU at each of the 500 turns in 10 s.
 */
static void test_gangs_take_turns(void **state)
{
	struct sim *m = sim_new(2, 1);
	u32 i;

	for (i = 0; i < 3; i++)
		add_vm(m, i, 2, GANG, 100, ANY);
	go(m, 10000);
	for (i = 0; i < 3; i++) {
		assert_true(off_by(sim_vm_ran(m, i), 20e9 / 3) < 1);
		assert_int_equal(sim_vm_ran(m, i), sim_vm_corun(m, i));
	}
	assert_true(m->idle_ns <= 2 * SIM_STEP * m->nr_cpus);
	assert_in_range(m->st.cells[0].stats[VG_STAT_PICKS], 990, 1020);
	assert_in_range(m->st.cells[0].stats[VG_STAT_HOLDS], 0, 2);
	free(m);
}

/* Ticks half a period apart change nothing: the first tick ends the stint. */
static void test_ticks_out_of_phase(void **state)
{
	struct sim *m = sim_new(2, 1);
	u32 i;

	m->tick[1] = SIM_TICK / 2;
	for (i = 0; i < 3; i++)
		add_vm(m, i, 2, GANG, 100, ANY);
	go(m, 5000);
	for (i = 0; i < 3; i++)
		assert_int_equal(sim_vm_ran(m, i), sim_vm_corun(m, i));
	assert_true(m->idle_ns <= 2 * SIM_STEP * m->nr_cpus);
	free(m);
}

/*
 * The host's own threads take a pCPU now and then for up to 0.75 ms: the member
 * comes back at once, and 95 % of the time is still spent together.
 */
static void test_host_threads_in_between(void **state)
{
	struct sim *m = sim_new(2, 7);
	u32 i, t;

	for (i = 0; i < 3; i++)
		add_vm(m, i, 2, GANG, 100, ANY);
	for (t = 0; t < 10000; t++) {
		go(m, 1);
		if (!sim_rand(m, 30))
			sim_host(m, sim_rand(m, 2), SIM_STEP * (1 + sim_rand(m, 3)));
	}
	for (i = 0; i < 3; i++) {
		assert_true(sim_vm_corun(m, i) > sim_vm_ran(m, i) * 95 / 100);
		assert_true(off_by(sim_vm_ran(m, i), sim_vm_ran(m, 0)) < 2);
	}
	assert_int_equal(m->lost_ns, 0);
	free(m);
}

/* A pCPU that the host keeps for 3 s holds no gang: it goes on elsewhere. */
static void test_host_keeps_a_pcpu(void **state)
{
	struct sim *m = sim_new(4, 7);
	u64 ran;

	add_vm(m, 0, 2, GANG, 100, ANY);
	add_vm(m, 1, 2, GANG, 100, ANY);
	go(m, 1000);
	sim_host(m, 0, 3000 * VG_MS);
	ran = sim_vm_ran(m, 0) + sim_vm_ran(m, 1);
	go(m, 3000);
	ran = sim_vm_ran(m, 0) + sim_vm_ran(m, 1) - ran;
	assert_true(off_by(ran, 9e9) < 1);
	assert_true(off_by(sim_vm_ran(m, 0), sim_vm_ran(m, 1)) < 5);
	free(m);
}

/*
 * Five gangs of two on three pCPUs: a gang and a half at any time.  Fair to
 * 1 %, never idle, and as much together as three pCPUs allow (two thirds).
 */
static void test_odd_pcpus(void **state)
{
	struct sim *m = sim_new(3, 1);
	u32 i;
	u64 co = 0;

	for (i = 0; i < 5; i++)
		add_vm(m, i, 2, GANG, 100, ANY);
	go(m, 10000);
	for (i = 0; i < 5; i++) {
		assert_true(off_by(sim_vm_ran(m, i), 30e9 / 5) < 1);
		co += sim_vm_corun(m, i);
	}
	assert_true(m->idle_ns <= 2 * SIM_STEP * m->nr_cpus);
	assert_true(co > 20e9 * 95 / 100);
	free(m);
}

/* Weights 1:2:4 within 2 % over 10 s, whatever the policy. */
static void weights(u32 cosched)
{
	struct sim *m = sim_new(2, 1);

	add_vm(m, 0, 2, cosched, 100, ANY);
	add_vm(m, 1, 2, cosched, 200, ANY);
	add_vm(m, 2, 2, cosched, 400, ANY);
	go(m, 10000);
	assert_true(off_by(sim_vm_ran(m, 0), 20e9 / 7) < 2);
	assert_true(off_by(sim_vm_ran(m, 1), 40e9 / 7) < 2);
	assert_true(off_by(sim_vm_ran(m, 2), 80e9 / 7) < 2);
	assert_true(m->idle_ns <= 2 * SIM_STEP * m->nr_cpus);
	free(m);
}

static void test_weights_off(void **state)
{
	weights(OFF);
}

static void test_weights_gang(void **state)
{
	weights(GANG);
}

/* Weights hold among vCPUs pinned to one pCPU, beside a lone one elsewhere. */
static void test_weights_pinned(void **state)
{
	struct sim *m = sim_new(2, 1);

	add_vm(m, 0, 1, OFF, 100, 1);
	add_vm(m, 1, 1, OFF, 300, 1);
	add_vm(m, 2, 1, OFF, 100, 2);
	go(m, 10000);
	assert_true(off_by(sim_vm_ran(m, 0), 2.5e9) < 2);
	assert_true(off_by(sim_vm_ran(m, 1), 7.5e9) < 2);
	assert_true(off_by(sim_vm_ran(m, 2), 10e9) < 1);
	free(m);
}

/* A gang beside independent VMs gets its share, and gets it together. */
static void test_gang_among_others(void **state)
{
	struct sim *m = sim_new(2, 3);
	u32 i;

	add_vm(m, 0, 2, GANG, 100, ANY);
	for (i = 1; i < 5; i++)
		add_vm(m, i, 1, OFF, 100, ANY);
	go(m, 10000);
	assert_true(sim_vm_corun(m, 0) > sim_vm_ran(m, 0) * 97 / 100);
	for (i = 0; i < 5; i++)
		assert_true(off_by(sim_vm_ran(m, i), 4e9) < 3);
	assert_true(m->idle_ns <= 2 * SIM_STEP * m->nr_cpus);
	free(m);
}

/* A cap of 30 % of one pCPU, within half a point over 10 s; the rest is used. */
static void test_cap_vm(void **state)
{
	struct sim *m = sim_new(2, 3);

	add_vm(m, 0, 2, GANG, 100, ANY);
	add_vm(m, 1, 2, OFF, 100, ANY);
	vg_cap_set(&m->st.vms[0].cap, 30 * VG_MS, 100 * VG_MS, 0);
	go(m, 10000);
	assert_true(sim_vm_ran(m, 0) > 2950 * VG_MS && sim_vm_ran(m, 0) < 3050 * VG_MS);
	assert_true(m->idle_ns <= 2 * SIM_STEP * m->nr_cpus);
	free(m);
}

/* The same cap holds when nobody else wants the pCPUs. */
static void test_cap_alone(void **state)
{
	struct sim *m = sim_new(2, 3);

	add_vm(m, 0, 2, OFF, 100, ANY);
	vg_cap_set(&m->st.vms[0].cap, 30 * VG_MS, 100 * VG_MS, 0);
	go(m, 10000);
	assert_true(sim_vm_ran(m, 0) > 2950 * VG_MS && sim_vm_ran(m, 0) < 3050 * VG_MS);
	assert_int_equal(m->lost_ns, 0);
	free(m);
}

/* A vCPU's own cap holds that vCPU alone. */
static void test_cap_vcpu(void **state)
{
	struct sim *m = sim_new(2, 3);
	u32 a = sim_vcpu(m, 0, OFF, 100, ANY), b = sim_vcpu(m, 0, OFF, 100, ANY);

	vg_cap_set(&m->st.vcpus[a].cap, 10 * VG_MS, 50 * VG_MS, 0);
	go(m, 10000);
	assert_true(m->v[a].ran > 1950 * VG_MS && m->v[a].ran < 2050 * VG_MS);
	assert_true(m->v[b].ran > 9900 * VG_MS);
	free(m);
}

/* A hopeless debt (64 vCPUs, 1 ms each second) is bounded to 5 s. */
static void test_cap_debt_is_bounded(void **state)
{
	struct vg_cap cap = {};
	u64 now = 1000 * VG_MS;

	vg_cap_set(&cap, 1 * VG_MS, 1000 * VG_MS, 0);
	vg_cap_begin(&cap, now);
	vg_cap_charge(&cap, 10000 * VG_MS);
	assert_int_equal(vg_cap_left(&cap, now), 0);
	assert_true(vg_cap_refill(&cap) - now <= 7000 * VG_MS);
	assert_true(vg_cap_left(&cap, now + 7000 * VG_MS) > 0);
}

/*
 * A vCPU that sleeps most of the time and wakes into two busy VMs runs within
 * a tick, and can not save up sleep: it never takes more than its share.
 */
static void test_wakeup_latency(void **state)
{
	struct sim *m = sim_new(1, 3);
	u32 vi;

	add_vm(m, 0, 1, OFF, 100, ANY);
	add_vm(m, 1, 1, OFF, 100, ANY);
	vi = sim_vcpu(m, 2, OFF, 100, ANY);
	m->v[vi].run_ns = VG_MS;
	m->v[vi].sleep_ns = 20 * VG_MS;
	go(m, 200);
	m->v[vi].waited = 0;	/* all began at once: that does not count */
	go(m, 9800);
	assert_true(m->v[vi].waited <= 8 * VG_MS);
	assert_true(m->v[vi].ran > 400 * VG_MS && m->v[vi].ran < 520 * VG_MS);
	free(m);
}

/* An idle gang member gives its pCPU away and gets one back when it wakes. */
static void test_idle_member_rejoins(void **state)
{
	struct sim *m = sim_new(2, 3);
	u32 a = sim_vcpu(m, 0, GANG, 100, ANY), b = sim_vcpu(m, 0, GANG, 100, ANY);

	add_vm(m, 1, 2, OFF, 100, ANY);
	m->v[b].run_ns = 3 * VG_MS;
	m->v[b].sleep_ns = 3 * VG_MS;
	go(m, 10000);
	assert_true(m->idle_ns <= 2 * SIM_STEP * m->nr_cpus);
	assert_true(m->v[b].waited <= 60 * VG_MS);
	/* Whenever b runs, a does; a alone may run while b sleeps. */
	assert_true(m->v[b].corun > m->v[b].ran * 90 / 100);
	assert_true(m->v[a].ran > m->v[b].ran);
	assert_true(m->st.cells[0].stats[VG_STAT_REJOINS] > 100);
	free(m);
}

/* A gang wider than the cell runs as independent, and says so. */
static void test_wide_gang(void **state)
{
	struct sim *m = sim_new(2, 3);

	add_vm(m, 0, 3, GANG, 100, ANY);
	add_vm(m, 1, 2, GANG, 100, ANY);
	go(m, 5000);
	assert_true(m->st.cells[0].stats[VG_STAT_WIDE] > 0);
	assert_true(m->idle_ns <= 2 * SIM_STEP * m->nr_cpus);
	assert_true(off_by(sim_vm_ran(m, 0), 5e9) < 5);
	free(m);
}

/* Members pinned one to one are matched to their pCPUs. */
static void test_pinned_gang(void **state)
{
	struct sim *m = sim_new(4, 3);
	u32 i;

	for (i = 0; i < 4; i++)
		sim_vcpu(m, 0, GANG, 100, vg_bit(3 - i));
	for (i = 0; i < 2; i++)
		sim_vcpu(m, 1, GANG, 100, vg_bit(i * 2));
	add_vm(m, 2, 2, OFF, 100, ANY);
	go(m, 5000);
	assert_true(m->idle_ns <= 2 * SIM_STEP * m->nr_cpus);
	assert_true(sim_vm_corun(m, 0) > sim_vm_ran(m, 0) * 9 / 10);
	assert_true(sim_vm_ran(m, 1) > 1000 * VG_MS);
	free(m);
}

/* yield_to: the sibling runs next on this pCPU. */
static void test_directed_yield(void **state)
{
	struct sim *m = sim_new(1, 3);
	u32 a = sim_vcpu(m, 0, OFF, 100, ANY), b = sim_vcpu(m, 0, OFF, 100, ANY);
	u32 from, to;

	go(m, 30);
	from = m->cur[0];
	to = from == a ? b : a;
	m->st.cells[0].pcpu[0].hint = to;
	m->v[from].slice = false;
	m->resched[0] = true;
	sim_settle(m);
	check(m);
	assert_int_equal(m->cur[0], to);
	assert_int_equal(m->st.cells[0].stats[VG_STAT_YIELDS], 1);
	free(m);
}

/* A weight of 1 beside 10000 still runs every few seconds. */
static void test_no_starvation(void **state)
{
	struct sim *m = sim_new(1, 3);

	add_vm(m, 0, 1, OFF, 1, ANY);
	add_vm(m, 1, 1, OFF, 10000, ANY);
	add_vm(m, 2, 1, OFF, 10000, ANY);
	go(m, 60000);
	assert_true(m->v[0].waited < 6000 * VG_MS);
	assert_true(m->v[0].ran > 100 * VG_MS);
	assert_true(off_by(sim_vm_ran(m, 1), 30e9) < 2);
	free(m);
}

/*
 * Any mix of widths, policies, weights, affinities, sleepers, caps and host
 * threads: the invariants hold, no pCPU idles while somebody could use it, and
 * nobody waits longer than 8 s.
 */
static void mix(u64 seed)
{
	u32 cpus, vms, i, j, t;
	struct sim *m;

	m = sim_new(1, seed);
	cpus = 1 + sim_rand(m, 8);
	free(m);
	m = sim_new(cpus, seed);
	sim_rand(m, 8);
	vms = 1 + sim_rand(m, 12);
	for (i = 0; i < cpus; i++)
		m->tick[i] = sim_rand(m, 16) * SIM_STEP;
	for (i = 0; i < vms; i++) {
		u32 n = 1 + sim_rand(m, 6), cosched = sim_rand(m, 2);
		u32 weight = 1 + sim_rand(m, 1000);

		for (j = 0; j < n; j++) {
			u64 mask = ANY;
			u32 vi;

			if (!sim_rand(m, 4))
				mask = vg_bit(sim_rand(m, cpus)) | vg_bit(sim_rand(m, cpus));
			vi = sim_vcpu(m, i, cosched, weight, mask);
			if (sim_rand(m, 2)) {
				m->v[vi].run_ns = SIM_STEP * (1 + sim_rand(m, 100));
				m->v[vi].sleep_ns = SIM_STEP * (1 + sim_rand(m, 100));
			}
			if (!sim_rand(m, 10))
				vg_cap_set(&m->st.vcpus[vi].cap, (1 + sim_rand(m, 50)) * VG_MS,
					   100 * VG_MS, 0);
		}
		if (!sim_rand(m, 6))
			vg_cap_set(&m->st.vms[i].cap, (5 + sim_rand(m, 200)) * VG_MS,
				   100 * VG_MS, 0);
	}
	for (t = 0; t < 4000; t++) {
		go(m, 1);
		if (!sim_rand(m, 50))
			sim_host(m, sim_rand(m, cpus), SIM_STEP * (1 + sim_rand(m, 40)));
		if (!sim_rand(m, 200)) {
			struct vg_vm *vm = &m->st.vms[sim_rand(m, vms)];

			vm->cosched = sim_rand(m, 2);
			vm->weight = 1 + sim_rand(m, 1000);
			vg_plan_begin(&m->plan, m->now, VG_NONE, VG_NONE);
			vg_ent_policy(&m->st, &m->st.cells[0], &m->plan, vm->ents);
			sim_kick(m, &m->st.cells[0], m->plan.kick);
			sim_settle(m);
		}
	}
	if (m->lost_ns > 4 * VG_MS)
		fail_msg("seed %llu: %llu us idle though somebody waited",
			 (unsigned long long)seed, (unsigned long long)m->lost_ns / 1000);
	for (i = 0; i < SIM_VCPUS; i++)
		if (m->v[i].used && m->v[i].waited > 8000 * VG_MS)
			fail_msg("seed %llu: vCPU %u waited %llu ms", (unsigned long long)seed, i,
				 (unsigned long long)(m->v[i].waited / VG_MS));
	free(m);
}

static void test_random_mixes(void **state)
{
	u64 seed;

	for (seed = 1; seed <= 60; seed++)
		mix(seed);
}

/* vCPUs that leave at any moment leave nothing behind. */
static void test_leaving(void **state)
{
	struct sim *m = sim_new(2, 9);
	struct vg_cell *c = &m->st.cells[0];
	u32 round, i, vi, ei;

	for (round = 0; round < 50; round++) {
		for (i = 0; i < 3; i++)
			add_vm(m, i, 2, GANG, 100, ANY);
		vg_cap_set(&m->st.vms[1].cap, 20 * VG_MS, 100 * VG_MS, 0);
		go(m, 1 + sim_rand(m, 60));
		for (vi = 0; vi < SIM_VCPUS; vi++) {
			u32 b;

			if (!m->v[vi].used)
				continue;
			m->v[vi].used = false;
			m->v[vi].runnable = false;
			for (b = 0; b < 2; b++) {
				if (m->local[b] == vi)
					m->local[b] = VG_NONE;
				if (m->cur[b] == vi) {
					sim_stop(m, b);
					m->resched[b] = true;
				}
			}
			ei = m->st.vcpus[vi].ent;
			vg_plan_begin(&m->plan, m->now, VG_NONE, VG_NONE);
			vg_vcpu_unbind(&m->st, c, &m->plan, vi);
			sim_kick(m, &m->st.cells[0], m->plan.kick);
			vg_ent_put(&m->st, ei);
			vg_vcpu_put(&m->st, vi);
			sim_settle(m);
		}
		assert_int_equal(c->nr_queued, 0);
		assert_int_equal(c->nr_vcpus, 0);
		assert_int_equal(c->nr_held, 0);
		assert_int_equal(c->load, 0);
		assert_int_equal(c->noted, 0);
		assert_int_equal(c->idle, c->all);
		memset(m->v, 0, sizeof(m->v));
	}
	free(m);
}

static void test_bits(void **state)
{
	u32 b, n = 0;
	u64 m;

	assert_int_equal(vg_weight_of(ANY), 64);
	assert_int_equal(vg_weight_of(0), 0);
	for (b = 0; b < 64; b++)
		assert_int_equal(vg_lowest(ANY << b), b);
	vg_each_bit(b, m, 0x8000000000000005ULL)
		n += b;
	assert_int_equal(n, 65);
	assert_true(vg_before(~0ULL, 1));
	assert_false(vg_before(1, ~0ULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bits),
		cmocka_unit_test(test_gangs_take_turns),
		cmocka_unit_test(test_ticks_out_of_phase),
		cmocka_unit_test(test_host_threads_in_between),
		cmocka_unit_test(test_host_keeps_a_pcpu),
		cmocka_unit_test(test_odd_pcpus),
		cmocka_unit_test(test_weights_off),
		cmocka_unit_test(test_weights_gang),
		cmocka_unit_test(test_weights_pinned),
		cmocka_unit_test(test_gang_among_others),
		cmocka_unit_test(test_cap_vm),
		cmocka_unit_test(test_cap_alone),
		cmocka_unit_test(test_cap_vcpu),
		cmocka_unit_test(test_cap_debt_is_bounded),
		cmocka_unit_test(test_wakeup_latency),
		cmocka_unit_test(test_idle_member_rejoins),
		cmocka_unit_test(test_wide_gang),
		cmocka_unit_test(test_pinned_gang),
		cmocka_unit_test(test_directed_yield),
		cmocka_unit_test(test_no_starvation),
		cmocka_unit_test(test_leaving),
		cmocka_unit_test(test_random_mixes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
