/* SPDX-License-Identifier: GPL-2.0-only */
/* What a reservation is; how it is kept is in policy_reserve.h. */
#ifndef VMGANG_POLICY_TERMS_H
#define VMGANG_POLICY_TERMS_H

#define VG_SEATS	64	/* reservations on a pCPU */

/**
 * struct vg_terms - what each vCPU of a VM is to have booked
 * @period:	ns
 * @slice:	ns; 0: nothing
 * @extra:	may share what others leave
 */
struct vg_terms {
	u64 period;
	u64 slice;
	u32 extra;
	u32 pad;
};

/**
 * struct vg_reserve - a vCPU's reservation, and how it stands
 * @terms:	what is booked; no slice: nothing
 * @due:	when the present period ends: its deadline
 * @left:	ns of the slice not yet had; negative: had too much without extratime
 * @debt:	… in former periods
 * @ready:	runnable without a break since
 * @home:	pCPU on which it is booked
 * @seat:	its place among those booked there
 * @share:	ppm of a pCPU
 */
struct vg_reserve {
	struct vg_terms terms;
	u64 due;
	s64 left;
	u64 ready;
	u32 home;
	u32 seat;
	u32 share;
	u32 debt;
};

#endif /* VMGANG_POLICY_TERMS_H */
