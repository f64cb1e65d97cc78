// SPDX-License-Identifier: GPL-2.0-only
/*
 * A scenario that violates a property, made smaller as long as it still does.
 * Each step is tried on a copy; what still fails is kept. Steps are repeated
 * until none of them helps.
 */

#include <stdlib.h>
#include <string.h>

#include "commands.h"

static bool still_fails(const struct scenario *sc, enum prop prop)
{
	const char *what;
	struct sim *sim;
	bool fails;

	sim = simulate(sc, &sched_class, true, false, NULL);
	if (!sim)
		return false;
	fails = sim->failed && props_failed(sim, &what) == prop;
	sim_free(sim);
	return fails;
}

/* Pins follow the pCPUs that are left. */
static bool clip_pins(struct scenario *sc)
{
	u32 i, k;

	for (i = 0; i < sc->nr_vms; i++) {
		struct vm_conf *vm = &sc->vms[i];
		u32 n = 0;

		for (k = 0; k < MAX_PCPUS; k++) {
			if (!cpuset_has(&vm->pins, k))
				continue;
			if (k < sc->pcpus)
				n++;
			else
				vm->pins.w[k / 64] &= ~(1ULL << (k % 64));
		}
		if (vm->pin != PIN_NONE && (!n || (vm->pin == PIN_EACH && n < vm->vcpus)))
			return false;
	}
	return true;
}

/* Steps on the whole scenario; false: there is nothing of that kind to do. */
static bool step_host(struct scenario *sc, u32 step)
{
	switch (step) {
	case 0:
		if (sc->pcpus < 2)
			return false;
		sc->pcpus /= 2;
		return clip_pins(sc);
	case 1:
		if (sc->pcpus < 2)
			return false;
		sc->pcpus--;
		return clip_pins(sc);
	case 2:
		if (!sc->host_every)
			return false;
		sc->host_every = 0;
		return true;
	case 3:
		if (sc->seconds < sc->warmup + 20 * MS)
			return false;
		sc->seconds = (sc->warmup + (sc->seconds - sc->warmup) / 2) / MS * MS;
		return true;
	case 4:
		if (!sc->warmup)
			return false;
		sc->warmup = 0;
		return true;
	case 5:
		if (sc->ple == PLE_NONE)
			return false;
		sc->ple = PLE_NONE;
		return true;
	case 6:
		if (sc->cell >= sc->pcpus)
			return false;
		sc->cell = 64;
		return true;
	default:
		return false;
	}
}

/* @what, unless it is that already. */
static bool set(u64 *at, u64 what)
{
	bool was = *at == what;

	*at = what;
	return !was;
}

static bool step_vm(struct vm_conf *vm, u32 step)
{
	switch (step) {
	case 0:
		return vm->vcpus > 1 && set(&vm->vcpus, vm->vcpus / 2);
	case 1:
		return vm->vcpus > 1 && set(&vm->vcpus, vm->vcpus - 1);
	case 2:
		return set(&vm->phase, 0);
	case 3:
		return set(&vm->model, MODEL_COMPUTE);
	case 4:
		return set(&vm->quota, 0);
	case 5:
		if (vm->pin == PIN_NONE)
			return false;
		vm->pin = PIN_NONE;
		memset(&vm->pins, 0, sizeof(vm->pins));
		return true;
	case 6:
		return set(&vm->weight, 100);
	case 7:
		return set(&vm->cosched, 0);
	case 8:
		return set(&vm->slice, 20 * MS) | set(&vm->spin, 1);
	case 19:
		return set(&vm->guard, 0) | set(&vm->hint, 500 * US) | set(&vm->lies, 0) |
		       set(&vm->answers, 0);
	case 9:
		return set(&vm->jitter, 0);
	case 10:
		return set(&vm->threads, 0);
	case 11:
		return set(&vm->spin_limit, 0);
	case 12:
		return set(&vm->arrive, 0);
	case 13:
		return set(&vm->depart, 0);
	case 14:
		return set(&vm->kernel, 0);
	case 15:
		return set(&vm->order, ORDER_TICKET);
	case 16:
		return set(&vm->work, MS);
	case 17:
		return set(&vm->count, 1);
	case 18:
		return set(&vm->hold, 5 * US) | set(&vm->think, MS) | set(&vm->depth, 8);
	case 20:
		return set(&vm->reserve_slice, 0);
	case 21:
		return set(&vm->isolate, 0);
	default:
		return false;
	}
}

#define HOST_STEPS	7
#define VM_STEPS	22

static bool try(struct scenario *sc, struct scenario *copy, enum prop prop)
{
	if (!still_fails(copy, prop))
		return false;
	*sc = *copy;
	return true;
}

static bool shrink_round(struct scenario *sc, struct scenario *copy, enum prop prop)
{
	bool any = false;
	u32 i, step;

	for (i = 0; i < sc->nr_vms && sc->nr_vms > 1;) {
		*copy = *sc;
		memmove(&copy->vms[i], &copy->vms[i + 1],
			(sc->nr_vms - i - 1) * sizeof(struct vm_conf));
		copy->nr_vms--;
		if (try(sc, copy, prop))
			any = true;
		else
			i++;
	}
	for (step = 0; step < HOST_STEPS; step++) {
		*copy = *sc;
		if (step_host(copy, step))
			any |= try(sc, copy, prop);
	}
	for (i = 0; i < sc->nr_vms; i++) {
		for (step = 0; step < VM_STEPS; step++) {
			*copy = *sc;
			if (step_vm(&copy->vms[i], step))
				any |= try(sc, copy, prop);
		}
	}
	return any;
}

void shrink(struct scenario *sc, enum prop prop)
{
	struct scenario *copy = malloc(sizeof(*copy));
	u32 round;

	if (!copy)
		return;
	for (round = 0; round < 20 && shrink_round(sc, copy, prop); round++)
		;
	free(copy);
}
