// SPDX-License-Identifier: GPL-2.0-only
/*
 * The spin detector: counts the exits by which the hardware says that a vCPU
 * spins, per stint.  The hook that feeds it is in kvm.c.
 *
 * A count, not a rate: Intel doubles its window with each exit and resets it
 * when the vCPU is scheduled in, so the exits of one stint grow with the
 * logarithm of the time spun; AMD's window saturates.  On both, the count of
 * one stint says how sure the hardware is, and a new stint starts afresh.
 */
#include "spin.h"

void vmgang_spin_begin(struct vmgang_spin *spin)
{
	spin->exits = 0;
}

/* Returns the exits of the present stint, this one included. */
u32 vmgang_spin_exit(struct vmgang_spin *spin)
{
	if (spin->exits != (u32)-1)
		spin->exits++;
	return spin->exits;
}
