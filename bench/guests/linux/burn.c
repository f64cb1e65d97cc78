// SPDX-License-Identifier: GPL-2.0-only
/*
 * burn: each thread computes in registers, and meets nobody. idle: nothing, so
 * that a guest is there and does not work.
 */
#include "loops.h"
#include "workload.h"

#define UNIT_LOOPS	(1UL << 20)

static int no_argument(struct run *run)
{
	return run->arg ? run_problem(run, "%s takes no argument, not '%s'",
				      run->workload->name, run->arg) : 0;
}

static void burn_thread(struct worker *worker)
{
	volatile uint64_t result = worker->index;

	for (; run_more(worker); run_unit(worker))
		result = loops(result, UNIT_LOOPS);
}

const struct workload workload_burn = {
	.name = "burn",
	.unit = "2^20 loops",
	.coarse = true,
	.prepare = no_argument,
	.thread = burn_thread,
};

const struct workload workload_idle = {
	.name = "idle",
	.unit = "nothing",
	.prepare = no_argument,
};
