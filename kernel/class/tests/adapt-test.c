// SPDX-License-Identifier: GPL-2.0-only
/* The adaptive policy's answer to guests that spin, do not, or change. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "sim.h"

/* A guest that earns @rate spin verdicts a second, but only while independent. */
struct guest {
	struct vg_adapt a;
	u64 now, gang_ns, ran_ns;
	u64 owed;
	u32 changes;
	bool lively;		/* gives points as a gang as well */
	bool doubt;		/* … is to be looked at */
};

static struct guest *guest_new(void)
{
	struct guest *g = calloc(1, sizeof(*g));

	vg_adapt_begin(&g->a);
	g->now = 1000 * VG_MS;
	return g;
}

static bool is_gang(struct guest *g)
{
	return g->a.state == VG_ADAPT_GANG;
}

static void live(struct guest *g, u64 ms, u32 rate, u32 points)
{
	u64 end = g->now + ms * VG_MS;

	while (g->now < end) {
		g->now += VG_MS;
		g->ran_ns += VG_MS;
		if (is_gang(g)) {
			g->gang_ns += VG_MS;
		}
		if (!is_gang(g) || g->lively) {
			g->owed += rate;
			if (g->owed >= 1000) {
				vg_adapt_add(&g->a, points);
				g->owed -= 1000;
			}
		}
		if (vg_adapt_due(&g->a, g->now))
			g->changes += vg_adapt_step(&g->a, g->doubt, g->now);
	}
}

/* Exits 1 to 3 are nothing; then each doubling counts twice: 4, 6, 8, 12 ... */
static void test_exits_count_by_logarithm(void **state)
{
	u32 n, points = 0;

	for (n = 1; n < VMGANG_SPIN_EXITS; n++)
		assert_int_equal(vg_adapt_spun(n), 0);
	for (n = 1; n <= 1024; n++)
		points += vg_adapt_spun(n);
	assert_int_equal(points, 17 * VG_ADAPT_SPUN);
}

/* Points decay by half in 250 ms, whatever the steps. */
static void test_half_life(void **state)
{
	struct vg_adapt a;
	u32 i;

	vg_adapt_begin(&a);
	vg_adapt_add(&a, 8000);
	vg_adapt_sum(&a, 1);
	assert_int_equal(a.score, 8000);
	vg_adapt_sum(&a, 1 + VG_ADAPT_HALF);
	assert_int_equal(a.score, 4000);
	for (i = 1; i <= 10; i++)
		vg_adapt_sum(&a, 1 + VG_ADAPT_HALF + i * VG_ADAPT_HALF / 10);
	/* Linear pieces of a tenth decay a little faster than the curve. */
	assert_in_range(a.score, 4000 * 59 / 100, 4000 * 61 / 100);
	vg_adapt_sum(&a, 100000 * VG_MS);
	assert_int_equal(a.score, 0);
}

/* 50 verdicts a second make a gang within half a second, and it stays one. */
static void test_spinner_becomes_gang(void **state)
{
	struct guest *g = guest_new();

	live(g, 500, 50, VG_ADAPT_SPUN);
	assert_true(is_gang(g));
	g->gang_ns = 0;
	g->ran_ns = 0;
	live(g, 60000, 50, VG_ADAPT_SPUN);
	assert_true(g->gang_ns > g->ran_ns * 95 / 100);
	assert_int_equal(g->a.gap, VG_ADAPT_GAP_MAX);
	free(g);
}

/* A few verdicts a second are a busy guest's normal life: never a gang. */
static void test_calm_guest_stays_off(void **state)
{
	struct guest *g = guest_new();

	live(g, 60000, 4, VG_ADAPT_SPUN);
	assert_int_equal(g->changes, 0);
	free(g);
}

/*
 * Where the hardware reports spins, a preemption in kernel mode says nothing; nor does it
 * while a VM that sleeps often has to wait: such a one lives in its kernel.
 */
static void test_lock_holders_count_without_ple(void **state)
{
	struct sim *m = sim_new(2, 3);
	struct vg_vm *vm = &m->st.vms[0];

	m->st.tells = VG_TELLS_KERNEL;
	assert_int_equal(vg_adapt_lost(&m->st, vm, m->now), 0);
	m->st.tells = VG_TELLS_NONE;
	assert_int_equal(vg_adapt_lost(&m->st, vm, m->now), VG_ADAPT_LOST);
	m->st.cells[0].roused = m->now;
	assert_int_equal(vg_adapt_lost(&m->st, vm, m->now), 0);
	assert_int_equal(vg_adapt_lost(&m->st, vm, m->now + VG_ADAPT_ROUSED), VG_ADAPT_LOST);
	free(m);
}

