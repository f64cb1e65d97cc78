/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The slow paths of the class: threads and cgroups that come and go, the timer,
 * init and exit.
 */
#ifndef VMGANG_GANG_LIFE_BPF_H
#define VMGANG_GANG_LIFE_BPF_H

VG_INLINE u32 conf_weight(u64 cgroup)
{
	struct cgroup_conf *conf = bpf_map_lookup_elem(&cgroups, &cgroup);

	return conf && conf->weight ? conf->weight : VG_WEIGHT_DFL;
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

void BPF_STRUCT_OPS(vg_enable, struct task_struct *p)
{
	struct bpf_spin_lock *lock = cell_lock(REGISTRY);
	struct vmgang_bpf_vcpu vinfo = {};
	struct vmgang_bpf_vm info = {};
	u32 vi, weight;
	bool first;

	scx_bpf_task_set_dsq_vtime(p, 0);
	if (!lock || vmgang_bpf_get_vcpu(p, &vinfo) || vmgang_bpf_get_vm(vinfo.slot, &info))
		return;
	info.slot &= VMGANG_MAX_VMS - 1;
	weight = conf_weight(info.cgroup_id);
	bpf_spin_lock(lock);
	vi = vg_vcpu_get(&state, &info, &vinfo, p->pid, weight);
	first = vi != VG_NONE && vg_vm(&state, info.slot)->nr_vcpus == 1;
	bpf_spin_unlock(lock);
	if (vi == VG_NONE)
		return;
	if (first)
		conf_cap(&vg_vm(&state, info.slot)->cap, info.cgroup_id);
	if (vg_vcpu(&state, vi)->cgroup)
		conf_cap(&vg_vcpu(&state, vi)->cap, vinfo.cgroup_id);
	scx_bpf_task_set_dsq_vtime(p, vi + 1);
}

void BPF_STRUCT_OPS(vg_disable, struct task_struct *p)
{
	struct bpf_spin_lock *lock = cell_lock(REGISTRY);
	u32 vi = task_vcpu_raw(p);

	if (vi == VG_NONE || !lock)
		return;
	unbind(vi);
	bpf_spin_lock(lock);
	vg_vcpu_put(&state, vi);
	bpf_spin_unlock(lock);
	scx_bpf_task_set_dsq_vtime(p, 0);
}

VG_INLINE u64 cgroup_id(struct cgroup *cgrp)
{
	return BPF_CORE_READ(cgrp, kn, id);
}

s32 BPF_STRUCT_OPS_SLEEPABLE(vg_cgroup_init, struct cgroup *cgrp,
			     struct scx_cgroup_init_args *args)
{
	struct cgroup_conf conf = {};
	u64 id = cgroup_id(cgrp);

	conf.weight = args->weight;
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
	struct bpf_spin_lock *lock = cell_lock(REGISTRY);
	struct cgroup_conf *conf;
	u64 id = cgroup_id(cgrp);
	int i;

	if (!lock)
		return;
	conf = bpf_map_lookup_elem(&cgroups, &id);
	if (conf)
		conf->weight = weight;
	vg_times(i, VMGANG_MAX_VMS) {
		struct vg_vm *vm = vg_vm(&state, i);

		if (!vm->id || vm->cgroup != id)
			continue;
		bpf_spin_lock(lock);
		vg_vm_weigh(&state, i, weight);
		bpf_spin_unlock(lock);
		apply_policy_task(i);
	}
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

/* In the interrupt's exit, the guest's mode is fresh: let ops.dispatch() see it. */
static int on_look(void *map, u32 *key, struct look *l)
{
	u32 cpu = *key & (VG_MAX_CPUS - 1), cell = cell_of(cpu), bit;
	struct vg_cell *c;

	if (cell >= VG_MAX_CELLS)
		return 0;
	c = vg_cell(&state, cell);
	bit = cpu_bit[cpu];
	if (vg_pcpu(c, bit)->guard)
		kick(c, vg_bit(bit));
	return 0;
}

static int on_timer(void *map, u32 *key, struct cell_timer *t)
{
	u32 cell = *key & (VG_MAX_CELLS - 1);
	struct vg_cell *c = vg_cell(&state, cell);
	struct bpf_spin_lock *lock = cell_lock(cell);
	struct vg_plan *pl = &timer_plans[cell];
	u64 now = scx_bpf_now(), next;

	if (!lock)
		return 0;
	vg_host_level(&state, now);
	bpf_spin_lock(lock);
	vg_plan_begin(pl, now, VG_NONE, VG_NONE);
	next = vg_cell_timer(&state, c, pl);
	bpf_spin_unlock(lock);
	if (pl->mover != VG_NONE)
		move_home(c, cell, pl);
	kick(c, pl->kick);
	if (plan_tells(pl))
		report_plan(pl);
	if (c->nr_vcpus)
		arm_timer(c, now, next);
	return 0;
}

s32 BPF_STRUCT_OPS_SLEEPABLE(vg_init)
{
	struct cell_timer *t;
	u32 bit, cell, cpu;
	struct look *l;
	s32 err;
	int i;

	vg_state_begin(&state);
	state.nr_cells = nr_cells;
	vg_times(i, VG_MAX_CPUS) {
		cell = cpu_cell[i & (VG_MAX_CPUS - 1)];
		if (i >= (int)nr_cpus || cell >= VG_MAX_CELLS)
			continue;
		bit = vg_cell_add_pcpu(vg_cell(&state, cell), i);
		if (bit == VG_NONE)
			return -7;
		cpu_bit[i & (VG_MAX_CPUS - 1)] = bit;
		cpu = cpu_core[i & (VG_MAX_CPUS - 1)] & (VG_MAX_CPUS - 1);
		if (cpu < (u32)i && cpu_cell[cpu] == cell)
			vg_cell_join_core(vg_cell(&state, cell), bit, cpu_bit[cpu]);
		cpu = i;
		l = bpf_map_lookup_elem(&looks, &cpu);
		if (!l)
			return -VG_ENOENT;
		err = bpf_timer_init(&l->timer, &looks, VG_CLOCK_MONOTONIC);
		if (err)
			return err;
		bpf_timer_set_callback(&l->timer, on_look);
	}
	vg_times(i, VG_MAX_CELLS) {
		if (i >= (int)nr_cells)
			break;
		err = scx_bpf_create_dsq(FOREIGN_DSQ + i, -1);
		if (err)
			return err;
		cell = i;
		t = bpf_map_lookup_elem(&timers, &cell);
		if (!t)
			return -VG_ENOENT;
		err = bpf_timer_init(&t->timer, &timers, VG_CLOCK_MONOTONIC);
		if (err)
			return err;
		bpf_timer_set_callback(&t->timer, on_timer);
	}
	return vmgang_bpf_attach_class(VMGANG_ABI);
}

void BPF_STRUCT_OPS(vg_exit, struct scx_exit_info *ei)
{
	struct vg_exit_record *rec;
	u32 key = 0;

	rec = bpf_map_lookup_elem(&exits, &key);
	if (rec) {
		bpf_probe_read_kernel_str(rec->reason, sizeof(rec->reason), ei->reason);
		bpf_probe_read_kernel_str(rec->msg, sizeof(rec->msg), ei->msg);
		rec->code = ei->exit_code;
		rec->kind = ei->kind;
		rec->seen = 1;
	}
	vmgang_bpf_detach_class();
}

#define dump(fmt, args...)						\
({									\
	static char ___fmt[] = fmt;					\
	unsigned long long ___param[] = { args };			\
	scx_bpf_dump_bstr(___fmt, ___param, sizeof(___param));		\
})

void BPF_STRUCT_OPS(vg_dump, struct scx_dump_ctx *dctx)
{
	int i, b;

	vg_times(i, VG_MAX_CELLS) {
		struct vg_cell *c = vg_cell(&state, i);

		if (i >= (int)nr_cells)
			break;
		dump("cell %llu: pcpus=%llx idle=%llx vcpus=%llu queued=%llu held=%llu vnow=%llu\n",
		     i, c->all, c->idle, c->nr_vcpus, c->nr_queued, c->nr_held, c->vnow);
		vg_times(b, VG_CELL_PCPUS) {
			struct vg_pcpu *p = vg_pcpu(c, b);

			if (!(c->all & vg_bit(b)))
				break;
			dump("  cpu %llu: cur=%lld coming=%lld gang=%lld keep=%lld end=%lld\n",
			     p->cpu, (s32)p->cur, (s32)p->coming, (s32)p->gang,
			     (s32)vg_pcpu_keeper(c, b), p->deadline);
		}
		vg_times(b, 32) {
			struct vg_ent *e;

			if (b >= (int)c->nr_queued)
				break;
			e = vg_ent(&state, vg_queue_at(c, b));
			dump("  ent %llu: slot=%llu vtime=%llu flags=%llx waiting=%llu on=%llx\n",
			     vg_queue_at(c, b), e->slot, e->vtime, e->flags, e->nr_waiting, e->on);
		}
	}
}

#endif /* VMGANG_GANG_LIFE_BPF_H */
