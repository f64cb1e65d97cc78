// SPDX-License-Identifier: GPL-2.0-only
/* A guarded vCPU goes on in guest kernel mode, for so long and at its VM's own cost. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "sim.h"

#define OFF	VMGANG_COSCHED_OFF
#define GANG	VMGANG_COSCHED_GANG
#define ANY	(~0ULL)
#define BOUND	(1 * VG_MS)

/* A VM whose vCPUs are in guest kernel mode for @kernel of 1000 steps. */
static void add_vm(struct sim *m, u32 slot, u32 vcpus, u32 cosched, u32 kernel, u64 guard)
{
	u32 i;

	for (i = 0; i < vcpus; i++)
		m->v[sim_vcpu(m, slot, cosched, 100, ANY)].kernel = kernel;
	m->st.vms[slot].guard = guard;
}

static u64 stat(struct sim *m, u32 stat)
{
	return m->st.cells[0].stats[stat];
}

/* How often VM 0 lost a pCPU, and in guest kernel mode. */
static void lost(struct sim *m, u64 *all, u64 *unsafe)
{
	u32 i;

	*all = 0;
	*unsafe = 0;
	for (i = 0; i < SIM_VCPUS; i++) {
		if (!m->v[i].used || m->st.vcpus[i].slot != 0)
			continue;
		*all += m->v[i].lost;
		*unsafe += m->v[i].lost_unsafe;
	}
}

/* Three VMs on two pCPUs, the first in its kernel for 70 % of the time. */
static struct sim *busy(u32 cosched, u64 guard)
{
	struct sim *m = sim_new(2, 5);

	add_vm(m, 0, 2, cosched, 700, guard);
	add_vm(m, 1, 2, cosched, 0, 0);
	add_vm(m, 2, 1, OFF, 0, 0);
	sim_go(m, 20000);
	return m;
}

static void check_share(u32 cosched)
{
	struct sim *m = busy(cosched, 0);
	u64 all, unsafe, share;

	lost(m, &all, &unsafe);
	assert_true(all > 300);
	share = 1000 * unsafe / all;
	assert_in_range(share, 500, 900);
	assert_int_equal(stat(m, VG_STAT_GUARDS), 0);
	free(m);

	/* Ten looks of a step each: 0.7 to the tenth is 3 %. */
	m = busy(cosched, 10 * SIM_STEP);
	lost(m, &all, &unsafe);
	assert_true(all > 300);
	assert_true(1000 * unsafe / all < share / 10);
	assert_true(stat(m, VG_STAT_GUARDS) > 100);
	assert_true(stat(m, VG_STAT_EXPIRIES) < stat(m, VG_STAT_GUARDS) / 10);
	free(m);
}

/* Nine in ten preemptions in guest kernel mode do not happen. */
static void test_share_falls(void **state)
{
	check_share(OFF);
}

static void test_share_of_gangs_falls(void **state)
{
	check_share(GANG);
}

/*
 * A guest that is never safe: each extension ends with the bound, fewer and fewer
 * are granted, down to one in 256, and it gains nothing.
 */
static void check_never_safe(bool driver)
{
	struct sim *m = sim_new(2, 5);
	u64 ran = 0, all, unsafe;
	u32 i;

	add_vm(m, 0, 2, OFF, 1000, BOUND);
	for (i = 1; i < 4; i++)
		add_vm(m, i, 2, OFF, 0, 0);
	for (i = 0; i < SIM_VCPUS; i++)
		m->st.vcpus[i].heeds = driver;
	sim_go(m, 40000);
	lost(m, &all, &unsafe);
	assert_true(unsafe > 2 * 256);
	if (driver)
		assert_in_range(stat(m, VG_STAT_GUARDS), unsafe / 64, 10 + unsafe / 16);
	else
		assert_in_range(stat(m, VG_STAT_GUARDS), 2 * 8, 2 * 8 + unsafe / 128);
	assert_int_equal(stat(m, VG_STAT_EXPIRIES), stat(m, VG_STAT_GUARDS));
	assert_int_equal(stat(m, VG_STAT_GUARD_SUM), stat(m, VG_STAT_GUARDS) * BOUND);
	for (i = 0; i < 4; i++)
		ran += sim_vm_ran(m, i);
	assert_in_range(sim_vm_ran(m, 0), ran / 4 * 98 / 100, ran / 4 * 102 / 100);
	free(m);
}