/* No hardware that reports spins: preemptions in kernel mode are enough. */
static void test_lock_holders_preempted(void **state)
{
	struct guest *g = guest_new();

	live(g, 1000, 60, VG_ADAPT_LOST);
	assert_true(is_gang(g));
	free(g);
}

/*
 * A guest right between the marks changes at most twice per look: in a minute
 * that is some 12 times if each look is answered with yes, or never.
 */
static void test_borderline_does_not_flap(void **state)
{
	u32 rate;

	for (rate = 8; rate <= 24; rate++) {
		struct guest *g = guest_new();

		live(g, 60000, rate, VG_ADAPT_SPUN);
		assert_in_range(g->changes, 0, 16);
		free(g);
	}
}

/* Phases of 2 s, unheard: a gang within 0.5 s of spinning, independent 1.7 s after it. */
static void test_phases_are_followed(void **state)
{
	struct guest *g = guest_new();
	u32 i;

	for (i = 0; i < 10; i++) {
		live(g, 500, 50, VG_ADAPT_SPUN);
		assert_true(is_gang(g));
		live(g, 400, 50, VG_ADAPT_SPUN);
		live(g, 1700, 0, 0);
		assert_int_equal(g->a.state, VG_ADAPT_OFF);
		live(g, 300, 0, 0);
	}
	free(g);
}

/*
 * A gang that is heard is looked at when it falls silent: after a minute of
 * spinning it is independent within a second, and a gang again within one.
 */
static void test_silence_is_followed(void **state)
{
	struct guest *g = guest_new();
	u32 i;

	g->lively = true;
	for (i = 0; i < 5; i++) {
		live(g, 1000, 60, VG_ADAPT_SPUN);
		assert_true(is_gang(g));
		live(g, 59000, 60, VG_ADAPT_SPUN);
		assert_int_equal(g->a.gap, VG_ADAPT_GAP_MAX);
		live(g, 1000, 0, 0);
		assert_int_equal(g->a.state, VG_ADAPT_OFF);
		live(g, 3000, 0, 0);
	}
	free(g);
}

/*
 * A gang whose silence means nothing, since it spins as soon as it is
 * independent, is looked at for that reason less and less often.
 */
static void test_false_silence_is_learnt(void **state)
{
	struct guest *g = guest_new();
	u32 i, changes;

	g->lively = true;
	live(g, 2000, 60, VG_ADAPT_SPUN);
	for (i = 0; i < 60; i++) {
		g->lively = true;
		live(g, 500, 60, VG_ADAPT_SPUN);
		g->lively = false;
		live(g, 500, 60, VG_ADAPT_SPUN);
	}
	assert_true(g->a.patience >= 500 * VG_MS);
	changes = g->changes;
	for (i = 0; i < 60; i++) {
		g->lively = true;
		live(g, 500, 60, VG_ADAPT_SPUN);
		g->lively = false;
		live(g, 500, 60, VG_ADAPT_SPUN);
	}
	assert_in_range(g->changes - changes, 0, 2 * 60 / 10);
	free(g);
}

/* After a minute as a gang a guest that calms down is found within 17 s. */
static void test_change_after_long_phase(void **state)
{
	struct guest *g = guest_new();

	live(g, 60000, 50, VG_ADAPT_SPUN);
	assert_true(is_gang(g));
	live(g, 17000, 0, 0);
	assert_int_equal(g->a.state, VG_ADAPT_OFF);
	live(g, 500, 50, VG_ADAPT_SPUN);
	assert_true(is_gang(g));
	assert_int_equal(g->a.gap, VG_ADAPT_GAP);
	free(g);
}

