// SPDX-License-Identifier: GPL-2.0-only
/* The engine: time passes, pCPUs call the scheduler, vCPUs make progress. */

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "host.h"
#include "props.h"
#include "sched.h"
#include "trace.h"

static void set_state(struct sim *sim, struct vcpu *v, enum vcpu_state state)
{
	struct vm *vm = v->vm;

	stats_vcpu(sim, v);
	stats_vm(sim, vm);
	vm->nr_running -= v->state == VCPU_RUNNING;
	vm->nr_wanting -= v->state == VCPU_RUNNING || v->state == VCPU_READY;
	if (v->state == VCPU_READY && sim->now - v->waiting > v->stats.longest)
		v->stats.longest = sim->now - v->waiting;
	v->state = state;
	vm->nr_running += state == VCPU_RUNNING;
	vm->nr_wanting += state == VCPU_RUNNING || state == VCPU_READY;
	if (state == VCPU_READY) {
		v->waiting = sim->now;
		host_costop(sim, v, v->stops);
	} else if (v->costop) {
		v->costop = false;
		trace_hold(sim, v);
	}
	v->stops = false;
}

void host_account(struct sim *sim, struct vcpu *v)
{
	u64 dt, pay;

	if (v->state != VCPU_RUNNING)
		return;
	dt = sim->now - v->from;
	v->from = sim->now;
	pay = dt < v->debt ? dt : v->debt;
	v->debt -= pay;
	v->stats.overhead += pay;
	if (dt > pay)
		guest_progress(sim, v, dt - pay);
}

void host_rearm(struct sim *sim, struct vcpu *v)
{
	u64 until;

	if (v->state != VCPU_RUNNING || !v->wants) {
		event_cancel(&sim->queue, &v->progress);
		return;
	}
	until = guest_until(sim, v);
	if (until == NEVER)
		event_cancel(&sim->queue, &v->progress);
	else
		event_set(&sim->queue, &v->progress, sim->now + v->debt + until);
}

static void on_progress(struct sim *sim, void *arg)
{
	struct vcpu *v = arg;

	sim->here = vcpu_pcpu(sim, v);
	host_account(sim, v);
	guest_event(sim, v);
	host_rearm(sim, v);
}

void host_resched(struct sim *sim, struct pcpu *p)
{
	u64 at = sim->now;

	if (p != sim->here) {
		at += sim->cost->ipi_ns + (p->idle ? sim->cost->idle_exit_ns : 0);
		sim->stats.ipis++;
	}
	if (!event_is_set(&p->resched) || at < p->resched.at)
		event_set(&sim->queue, &p->resched, at);
}

void host_costop(struct sim *sim, struct vcpu *v, bool held)
{
	if (v->state == VCPU_RUNNING)
		v->stops = held;
	if (v->state != VCPU_READY || v->costop == held)
		return;
	stats_vcpu(sim, v);
	v->costop = held;
	if (held)
		v->held = sim->now;
	trace_hold(sim, v);
}

void host_halt(struct sim *sim, struct vcpu *v, u64 until)
{
	if (until != NEVER)
		event_set(&sim->queue, &v->timer, until > sim->now ? until : sim->now + 1);
	else
		event_cancel(&sim->queue, &v->timer);
	if (v->state == VCPU_RUNNING) {
		v->wants = false;
		event_cancel(&sim->queue, &v->progress);
		event_set(&sim->queue, &vcpu_pcpu(sim, v)->resched, sim->now);
		return;
	}
	/* An interrupt for nothing. */
	v->wants = false;
}

void host_interrupt(struct sim *sim, struct vcpu *v)
{
	u64 at = sim->now + sim->cost->ipi_ns;

	if (!event_is_set(&v->timer) || at < v->timer.at)
		event_set(&sim->queue, &v->timer, at);
}

static void on_timer(struct sim *sim, void *arg)
{
	struct vcpu *v = arg;

	if (v->state == VCPU_ABSENT || v->leaving)
		return;
	sim->here = NULL;
	if (v->state == VCPU_RUNNING) {
		if (v->wants)
			return;
		/* It halted at this very moment and has not left the pCPU. */
		host_account(sim, v);
		v->wants = true;
		guest_next(sim, v);
		host_rearm(sim, v);
		return;
	}
	if (v->state != VCPU_HALTED)
		return;
	v->wants = true;
	guest_next(sim, v);
	if (!v->wants)
		return;
	v->debt = sim->cost->exit_ns;
	set_state(sim, v, VCPU_READY);
	sim->ops->wake(sim, v);
}

