// SPDX-License-Identifier: GPL-2.0-only
/* Traces as tracefs writes them. */

#include <inttypes.h>
#include <stdio.h>

#include "host.h"
#include "trace.h"

/* pids: a VM's is that of its first vCPU's thread; below are the host's own. */
#define FIRST_PID	(MAX_PCPUS + 1)

static u32 tid_of(const struct vcpu *v)
{
	return FIRST_PID + v->id;
}

static void head(struct sim *sim, const char *event)
{
	fprintf(sim->trace, "sim-0 [%03u] ..... %" PRIu64 ".%06" PRIu64 ": %s: ",
		sim->here ? sim->here->id : 0, sim->now / SEC, sim->now % SEC / US, event);
}

static void thread(FILE *f, const char *which, const struct pcpu *p, const struct vcpu *v)
{
	if (v)
		fprintf(f, "%s_comm=CPU %u/KVM %s_pid=%u", which, v->index, which, tid_of(v));
	else
		fprintf(f, "%s_comm=%s/%u %s_pid=%u", which, p->stolen ? "host" : "swapper",
			p->id, which, p->stolen ? p->id + 1 : 0);
}

void trace_switch(struct sim *sim, struct pcpu *p, struct vcpu *prev, struct vcpu *next)
{
	if (!sim->trace || (!prev && !next))
		return;
	head(sim, "sched_switch");
	thread(sim->trace, "prev", p, prev);
	fprintf(sim->trace, " prev_prio=120 prev_state=%s ==> ", prev && !prev->wants ? "S" : "R");
	thread(sim->trace, "next", p, next);
	fputs(" next_prio=120\n", sim->trace);
}

static void vcpu_fields(struct sim *sim, const struct vcpu *v)
{
	fprintf(sim->trace, "slot=%u pid=%u vcpu=%u", v->vm->id, tid_of(v->vm->vcpus), v->index);
}

void trace_vcpu(struct sim *sim, struct vcpu *v, const char *event)
{
	if (!sim->trace)
		return;
	head(sim, event);
	vcpu_fields(sim, v);
	fprintf(sim->trace, " tid=%u\n", tid_of(v));
}

void trace_hold(struct sim *sim, struct vcpu *v)
{
	if (!sim->trace)
		return;
	head(sim, v->costop ? "vcpu_costop" : "vcpu_costart");
	vcpu_fields(sim, v);
	if (!v->costop)
		fprintf(sim->trace, " held_us=%" PRIu64, (sim->now - v->held) / US);
	fputs("\n", sim->trace);
}

void trace_gang(struct sim *sim, u32 vm, bool start, u32 width)
{
	if (!sim->trace || vm >= sim->nr_vms)
		return;
	head(sim, start ? "gang_start" : "gang_stop");
	fprintf(sim->trace, "slot=%u pid=%u width=%u\n", vm, tid_of(sim->vms[vm].vcpus), width);
}
