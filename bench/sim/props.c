// SPDX-License-Identifier: GPL-2.0-only
/*
 * The properties and their bounds.
 *
 * A turn is the longest stint: the slice, and two ticks, because stints end on
 * ticks and a fresh one may begin anywhere between two.
 */

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "props.h"
#include "sched.h"

#define AUDIT		MS		/* give or take half of it: not in step with ticks */

/* An IPI out of the idle loop and a switch, ten times over. */
#define COSTART_BOUND	(100 * US)

/* A tick finds what an IPI did not. */
#define IDLE_BOUND	(5 * MS)

struct watch {
	u64 held_at;		/* when it was last seen held by a cap */
	u64 led_at;		/* … by relaxed siblings that it is ahead of */
	u64 costart;		/* its gang started then; 0: no matter */
	u64 bound;		/* of its waits */
};

struct props {
	struct event audit;
	struct watch *watch;
	struct cells_watch cells;
	struct strict_watch strict;
	struct relaxed_watch relaxed;
	struct rng rng;
	u64 guard;		/* the longest of all VMs' */
	enum prop failed;
	char what[200];
};

static const char *const names[NR_PROPS] = {
	[PROP_ENGINE] = "engine",
	[PROP_ONE_PCPU] = "one-pcpu",
	[PROP_ONE_VCPU] = "one-vcpu",
	[PROP_RUNNABLE] = "runnable",
	[PROP_AFFINITY] = "affinity",
	[PROP_COSTART] = "co-start",
	[PROP_CONSERVING] = "conserving",
	[PROP_WAITING] = "waiting",
	[PROP_FAIR] = "fair",
	[PROP_CAP] = "cap",
	[PROP_RESERVE] = "reserve",
	[PROP_MALICE] = "malice",
	[PROP_TOGETHER] = "together",
	[PROP_FORCED] = "forced",
	[PROP_IDLE_CELL] = "idle-cell",
	[PROP_SKEW] = "skew",
};

const char *props_name(enum prop prop)
{
	return prop < NR_PROPS ? names[prop] : "none";
}

void props_fail(struct sim *sim, enum prop prop, const struct vcpu *v, const char *what, ...)
{
	char text[120];
	va_list ap;

	if (sim->failed)
		return;
	sim->failed = true;
	va_start(ap, what);
	/* NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized) */
	vsnprintf(text, sizeof(text), what, ap);
	va_end(ap);
	if (!sim->props) {
		fprintf(stderr, "sim: %s: %s: %s\n", sim->sc->name, names[prop], text);
		return;
	}
	sim->props->failed = prop;
	snprintf(sim->props->what, sizeof(sim->props->what), "%s.%u/%u at %.3f ms: %s",
		 v->vm->conf->name, v->vm->id, v->index, (double)sim->now / (double)MS, text);
}

enum prop props_failed(const struct sim *sim, const char **what)
{
	*what = sim->props ? sim->props->what : "";
	return sim->props ? sim->props->failed : NR_PROPS;
}

static double ms(u64 ns)
{
	return (double)ns / (double)MS;
}

static u64 longest_guard(const struct sim *sim)
{
	u64 guard = 0;
	u32 i;

	for (i = 0; i < sim->nr_vms; i++) {
		const struct vm_conf *conf = sim->vms[i].conf;

		if (conf->guard && conf->guard_for > guard)
			guard = conf->guard_for;
	}
	return guard;
}

u64 props_guard(const struct sim *sim)
{
	return sim->props->guard;
}

/* A guard makes its own VM's turns longer, and lets others begin theirs late. */
static u64 turn(const struct sim *sim, const struct vm_conf *conf)
{
	return conf->slice + 2 * sim->cost->hz_ns + props_guard(sim);
}

bool props_hungry(const struct vm_conf *conf)
{
	if (conf->phase || conf->quota || conf->reserve_slice || conf->arrive || conf->depart ||
	    vm_conf_threads(conf) < conf->vcpus)
		return false;
	if (conf->model == MODEL_COMPUTE)
		return true;
	/* What it spins away goes to others. */
	if (conf->spin == SPIN_PREEMPT)
		return false;
	return conf->model == MODEL_STORM || conf->model == MODEL_LOCK ||
	       (conf->model == MODEL_BARRIER && !conf->spin_limit);
}