u64 host_next_tick(struct sim *sim, u32 pcpu)
{
	u64 hz = sim->cost->hz_ns, phase;

	if (pcpu == NO_PCPU)
		pcpu = 0;
	phase = hz * pcpu / sim->nr_pcpus * sim->cost->tick_skew_percent / 100;
	return sim->now < phase ? phase : phase + ((sim->now - phase) / hz + 1) * hz;
}

static void on_tick(struct sim *sim, void *arg)
{
	struct pcpu *p = arg;

	sim->here = p;
	if (p->idle)
		return;		/* and set again when it is busy */
	event_set(&sim->queue, &p->tick, sim->now + sim->cost->hz_ns);
	if (!p->cur)
		return;
	host_account(sim, p->cur);
	p->cur->debt += sim->cost->tick_ns;
	sim->ops->tick(sim, p);
	host_rearm(sim, p->cur);
}

static void set_idle(struct sim *sim, struct pcpu *p, bool idle)
{
	if (p->idle == idle)
		return;
	stats_pcpu(sim, p);
	p->idle = idle;
	p->idle_since = sim->now;
	if (!idle)
		event_set(&sim->queue, &p->tick, host_next_tick(sim, p->id));
	if (sim->ops->idle)
		sim->ops->idle(sim, p, idle);
}

/* What it costs @v to begin on @p. */
static u64 switch_cost(struct sim *sim, struct pcpu *p, struct vcpu *v)
{
	struct pcpu *was = vcpu_pcpu(sim, v);
	const struct costs *c = sim->cost;

	if (was && was->node != p->node)
		return c->switch_ns + c->refill_node_ns;
	if (was && was->cell != p->cell)
		return c->switch_ns + c->refill_llc_ns;
	if (was != p || p->last != v)
		return c->switch_ns + c->refill_ns;
	return c->switch_ns;
}

static void switch_out(struct sim *sim, struct pcpu *p, struct vcpu *v)
{
	event_cancel(&sim->queue, &v->progress);
	if (v->wants) {
		v->stats.preempted++;
		v->stats.in_kernel += guest_in_kernel(v);
		v->stats.holding += v->g.holds;
	}
	p->cur = NULL;
	set_state(sim, v, v->wants ? VCPU_READY : VCPU_HALTED);
	v->lost = v->wants && !v->yields && guest_in_kernel(v);
	v->starts = v->vm->nr_running ? NEVER : v->vm->starts;
	v->yields = false;
	props_stop(sim, v);
}

static void switch_in(struct sim *sim, struct pcpu *p, struct vcpu *v)
{
	struct pcpu *was = vcpu_pcpu(sim, v);

	if (props_start(sim, p, v))
		return;
	set_state(sim, v, VCPU_RUNNING);
	v->stats.switches++;
	v->stats.moves += was && was != p;
	v->stats.moves_far += was && was->cell != p->cell;
	v->debt = switch_cost(sim, p, v);
	v->from = sim->now;
	v->pcpu = p->id;
	p->cur = v;
	p->last = v;
	v->exits = 0;
	if (v->lost && v->starts != v->vm->starts) {
		trace_vcpu(sim, v, "vcpu_lhp");
		if (sim->ops->lost)
			sim->ops->lost(sim, v);
	}
	v->lost = false;
	v->vm->starts++;
	guest_switch_in(sim, v);
	host_rearm(sim, v);
}

static void vcpu_gone(struct sim *sim, struct vcpu *v)
{
	sim->ops->leave(sim, v);
	set_state(sim, v, VCPU_ABSENT);
	v->leaving = false;
	props_leave(sim, v);
}

static void on_resched(struct sim *sim, void *arg)
{
	struct pcpu *p = arg;
	struct vcpu *prev = p->cur, *next = NULL;

	sim->here = p;
	if (prev)
		host_account(sim, prev);
	if (p->stolen) {
		if (prev || !p->idle)
			sim->ops->steal(sim, p, prev);
	} else {
		next = sim->ops->schedule(sim, p, prev);
	}
	if (prev && next == prev && prev->wants) {
		prev->yields = false;
		host_rearm(sim, prev);
		return;
	}
	if (prev) {
		switch_out(sim, p, prev);
		if (prev->leaving)
			vcpu_gone(sim, prev);
	}
	if (next) {
		set_idle(sim, p, false);
		switch_in(sim, p, next);
	} else if (!p->stolen) {
		set_idle(sim, p, true);
	}
	p->switched = sim->now;
	trace_switch(sim, p, prev, next);
}

