/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A VM's policy: what the operator changes, and what adaptive and relaxed VMs
 * change themselves.
 */
#ifndef VMGANG_GANG_POLICY_BPF_H
#define VMGANG_GANG_POLICY_BPF_H

#define REGISTRY	VG_MAX_CELLS

static __noinline void apply_policy(u32 slot, struct vg_plan *pl)
{
	u32 ei = vg_vm(&state, slot)->ents;
	u64 now = scx_bpf_now();

	while (can_loop) {
		struct bpf_spin_lock *lock;
		struct vg_cell *c;
		u32 cell;

		if (ei >= VG_MAX_ENTS)
			break;
		cell = vg_ent(&state, ei)->cell;
		c = vg_cell(&state, cell);
		lock = cell_lock(cell);
		if (!lock)
			return;
		bpf_spin_lock(lock);
		vg_plan_begin(pl, now, VG_NONE, VG_NONE);
		vg_ent_policy(&state, c, pl, ei);
		bpf_spin_unlock(lock);
		act(c, pl, pl->kick);
		ei = vg_ent(&state, ei)->sibling;
	}
}

/* From process context. */
static __noinline void apply_policy_task(u32 slot)
{
	bpf_preempt_disable();
	apply_policy(slot, my_task_plan());
	bpf_preempt_enable();
}

/* Book what its VM has reserved for vCPU @vi.  False: it does not fit. */
static __noinline bool book(u32 vi)
{
	struct bpf_spin_lock *lock;
	bool fits;
	u32 cell;
	u64 now;

	if (vg_vcpu(&state, vi)->ent == VG_NONE)
		return true;
	cell = vcpu_cell(vi);
	lock = cell_lock(cell);
	if (!lock)
		return false;
	now = scx_bpf_now();
	bpf_spin_lock(lock);
	fits = vg_reserve_book(&state, vg_cell(&state, cell), vi, now);
	bpf_spin_unlock(lock);
	return fits;
}

/*
 * Book what VM @slot has reserved for each of its vCPUs; first let go of all of
 * it, so that it is not in its own way.  False: it does not fit.
 */
static __noinline bool book_all(u32 slot)
{
	struct vg_vm *vm = vg_vm(&state, slot);
	u64 slice = vm->terms.slice;
	bool fits = true;
	int i;

	vm->terms.slice = 0;
	vg_times(i, VG_MAX_VCPUS)
		if (vg_vcpu(&state, i)->pid && vg_vcpu(&state, i)->slot == slot)
			book(i);
	vm->terms.slice = slice;
	if (!slice)
		return true;
	vg_times(i, VG_MAX_VCPUS)
		if (vg_vcpu(&state, i)->pid && vg_vcpu(&state, i)->slot == slot && !book(i))
			fits = false;
	return fits;
}

static __noinline void report_reserve(u32 slot, bool refused)
{
	struct vg_vm *vm = vg_vm(&state, slot);
	struct vg_cell *c = vg_cell(&state, vm->home);
	struct vmgang_bpf_reserve answer = {
		.id = vm->id, .slot = slot, .refused = refused, .vcpus = vm->nr_booked,
	};
	u32 b, free;
	u64 m;

	vg_each_bit(b, m, c->all) {
		answer.capacity_ppm += VG_RESERVE_MOST;
		answer.booked_ppm += vg_pcpu(c, b)->booked;
		free = vg_pcpu_free(vg_pcpu(c, b));
		if (free > answer.free_ppm)
			answer.free_ppm = free;
	}
	vmgang_bpf_report_reserve(&answer);
}

/* What the operator wants reserved: all of it, or as it was. */
static __noinline void change_terms(u32 slot, struct vmgang_bpf_vm *info)
{
	struct vg_vm *vm = vg_vm(&state, slot);
	struct vg_terms former = vm->terms, terms;
	bool fits;

	vg_terms_set(&terms, info);
	if (former.period == terms.period && former.slice == terms.slice &&
	    former.extra == terms.extra)
		return;
	vm->terms = terms;
	fits = book_all(slot);
	if (!fits) {
		vm->terms = former;
		book_all(slot);
	}
	report_reserve(slot, !fits);
}

SEC("tp_btf/policy_change")
int BPF_PROG(vg_policy_change, u32 slot, pid_t pid, u64 id)
{
	struct vmgang_bpf_vm info = {};
	struct vg_vm *vm;

	if (slot >= VMGANG_MAX_VMS || vmgang_bpf_get_vm(slot, &info))
		return 0;
	vm = vg_vm(&state, slot);
	if (vm->id != id)
		return 0;
	vm->cosched = info.cosched;
	vm->spin = info.spin;
	vg_guard_set(vm, &info);
	vm->skew = (u64)info.skew_us * 1000;
	vm->isolate = info.isolate == VMGANG_ISOLATE_CORE;
	vm->slice = (u64)info.slice_us * 1000;
	if (vm->cgroup != info.cgroup_id) {
		vm->cgroup = info.cgroup_id;
		conf_cap(&vm->cap, info.cgroup_id);
		share_soon();
	}
	change_terms(slot, &info);
	apply_policy_task(slot);
	return 0;
}

