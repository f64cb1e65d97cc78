// SPDX-License-Identifier: GPL-2.0-only
/* The models of guests. */

#include <stdlib.h>

#include "host.h"
#include "sched.h"

/* A busy guest's own ticks take their part of all that it does. */
static u64 with_ticks(struct sim *sim, struct vcpu *v, u64 ns)
{
	return ns + ns / 1000 * (v->vm->conf->hz * sim->cost->guest_tick_ns / 1000) / 1000;
}

static void work(struct sim *sim, struct vcpu *v, u64 ns, bool kernel)
{
	v->g.act = ACT_WORK;
	v->g.left = with_ticks(sim, v, ns ? ns : 1);
	v->g.kernel = kernel;
}

static void work_some(struct sim *sim, struct vcpu *v, u64 ns)
{
	const struct vm_conf *conf = v->vm->conf;

	work(sim, v, rng_jitter(&v->rng, ns, (u32)conf->jitter),
	     rng_percent(&v->rng, (u32)conf->kernel));
}

static void spin(struct vcpu *v, u64 limit, bool kernel)
{
	v->g.act = ACT_SPIN;
	v->g.left = limit ? limit : NEVER;
	v->g.kernel = kernel;
	v->g.polls = false;
	v->g.looped = false;
}

static void halt(struct sim *sim, struct vcpu *v, u64 until)
{
	v->g.act = ACT_HALT;
	host_halt(sim, v, until);
}

/* What @v waited for has come, whatever it does meanwhile. */
static void go_on(struct sim *sim, struct vcpu *v)
{
	if (v->g.act == ACT_HALT) {
		host_interrupt(sim, v);
		return;
	}
	if (v->state == VCPU_READY) {
		/* It sees that as soon as it has a pCPU. */
		v->g.act = ACT_WORK;
		v->g.left = 1;
		return;
	}
	host_account(sim, v);
	guest_next(sim, v);
	host_rearm(sim, v);
}

static void compute_next(struct sim *sim, struct vcpu *v)
{
	if (v->g.step++)
		v->vm->stats.units++;
	work_some(sim, v, v->vm->conf->work);
}

/* Steps of a vCPU with a lock. */
enum { THINK, ACQUIRE, WAIT, HOLD };

static void lock_take(struct sim *sim, struct vcpu *v, u64 handoff)
{
	struct guest_vm *g = &v->vm->g;

	g->holder = v;
	v->g.holds = true;
	v->g.waits = false;
	v->g.step = HOLD;
	work(sim, v, handoff + rng_jitter(&v->rng, v->vm->conf->hold, (u32)v->vm->conf->jitter),
	     true);
}

static void lock_unqueue(struct guest_vm *g, struct vcpu *v)
{
	struct vcpu **at = &g->head, *last = NULL;

	while (*at && *at != v) {
		last = *at;
		at = &(*at)->g.next;
	}
	if (!*at)
		return;
	*at = v->g.next;
	if (g->tail == v)
		g->tail = last;
	v->g.next = NULL;
	v->g.waits = false;
	g->nr_waiters--;
}

/*
 * Who is next. In order: the first, even if it is preempted. Unfair (what
 * Linux guests use without paravirtual locks): one of those that run.
 */
static struct vcpu *lock_heir(struct vm *vm)
{
	struct vcpu *v, *heir = NULL;
	u32 n = 0;

	if (vm->conf->order != ORDER_UNFAIR)
		return vm->g.head;
	for (v = vm->g.head; v; v = v->g.next)
		if (v->state == VCPU_RUNNING && !v->g.polls && !rng_below(&vm->rng, ++n))
			heir = v;
	return heir;
}

static void lock_release(struct sim *sim, struct vcpu *v)
{
	struct vm *vm = v->vm;
	struct vcpu *heir;
	u64 handoff = sim->cost->handoff_ns;

	vm->g.holder = NULL;
	v->g.holds = false;
	heir = lock_heir(vm);
	if (!heir)
		return;
	/* Each waiter fetches a ticket's line; of a queue only the heir. */
	if (vm->conf->order == ORDER_TICKET)
		handoff *= vm->g.nr_waiters;
	host_account(sim, heir);
	lock_unqueue(&vm->g, heir);
	lock_take(sim, heir, handoff);
	host_rearm(sim, heir);
}

