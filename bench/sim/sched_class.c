// SPDX-License-Identifier: GPL-2.0-only
/*
 * The gang-scheduling class: the very lines of kernel/class/policy*.h, driven as
 * gang.bpf.c drives them. The functions here bear the names of its callbacks.
 *
 * What the kernel does around them (ext.c of 7.x) is modelled as far as a
 * vCPU's way depends on it: local queues, slices that are used up or not,
 * insertions that are void because the thread has left the queue, and
 * SCX_ENQ_IMMED: what can not start at once goes back to enqueue().
 */

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "props.h"
#include "sched_class.h"
#include "trace.h"

#define MAX_BOUNCES	3

/* What `sim cost` counts: functions with names that no optimisation changes. */
static __attribute__((noipa)) void decide_pick(struct vg_state_all *s, struct vg_cell *c,
					       struct vg_plan *pl)
{
	vg_pick(s, c, pl);
}

static __attribute__((noipa)) u32 decide_wake(struct vg_state_all *s, struct vg_cell *c,
					      struct vg_plan *pl, u32 vi, bool preempt)
{
	return vg_wake(s, c, pl, vi, preempt);
}

static void report_held(struct sim *sim, u32 ei)
{
	u32 vi = vg_ent(st(sim), ei)->head;

	while (vi < VG_MAX_VCPUS) {
		host_costop(sim, vcpu_at(sim, vi), true);
		vi = vg_vcpu(st(sim), vi)->next;
	}
}

/* Which members are on their way when a gang starts: those have to hurry. */
static void report_start(struct sim *sim, struct vg_cell *c, u32 ei)
{
	u32 b;
	u64 m;

	trace_gang(sim, vg_ent(st(sim), ei)->slot, true, vg_ent_width(vg_ent(st(sim), ei)));
	vg_each_bit(b, m, c->all) {
		u32 vi = vg_pcpu(c, b)->coming;

		if (vi < VG_MAX_VCPUS && vg_vcpu(st(sim), vi)->ent == ei)
			props_costart(sim, vcpu_at(sim, vi));
	}
}

/* Whoever of the gang has not come by now need not hurry any more. */
static void report_stop(struct sim *sim, u32 ei, u32 width)
{
	u32 slot = vg_ent(st(sim), ei)->slot, i;

	trace_gang(sim, slot, false, width);
	for (i = 0; i < sim->nr_vcpus; i++) {
		struct vcpu *v = &sim->vcpus[i];

		if (v->vm->id == slot && vg_vcpu(st(sim), cv(v)->vi)->ent == ei)
			props_costop(sim, v);
	}
}

void class_kick(struct sim *sim, struct vg_cell *c, u64 mask)
{
	u64 m;
	u32 b;

	vg_each_bit(b, m, mask & c->all) {
		struct vg_pcpu *p = vg_pcpu(c, b);
		struct vcpu *v = vcpu_at(sim, p->cur);

		if (p->coming != VG_NONE && p->served)
			continue;
		if (v)
			cv(v)->slice = false;
		host_resched(sim, pcpu_at(sim, c, b));
	}
}

static void arm_timer(struct sim *sim, struct vg_cell *c, u64 when)
{
	c->armed = when;
	event_set(&sim->queue, &class_of(sim)->cells[c->id].timer,
		  when > sim->now ? when : sim->now + 1);
}

void act(struct sim *sim, struct vg_cell *c, struct vg_plan *pl)
{
	u32 i;

	for (i = 0; i < pl->nr_stopped; i++)
		report_stop(sim, pl->stopped[i], pl->width[i]);
	for (i = 0; i < pl->nr_freed; i++)
		host_costop(sim, vcpu_at(sim, pl->freed[i]), false);
	if (pl->started != VG_NONE)
		report_start(sim, c, pl->started);
	if (pl->held != VG_NONE)
		report_held(sim, pl->held);
	if (pl->guarded != VG_NONE)
		sim->stats.guarded += pl->guard_ns;
	if (pl->look)
		class_look(sim, vg_pcpu(c, pl->look_bit)->cpu, pl);
	class_kick(sim, c, pl->kick);
	if (vg_cell_late(c, sim->now))
		arm_timer(sim, c, vg_cell_wants(c));
}