bool props_gang(const struct sim *sim, const struct vm_conf *conf)
{
	if (conf->reserve_slice)
		return false;
	if (sim->ops->flags & (SCHED_ALL_OFF | SCHED_ALL_GANG))
		return sim->ops->flags & SCHED_ALL_GANG;
	return conf->cosched == COSCHED_GANG || conf->cosched == COSCHED_STRICT;
}

/*
 * How long a vCPU may wait. While its VM is charged one turn, the others get
 * theirs in proportion to their weights; siblings take turns at that; and all
 * that is in front of it may run once, because order among equals is not kept.
 * Twice that, as pCPUs come free at their own times. A VM that has slept may come
 * back with the time saved up that the scheduler lets it make up for.
 *
 * Where affinity keeps a vCPU from the pCPUs that its VM's share is spent on,
 * virtual time, which is the VM's, says nothing about it; then what holds is
 * the policy's last resort: who has waited for 3 s is looked for once a second
 * and goes first, one VM each time.
 */
static u64 wait_bound(const struct sim *sim, const struct vcpu *v)
{
	const struct vm_conf *conf = v->vm->conf;
	u64 weights = 0, ahead = 0, saved = 0, bound;
	bool pinned = false;
	u32 i;

	for (i = 0; i < sim->nr_vms; i++) {
		const struct vm_conf *c = sim->vms[i].conf;

		pinned |= c->pin != PIN_NONE;
		weights += c->weight;
		ahead += turn(sim, c) * c->vcpus;
		if (!props_hungry(c))
			saved += sim->ops->lag * c->weight / 100;
	}
	bound = 2 * (turn(sim, conf) * conf->vcpus * (weights / conf->weight + 1) + ahead) +
		saved;
	if (pinned && bound < 3 * SEC + sim->nr_vms * SEC + ahead)
		bound = 3 * SEC + sim->nr_vms * SEC + ahead;
	return bound * props_squeeze(sim);
}

u64 props_waits(const struct sim *sim, const struct vcpu *v)
{
	u64 held_at = sim->props->watch[v->id].held_at;

	return held_at > v->waiting ? held_at : v->waiting;
}

/*
 * A member may have to wait for a guarded vCPU of another VM: that keeps its pCPU
 * for its bound, and is looked at then.
 */
static void check_costart(struct sim *sim, struct vcpu *v, const char *what)
{
	struct watch *w = &sim->props->watch[v->id];
	u64 bound = COSTART_BOUND + props_guard(sim);

	if (w->costart && sim->now - w->costart > bound && !sim->sc->host_every)
		props_fail(sim, PROP_COSTART, v, "%s %.3f ms after its gang started, bound %.3f",
			   what, ms(sim->now - w->costart), ms(bound));
	w->costart = 0;
}

bool props_start(struct sim *sim, struct pcpu *p, struct vcpu *v)
{
	struct watch *w = sim->props ? &sim->props->watch[v->id] : NULL;
	u64 from = v->waiting;

	if (v->state == VCPU_RUNNING)
		props_fail(sim, PROP_ONE_PCPU, v, "picked by pCPU %u while it runs on %u", p->id,
			   v->pcpu);
	else if (p->cur)
		props_fail(sim, PROP_ONE_VCPU, v, "picked by pCPU %u, which is taken", p->id);
	else if (v->state != VCPU_READY || !v->wants)
		props_fail(sim, PROP_RUNNABLE, v, "picked by pCPU %u, but not runnable", p->id);
	else if (!cpuset_has(&v->mask, p->id))
		props_fail(sim, PROP_AFFINITY, v, "picked by pCPU %u, which it may not use", p->id);
	if (!w || sim->failed)
		return sim->failed;
	check_costart(sim, v, "runs");
	if (w->held_at > from)
		from = w->held_at;
	if (sim->now - from > w->bound)
		props_fail(sim, PROP_WAITING, v, "waited %.3f ms, bound %.3f", ms(sim->now - from),
			   ms(w->bound));
	return sim->failed;
}

void props_stop(struct sim *sim, struct vcpu *v)
{
	if (sim->props)
		sim->props->watch[v->id].costart = 0;
}

void props_leave(struct sim *sim, struct vcpu *v)
{
	props_stop(sim, v);
}

void props_costart(struct sim *sim, struct vcpu *v)
{
	if (sim->props)
		sim->props->watch[v->id].costart = sim->now;
}

void props_costop(struct sim *sim, struct vcpu *v)
{
	if (sim->props && !sim->failed)
		check_costart(sim, v, "is co-stopped, still waiting,");
}

