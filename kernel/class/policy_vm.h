/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Coming and going: records of VMs, ents and vCPUs.
 *
 * All functions here run under the registry lock, except where said.  A record
 * in use is found by index only; an ent belongs to one VM and one cell, and
 * lives as long as it has vCPUs.
 */
#ifndef VMGANG_POLICY_VM_H
#define VMGANG_POLICY_VM_H

#include "policy_adapt.h"
#include "policy_balance.h"

VG_FN void vg_state_begin(struct vg_state_all *s)
{
	int i;

	vg_times(i, VG_MAX_VCPUS) {
		s->vcpus[i & (VG_MAX_VCPUS - 1)].next = i + 1 < VG_MAX_VCPUS ? (u32)i + 1 : VG_NONE;
		s->vcpus[i & (VG_MAX_VCPUS - 1)].ent = VG_NONE;
	}
	vg_times(i, VG_MAX_ENTS) {
		vg_ent(s, i)->next = i + 1 < VG_MAX_ENTS ? (u32)i + 1 : VG_NONE;
		vg_ent(s, i)->slot = VG_NONE;
	}
	vg_times(i, VMGANG_MAX_VMS)
		vg_vm(s, i)->ents = VG_NONE;
	s->free_vcpu = 0;
	s->free_ent = 0;
	s->level = 1;
	vg_times(i, VG_MAX_CELLS) {
		struct vg_cell *c = vg_cell(s, i);
		int k;

		c->id = i;
		c->changed = VG_NONE;
		vg_times(k, VG_WHEEL) {
			c->throttled[k & (VG_WHEEL - 1)] = VG_NONE;
			c->paused[k & (VG_WHEEL - 1)] = VG_NONE;
		}
		c->ents = VG_NONE;
		c->at = VG_NONE;
		c->idler = VG_NONE;
	}
}

/* Give the cell another pCPU; returns its bit, VG_NONE if the cell is full. */
VG_FN u32 vg_cell_add_pcpu(struct vg_cell *c, u32 cpu)
{
	u32 bit = c->nr_pcpus;
	struct vg_pcpu *p = vg_pcpu(c, bit);

	if (bit >= VG_CELL_PCPUS)
		return VG_NONE;
	p->cpu = cpu;
	p->cur = VG_NONE;
	p->coming = VG_NONE;
	p->gang = VG_NONE;
	p->keep = VG_NONE;
	p->hint = VG_NONE;
	p->spun = VG_NONE;
	p->holder = VG_NONE;
	p->core = vg_bit(bit);
	if (!c->threads)
		c->threads = 1;
	c->all |= vg_bit(bit);
	c->nr_pcpus++;
	return bit;
}

/* pCPU @bit is of the same core as @other. */
VG_FN void vg_cell_join_core(struct vg_cell *c, u32 bit, u32 other)
{
	u64 core = vg_pcpu(c, bit)->core | vg_pcpu(c, other)->core, m;
	u32 b;

	vg_each_bit(b, m, core)
		vg_pcpu(c, b)->core = core;
	if (c->threads < vg_weight_of(core))
		c->threads = vg_weight_of(core);
}

/* The cell of @cells with the least weight for each of its pCPUs. */
VG_FN u32 vg_cell_lightest(struct vg_state_all *s, u64 cells)
{
	u64 least = ~0ULL, load;
	u32 best = 0;
	int i;

	vg_times(i, VG_MAX_CELLS) {
		struct vg_cell *c = vg_cell(s, i);

		if (!c->nr_pcpus || !(cells & vg_bit(i)))
			continue;
		load = c->load * 1000 / c->nr_pcpus;
		if (load < least) {
			least = load;
			best = i;
		}
	}
	return best;
}

