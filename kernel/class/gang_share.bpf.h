/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Weights through the cgroup hierarchy (policy_share.h): counted anew, for all
 * VMs, when one of them comes, goes or moves, or when a cgroup's weight changes.
 * A timer does it a moment later: what changes together is counted once.
 */
#ifndef VMGANG_GANG_SHARE_BPF_H
#define VMGANG_GANG_SHARE_BPF_H

#define SHARE_LEVELS	16

struct {
	u64 round;
	u64 shares;		/* sums of this round */
	u64 own;
	u32 vms;
	struct vg_plan plan;
} sharing;

/* The group of cgroup @id, ready to be counted in; NULL if it divides nothing. */
VG_INLINE struct vg_group *share_group(u64 id)
{
	struct cgroup_conf *conf = bpf_map_lookup_elem(&cgroups, &id);

	if (!conf)
		return NULL;
	vg_group_begin(&conf->group, sharing.round);
	return &conf->group;
}

static __noinline void share_count(u32 slot)
{
	struct vg_group *g = share_group(vg_vm(&state, slot)->cgroup), *up;
	int i;

	sharing.vms++;
	if (!g)
		return;
	g->vms++;
	vg_times(i, SHARE_LEVELS) {
		up = share_group(g->parent);
		if (!up) {
			g->below++;
			return;
		}
		vg_group_count(g, up);
		g = up;
	}
}

static __noinline void share_find(u32 slot)
{
	struct vg_vm *vm = vg_vm(&state, slot);
	struct vg_group *g = share_group(vm->cgroup);
	int i;

	vm->share = (u64)VG_WEIGHT_DFL << VG_SHARE_SHIFT;
	if (g)
		vm->share = vg_group_share(g, vm->share);
	sharing.own += vm->share;
	vg_times(i, SHARE_LEVELS) {
		if (!g)
			break;
		g = share_group(g->parent);
		if (!g || g->below == sharing.vms)
			break;
		vm->share = vg_group_share(g, vm->share);
	}
	sharing.shares += vm->share;
}

static __noinline void share_weigh(u32 slot)
{
	struct bpf_spin_lock *lock = cell_lock(REGISTRY);
	struct vg_vm *vm = vg_vm(&state, slot);
	u32 weight = vg_share_weight(vm->share, sharing.shares, sharing.own >> VG_SHARE_SHIFT);

	if (!lock || weight == vm->weight)
		return;
	bpf_spin_lock(lock);
	if (vm->id)
		vg_vm_weigh(&state, slot, weight);
	bpf_spin_unlock(lock);
	apply_policy(slot, &sharing.plan);
}

static int on_share(void *map, u32 *key, struct cell_timer *t)
{
	int i;

	sharing.round++;
	sharing.vms = 0;
	sharing.own = 0;
	sharing.shares = 0;
	vg_times(i, VMGANG_MAX_VMS)
		if (vg_vm(&state, i)->id)
			share_count(i);
	vg_times(i, VMGANG_MAX_VMS)
		if (vg_vm(&state, i)->id)
			share_find(i);
	vg_times(i, VMGANG_MAX_VMS)
		if (vg_vm(&state, i)->id)
			share_weigh(i);
	return 0;
}

#endif /* VMGANG_GANG_SHARE_BPF_H */
