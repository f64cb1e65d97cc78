/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The class's state and the words its decisions are made of.
 *
 * policy*.h are pure: no lock, no clock, no global, no call out.  Time comes in
 * as nanoseconds, state as pointers, answers go out in a struct vg_plan.  The
 * same lines are compiled into the BPF scheduler, into the unit tests and into
 * the simulator.  Whoever calls holds the lock of the cell, except where said.
 *
 * Everything that refers to something else does so by index, and every index is
 * masked where it is used: that is what lets the BPF verifier follow.
 *
 *	cell	pCPUs that one lock and one queue decide over (at most 64)
 *	pcpu	one of them, known by its bit in the cell's 64-bit masks
 *	ent	what waits in the cell's queue: the vCPUs that one VM has in
 *		that cell.  Nearly always that is the whole VM
 *	vcpu	a thread, in exactly one of the states below
 *	stint	one uninterrupted run of a vCPU; a gang's members share one
 *		deadline
 */
#ifndef VMGANG_POLICY_H
#define VMGANG_POLICY_H

#ifdef __bpf__
#include "vmlinux.h"
#include "compat.bpf.h"
#else
#include <stdbool.h>
#include <stdint.h>
typedef uint64_t u64;
typedef uint32_t u32;
typedef int64_t s64;
typedef int32_t s32;
typedef uint8_t u8;
#ifndef __noinline
#define __noinline __attribute__((noinline))
#endif
#ifndef __always_inline
#define __always_inline inline __attribute__((always_inline))
#endif
#ifndef __maybe_unused
#define __maybe_unused __attribute__((unused))
#endif
#define can_loop true
#endif

#ifdef __bpf__
#define vg_times(i, n)	bpf_for(i, 0, (int)(n))
#else
#define vg_times(i, n)	for ((i) = 0; (i) < (int)(n); (i)++)
#endif

/* What is in memory is read again: the verifier knows nothing about it from here on. */
#define vg_forget()	__asm__ volatile("" ::: "memory")

#include "intf.h"
#include "policy_terms.h"

#define VG_FN		static __noinline __maybe_unused
#define VG_INLINE	static __always_inline __maybe_unused

#define VG_NONE		0xffffffffU
#define VG_KEEP		0xfffffffeU	/* go on with what runs */

#define VG_MAX_CELLS	64
#define VG_CELL_PCPUS	64
#define VG_MAX_CPUS	1024
#define VG_MAX_VCPUS	16384
#define VG_MAX_ENTS	8192
#define VG_QUEUE		VMGANG_MAX_VMS	/* one ent for a VM in a cell */

#define VG_RATIOS	32	/* powers of two of weight over demand */
#define VG_WHOLE	1024	/* a pCPU's whole time, in demands */

#define VG_US		1000ULL
#define VG_MS		1000000ULL

#define VG_WHEEL	64	/* notches, of a millisecond each */
#define VG_REFILL	64	/* that a shot of the timer lets go on */

/* How often a cell looks at itself and at others. */
#define VG_HEARTBEAT	(1000 * VG_MS)

/* The tick that ends a stint may come this much before the deadline. */
#define VG_SLOP		(1 * VG_MS)
/* What is not a gang in its stint keeps its pCPU this long against a claim. */
#define VG_MIN_GRAN	(2 * VG_MS)
/* A VM this far behind preempts on wake-up, but not more often than that. */
#define VG_WAKE_GRAN	(1 * VG_MS)
/* A pCPU that has taken longer than this to choose has done something else, too. */
#define VG_PASS		(1 * VG_MS)
/* The stint of whoever fills in while a gang waits for its pCPUs. */
#define VG_SHORT	(3 * VG_MS)
/* That of a gang's vCPU that runs in part, if a sibling waits for whom it may spin. */
#define VG_TURN		(1 * VG_MS)
/*
 * Who wakes from so short a sleep, and has to wait, or to make room before it has run for
 * VG_BURST, makes all stints short for VG_BRISK: a VG_BRISK_PART of what they may be.  So
 * who wakes often waits for less; it has its share all the same, in short stints like
 * everybody.  With 100 ms instead of 1 s they are often long again by the time that they
 * matter.  Not where there is isolation: a whole core is empty for a moment at each switch
 * there.
 */