static void local_del(struct vcpu *v)
{
	struct vcpu **at = &cp(cv(v)->local)->local;

	while (*at && *at != v)
		at = &cv(*at)->next;
	if (*at)
		*at = cv(v)->next;
	cv(v)->next = NULL;
	cv(v)->local = NULL;
}

static void class_enqueue(struct sim *sim, struct vcpu *v, u32 flags);

/* scx_bpf_dsq_insert() into the local queue of @p; void unless the class has the thread. */
static void insert(struct sim *sim, struct vcpu *v, struct pcpu *p, bool preempt)
{
	struct class_pcpu *q = cp(p);
	struct vcpu *other = q->local, **at = &q->local;

	if (cv(v)->where != QUEUED)
		return;
	cv(v)->where = LOCAL;
	cv(v)->slice = true;
	cv(v)->local = p;
	cv(v)->immed = vg_vcpu(st(sim), cv(v)->vi)->bounced < MAX_BOUNCES;
	if (!preempt)
		while (*at)
			at = &cv(*at)->next;
	cv(v)->next = *at;
	*at = v;
	if (preempt) {
		if (p->cur)
			cv(p->cur)->slice = false;
		host_resched(sim, p);
	} else if (other) {
		other = v;
	}
	if (other && cv(other)->immed) {
		local_del(other);
		cv(other)->where = QUEUED;
		class_enqueue(sim, other, ENQ_REENQ);
	}
}

/* @v leaves its ent; returns how far that was ahead. */
static s64 unbind(struct sim *sim, struct vcpu *v)
{
	struct vg_state_all *s = st(sim);
	u32 vi = cv(v)->vi, ei = vg_vcpu(s, vi)->ent;
	struct vg_cell *c = vg_cell(s, vg_ent(s, ei)->cell);
	struct vg_plan *pl = begin_plan(sim, VG_NONE, VG_NONE);
	s64 lead = vg_ent_lead(s, c, ei, sim->now);

	vg_vcpu_unbind(s, c, pl, vi);
	act(sim, c, pl);
	vg_ent_put(s, ei);
	return lead;
}

/* The VM of @v has another home: it goes there. */
static void rehome(struct sim *sim, struct vcpu *v, struct vg_cell *to)
{
	struct vg_state_all *s = st(sim);
	u32 vi = cv(v)->vi, ei = vg_ent_get(s, vg_vcpu(s, vi)->slot, to->id);
	s64 lead;

	if (ei == VG_NONE)
		return;
	lead = unbind(sim, v);
	vg_vcpu(s, vi)->mask = mask_in(to, v);
	vg_vcpu_arrive(s, to, vi, ei, lead);
	if (to->nr_vcpus == 1)
		arm_timer(sim, to, sim->now + VG_HEARTBEAT);
}

static void class_enqueue(struct sim *sim, struct vcpu *v, u32 flags)
{
	struct vg_state_all *s = st(sim);
	struct vg_cell *c = cell_of(sim, v);
	bool again = flags & ENQ_REENQ;
	struct vg_plan pl;
	u32 b = VG_NONE;

	if (vg_vcpu_strays(s, c, vg_vcpu(s, cv(v)->vi))) {
		rehome(sim, v, vg_cell(s, vg_vm(s, v->vm->id)->home));
		c = cell_of(sim, v);
		flags &= ~ENQ_LAST;
	}
	cv(v)->where = QUEUED;
	vg_plan_begin(&pl, sim->now, VG_NONE, VG_NONE);
	if (again) {
		vg_vcpu(s, cv(v)->vi)->bounced++;
		vg_count(c, VG_STAT_HOST, 1);
	}
	vg_vcpu_wait(s, c, &pl, cv(v)->vi);
	class_period_woken(sim, v);
	if (!(flags & ENQ_LAST) || !vg_pcpu_asked(c, vg_vcpu(s, cv(v)->vi)->bit)) {
		b = decide_wake(s, c, &pl, cv(v)->vi, (flags & ENQ_WAKEUP) && !again);
		class_of(sim)->counts.wakes++;
	}
	act(sim, c, &pl);
	if (b != VG_NONE)
		insert(sim, v, pcpu_at(sim, c, b), true);
	else
		host_costop(sim, v, (ent_of(sim, v)->flags & VG_HELD) ||
				    vg_vcpu(s, cv(v)->vi)->costop);
}

