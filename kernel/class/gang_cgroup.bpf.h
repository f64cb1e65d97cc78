/* SPDX-License-Identifier: GPL-2.0-only */
/* cpu.weight and cpu.max, as the kernel reports them. */
#ifndef VMGANG_GANG_CGROUP_BPF_H
#define VMGANG_GANG_CGROUP_BPF_H

#define SHARE_TIMER	VG_MAX_CELLS
#define SHARE_DELAY	VG_MS

/* Have weights reckoned anew (gang_share.bpf.h). */
static void share_soon(void)
{
	u32 id = SHARE_TIMER;
	struct cell_timer *t = bpf_map_lookup_elem(&timers, &id);

	if (t)
		bpf_timer_start(&t->timer, SHARE_DELAY, 0);
}

VG_INLINE u32 conf_weight(u64 cgroup)
{
	struct cgroup_conf *conf = bpf_map_lookup_elem(&cgroups, &cgroup);

	return conf && conf->group.weight ? conf->group.weight : VG_WEIGHT_DFL;
}

/* Give bucket @cap the cpu.max of @cgroup. */
VG_INLINE void conf_cap(struct vg_cap *cap, u64 cgroup)
{
	struct cgroup_conf *conf = bpf_map_lookup_elem(&cgroups, &cgroup);

	if (conf)
		vg_cap_set(cap, conf->quota, conf->period, conf->burst);
	else
		vg_cap_set(cap, 0, 0, 0);
}

VG_INLINE u64 cgroup_id(struct cgroup *cgrp)
{
	return BPF_CORE_READ(cgrp, kn, id);
}

s32 BPF_STRUCT_OPS_SLEEPABLE(vg_cgroup_init, struct cgroup *cgrp,
			     struct scx_cgroup_init_args *args)
{
	struct cgroup *up = cgrp->self.parent ? cgrp->self.parent->cgroup : NULL;
	struct cgroup_conf conf = {};
	u64 id = cgroup_id(cgrp);

	conf.group.parent = up ? cgroup_id(up) : 0;
	conf.group.weight = args->weight;
	conf.period = args->bw_period_us * 1000;
	if (args->bw_quota_us < (1ULL << 40))
		conf.quota = args->bw_quota_us * 1000;
	conf.burst = args->bw_burst_us * 1000;
	bpf_map_update_elem(&cgroups, &id, &conf, BPF_ANY);
	return 0;
}

void BPF_STRUCT_OPS(vg_cgroup_exit, struct cgroup *cgrp)
{
	u64 id = cgroup_id(cgrp);

	bpf_map_delete_elem(&cgroups, &id);
}

/* A vCPU's thread got a cgroup of its own, or another one. */
void BPF_STRUCT_OPS(vg_cgroup_move, struct task_struct *p, struct cgroup *from, struct cgroup *to)
{
	u32 vi = task_vcpu_raw(p);
	struct vg_vcpu *v;
	u64 id;

	if (vi == VG_NONE)
		return;
	v = vg_vcpu(&state, vi);
	id = cgroup_id(to);
	if (id == vg_vm(&state, v->slot)->cgroup)
		id = 0;
	v->cgroup = id;
	if (id)
		conf_cap(&v->cap, id);
	else
		vg_cap_set(&v->cap, 0, 0, 0);
}

void BPF_STRUCT_OPS(vg_cgroup_set_weight, struct cgroup *cgrp, u32 weight)
{
	u64 id = cgroup_id(cgrp);
	struct cgroup_conf *conf = bpf_map_lookup_elem(&cgroups, &id);

	if (!conf)
		return;
	conf->group.weight = weight;
	share_soon();
}

void BPF_STRUCT_OPS(vg_cgroup_set_bandwidth, struct cgroup *cgrp, u64 period_us, u64 quota_us,
		    u64 burst_us)
{
	u64 id = cgroup_id(cgrp), quota = 0;
	struct cgroup_conf *conf;
	int i;

	if (quota_us < (1ULL << 40))
		quota = quota_us * 1000;
	conf = bpf_map_lookup_elem(&cgroups, &id);
	if (conf) {
		conf->period = period_us * 1000;
		conf->quota = quota;
		conf->burst = burst_us * 1000;
	}
	vg_times(i, VMGANG_MAX_VMS) {
		struct vg_vm *vm = vg_vm(&state, i);

		if (vm->id && vm->cgroup == id)
			vg_cap_set(&vm->cap, quota, period_us * 1000, burst_us * 1000);
	}
	vg_times(i, VG_MAX_VCPUS) {
		struct vg_vcpu *v = vg_vcpu(&state, i);

		if (v->pid && v->cgroup == id)
			vg_cap_set(&v->cap, quota, period_us * 1000, burst_us * 1000);
	}
}

#endif /* VMGANG_GANG_CGROUP_BPF_H */
