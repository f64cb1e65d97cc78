/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A VM's policy: what the operator changes, and what adaptive VMs change
 * themselves.
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
	vm->isolate = info.isolate == VMGANG_ISOLATE_CORE;
	vm->slice = (u64)info.slice_us * 1000;
	apply_policy_task(slot);
	return 0;
}

VG_INLINE struct vg_adapt *adapting(u32 slot)
{
	struct vg_vm *vm = vg_vm(&state, slot);

	return vm->cosched == VMGANG_COSCHED_ADAPTIVE ? &vm->adapt : NULL;
}

/* An adaptive VM runs: is it to be a gang, or one no longer? */
static __noinline void adapt(u32 slot)
{
	struct bpf_spin_lock *lock = cell_lock(REGISTRY);
	struct vg_adapt *a = adapting(slot);
	u64 now = scx_bpf_now();
	bool changed = false;

	if (!a || !lock || !vg_adapt_due(a, now))
		return;
	bpf_spin_lock(lock);
	if (vg_adapt_due(a, now))
		changed = vg_adapt_step(a, now);
	bpf_spin_unlock(lock);
	if (changed)
		apply_policy(slot, my_plan());
}

/* The current thread is found to spin: its pCPU may have to ask for work. */
static __noinline void spun(void)
{
	struct task_struct *p = bpf_get_current_task_btf();
	u32 vi = task_vcpu(p);

	if (vi == VG_NONE || !vg_spin_found(&state, vg_cell(&state, vcpu_cell(vi)), vi))
		return;
	scx_bpf_task_set_slice(p, 0);
	scx_bpf_kick_cpu(bpf_get_smp_processor_id(), 0);
}

/* In the thread of the vCPU that spins. */
SEC("tp_btf/vcpu_spin")
int BPF_PROG(vg_vcpu_spin, u32 slot, pid_t pid, u32 vcpu, u32 exits)
{
	struct vg_adapt *a = adapting(slot);

	if (a)
		vg_adapt_add(a, vg_adapt_spun(exits));
	if (VMGANG_SPIN_VERDICT(exits) && vg_vm(&state, slot)->spin == VMGANG_SPIN_PREEMPT)
		spun();
	return 0;
}

SEC("tp_btf/vcpu_lhp")
int BPF_PROG(vg_vcpu_lhp, u32 slot, pid_t pid, u32 vcpu)
{
	struct vg_adapt *a = adapting(slot);

	if (a)
		vg_adapt_add(a, vg_adapt_lost(host_ple));
	return 0;
}

#endif /* VMGANG_GANG_POLICY_BPF_H */
