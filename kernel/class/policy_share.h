/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Weights through the cgroup hierarchy.
 *
 * A cgroup divides what it has among those of its children that have VMs
 * running, by their cpu.weight; a VM that is in it by itself counts like a child
 * of the default weight.  So a VM's part of the host is the product of its parts
 * on the way up, to the cgroup that all VMs have in common: what is above that
 * divides nothing.
 *
 * For example, a slice of weight 100 with one VM beside a slice of weight 300
 * with two: 100, 150 and 150.
 *
 * Only ratios matter.  The weights that the class reckons with are these parts,
 * stretched so that their sum is that of the VMs' own weights: where all VMs
 * are in one slice they are just those.
 */
#ifndef VMGANG_POLICY_SHARE_H
#define VMGANG_POLICY_SHARE_H

#include "policy_credit.h"

#define VG_SHARE_SHIFT	16
#define VG_SHARE_MOST	65535	/* vg_ratio() has no room for more */

/**
 * struct vg_group - a cgroup, as a divider of pCPU time
 * @parent:	its id; 0: none
 * @round:	of counting, in which the rest was filled in
 * @weight:	cpu.weight
 * @vms:	that are in it by themselves
 * @below:	… or in any cgroup below, too
 * @load:	weights of the children that have VMs
 */
struct vg_group {
	u64 parent;
	u64 round;
	u32 weight;
	u32 vms;
	u32 below;
	u32 load;
};

VG_INLINE void vg_group_begin(struct vg_group *g, u64 round)
{
	if (g->round == round)
		return;
	g->round = round;
	g->vms = 0;
	g->below = 0;
	g->load = 0;
}

/* One more VM is below @g, and so below @up, its parent. */
VG_INLINE void vg_group_count(struct vg_group *g, struct vg_group *up)
{
	if (!g->below++)
		up->load += g->weight;
}

/* What becomes of @share of @g if it is handed on to who divides it above. */
VG_INLINE u64 vg_group_share(struct vg_group *g, u64 share)
{
	u64 among = (u64)g->vms * VG_WEIGHT_DFL + g->load;

	return among ? share * g->weight / among : share;
}

/* What @share of @shares in all comes to as a weight, of @weights in all. */
VG_INLINE u32 vg_share_weight(u64 share, u64 shares, u64 weights)
{
	u64 weight;

	if (!shares)
		return VG_WEIGHT_DFL;
	weight = (share * weights + shares / 2) / shares;
	if (weight > VG_SHARE_MOST)
		return VG_SHARE_MOST;
	return weight ? weight : 1;
}

#endif /* VMGANG_POLICY_SHARE_H */