/* From dispatch(): insert @vi where it was placed. */
static void send(struct sim *sim, struct vg_cell *c, u32 vi, u32 bit, bool own)
{
	struct vcpu *v = vcpu_at(sim, vi);

	if (v)
		insert(sim, v, pcpu_at(sim, c, bit), !own);
}

static void class_dispatch(struct sim *sim, struct pcpu *p, struct vcpu *prev)
{
	struct vg_state_all *s = st(sim);
	struct vg_cell *c = vg_cell(s, p->cell);
	struct vg_plan pl;
	u32 pvi = VG_NONE, b;
	u64 m;

	if (prev && cell_of(sim, prev) == c && vg_vcpu(s, cv(prev)->vi)->state == VG_RUNNING)
		pvi = cv(prev)->vi;
	vg_plan_begin(&pl, sim->now, cp(p)->bit, pvi);
	class_ask_unsafe(sim, &pl, pvi != VG_NONE ? prev : NULL);
	pl.looks = 0;
	decide_pick(s, c, &pl);
	class_of(sim)->counts.picks++;
	class_of(sim)->counts.looks += pl.looks;
	if (pl.own == VG_KEEP) {
		if (prev)
			cv(prev)->slice = true;
	} else if (pl.own < VG_MAX_VCPUS) {
		send(sim, c, pl.own, cp(p)->bit, true);
	}
	vg_each_bit(b, m, pl.placed) {
		u32 vi = vg_pcpu(c, b)->coming;

		if (vi < VG_MAX_VCPUS)
			send(sim, c, vi, b, false);
	}
	act(sim, c, &pl);
}

static void class_running(struct sim *sim, struct pcpu *p, struct vcpu *v)
{
	struct vg_cell *c = cell_of(sim, v);
	struct vg_plan *pl = begin_plan(sim, VG_NONE, VG_NONE);

	cv(v)->where = CURRENT;
	if (c->id == p->cell)
		vg_vcpu_run(st(sim), c, pl, cv(v)->vi, cp(p)->bit);
	else
		vg_vcpu_leave(st(sim), c, pl, cv(v)->vi);
	act(sim, c, pl);
}

static void class_stopping(struct sim *sim, struct vcpu *v)
{
	struct vg_cell *c = cell_of(sim, v);
	struct vg_plan *pl = begin_plan(sim, VG_NONE, VG_NONE);

	vg_vcpu_stop(st(sim), c, pl, cv(v)->vi);
	if (!v->wants)
		vg_vcpu_sleeps(st(sim), c, cv(v)->vi, sim->now);
	act(sim, c, pl);
}

static void class_quiescent(struct sim *sim, struct vcpu *v)
{
	struct vg_cell *c = cell_of(sim, v);
	struct vg_plan *pl;

	cv(v)->where = NOWHERE;
	if (vg_vcpu_left(st(sim), cv(v)->vi))
		return;
	pl = begin_plan(sim, VG_NONE, VG_NONE);
	vg_vcpu_leave(st(sim), c, pl, cv(v)->vi);
	act(sim, c, pl);
}

static void class_wake(struct sim *sim, struct vcpu *v)
{
	class_enqueue(sim, v, ENQ_WAKEUP);
}

static struct vcpu *local_pop(struct pcpu *p)
{
	struct vcpu *v = cp(p)->local;

	if (v)
		local_del(v);
	return v;
}

static struct vcpu *class_schedule(struct sim *sim, struct pcpu *p, struct vcpu *prev)
{
	struct vcpu *next;

	if (prev && !prev->wants) {
		class_stopping(sim, prev);
		class_quiescent(sim, prev);
		prev = NULL;
	}
	if (prev && cv(prev)->slice)
		return prev;
	if (!cp(p)->local) {
		class_dispatch(sim, p, prev);
		if (prev && cv(prev)->slice)
			return prev;
	}
	next = local_pop(p);
	if (prev) {
		class_stopping(sim, prev);
		class_enqueue(sim, prev, next ? 0 : ENQ_LAST);
		if (!next)
			next = local_pop(p);
	}
	if (next)
		class_running(sim, p, next);
	return next;
}

