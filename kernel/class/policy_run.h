/* SPDX-License-Identifier: GPL-2.0-only */
/* A vCPU begins to run, stops, or leaves. */
#ifndef VMGANG_POLICY_RUN_H
#define VMGANG_POLICY_RUN_H

#include "policy_adapt.h"
#include "policy_edf.h"
#include "policy_guard.h"
#include "policy_pass.h"

/* vCPU @vi begins to run on pCPU @bit, because we said so or in spite of it. */
VG_FN void vg_vcpu_run(struct vg_state_all *s, struct vg_cell *c, struct vg_plan *pl, u32 vi,
		       u32 bit)
{
	u64 now = pl->now;
	struct vg_vcpu *v = vg_vcpu(s, vi);
	struct vg_ent *e = vg_ent(s, v->ent);
	struct vg_pcpu *p = vg_pcpu(c, bit);

	if (v->state == VG_RUNNING)
		return;
	vg_vcpu_unlist(s, c, vi);
	vg_relaxed_run(e, v);
	if (v->state == VG_COMING && p->coming != vi)
		vg_vcpu_unplace(s, c, vi);
	if (v->state == VG_COMING) {
		p->coming = VG_NONE;
		e->come &= ~vg_bit(bit);
		if (e->coming && (e->flags & VG_ON)) {
			if (!e->skew)
				e->skew = now;
			if (!--e->coming) {
				u64 skew = vg_since(now, e->skew);

				vg_count(c, VG_STAT_SKEW_SUM, skew);
				vg_count(c, VG_STAT_SKEW_NR, 1);
				if (skew > c->stats[VG_STAT_SKEW_MAX])
					c->stats[VG_STAT_SKEW_MAX] = skew;
			}
		}
	} else {
		p->since = now;
		p->vstart = e->vtime;
		/* Where it is not to be it is no longer than until the next tick. */
		p->deadline = c->kept & ~e->kept & vg_bit(bit) ? now : now + e->slice;
		vg_vcpu_uncharge(e, v, 0);
		vg_edf_run(c, v, bit, now);
	}
	v->state = VG_RUNNING;
	v->bit = bit;
	v->start = now;
	v->bounced = 0;
	v->costop = 0;
	p->cur = vi;
	c->runs++;
	c->nr_running++;
	e->on |= vg_bit(bit);
	vg_core_note(s, c, bit);
	vg_idle_clear(c, bit);
	vg_gang_release(c, e);
	vg_ent_requeue(s, c, v->ent);
	pl->kick |= vg_core_clash(s, c, vi);
	vg_core_settle(s, c, now);
	vg_pass_end(s, c, pl, bit);
}

/* vCPU @vi has stopped running, for whatever reason. */
VG_FN void vg_vcpu_stop(struct vg_state_all *s, struct vg_cell *c, struct vg_plan *pl, u32 vi)
{
	struct vg_vcpu *v = vg_vcpu(s, vi);
	u32 ei = v->ent;
	struct vg_ent *e = vg_ent(s, ei);
	struct vg_pcpu *p = vg_pcpu(c, v->bit);

	if (v->state != VG_RUNNING)
		return;
	vg_vcpu_settle(s, c, vi, pl->now);
	v->state = VG_OUT;
	c->nr_running--;
	if (p->cur == vi) {
		vg_guard_end(c, pl, v->bit, false);
		vg_pass_begin(c, pl, v->bit, ei);
		p->cur = VG_NONE;
	}
	vg_ent_off(s, c, ei, v->bit);
	vg_core_left(s, c, pl, v->bit);
	if (p->cur == VG_NONE && p->coming == VG_NONE && !(c->kept & vg_bit(v->bit)) &&
	    e->nr_bound > 1 &&
	    vg_strict_on(s, c, ei, pl->now))
		vg_pcpu_keep(s, c, v->bit, ei, pl->now);
	/* Who only makes room finds a kept pCPU in a moment. */
	if (!e->on && !(e->kept && vg_strict_on(s, c, ei, pl->now)))
		vg_gang_stop(s, c, pl, ei);
	vg_core_settle(s, c, pl->now);
	if (c->nr_iso)
		vg_strict_tell(e, pl, ei);
	vg_ent_requeue(s, c, ei);
	vg_ent_throttle(s, c, pl, ei);
}

/* vCPU @vi, which has just stopped, goes to sleep. */
VG_FN void vg_vcpu_sleeps(struct vg_state_all *s, struct vg_cell *c, u32 vi, u64 now)
{
	struct vg_vcpu *v = vg_vcpu(s, vi);
	struct vg_vm *vm = vg_vm(s, v->slot);

	if (vm->cosched == VMGANG_COSCHED_ADAPTIVE)
		vg_adapt_add(&vm->adapt,
			     vg_adapt_slept(c, vm, vg_ent(s, v->ent), v, s->tells, now));
	v->spell = 0;
}

/* Would vg_vcpu_leave() change nothing? */
VG_INLINE bool vg_vcpu_left(struct vg_state_all *s, u32 vi)
{
	struct vg_vcpu *v = vg_vcpu(s, vi);

	return v->state == VG_OUT && !v->rsv.terms.slice && !vg_ent(s, v->ent)->bound &&
	       !(vg_ent(s, v->ent)->flags & (VG_ON | VG_HELD));
}

/* vCPU @vi is no longer runnable, or no longer ours. */
VG_FN void vg_vcpu_leave(struct vg_state_all *s, struct vg_cell *c, struct vg_plan *pl, u32 vi)
{
	struct vg_vcpu *v = vg_vcpu(s, vi);
	struct vg_ent *e = vg_ent(s, v->ent);

	if (v->state == VG_RUNNING)
		vg_vcpu_stop(s, c, pl, vi);
	else if (v->state == VG_COMING)
		vg_vcpu_miss(s, c, pl, vi);
	else
		vg_vcpu_unlist(s, c, vi);
	vg_reserve_sleep(s, c, vi);
	if (!e->on) {
		if (!e->nr_waiting)
			e->flags |= VG_ASLEEP;
		vg_gang_stop(s, c, pl, v->ent);
	}
	v->idled = 1;
	if (e->nr_costop)
		pl->kick |= vg_cell_idle(c);
	vg_gang_release(c, e);
	vg_core_settle(s, c, pl->now);
}

#endif /* VMGANG_POLICY_RUN_H */
