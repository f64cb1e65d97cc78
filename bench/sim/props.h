/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Properties: what must hold in any scenario. The first one that does not ends
 * the simulation. props.c says what each means and why its bound is what it is.
 */
#ifndef SIM_PROPS_H
#define SIM_PROPS_H

#include "host.h"

enum prop {
	PROP_ENGINE,		/* the scheduler ran out of something */
	PROP_ONE_PCPU,		/* a vCPU is never on two pCPUs */
	PROP_ONE_VCPU,		/* never two vCPUs on one pCPU */
	PROP_RUNNABLE,		/* nobody runs who does not want to */
	PROP_AFFINITY,
	PROP_COSTART,		/* members start within one dispatch */
	PROP_CONSERVING,	/* no pCPU idles while somebody could use it */
	PROP_WAITING,		/* nobody waits beyond a bound */
	PROP_FAIR,		/* shares follow weights */
	PROP_CAP,
	PROP_RESERVE,		/* what is booked is had in each period */
	PROP_MALICE,		/* malice gains nothing */
	PROP_TOGETHER,		/* a strict gang runs whole, or not at all */
	PROP_FORCED,		/* the idle time it forces is accounted for */
	PROP_IDLE_CELL,		/* no cell idles beside a crowded one */
	PROP_SKEW,		/* a relaxed VM's vCPUs are never far apart */
	PROP_OVERLAP,		/* siblings never run an isolated VM and another */
	NR_PROPS,
};

struct props;

/* Watch the properties of @sim, which has not begun. */
void props_watch(struct sim *sim);
void props_free(struct sim *sim);
const char *props_name(enum prop prop);

/* From the engine and the schedulers. True: violated. */
bool props_start(struct sim *sim, struct pcpu *p, struct vcpu *v);
void props_stop(struct sim *sim, struct vcpu *v);
void props_leave(struct sim *sim, struct vcpu *v);
/* @v belongs to a gang that starts now. */
void props_costart(struct sim *sim, struct vcpu *v);
/* … and whose stint is over. */
void props_costop(struct sim *sim, struct vcpu *v);
/* A period of @v's reservation is over: it ran for @had ns of it, @slice are booked. */
void props_period(struct sim *sim, const struct vcpu *v, u64 had, u64 slice);
/* By how much reservations may stretch what others wait, and whether shares say nothing. */
u64 props_squeeze(const struct sim *sim);
bool props_crowded_out(const struct sim *sim);
void props_end(struct sim *sim);
void props_fail(struct sim *sim, enum prop prop, const struct vcpu *v, const char *what, ...)
	__attribute__((format(printf, 4, 5)));

/* What failed; NR_PROPS and an empty string if nothing did. */
enum prop props_failed(const struct sim *sim, const char **what);

/* For props_cells.c, props_strict.c, props_isolate.c and props_relaxed.c */

/* Since when @v waits without its cap holding it. */
u64 props_waits(const struct sim *sim, const struct vcpu *v);

/* Always wants all of its vCPUs run, and may have what it wants. */
bool props_hungry(const struct vm_conf *conf);
bool props_gang(const struct sim *sim, const struct vm_conf *conf);
/* The longest that a guarded vCPU may keep others waiting. */
u64 props_guard(const struct sim *sim);
u64 props_ran(const struct vm *vm);
/*
 * ns that hungry VM @at deserves of @span, of what the hungry ones got together.
 */
double props_deserves(const struct sim *sim, u32 at, double span);
/* What a VM may be ahead or behind at any moment. */
double props_slack(const struct sim *sim, const struct vm *vm, double share);

struct cells_watch {
	u64 idle_since[64];	/* no vCPU has run there since; 0: one does */
	u64 crowded_since[64];
};

/* pCPUs in the widest cell. */
u64 cells_width(const struct sim *sim);
/* … in the narrowest: the last may be smaller. */
u64 cells_least(const struct sim *sim);
/* Each millisecond, and at the end. */
void cells_audit(struct sim *sim, struct cells_watch *cw);
void cells_fair(struct sim *sim);

struct strict_watch {
	u64 *kept_at;		/* when each pCPU was last seen kept */
	u64 forced;		/* ns that pCPUs were seen kept */
	u64 audited;
};

/* Does any VM share no core, on a host where cores have siblings? */
bool isolate_matters(const struct sim *sim);
/* @v begins to run on @p. */
void isolate_start(struct sim *sim, const struct pcpu *p, const struct vcpu *v);
bool isolate_free(struct sim *sim, const struct pcpu *p, const struct vcpu *v, u64 when);

/* All vCPUs of such a VM have a pCPU or none: not where pins or width forbid that. */
bool props_strict(const struct sim *sim, const struct vm_conf *conf);
/* When pCPU @p was last seen kept empty for somebody. */
u64 strict_kept(struct sim *sim, struct strict_watch *sw, struct pcpu *p);
/* At each look, and at the end. */
void strict_audit(struct sim *sim, struct strict_watch *sw);
void strict_forced(struct sim *sim, const struct strict_watch *sw);

struct relaxed_watch {
	u64 *progress;		/* ns that each vCPU has run */
	u64 *seen;		/* … by the statistics, at the last look */
};

/* May its vCPUs run at most skew_us apart? */
bool props_relaxed(const struct sim *sim, const struct vm_conf *conf);
/* May it be so now and then, at least? */
bool props_relaxes(const struct sim *sim, const struct vm_conf *conf);
/* At each look. */
void relaxed_audit(struct sim *sim, struct relaxed_watch *rw);

#endif
