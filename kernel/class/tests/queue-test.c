// SPDX-License-Identifier: GPL-2.0-only
/* A cell's queue: what its tree answers, and what the answer costs. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "sim.h"

#define CPUS	16

struct queue {
	struct sim *m;
	struct vg_state_all *s;
	struct vg_cell *c;
	struct vg_plan pl;
	u32 nr;
};

/* @nr VMs of one vCPU each, on @cpus pCPUs; nobody waits yet. */
static struct queue *queue_new(u32 nr, u32 cpus, u64 seed)
{
	struct queue *q = calloc(1, sizeof(*q));
	u32 i;

	q->m = sim_new(cpus, seed);
	q->m->now = 10000 * VG_MS;
	q->s = &q->m->st;
	q->c = &q->s->cells[0];
	q->nr = nr;
	for (i = 0; i < nr; i++) {
		struct vmgang_bpf_vm vm = { .id = i + 1, .slot = i, .slice_us = 20000 };
		struct vmgang_bpf_vcpu vc = { .vm_id = i + 1, .slot = i };
		u32 vi = vg_vcpu_get(q->s, &vm, &vc, i + 1, 100);

		assert_int_equal(vi, i);
		assert_int_equal(vg_ent_get(q->s, i, 0), i);
		vg_vcpu_bind(q->s, q->c, i, i, q->c->all);
	}
	return q;
}

static void queue_free(struct queue *q)
{
	free(q->m);
	free(q);
}

static void set_waiting(struct queue *q, u32 i, bool waiting)
{
	if (waiting == (q->s->vcpus[i].state == VG_WAITING))
		return;
	q->s->vcpus[i].state = waiting ? VG_WAITING : VG_OUT;
	if (waiting)
		vg_list_add(q->s, i);
	else
		vg_list_del(q->s, i);
}

static void set_mask(struct queue *q, u32 i, u64 mask)
{
	bool waiting = q->s->vcpus[i].state == VG_WAITING;

	set_waiting(q, i, false);
	vg_ent_requeue(q->s, q->c, i);
	q->s->vcpus[i].mask = mask;
	q->s->ents[i].nr_pinned = mask != q->c->all;
	set_waiting(q, i, waiting);
}

/* Everything about ent @i that the queue knows changes, at random. */
static void shake(struct queue *q, u32 i)
{
	struct vg_ent *e = &q->s->ents[i];
	struct sim *m = q->m;

	switch (sim_rand(m, 6)) {
	case 0:
		set_waiting(q, i, sim_rand(m, 3));
		break;
	case 1:
		e->vtime = (u64)sim_rand(m, 1000000) - 1000;
		break;
	case 2:
		e->flags ^= sim_rand(m, 2) ? VG_THROTTLED : sim_rand(m, 4) ? 0 : VG_STARVING;
		break;
	case 3:
		e->cosched = sim_rand(m, 2) ? VMGANG_COSCHED_GANG : VMGANG_COSCHED_OFF;
		break;
	case 4:
		e->on = sim_rand(m, 1 << CPUS) & sim_rand(m, 1 << CPUS);
		break;
	case 5:
		set_mask(q, i, sim_rand(m, 2) ? q->c->all : vg_bit(sim_rand(m, CPUS)));
		break;
	}
	vg_ent_requeue(q->s, q->c, i);
}

static bool fits(struct queue *q, u32 i)
{
	struct vg_ent *e = &q->s->ents[i];

	return e->nr_waiting && !(e->flags & VG_THROTTLED) && i != q->pl.skip &&
	       (q->s->vcpus[i].mask & vg_bit(q->pl.self)) &&
	       !(vg_ent_is_gang(q->c, e) && vg_ent_width(e) > q->pl.narrow);
}

/* The answer, found by looking at everybody. */
static u32 naive(struct queue *q)
{
	u32 i, best = VG_NONE;

	for (i = 0; i < q->nr; i++)
		if (fits(q, i) &&
		    (best == VG_NONE || vg_ent_before(&q->s->ents[i], &q->s->ents[best])))
			best = i;
	return best;
}

static u32 ask(struct queue *q, u32 self, u32 narrow, u32 skip)
{
	vg_plan_begin(&q->pl, q->m->now, self, VG_NONE);
	q->pl.narrow = narrow;
	q->pl.skip = skip;
	return vg_cell_first(q->s, q->c, &q->pl);
}