#define VG_NAP		(100 * VG_MS)
#define VG_BURST	(20 * VG_MS)
#define VG_BRISK	(1000 * VG_MS)
#define VG_BRISK_PART	4
/*
 * A VM that sleeps has to wait often if it has had to, time after time and no further apart
 * than VG_OFTEN, for VG_OFTEN_LASTS: one that begins to work may, for a moment.  And is one
 * that does for VG_OFTEN_HOLDS, even if with short stints it hardly waits any more.
 */
#define VG_OFTEN	(250 * VG_MS)
#define VG_OFTEN_LASTS	(500 * VG_MS)
#define VG_OFTEN_HOLDS	(10000 * VG_MS)
/*
 * Two virtual times are about equal.  Of 1, 4, 8, 10, 12, 16 and 20 ms, the least that
 * serves VMs with barriers best, beside others of their kind and beside single vCPUs.
 */
#define VG_EQUAL	(10 * VG_MS)
/* How far a VM may be behind and still make up for it: the fairest of 200, 400, 1,000 ms. */
#define VG_LAG		(400 * VG_MS)
/* A waiter older than this goes first, whatever its weight. */
#define VG_STARVED	(3000 * VG_MS)
/* Debt to a cap is forgiven beyond this: the kernel's watchdog bites at 30 s. */
#define VG_MAX_DEBT	(5000 * VG_MS)

enum vg_state {
	VG_OUT,		/* asleep, or between two states */
	VG_WAITING,	/* runnable, in its ent's list */
	VG_PAUSED,	/* runnable, but its own cap is used up */
	VG_COMING,	/* placed on a pCPU, on its way there */
	VG_RUNNING,
};

enum vg_ent_flags {
	VG_ON		= 1,	/* a gang within its stint */
	VG_HELD		= 2,	/* a gang that waits for enough pCPUs */
	VG_THROTTLED	= 4,	/* the VM's cap is used up */
	VG_STARVING	= 8,	/* goes first */
	VG_ASLEEP	= 16,	/* none of its vCPUs is runnable */
	VG_CHANGED	= 32,	/* the queue is to look at it again */
	VG_FILLS	= 64,	/* VG_ON, while a gang further behind is VG_HELD */
	VG_MISFIT	= 128,	/* pinned so that its vCPUs can not all run at once */
	VG_BEHIND	= 256,	/* relaxed: one that waits is behind its siblings */
	VG_AHEAD	= 512,	/* relaxed: to be looked at, as one is co-stopped */
};

enum vg_stat {
	VG_STAT_PICKS,		/* a pCPU asked for work */
	VG_STAT_KEEPS,		/* … and went on with what it had */
	VG_STAT_GANG_STARTS,
	VG_STAT_GANG_STOPS,
	VG_STAT_GANG_RENEWALS,
	VG_STAT_CLAIMS,		/* pCPUs taken from others for a gang */
	VG_STAT_HOLDS,		/* a gang had to wait for pCPUs */
	VG_STAT_FORCED,		/* … and took them in the end */
	VG_STAT_PARTIAL,	/* a gang's member filled in alone */
	VG_STAT_WIDE,		/* a gang wider than its cell was as relaxed */
	VG_STAT_REJOINS,	/* a member back in its gang's stint at once */
	VG_STAT_WAKE_IDLE,
	VG_STAT_WAKE_PREEMPTS,
	VG_STAT_YIELDS,		/* to the sibling that KVM named, … */
	VG_STAT_SPUN,		/* … to another VM */
	VG_STAT_GUARDS,		/* stints that went on in guest kernel mode, … */
	VG_STAT_EXPIRIES,	/* … until the bound, … */
	VG_STAT_GUARD_SUM,	/* … ns in all */
	VG_STAT_THROTTLES,
	VG_STAT_STARVED,
	VG_STAT_HOST,		/* a pCPU was lost to the host's own threads */
	VG_STAT_FOREIGN,	/* threads in the class that are no vCPUs */
	VG_STAT_STALE,		/* a placement that affinity overtook */
	VG_STAT_RESERVE_PICKS,	/* a vCPU went first for the sake of its reservation */
	VG_STAT_PERIODS,	/* of reservations, that a vCPU was runnable in throughout */
	VG_STAT_MISSES,		/* … and did not get its slice in */
	VG_STAT_SKEW_SUM,	/* ns between first and last member's start … */
	VG_STAT_SKEW_MAX,
	VG_STAT_SKEW_NR,
	VG_STAT_FRAG,		/* ns that pCPUs were kept empty for idle vCPUs */
	VG_STAT_LEADERS,	/* vCPUs co-stopped for being too far ahead */
	VG_STAT_MOVES,		/* VMs that were given another home */
	VG_STAT_ARRIVALS,	/* vCPUs that came from another cell */
	VG_STAT_OVERLAPS,	/* … that began beside somebody they may not */
	VG_NR_STATS,
};