static void test_never_safe(void **state)
{
	check_never_safe(false);
}

/* It had a driver once: one in 32. */
static void test_driver_gone(void **state)
{
	check_never_safe(true);
}

/* The same with a driver that comes when it is asked: none expires, none is refused. */
static void test_asked(void **state)
{
	struct sim *m = sim_new(2, 5);
	u64 ran = 0;
	u32 i;

	add_vm(m, 0, 2, OFF, 1000, 20 * SIM_STEP);
	for (i = 1; i < 4; i++)
		add_vm(m, i, 2, OFF, 0, 0);
	for (i = 0; i < SIM_VCPUS; i++)
		m->v[i].answers = m->v[i].used && m->st.vcpus[i].slot == 0;
	sim_go(m, 10000);
	assert_true(stat(m, VG_STAT_GUARDS) > 100);
	assert_int_equal(stat(m, VG_STAT_EXPIRIES), 0);
	/* A quarter of the bound, and the step of the answer. */
	assert_true(stat(m, VG_STAT_GUARD_SUM) <= stat(m, VG_STAT_GUARDS) * 7 * SIM_STEP);
	for (i = 0; i < 4; i++)
		ran += sim_vm_ran(m, i);
	assert_in_range(sim_vm_ran(m, 0), ran / 4 * 98 / 100, ran / 4 * 102 / 100);
	free(m);
}

/* A guest's word that it is safe, when nobody waits for it any more. */
static void test_late_word(void **state)
{
	struct sim *m = sim_new(2, 5);
	u64 before;
	u32 i;

	add_vm(m, 0, 2, OFF, 500, BOUND);
	add_vm(m, 1, 2, OFF, 0, 0);
	sim_go(m, 1000);
	for (i = 0; i < 2; i++)
		if (!m->st.cells[0].pcpu[i].guard)
			m->st.cells[0].pcpu[i].safe = 1;
	before = stat(m, VG_STAT_GUARDS);
	sim_go(m, 2000);
	assert_true(stat(m, VG_STAT_GUARDS) > before + 20);
	free(m);
}

/* A guest says how long it holds a lock: the shorter of that and the bound counts. */
static void test_hint(void **state)
{
	static const u64 holds[] = { 2 * SIM_STEP, 100 * VG_MS };
	u32 i;

	for (i = 0; i < 2; i++) {
		struct sim *m = sim_new(1, 5);
		u64 most = holds[i] < BOUND ? holds[i] : BOUND;

		add_vm(m, 0, 1, OFF, 1000, BOUND);
		m->st.vms[0].hinted = 1;
		m->v[0].hold = holds[i];
		add_vm(m, 1, 1, OFF, 0, 0);
		sim_go(m, 10000);
		assert_true(stat(m, VG_STAT_EXPIRIES) > 5);
		assert_int_equal(stat(m, VG_STAT_EXPIRIES), stat(m, VG_STAT_GUARDS));
		assert_int_equal(stat(m, VG_STAT_GUARD_SUM), stat(m, VG_STAT_GUARDS) * most);
		assert_in_range(sim_vm_ran(m, 0), 4900 * VG_MS, 5100 * VG_MS);
		free(m);
	}
}

/* Who is not asked, or says so without need, is not believed to be safe. */
static void test_safe_unasked(void **state)
{
	struct sim *m = sim_new(1, 5);

	add_vm(m, 0, 1, OFF, 1000, BOUND);
	add_vm(m, 1, 1, OFF, 0, 0);
	while (m->cur[0] != 0)
		sim_step(m);
	assert_false(vg_guard_safe(&m->st, &m->st.cells[0], 0));
	assert_false(vg_guard_safe(&m->st, &m->st.cells[0], 1));
	while (!m->st.cells[0].guards)
		sim_step(m);
	assert_false(vg_guard_safe(&m->st, &m->st.cells[0], 1));
	assert_true(vg_guard_safe(&m->st, &m->st.cells[0], 0));
	free(m);
}

/* What it took counts against its cap as well. */
static void test_cap_is_charged(void **state)
{
	struct sim *m = sim_new(1, 5);

	add_vm(m, 0, 1, OFF, 1000, 10 * VG_MS);
	vg_cap_set(&m->st.vms[0].cap, 20 * VG_MS, 100 * VG_MS, 0);
	sim_go(m, 10000);
	assert_true(stat(m, VG_STAT_EXPIRIES) > 5);
	assert_in_range(sim_vm_ran(m, 0), 1960 * VG_MS, 2060 * VG_MS);
	free(m);
}

