/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the model of the class keeps of each vCPU, pCPU and cell, and the way from
 * the simulator's records to the policy's.
 */
#ifndef SIM_SCHED_CLASS_H
#define SIM_SCHED_CLASS_H

#include "sched.h"

#include "policy_vm.h"

/* Where the kernel has a thread. */
enum where {
	NOWHERE,	/* asleep */
	QUEUED,		/* the class has it */
	LOCAL,		/* in a local queue */
	CURRENT,
};

enum enq {
	ENQ_WAKEUP	= 1,
	ENQ_LAST	= 2,
	ENQ_REENQ	= 4,
};

struct class_vcpu {
	u32 vi;
	enum where where;
	bool slice;		/* has some left */
	bool immed;		/* LOCAL: starts at once or goes back */
	struct pcpu *local;
	struct vcpu *next;	/* in the local queue */
	u64 due;		/* end of the period of its reservation that is watched */
	u64 ran;		/* how long it had run at the beginning of that */
};

struct class_pcpu {
	u32 bit;
	struct vcpu *local;
	struct event look;	/* while a guarded vCPU goes on, or part of a gang */
	bool asked;		/* … and its guest comes into a safe state */
};

struct class_cell {
	struct event timer;
	struct sim *sim;
	u32 id;
};

struct class {
	struct vg_state_all *state;
	struct vg_plan plan;
	struct class_cell *cells;
	struct vcpu **by_vi;
	struct class_counts counts;
};

static inline struct class *class_of(struct sim *sim)
{
	return sim->priv;
}

static inline struct class_vcpu *cv(struct vcpu *v)
{
	return v->priv;
}

static inline struct class_pcpu *cp(struct pcpu *p)
{
	return p->priv;
}

static inline struct vg_state_all *st(struct sim *sim)
{
	return class_of(sim)->state;
}

static inline struct vcpu *vcpu_at(struct sim *sim, u32 vi)
{
	return vi < VG_MAX_VCPUS ? class_of(sim)->by_vi[vi] : NULL;
}

static inline struct vg_ent *ent_of(struct sim *sim, struct vcpu *v)
{
	return vg_ent(st(sim), vg_vcpu(st(sim), cv(v)->vi)->ent);
}

static inline u32 class_cell_of(struct sim *sim, struct vcpu *v)
{
	return ent_of(sim, v)->cell;
}

static inline struct vg_cell *cell_of(struct sim *sim, struct vcpu *v)
{
	return vg_cell(st(sim), ent_of(sim, v)->cell);
}

static inline struct vg_plan *begin_plan(struct sim *sim, u32 self, u32 prev)
{
	struct vg_plan *pl = &class_of(sim)->plan;

	vg_plan_begin(pl, sim->now, self, prev);
	return pl;
}

static inline struct pcpu *pcpu_at(struct sim *sim, struct vg_cell *c, u32 bit)
{
	return &sim->pcpus[vg_pcpu(c, bit)->cpu];
}

/* @p and the sibling before it are of one core. */
static inline void join_core(struct sim *sim, struct pcpu *p)
{
	if (p->core < p->id)
		vg_cell_join_core(vg_cell(st(sim), p->cell), cp(p)->bit,
				  cp(&sim->pcpus[p->core])->bit);
}

/* class_state.c: NULL without memory; munmap() frees it */
struct vg_state_all *class_state_map(void);

/* class_reserve.c */
void class_period_woken(struct sim *sim, struct vcpu *v);
void class_periods_end(struct sim *sim, struct vg_cell *c);
void class_periods_begin(struct sim *sim, struct vg_cell *c);
/* Let the pCPUs of @mask ask for work. */
void class_kick(struct sim *sim, struct vg_cell *c, u64 mask);
/* Carry a plan out, apart from moving threads. */
void act(struct sim *sim, struct vg_cell *c, struct vg_plan *pl);

/* sched_adapt.c: what adaptive VMs are told, and their look at it at each tick */
void class_adapt(struct sim *sim, struct vcpu *v);
void class_spun(struct sim *sim, struct vcpu *v, u32 exits);
void class_lost(struct sim *sim, struct vcpu *v);

/* sched_guarded.c */
void class_ask_unsafe(struct sim *sim, struct vg_plan *pl, struct vcpu *prev);
void class_look(struct sim *sim, u32 cpu, struct vg_plan *pl);
void class_on_look(struct sim *sim, void *arg);

/* sched_knobs.c: a VM as the module would tell the class of it */
bool class_leads(struct sim *sim, struct vcpu *v);
struct vmgang_bpf_vm class_policy(struct sim *sim, struct vcpu *v);
bool class_yield(struct sim *sim, struct vcpu *from, struct vcpu *to);
bool class_spins(struct sim *sim, struct vcpu *v, u32 exits);

/* The pCPUs of @c that @v may use. */
static inline u64 mask_in(struct vg_cell *c, struct vcpu *v)
{
	u64 mask = 0, m;
	u32 b;

	vg_each_bit(b, m, c->all)
		if (cpuset_has(&v->mask, vg_pcpu(c, b)->cpu))
			mask |= vg_bit(b);
	return mask;
}

/* The cells of which @v may use at least half. */
static inline u64 cells_of(struct sim *sim, struct vcpu *v)
{
	u64 cells = 0;
	u32 i;

	for (i = 0; i < sim->nr_cells; i++) {
		struct vg_cell *c = vg_cell(st(sim), i);

		if (2 * vg_weight_of(mask_in(c, v)) >= c->nr_pcpus)
			cells |= vg_bit(i);
	}
	return cells;
}

/* For the table of the scheduler: see there. */
bool class_kept(struct sim *sim, struct pcpu *p);
u64 class_forced(struct sim *sim);

#endif
