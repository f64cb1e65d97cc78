/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who shares a core with whom: isolate=core.
 *
 * The pCPUs of one core are siblings.  A pCPU has an occupant if a vCPU runs there
 * or is on its way, or if it is kept for a strict gang.  Where one of two VMs is
 * isolated their vCPUs may not occupy siblings.  What that takes to know is kept
 * as masks of the cell, brought up to date wherever an occupant changes
 * (policy_isolate.h), so that a question costs a few operations on them.  They
 * are kept only while the cell has an isolated VM (c->nr_iso).
 */
#ifndef VMGANG_POLICY_CORE_H
#define VMGANG_POLICY_CORE_H

#include "policy.h"

/* The siblings of pCPU @bit. */
VG_INLINE u64 vg_core_others(struct vg_cell *c, u32 bit)
{
	return vg_pcpu(c, bit)->core & ~vg_bit(bit);
}

/*
 * Siblings of pCPU @bit with somebody beside whom no vCPU of @e may begin to run
 * there: it waits until they have left.
 */
VG_INLINE u64 vg_core_waits(struct vg_cell *c, struct vg_ent *e, u32 bit)
{
	u64 wrong = e->isolate ? c->busy & ~(e->on & ~c->torn) : c->iso_cur | c->iso_next;

	return c->nr_iso ? wrong & vg_core_others(c, bit) : 0;
}

/*
 * … and those of which that is so for longer: nobody who suits @e is on his way
 * there.  They have to be claimed before a vCPU of @e is sent to @bit.
 */
VG_INLINE u64 vg_core_bars(struct vg_cell *c, struct vg_ent *e, u32 bit)
{
	u64 wrong = e->isolate ? (c->busy & ~(e->on & ~c->torn) & ~e->come) |
				 (c->kept & ~e->kept) :
				 c->iso_next | c->iso_kept;

	return c->nr_iso ? wrong & vg_core_others(c, bit) : 0;
}

/* Of idle pCPUs @idle those beside @e's own vCPUs, if there are any: they are paid for. */
VG_INLINE u64 vg_core_nearest(struct vg_ent *e, u64 idle)
{
	return idle & e->shut ? idle & e->shut : idle;
}

/*
 * pCPUs that are to ask for work, since core @bit's occupants have changed: those
 * to which somebody is to come, and, if anybody waits, those that are idle.
 */
VG_INLINE u64 vg_core_freed(struct vg_cell *c, u32 bit)
{
	u64 coming = (c->busy & ~c->curs) | c->torn;
	bool waited = c->nr_queued || c->changed != VG_NONE;

	if (!c->nr_iso)
		return 0;
	return (coming | (waited ? c->idle & ~c->kept : 0)) & vg_core_others(c, bit);
}

#endif /* VMGANG_POLICY_CORE_H */