/* Where nothing tells of spinning, who is busy throughout counts as one who does. */
static void test_busy_throughout(void **state)
{
	struct vg_cell c = { 0 };
	struct vg_vm vm = { .nr_vcpus = 3 };
	struct vg_ent e = { .nr_bound = 3, .nr_waiting = 1, .on = 3 };
	u64 now = 10000 * VG_MS;

	assert_int_equal(vg_adapt_busy(&c, &vm, &e, VG_TELLS_KERNEL, now), VG_ADAPT_SPUN);
	assert_int_equal(vg_adapt_busy(&c, &vm, &e, VG_TELLS_ALL, now), 0);
	e.woke = now - VG_ADAPT_BUSY + 1;	/* slept until lately */
	assert_int_equal(vg_adapt_busy(&c, &vm, &e, VG_TELLS_KERNEL, now), 0);
	assert_int_equal(vg_adapt_busy(&c, &vm, &e, VG_TELLS_KERNEL, now + 1), VG_ADAPT_SPUN);
	e.nr_waiting = 0;			/* one sleeps */
	assert_int_equal(vg_adapt_busy(&c, &vm, &e, VG_TELLS_KERNEL, now + 1), 0);
	e.nr_waiting = 1;
	c.roused = now;			/* a VM woke and has to wait */
	assert_int_equal(vg_adapt_busy(&c, &vm, &e, VG_TELLS_KERNEL, now + VG_ADAPT_ROUSED - 1), 0);
	now += VG_ADAPT_ROUSED;
	assert_int_equal(vg_adapt_busy(&c, &vm, &e, VG_TELLS_KERNEL, now), VG_ADAPT_SPUN);
	vg_adapt_exited(&vm.adapt, VMGANG_SPIN_EXITS, now);	/* told of, and silent now */
	assert_int_equal(vg_adapt_busy(&c, &vm, &e, VG_TELLS_KERNEL, now + VG_ADAPT_TRUST - 1), 0);
	now += VG_ADAPT_TRUST;
	assert_int_equal(vg_adapt_busy(&c, &vm, &e, VG_TELLS_KERNEL, now), VG_ADAPT_SPUN);
	vm.nr_vcpus = 4;			/* one is in another cell */
	assert_int_equal(vg_adapt_busy(&c, &vm, &e, VG_TELLS_KERNEL, now), 0);
	vm.nr_vcpus = 1;			/* nobody to wait for */
	e.nr_bound = 1;
	e.nr_waiting = 0;
	e.on = 1;
	assert_int_equal(vg_adapt_busy(&c, &vm, &e, VG_TELLS_KERNEL, now), 0);
}

/*
 * VM 0 computes.  A vCPU of VM 1 runs for 3 of 5 ms, which is more than its share: so
 * it has to wait when it wakes.  That counts for vg_adapt_busy() if its VM was asleep,
 * and not beside a sibling that computes.
 */
static void napper(u32 vcpus, bool roused)
{
	struct sim *m = sim_new(1, 3);
	struct vg_cell *c = &m->st.cells[0];
	u32 vi;

	sim_vcpu(m, 0, VMGANG_COSCHED_OFF, 100, ~0ULL);
	vi = sim_vcpu(m, 1, VMGANG_COSCHED_OFF, 100, ~0ULL);
	m->v[vi].run_ns = 3 * VG_MS;
	m->v[vi].sleep_ns = 2 * VG_MS;
	if (vcpus > 1)
		sim_vcpu(m, 1, VMGANG_COSCHED_OFF, 100, ~0ULL);
	sim_go(m, 4000);
	assert_true(c->pressed && vg_since(m->now, c->pressed) < VG_BRISK);
	assert_int_equal(c->roused && vg_since(m->now, c->roused) < VG_ADAPT_ROUSED, roused);
	free(m);
}

static void test_who_is_roused(void **state)
{
	napper(1, true);
	napper(2, false);
}

/* Nor does it count that a VM sleeps now and then, or has just begun to work. */
static void test_only_often_counts(void **state)
{
	struct sim *m = sim_new(1, 3);
	struct vg_cell *c = &m->st.cells[0];
	struct vg_ent *e = &m->st.ents[m->st.vcpus[sim_vcpu(m, 0, VMGANG_COSCHED_OFF, 100,
							    ~0ULL)].ent];
	u64 now = m->now;
	u32 i;

	e->nr_waiting = 1;
	for (i = 1; i < 300; i++, now += i % 100 ? VG_OFTEN_LASTS / 100 : VG_OFTEN) {
		vg_wake_press(&m->st, c, e, true, now);
		vg_wake_press(&m->st, c, e, false, now);
	}
	assert_int_equal(c->roused, 0);
	for (i = 0; i < 4; i++, now += VG_OFTEN - 1)
		vg_wake_press(&m->st, c, e, true, now);
	assert_int_equal(c->roused, now - VG_OFTEN + 1);
	now = e->often + VG_OFTEN_HOLDS - 1;	/* it has its way, and wakes as often */
	vg_wake_press(&m->st, c, e, false, now);
	assert_int_equal(c->roused, now);
	vg_wake_press(&m->st, c, e, false, now + 1);	/* it has had it for long */
	assert_int_equal(c->roused, now);
	free(m);
}

