/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where a vCPU lives: its cell by its affinity and its VM's home, and the way
 * there when that changes.
 *
 * Why a move is safe.  That a VM has another home is one word in its record,
 * changed under the registry lock by the timer of the cell that it leaves.  No
 * vCPU moves then: each does so itself, in its own ops.enqueue(), when it is in
 * nobody's queue.  All callbacks for one thread come with the lock of its run
 * queue held, so enqueue, set_cpumask, disable, running, stopping and quiescent
 * of a thread exclude each other, and v->ent does not change under any of them.
 * What others do to the record they do under the lock of the cell of its ent;
 * to leave that, rehome() takes this very lock, and out of a cell's lists and
 * pCPUs means out of reach of its timer and of its pCPUs' picks.  A pCPU that
 * chose the vCPU just before finds its placement gone (unsend() looks under the
 * lock), or its insertion void, or, if the vCPU is queued anew by then, runs it
 * for one stint where it does not live: ops.running() takes it out of the books,
 * and ops.stopping() and ops.enqueue() send it home.
 *
 * set_cpumask: looks at home at its time; a vCPU that may not go there stays
 * (v->cells says so, and is changed by nobody else).  disable: unbinds from
 * whatever ent the vCPU has.  A new weight: under the registry lock, like the
 * move, so that the cells' loads follow both.  A new policy walks the VM's ents
 * and sets each: an ent made meanwhile takes what the VM's record says already.
 * The timer of the new cell is armed by whoever comes there first.  Two locks
 * are never held at once.
 */
#ifndef VMGANG_GANG_HOME_BPF_H
#define VMGANG_GANG_HOME_BPF_H

/* The pCPUs of @c that are in @cpumask. */
static __noinline u64 mask_in(struct vg_cell *c, const struct cpumask *cpumask)
{
	u64 mask = 0, m;
	u32 b;

	vg_each_bit(b, m, c->all)
		if (bpf_cpumask_test_cpu(vg_pcpu(c, b)->cpu, cpumask))
			mask |= vg_bit(b);
	return mask;
}

/* The cells of which at least half is in @cpumask. */
static __noinline u64 cells_of(const struct cpumask *cpumask)
{
	u64 cells = 0;
	u32 i;

	for (i = 0; i < VG_MAX_CELLS && can_loop; i++) {
		struct vg_cell *c = vg_cell(&state, i);

		if (i >= nr_cells)
			break;
		if (2 * vg_weight_of(mask_in(c, cpumask)) >= c->nr_pcpus)
			cells |= vg_bit(i);
	}
	return cells;
}

/* @vi leaves its ent, if it has one.  Returns how far that was ahead of its cell. */
static __noinline s64 unbind(u32 vi)
{
	struct vg_vcpu *v = vg_vcpu(&state, vi);
	struct vg_plan *pl = my_plan();
	struct bpf_spin_lock *lock;
	u32 ei = v->ent, cell;
	struct vg_cell *c;
	s64 lead;
	u64 now;

	if (ei == VG_NONE)
		return 0;
	cell = vg_ent(&state, ei)->cell;
	c = vg_cell(&state, cell);
	lock = cell_lock(cell);
	if (!lock)
		return 0;
	now = scx_bpf_now();
	bpf_spin_lock(lock);
	vg_plan_begin(pl, now, VG_NONE, VG_NONE);
	lead = vg_ent_lead(&state, c, ei, now);
	vg_vcpu_unbind(&state, c, pl, vi);
	bpf_spin_unlock(lock);
	act(c, pl, pl->kick);

	lock = cell_lock(REGISTRY);
	if (!lock)
		return 0;
	bpf_spin_lock(lock);
	vg_ent_put(&state, ei);
	v->ent = VG_NONE;
	bpf_spin_unlock(lock);
	return lead;
}

/*
 * Who comes to a cell whose timer has run out sets its heartbeat going.  Two that
 * come to an empty cell at once would both find that they are not the first.
 */
