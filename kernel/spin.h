/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef VMGANG_SPIN_H
#define VMGANG_SPIN_H

#include <linux/types.h>

/* Spin exits of one vCPU in its present stint. */
struct vmgang_spin {
	u32 exits;
};

void vmgang_spin_begin(struct vmgang_spin *spin);
u32 vmgang_spin_exit(struct vmgang_spin *spin);

#endif