/* The fair class has the pCPU: what was ours goes back. */
static void class_steal(struct sim *sim, struct pcpu *p, struct vcpu *prev)
{
	struct vcpu *v, *list = cp(p)->local;

	vg_idle_clear(vg_cell(st(sim), p->cell), cp(p)->bit);
	if (prev) {
		class_stopping(sim, prev);
		if (prev->wants)
			class_enqueue(sim, prev, ENQ_REENQ);
		else
			class_quiescent(sim, prev);
	}
	while ((v = list)) {
		list = cv(v)->next;
		if (!cv(v)->immed)
			continue;
		local_del(v);
		class_enqueue(sim, v, ENQ_REENQ);
	}
}

static void class_idle(struct sim *sim, struct pcpu *p, bool idle)
{
	struct vg_cell *c = vg_cell(st(sim), p->cell);

	if (idle)
		vg_idle_set(c, cp(p)->bit);
	else
		vg_idle_clear(c, cp(p)->bit);
}

static void class_tick(struct sim *sim, struct pcpu *p)
{
	struct vg_pcpu *pc = vg_pcpu(vg_cell(st(sim), p->cell), cp(p)->bit);

	class_adapt(sim, p->cur);
	if (!class_leads(sim, p->cur) && !pc->guard &&
	    sim->now + VG_SLOP < vg_pcpu_deadline(st(sim), pc, cv(p->cur)->vi))
		return;
	cv(p->cur)->slice = false;
	host_resched(sim, p);
}

static void on_timer(struct sim *sim, void *arg)
{
	struct class_cell *t = arg;
	struct vg_state_all *s = st(sim);
	struct vg_cell *c = vg_cell(s, t->id);
	struct vg_plan pl;
	u64 next;

	sim->here = NULL;
	vg_host_level(s, sim->now);
	vg_plan_begin(&pl, sim->now, VG_NONE, VG_NONE);
	class_periods_end(sim, c);
	next = vg_cell_timer(s, c, &pl);
	if (pl.mover != VG_NONE && vg_vm_move(s, c, &pl))
		vg_cell_moved(s, c, &pl);
	class_periods_begin(sim, c);
	class_kick(sim, c, pl.kick);
	if (c->nr_vcpus)
		arm_timer(sim, c, next);
}

static void class_join(struct sim *sim, struct vcpu *v)
{
	const struct vm_conf *conf = v->vm->conf;
	struct vmgang_bpf_vm info = class_policy(sim, v);
	struct vmgang_bpf_vcpu vinfo = {
		.vm_id = info.id, .cgroup_id = info.cgroup_id, .slot = info.slot,
		.index = v->index,
	};
	struct vg_state_all *s = st(sim);
	u64 mask, cells = cells_of(sim, v);
	struct vg_cell *c;
	u32 vi, ei, i;

	vi = vg_vcpu_get(s, &info, &vinfo, v->id + 1, (u32)conf->weight);
	if (vi == VG_NONE) {
		props_fail(sim, PROP_ENGINE, v, "no record left for a vCPU");
		return;
	}
	if (vg_vm(s, info.slot)->nr_vcpus == 1)
		vg_cap_set(&vg_vm(s, info.slot)->cap, conf->quota, conf->period, 0);
	c = vg_cell(s, vg_vm(s, info.slot)->home);
	mask = mask_in(c, v);
	if (!mask && cells) {
		c = vg_cell(s, vg_vm_house(s, info.slot, cells));
		mask = mask_in(c, v);
	}
	for (i = 0; !mask; i++)
		if (cpuset_has(&v->mask, i)) {
			c = vg_cell(s, sim->pcpus[i].cell);
			mask = mask_in(c, v);
		}
	cv(v)->vi = vi;
	cv(v)->where = NOWHERE;
	class_of(sim)->by_vi[vi] = v;
	vg_vcpu(s, vi)->cells = cells;
	ei = vg_ent_get(s, info.slot, c->id);
	if (ei == VG_NONE) {
		props_fail(sim, PROP_ENGINE, v, "no ent left for a VM");
		return;
	}
	vg_vcpu_bind(s, c, vi, ei, mask);
	vg_reserve_book(s, c, vi, sim->now);
	if (c->nr_vcpus == 1)
		arm_timer(sim, c, sim->now + VG_HEARTBEAT);
}

