/* SPDX-License-Identifier: GPL-2.0-only */
/* Sets of at most 64, as masks. */
#ifndef VMGANG_POLICY_BITS_H
#define VMGANG_POLICY_BITS_H

VG_INLINE u64 vg_bit(u32 bit)
{
	return 1ULL << (bit & 63);
}

VG_INLINE u32 vg_weight_of(u64 mask)
{
	mask -= (mask >> 1) & 0x5555555555555555ULL;
	mask = (mask & 0x3333333333333333ULL) + ((mask >> 2) & 0x3333333333333333ULL);
	mask = (mask + (mask >> 4)) & 0x0f0f0f0f0f0f0f0fULL;
	return (mask * 0x0101010101010101ULL) >> 56;
}

/*
 * Number of the lowest bit set; 63 if there is none.  The compiler knows that
 * the mask below changes nothing, the verifier does not: it must stay.
 */
VG_INLINE u32 vg_lowest(u64 mask)
{
	u32 bit = vg_weight_of((mask & -mask) - 1);

	__asm__ volatile("" : "+r"(bit));
	return bit & 63;
}

/*
 * Loops over the pCPUs of a mask, lowest first.  No counter: the verifier is to
 * find that each round begins like the last.
 */
#define vg_each_bit(b, m, mask)						\
	for ((m) = (mask); (m) && ((b) = vg_lowest(m), can_loop); (m) &= (m) - 1)

#endif /* VMGANG_POLICY_BITS_H */
