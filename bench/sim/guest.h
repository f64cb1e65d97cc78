/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Guests: what a vCPU does with the time it gets. A model is a function that
 * is asked, whenever a vCPU has done what it did, what it does next.
 *
 *	model	 does						unit
 *	compute	 work						a piece of work
 *	lock	 work in user mode, then hold the VM's lock	a critical section
 *	barrier	 work, then wait for all threads		a barrier
 *	omp	 the same as libgomp has it: who waits spins in	a parallel region
 *		 user mode for a while and then sleeps
 *	pipe	 even vCPUs produce, odd ones consume		an item consumed
 *	idle	 halt until the guest's next tick		a tick
 *	io	 a burst of work at random times		a burst; latency
 *	dodge	 work until just before the host's tick		a turn
 *	storm	 PAUSE for ever					none
 */
#ifndef SIM_GUEST_H
#define SIM_GUEST_H

#include "types.h"

struct sim;
struct vcpu;
struct vm;

enum act {
	ACT_NONE,
	ACT_WORK,
	ACT_SPIN,
	ACT_HALT,
};

/**
 * struct guest_vcpu - what a vCPU does
 * @left:	ns: WORK: to go; SPIN: until it gives up, NEVER: it does not
 * @step:	the model's place in its cycle
 * @kernel:	in the guest's kernel, as far as PAUSE-loop exits see
 * @holds:	the VM's lock
 * @polls:	SPIN: it has yet to look whether the lock is free
 * @looped:	SPIN: it has made a PAUSE-loop exit since it began
 * @eligible:	… for directed yield nevertheless, every other time (as KVM does)
 * @ple_left:	ns of spinning until the next exit
 * @ple_window:	… and until the one after that
 * @sleeps:	… in the guest's kernel, until it is woken
 * @waits:	in the lock's queue, or at the barrier
 * @next:	in the lock's queue
 * @due:	io: arrival of the next request
 */
struct guest_vcpu {
	enum act act;
	u64 left;
	u32 step;
	bool kernel;
	bool holds;
	bool polls;
	bool looped;
	bool eligible;
	bool sleeps;
	bool waits;
	u64 ple_left;
	u64 ple_window;
	struct vcpu *next;
	u64 due;
};

struct guest_vm {
	u32 model;
	u32 at_barrier;
	u32 boost;		/* where the search for a directed yield goes on */
	u32 nr_waiters;
	struct vcpu *holder;
	struct vcpu *head;
	struct vcpu *tail;
	u32 *items;		/* pipe: of each pair */
};

void guest_begin(struct sim *sim, struct vm *vm);
void guest_end(struct vm *vm);
/* Its action is complete, or it has been woken: choose the next one. */
void guest_next(struct sim *sim, struct vcpu *v);
/* It leaves: nobody is to wait for it. */
void guest_leave(struct sim *sim, struct vcpu *v);
/* It gets a pCPU: what is to be looked at again. */
void guest_switch_in(struct sim *sim, struct vcpu *v);
/* ns of progress until guest_event() is to be called; NEVER. */
u64 guest_until(struct sim *sim, struct vcpu *v);
void guest_event(struct sim *sim, struct vcpu *v);
/* @ns of progress have been made. */
void guest_progress(struct sim *sim, struct vcpu *v, u64 ns);
/* It loses its pCPU now: is it in the guest's kernel? */
bool guest_in_kernel(struct vcpu *v);
/* For how long it says that it holds a lock, or waits for one; ns, 0: it does not. */
u64 guest_hint(struct vcpu *v);

#endif
