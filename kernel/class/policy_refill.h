/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who may not run until its cap has tokens again: throttled ents, paused vCPUs.
 *
 * They are kept by the millisecond in which that is, on a wheel of 64: noting
 * one, forgetting one and finding the next cost the same however many there
 * are.  Who has longer to go is looked at before, and put back.  A shot of the
 * timer lets at most VG_REFILL go on; if there are more, it comes again at once.
 * So nobody is later than a millisecond and what those in front of it take.
 */
#ifndef VMGANG_POLICY_REFILL_H
#define VMGANG_POLICY_REFILL_H

#include "policy.h"

VG_INLINE void vg_cell_refill_at(struct vg_cell *c, u64 when)
{
	if (when && (!c->refill || when < c->refill))
		c->refill = when;
}

/* The first millisecond that somebody is noted for; something is noted. */
VG_INLINE u64 vg_wheel_next(struct vg_cell *c)
{
	u32 first = (c->turned + 1) & (VG_WHEEL - 1);
	u64 m = c->noted >> first;

	if (first)
		m |= c->noted << (VG_WHEEL - first);
	return c->turned + 1 + vg_lowest(m);
}

/* The notch for who is due at @when, which is not now. */
VG_FN u32 vg_wheel_notch(struct vg_cell *c, u64 when, u64 now)
{
	u64 at = (when + VG_MS - 1) / VG_MS;

	if (!c->noted)
		c->turned = now / VG_MS;
	if (at <= now / VG_MS)
		at = now / VG_MS + 1;
	if (at > c->turned + VG_WHEEL)
		at = c->turned + VG_WHEEL;
	c->noted |= vg_bit(at & (VG_WHEEL - 1));
	vg_cell_refill_at(c, at * VG_MS);
	return at & (VG_WHEEL - 1);
}

/* Nobody may be left there. */
VG_INLINE void vg_wheel_clear(struct vg_cell *c, u32 notch)
{
	notch &= VG_WHEEL - 1;
	if (c->paused[notch] == VG_NONE && c->throttled[notch] == VG_NONE)
		c->noted &= ~vg_bit(notch);
}

/* vCPU @vi, which is in no list, is to go on at @when. */
VG_FN void vg_paused_add(struct vg_state_all *s, struct vg_cell *c, u32 vi, u64 when, u64 now)
{
	struct vg_vcpu *v = vg_vcpu(s, vi);
	u32 *head;

	v->notch = vg_wheel_notch(c, when, now);
	head = &c->paused[v->notch & (VG_WHEEL - 1)];
	v->prev = VG_NONE;
	v->next = *head;
	if (*head != VG_NONE)
		vg_vcpu(s, *head)->prev = vi;
	*head = vi;
}

VG_FN void vg_paused_del(struct vg_state_all *s, struct vg_cell *c, u32 vi)
{
	struct vg_vcpu *v = vg_vcpu(s, vi);

	if (v->prev == VG_NONE)
		c->paused[v->notch & (VG_WHEEL - 1)] = v->next;
	else
		vg_vcpu(s, v->prev)->next = v->next;
	if (v->next != VG_NONE)
		vg_vcpu(s, v->next)->prev = v->prev;
	vg_wheel_clear(c, v->notch);
}

/* Ent @ei is to go on at @when. */
VG_FN void vg_throttled_add(struct vg_state_all *s, struct vg_cell *c, u32 ei, u64 when, u64 now)
{
	struct vg_ent *e = vg_ent(s, ei);
	u32 *head;

	e->notch = vg_wheel_notch(c, when, now);
	head = &c->throttled[e->notch & (VG_WHEEL - 1)];
	e->prior = VG_NONE;
	e->next = *head;
	if (*head != VG_NONE)
		vg_ent(s, *head)->prior = ei;
	*head = ei;
}

VG_FN void vg_throttled_del(struct vg_state_all *s, struct vg_cell *c, u32 ei)
{
	struct vg_ent *e = vg_ent(s, ei);

	if (e->prior == VG_NONE)
		c->throttled[e->notch & (VG_WHEEL - 1)] = e->next;
	else
		vg_ent(s, e->prior)->next = e->next;
	if (e->next != VG_NONE)
		vg_ent(s, e->next)->prior = e->prior;
	vg_wheel_clear(c, e->notch);
}

#endif /* VMGANG_POLICY_REFILL_H */
