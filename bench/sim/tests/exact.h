/* SPDX-License-Identifier: GPL-2.0-only */
/* Hosts without costs and VMs without chance: cases to be computed by hand. */
#ifndef SIM_EXACT_H
#define SIM_EXACT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"

/* A host on which nothing costs anything. */
static inline void free_of_cost(struct scenario *sc)
{
	u64 hz = sc->costs.hz_ns, slice = sc->costs.eevdf_slice_ns;

	memset(&sc->costs, 0, sizeof(sc->costs));
	sc->costs.hz_ns = hz;
	sc->costs.eevdf_slice_ns = slice;
	sc->costs.ple_intel_ns = 1;
	sc->costs.ple_amd_ns = 1;
	sc->ple = PLE_NONE;
	sc->warmup = 0;
}

static inline struct vm_conf *exact_vm(struct scenario *sc, const char *name, u64 vcpus, u64 model)
{
	struct vm_conf *vm = scenario_add_vm(sc, name);

	vm->vcpus = vcpus;
	vm->model = model;
	vm->jitter = 0;
	vm->hz = 0;
	return vm;
}

static inline struct sim *run(struct scenario *sc, const struct sched_ops *ops)
{
	struct sim *sim;

	assert_int_equal(scenario_check(sc), 0);
	sim = simulate(sc, ops, false, false, NULL);
	assert_non_null(sim);
	assert_false(sim->failed);
	return sim;
}

static inline u64 off_by(u64 a, u64 b)
{
	return a > b ? a - b : b - a;
}

#endif
