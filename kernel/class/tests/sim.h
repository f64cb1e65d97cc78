/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A host in a few lines: pCPUs with a tick, vCPUs that run, sleep and wake, and
 * between them the policy, called the way gang.bpf.c calls it.
 */
#ifndef VMGANG_SIM_H
#define VMGANG_SIM_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy_vm.h"

#define SIM_CPUS	16
#define SIM_VCPUS	256
#define SIM_STEP	(250 * 1000ULL)		/* ns */
#define SIM_TICK	(4 * VG_MS)

struct sim_vcpu {
	u32 vi;			/* record in the policy */
	bool used;
	bool runnable;
	bool slice;		/* has some left, as far as the kernel knows */
	u32 kernel;		/* in 1000: time in guest kernel mode */
	u64 hold;		/* ns, for which it then says that it holds a lock */
	bool answers;		/* comes into a safe state when asked, a step later */
	bool asked;
	u64 lost;		/* its pCPU, against its will … */
	u64 lost_unsafe;	/* … in guest kernel mode */
	u64 run_ns;		/* how long it runs before it sleeps; 0: for ever */
	u64 sleep_ns;
	u64 until;		/* runs, or sleeps, until it has / it is */
	u64 ran;
	u64 waited;		/* longest wait so far */
	u64 since;
	u64 corun;
};

struct sim {
	struct vg_state_all st;
	struct vg_plan plan;
	struct sim_vcpu v[SIM_VCPUS];	/* by the policy's index */
	u32 cur[SIM_CPUS];		/* policy index or VG_NONE */
	u32 local[SIM_CPUS];		/* inserted, not yet running */
	bool resched[SIM_CPUS];
	bool idle[SIM_CPUS];
	u64 host[SIM_CPUS];		/* the host's own until then */
	u64 tick[SIM_CPUS];		/* phase */
	u64 look[SIM_CPUS];		/* when to ask again, 0: not */
	u64 now;
	u64 pass, passes;		/* what one takes whose vCPU slept; how many */
	u64 seed;
	u64 idle_ns, lost_ns;		/* pCPU time idle; idle though work waited */
	u64 missed;			/* reservations not met */
	u64 starts, worst_start;	/* gang starts; latest member, ns */
	u64 overlaps;			/* stints begun beside whom one may not */
	u32 nr_cpus;
	u32 cell[SIM_CPUS];		/* of each pCPU */
	u32 bit[SIM_CPUS];
	u64 due[VG_MAX_CELLS];		/* when the cell's timer fires */
};

/* The cell of pCPU @g, and that of a vCPU. */
static inline struct vg_cell *sim_cell(struct sim *m, u32 g)
{
	return &m->st.cells[m->cell[g]];
}

static inline struct vg_cell *sim_vcpu_cell(struct sim *m, u32 vi)
{
	return &m->st.cells[m->st.ents[m->st.vcpus[vi].ent].cell];
}

static inline u32 sim_rand(struct sim *m, u32 n)
{
	m->seed = m->seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return (m->seed >> 33) % n;
}

/* A host of @cells cells of @size pCPUs each. */
static inline struct sim *sim_new_cells(u32 cells, u32 size, u64 seed)
{
	struct sim *m = calloc(1, sizeof(*m));
	u32 b;

	m->nr_cpus = cells * size;
	m->seed = seed;
	m->now = 1000 * VG_MS;
	vg_state_begin(&m->st);
	m->st.nr_cells = cells;
	for (b = 0; b < m->nr_cpus; b++) {
		m->cell[b] = b / size;
		m->bit[b] = vg_cell_add_pcpu(sim_cell(m, b), b);
		m->cur[b] = VG_NONE;
		m->local[b] = VG_NONE;
		m->idle[b] = true;
		vg_idle_set(sim_cell(m, b), m->bit[b]);
	}
	return m;
}