static void lock_next(struct sim *sim, struct vcpu *v)
{
	struct guest_vm *g = &v->vm->g;

	if (v->g.step == HOLD) {
		v->vm->stats.units++;
		lock_release(sim, v);
		v->g.step = THINK;
	}
	if (v->g.step == THINK) {
		v->g.step = ACQUIRE;
		work_some(sim, v, v->vm->conf->think);
		return;
	}
	if (!g->holder && (!g->head || v->vm->conf->order == ORDER_UNFAIR)) {
		lock_unqueue(g, v);
		lock_take(sim, v, 0);
		return;
	}
	if (!v->g.waits) {
		v->g.waits = true;
		v->g.next = NULL;
		if (g->tail)
			g->tail->g.next = v;
		else
			g->head = v;
		g->tail = v;
		g->nr_waiters++;
	}
	v->g.step = WAIT;
	spin(v, 0, true);
}

static void barrier_release(struct sim *sim, struct vm *vm, struct vcpu *but)
{
	u64 wakes = 0;
	u32 i;

	vm->g.at_barrier = 0;
	for (i = 0; i < vm->nr_vcpus; i++) {
		struct vcpu *w = &vm->vcpus[i];

		if (!w->g.waits || w == but)
			continue;
		w->g.waits = false;
		w->g.step = 0;
		wakes += w->g.sleeps;
		go_on(sim, w);
	}
	/* The waker sends them one after the other. */
	but->debt += wakes * sim->cost->futex_wake_ns;
}

static u32 barrier_width(struct vm *vm)
{
	u32 i, n = 0;

	for (i = 0; i < vm->threads; i++)
		n += vm->vcpus[i].state != VCPU_ABSENT && !vm->vcpus[i].leaving;
	return n;
}

static void barrier_next(struct sim *sim, struct vcpu *v)
{
	const struct vm_conf *conf = v->vm->conf;

	if (v->g.waits) {
		/* The limit of its spinning is reached, or a stray interrupt. */
		halt(sim, v, NEVER);
		return;
	}
	if (v->g.step) {
		v->g.step = 0;
		if (++v->vm->g.at_barrier < barrier_width(v->vm)) {
			v->g.waits = true;
			spin(v, conf->spin_limit, rng_percent(&v->rng, (u32)conf->kernel));
			return;
		}
		v->vm->stats.units++;
		barrier_release(sim, v->vm, v);
	}
	v->g.step = 1;
	work_some(sim, v, conf->split ? conf->work / v->vm->threads : conf->work);
}

/* A thread of a parallel region: it sleeps when it has spun for long enough. */
static void omp_next(struct sim *sim, struct vcpu *v)
{
	const struct vm_conf *conf = v->vm->conf;
	u64 limit = sim->cost->spin_count * sim->cost->spin_iteration_ns;

	if (v->g.waits) {
		v->g.sleeps = true;
		halt(sim, v, NEVER);
		return;
	}
	if (v->g.sleeps)
		v->debt += sim->cost->futex_wait_ns;
	v->g.sleeps = false;
	if (v->g.step && v->vm->g.at_barrier + 1 < barrier_width(v->vm)) {
		v->g.step = 0;
		v->vm->g.at_barrier++;
		v->g.waits = true;
		if (conf->spin_limit)
			limit = conf->spin_limit;
		spin(v, limit ? limit : 1, false);
		return;
	}
	if (v->g.step) {
		v->vm->stats.units++;
		barrier_release(sim, v->vm, v);
	}
	v->g.step = 1;
	work_some(sim, v, conf->split ? conf->work / v->vm->threads : conf->work);
}

/* Steps of a producer and of a consumer. */
enum { PIPE_TRY, PIPE_WORK };

static void pipe_wake(struct sim *sim, struct vcpu *v)
{
	if (v->g.act == ACT_HALT)
		host_interrupt(sim, v);
}