/* The VM's ent in @cell, made if need be; VG_NONE if there is no room. */
VG_FN u32 vg_ent_get(struct vg_state_all *s, u32 slot, u32 cell)
{
	struct vg_vm *vm = vg_vm(s, slot);
	u32 ei = vm->ents;
	struct vg_ent *e;

	while (ei != VG_NONE && can_loop) {
		e = vg_ent(s, ei);
		if (e->cell == cell) {
			e->nr_vcpus++;
			return ei;
		}
		ei = e->sibling;
	}
	ei = s->free_ent;
	if (ei == VG_NONE)
		return VG_NONE;
	e = vg_ent(s, ei);
	s->free_ent = e->next;
	e->vtime = vg_cell(s, cell)->vnow;
	e->inv = vg_weight_inv(vm->weight);
	e->slice = vm->slice;
	e->cosched = vg_vm_cosched(vm);
	e->deadline = 0;
	e->ahead = 0;
	e->vstart = 0;
	e->on = 0;
	e->held = 0;
	e->mask = 0;
	e->slot = slot;
	e->cell = cell;
	e->woke = 0;
	e->rose = 0;
	e->rises = 0;
	e->often = 0;
	e->flags = 0;
	e->pos = VG_NONE;
	e->head = VG_NONE;
	e->tail = VG_NONE;
	e->nr_waiting = 0;
	e->nr_vcpus = 1;
	e->nr_pinned = 0;
	e->nr_bound = 0;
	e->members = VG_NONE;
	e->kept = 0;
	e->kept_at = 0;
	e->shut = 0;
	e->come = 0;
	e->isolate = 0;
	e->frag = 0;
	e->coming = 0;
	e->seen = 0;
	e->ran = 0;
	e->waited = 0;
	e->demand = 0;
	e->counted = 0;
	e->pull = 0;
	e->bound = 0;
	e->limit = VG_NO_LIMIT;
	e->top = 0;
	e->nr_costop = 0;
	e->nr_tied = 0;
	e->next = VG_NONE;
	e->sibling = vm->ents;
	vm->ents = ei;
	return ei;
}

VG_FN void vg_ent_put(struct vg_state_all *s, u32 ei)
{
	struct vg_ent *e = vg_ent(s, ei);
	struct vg_vm *vm = vg_vm(s, e->slot);
	u32 at = vm->ents;

	if (--e->nr_vcpus)
		return;
	if (at == ei)
		vm->ents = e->sibling;
	while (at != VG_NONE && at != ei && can_loop) {
		if (vg_ent(s, at)->sibling == ei) {
			vg_ent(s, at)->sibling = e->sibling;
			break;
		}
		at = vg_ent(s, at)->sibling;
	}
	e->slot = VG_NONE;
	e->next = s->free_ent;
	s->free_ent = ei;
}

VG_INLINE void vg_terms_set(struct vg_terms *terms, struct vmgang_bpf_vm *info)
{
	terms->period = (u64)info->reserve_period_us * 1000;
	terms->slice = terms->period ? (u64)info->reserve_slice_us * 1000 : 0;
	terms->extra = info->extratime;
	terms->pad = 0;
}

VG_INLINE void vg_guard_set(struct vg_vm *vm, struct vmgang_bpf_vm *info)
{
	vm->guard = info->guard != VMGANG_GUARD_OFF ? (u64)info->guard_us * 1000 : 0;
	vm->hinted = info->guard == VMGANG_GUARD_HINT;
}

/* A thread of VM @info enters; returns the vCPU's record. */
VG_FN u32 vg_vcpu_get(struct vg_state_all *s, struct vmgang_bpf_vm *info,
		      struct vmgang_bpf_vcpu *vinfo, u32 pid, u32 weight)
{
	struct vg_vm *vm = vg_vm(s, info->slot);
	u32 vi = s->free_vcpu;
	struct vg_vcpu *v;