static bool could_run(struct sim *sim, const struct pcpu *p, struct vcpu *v)
{
	return cpuset_has(&v->mask, p->id) &&
	       (!sim->ops->cell || sim->ops->cell(sim, v) == p->cell);
}

static void audit_pcpu(struct sim *sim, struct pcpu *p)
{
	u64 kept = strict_kept(sim, &sim->props->strict, p);
	u32 i;

	if (!p->idle || p->stolen || sim->now - p->idle_since <= IDLE_BOUND ||
	    sim->now - kept <= IDLE_BOUND)
		return;
	for (i = 0; i < sim->nr_vcpus; i++) {
		struct vcpu *v = &sim->vcpus[i];
		u64 from = props_waits(sim, v);

		if (from < sim->props->watch[i].led_at)
			from = sim->props->watch[i].led_at;
		if (v->state != VCPU_READY || !could_run(sim, p, v) ||
		    v->vm->conf->cosched == COSCHED_STRICT)
			continue;
		if (sim->now - from > IDLE_BOUND) {
			props_fail(sim, PROP_CONSERVING, v,
				   "waits for %.3f ms, pCPU %u is idle for %.3f, bound %.3f",
				   ms(sim->now - from), p->id, ms(sim->now - p->idle_since),
				   ms(IDLE_BOUND));
			return;
		}
	}
}

static void on_audit(struct sim *sim, void *arg)
{
	struct props *pr = arg;
	u32 i;

	for (i = 0; i < sim->nr_vcpus; i++) {
		struct vcpu *v = &sim->vcpus[i];

		if (v->state == VCPU_READY && sim->ops->held && sim->ops->held(sim, v)) {
			pr->watch[i].held_at = sim->now;
			pr->watch[i].costart = 0;
		}
		if (v->costop && props_relaxes(sim, v->vm->conf))
			pr->watch[i].led_at = sim->now;
	}
	for (i = 0; i < sim->nr_pcpus && !sim->failed; i++)
		audit_pcpu(sim, &sim->pcpus[i]);
	cells_audit(sim, &pr->cells);
	strict_audit(sim, &pr->strict);
	relaxed_audit(sim, &pr->relaxed);
	event_set(&sim->queue, &pr->audit, sim->now + AUDIT / 2 + rng_below(&pr->rng, AUDIT));
}

void props_watch(struct sim *sim)
{
	struct props *pr = calloc(1, sizeof(*pr));
	u32 i;

	if (pr)
		pr->watch = calloc(sim->nr_vcpus, sizeof(*pr->watch));
	if (pr)
		pr->strict.kept_at = calloc(sim->nr_pcpus, sizeof(*pr->strict.kept_at));
	if (pr)
		pr->relaxed.progress = calloc(2 * sim->nr_vcpus, sizeof(u64));
	if (!pr || !pr->watch || !pr->strict.kept_at || !pr->relaxed.progress) {
		perror("sim");
		exit(1);
	}
	pr->relaxed.seen = pr->relaxed.progress + sim->nr_vcpus;
	sim->props = pr;
	pr->failed = NR_PROPS;
	pr->guard = longest_guard(sim);
	for (i = 0; i < sim->nr_vcpus; i++)
		pr->watch[i].bound = wait_bound(sim, &sim->vcpus[i]);
	pr->audit.fire = on_audit;
	pr->audit.arg = pr;
	event_set(&sim->queue, &pr->audit, AUDIT);
}

void props_free(struct sim *sim)
{
	if (!sim->props)
		return;
	free(sim->props->watch);
	free(sim->props->strict.kept_at);
	free(sim->props->relaxed.progress);
	free(sim->props);
}

u64 props_ran(const struct vm *vm)
{
	u64 sum = 0;
	u32 i;

	for (i = 0; i < vm->nr_vcpus; i++)
		sum += vm->vcpus[i].stats.run;
	return sum;
}

/* pCPUs that a VM can use at once: it lives in one cell. */
static double useful(const struct sim *sim, const struct vm_conf *conf)
{
	u64 cell = cells_width(sim);

	return (double)(conf->vcpus < cell ? conf->vcpus : cell);
}

/*
 * What hungry VM @at deserves of what the hungry ones got together: in
 * proportion to weight, but nobody more than his width has use for; and if the
 * host's own threads take a little of that from him, it is not the others' fault.
 */
