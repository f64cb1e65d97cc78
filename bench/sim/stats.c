// SPDX-License-Identifier: GPL-2.0-only
/* Statistics: counted when something changes, and shown as TSV and as a table. */

#include <inttypes.h>
#include <string.h>

#include "host.h"
#include "sched.h"

void stats_vcpu(struct sim *sim, struct vcpu *v)
{
	u64 dt = sim->now - v->since;

	v->since = sim->now;
	if (v->state == VCPU_RUNNING)
		v->stats.run += dt;
	else if (v->state == VCPU_HALTED)
		v->stats.wait += dt;
	else if (v->state == VCPU_READY && v->costop)
		v->stats.costop += dt;
	else if (v->state == VCPU_READY)
		v->stats.ready += dt;
}

void stats_vm(struct sim *sim, struct vm *vm)
{
	u64 sum = (sim->now - vm->since) * vm->nr_running;

	vm->since = sim->now;
	if (vm->nr_running >= 2)
		vm->stats.corun += sum;
	if (vm->nr_running == vm->nr_wanting)
		vm->stats.whole += sum;
}

void stats_pcpu(struct sim *sim, struct pcpu *p)
{
	u64 dt = sim->now - p->since;

	p->since = sim->now;
	if (p->stolen)
		sim->stats.stolen += dt;
	else if (p->idle)
		sim->stats.idle += dt;
}

void stats_settle(struct sim *sim)
{
	u32 i;

	for (i = 0; i < sim->nr_vcpus; i++) {
		host_account(sim, &sim->vcpus[i]);
		stats_vcpu(sim, &sim->vcpus[i]);
		if (sim->vcpus[i].state == VCPU_READY &&
		    sim->now - sim->vcpus[i].waiting > sim->vcpus[i].stats.longest)
			sim->vcpus[i].stats.longest = sim->now - sim->vcpus[i].waiting;
	}
	for (i = 0; i < sim->nr_vms; i++)
		stats_vm(sim, &sim->vms[i]);
	for (i = 0; i < sim->nr_pcpus; i++)
		stats_pcpu(sim, &sim->pcpus[i]);
}

static u32 hist_index(u64 ns)
{
	u32 log;

	if (ns < HIST_SUB)
		return (u32)ns;
	log = 63 - (u32)__builtin_clzll(ns);
	return log * HIST_SUB + (u32)((ns >> (log - 3)) & (HIST_SUB - 1));
}

static u64 hist_top(u32 index)
{
	u32 log = index / HIST_SUB;

	if (index < HIST_SUB)
		return index;
	return ((u64)(HIST_SUB + index % HIST_SUB + 1) << (log - 3)) - 1;
}

void hist_add(struct hist *h, u64 ns)
{
	h->nr++;
	h->sum += ns;
	if (ns > h->most)
		h->most = ns;
	h->bucket[hist_index(ns)]++;
}

u64 hist_percentile(const struct hist *h, u32 percent)
{
	u64 seen = 0, want = (h->nr * percent + 99) / 100;
	u32 i;

	for (i = 0; i < HIST_BUCKETS && h->nr; i++) {
		seen += h->bucket[i];
		if (seen >= want)
			return hist_top(i) < h->most ? hist_top(i) : h->most;
	}
	return h->most;
}

void stats_reset(struct sim *sim)
{
	u32 i;

	for (i = 0; i < sim->nr_vcpus; i++)
		memset(&sim->vcpus[i].stats, 0, sizeof(sim->vcpus[i].stats));
	for (i = 0; i < sim->nr_vms; i++)
		memset(&sim->vms[i].stats, 0, sizeof(sim->vms[i].stats));
	memset(&sim->stats, 0, sizeof(sim->stats));
}

static struct vcpu_stats sum_of(const struct vm *vm)
{
	struct vcpu_stats sum = { 0 };
	u32 i;

	for (i = 0; i < vm->nr_vcpus; i++) {
		const struct vcpu_stats *s = &vm->vcpus[i].stats;

		sum.run += s->run;
		sum.ready += s->ready;
		sum.costop += s->costop;
		sum.wait += s->wait;
		sum.work += s->work;
		sum.spun += s->spun;
		sum.overhead += s->overhead;
		sum.preempted += s->preempted;
		sum.in_kernel += s->in_kernel;
		sum.holding += s->holding;
		sum.ple_exits += s->ple_exits;
		sum.yields += s->yields;
		sum.switches += s->switches;
		sum.moves += s->moves;
		sum.moves_far += s->moves_far;
		if (s->longest > sum.longest)
			sum.longest = s->longest;
	}
	return sum;
}