/* Who wakes does not cut a guarded vCPU short, and is there when it is safe. */
static void test_wake_up_waits(void **state)
{
	struct sim *m = sim_new(1, 5);
	u32 waker;

	add_vm(m, 0, 1, OFF, 900, BOUND);
	waker = sim_vcpu(m, 1, OFF, 100, ANY);
	m->v[waker].run_ns = VG_MS;
	m->v[waker].sleep_ns = 200 * VG_MS;
	sim_go(m, 1000);
	m->v[waker].waited = 0;
	sim_go(m, 10000);
	assert_true(stat(m, VG_STAT_WAKE_PREEMPTS) > 20);
	assert_true(stat(m, VG_STAT_EXPIRIES) > 5);
	assert_in_range(m->v[waker].waited, BOUND, BOUND + SIM_TICK + 2 * SIM_STEP);
	m->v[0].kernel = 0;
	m->v[waker].waited = 0;
	sim_go(m, 1000);
	assert_in_range(m->v[waker].waited, 0, SIM_TICK + 2 * SIM_STEP);
	free(m);
}

/* A pCPU that has nothing to do takes who waits for a guarded vCPU elsewhere. */
static void test_idle_pcpu_helps(void **state)
{
	struct sim *m = sim_new(2, 5);
	struct vg_cell *c = &m->st.cells[0];
	u32 short_lived, waker;

	add_vm(m, 0, 1, OFF, 1000, 10 * VG_MS);
	m->st.vcpus[0].mask = 1;
	short_lived = sim_vcpu(m, 1, OFF, 100, ANY);
	m->v[short_lived].run_ns = 50 * VG_MS;
	m->v[short_lived].sleep_ns = 1000 * VG_MS;
	sim_go(m, 45);
	waker = sim_vcpu(m, 2, OFF, 100, ANY);
	m->st.vms[2].guard = 0;
	vg_plan_begin(&m->plan, m->now, VG_NONE, VG_NONE);
	vg_vcpu_wait(&m->st, c, &m->plan, waker);
	m->v[waker].runnable = true;
	m->v[waker].since = m->now;
	vg_vcpu_place(&m->st, c, waker, 0, &m->plan);
	sim_kick(m, c, 1);
	sim_settle(m);
	assert_int_equal(m->cur[0], 0);
	assert_int_equal(c->guards, 1);
	sim_go(m, 8);
	assert_int_equal(m->cur[1], waker);
	assert_int_equal(m->cur[0], 0);
	assert_int_equal(c->guards, 0);
	free(m);
}

/* Alone on its pCPU it is never asked. */
static void test_alone(void **state)
{
	struct sim *m = sim_new(1, 5);

	add_vm(m, 0, 1, OFF, 1000, BOUND);
	sim_go(m, 1000);
	assert_int_equal(stat(m, VG_STAT_GUARDS), 0);
	assert_int_equal(m->v[0].ran, 1000 * VG_MS - SIM_STEP);
	free(m);
}

/* A vCPU that spins in its kernel, and is told to make room for that, is not guarded. */
static void test_spinner_goes(void **state)
{
	struct sim *m = sim_new(1, 5);
	u32 other, i;

	add_vm(m, 0, 1, OFF, 1000, BOUND);
	m->st.vms[0].spin = VMGANG_SPIN_PREEMPT;
	other = sim_vcpu(m, 1, OFF, 100, ANY);
	for (i = 0; i < 1000 && m->cur[0] != 0; i++)
		sim_step(m);
	assert_true(vg_spin_found(&m->st, &m->st.cells[0], 0));
	m->v[0].slice = false;
	m->resched[0] = true;
	sim_settle(m);
	assert_int_equal(m->cur[0], other);
	free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_share_falls),
		cmocka_unit_test(test_share_of_gangs_falls),
		cmocka_unit_test(test_never_safe),
		cmocka_unit_test(test_driver_gone),
		cmocka_unit_test(test_asked),
		cmocka_unit_test(test_late_word),
		cmocka_unit_test(test_hint),
		cmocka_unit_test(test_safe_unasked),
		cmocka_unit_test(test_cap_is_charged),
		cmocka_unit_test(test_wake_up_waits),
		cmocka_unit_test(test_idle_pcpu_helps),
		cmocka_unit_test(test_alone),
		cmocka_unit_test(test_spinner_goes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
