// SPDX-License-Identifier: GPL-2.0-only
#include "json.h"
#include "sample.h"
#include "util.h"

static double delta(sd_json_variant *before, sd_json_variant *after,
		    enum vg_stat stat)
{
	const char *name = vg_stat_name(stat);
	uint64_t a = before ? vg_json_u64(before, name) : 0;
	uint64_t b = vg_json_u64(after, name);

	return b > a ? (double)(b - a) : 0;
}

struct vg_shares vg_shares(sd_json_variant *before, sd_json_variant *after,
			   unsigned int nr_vcpus)
{
	double run = delta(before, after, VG_STAT_RUN_US);
	double ready = delta(before, after, VG_STAT_READY_US);
	double costop = delta(before, after, VG_STAT_COSTOP_US);
	double wait = delta(before, after, VG_STAT_WAIT_US);
	double total = run + ready + costop + wait;
	double percent;

	if (total <= 0 || nr_vcpus == 0)
		return (struct vg_shares){};
	percent = 100.0 * nr_vcpus / total;
	return (struct vg_shares){
		.valid = true,
		.run = run * percent,
		.ready = ready * percent,
		.costop = costop * percent,
		.wait = wait * percent,
		.corun = run <= 0 ? 0 : 100.0 *
			 delta(before, after, VG_STAT_CORUN_US) / run,
		.spins = delta(before, after, VG_STAT_SPIN_EXITS) /
			 (total / nr_vcpus / 1e6),
	};
}