double props_deserves(const struct sim *sim, u32 at, double span)
{
	double left = 0, weights;
	bool *full = calloc(sim->nr_vms, sizeof(bool)), again = true;
	u32 i;

	if (!full) {
		perror("sim");
		exit(1);
	}
	for (i = 0; i < sim->nr_vms; i++)
		if (props_hungry(sim->vms[i].conf))
			left += (double)props_ran(&sim->vms[i]);
	while (again) {
		again = false;
		weights = 0;
		for (i = 0; i < sim->nr_vms; i++)
			if (props_hungry(sim->vms[i].conf) && !full[i])
				weights += (double)sim->vms[i].conf->weight;
		for (i = 0; i < sim->nr_vms; i++) {
			const struct vm_conf *c = sim->vms[i].conf;
			double got, most = useful(sim, c) * span;

			if (!props_hungry(c) || full[i] ||
			    left * (double)c->weight / weights < most)
				continue;
			full[i] = true;
			got = (double)props_ran(&sim->vms[i]);
			left -= got > 0.9 * most ? got : most;
			again = true;
		}
	}
	left = full[at] ? useful(sim, sim->vms[at].conf) * span :
	       left * (double)sim->vms[at].conf->weight / weights;
	free(full);
	return left;
}

/*
 * 2 % of the share, which is what the design promises over 10 s; and, as runs
 * here are shorter, what a VM may be ahead or behind at any moment: a turn of
 * each of its vCPUs at both ends of the time measured, and as much for those
 * of the widest other VM, for which it may have had to make room. What the
 * host's own threads took comes on top: nobody can say whose it was.
 */
double props_slack(const struct sim *sim, const struct vm *vm, double share)
{
	u64 widest = 0;
	u32 i;

	for (i = 0; i < sim->nr_vms; i++)
		if (&sim->vms[i] != vm && sim->vms[i].conf->vcpus > widest)
			widest = sim->vms[i].conf->vcpus;
	return share * 0.02 + 2.0 * (double)(turn(sim, vm->conf) * (vm->nr_vcpus + widest));
}

/*
 * What of @want VMs that come and go may cost a hungry one, who is as wide as he
 * is and can not make up for it when they are gone. At worst they come all at
 * once, and leave him what pCPUs there are besides; and even if they do not, nine
 * tenths of his width are all he can be sure of. Others find the rest. Nor can he
 * make up for what he waited for guarded vCPUs.
 */
static double lost_at_most(const struct sim *sim, const struct vm *vm, double want, double span)
{
	double width = useful(sim, vm->conf), left = (double)sim->nr_pcpus, ran = 0, sure, most;
	double guarded = want > width * span * 0.9 ? (double)sim->stats.guarded : 0;
	u32 i;

	for (i = 0; i < sim->nr_vms; i++) {
		if (props_hungry(sim->vms[i].conf))
			continue;
		ran += (double)props_ran(&sim->vms[i]);
		left -= (double)sim->vms[i].nr_vcpus;
	}
	if (ran <= 0)
		return guarded;
	if (left < 0)
		left = 0;
	most = ran / ((double)sim->nr_pcpus - left);
	sure = width * (span - most) + (left < width ? left : width) * most;
	if (sure > width * span * 0.9)
		sure = width * span * 0.9;
	return (want > sure ? want - sure : 0) + guarded;
}

/*
 * Weights count whatever the widths: a gang that finds no room to be whole has
 * its share in part. Where VMs come or go, what somebody had no use for before
 * that may still be made up for afterwards.
 */
