/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Credit: weighted virtual time and caps.
 *
 * An ent's virtual time advances by 100/weight for each nanosecond that one of
 * its vCPUs runs.  A placement charges the whole stint in advance, so that two
 * pCPUs that choose at the same moment see different keys; the stop settles the
 * difference, so that what is charged is what ran, switch to switch.
 */
#ifndef VMGANG_POLICY_CREDIT_H
#define VMGANG_POLICY_CREDIT_H

#include "policy.h"
#include "policy_reserve.h"

#define VG_INV_SHIFT	20
#define VG_WEIGHT_DFL	100

VG_INLINE u64 vg_weight_inv(u32 weight)
{
	if (!weight)
		weight = VG_WEIGHT_DFL;
	return ((u64)VG_WEIGHT_DFL << VG_INV_SHIFT) / weight;
}

VG_INLINE u64 vg_vtime(struct vg_ent *e, u64 ns)
{
	return (ns * e->inv) >> VG_INV_SHIFT;
}

/* Its virtual time without what is charged in advance. */
VG_INLINE u64 vg_ent_vtime(struct vg_ent *e)
{
	return e->vtime - vg_vtime(e, e->ahead);
}

/* Tokens that are left now, in ns; the largest number if there is no cap. */
VG_FN u64 vg_cap_left(struct vg_cap *cap, u64 now)
{
	s64 most;
	u64 n;

	if (!cap->quota || !cap->period)
		return ~0ULL;
	n = vg_since(now, cap->last) / cap->period;
	if (n) {
		cap->last += n * cap->period;
		if (n > 1000000)
			n = 1000000;
		most = cap->quota + cap->burst;
		cap->tokens += n * cap->quota;
		if (cap->tokens > most)
			cap->tokens = most;
	}
	return cap->tokens > 0 ? cap->tokens : 0;
}

/* When a bucket in debt has tokens again. */
VG_FN u64 vg_cap_refill(struct vg_cap *cap)
{
	u64 n = 1;

	if (!cap->quota || !cap->period)
		return 0;
	if (cap->tokens <= 0)
		n = (u64)-cap->tokens / cap->quota + 1;
	return cap->last + n * cap->period;
}

VG_FN void vg_cap_charge(struct vg_cap *cap, u64 ns)
{
	s64 least;

	if (!cap->quota || !cap->period)
		return;
	least = VG_MAX_DEBT / cap->period * cap->quota;
	if (least < (s64)cap->quota)
		least = cap->quota;
	cap->tokens -= ns;
	if (cap->tokens < -least)
		cap->tokens = -least;
}

VG_FN void vg_cap_set(struct vg_cap *cap, u64 quota, u64 period, u64 burst)
{
	if (cap->quota == quota && cap->period == period && cap->burst == burst)
		return;
	cap->quota = quota;
	cap->period = period;
	cap->burst = burst;
	cap->tokens = quota;
	cap->last = 0;
}

/* The bucket of a new cap is full from the first time it is looked at. */
VG_INLINE void vg_cap_begin(struct vg_cap *cap, u64 now)
{
	if (!cap->last)
		cap->last = now;
}

/*
 * Where a newcomer that may use @mask starts.  Pinned ents may live on pCPUs
 * whose virtual time runs faster or slower than the cell's.
 */
VG_FN u64 vg_cell_vnow(struct vg_cell *c, u64 mask)
{
	u64 v = 0, m;
	bool any = false;
	u32 b;

	if ((mask & c->all) == c->all)
		return c->vnow;
	vg_each_bit(b, m, mask & c->all) {
		if (!any || vg_before(v, vg_pcpu(c, b)->vnow))
			v = vg_pcpu(c, b)->vnow;
		any = true;
	}
	return any ? v : c->vnow;
}

VG_INLINE void vg_cell_advance(struct vg_cell *c, u32 bit, u64 vtime)
{
	struct vg_pcpu *p = vg_pcpu(c, bit);

	if (vg_before(p->vnow, vtime))
		p->vnow = vtime;
	if (vg_before(c->vnow, vtime))
		c->vnow = vtime;
}

/*
 * Keep an ent within reach of the others.  One that slept comes back a slice
 * behind, whatever it had left.  One that was there all the time may be behind
 * VG_LAG, the same for all, so that nobody has a higher claim by his slice alone,
 * but can not save up what its width left it no use for.  Nor can it be so far ahead, after its
 * affinity or its neighbours changed, that it would starve.
 */
VG_FN void vg_ent_clamp(struct vg_cell *c, struct vg_ent *e, u64 mask)
{
	u64 base = vg_cell_vnow(c, mask);
	u64 stint = vg_vtime(e, e->slice + 8 * VG_MS);
	u64 low = base - (e->flags & VG_ASLEEP ? stint : VG_LAG);
	u64 high = base + 4 * stint * (e->nr_vcpus + 1);

	e->flags &= ~VG_ASLEEP;
	if (vg_before(e->vtime, low))
		e->vtime = low;
	else if (vg_before(high, e->vtime))
		e->vtime = high;
}

