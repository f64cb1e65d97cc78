// SPDX-License-Identifier: GPL-2.0-only
/* The accounting and the spin count, with a clock of the test's own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "account.h"

#define NR 3

struct fixture {
	struct vmgang_vm_account vm;
	struct vmgang_vcpu_account vcpu[NR];
};

static struct fixture f;

static int begin(void **state)
{
	int i;

	memset(&f, 0, sizeof(f));
	vmgang_account_init(&f.vm, 1000);
	for (i = 0; i < NR; i++)
		vmgang_account_add(&f.vm, &f.vcpu[i], VMGANG_WAIT);
	return 0;
}

static void move(u64 now, int i, enum vmgang_state state)
{
	vmgang_account_clock(&f.vm, now);
	vmgang_account_move(&f.vm, &f.vcpu[i], state);
}

static void settle(u64 now)
{
	int i;

	vmgang_account_clock(&f.vm, now);
	for (i = 0; i < NR; i++)
		vmgang_account_settle(&f.vm, &f.vcpu[i]);
}

static u64 total(int i)
{
	u64 *ns = f.vcpu[i].sums.ns;

	return ns[VMGANG_RUN] + ns[VMGANG_READY] + ns[VMGANG_COSTOP] +
	       ns[VMGANG_WAIT];
}

/* Each state gets exactly the time that was spent in it. */
static void test_states(void **state)
{
	u64 *ns = f.vcpu[0].sums.ns;

	move(1010, 0, VMGANG_READY);
	move(1030, 0, VMGANG_RUN);
	move(1070, 0, VMGANG_COSTOP);
	move(1150, 0, VMGANG_RUN);
	move(1151, 0, VMGANG_WAIT);
	settle(1200);
	assert_int_equal(ns[VMGANG_READY], 20);
	assert_int_equal(ns[VMGANG_RUN], 41);
	assert_int_equal(ns[VMGANG_COSTOP], 80);
	assert_int_equal(ns[VMGANG_WAIT], 59);
}

/* Whatever happens, in whatever order, no nanosecond is lost or invented. */
static void test_wall(void **state)
{
	u64 now = 1000;
	int i, n;

	srandom(1);
	for (n = 0; n < 100000; n++) {
		i = random() % NR;
		now += random() % 100;
		if (random() % 8)
			move(now, i, random() % VMGANG_NR_STATES);
		else
			vmgang_account_hold(&f.vm, &f.vcpu[i], random() % 2);
	}
	settle(now);
	for (i = 0; i < NR; i++) {
		assert_int_equal(total(i), f.vm.now - 1000);
		assert_true(f.vcpu[i].sums.corun_ns <=
			    f.vcpu[i].sums.ns[VMGANG_RUN]);
	}
}

/* The clock of another CPU may be behind: time stands still, never goes back. */
static void test_clock_back(void **state)
{
	move(2000, 0, VMGANG_RUN);
	move(1500, 0, VMGANG_READY);
	move(1600, 0, VMGANG_RUN);
	settle(2100);
	assert_int_equal(total(0), 1100);
	assert_int_equal(f.vcpu[0].sums.ns[VMGANG_READY], 0);
	assert_int_equal(f.vcpu[0].sums.ns[VMGANG_RUN], 100);
}

/* Co-run is the time of a stint during which at least one sibling ran. */
static void test_corun(void **state)
{
	move(1000, 0, VMGANG_RUN);
	move(1010, 1, VMGANG_RUN);
	move(1030, 2, VMGANG_RUN);
	move(1040, 0, VMGANG_READY);
	move(1045, 1, VMGANG_WAIT);
	settle(1100);
	assert_int_equal(f.vcpu[0].sums.corun_ns, 30);
	assert_int_equal(f.vcpu[1].sums.corun_ns, 35);
	assert_int_equal(f.vcpu[2].sums.corun_ns, 15);
	assert_int_equal(f.vcpu[2].sums.ns[VMGANG_RUN], 70);
}

