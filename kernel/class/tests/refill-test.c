// SPDX-License-Identifier: GPL-2.0-only
/* Caps of many VMs: what a refill costs, and that nobody is forgotten. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "sim.h"

#define OFF	VMGANG_COSCHED_OFF
#define ANY	(~0ULL)

/* 200 VMs, each capped to 1 % of a pCPU in periods that differ: each has just that. */
static void test_many_caps(void **state)
{
	struct sim *m = sim_new(4, 1);
	struct vg_cell *c = &m->st.cells[0];
	u64 was[200];
	u32 i;

	for (i = 0; i < 200; i++) {
		u64 period = (50 + i) * VG_MS;

		sim_vcpu(m, i, OFF, 100, ANY);
		if (i % 2)
			vg_cap_set(&m->st.vms[i].cap, period / 100, period, 0);
		else
			vg_cap_set(&m->st.vcpus[i].cap, period / 100, period, 0);
	}
	sim_go(m, 2000);
	for (i = 0; i < 200; i++)
		was[i] = sim_vm_ran(m, i);
	sim_go(m, 20000);
	for (i = 0; i < 200; i++) {
		u64 ran = sim_vm_ran(m, i) - was[i];

		/* A stint is 2 ms or more: a period or two of it at each end. */
		assert_in_range(ran, 200 * VG_MS - 16 * VG_MS, 200 * VG_MS + 16 * VG_MS);
	}
	assert_true(c->stats[VG_STAT_THROTTLES] > 1000);
	free(m);
}

static u32 nr_paused(struct vg_state_all *s, u32 of)
{
	u32 i, n = 0;

	for (i = 0; i < of; i++)
		n += s->vcpus[i].state == VG_PAUSED;
	return n;
}

/* 1,000 are due at the same moment: each shot lets VG_REFILL go, the next comes at once. */
static void test_shots_are_bounded(void **state)
{
	struct vg_state_all *s = calloc(1, sizeof(*s));
	struct vg_cell *c = &s->cells[0];
	struct vg_plan pl;
	u32 i, was, shots = 0;
	u64 now = 1000 * VG_MS;

	vg_state_begin(s);
	for (i = 0; i < 1000; i++) {
		s->vcpus[i].state = VG_PAUSED;
		s->vcpus[i].ent = 0;
		s->vcpus[i].mask = 1;
		vg_cap_set(&s->vcpus[i].cap, 10 * VG_MS, 100 * VG_MS, 0);
		s->vcpus[i].cap.last = now;
		s->vcpus[i].cap.tokens = 0;
		vg_paused_add(s, c, i, now + 100 * VG_MS, now);
	}
	s->ents[0].slot = 0;
	s->ents[0].head = VG_NONE;
	s->ents[0].tail = VG_NONE;
	s->ents[0].pos = VG_NONE;
	while (c->refill) {
		assert_true(c->refill <= now + 64 * VG_MS || !shots);
		if (c->refill > now)
			now = c->refill;
		vg_plan_begin(&pl, now, VG_NONE, VG_NONE);
		was = nr_paused(s, 1000);
		vg_cell_refill(s, c, &pl);
		assert_in_range(was - nr_paused(s, 1000), 0, VG_REFILL);
		shots++;
		assert_in_range(shots, 1, 40);
	}
	assert_int_equal(nr_paused(s, 1000), 0);
	/* Not before the tokens are there, and within a millisecond. */
	assert_int_equal(now, 1100 * VG_MS);
	free(s);
}

/* Who leaves while paused or throttled leaves no trace on the wheel. */
static void test_leaving_clears(void **state)
{
	struct sim *m = sim_new(2, 1);
	u32 i;

	for (i = 0; i < 20; i++) {
		sim_vcpu(m, i, OFF, 100, ANY);
		vg_cap_set(i % 2 ? &m->st.vms[i].cap : &m->st.vcpus[i].cap, VG_MS, 500 * VG_MS, 0);
	}
	sim_go(m, 200);
	assert_true(m->st.cells[0].noted);
	for (i = 0; i < 20; i++)
		sim_vm_end(m, i);
	assert_int_equal(m->st.cells[0].noted, 0);
	free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_many_caps),
		cmocka_unit_test(test_shots_are_bounded),
		cmocka_unit_test(test_leaving_clears),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
