// SPDX-License-Identifier: GPL-2.0-only
/*
 * spinlock: all threads want one ticket lock, hold it, and think. Its argument
 * HOLD_NS/THINK_NS sets how long and how contended: the micro-benchmark that the
 * paper (section 6.3) asks for. A unit is an acquisition, its latency the time
 * from the wish to the lock. Both times are loops (loops.h), so a holder that is
 * preempted still has all of its work to do.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "loops.h"
#include "workload.h"

struct spinlock {
	_Alignas(64) atomic_uint next;
	_Alignas(64) atomic_uint owner;
	_Alignas(64) uint64_t acquired;		/* under the lock */
	uint64_t junk;				/* under the lock */
	unsigned long hold, think;		/* loops */
};

static int spinlock_prepare(struct run *run)
{
	static const char *const names[] = { "HOLD_NS", "THINK_NS" };
	unsigned long ns[2] = { 2000, 10000 };
	struct spinlock *s = aligned_alloc(64, sizeof(*s));
	double speed = loops_per_us();

	if (run_argument(run, names, ns, 0, 1000000000))
		return -1;
	if (!s)
		return run_problem(run, "spinlock: no memory");
	*s = (struct spinlock){
		.hold = (unsigned long)((double)ns[0] * speed / 1e3),
		.think = (unsigned long)((double)ns[1] * speed / 1e3),
	};
	run->data = s;
	return 0;
}

static void spinlock_thread(struct worker *worker)
{
	struct spinlock *s = worker->run->data;
	volatile uint64_t result = worker->index;
	unsigned int ticket;
	uint64_t start;

	for (; run_more(worker); run_unit(worker)) {
		start = clock_ns();
		ticket = atomic_fetch_add(&s->next, 1);
		while (atomic_load_explicit(&s->owner, memory_order_acquire) != ticket)
			__builtin_ia32_pause();
		histogram_add(worker->latency, clock_ns() - start);
		s->acquired++;
		s->junk = loops(s->junk, s->hold);
		atomic_fetch_add_explicit(&s->owner, 1, memory_order_release);
		result = loops(result, s->think);
	}
}

/* The plain counter lacks something if two threads were ever inside at once. */
static int spinlock_verify(struct run *run)
{
	struct spinlock *s = run->data;
	uint64_t units = 0;
	unsigned int i;

	for (i = 0; i < run->nr_workers; i++)
		units += atomic_load(&run->workers[i].units);
	if (units != s->acquired)
		return run_problem(run, "spinlock: %" PRIu64 " acquisitions, but %" PRIu64
				   " counted under the lock", units, s->acquired);
	snprintf(run->note, sizeof(run->note),
		 "%" PRIu64 " acquisitions, as many counted under the lock", units);
	return 0;
}

const struct workload workload_spinlock = {
	.name = "spinlock",
	.unit = "acquisition",
	.latency = true,
	.pinned = true,
	.prepare = spinlock_prepare,
	.thread = spinlock_thread,
	.verify = spinlock_verify,
};