static void pipe_next(struct sim *sim, struct vcpu *v)
{
	u32 *items = &v->vm->g.items[v->index / 2];
	bool producer = !(v->index & 1);
	struct vcpu *mate = producer ? v + 1 : v - 1;

	if (producer && v->index + 1 >= v->vm->threads) {
		halt(sim, v, NEVER);	/* the odd one out */
		return;
	}
	if (producer) {
		if (v->g.step == PIPE_WORK) {
			if (*items >= v->vm->conf->depth) {
				halt(sim, v, NEVER);
				return;
			}
			if (!(*items)++)
				pipe_wake(sim, mate);
		}
		v->g.step = PIPE_WORK;
	} else {
		if (v->g.step == PIPE_WORK)
			v->vm->stats.units++;
		v->g.step = PIPE_TRY;
		if (!*items) {
			halt(sim, v, NEVER);
			return;
		}
		if ((*items)-- == v->vm->conf->depth)
			pipe_wake(sim, mate);
		v->g.step = PIPE_WORK;
	}
	work_some(sim, v, v->vm->conf->work);
}

static void idle_next(struct sim *sim, struct vcpu *v)
{
	const struct vm_conf *conf = v->vm->conf;

	if (v->g.step) {
		v->g.step = 0;
		v->g.act = ACT_WORK;
		v->g.left = conf->tick;
		v->g.kernel = true;
		return;
	}
	if (v->index < v->vm->threads)
		v->vm->stats.units++;
	v->g.step = 1;
	halt(sim, v, conf->hz ? sim->now + rng_jitter(&v->rng, SEC / conf->hz, 1) : NEVER);
}

static void io_next(struct sim *sim, struct vcpu *v)
{
	if (v->g.step) {
		hist_add(&v->vm->stats.latency, sim->now - v->g.due);
		v->vm->stats.units++;
		v->g.step = 0;
		v->g.due += rng_exp(&v->rng, v->vm->conf->think);
	}
	if (!v->g.due)
		v->g.due = sim->now + rng_exp(&v->rng, v->vm->conf->think);
	if (v->g.due > sim->now) {
		halt(sim, v, v->g.due);
		return;
	}
	v->g.step = 1;
	work_some(sim, v, v->vm->conf->work);
}

/* Gone when the tick comes, back when it is over: sampling would see nothing. */
static void dodge_next(struct sim *sim, struct vcpu *v)
{
	u64 tick = host_next_tick(sim, v->pcpu), margin = 100 * US;

	if (v->g.step) {
		v->g.step = 0;
		v->vm->stats.units++;
		halt(sim, v, tick + margin);
		return;
	}
	v->g.step = 1;
	v->g.act = ACT_WORK;
	v->g.kernel = false;
	v->g.left = tick - sim->now > 2 * margin ? tick - sim->now - margin : margin;
}

static void storm_next(struct sim *sim, struct vcpu *v)
{
	(void)sim;
	spin(v, 0, true);
}

static void (*const models[NR_MODELS])(struct sim *sim, struct vcpu *v) = {
	[MODEL_COMPUTE] = compute_next,
	[MODEL_LOCK] = lock_next,
	[MODEL_BARRIER] = barrier_next,
	[MODEL_PIPE] = pipe_next,
	[MODEL_IDLE] = idle_next,
	[MODEL_IO] = io_next,
	[MODEL_DODGE] = dodge_next,
	[MODEL_STORM] = storm_next,
	[MODEL_OMP] = omp_next,
};

void guest_next(struct sim *sim, struct vcpu *v)
{
	if (v->index >= v->vm->threads)
		idle_next(sim, v);
	else
		models[v->vm->g.model](sim, v);
}

/*
 * The VM turns to its other model. Whoever works, works on until it is done;
 * whoever waits for others is let go.
 */
static void on_phase(struct sim *sim, void *arg)
{
	struct vm *vm = arg;
	struct guest_vm *g = &vm->g;
	u32 i;

	g->model = (u32)(g->model == vm->conf->model ? vm->conf->next : vm->conf->model);
	g->at_barrier = 0;
	g->holder = NULL;
	g->head = NULL;
	g->tail = NULL;
	g->nr_waiters = 0;
	for (i = 0; i < vm->threads; i++) {
		struct vcpu *v = &vm->vcpus[i];
		bool waits = v->g.waits || v->g.act == ACT_SPIN || v->g.act == ACT_HALT;

		g->items[i / 2] = 0;
		v->g.waits = false;
		v->g.holds = false;
		v->g.next = NULL;
		v->g.step = 0;
		v->g.due = 0;
		if (v->state != VCPU_ABSENT && waits)
			go_on(sim, v);
	}
	event_set(&sim->queue, &vm->phase, sim->now + vm->conf->phase);
}