/* Held turns ready into co-stop, also if said while the vCPU still runs. */
static void test_hold(void **state)
{
	struct vmgang_vcpu_account *vcpu = &f.vcpu[0];

	move(1000, 0, VMGANG_READY);
	vmgang_account_clock(&f.vm, 1010);
	assert_true(vmgang_account_hold(&f.vm, vcpu, true));
	assert_false(vmgang_account_hold(&f.vm, vcpu, true));
	vmgang_account_clock(&f.vm, 1025);
	assert_true(vmgang_account_hold(&f.vm, vcpu, false));
	assert_int_equal(vmgang_account_held_ns(vcpu), 15);
	move(1030, 0, VMGANG_RUN);
	assert_int_equal(vcpu->sums.ns[VMGANG_READY], 15);
	assert_int_equal(vcpu->sums.ns[VMGANG_COSTOP], 15);

	assert_true(vmgang_account_hold(&f.vm, vcpu, true));
	assert_int_equal(vcpu->state, VMGANG_RUN);
	settle(1100);
	assert_int_equal(vcpu->sums.ns[VMGANG_COSTOP], 15);
}

/* Skew: how much longer the slowest had to wait than the leader. */
static void test_skew(void **state)
{
	move(1000, 0, VMGANG_READY);
	move(1000, 1, VMGANG_READY);
	move(1000, 2, VMGANG_READY);
	move(1010, 0, VMGANG_RUN);
	move(1030, 1, VMGANG_RUN);
	assert_int_equal(f.vm.skew_max_ns, 20);
	move(1050, 2, VMGANG_RUN);
	assert_int_equal(f.vm.skew_max_ns, 40);

	/* the leader falls back: the others are no further behind than that */
	move(1060, 0, VMGANG_READY);
	move(1100, 0, VMGANG_RUN);
	assert_int_equal(f.vm.skew_max_ns, 40);
	move(1100, 2, VMGANG_COSTOP);
	move(1130, 2, VMGANG_RUN);
	assert_int_equal(f.vm.skew_max_ns, 50);

	/* the VM's is that of the vCPU that was furthest behind */
	assert_int_equal(f.vcpu[0].skew_max_ns, 20);
	assert_int_equal(f.vcpu[1].skew_max_ns, 20);
	assert_int_equal(f.vcpu[2].skew_max_ns, 50);
}

/* One that idles keeps up with the leader: neither is behind, nor gets ahead. */
static void test_skew_idle(void **state)
{
	move(1000, 0, VMGANG_RUN);
	move(1000, 1, VMGANG_RUN);
	move(1010, 1, VMGANG_WAIT);
	move(1500, 1, VMGANG_RUN);
	move(1510, 1, VMGANG_READY);
	move(1510, 0, VMGANG_READY);
	assert_int_equal(f.vm.skew_max_ns, 0);
	/* a third, which wakes then, has their progress, not the clock's */
	move(2000, 2, VMGANG_RUN);
	move(2010, 0, VMGANG_RUN);
	assert_int_equal(f.vm.skew_max_ns, 10);
}

/* Who leads among those that run may stop: then it is the next of them. */
static void test_skew_next(void **state)
{
	int i;

	for (i = 0; i < NR; i++)
		move(1000, i, VMGANG_READY);
	move(1000, 0, VMGANG_RUN);
	move(1020, 1, VMGANG_RUN);
	move(1030, 0, VMGANG_COSTOP);
	move(1070, 2, VMGANG_RUN);
	assert_int_equal(f.vm.skew_max_ns, 50);
}

/*
 * The leader stops while one that is behind runs on: until that one has caught up
 * nobody gets further behind, and who wakes has no more than the leader.
 */