static void check_fair(struct sim *sim)
{
	double span = (double)(sim->end - sim->warm_at), spare = 0;
	bool changes = false;
	u32 i;

	for (i = 0; i < sim->nr_vms; i++)
		if (sim->vms[i].conf->pin != PIN_NONE)
			return;		/* a share of which pCPUs? */
	if (props_crowded_out(sim))
		return;
	for (i = 0; i < sim->nr_vms; i++)
		if (props_strict(sim, sim->vms[i].conf))
			return;		/* what it can not fill is nobody's */
	if (sim->nr_cells > 1) {
		cells_fair(sim);
		return;
	}
	for (i = 0; i < sim->nr_vms; i++) {
		if (props_hungry(sim->vms[i].conf))
			spare += lost_at_most(sim, &sim->vms[i], props_deserves(sim, i, span),
					      span);
		changes |= sim->vms[i].conf->arrive || sim->vms[i].conf->depart;
	}
	for (i = 0; i < sim->nr_vms; i++) {
		struct vm *vm = &sim->vms[i];
		double want, got, most, lost;

		if (!props_hungry(vm->conf))
			continue;
		want = props_deserves(sim, i, span);
		got = (double)props_ran(vm);
		most = props_slack(sim, vm, want) + (double)sim->stats.stolen;
		if (changes)
			most += (double)sim->ops->lag * (double)vm->conf->weight / 100;
		lost = lost_at_most(sim, vm, want, span);
		if (got > want + most + spare - lost || got < want - most - lost)
			props_fail(sim, PROP_FAIR, vm->vcpus,
				   "its VM ran %.1f ms of %.1f that it deserves, give or take %.1f",
				   got / (double)MS, want / (double)MS, most / (double)MS);
	}
}

static bool is_liar(const struct vm_conf *conf)
{
	return conf->guard == GUARD_HINT && conf->lies;
}

/*
 * Malice gains nothing: a VM that is gone whenever the tick comes, spins for ever,
 * or says all the time that it holds a lock, gets no more than its weight's share of
 * the whole host, to 2 % and a turn, beside VMs that could use all of it. Where the
 * other ones' widths or affinity leave something over, there is nothing to be gained.
 */
static void check_malice(struct sim *sim)
{
	double all = 0, weights = 0;
	u32 i, dodgers = 0;

	if (sim->nr_cells > 1)
		return;		/* weights count within a cell */
	for (i = 0; i < sim->nr_vms; i++)
		dodgers += sim->vms[i].conf->model == MODEL_DODGE;
	for (i = 0; i < sim->nr_vms; i++) {
		const struct vm_conf *conf = sim->vms[i].conf;

		if ((!props_hungry(conf) && conf->model != MODEL_DODGE) || conf->pin != PIN_NONE ||
		    conf->vcpus < sim->nr_pcpus || conf->quota || conf->reserve_slice ||
		    conf->phase || conf->arrive || conf->depart)
			return;
		all += (double)props_ran(&sim->vms[i]);
		weights += (double)conf->weight;
	}
	for (i = 0; i < sim->nr_vms; i++) {
		struct vm *vm = &sim->vms[i];
		double want = all * (double)vm->conf->weight / weights, got = (double)props_ran(vm);
		bool bad = vm->conf->model == MODEL_STORM || is_liar(vm->conf);

		/* What a dodger leaves, others may take. */
		if ((vm->conf->model == MODEL_DODGE ? dodgers == 1 : bad && !dodgers) &&
		    got > want * 1.02 + (double)turn(sim, vm->conf) * vm->nr_vcpus)
			props_fail(sim, PROP_MALICE, vm->vcpus,
				   "its VM ran %.1f ms of %.1f that it deserves",
				   got / (double)MS, want / (double)MS);
	}
}

/*
 * What its cap grants, a full bucket at first, and a turn of each vCPU: what runs
 * is charged when its stint ends, and what was overdrawn is debt.
 */
static void check_cap(struct sim *sim)
{
	u64 span = sim->end - sim->warm_at;
	u32 i;

	for (i = 0; i < sim->nr_vms; i++) {
		struct vm *vm = &sim->vms[i];
		u64 most, got = props_ran(vm);

		if (!vm->conf->quota)
			continue;
		most = (span / vm->conf->period + 2) * vm->conf->quota +
		       vm->nr_vcpus * turn(sim, vm->conf);
		if (got > most)
			props_fail(sim, PROP_CAP, vm->vcpus,
				   "its VM ran %.1f ms, its cap grants %.1f", ms(got), ms(most));
	}
}

void props_end(struct sim *sim)
{
	u32 i;

	if (!sim->props)
		return;
	for (i = 0; i < sim->nr_vcpus && !sim->failed; i++) {
		struct vcpu *v = &sim->vcpus[i];
		struct watch *w = &sim->props->watch[i];
		u64 from = props_waits(sim, v);

		if (v->state == VCPU_READY && sim->now - from > w->bound)
			props_fail(sim, PROP_WAITING, v, "waits for %.3f ms, bound %.3f",
				   ms(sim->now - from), ms(w->bound));
	}
	strict_forced(sim, &sim->props->strict);
	check_cap(sim);
	check_malice(sim);
	check_fair(sim);
}