	if (vi == VG_NONE)
		return VG_NONE;
	v = vg_vcpu(s, vi);
	s->free_vcpu = v->next;
	if (vm->id != info->id || !vm->nr_vcpus) {
		vm->id = info->id;
		vm->nr_vcpus = 0;
		vm->ents = VG_NONE;
		vm->cgroup = info->cgroup_id;
		vm->cosched = info->cosched;
		vm->spin = info->spin;
		vg_guard_set(vm, info);
		vm->skew = (u64)info->skew_us * 1000;
		vm->isolate = info->isolate == VMGANG_ISOLATE_CORE;
		vg_adapt_begin(&vm->adapt);
		vm->slice = (u64)info->slice_us * 1000;
		vm->weight = weight;
		vm->home = vg_cell_lightest(s, ~0ULL);
		vm->cap.quota = 0;
		vm->nr_booked = 0;
		vg_terms_set(&vm->terms, info);
		vm->moved = 0;
		vm->demand = 0;
		vg_cell(s, vm->home)->load += weight;
	}
	vm->nr_vcpus++;
	v->pid = pid;
	v->slot = info->slot;
	v->index = vinfo->index;
	v->cgroup = vinfo->cgroup_id == info->cgroup_id ? 0 : vinfo->cgroup_id;
	v->cap.quota = 0;
	v->rsv.terms.slice = 0;
	v->rsv.left = 0;
	v->ent = VG_NONE;
	v->state = VG_OUT;
	v->bit = 0;
	v->prev = VG_NONE;
	v->next = VG_NONE;
	v->pre = 0;
	v->progress = 0;
	v->spell = VG_BURST;	/* it has not slept */
	v->bounced = 0;
	v->doubt = 0;
	v->heeds = 0;
	v->refused = 0;
	v->costop = 0;
	return vi;
}

VG_FN void vg_vcpu_put(struct vg_state_all *s, u32 vi)
{
	struct vg_vcpu *v = vg_vcpu(s, vi);
	struct vg_vm *vm = vg_vm(s, v->slot);
	struct vg_cell *home = vg_cell(s, vm->home);

	v->pid = 0;
	v->ent = VG_NONE;
	v->next = s->free_vcpu;
	s->free_vcpu = vi;
	if (!--vm->nr_vcpus) {
		vm->id = 0;
		vm->cgroup = 0;
		home->load -= vm->weight < home->load ? vm->weight : home->load;
	}
}

/* Put @vi into its ent's list of members. */
VG_FN void vg_ent_join(struct vg_state_all *s, u32 vi)
{
	struct vg_vcpu *v = vg_vcpu(s, vi);
	struct vg_ent *e = vg_ent(s, v->ent);

	v->younger = VG_NONE;
	v->elder = e->members;
	if (e->members != VG_NONE)
		vg_vcpu(s, e->members)->younger = vi;
	e->members = vi;
	e->nr_bound++;
	e->flags &= ~VG_MISFIT;
}

VG_FN void vg_ent_part(struct vg_state_all *s, u32 vi)
{
	struct vg_vcpu *v = vg_vcpu(s, vi);
	struct vg_ent *e = vg_ent(s, v->ent);

	if (v->younger == VG_NONE)
		e->members = v->elder;
	else
		vg_vcpu(s, v->younger)->elder = v->elder;
	if (v->elder != VG_NONE)
		vg_vcpu(s, v->elder)->younger = v->younger;
	e->nr_bound--;
	e->flags &= ~VG_MISFIT;
}

/* All cells that have pCPUs. */
VG_INLINE u64 vg_all_cells(struct vg_state_all *s)
{
	return s->nr_cells < VG_MAX_CELLS ? vg_bit(s->nr_cells) - 1 : ~0ULL;
}

/*
 * The cell for a vCPU of VM @slot that may not use the VM's home but @cells: one
 * where siblings are, else the lightest.  If nobody is at home, that is home.
 */
VG_FN u32 vg_vm_house(struct vg_state_all *s, u32 slot, u64 cells)
{
	struct vg_vm *vm = vg_vm(s, slot);
	u32 ei = vm->ents, cell = VG_NONE;
	bool lived_in = false;

	while (ei != VG_NONE && can_loop) {
		struct vg_ent *e = vg_ent(s, ei);

		if (e->cell == vm->home)
			lived_in = true;
		if (cells & vg_bit(e->cell))
			cell = e->cell;
		ei = e->sibling;
	}
	if (cell == VG_NONE)
		cell = vg_cell_lightest(s, cells);
	if (!lived_in && cell != vm->home) {
		struct vg_cell *home = vg_cell(s, vm->home);

		home->load -= vm->weight < home->load ? vm->weight : home->load;
		vg_cell(s, cell)->load += vm->weight;
		vm->home = cell;
	}
	return cell;
}

/* VM @slot has another weight. */
VG_FN void vg_vm_weigh(struct vg_state_all *s, u32 slot, u32 weight)
{
	struct vg_vm *vm = vg_vm(s, slot);

	vg_cell(s, vm->home)->load += (u64)weight - vm->weight;
	vm->weight = weight;
}

