/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The slow paths of the class: threads that come and go, the timers, init and
 * exit.
 */
#ifndef VMGANG_GANG_LIFE_BPF_H
#define VMGANG_GANG_LIFE_BPF_H

#include "gang_share.bpf.h"

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
	if (first) {
		conf_cap(&vg_vm(&state, info.slot)->cap, info.cgroup_id);
		share_soon();
	}
	if (vg_vcpu(&state, vi)->cgroup)
		conf_cap(&vg_vcpu(&state, vi)->cap, vinfo.cgroup_id);
	scx_bpf_task_set_dsq_vtime(p, vi + 1);
}

void BPF_STRUCT_OPS(vg_disable, struct task_struct *p)
{
	struct bpf_spin_lock *lock = cell_lock(REGISTRY);
	u32 vi = task_vcpu_raw(p), slot;

	if (vi == VG_NONE || !lock)
		return;
	unbind(vi);
	slot = vg_vcpu(&state, vi)->slot;
	bpf_spin_lock(lock);
	vg_vcpu_put(&state, vi);
	bpf_spin_unlock(lock);
	if (!vg_vm(&state, slot)->id)
		share_soon();
	scx_bpf_task_set_dsq_vtime(p, 0);
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
	if (vg_pcpu_looks(c, bit, scx_bpf_now()))
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
	if (c->nr_vcpus)
		arm_timer(c, now, next);
	if (pl->mover != VG_NONE)
		move_home(c, cell, pl);
	kick(c, pl->kick);
	if (plan_tells(pl))
		report_plan(pl);
	if (pl->nr_missed)
		report_missed(pl);
	/* Who asked meanwhile may have been answered before the timer was set. */
	if (c->nr_vcpus && vg_cell_late(c, now))
		arm_timer(c, now, vg_cell_wants(c));
	return 0;
}

static __always_inline s32 timer_init(u32 id, int (*shot)(void *, u32 *, struct cell_timer *))
{
	struct cell_timer *t = bpf_map_lookup_elem(&timers, &id);
	s32 err;

	if (!t)
		return -VG_ENOENT;
	err = bpf_timer_init(&t->timer, &timers, VG_CLOCK_MONOTONIC);
	return err ? err : bpf_timer_set_callback(&t->timer, shot);
}

s32 BPF_STRUCT_OPS_SLEEPABLE(vg_init)
{
	u32 bit, cell, cpu;
	struct look *l;
	s32 err;
	int i;

	vg_state_begin(&state);
	state.nr_cells = nr_cells;
	state.tells = host_tells;
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
		err = timer_init(i, on_timer);
		if (err)
			return err;
	}
	err = timer_init(SHARE_TIMER, on_share);
	if (err)
		return err;
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
