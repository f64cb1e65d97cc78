// SPDX-License-Identifier: GPL-2.0-only
/* Reservations: three knobs that hold together, and an answer in words. */

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "daemon.h"
#include "log.h"
#include "util.h"

#define PPM_PER_PERCENT 10000.0

static const char *wanted(const struct vg_entry *entry, enum vg_knob knob)
{
	return entry->resolved.value[knob];
}

static bool differs(const struct vg_entry *entry, const struct vg_vm *vm,
		    enum vg_knob knob)
{
	return strcmp(vm->knobs[knob], wanted(entry, knob)) != 0;
}

/* What is booked, what is asked, what is free. */
static void explain_full(struct vg_daemon *d, const struct vg_entry *entry,
			 uint64_t period, uint64_t slice, char **error)
{
	double asked = 100.0 * (double)slice / (double)period;
	struct vg_vm vm;

	if (vg_vm_read(d->sysfs, entry->dir, 0, &vm) < 0) {
		vg_error_set(error, "the reservation does not fit");
		return;
	}
	vg_error_set(error,
		     "the reservation does not fit: %.1f %% of a pCPU are asked for each of"
		     " %" PRIu32 " vCPUs; %.1f %% of %.1f %% are booked, and the pCPU with"
		     " most to spare has %.1f %% free", asked, vm.nr_vcpus,
		     (double)vm.reserve.booked_ppm / PPM_PER_PERCENT,
		     (double)vm.reserve.capacity_ppm / PPM_PER_PERCENT,
		     (double)vm.reserve.free_max_ppm / PPM_PER_PERCENT);
	vg_vm_free(&vm);
}

static void explain(struct vg_daemon *d, const struct vg_entry *entry, int r,
		    enum vg_knob knob, char **error)
{
	uint64_t period = strtoull(wanted(entry, VG_KNOB_RESERVE_PERIOD_US), NULL, 10);
	uint64_t slice = strtoull(wanted(entry, VG_KNOB_RESERVE_SLICE_US), NULL, 10);

	if (r == -ENOSPC && period)
		explain_full(d, entry, period, slice, error);
	else if (r == -ERANGE && slice > period)
		vg_error_set(error,
			     "reserve_slice_us: %" PRIu64 " is more than reserve_period_us"
			     " (allowed: up to %" PRIu64 ")", slice, period);
	else
		vg_error_set(error, "the kernel refuses %s=%s: %s",
			     vg_knob_name(knob), wanted(entry, knob),
			     strerror(-r));
}

/*
 * Nothing is reserved while period and extratime change: what is between the old
 * and the new might not fit, or be no reservation at all.
 */
int vg_daemon_write_reserve(struct vg_daemon *d, struct vg_entry *entry,
			    const struct vg_vm *vm)
{
	static const enum vg_knob order[] = {
		VG_KNOB_RESERVE_PERIOD_US, VG_KNOB_EXTRATIME,
		VG_KNOB_RESERVE_SLICE_US,
	};
	vg_autofree char *error = NULL;
	enum vg_knob knob = VG_KNOB_RESERVE_SLICE_US;
	int r = 0;

	if (!differs(entry, vm, VG_KNOB_RESERVE_PERIOD_US) &&
	    !differs(entry, vm, VG_KNOB_RESERVE_SLICE_US) &&
	    !differs(entry, vm, VG_KNOB_EXTRATIME))
		return 0;
	if (strcmp(vm->knobs[knob], "0") != 0)
		r = vg_vm_write_knob(d->sysfs, entry->dir, knob, "0");
	for (size_t i = 0; r == 0 && i < VG_ARRAY_SIZE(order); i++) {
		knob = order[i];
		r = vg_vm_write_knob(d->sysfs, entry->dir, knob,
				     wanted(entry, knob));
	}
	if (r == 0 || r == -ENOENT)
		return r;
	explain(d, entry, r, knob, &error);
	vg_strv_addf(&entry->errors, "%s", vg_error_text(error));
	vg_err("VM %s: %s", entry->dir, vg_error_text(error));
	return r;
}

/* Some of its vCPUs may have come when nothing was free any more. */
int vg_daemon_reserve_errors(const struct vg_vm *vm, char ***errors)
{
	if (strcmp(vm->knobs[VG_KNOB_RESERVE_SLICE_US], "0") == 0 ||
	    strcmp(vm->knobs[VG_KNOB_RESERVE_PERIOD_US], "0") == 0 ||
	    !vm->reserve.capacity_ppm || vm->reserve.booked_vcpus >= vm->nr_vcpus)
		return 0;
	return vg_strv_addf(errors,
			    "%" PRIu32 " of %" PRIu32 " vCPUs have no reservation:"
			    " there was no room when they came",
			    vm->nr_vcpus - vm->reserve.booked_vcpus, vm->nr_vcpus);
}