/* A thread of the host comes, or goes again. */
static void on_host(struct sim *sim, void *arg)
{
	struct pcpu *p = arg;

	sim->here = p;
	stats_pcpu(sim, p);
	if (p->stolen) {
		p->stolen = false;
		event_set(&sim->queue, &p->host,
			  sim->now + rng_exp(&p->rng, sim->sc->host_every));
	} else {
		set_idle(sim, p, false);
		p->stolen = true;
		event_set(&sim->queue, &p->host, sim->now + rng_exp(&p->rng, sim->sc->host_for));
	}
	event_set(&sim->queue, &p->resched, sim->now);
}

/* KVM's search for a sibling that a spinning vCPU might wait for. */
void host_yield_to(struct sim *sim, struct vcpu *from)
{
	struct vm *vm = from->vm;
	u32 i, tries = 3;

	if (!sim->ops->yield_to)
		return;
	for (i = 1; i <= vm->nr_vcpus && tries; i++) {
		u32 at = (vm->g.boost + i) % vm->nr_vcpus;
		struct vcpu *to = &vm->vcpus[at];

		if (to == from || to->state != VCPU_READY)
			continue;
		if (from->g.kernel && !guest_in_kernel(to))
			continue;
		if (to->g.act == ACT_SPIN && to->g.looped) {
			to->g.eligible = !to->g.eligible;
			if (to->g.eligible)
				continue;
		}
		if (sim->ops->yield_to(sim, from, to)) {
			vm->g.boost = at;
			from->stats.yields++;
			from->yields = true;
			event_set(&sim->queue, &vcpu_pcpu(sim, from)->resched, sim->now);
			return;
		}
		tries--;
	}
}

/* A vCPU comes into being, or ceases to be. */
static void on_life(struct sim *sim, void *arg)
{
	struct vcpu *v = arg;

	sim->here = NULL;
	if (v->state == VCPU_ABSENT) {
		v->since = sim->now;
		set_state(sim, v, VCPU_HALTED);
		sim->ops->join(sim, v);
		trace_vcpu(sim, v, "vcpu_add");
		if (v->vm->conf->depart)
			event_set(&sim->queue, &v->life, v->vm->conf->depart);
		v->g.act = ACT_HALT;
		event_set(&sim->queue, &v->timer, sim->now + rng_below(&v->rng, MS));
		return;
	}
	event_cancel(&sim->queue, &v->timer);
	host_account(sim, v);
	v->leaving = true;
	guest_leave(sim, v);
	v->g.act = ACT_NONE;
	v->wants = false;
	if (v->state == VCPU_RUNNING)
		host_resched(sim, vcpu_pcpu(sim, v));
	else
		vcpu_gone(sim, v);
}

static void on_warm(struct sim *sim, void *arg)
{
	(void)arg;
	stats_settle(sim);
	stats_reset(sim);
	sim->warm_at = sim->now;
}

static void *some(size_t n, size_t size)
{
	void *p = calloc(n ? n : 1, size ? size : 1);

	if (!p) {
		perror("sim");
		exit(1);
	}
	return p;
}

static void event_for(struct event *e, void (*fire)(struct sim *, void *), void *arg)
{
	e->fire = fire;
	e->arg = arg;
}

static void host_begin(struct sim *sim)
{
	const struct scenario *sc = sim->sc;
	u32 i;

	sim->nr_pcpus = (u32)sc->pcpus;
	sim->nr_cells = (u32)((sc->pcpus + sc->cell - 1) / sc->cell);
	sim->pcpus = some(sim->nr_pcpus, sizeof(struct pcpu));
	for (i = 0; i < sim->nr_pcpus; i++) {
		struct pcpu *p = &sim->pcpus[i];

		p->id = i;
		p->cell = i / (u32)sc->cell;
		p->node = i / (u32)sc->node;
		p->core = i - i % (u32)sc->threads;
		p->idle = true;
		p->rng.s = sc->seed * 0x10001 + i;
		p->priv = some(1, sim->ops->pcpu);
		event_for(&p->resched, on_resched, p);
		event_for(&p->tick, on_tick, p);
		event_for(&p->host, on_host, p);
		if (sc->host_every)
			event_set(&sim->queue, &p->host, rng_exp(&p->rng, sc->host_every));
	}
}