static u64 us(u64 ns)
{
	return ns / US;
}

void stats_tsv(struct sim *sim, FILE *f, bool head)
{
	double span = (double)(sim->end - sim->warm_at) / (double)SEC;
	u32 i;

	if (head)
		fputs("scenario\tsched\tseed\tvm\tid\tvcpus\tweight\trun_us\tready_us\tcostop_us\t"
		      "wait_us\twork_us\tspun_us\toverhead_us\tcorun_us\twhole_us\tunits\t"
		      "units_per_s\tpreemptions\tpreemptions_in_kernel\tpreemptions_holding\t"
		      "ple_exits\tdirected_yields\tswitches\tmoves\tmoves_far\tlongest_us\t"
		      "latency_mean_us\tlatency_p99_us\tlatency_max_us\n", f);
	for (i = 0; i < sim->nr_vms; i++) {
		struct vm *vm = &sim->vms[i];
		struct vcpu_stats s = sum_of(vm);
		const struct hist *h = &vm->stats.latency;

		fprintf(f, "%s\t%s\t%" PRIu64 "\t%s\t%u\t%u\t%" PRIu64, sim->sc->name,
			sim->ops->name, sim->sc->seed, vm->conf->name, vm->id, vm->nr_vcpus,
			vm->conf->weight);
		fprintf(f, "\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64, us(s.run),
			us(s.ready), us(s.costop), us(s.wait));
		fprintf(f, "\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64,
			us(s.work), us(s.spun), us(s.overhead), us(vm->stats.corun),
			us(vm->stats.whole));
		fprintf(f, "\t%" PRIu64 "\t%.3f", vm->stats.units, (double)vm->stats.units / span);
		fprintf(f, "\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64,
			s.preempted, s.in_kernel, s.holding, s.ple_exits, s.yields);
		fprintf(f, "\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64, s.switches, s.moves,
			s.moves_far, us(s.longest));
		fprintf(f, "\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\n",
			h->nr ? us(h->sum / h->nr) : 0, us(hist_percentile(h, 99)), us(h->most));
	}
}

void stats_table(struct sim *sim, FILE *f)
{
	double span = (double)(sim->end - sim->warm_at);
	u32 i, shown = 0;

	fprintf(f, "%s under %s: %.1f s, %u pCPUs, idle %.1f %%, host %.1f %%, IPIs %.0f/s\n",
		sim->sc->name, sim->ops->name, span / (double)SEC, sim->nr_pcpus,
		100.0 * (double)sim->stats.idle / span / sim->nr_pcpus,
		100.0 * (double)sim->stats.stolen / span / sim->nr_pcpus,
		(double)sim->stats.ipis / (span / (double)SEC));
	fprintf(f, "%-12s %5s %6s %7s %7s %7s %7s %6s %6s %6s %10s %8s %9s\n", "VM", "vcpus",
		"weight", "%RUN", "%RDY", "%CSTP", "%WAIT", "%work", "%spin", "%corun", "units/s",
		"%LHP", "p99 us");
	for (i = 0; i < sim->nr_vms && shown < 40; i++, shown++) {
		struct vm *vm = &sim->vms[i];
		struct vcpu_stats s = sum_of(vm);
		double run = s.run ? (double)s.run : 1, all = span / 100.0;
		char name[2 * MAX_NAME];

		if (vm->conf->count > 1)
			snprintf(name, sizeof(name), "%s.%u", vm->conf->name, vm->id);
		else
			snprintf(name, sizeof(name), "%s", vm->conf->name);
		fprintf(f, "%-12s %5u %6" PRIu64 " %7.1f %7.1f %7.1f %7.1f", name, vm->nr_vcpus,
			vm->conf->weight, (double)s.run / all, (double)s.ready / all,
			(double)s.costop / all, (double)s.wait / all);
		fprintf(f, " %6.1f %6.1f %6.1f %10.1f %8.2f %9" PRIu64 "\n",
			100.0 * (double)s.work / run, 100.0 * (double)s.spun / run,
			100.0 * (double)vm->stats.corun / run,
			(double)vm->stats.units / (span / (double)SEC),
			100.0 * (double)s.holding / (s.preempted ? (double)s.preempted : 1),
			us(hist_percentile(&vm->stats.latency, 99)));
	}
	if (i < sim->nr_vms)
		fprintf(f, "… and %u VMs more\n", sim->nr_vms - i);
}