/* In doubt, a gang is looked at: with nothing to say for it, it is one no longer. */
static void test_doubt_is_a_look(void **state)
{
	struct guest *g = guest_new();

	live(g, 20000, 60, VG_ADAPT_SPUN);
	assert_true(is_gang(g));
	g->doubt = true;
	live(g, 20, 0, 0);
	assert_int_equal(g->a.state, VG_ADAPT_PROBE);
	live(g, VG_ADAPT_LOOK / VG_MS, 0, 0);
	assert_int_equal(g->a.state, VG_ADAPT_OFF);
	free(g);
}

/* The points of a VM whose two vCPUs run for @us and sleep, beside VMs that compute. */
static u32 gives_up(u64 us, u32 tells)
{
	struct sim *m = sim_new(2, 3);
	u32 i, vi, points;

	m->st.tells = tells;
	for (i = 0; i < 2; i++) {
		vi = sim_vcpu(m, 0, VMGANG_COSCHED_ADAPTIVE, 100, ~0ULL);
		m->v[vi].run_ns = us * VG_US;
		m->v[vi].sleep_ns = (i + 1) * VG_MS;
	}
	for (i = 0; i < 3; i++)
		sim_vcpu(m, 1, VMGANG_COSCHED_OFF, 100, ~0ULL);
	sim_go(m, 4000);
	points = m->st.vms[0].adapt.fresh;
	free(m);
	return points;
}

/* Who runs for a while and sleeps, and a sibling waits for its turn, may wait for that one. */
static void test_spins_and_gives_up(void **state)
{
	assert_true(gives_up(2500, VG_TELLS_NONE) >= VG_ADAPT_HIGH);
	assert_true(gives_up(2500, VG_TELLS_KERNEL) >= VG_ADAPT_HIGH);
	assert_int_equal(gives_up(2500, VG_TELLS_ALL), 0);
	assert_int_equal(gives_up(500, VG_TELLS_KERNEL), 0);
}

/* The host looks at VM 0, as the class does at its ticks. */
static void host_go(struct sim *m, u64 ms, u32 points, u32 tells)
{
	struct vg_vm *vm = &m->st.vms[0];
	u64 end = m->now + ms * VG_MS;
	bool doubt;

	m->st.tells = tells;
	while (m->now < end) {
		sim_go(m, 20);
		if (vm->adapt.state != VG_ADAPT_GANG)
			vg_adapt_add(&vm->adapt, points);
		if (!vg_adapt_due(&vm->adapt, m->now))
			continue;
		vg_adapt_add(&vm->adapt,
			     vg_adapt_busy(&m->st.cells[0], vm, vg_ent(&m->st, vm->ents), tells,
					   m->now));
		doubt = vg_adapt_doubts(&m->st.cells[0], &vm->adapt, tells, m->now);
		if (!vg_adapt_step(&vm->adapt, doubt, m->now))
			continue;
		vg_plan_begin(&m->plan, m->now, VG_NONE, VG_NONE);
		vg_ent_policy(&m->st, &m->st.cells[0], &m->plan, vm->ents);
		sim_kick(m, &m->st.cells[0], m->plan.kick);
		sim_settle(m);
	}
}

/* VM 0, two vCPUs wide and adaptive, and three of one vCPU on two pCPUs; all are busy. */
static struct sim *host_new(void)
{
	struct sim *m = sim_new(2, 3);
	u32 i;

	for (i = 0; i < 2; i++)
		sim_vcpu(m, 0, VMGANG_COSCHED_ADAPTIVE, 100, ~0ULL);
	for (i = 1; i < 4; i++)
		sim_vcpu(m, i, VMGANG_COSCHED_OFF, 100, ~0ULL);
	return m;
}

