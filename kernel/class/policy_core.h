/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who shares a core with whom: isolate=core.
 *
 * The pCPUs of one core are siblings.  A pCPU has an occupant if a vCPU runs there
 * or is on its way, or if it is kept for a strict gang.  Where one of two VMs is
 * isolated their vCPUs may not occupy siblings.  What that takes to know is kept
 * as masks of the cell, brought up to date wherever an occupant changes
 * (policy_isolate.h), so that a question costs a few operations on them.  They
 * are kept only while the cell has an isolated VM (c->nr_iso, c->iso).
 */
#ifndef VMGANG_POLICY_CORE_H
#define VMGANG_POLICY_CORE_H

#include "policy.h"

/* All bits if @x is not 0, else none: the verifier would follow a branch to its end. */
VG_INLINE u64 vg_any(u32 x)
{
	return 0 - (u64)((x | (0 - x)) >> 31);
}

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
	u64 apart = e->isolate, wrong;

	wrong = (apart & c->busy & ~(e->on & ~c->torn)) | (~apart & (c->iso_cur | c->iso_next));
	return wrong & c->iso & vg_core_others(c, bit);
}

/*
 * … and those of which that is so for longer: nobody who suits @e is on his way
 * there.  They have to be claimed before a vCPU of @e is sent to @bit.
 */
VG_INLINE u64 vg_core_bars(struct vg_cell *c, struct vg_ent *e, u32 bit)
{
	u64 apart = e->isolate, wrong;

	wrong = apart & ((c->busy & ~(e->on & ~c->torn) & ~e->come) | (c->kept & ~e->kept));
	wrong |= ~apart & (c->iso_next | c->iso_kept);
	return wrong & c->iso & vg_core_others(c, bit);
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
	u64 waited = vg_any(c->nr_queued | ~c->changed);

	return (coming | (waited & c->idle & ~c->kept)) & c->iso & vg_core_others(c, bit);
}

#endif /* VMGANG_POLICY_CORE_H */