/**
 * struct vg_cap - a token bucket: cpu.max
 * @quota:	ns granted in each period; 0: no cap
 * @period:	ns
 * @burst:	ns that may be saved up on top of @quota
 * @tokens:	ns left; negative: debt
 * @last:	start of the present period
 */
struct vg_cap {
	u64 quota;
	u64 period;
	u64 burst;
	s64 tokens;
	u64 last;
};

struct vg_vcpu {
	struct vg_cap cap;	/* of the thread's own cgroup */
	struct vg_reserve rsv;
	u64 cgroup;
	u64 mask;		/* pCPUs of the cell that it may use */
	u64 cells;		/* cells of which it may use at least half */
	u64 start;		/* RUNNING: charged up to here */
	u64 pre;		/* … and charged in advance, ns */
	u64 since;		/* WAITING since */
	u64 progress;		/* ns that it ran, or idled while others did */
	u64 spell;		/* ns that it ran since it woke */
	u32 pid;		/* 0: record is free, @next links it */
	u32 slot;
	u32 index;
	u32 ent;
	u32 state;
	u32 bit;		/* pCPU: present or last */
	u32 prev;
	u32 next;
	u32 bounced;		/* times its pCPU was gone when it came */
	u32 costop;		/* WAITING: too far ahead of its siblings */
	u32 idled;		/* asleep since it ran */
	u32 notch;		/* PAUSED: on the wheel */
	u32 doubt;		/* extensions in a row that expired, up to VG_GUARD_DOUBT */
	u32 heeds;		/* has said that it is safe: it has a driver */
	u32 refused;		/* extensions it is still to go without */
	u32 elder;		/* in its ent's list of members */
	u32 younger;
};

