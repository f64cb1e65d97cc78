/* SPDX-License-Identifier: GPL-2.0-only */
/* Which vCPU of a gang goes to which pCPU. */
#ifndef VMGANG_POLICY_MATCH_H
#define VMGANG_POLICY_MATCH_H

#include "policy_queue.h"
#include "policy_credit.h"

/* The pCPU of @cand whose ent is furthest ahead. */
VG_FN u32 vg_furthest(struct vg_state_all *s, struct vg_cell *c, u64 cand, u64 now)
{
	u32 b, best = VG_NONE;
	u64 ahead = 0, v, m;

	vg_each_bit(b, m, cand) {
		if (vg_pcpu_occupant(vg_pcpu(c, b)) == VG_NONE)
			return b;
		v = vg_pcpu_vtime(s, c, b, now);
		if (best == VG_NONE || vg_before(ahead, v)) {
			best = b;
			ahead = v;
		}
	}
	return best;
}

/* In which round @v is given a pCPU of @avail: who may use the fewest first, idle ones last. */
VG_INLINE u32 vg_match_round(struct vg_cell *c, struct vg_vcpu *v, u64 avail)
{
	if ((v->mask & c->all) != c->all)
		return v->mask & (v->mask - 1) & c->all ? 1 : 0;
	if (v->state != VG_WAITING)
		return 4;
	return avail & vg_bit(v->bit) ? 2 : 3;
}

#define VG_MATCH_ROUNDS	5

/* Both are read first: the verifier can not follow a choice of where to read. */
VG_INLINE u32 vg_match_either(u32 strict, u32 a, u32 b)
{
	__asm__ volatile("" : "+r"(a), "+r"(b));
	return strict ? a : b;
}

/* The pCPU of @cand that suits waiting vCPU @v best. */
VG_FN u32 vg_match_pcpu(struct vg_state_all *s, struct vg_cell *c, struct vg_plan *pl, u32 vi,
			u64 cand)
{
	struct vg_vcpu *v = vg_vcpu(s, vi);
	u64 late = pl->hosts | pl->slow;
	u64 better = v->state == VG_WAITING ? cand & ~late : cand & late;

	if (better)
		cand = better;
	if (cand & vg_bit(v->bit))
		return v->bit;
	if (pl->self != VG_NONE && (cand & vg_bit(pl->self)))
		return pl->self;
	if (cand & c->idle)
		return vg_lowest(cand & c->idle);
	return pl->spare ? vg_furthest(s, c, cand, pl->now) : vg_lowest(cand);
}

/*
 * Find a pCPU for each waiting vCPU of gang @ei among @avail, or for each that
 * does not run if it is strict, and note them in pl->chosen and pl->match.
 * Returns whether nobody is left over.
 */
VG_FN bool vg_gang_match(struct vg_state_all *s, struct vg_cell *c, struct vg_plan *pl, u32 ei,
			 u64 avail)
{
	struct vg_ent *e = vg_ent(s, ei);
	u32 vi, b;
	int round;

	pl->chosen = 0;
	pl->spare = vg_weight_of(avail) > e->nr_waiting;
	vg_times(round, VG_MATCH_ROUNDS) {
		vi = vg_match_either(pl->strict, e->members, e->head);
		while (vi != VG_NONE && can_loop) {
			struct vg_vcpu *v = vg_vcpu(s, vi);
			u32 at = vi;

			vi = vg_match_either(pl->strict, v->elder, v->next);
			if (v->state == VG_RUNNING || v->state == VG_COMING ||
			    vg_match_round(c, v, avail) != (u32)round ||
			    ((pl->chosen & vg_bit(v->bit)) &&
			     pl->match[v->bit & (VG_CELL_PCPUS - 1)] == at))
				continue;
			if (!(v->mask & avail))
				return false;
			b = vg_match_pcpu(s, c, pl, at, v->mask & avail);
			avail &= ~vg_bit(b);
			pl->chosen |= vg_bit(b);
			pl->match[b & (VG_CELL_PCPUS - 1)] = at;
			v->bit = b;
		}
	}
	return true;
}

#endif /* VMGANG_POLICY_MATCH_H */