/*
 * Charge @vi in advance for a stint of @len.  A gang is charged all of it, so
 * that pCPUs which pick at the same time see what the others have taken.  A
 * vCPU on its own is charged the least it gets: charged in full, its VM would
 * go to the end of the queue whenever one vCPU runs, and the vCPUs of a VM
 * would hardly ever run together (three VMs that meet at barriers on two pCPUs
 * made a tenth of the default scheduler's progress, with a co-run share of
 * 0.4 %).
 */
VG_FN void vg_vcpu_precharge(struct vg_state_all *s, u32 vi, u64 len)
{
	struct vg_vcpu *v = vg_vcpu(s, vi);
	struct vg_ent *e = vg_ent(s, v->ent);

	if (v->rsv.left > 0)
		len = 0;	/* what is reserved costs nothing */
	else if (!(e->flags & VG_ON) && len > VG_MIN_GRAN)
		len = VG_MIN_GRAN;
	v->pre = len;
	e->ahead += len;
	e->vtime += vg_vtime(e, len);
}

/* What @v was charged in advance is no longer: @ran of it has been used. */
VG_FN void vg_vcpu_uncharge(struct vg_ent *e, struct vg_vcpu *v, u64 ran)
{
	e->vtime += vg_vtime(e, ran) - vg_vtime(e, v->pre);
	e->ahead = vg_since(e->ahead, v->pre);
	v->pre = 0;
}

/* Charge what @vi has run since it was last charged. */
VG_FN void vg_vcpu_settle(struct vg_state_all *s, struct vg_cell *c, u32 vi, u64 now)
{
	struct vg_vcpu *v = vg_vcpu(s, vi);
	struct vg_ent *e = vg_ent(s, v->ent);
	u64 ran = vg_since(now, v->start);

	vg_vcpu_uncharge(e, v, ran - vg_reserve_charge(v, ran));
	e->ran += ran;
	v->spell += ran;
	vg_relaxed_ran(e, v, ran);
	v->start = now;
	vg_cap_charge(&vg_vm(s, e->slot)->cap, ran);
	vg_cap_charge(&v->cap, ran);
	vg_ent_requeue(s, c, v->ent);
}

/* What a running or coming ent's virtual time really is by now. */
VG_FN u64 vg_pcpu_vtime(struct vg_state_all *s, struct vg_cell *c, u32 bit, u64 now)
{
	struct vg_pcpu *p = vg_pcpu(c, bit);
	struct vg_ent *e = vg_ent(s, vg_vcpu(s, vg_pcpu_occupant(p))->ent);

	return p->vstart + vg_vtime(e, vg_since(now, p->since) * vg_weight_of(e->on));
}

/*
 * How long each of @n may run on what bucket @cap has left; 0 if they may not.
 * Not less than what a switch is worth: what that overdraws is debt.
 */
VG_INLINE u64 vg_cap_share(struct vg_cap *cap, u32 n, u64 now)
{
	u64 left = vg_cap_left(cap, now);

	if (left && n > 1)
		left /= n;
	return left && left < VG_MIN_GRAN ? VG_MIN_GRAN : left;
}

/* How long @n vCPUs of @e may run by its VM's slice and cap; 0 if they may not. */
VG_FN u64 vg_ent_allowance(struct vg_state_all *s, struct vg_ent *e, u32 n, u64 now)
{
	u64 left = vg_cap_share(&vg_vm(s, e->slot)->cap, n, now);

	return left < e->slice ? left : e->slice;
}

/* How long @vi may run if @n of its VM's vCPUs do; 0 if it may not. */
VG_FN u64 vg_vcpu_allowance(struct vg_state_all *s, u32 vi, u32 n, u64 now)
{
	struct vg_vcpu *v = vg_vcpu(s, vi);
	u64 most = vg_ent_allowance(s, vg_ent(s, v->ent), n, now);
	u64 left = vg_cap_share(&v->cap, 1, now);

	if (v->rsv.left > 0 && (u64)v->rsv.left < most)
		most = v->rsv.left;
	return left < most ? left : most;
}

/* Has anybody who wakes often had to wait lately? */
VG_INLINE bool vg_cell_pressed(struct vg_cell *c, u64 now)
{
	return c->pressed && vg_since(now, c->pressed) < VG_BRISK;
}

/* What of @len a stint of @e lasts: it is short then. */
VG_INLINE u64 vg_brisk(struct vg_cell *c, struct vg_ent *e, u64 len, u64 now)
{
	u64 most = e->slice / VG_BRISK_PART;

	if (!vg_cell_pressed(c, now))
		return len;
	if (most < VG_MIN_GRAN)
		most = VG_MIN_GRAN;
	return len < most ? len : most;
}

/* How long @vi may run in one stint; a gang's lasts as long as it was begun for. */
VG_INLINE u64 vg_vcpu_stint(struct vg_state_all *s, struct vg_cell *c, u32 vi, u32 n, u64 now)
{
	struct vg_ent *e = vg_ent(s, vg_vcpu(s, vi)->ent);
	u64 len = vg_vcpu_allowance(s, vi, n, now);

	if ((e->flags & VG_ON) && now + VG_SLOP < e->deadline)
		return len;
	return vg_brisk(c, e, len, now);
}

#endif /* VMGANG_POLICY_CREDIT_H */
