// SPDX-License-Identifier: GPL-2.0-only
/* What becomes of a stint whose vCPU spins: spin=off, yield and preempt. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "sim.h"

#define OFF	VMGANG_COSCHED_OFF
#define GANG	VMGANG_COSCHED_GANG
#define ANY	(~0ULL)

/* A host of one pCPU and VM 0, which spins, of @vcpus. */
static struct sim *host(u32 vcpus, u32 cosched, u32 spin)
{
	struct sim *m = sim_new(1, 3);
	u32 i;

	for (i = 0; i < vcpus; i++)
		sim_vcpu(m, 0, cosched, 100, ANY);
	m->st.vms[0].spin = spin;
	return m;
}

/* VM 0's vCPU that runs is found spinning, if it is on the pCPU. */
static bool found(struct sim *m)
{
	u32 vi = m->cur[0];

	if (vi == VG_NONE || m->st.vcpus[vi].slot != 0 ||
	    !vg_spin_found(&m->st, &m->st.cells[0], vi))
		return false;
	m->v[vi].slice = false;
	m->resched[0] = true;
	sim_settle(m);
	return true;
}

/* Until VM 0 has the pCPU, at the beginning of its stint. */
static u32 begun(struct sim *m)
{
	u32 i;

	for (i = 0; i < 1000; i++) {
		u32 before = m->cur[0];

		sim_step(m);
		if (m->cur[0] != before && m->cur[0] != VG_NONE &&
		    m->st.vcpus[m->cur[0]].slot == 0)
			return m->cur[0];
	}
	fail_msg("VM 0 never runs");
	return VG_NONE;
}

/* Exits 4, 8, 16 ... of a stint are verdicts. */
static void test_verdict(void **state)
{
	u32 n, verdicts = 0;

	for (n = 0; n < VMGANG_SPIN_EXITS; n++)
		assert_false(VMGANG_SPIN_VERDICT(n));
	for (n = 1; n <= 1024; n++)
		verdicts += VMGANG_SPIN_VERDICT(n);
	assert_int_equal(verdicts, 9);
}

/* Preempted: the other VM goes on, and only what was run is charged. */
static void test_preempt_to_another_vm(void **state)
{
	struct sim *m = host(1, OFF, VMGANG_SPIN_PREEMPT);
	u32 other = sim_vcpu(m, 1, OFF, 100, ANY), spinner;
	u64 vtime, ran;

	sim_go(m, 30);
	spinner = begun(m);
	vtime = m->st.ents[m->st.vms[0].ents].vtime;
	ran = m->v[spinner].ran;
	sim_go(m, 1);
	assert_true(found(m));
	assert_int_equal(m->cur[0], other);
	assert_int_equal(m->st.cells[0].stats[VG_STAT_SPUN], 1);
	ran = m->v[spinner].ran - ran;
	assert_in_range(ran, 1, 2 * VG_MS);
	assert_in_range(m->st.ents[m->st.vms[0].ents].vtime + VG_MIN_GRAN - vtime, 0,
			2 * VG_MIN_GRAN);
	free(m);
}

/* Nobody else waits: a sibling takes over the rest of the stint, and no more. */
static void test_preempt_to_a_sibling(void **state)
{
	struct sim *m = host(2, OFF, VMGANG_SPIN_PREEMPT);
	u64 deadline;
	u32 spinner;

	sim_go(m, 30);
	spinner = m->cur[0];
	deadline = sim_pcpu_deadline(m, 0);
	assert_true(found(m));
	assert_int_not_equal(m->cur[0], spinner);
	assert_int_equal(sim_pcpu_deadline(m, 0), deadline);
	free(m);
}

/* Nobody waits at all: it goes on, and its deadline stays. */
static void test_preempt_for_nobody(void **state)
{
	struct sim *m = host(1, OFF, VMGANG_SPIN_PREEMPT);
	u64 deadline;

	sim_go(m, 7);
	deadline = sim_pcpu_deadline(m, 0);
	assert_true(found(m));
	assert_int_equal(m->cur[0], 0);
	assert_int_equal(sim_pcpu_deadline(m, 0), deadline);
	assert_int_equal(m->st.cells[0].stats[VG_STAT_SPUN], 0);
	free(m);
}

/* With spin=off nothing happens, neither at a verdict nor at a directed yield. */
static void test_off_goes_on(void **state)
{
	struct sim *m = host(2, OFF, VMGANG_SPIN_OFF);
	struct vg_cell *c = &m->st.cells[0];

	sim_vcpu(m, 1, OFF, 100, ANY);
	sim_go(m, 30);
	begun(m);
	assert_false(found(m));
	assert_false(vg_spin_yield(&m->st, c, 0, 1));
	assert_false(vg_spin_yield(&m->st, c, 1, 0));
	free(m);
}

