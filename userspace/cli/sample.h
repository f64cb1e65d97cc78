/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef VMGANG_SAMPLE_H
#define VMGANG_SAMPLE_H

#include <stdbool.h>
#include <systemd/sd-json.h>

/*
 * What a VM or a vCPU did between two readings, as esxtop shows it: shares of
 * wall time in percent, summed over the vCPUs, so that run + ready + co-stop +
 * wait are 100 times their number.
 */
struct vg_shares {
	bool valid;		/* any time has passed at all */
	double run, ready, costop, wait;
	double corun;		/* percent of run with a sibling running */
	double spins;		/* spin exits per second */
};

/* before may be NULL: since the beginning. Both are "stats" objects. */
struct vg_shares vg_shares(sd_json_variant *before, sd_json_variant *after,
			   unsigned int nr_vcpus);

#endif