struct vg_ent {
	u64 vtime;
	u64 ahead;		/* ns charged to it in advance */
	u64 inv;		/* vtime per ns, << VG_INV_SHIFT */
	u64 slice;
	u64 deadline;		/* VG_ON, relaxed: of the stint */
	u64 start;		/* VG_ON: of the stint */
	u64 vstart;		/* VG_ON: vtime then */
	u64 skew;		/* VG_ON: first member ran at, 0: none yet */
	u64 on;			/* pCPUs its vCPUs run on or come to, … */
	u64 come;		/* … of which these */
	u64 isolate;		/* shares no core with other VMs: all bits; or none */
	u64 held;		/* VG_HELD since */
	u64 mask;		/* pCPUs that its waiting vCPUs may use */
	u64 kept;		/* VG_ON, strict: pCPUs that stay empty for idle vCPUs */
	u64 shut;		/* isolated: pCPUs empty beside its vCPUs */
	u64 kept_at;		/* charged for both up to here */
	u64 frag;		/* ns that they did, not yet told */
	u64 cells;		/* cells that all of its vCPUs may use */
	u64 woke;		/* when one of its vCPUs did last */
	u64 rose;		/* … after all had slept, and had to wait, … */
	u64 rises;		/* … time after time since */
	u64 often;		/* when that had been so for VG_OFTEN_LASTS */
	u64 seen;		/* its demand is known up to here */
	u64 ran;		/* since then, ns of all its vCPUs */
	u64 waited;		/* … likewise */
	u64 bound;		/* relaxed: most that a vCPU may be ahead; 0: no matter */
	u64 limit;		/* progress with which one that waits may start */
	u64 slowest;		/* … of the slowest that others wait for */
	u64 top;		/* … of whoever was ahead so far */
	u32 slot;		/* VG_NONE: record is free, @next links it */
	u32 cell;
	u32 cosched;
	u32 flags;
	u32 pos;		/* slot in the queue, VG_NONE: not there */
	u32 head;		/* waiting vCPUs, longest first, or slowest */
	u32 tail;
	u32 nr_waiting;
	u32 nr_vcpus;
	u32 nr_pinned;		/* of these, not free to use the whole cell */
	u32 coming;		/* members of the stint that have not run yet */
	u32 nr_bound;		/* its vCPUs, as the cell knows them */
	u32 members;		/* list of these, youngest first */
	u32 later;		/* list of those that are VG_CHANGED */
	u32 next;		/* throttled list; free list */
	u32 prior;		/* throttled list */
	u32 notch;		/* VG_THROTTLED: on the wheel */
	u32 sibling;		/* next ent of the same VM */
	u32 nr_tied;		/* vCPUs that may not use every cell */
	u32 before;		/* list of the cell's ents */
	u32 after;
	u32 demand;		/* pCPUs that it could use, in 1/VG_WHOLE */
	u32 counted;		/* weight in the cell's sums, 0: none */
	u32 pull;		/* … and its part of @want there */
	u32 nr_costop;		/* of those that wait, too far ahead */
};

/**
 * struct vg_adapt - what is known about a VM under adaptive
 * @fresh:	points not counted yet; changed atomically
 * @score:	points, decayed to @at
 * @next:	when to look again
 * @since:	in @state since
 * @gap:	how long a gang is left alone
 * @lively:	when points were last seen
 * @patience:	how long a gang that gave points may then give none
 * @state:	enum vg_adapt_state
 * @turns:	at which it was asked since the state began
 * @signs:	… and had points
 * @heard:	the last of these
 * @silent:	the present look is there because none came any more
 */
struct vg_adapt {
	u64 fresh;
	u64 score;
	u64 at;
	u64 next;
	u64 since;
	u64 gap;
	u64 lively;
	u64 patience;
	u64 exited;		/* when it was told of last by exits */
	u32 state;
	u32 turns;
	u32 signs;
	u32 heard;
	u32 silent;
};

struct vg_vm {
	struct vg_cap cap;	/* of the VM's cgroup */
	struct vg_adapt adapt;
	u64 id;			/* 0: record is free */
	u64 cgroup;
	u64 slice;
	u64 guard;		/* ns, 0: off */
	u64 skew;		/* ns, for relaxed */
	u64 moved;		/* when it got its home, if not the first */
	u64 share;		/* its part through the cgroup hierarchy; see policy_share.h */
	u32 hinted;		/* the guest says itself when it is unsafe */
	u32 weight;		/* the part as the class reckons with it */
	u32 cosched;
	u32 spin;
	u32 home;		/* cell */
	u32 ents;		/* list by @sibling */
	u32 nr_vcpus;		/* in the class */
	struct vg_terms terms;
	u32 nr_booked;		/* vCPUs that have; changed atomically */
	u32 demand;		/* when it was moved, as in its ent */
	u32 isolate;
};