/* Its cores have @threads siblings each. */
static inline void sim_smt(struct sim *m, u32 threads)
{
	u32 b;

	for (b = 0; b < m->nr_cpus; b++)
		if (b % threads)
			vg_cell_join_core(sim_cell(m, b), m->bit[b], m->bit[b - b % threads]);
}

static inline struct sim *sim_new(u32 cpus, u64 seed)
{
	return sim_new_cells(1, cpus, seed);
}

static inline void sim_enqueue(struct sim *m, u32 vi, bool wakeup, bool again);

/* Of the present step; the same whenever it is asked within it. */
static inline bool sim_unsafe(struct sim *m, u32 vi)
{
	u64 x = (m->now / SIM_STEP + vi) * 0x9e3779b97f4a7c15ULL;

	return (x >> 33) % 1000 < m->v[vi].kernel;
}

/* Is @vi in a local queue other than @b's?  Then it can not be sent to that. */
static inline bool sim_sent(struct sim *m, u32 vi, u32 b)
{
	u32 i;

	for (i = 0; i < m->nr_cpus; i++)
		if (i != b && m->local[i] == vi)
			return true;
	return false;
}

/* Put @vi into the local queue of @b; PREEMPT. */
static inline void sim_insert(struct sim *m, u32 vi, u32 b)
{
	u32 other = m->local[b];

	if (sim_sent(m, vi, b))
		return;
	m->local[b] = vi;
	if (m->cur[b] != VG_NONE)
		m->v[m->cur[b]].slice = false;
	m->resched[b] = true;
	if (other != VG_NONE && other != vi)
		sim_enqueue(m, other, false, true);
}

static inline void sim_kick(struct sim *m, struct vg_cell *c, u64 mask)
{
	u32 b, g;
	u64 left;

	vg_each_bit(b, left, mask & c->all) {
		g = c->pcpu[b].cpu;
		if (c->pcpu[b].coming != VG_NONE && c->pcpu[b].served)
			continue;
		if (m->cur[g] != VG_NONE)
			m->v[m->cur[g]].slice = false;
		m->resched[g] = true;
	}
	if (vg_cell_late(c, m->now)) {
		c->armed = vg_cell_wants(c);
		m->due[c->id] = vg_cell_wants(c);
	}
}

/* The first vCPU sets the cell's timer. */
static inline void sim_wake_cell(struct sim *m, struct vg_cell *c)
{
	if (c->nr_vcpus != 1)
		return;
	c->armed = m->now + VG_HEARTBEAT;
	m->due[c->id] = c->armed;
}

/* @vi leaves its ent; returns how far that was ahead. */
static inline s64 sim_unbind(struct sim *m, u32 vi)
{
	struct vg_cell *c = sim_vcpu_cell(m, vi);
	u32 ei = m->st.vcpus[vi].ent;
	s64 lead = vg_ent_lead(&m->st, c, ei, m->now);

	vg_plan_begin(&m->plan, m->now, VG_NONE, VG_NONE);
	vg_vcpu_unbind(&m->st, c, &m->plan, vi);
	sim_kick(m, c, m->plan.kick);
	vg_ent_put(&m->st, ei);
	return lead;
}

/* The VM of @vi has another home, and there it goes. */
static inline void sim_rehome(struct sim *m, u32 vi)
{
	struct vg_vcpu *v = &m->st.vcpus[vi];
	struct vg_cell *c = &m->st.cells[m->st.vms[v->slot].home];
	u32 ei = vg_ent_get(&m->st, v->slot, c->id);
	s64 lead = sim_unbind(m, vi);

	v->mask = c->all;
	vg_vcpu_arrive(&m->st, c, vi, ei, lead);
	sim_wake_cell(m, c);
}