static void vcpu_begin(struct sim *sim, struct vm *vm, struct vcpu *v, u32 index)
{
	const struct vm_conf *conf = vm->conf;
	u32 i, n = 0;

	v->vm = vm;
	v->index = index;
	v->id = (u32)(v - sim->vcpus);
	v->pcpu = NO_PCPU;
	v->rng.s = sim->sc->seed * 0x100000001b3ULL + ((u64)vm->id << 20) + index + 77;
	v->priv = some(1, sim->ops->vcpu);
	for (i = 0; i < sim->nr_pcpus; i++) {
		if (conf->pin != PIN_NONE && !cpuset_has(&conf->pins, i))
			continue;
		if (conf->pin != PIN_EACH || n++ == index)
			cpuset_add(&v->mask, i);
	}
	event_for(&v->progress, on_progress, v);
	event_for(&v->timer, on_timer, v);
	event_for(&v->life, on_life, v);
	event_set(&sim->queue, &v->life, conf->arrive);
}

static void vms_begin(struct sim *sim)
{
	const struct scenario *sc = sim->sc;
	struct vcpu *v;
	u32 i, g, n;
	u64 k;

	for (g = 0; g < sc->nr_vms; g++)
		sim->nr_vms += sc->vms[g].count;
	sim->nr_vcpus = (u32)scenario_nr_vcpus(sc);
	sim->vms = some(sim->nr_vms, sizeof(struct vm));
	sim->vcpus = some(sim->nr_vcpus, sizeof(struct vcpu));
	v = sim->vcpus;
	for (g = 0, n = 0; g < sc->nr_vms; g++) {
		for (k = 0; k < sc->vms[g].count; k++, n++) {
			struct vm *vm = &sim->vms[n];

			vm->conf = &sc->vms[g];
			vm->id = n;
			vm->group = g;
			vm->nr_vcpus = (u32)vm->conf->vcpus;
			vm->threads = vm_conf_threads(vm->conf);
			vm->vcpus = v;
			vm->rng.s = sc->seed ^ ((u64)n << 32);
			vm->priv = some(1, sim->ops->vm);
			guest_begin(sim, vm);
			for (i = 0; i < vm->nr_vcpus; i++)
				vcpu_begin(sim, vm, v++, i);
		}
	}
}

struct sim *sim_new(const struct scenario *sc, const struct sched_ops *ops)
{
	struct sim *sim = some(1, sizeof(*sim));

	sim->sc = sc;
	sim->cost = &sc->costs;
	sim->ops = ops;
	sim->end = sc->seconds;
	sim->priv = some(1, ops->state);
	host_begin(sim);
	vms_begin(sim);
	event_for(&sim->warm, on_warm, NULL);
	event_set(&sim->queue, &sim->warm, sc->warmup);
	if (ops->begin(sim)) {
		sim_free(sim);
		return NULL;
	}
	return sim;
}

void sim_run(struct sim *sim)
{
	u64 said = 0;

	for (;;) {
		struct event *e = event_pop(&sim->queue);

		if (!e || e->at > sim->end || sim->failed)
			break;
		sim->now = e->at;
		sim->stats.events++;
		e->fire(sim, e->arg);
		if (sim->progress && sim->now - said >= sim->end / 20) {
			said = sim->now;
			fprintf(stderr, "\r%s %s: %" PRIu64 " %% ", sim->sc->name, sim->ops->name,
				sim->now * 100 / sim->end);
		}
	}
	if (sim->progress)
		fputs("\r\033[K", stderr);
	if (!sim->failed) {
		sim->now = sim->end;
		stats_settle(sim);
		props_end(sim);
	}
}

void sim_free(struct sim *sim)
{
	u32 i;

	if (sim->ops->end)
		sim->ops->end(sim);
	for (i = 0; i < sim->nr_vms; i++) {
		guest_end(&sim->vms[i]);
		free(sim->vms[i].priv);
	}
	for (i = 0; i < sim->nr_vcpus; i++)
		free(sim->vcpus[i].priv);
	for (i = 0; i < sim->nr_pcpus; i++)
		free(sim->pcpus[i].priv);
	event_free(&sim->queue);
	props_free(sim);
	free(sim->vcpus);
	free(sim->vms);
	free(sim->pcpus);
	free(sim->priv);
	free(sim);
}