/* With spin=yield the sibling that KVM names runs; another VM's vCPU never does. */
static void test_yield_names_a_sibling(void **state)
{
	struct sim *m = host(2, OFF, VMGANG_SPIN_YIELD);
	struct vg_cell *c = &m->st.cells[0];
	u32 other = sim_vcpu(m, 1, OFF, 100, ANY), spinner;

	sim_go(m, 30);
	spinner = begun(m);
	assert_false(found(m));
	assert_false(vg_spin_yield(&m->st, c, spinner, other));
	assert_true(vg_spin_yield(&m->st, c, spinner, !spinner));
	m->v[spinner].slice = false;
	m->resched[0] = true;
	sim_settle(m);
	assert_int_equal(m->cur[0], !spinner);
	assert_int_equal(c->stats[VG_STAT_YIELDS], 1);
	free(m);
}

/* A whole gang is left alone: whom its member waits for runs beside it. */
static void test_gang_goes_on(void **state)
{
	struct sim *m = host(1, GANG, VMGANG_SPIN_PREEMPT);

	sim_vcpu(m, 1, OFF, 100, ANY);
	sim_go(m, 30);
	begun(m);
	assert_false(found(m));
	free(m);
}

/*
 * A gang that shares two pCPUs with a VM of one vCPU is never whole: the member that
 * runs hands its pCPU to the one that it waits for, and back.
 */
static void test_part_of_gang_yields(void **state)
{
	struct sim *m = sim_new(2, 3);
	u32 first = sim_vcpu(m, 0, GANG, 100, ANY), second = sim_vcpu(m, 0, GANG, 100, ANY);
	struct vg_cell *c = &m->st.cells[0];
	u32 i, n, b, vi;

	sim_vcpu(m, 1, OFF, 100, ANY);
	m->st.vms[0].spin = VMGANG_SPIN_YIELD;
	sim_go(m, 100);
	for (i = n = 0; i < 8000; i++) {
		u32 other;

		sim_step(m);
		b = m->cur[0] == first || m->cur[0] == second ? 0 : 1;
		vi = m->cur[b];
		other = vi == first ? second : first;
		if (vi == VG_NONE || m->st.vcpus[vi].slot != 0)
			continue;
		if (!vg_spin_yield(&m->st, c, vi, other)) {
			assert_int_equal(m->cur[!b], other);
			continue;
		}
		m->v[vi].slice = false;
		m->resched[b] = true;
		sim_settle(m);
		n += m->cur[b] == other;
	}
	/* Otherwise it was the third's turn there. */
	assert_true(n > 7000);
	assert_in_range(sim_vm_ran(m, 0), 1900 * VG_MS, 2200 * VG_MS);
	free(m);
}

/*
 * Nor does it have to hand on: members take turns, so short that one which spins for
 * the other loses little; no other's share suffers.
 */
static void test_parts_take_short_turns(void **state)
{
	struct sim *m = sim_new(2, 3);
	u32 first = sim_vcpu(m, 0, GANG, 100, ANY), second = sim_vcpu(m, 0, GANG, 100, ANY);
	u32 other = sim_vcpu(m, 1, OFF, 100, ANY), was = second, i, n;

	sim_go(m, 100);
	m->v[other].ran = 0;
	for (i = n = 0; i < 8000; i++) {
		bool runs, too;

		sim_step(m);
		runs = m->cur[0] == first || m->cur[1] == first;
		too = m->cur[0] == second || m->cur[1] == second;
		if (runs == too)
			continue;
		n += was != (runs ? first : second);
		was = runs ? first : second;
	}
	assert_in_range(n, 1000, 2200);
	assert_in_range(m->v[other].ran, 1900 * VG_MS, 2100 * VG_MS);
	assert_in_range(sim_vm_ran(m, 0), 1900 * VG_MS, 2300 * VG_MS);
	free(m);
}

/* Found spinning whenever it runs, a VM never gets more than its half. */
static void test_spinning_gains_nothing(void **state)
{
	struct sim *m = host(2, OFF, VMGANG_SPIN_PREEMPT);
	u32 i, other = sim_vcpu(m, 1, OFF, 100, ANY);

	for (i = 0; i < 39990; i++) {
		sim_step(m);
		if (i % 3 == 0)
			found(m);
	}
	assert_true(m->v[other].ran > 5000 * VG_MS);
	assert_true(sim_vm_ran(m, 0) > 10 * VG_MS);
	free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_verdict),
		cmocka_unit_test(test_preempt_to_another_vm),
		cmocka_unit_test(test_preempt_to_a_sibling),
		cmocka_unit_test(test_preempt_for_nobody),
		cmocka_unit_test(test_off_goes_on),
		cmocka_unit_test(test_yield_names_a_sibling),
		cmocka_unit_test(test_gang_goes_on),
		cmocka_unit_test(test_part_of_gang_yields),
		cmocka_unit_test(test_parts_take_short_turns),
		cmocka_unit_test(test_spinning_gains_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