/*
 * On a host with odd company the VM runs apart while it is calm and together,
 * to 90 %, while it spins; and no gang of it starts after it has calmed down.
 */
static void test_host_follows(void **state)
{
	struct sim *m = host_new();
	u64 ran, corun, starts;

	host_go(m, 5000, 0, VG_TELLS_ALL);
	assert_int_equal(m->st.cells[0].stats[VG_STAT_GANG_STARTS], 0);
	host_go(m, 1000, VG_ADAPT_SPUN, VG_TELLS_ALL);
	ran = sim_vm_ran(m, 0);
	corun = sim_vm_corun(m, 0);
	host_go(m, 20000, VG_ADAPT_SPUN, VG_TELLS_ALL);
	assert_true(sim_vm_corun(m, 0) - corun > (sim_vm_ran(m, 0) - ran) * 90 / 100);
	host_go(m, 17000, 0, VG_TELLS_ALL);
	assert_int_equal(m->st.vms[0].adapt.state, VG_ADAPT_OFF);
	starts = m->st.cells[0].stats[VG_STAT_GANG_STARTS];
	host_go(m, 5000, 0, VG_TELLS_ALL);
	assert_int_equal(m->st.cells[0].stats[VG_STAT_GANG_STARTS], starts);
	free(m);
}

/*
 * The same company, where the hardware would not tell: a VM whose vCPUs never sleep
 * runs together, to 90 %, within half a second, and stays so through the looks.
 */
static void test_host_guesses(void **state)
{
	struct sim *m = host_new();
	u64 ran, corun;

	host_go(m, 500, 0, VG_TELLS_KERNEL);
	assert_int_equal(m->st.vms[0].adapt.state, VG_ADAPT_GANG);
	ran = sim_vm_ran(m, 0);
	corun = sim_vm_corun(m, 0);
	host_go(m, 20000, 0, VG_TELLS_KERNEL);
	assert_true(sim_vm_corun(m, 0) - corun > (sim_vm_ran(m, 0) - ran) * 90 / 100);
	assert_true(m->st.vms[0].adapt.gap >= 4 * VG_ADAPT_GAP);
	free(m);
}

/*
 * But not beside one that runs for 0.6 ms, sleeps for 1 ms and has to wait, once that is so
 * for 3 s, even though it was a gang before.
 */
static void test_host_spares_wakers(void **state)
{
	struct sim *m = host_new();
	u64 *starts = &m->st.cells[0].stats[VG_STAT_GANG_STARTS], before;
	u32 vi;

	host_go(m, 20000, 0, VG_TELLS_NONE);
	assert_int_equal(m->st.vms[0].adapt.state, VG_ADAPT_GANG);
	vi = sim_vcpu(m, 4, VMGANG_COSCHED_OFF, 100, ~0ULL);
	m->v[vi].run_ns = 600 * VG_US;
	m->v[vi].sleep_ns = VG_MS;
	host_go(m, 3000, 0, VG_TELLS_NONE);
	assert_int_equal(m->st.vms[0].adapt.state, VG_ADAPT_OFF);
	before = *starts;
	host_go(m, 30000, 0, VG_TELLS_NONE);
	assert_in_range(*starts - before, 0, 20);	/* one for each 60 ms otherwise: 500 */
	free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_exits_count_by_logarithm),
		cmocka_unit_test(test_half_life),
		cmocka_unit_test(test_spinner_becomes_gang),
		cmocka_unit_test(test_calm_guest_stays_off),
		cmocka_unit_test(test_lock_holders_count_without_ple),
		cmocka_unit_test(test_lock_holders_preempted),
		cmocka_unit_test(test_borderline_does_not_flap),
		cmocka_unit_test(test_phases_are_followed),
		cmocka_unit_test(test_silence_is_followed),
		cmocka_unit_test(test_false_silence_is_learnt),
		cmocka_unit_test(test_change_after_long_phase),
		cmocka_unit_test(test_busy_throughout),
		cmocka_unit_test(test_spins_and_gives_up),
		cmocka_unit_test(test_who_is_roused),
		cmocka_unit_test(test_only_often_counts),
		cmocka_unit_test(test_host_follows),
		cmocka_unit_test(test_host_guesses),
		cmocka_unit_test(test_doubt_is_a_look),
		cmocka_unit_test(test_host_spares_wakers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