/* Cell lock.  @vi, which is OUT, belongs to ent @ei and may use @mask there. */
VG_FN void vg_vcpu_bind(struct vg_state_all *s, struct vg_cell *c, u32 vi, u32 ei, u64 mask)
{
	struct vg_vcpu *v = vg_vcpu(s, vi);
	struct vg_ent *e = vg_ent(s, ei);

	v->ent = ei;
	v->mask = mask;
	v->progress = 0;
	v->idled = 1;
	if (!e->nr_bound) {
		vg_ent_link(s, c, ei);
		vg_ent_isolate(s, c, ei, vg_vm(s, e->slot)->isolate, 0);
	}
	vg_ent_join(s, vi);
	vg_ent_relax(s, c, ei, 0);
	if ((mask & c->all) != c->all)
		e->nr_pinned++;
	if (!e->nr_tied)
		e->cells = ~0ULL;
	if (v->cells != vg_all_cells(s)) {
		e->cells &= v->cells;
		e->nr_tied++;
	}
	if (!(mask & vg_bit(v->bit)))
		v->bit = vg_lowest(mask);
	c->nr_vcpus++;
}

/* Cell lock.  The reverse. */
VG_FN void vg_vcpu_unbind(struct vg_state_all *s, struct vg_cell *c, struct vg_plan *pl, u32 vi)
{
	struct vg_vcpu *v = vg_vcpu(s, vi);
	struct vg_ent *e = vg_ent(s, v->ent);

	vg_vcpu_leave(s, c, pl, vi);
	vg_reserve_cancel(s, c, vi, pl->now);
	if ((v->mask & c->all) != c->all)
		e->nr_pinned--;
	if (v->cells != vg_all_cells(s))
		e->nr_tied--;
	c->nr_vcpus--;
	vg_ent_part(s, vi);
	vg_ent_relax(s, c, v->ent, pl->now);
	vg_strict_trim(s, c, pl, v->ent);
	if (!e->nr_bound) {
		vg_ent_isolate(s, c, v->ent, false, pl->now);
		vg_ent_unlink(s, c, v->ent);
		vg_ent_unthrottle(s, c, v->ent);
		vg_queue_sort(s, c, pl->now);
	}
}

/*
 * Cell lock.  @vi comes from another cell, where its VM was ahead by @lead.  The
 * first of them brings that along, and what the VM was known to ask for.
 */
VG_FN void vg_vcpu_arrive(struct vg_state_all *s, struct vg_cell *c, u32 vi, u32 ei, s64 lead)
{
	struct vg_vcpu *v = vg_vcpu(s, vi);
	struct vg_ent *e = vg_ent(s, ei);
	bool first = !e->nr_bound;

	vg_vcpu_bind(s, c, vi, ei, v->mask);
	vg_count(c, VG_STAT_ARRIVALS, 1);
	if (e->cosched == VMGANG_COSCHED_OFF) {
		e->cosched = vg_vm_cosched(vg_vm(s, e->slot));
		vg_ent_relax(s, c, ei, 0);
	}
	vg_ent_requeue(s, c, ei);
	if (!first)
		return;
	e->vtime = c->vnow + lead;
	vg_ent_count(s, c, e, vg_vm(s, e->slot)->demand);
	__sync_fetch_and_sub(&c->due, e->pull);
}

/* Cell lock.  What an operator may change at run time. */
VG_FN void vg_ent_policy(struct vg_state_all *s, struct vg_cell *c, struct vg_plan *pl, u32 ei)
{
	struct vg_ent *e = vg_ent(s, ei);
	struct vg_vm *vm = vg_vm(s, e->slot);

	vg_ent_cosched(s, c, pl, ei, vg_vm_cosched(vm));
	vg_ent_relax(s, c, ei, pl->now);
	vg_relaxed_free(s, c, pl, ei);
	vg_ent_isolation(s, c, pl, ei);
	e->slice = vm->slice;
	e->inv = vg_weight_inv(vm->weight);
	vg_ent_requeue(s, c, ei);
}

#endif /* VMGANG_POLICY_VM_H */