static inline void sim_enqueue(struct sim *m, u32 vi, bool wakeup, bool again)
{
	struct vg_cell *c = sim_vcpu_cell(m, vi);
	u64 kick;
	u32 b;

	if (vg_vcpu_strays(&m->st, c, &m->st.vcpus[vi])) {
		sim_rehome(m, vi);
		c = sim_vcpu_cell(m, vi);
	}
	vg_plan_begin(&m->plan, m->now, VG_NONE, VG_NONE);
	vg_vcpu_wait(&m->st, c, &m->plan, vi);
	b = vg_wake(&m->st, c, &m->plan, vi, wakeup && !again);
	kick = m->plan.kick;
	if (m->plan.look)
		m->look[c->pcpu[m->plan.look_bit].cpu] = m->plan.look;
	m->v[vi].since = m->now;
	if (b != VG_NONE)
		sim_insert(m, vi, c->pcpu[b].cpu);
	sim_kick(m, c, kick);
}

static inline void sim_stop(struct sim *m, u32 b)
{
	struct vg_cell *c = sim_cell(m, b);
	u32 vi = m->cur[b];

	m->cur[b] = VG_NONE;
	vg_plan_begin(&m->plan, m->now, VG_NONE, VG_NONE);
	m->plan.clock = m->v[vi].runnable || !m->pass ? 0 : m->now + 1;
	vg_vcpu_stop(&m->st, c, &m->plan, vi);
	if (!m->v[vi].runnable)
		vg_vcpu_sleeps(&m->st, c, vi, m->now);
	sim_kick(m, c, m->plan.kick);
	if (!m->v[vi].runnable) {
		vg_plan_begin(&m->plan, m->now, VG_NONE, VG_NONE);
		vg_vcpu_leave(&m->st, c, &m->plan, vi);
		sim_kick(m, c, m->plan.kick);
	}
}

/* @vi begins on @b: beside a VM that one of the two may not be beside? */
static inline void sim_beside(struct sim *m, u32 b, u32 vi)
{
	u64 core = sim_cell(m, b)->pcpu[m->bit[b]].core;
	u32 i, slot = m->st.vcpus[vi].slot, other;

	for (i = 0; i < m->nr_cpus; i++) {
		if (i == b || m->cell[i] != m->cell[b] || !(core & vg_bit(m->bit[i])) ||
		    m->cur[i] == VG_NONE)
			continue;
		other = m->st.vcpus[m->cur[i]].slot;
		if (other != slot && (m->st.vms[slot].isolate || m->st.vms[other].isolate))
			m->overlaps++;
	}
}

static inline void sim_run(struct sim *m, u32 b, u32 vi)
{
	struct vg_cell *c = sim_cell(m, b);
	struct sim_vcpu *v = &m->v[vi];

	sim_beside(m, b, vi);
	m->cur[b] = vi;
	m->idle[b] = false;
	v->slice = true;
	if (m->now - v->since > v->waited)
		v->waited = m->now - v->since;
	vg_plan_begin(&m->plan, m->now, VG_NONE, VG_NONE);
	m->plan.clock = m->pass ? m->now + 1 + m->pass : 0;
	if (vg_pcpu(c, m->bit[b])->pass && m->plan.clock - vg_pcpu(c, m->bit[b])->pass == m->pass)
		m->passes++;
	vg_vcpu_run(&m->st, c, &m->plan, vi, m->bit[b]);
	sim_kick(m, c, m->plan.kick);
}

