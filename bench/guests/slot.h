/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A second memory slot of a micro-VM, which no vCPU needs, so that it can be
 * taken from below a guest that runs. Each word of it says "held", and it is
 * where the hint of `held` and its like is, unless --hint-shift leads elsewhere.
 */
#ifndef VMGANG_GUEST_SLOT_H
#define VMGANG_GUEST_SLOT_H

struct vm;

/* What it does at SIGHUP. */
enum slot_fate {
	SLOT_NONE,	/* there is no such slot */
	SLOT_UNMAP,	/* goes, and its memory too */
	SLOT_MOVE,	/* appears at another address of the guest */
	SLOT_REPLACE,	/* gets other memory, which says "not held" */
};

/* All return 0 or print why not and return -1. */
int slot_parse(const char *name, enum slot_fate *fate);
int slot_create(struct vm *vm);
int slot_change(struct vm *vm);
void slot_destroy(struct vm *vm);

#endif