static void class_leave(struct sim *sim, struct vcpu *v)
{
	if (cv(v)->where == LOCAL)
		local_del(v);
	cv(v)->where = NOWHERE;
	unbind(sim, v);
	vg_vcpu_put(st(sim), cv(v)->vi);
	class_of(sim)->by_vi[cv(v)->vi] = NULL;
}

static bool class_held(struct sim *sim, struct vcpu *v)
{
	return (ent_of(sim, v)->flags & VG_THROTTLED) ||
	       vg_vcpu(st(sim), cv(v)->vi)->state == VG_PAUSED;
}

static int class_begin(struct sim *sim)
{
	struct class *cl = class_of(sim);
	u32 i;

	cl->state = class_state_map();
	cl->cells = calloc(sim->nr_cells, sizeof(*cl->cells));
	cl->by_vi = calloc(sim->nr_vcpus + 1, sizeof(struct vcpu *));
	if (!cl->state || !cl->cells || !cl->by_vi) {
		perror("sim: class");
		return -1;
	}
	for (i = 0; i < sim->nr_pcpus; i++) {
		struct pcpu *p = &sim->pcpus[i];

		cp(p)->bit = vg_cell_add_pcpu(vg_cell(cl->state, p->cell), i);
		vg_idle_set(vg_cell(cl->state, p->cell), cp(p)->bit);
		join_core(sim, p);
		cp(p)->look.fire = class_on_look;
		cp(p)->look.arg = p;
	}
	cl->state->nr_cells = sim->nr_cells;
	cl->state->tells = sim->sc->ple == PLE_AMD ? VG_TELLS_ALL :
			   sim->sc->ple == PLE_INTEL ? VG_TELLS_KERNEL : VG_TELLS_NONE;
	for (i = 0; i < sim->nr_cells; i++) {
		cl->cells[i].id = i;
		cl->cells[i].timer.fire = on_timer;
		cl->cells[i].timer.arg = &cl->cells[i];
	}
	return 0;
}

static void class_end(struct sim *sim)
{
	struct class *cl = class_of(sim);

	if (cl->state)
		munmap(cl->state, sizeof(*cl->state));
	free(cl->cells);
	free(cl->by_vi);
}

/* NOLINTBEGIN(bugprone-macro-parentheses) */
#define CLASS(id, says, sentence, bits)			\
const struct sched_ops id = {				\
	.name = says,					\
	.what = sentence,				\
	.flags = (bits) | SCHED_PROPS, .lag = VG_LAG,	\
	.state = sizeof(struct class),			\
	.vcpu = sizeof(struct class_vcpu),		\
	.pcpu = sizeof(struct class_pcpu),		\
	.begin = class_begin,				\
	.end = class_end,				\
	.join = class_join,				\
	.leave = class_leave,				\
	.wake = class_wake,				\
	.schedule = class_schedule,			\
	.steal = class_steal,				\
	.idle = class_idle,				\
	.tick = class_tick,				\
	.yield_to = class_yield,			\
	.spun = class_spins,				\
	.lost = class_lost,				\
	.held = class_held,				\
	.kept = class_kept, .forced = class_forced,	\
	.cell = class_cell_of,				\
}
/* NOLINTEND(bugprone-macro-parentheses) */

CLASS(sched_off, "off", "vmgang's class, every VM's vCPUs independent",
      SCHED_ALL_OFF | SCHED_PRESET);
CLASS(sched_preempt, "preempt", "vmgang's class, every VM independent, spinners preempted",
      SCHED_ALL_OFF | SCHED_ALL_PREEMPT);
CLASS(sched_guard, "guard", "vmgang's class, every VM independent, guarded in its kernel",
      SCHED_ALL_OFF | SCHED_ALL_GUARD);
CLASS(sched_gang, "gang", "vmgang's class, every VM a gang", SCHED_ALL_GANG | SCHED_PRESET);
CLASS(sched_adaptive, "adaptive", "vmgang's class, every VM a gang while that is seen to help",
      SCHED_ALL_ADAPTIVE);
CLASS(sched_relaxed, "relaxed", "vmgang's class, every VM's vCPUs at most skew_us apart",
      SCHED_ALL_RELAXED);
CLASS(sched_class, "class", "vmgang's class, as each VM's cosched says", SCHED_PRESET);
