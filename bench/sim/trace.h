/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What happens, in the form in which tracefs has it: sched:sched_switch and the
 * tracepoints of vmgang, so that one reader serves host and model.
 */
#ifndef SIM_TRACE_H
#define SIM_TRACE_H

#include "types.h"

struct pcpu;
struct sim;
struct vcpu;

/* @p goes from @prev to @next; NULL: the idle loop or a thread of the host. */
void trace_switch(struct sim *sim, struct pcpu *p, struct vcpu *prev, struct vcpu *next);
/* Events that name a vCPU only. */
void trace_vcpu(struct sim *sim, struct vcpu *v, const char *event);
/* It is held back for its siblings' sake, or no longer. */
void trace_hold(struct sim *sim, struct vcpu *v);
void trace_gang(struct sim *sim, u32 vm, bool start, u32 width);

#endif
