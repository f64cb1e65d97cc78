/* SPDX-License-Identifier: GPL-2.0-only */
/* What the policy is asked, and what it answers. */
#ifndef VMGANG_POLICY_PLAN_H
#define VMGANG_POLICY_PLAN_H

/* Why a pCPU takes a vCPU; none of these: its stint has a place there. */
enum vg_why {
	VG_BY_TURN	= 1,	/* it is its ent's turn */
	VG_BY_PART	= 2,	/* … but that is a gang that does not fit */
	VG_BY_HINT	= 4,	/* a sibling yields the rest of its stint to it */
	VG_BY_RIGHT	= 8,	/* it has booked the pCPU */
};

#define VG_PLAN_STOPS	4
#define VG_PLAN_MISSES	8
#define VG_PLAN_TRIES	4	/* gangs that a pick tries to start */
#define VG_PLAN_FREED	16
#define VG_PLAN_STACK	32	/* more than two nodes for each level of a queue */
#define VG_LOOKS	256	/* nodes that a pick looks at */
#define VG_SWEEP	256	/* ents that a sweep looks at */

/**
 * struct vg_plan - a question to the policy, and its answer
 * @now:	ns
 * @self:	pCPU that asks for work, VG_NONE if none does
 * @prev:	vCPU that @self runs and that could go on, or VG_NONE
 * @unsafe:	… which is in guest kernel mode, or says that it holds a lock
 *		(asked if its VM is guarded)
 * @hold:	… for so many ns, if it says so; else 0
 * @off:	vCPU that @self runs and that goes on only if its strict gang does
 * @own:	vCPU for @self, VG_KEEP or VG_NONE (nothing to run)
 * @take:	what @self is to take, likewise, for what reasons @why (enum vg_why)
 * @placed:	other pCPUs that got a vCPU (pcpu->coming), which is to be sent
 * @kick:	pCPUs that are to ask for work themselves, now; some have a
 *		vCPU coming, and most of these ask anyhow, as their stint ends
 * @started:	ent whose gang stint began, or VG_NONE
 * @held:	ent that became VG_HELD, or VG_NONE
 * @frag:	ent for which pCPUs stayed empty, or VG_NONE; @frag_ns: how long
 * @stopped:	ents whose gang stint ended
 * @freed:	vCPUs that are co-stopped no longer
 * @look:	when @look_bit is to ask again, as @prev is guarded, or a stint is over
 *		that is shorter than a tick; or 0
 * @look_bit:	a pCPU, @self but for who wakes
 * @ask:	… and its guest is to be asked to come into a safe state
 * @guarded:	vCPU whose guarded time ended, after @guard_ns; or VG_NONE
 * @expired:	… because the bound was reached
 * @mover:	ent whose VM is to have another home, or VG_NONE
 * @to:		… and which, unless that has changed hands: then @mover_id is not
 *		its VM's any more; or others went there first: then @due is not
 *		what that cell expects
 * @match:	vCPU for each of the pCPUs @chosen while a gang is put together
 *
 * What one step of an answer leaves to the next is in here and not in variables:
 * the verifier follows a step anew for each value that those may have.
 */
struct vg_plan {
	u64 now;
	u64 clock;		/* goes on while a pCPU chooses; 0: nobody asks for it */
	u32 self;
	u32 prev;
	u32 unsafe;
	u64 hold;
	u32 off;

	u64 placed;
	u64 kick;
	u32 own;
	u32 take;
	u32 why;
	u32 was;		/* what @prev was at first */
	u32 started;
	u32 held;
	u32 frag;
	u64 frag_ns;
	u32 nr_stopped;
	u32 stopped[VG_PLAN_STOPS];
	u32 width[VG_PLAN_STOPS];
	u32 nr_freed;
	u32 freed[VG_PLAN_FREED];
	u64 look;
	u32 look_bit;
	u32 ask;
	u64 guard_ns;
	u32 guarded;
	u32 expired;

	u32 nr_missed;		/* vCPUs that did not get what they have reserved */
	u32 missed[VG_PLAN_MISSES];

	u32 narrow;		/* consider ents up to this width */
	u32 skip;		/* … and not this one */
	u32 filler;		/* gang that does not fit, but whose turn it is */
	u32 forced;
	u32 ending;		/* the pCPU looked at asks for work by itself */
	u32 gang;		/* what wakes belongs to a gang */
	u32 strict;		/* … or is put together, is a strict gang */
	u32 spare;		/* there are more pCPUs than the gang needs */
	u32 spot;		/* pCPU for who wakes, or VG_NONE */
	u32 whole;		/* … where he is by now, with all of his gang */
	u32 barred;		/* only who suits the siblings' occupants is considered */
	u32 brief;		/* whoever comes is not to stay */
	u32 inc;		/* ent of @prev */
	u64 limit;		/* vtime up to which others may go before @filler */
	u64 first;		/* vtime of whose turn it was */
	u64 chosen;
	u64 hosts;		/* pCPUs that the host's own threads have */
	u64 slow;		/* … that a guarded vCPU has, of a strict gang's */
	u32 match[VG_CELL_PCPUS];
	u32 mover;
	u32 to;
	u64 mover_id;
	u64 due;

	u32 looks;		/* nodes of the queue looked at for the last answer */
	u32 depth;
	u32 stack[VG_PLAN_STACK];
};

/* Nothing is decided yet, at @now, for pCPU @self on which @prev runs; either may be VG_NONE. */
VG_INLINE void vg_plan_begin(struct vg_plan *pl, u64 now, u32 self, u32 prev)
{
	pl->now = now;
	pl->clock = 0;
	pl->self = self;
	pl->prev = prev;
	pl->unsafe = 0;
	pl->hold = 0;
	pl->off = VG_NONE;
	pl->placed = 0;
	pl->kick = 0;
	pl->own = VG_NONE;
	pl->take = VG_NONE;
	pl->why = 0;
	pl->was = prev;
	pl->filler = VG_NONE;
	pl->started = VG_NONE;
	pl->held = VG_NONE;
	pl->frag = VG_NONE;
	pl->nr_stopped = 0;
	pl->nr_freed = 0;
	pl->nr_missed = 0;
	pl->look = 0;
	pl->look_bit = self;
	pl->ask = 0;
	pl->guarded = VG_NONE;
	pl->skip = VG_NONE;
	pl->narrow = 2 * VG_CELL_PCPUS;
	pl->barred = 0;
	pl->brief = 0;
}

#endif /* VMGANG_POLICY_PLAN_H */
