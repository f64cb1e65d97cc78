/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Strict: all vCPUs of a VM have a pCPU, or none has.
 *
 * In the stint of a strict gang each of its vCPUs has a pCPU.  That of a vCPU
 * which is idle in the guest is *kept*: it stays empty, nobody else is sent
 * there, and the vCPU finds it when it wakes.  This is forced idle time, which
 * the VM is charged like time run.  A kept pCPU is in the idle loop and asks
 * for nothing; the sibling whose tick ends the stint makes it ask.  When the
 * last one goes idle the stint ends.
 *
 * A pCPU that the host's own threads do not give back is kept as well, once the
 * gang has waited for two slices: its vCPU comes when they are gone.
 */
#ifndef VMGANG_POLICY_STRICT_H
#define VMGANG_POLICY_STRICT_H

#include "policy_core.h"
#include "policy_credit.h"

/* pCPUs in the idle loop that anybody may use. */
VG_INLINE u64 vg_cell_idle(struct vg_cell *c)
{
	return c->idle & c->all & ~c->kept;
}

/* The host's own threads have pCPU @bit. */
VG_INLINE bool vg_pcpu_is_hosts(struct vg_cell *c, u32 bit)
{
	struct vg_pcpu *p = vg_pcpu(c, bit);

	return !(c->idle & vg_bit(bit)) && p->cur == VG_NONE && p->coming == VG_NONE;
}

/* The ent that pCPU @bit is kept empty for, VG_NONE if it is not. */
VG_INLINE u32 vg_pcpu_keeper(struct vg_cell *c, u32 bit)
{
	return c->kept & vg_bit(bit) ? vg_pcpu(c, bit)->keep : VG_NONE;
}

/*
 * Has pCPU @bit, which has nothing else to run, asked for work?  Not if it is kept,
 * or if it may not go on with what it has.
 */
VG_INLINE bool vg_pcpu_asked(struct vg_cell *c, u32 bit)
{
	return !c->nr_iso && vg_pcpu_keeper(c, bit) == VG_NONE;
}

/* Charge ent @ei what its pCPUs, and those beside it, have been empty so far. */
VG_FN void vg_strict_settle(struct vg_state_all *s, struct vg_cell *c, u32 ei, u64 now)
{
	struct vg_ent *e = vg_ent(s, ei);
	u64 empty = vg_since(now, e->kept_at) * vg_weight_of(e->kept | e->shut);

	e->kept_at = now;
	e->vtime += vg_vtime(e, empty);
	e->frag += empty;
	vg_count(c, VG_STAT_FRAG, empty);
	vg_ent_requeue(s, c, ei);
}

/* pCPUs @mask are kept for @ei no longer. */
VG_INLINE void vg_strict_unkeep(struct vg_state_all *s, struct vg_cell *c, u32 ei, u64 mask,
				u64 now)
{
	vg_strict_settle(s, c, ei, now);
	vg_ent(s, ei)->kept &= ~mask;
	c->kept &= ~mask;
	c->iso_kept &= ~mask;
	c->stirred |= mask & vg_ent(s, ei)->isolate;
}

/* pCPU @bit is kept no longer. */
VG_INLINE void vg_pcpu_unkeep(struct vg_state_all *s, struct vg_cell *c, u32 bit, u64 now)
{
	if (c->kept & vg_bit(bit))
		vg_strict_unkeep(s, c, vg_pcpu(c, bit)->keep, vg_bit(bit), now);
}

/* pCPU @bit, which is nobody's, is kept for ent @ei. */
VG_INLINE void vg_pcpu_keep(struct vg_state_all *s, struct vg_cell *c, u32 bit, u32 ei, u64 now)
{
	struct vg_pcpu *p = vg_pcpu(c, bit);

	vg_strict_settle(s, c, ei, now);
	p->keep = ei;
	p->gang = ei;
	c->kept |= vg_bit(bit);
	vg_ent(s, ei)->kept |= vg_bit(bit);
	c->iso_kept |= vg_bit(bit) & vg_ent(s, ei)->isolate;
	c->stirred |= vg_bit(bit) & vg_ent(s, ei)->isolate;
}

/* Say how long pCPUs stayed empty for @ei. */
VG_INLINE void vg_strict_tell(struct vg_ent *e, struct vg_plan *pl, u32 ei)
{
	if (!e->frag || pl->frag != VG_NONE)
		return;
	pl->frag = ei;
	pl->frag_ns = e->frag;
	e->frag = 0;
}

/* No pCPU is kept for @ei any longer; they ask for work. */
VG_INLINE void vg_strict_release(struct vg_state_all *s, struct vg_cell *c, struct vg_plan *pl,
				 u32 ei)
{
	struct vg_ent *e = vg_ent(s, ei);

	pl->kick |= e->kept;
	/* Their siblings are free as well. */
	if (e->kept && e->isolate)
		pl->kick |= vg_cell_idle(c);
	vg_strict_unkeep(s, c, ei, e->kept, pl->now);
	vg_strict_tell(e, pl, ei);
}

/* Ent @ei is in its stint, and has pCPUs of it kept. */
VG_INLINE bool vg_strict_on(struct vg_state_all *s, struct vg_cell *c, u32 ei, u64 now)
{
	struct vg_ent *e = vg_ent(s, ei);

	return (e->flags & VG_ON) && vg_ent_is_strict(c, e) && now + VG_SLOP < e->deadline;
}

/*
 * Where waking vCPU @vi finds its pCPU: one kept for its VM that is empty, or
 * that somebody is just leaving; @other if there is none.
 */
VG_FN u32 vg_strict_place(struct vg_state_all *s, struct vg_cell *c, u32 vi, u32 other)
{
	struct vg_vcpu *v = vg_vcpu(s, vi);
	u64 mine = vg_ent(s, v->ent)->kept & v->mask, m, left = 0;
	u32 b;

	if (!(mine & c->idle)) {
		vg_each_bit(b, m, mine)
			if (vg_pcpu(c, b)->cur != VG_NONE && !v->bounced)
				left |= vg_bit(b);
		mine = left;
	} else {
		mine &= c->idle;
	}
	if (!mine)
		return other;
	return mine & vg_bit(v->bit) ? v->bit : vg_lowest(mine);
}

/* A member of @ei still runs on a pCPU, or a core, that is another VM's by now. */
VG_FN bool vg_strict_torn(struct vg_state_all *s, struct vg_cell *c, u32 ei)
{
	struct vg_ent *e = vg_ent(s, ei);
	u64 m;
	u32 b;

	if (e->on & c->kept & ~e->kept)
		return true;
	vg_each_bit(b, m, e->on) {
		u32 vi = vg_pcpu(c, b)->coming;

		if ((vi != VG_NONE && vg_vcpu(s, vi)->ent != ei) || vg_core_waits(c, e, b))
			return true;
	}
	return false;
}

/* A member of @ei has found a pCPU that was not kept for it: one too many is. */
VG_FN void vg_strict_trim(struct vg_state_all *s, struct vg_cell *c, struct vg_plan *pl, u32 ei)
{
	struct vg_ent *e = vg_ent(s, ei);
	u64 spare = e->kept & -e->kept;

	if (!spare || vg_weight_of(e->on | e->kept) <= e->nr_bound)
		return;
	vg_strict_unkeep(s, c, ei, spare, pl->now);
	pl->kick |= spare;
}

#endif /* VMGANG_POLICY_STRICT_H */