static void test_skew_stopped_leader(void **state)
{
	move(1000, 0, VMGANG_READY);
	move(1000, 1, VMGANG_READY);
	move(1000, 0, VMGANG_RUN);
	move(1020, 1, VMGANG_RUN);
	move(1030, 0, VMGANG_READY);
	move(1030, 2, VMGANG_READY);
	move(1040, 0, VMGANG_COSTOP);
	move(1045, 2, VMGANG_COSTOP);
	assert_int_equal(f.vcpu[0].skew_max_ns, 0);
	move(1046, 2, VMGANG_WAIT);
	move(1048, 2, VMGANG_RUN);
	move(1049, 1, VMGANG_READY);
	move(1050, 2, VMGANG_READY);
	move(1050, 0, VMGANG_READY);
	move(1060, 1, VMGANG_RUN);
	assert_int_equal(f.vcpu[0].skew_max_ns, 2);
	assert_int_equal(f.vcpu[1].skew_max_ns, 20);
	assert_int_equal(f.vcpu[2].skew_max_ns, 0);
}

/* A new policy begins with all level, wherever they are. */
static void test_skew_level(void **state)
{
	move(1000, 0, VMGANG_READY);
	move(1000, 1, VMGANG_RUN);
	move(1040, 0, VMGANG_RUN);
	assert_int_equal(f.vm.skew_max_ns, 40);
	vmgang_account_level(&f.vm);
	assert_int_equal(f.vm.skew_max_ns, 0);
	assert_int_equal(f.vcpu[0].skew_max_ns, 0);
	move(1050, 0, VMGANG_READY);
	move(1055, 0, VMGANG_RUN);
	assert_int_equal(f.vm.skew_max_ns, 5);
	settle(1100);
	assert_int_equal(total(0), 100);
}

/* A vCPU that comes late is not behind for its age. */
static void test_skew_latecomer(void **state)
{
	struct vmgang_vcpu_account late = {};
	int i;

	for (i = 0; i < NR; i++)
		move(1000, i, VMGANG_READY);
	for (i = 0; i < NR; i++)
		move(1000000, i, VMGANG_RUN);
	vmgang_account_add(&f.vm, &late, VMGANG_READY);
	vmgang_account_clock(&f.vm, 1000007);
	vmgang_account_move(&f.vm, &late, VMGANG_RUN);
	assert_int_equal(f.vm.skew_max_ns, 7);
}

/* What a vCPU had used stays in its VM's sums after it has left. */
static void test_leave(void **state)
{
	struct vmgang_sums sums;

	move(1000, 0, VMGANG_RUN);
	move(1000, 1, VMGANG_RUN);
	f.vcpu[0].sums.preemptions = 3;
	vmgang_account_clock(&f.vm, 1100);
	vmgang_account_del(&f.vm, &f.vcpu[0]);
	assert_int_equal(f.vm.nr_running, 1);
	vmgang_account_clock(&f.vm, 1250);
	vmgang_account_sum(&f.vm, &sums);
	assert_int_equal(sums.ns[VMGANG_RUN], 100 + 250);
	assert_int_equal(sums.ns[VMGANG_WAIT], 250);
	assert_int_equal(sums.corun_ns, 200);
	assert_int_equal(sums.preemptions, 3);
}

/* Spin exits are counted per stint, and do not wrap. */
static void test_spin(void **state)
{
	struct vmgang_spin spin = {};

	vmgang_spin_begin(&spin);
	assert_int_equal(vmgang_spin_exit(&spin), 1);
	assert_int_equal(vmgang_spin_exit(&spin), 2);
	vmgang_spin_begin(&spin);
	assert_int_equal(vmgang_spin_exit(&spin), 1);
	spin.exits = UINT32_MAX;
	assert_int_equal(vmgang_spin_exit(&spin), UINT32_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_states, begin),
		cmocka_unit_test_setup(test_wall, begin),
		cmocka_unit_test_setup(test_clock_back, begin),
		cmocka_unit_test_setup(test_corun, begin),
		cmocka_unit_test_setup(test_hold, begin),
		cmocka_unit_test_setup(test_skew, begin),
		cmocka_unit_test_setup(test_skew_idle, begin),
		cmocka_unit_test_setup(test_skew_next, begin),
		cmocka_unit_test_setup(test_skew_stopped_leader, begin),
		cmocka_unit_test_setup(test_skew_level, begin),
		cmocka_unit_test_setup(test_skew_latecomer, begin),
		cmocka_unit_test_setup(test_leave, begin),
		cmocka_unit_test_setup(test_spin, begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