VG_INLINE void wake_cell(struct vg_cell *c)
{
	u64 now = scx_bpf_now();

	if (c->armed <= now)
		arm_timer(c, now, now + VG_HEARTBEAT);
}

/* From ops.enqueue(): the VM of @vi has another home, and there it goes. */
static __noinline void rehome(struct task_struct *p, u32 vi)
{
	struct vg_vcpu *v = vg_vcpu(&state, vi);
	u32 home = vg_vm(&state, v->slot)->home & (VG_MAX_CELLS - 1), ei;
	struct vg_cell *c = vg_cell(&state, home);
	struct bpf_spin_lock *lock = cell_lock(REGISTRY), *clock = cell_lock(home);
	u64 mask = mask_in(c, p->cpus_ptr);
	s64 lead;

	if (!mask || !lock || !clock)
		return;
	bpf_spin_lock(lock);
	ei = vg_ent_get(&state, v->slot, home);
	bpf_spin_unlock(lock);
	if (ei == VG_NONE)
		return;
	lead = unbind(vi);
	v->mask = mask;
	bpf_spin_lock(clock);
	vg_vcpu_arrive(&state, c, vi, ei, lead);
	bpf_spin_unlock(clock);
	wake_cell(c);
}

/* From the timer: a VM of cell @c moves, as @pl says. */
static __noinline void move_home(struct vg_cell *c, u32 cell, struct vg_plan *pl)
{
	struct bpf_spin_lock *lock = cell_lock(REGISTRY), *clock = cell_lock(cell);
	bool moved;

	if (!lock || !clock)
		return;
	bpf_spin_lock(lock);
	moved = vg_vm_move(&state, c, pl);
	bpf_spin_unlock(lock);
	if (!moved)
		return;
	bpf_spin_lock(clock);
	vg_cell_moved(&state, c, pl);
	bpf_spin_unlock(clock);
}

/*
 * Called when a thread enters, and when its affinity changes; it is neither
 * queued nor running then.  It goes to its VM's home cell if it may run there,
 * else to one of which it may use half, else to that of the first pCPU it may
 * use.
 */
void BPF_STRUCT_OPS(vg_set_cpumask, struct task_struct *p, const struct cpumask *cpumask)
{
	struct bpf_spin_lock *lock = cell_lock(REGISTRY), *clock;
	u32 vi = task_vcpu_raw(p), cell, ei, slot;
	struct vg_vcpu *v;
	u64 mask, cells;

	if (vi == VG_NONE || !lock)
		return;
	v = vg_vcpu(&state, vi);
	slot = v->slot;
	cell = vg_vm(&state, slot)->home;
	mask = mask_in(vg_cell(&state, cell), cpumask);
	cells = cells_of(cpumask);
	unbind(vi);
	if (!mask) {
		cell = cell_of(bpf_cpumask_first(cpumask));
		if (cells) {
			bpf_spin_lock(lock);
			cell = vg_vm_house(&state, slot, cells);
			bpf_spin_unlock(lock);
		}
		if (cell >= VG_MAX_CELLS)
			return;
		mask = mask_in(vg_cell(&state, cell), cpumask);
	}
	if (!mask)
		return;		/* no pCPU of ours: a foreigner from now on */
	cell &= VG_MAX_CELLS - 1;
	clock = cell_lock(cell);
	if (!clock)
		return;
	bpf_spin_lock(lock);
	ei = vg_ent_get(&state, slot, cell);
	bpf_spin_unlock(lock);
	if (ei == VG_NONE)
		return;
	v->cells = cells;
	bpf_spin_lock(clock);
	vg_vcpu_bind(&state, vg_cell(&state, cell), vi, ei, mask);
	bpf_spin_unlock(clock);
	if (vg_vm(&state, slot)->terms.slice) {
		book(vi);
		report_reserve(slot, false);
	}
	wake_cell(vg_cell(&state, cell));
}

#endif /* VMGANG_GANG_HOME_BPF_H */