/* schedule() on pCPU @b. */
static inline void sim_schedule(struct sim *m, u32 b)
{
	struct vg_cell *c = sim_cell(m, b);
	u32 prev = m->cur[b], next = VG_NONE, i;
	struct vg_plan pl;

	m->resched[b] = false;
	if (m->host[b] > m->now) {
		/* The fair class has it: what is ours goes back. */
		next = m->local[b];
		m->local[b] = VG_NONE;
		if (prev != VG_NONE) {
			sim_stop(m, b);
			if (m->v[prev].runnable)
				sim_enqueue(m, prev, false, true);
		}
		if (next != VG_NONE)
			sim_enqueue(m, next, false, true);
		m->idle[b] = false;
		vg_idle_clear(c, m->bit[b]);
		return;
	}
	if (prev != VG_NONE && m->v[prev].runnable && m->v[prev].slice)
		return;
	if (prev != VG_NONE && !m->v[prev].runnable) {
		sim_stop(m, b);
		prev = VG_NONE;
	}
	if (m->local[b] == VG_NONE) {
		vg_plan_begin(&m->plan, m->now, m->bit[b], prev);
		m->plan.unsafe = prev != VG_NONE && sim_unsafe(m, prev);
		m->plan.hold = m->plan.unsafe ? m->v[prev].hold : 0;
		vg_pick(&m->st, c, &m->plan);
		pl = m->plan;
		m->look[b] = pl.look;
		if (pl.own == VG_KEEP) {
			if (prev != VG_NONE) {
				m->v[prev].slice = true;
				m->v[prev].asked = pl.ask && m->v[prev].answers;
			}
		} else if (pl.own != VG_NONE) {
			m->local[b] = pl.own;
		}
		for (i = 0; i < c->nr_pcpus; i++)
			if ((pl.placed & vg_bit(i)) && c->pcpu[i].coming != VG_NONE)
				sim_insert(m, c->pcpu[i].coming, c->pcpu[i].cpu);
		sim_kick(m, c, pl.kick);
		if (pl.own == VG_KEEP && prev != VG_NONE && m->v[prev].slice)
			return;
	}
	next = m->local[b];
	m->local[b] = VG_NONE;
	if (prev != VG_NONE) {
		m->v[prev].lost++;
		m->v[prev].lost_unsafe += sim_unsafe(m, prev);
		sim_stop(m, b);
		sim_enqueue(m, prev, false, false);
		if (next == VG_NONE && m->local[b] != VG_NONE) {
			next = m->local[b];
			m->local[b] = VG_NONE;
		}
	}
	if (next != VG_NONE) {
		sim_run(m, b, next);
	} else {
		m->idle[b] = true;
		vg_idle_set(c, m->bit[b]);
	}
}

static inline void sim_settle(struct sim *m)
{
	u32 i, b, round;

	for (round = 0; round < 100; round++) {
		bool any = false;

		for (i = 0; i < m->nr_cpus; i++) {
			b = (i + round) % m->nr_cpus;
			if (m->resched[b]) {
				sim_schedule(m, b);
				any = true;
			}
		}
		if (!any)
			return;
	}
	fprintf(stderr, "sim: pCPUs never come to rest\n");
	abort();
}

static inline u64 sim_pcpu_deadline(struct sim *m, u32 b)
{
	return vg_pcpu_deadline(&m->st, &sim_cell(m, b)->pcpu[m->bit[b]], m->cur[b]);
}

/* Is whoever runs on pCPU @b to stop at this tick? */
static inline bool sim_tick(struct sim *m, u32 b)
{
	struct vg_cell *c = sim_cell(m, b);
	bool leads;

	vg_plan_begin(&m->plan, m->now, VG_NONE, VG_NONE);
	leads = vg_relaxed_tick(&m->st, c, &m->plan, m->cur[b]);
	sim_kick(m, c, m->plan.kick);
	return leads || m->now + VG_SLOP >= sim_pcpu_deadline(m, b);
}

/* The timer of cell @c: refill, heartbeat, and who is to move. */
static inline void sim_timer(struct sim *m, struct vg_cell *c)
{
	u64 next;

	vg_host_level(&m->st, m->now);
	vg_plan_begin(&m->plan, m->now, VG_NONE, VG_NONE);
	next = vg_cell_timer(&m->st, c, &m->plan);
	if (m->plan.mover != VG_NONE && vg_vm_move(&m->st, c, &m->plan))
		vg_cell_moved(&m->st, c, &m->plan);
	m->missed += m->plan.nr_missed;
	c->armed = c->nr_vcpus ? next : 0;
	m->due[c->id] = c->armed;
	sim_kick(m, c, m->plan.kick);
	sim_settle(m);
}