void guest_begin(struct sim *sim, struct vm *vm)
{
	vm->g.model = (u32)vm->conf->model;
	vm->g.items = calloc(vm->nr_vcpus / 2 + 1, sizeof(u32));
	if (!vm->g.items) {
		perror("sim");
		exit(1);
	}
	if (vm->conf->phase) {
		vm->phase.fire = on_phase;
		vm->phase.arg = vm;
		event_set(&sim->queue, &vm->phase, vm->conf->arrive + vm->conf->phase);
	}
}

void guest_end(struct vm *vm)
{
	free(vm->g.items);
}

void guest_leave(struct sim *sim, struct vcpu *v)
{
	struct vm *vm = v->vm;

	if (vm->g.holder == v)
		lock_release(sim, v);
	if (vm->g.head)
		lock_unqueue(&vm->g, v);
	if (v->g.waits && vm->g.at_barrier)
		vm->g.at_barrier--;
	v->g.waits = false;
	if (vm->g.at_barrier && vm->g.at_barrier >= barrier_width(vm))
		barrier_release(sim, vm, v);
}

static bool exits_on_pause(struct sim *sim, struct vcpu *v)
{
	if (sim->sc->ple == PLE_NONE || (sim->ops->flags & SCHED_NO_PLE))
		return false;
	return sim->sc->ple == PLE_AMD || v->g.kernel;
}

void guest_switch_in(struct sim *sim, struct vcpu *v)
{
	v->g.ple_window = sim->sc->ple == PLE_AMD ? sim->cost->ple_amd_ns : sim->cost->ple_intel_ns;
	v->g.ple_left = v->g.ple_window;
	v->g.polls = v->g.act == ACT_SPIN && v->vm->conf->order == ORDER_UNFAIR && v->g.waits &&
		     v->g.step == WAIT;
}

u64 guest_until(struct sim *sim, struct vcpu *v)
{
	u64 left = v->g.left;

	if (v->g.act != ACT_SPIN)
		return v->g.act == ACT_WORK ? left : NEVER;
	if (v->g.polls)
		return 0;
	if (exits_on_pause(sim, v) && v->g.ple_left < left)
		left = v->g.ple_left;
	return left;
}

void guest_progress(struct sim *sim, struct vcpu *v, u64 ns)
{
	struct guest_vcpu *g = &v->g;

	(void)sim;
	if (g->act == ACT_WORK) {
		v->stats.work += ns;
		g->left -= ns < g->left ? ns : g->left;
	} else if (g->act == ACT_SPIN) {
		v->stats.spun += ns;
		if (g->left != NEVER)
			g->left -= ns < g->left ? ns : g->left;
		g->ple_left -= ns < g->ple_left ? ns : g->ple_left;
	}
}

static void pause_exit(struct sim *sim, struct vcpu *v)
{
	u64 window = v->g.ple_window * 2;

	if (sim->sc->ple == PLE_AMD && window > sim->cost->ple_amd_max_ns)
		window = sim->cost->ple_amd_max_ns;
	if (window > SEC)
		window = SEC;
	v->g.ple_window = window;
	v->g.ple_left = window;
	v->g.looped = true;
	v->g.eligible = false;
	v->debt += sim->cost->exit_ns;
	v->stats.ple_exits++;
	v->exits++;
	if (sim->ops->spun && sim->ops->spun(sim, v, v->exits))
		event_set(&sim->queue, &vcpu_pcpu(sim, v)->resched, sim->now);
	host_yield_to(sim, v);
}

void guest_event(struct sim *sim, struct vcpu *v)
{
	struct guest_vcpu *g = &v->g;

	if (g->act == ACT_SPIN && g->polls) {
		g->polls = false;
		if (!v->vm->g.holder)
			guest_next(sim, v);
	} else if (g->act == ACT_SPIN && g->left) {
		if (!g->ple_left)
			pause_exit(sim, v);
	} else if (!g->left) {
		guest_next(sim, v);
	}
}

bool guest_in_kernel(struct vcpu *v)
{
	return v->g.kernel;
}

u64 guest_hint(struct vcpu *v)
{
	bool held = v->g.holds || (v->g.act == ACT_SPIN && v->g.kernel);

	return held || v->vm->conf->lies ? v->vm->conf->hint : 0;
}