struct vg_pcpu {
	u64 since;		/* when the present stint began */
	u64 vstart;		/* its ent's vtime then */
	u64 deadline;
	u64 vnow;		/* largest vtime of whose turn it was here */
	u64 guard;		/* since when @cur is guarded, or 0 */
	u64 core;		/* it and its siblings */
	u64 pass;		/* pl->clock when @leaver left it, or 0 */
	u64 left;		/* … and pl->now then */
	u32 asked;		/* guest of the guarded @cur has been asked to be safe */
	u32 safe;		/* … and says that it is */
	u32 cpu;		/* the kernel's number */
	u32 cur;		/* vCPU that runs */
	u32 coming;		/* vCPU that is to run next */
	u32 gang;		/* ent whose stint it last served */
	u32 keep;		/* ent that it is kept empty for, if the cell says so */
	u32 hint;		/* vCPU that a sibling yielded to */
	u32 spun;		/* vCPU that was found spinning here */
	u32 leaver;		/* ent of a vCPU that went to sleep here: see policy_pass.h */
	u32 yielded;
	u32 sent;		/* @coming is on its way: whoever placed it sees to that */
	u32 served;		/* the pCPU has seen @coming by itself */
	u32 stint;		/* serves a gang's stint: its deadline counts */
	u32 going;		/* @coming has been given to it */
	u32 holder;		/* isolated ent on the core; the lowest sibling has it */
	u32 booked;		/* ppm */
	u64 seats;		/* taken, of @seat */
	u64 live;		/* … by vCPUs that are runnable */
	u64 due;		/* … that wait and have some of their slice left */
	u64 next;		/* not later than the first period of these ends */
	u32 seat[VG_SEATS];
};

/**
 * struct vg_demand - what the VMs of a cell ask for, by weight over demand
 * @weight:	sum of those that ask at all, in each power of two
 * @pcpus:	… and of what they could use, in 1/VG_WHOLE
 */
struct vg_demand {
	u32 weight[VG_RATIOS];
	u32 pcpus[VG_RATIOS];
};

/**
 * struct vg_node - of a cell's queue: node i is above 2i and 2i+1, leaves
 *		    begin at VG_QUEUE
 * @mask:	pCPUs that could serve someone below
 * @best:	ent that is furthest behind of those below
 * @width:	pCPUs that the narrowest ent below needs; 0: nobody is there
 */
struct vg_node {
	u64 mask;
	u32 best;
	u32 width;
};

struct vg_cell {
	u64 all;		/* its pCPUs */
	u64 idle;		/* those in the idle loop; set and cleared atomically */
	u64 guards;		/* those that go on with a guarded vCPU */
	u64 kept;		/* those that stay empty for somebody */
	u64 wanted;		/* those where somebody waits who has booked them */
	u64 served;		/* … or is, or comes */
	u64 vnow;		/* largest vtime of whose turn it was: where newcomers start */
	u64 refill;		/* when the first throttled ent or vCPU may go on */
	u64 alarm;		/* when reservations want to be looked at, 0: never */
	u64 load;		/* weights of the VMs at home here */
	u64 want;		/* what its VMs' weights and demands come to */
	u64 level;		/* … at this level */
	u64 due;		/* … and those that were sent here lately, */
	u64 due_at;		/* … the last of them then */
	u64 stats[VG_NR_STATS];
	u64 armed;		/* when the timer goes off, or did last */
	u64 foreign;		/* when a thread that is no vCPU ran last */
	u64 pressed;		/* when somebody who woke had to wait */
	u64 roused;		/* when a VM woke that often has to wait then */
	u64 swept;
	u32 id;
	u32 nr_pcpus;
	u32 nr_vcpus;
	u32 nr_queued;
	u32 nr_held;
	u32 changed;		/* list of ents by @later */
	u32 throttled[VG_WHEEL]; /* lists of ents */
	u32 paused[VG_WHEEL];	/* lists of vCPUs */
	u64 noted;		/* notches where one of these has somebody */
	u64 turned;		/* ms: up to here none has */
	u32 levels;		/* of the tree in use, leaves not counted */
	u32 walk;		/* node on the way up from a leaf */
	u32 sweep;		/* where the next sweep begins */
	u32 ents;		/* list by @after */
	u32 at;			/* … where the next look begins */
	u32 nr_ents;
	u32 asked;		/* weights of those that ask for pCPUs */
	u32 uneven;		/* heartbeats in a row that found a lighter cell */
	u32 idler;		/* cell that was idle at the last look, VG_NONE */
	u64 idler_runs;		/* … and its @runs by then */
	u64 runs;		/* stints that began here */
	u32 nr_running;
	u64 look;		/* when to look again before the heartbeat; 0: no need */
	u64 reach;		/* cells that any of its VMs may use */
	u64 curs;		/* pCPUs where somebody is, … */
	u64 busy;		/* … or comes, … */
	u64 torn;		/* … or is, and another VM's vCPU comes, … */
	u64 iso_cur;		/* … or is who is isolated, … */
	u64 iso_next;		/* … or such a one is the occupant, … */
	u64 iso_kept;		/* … or for whom it is kept */
	u64 iso;		/* all bits if there are isolated ents, else none */
	u64 stirred;		/* pCPUs whose occupants have changed in this call */
	u32 nr_iso;		/* isolated ents; without these are not kept */
	u32 threads;		/* most siblings that a core has */
	struct vg_demand demand;
	struct vg_pcpu pcpu[VG_CELL_PCPUS];
	struct vg_node tree[2 * VG_QUEUE];
};