static inline void sim_step(struct sim *m)
{
	u32 b, i;

	m->now += SIM_STEP;
	for (b = 0; b < m->nr_cpus; b++) {
		u32 vi = m->cur[b];
		bool together = false;

		if (vi == VG_NONE) {
			m->idle_ns += SIM_STEP;
			if (m->idle[b] && m->host[b] <= m->now)
				for (i = 0; i < SIM_VCPUS; i++) {
					struct vg_vcpu *w = &m->st.vcpus[i];

					if (m->v[i].used && w->state == VG_WAITING &&
					    sim_vcpu_cell(m, i) == sim_cell(m, b) &&
					    (w->mask & vg_bit(m->bit[b])) &&
					    !vg_vcpu_leads(&m->st, w) &&
					    !(m->st.ents[w->ent].flags & VG_THROTTLED)) {
						m->lost_ns += SIM_STEP;
						break;
					}
				}
			continue;
		}
		m->v[vi].ran += SIM_STEP;
		for (i = 0; i < m->nr_cpus; i++)
			if (i != b && m->cur[i] != VG_NONE &&
			    m->st.vcpus[m->cur[i]].slot == m->st.vcpus[vi].slot)
				together = true;
		if (together)
			m->v[vi].corun += SIM_STEP;
		if (m->v[vi].run_ns) {
			m->v[vi].until -= m->v[vi].until < SIM_STEP ? m->v[vi].until : SIM_STEP;
			if (!m->v[vi].until) {
				m->v[vi].runnable = false;
				m->v[vi].until = m->now + m->v[vi].sleep_ns;
				m->resched[b] = true;
			}
		}
		if (m->v[vi].asked && vg_guard_safe(&m->st, sim_cell(m, b), vi)) {
			m->v[vi].slice = false;
			m->resched[b] = true;
		}
		m->v[vi].asked = false;
		if ((m->look[b] && m->now >= m->look[b]) ||
		    ((m->now + m->tick[b]) % SIM_TICK == 0 && sim_tick(m, b))) {
			m->v[vi].slice = false;
			m->resched[b] = true;
		}
	}
	for (b = 0; b < m->nr_cpus; b++)
		if (m->host[b] && m->host[b] <= m->now) {
			m->host[b] = 0;
			m->resched[b] = true;
		}
	sim_settle(m);
	for (i = 0; i < SIM_VCPUS; i++) {
		struct sim_vcpu *v = &m->v[i];

		if (v->used && !v->runnable && m->now >= v->until) {
			v->runnable = true;
			v->until = v->run_ns;
			sim_enqueue(m, i, true, false);
		}
	}
	sim_settle(m);
	for (i = 0; i < m->st.nr_cells; i++)
		if (m->due[i] && m->due[i] <= m->now)
			sim_timer(m, &m->st.cells[i]);
}

static inline void sim_go(struct sim *m, u64 ms)
{
	u64 end = m->now + ms * VG_MS;

	while (m->now < end)
		sim_step(m);
}

/* The least that @vi gets in any of @n periods, beginning with a new one. */
static inline u64 sim_least(struct sim *m, u32 vi, u64 period, u32 n)
{
	u64 due = m->st.vcpus[vi].rsv.due, least = ~0ULL, was;

	while (m->st.vcpus[vi].rsv.due == due)
		sim_step(m);
	while (n--) {
		was = m->v[vi].ran;
		sim_go(m, period / VG_MS);
		if (m->v[vi].ran - was < least)
			least = m->v[vi].ran - was;
	}
	return least;
}

/* The host takes pCPU @b for @ns. */
static inline void sim_host(struct sim *m, u32 b, u64 ns)
{
	m->host[b] = m->now + ns;
	m->resched[b] = true;
	sim_settle(m);
}