VG_INLINE struct vg_adapt *adapting(u32 slot)
{
	struct vg_vm *vm = vg_vm(&state, slot);

	return vm->cosched == VMGANG_COSCHED_ADAPTIVE ? &vm->adapt : NULL;
}

/* A vCPU of an adaptive VM runs: is that to be a gang, or one no longer? */
static __noinline void adapt(u32 vi)
{
	struct vg_ent *e = vg_ent(&state, vg_vcpu(&state, vi)->ent);
	u32 slot = vg_vcpu(&state, vi)->slot;
	struct bpf_spin_lock *lock = cell_lock(REGISTRY);
	struct vg_adapt *a = adapting(slot);
	u64 now = scx_bpf_now();
	bool changed = false;
	struct vg_cell *c;

	if (!a || !lock || !vg_adapt_due(a, now))
		return;
	bpf_spin_lock(lock);
	if (vg_adapt_due(a, now)) {
		c = vg_cell(&state, e->cell);
		vg_adapt_add(a, vg_adapt_busy(c, vg_vm(&state, slot), e, state.tells, now));
		changed = vg_adapt_step(a, vg_adapt_doubts(c, a, state.tells, now), now);
	}
	bpf_spin_unlock(lock);
	if (changed)
		apply_policy(slot, my_plan());
}

/* Relaxed VMs: is @vi too far ahead, or has it made up for what others led by? */
static __noinline bool leads(u32 vi)
{
	struct bpf_spin_lock *lock;
	struct vg_plan *pl;
	struct vg_cell *c;
	bool over;
	u64 now;

	if (!vg_ent(&state, vg_vcpu(&state, vi)->ent)->bound)
		return false;
	lock = cell_lock(vcpu_cell(vi));
	if (!lock)
		return false;
	c = vg_cell(&state, vcpu_cell(vi));
	pl = my_plan();
	now = scx_bpf_now();
	bpf_spin_lock(lock);
	vg_plan_begin(pl, now, VG_NONE, VG_NONE);
	over = vg_relaxed_tick(&state, c, pl, vi);
	bpf_spin_unlock(lock);
	act(c, pl, pl->kick);
	return over;
}

/* The current thread's pCPU is to ask for work. */
static __always_inline void ask_for_work(struct task_struct *p)
{
	scx_bpf_task_set_slice(p, 0);
	scx_bpf_kick_cpu(bpf_get_smp_processor_id(), 0);
}

/* The current thread is found to spin: its pCPU may have to ask for work. */
static __noinline void spun(void)
{
	struct task_struct *p = bpf_get_current_task_btf();
	u32 vi = task_vcpu(p);

	if (vi != VG_NONE && vg_spin_found(&state, vg_cell(&state, vcpu_cell(vi)), vi))
		ask_for_work(p);
}

/* In the thread of the vCPU that spins. */
SEC("tp_btf/vcpu_spin")
int BPF_PROG(vg_vcpu_spin, u32 slot, pid_t pid, u32 vcpu, u32 exits)
{
	struct vg_adapt *a = adapting(slot);

	if (a)
		vg_adapt_exited(a, exits, scx_bpf_now());
	if (VMGANG_SPIN_VERDICT(exits) && vg_vm(&state, slot)->spin == VMGANG_SPIN_PREEMPT)
		spun();
	return 0;
}

/* In the thread of the vCPU whose guest is in a safe state, as it was asked to be. */
SEC("tp_btf/vcpu_safe")
int BPF_PROG(vg_vcpu_safe, u32 slot, pid_t pid, u32 vcpu)
{
	struct task_struct *p = bpf_get_current_task_btf();
	u32 vi = task_vcpu(p);

	if (vi != VG_NONE && vg_guard_safe(&state, vg_cell(&state, vcpu_cell(vi)), vi))
		ask_for_work(p);
	return 0;
}

SEC("tp_btf/vcpu_lhp")
int BPF_PROG(vg_vcpu_lhp, u32 slot, pid_t pid, u32 vcpu)
{
	struct vg_adapt *a = adapting(slot);

	if (a)
		vg_adapt_add(a, vg_adapt_lost(&state, vg_vm(&state, slot), scx_bpf_now()));
	return 0;
}

#endif /* VMGANG_GANG_POLICY_BPF_H */