#include "policy_plan.h"

/* Why the class ended, for user space. */
struct vg_exit_record {
	s64 code;
	u32 kind;		/* enum scx_exit_kind */
	u32 seen;		/* the rest is valid */
	char reason[64];
	char msg[256];
};

/* Who spins exits where the host's processors look. */
enum vg_tells {
	VG_TELLS_NONE,		/* nowhere */
	VG_TELLS_KERNEL,	/* in the guest's kernel: Intel's PLE */
	VG_TELLS_ALL,		/* in user mode, too: AMD's pause filter */
};

struct vg_state_all {
	struct vg_cell cells[VG_MAX_CELLS];
	struct vg_vcpu vcpus[VG_MAX_VCPUS];
	struct vg_ent ents[VG_MAX_ENTS];
	struct vg_vm vms[VMGANG_MAX_VMS];
	u32 free_vcpu;
	u32 free_ent;
	u32 nr_cells;		/* those that have pCPUs come first */
	u32 tells;		/* enum vg_tells */
	u64 level;		/* weight for each pCPU that is asked for, host-wide */
	u64 level_at;
};

VG_INLINE struct vg_cell *vg_cell(struct vg_state_all *s, u32 i)
{
	return &s->cells[i & (VG_MAX_CELLS - 1)];
}

VG_INLINE struct vg_vcpu *vg_vcpu(struct vg_state_all *s, u32 i)
{
	return &s->vcpus[i & (VG_MAX_VCPUS - 1)];
}

VG_INLINE struct vg_ent *vg_ent(struct vg_state_all *s, u32 i)
{
	return &s->ents[i & (VG_MAX_ENTS - 1)];
}

VG_INLINE struct vg_vm *vg_vm(struct vg_state_all *s, u32 i)
{
	return &s->vms[i & (VMGANG_MAX_VMS - 1)];
}

VG_INLINE struct vg_pcpu *vg_pcpu(struct vg_cell *c, u32 bit)
{
	return &c->pcpu[bit & (VG_CELL_PCPUS - 1)];
}

/* Who comes to it, or is there. */
VG_INLINE u32 vg_pcpu_occupant(struct vg_pcpu *p)
{
	return p->coming != VG_NONE ? p->coming : p->cur;
}

VG_INLINE void vg_count(struct vg_cell *c, u32 stat, u64 by)
{
	if (stat < VG_NR_STATS)
		c->stats[stat] += by;
}

/* Clocks of two pCPUs may differ by a little: time never runs backwards. */
VG_INLINE u64 vg_since(u64 now, u64 then)
{
	return now > then ? now - then : 0;
}

/* Virtual times are compared by their difference: they may wrap. */
VG_INLINE bool vg_before(u64 a, u64 b)
{
	return (s64)(a - b) < 0;
}

#include "policy_bits.h"

#endif /* VMGANG_POLICY_H */