static u32 ask_any(struct queue *q)
{
	struct sim *m = q->m;

	return ask(q, sim_rand(m, CPUS), 1 + sim_rand(m, 12),
		   sim_rand(m, 3) ? VG_NONE : sim_rand(m, q->nr));
}

/* 100,000 changes to 100 VMs; after each, the tree says what a scan says. */
static void test_tree_is_scan(void **state)
{
	struct queue *q = queue_new(100, CPUS, 5);
	u32 n, got, want, answers = 0;

	for (n = 0; n < 100000; n++) {
		shake(q, sim_rand(q->m, q->nr));
		got = ask_any(q);
		want = naive(q);
		assert_int_equal(got == VG_NONE, want == VG_NONE);
		if (got == VG_NONE)
			continue;
		assert_true(fits(q, got));
		assert_false(vg_ent_before(&q->s->ents[want], &q->s->ents[got]));
		answers++;
	}
	assert_in_range(answers, 50000, 99999);
	queue_free(q);
}

/*
 * With 4000 VMs, half of them pinned or wide, a pick looks at VG_LOOKS nodes and
 * at most one path more; it finds somebody whenever there is somebody.
 */
static void test_cost_is_bounded(void **state)
{
	struct queue *q = queue_new(4000, CPUS, 6);
	u32 n, most = 0;

	for (n = 0; n < 100000; n++) {
		u32 got;

		shake(q, sim_rand(q->m, q->nr));
		if (n % 20)
			continue;
		got = ask_any(q);
		assert_int_equal(got == VG_NONE, naive(q) == VG_NONE);
		assert_true(got == VG_NONE || fits(q, got));
		if (q->pl.looks > most)
			most = q->pl.looks;
	}
	assert_in_range(most, 1, VG_LOOKS + 2 * 13);
	queue_free(q);
}

/*
 * Where everybody may run everywhere a pick looks at one node, however many
 * wait; if the first is to be skipped, at two for each of twelve levels.
 */
static void test_cost_is_logarithmic(void **state)
{
	struct queue *q = queue_new(4096, CPUS, 7);
	u32 i, first = VG_NONE, second;

	for (i = 0; i < q->nr; i++) {
		q->s->ents[i].vtime = sim_rand(q->m, 1000000);
		set_waiting(q, i, true);
		vg_ent_requeue(q->s, q->c, i);
		first = ask(q, i % CPUS, CPUS, VG_NONE);
		assert_int_equal(q->pl.looks, 1);
	}
	assert_int_equal(q->s->ents[first].vtime, q->s->ents[naive(q)].vtime);
	second = ask(q, 0, CPUS, first);
	assert_in_range(q->pl.looks, 2, 2 * 12 + 1);
	assert_int_equal(q->s->ents[second].vtime, q->s->ents[naive(q)].vtime);
	for (i = 0; i < q->nr; i++) {
		set_waiting(q, i, false);
		vg_ent_requeue(q->s, q->c, i);
	}
	assert_int_equal(ask(q, 0, CPUS, VG_NONE), VG_NONE);
	assert_int_equal(q->c->nr_queued, 0);
	assert_int_equal(q->c->levels, 0);
	queue_free(q);
}

/* A sweep looks at VG_SWEEP VMs, so sixteen of them find the one that starves. */
static void test_sweep_in_pieces(void **state)
{
	struct queue *q = queue_new(4096, CPUS, 8);
	u32 i, n;

	for (i = 0; i < q->nr; i++) {
		q->s->vcpus[i].since = q->m->now;
		set_waiting(q, i, true);
		vg_ent_requeue(q->s, q->c, i);
	}
	q->s->vcpus[3333].since = q->m->now - VG_STARVED - 1;
	q->s->ents[3333].vtime = 1000000000;
	vg_ent_requeue(q->s, q->c, 3333);
	for (n = 0; n < 4096 / VG_SWEEP; n++) {
		vg_plan_begin(&q->pl, q->m->now, VG_NONE, VG_NONE);
		vg_cell_sweep(q->s, q->c, &q->pl);
	}
	assert_int_equal(q->c->stats[VG_STAT_STARVED], 1);
	assert_int_equal(ask(q, 0, CPUS, VG_NONE), 3333);
	queue_free(q);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tree_is_scan),
		cmocka_unit_test(test_cost_is_bounded),
		cmocka_unit_test(test_cost_is_logarithmic),
		cmocka_unit_test(test_sweep_in_pieces),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