/*
 * A new vCPU of VM @slot; it wakes at the next step.  It may use pCPUs @mask of
 * its home cell, and, if these are all, every cell of @cells.  Returns its index.
 */
static inline u32 sim_vcpu_in(struct sim *m, u32 slot, u32 cosched, u32 weight, u64 mask,
			      u64 cells)
{
	struct vmgang_bpf_vm vm = { .id = slot + 1, .slot = slot, .cosched = cosched,
				    .cgroup_id = slot + 1, .slice_us = 20000,
				    .skew_us = 5000 };
	struct vmgang_bpf_vcpu vc = { .vm_id = slot + 1, .slot = slot, .cgroup_id = slot + 1 };
	u32 vi = vg_vcpu_get(&m->st, &vm, &vc, 1000, weight), home, ei;
	struct vg_cell *c;

	home = m->st.vms[slot].home;
	cells &= vg_all_cells(&m->st);
	if (!(cells & vg_bit(home)))
		home = vg_vm_house(&m->st, slot, cells);
	c = &m->st.cells[home];
	m->st.vcpus[vi].cells = (mask & c->all) == c->all ? cells : vg_bit(home);
	ei = vg_ent_get(&m->st, slot, home);
	vg_vcpu_bind(&m->st, c, vi, ei, mask & c->all);
	sim_wake_cell(m, c);
	m->st.vcpus[vi].pid = 1000 + vi;
	m->v[vi] = (struct sim_vcpu){ .vi = vi, .used = true, .until = m->now };
	return vi;
}

/* Book @slice of each @period ns for each vCPU of VM @slot; returns how many got it. */
static inline u32 sim_reserve(struct sim *m, u32 slot, u64 period, u64 slice, bool extra)
{
	struct vg_cell *c = &m->st.cells[0];
	struct vg_vm *vm = &m->st.vms[slot];
	u32 i;

	vm->terms = (struct vg_terms){ .period = period, .slice = slice, .extra = extra };
	for (i = 0; i < SIM_VCPUS; i++)
		if (m->v[i].used && m->st.vcpus[i].slot == slot)
			vg_reserve_book(&m->st, c, i, m->now);
	vg_plan_begin(&m->plan, m->now, VG_NONE, VG_NONE);
	vg_ent_policy(&m->st, c, &m->plan, vm->ents);
	sim_kick(m, c, m->plan.kick);
	sim_settle(m);
	return vm->nr_booked;
}

static inline u32 sim_vcpu(struct sim *m, u32 slot, u32 cosched, u32 weight, u64 mask)
{
	return sim_vcpu_in(m, slot, cosched, weight, mask, ~0ULL);
}

/* All vCPUs of VM @slot are gone. */
static inline void sim_vm_end(struct sim *m, u32 slot)
{
	u32 i, b;

	for (i = 0; i < SIM_VCPUS; i++) {
		if (!m->v[i].used || m->st.vcpus[i].slot != slot)
			continue;
		m->v[i].runnable = false;
		for (b = 0; b < m->nr_cpus; b++) {
			if (m->cur[b] == i) {
				sim_stop(m, b);
				m->resched[b] = true;
			}
			if (m->local[b] == i)
				m->local[b] = VG_NONE;
		}
		sim_unbind(m, i);
		vg_vcpu_put(&m->st, i);
		m->v[i].used = false;
	}
	sim_settle(m);
}

static inline u64 sim_vm_ran(struct sim *m, u32 slot)
{
	u64 sum = 0;
	u32 i;

	for (i = 0; i < SIM_VCPUS; i++)
		if (m->v[i].used && m->st.vcpus[i].slot == slot)
			sum += m->v[i].ran;
	return sum;
}

static inline u64 sim_vm_corun(struct sim *m, u32 slot)
{
	u64 sum = 0;
	u32 i;

	for (i = 0; i < SIM_VCPUS; i++)
		if (m->v[i].used && m->st.vcpus[i].slot == slot)
			sum += m->v[i].corun;
	return sum;
}

#endif
