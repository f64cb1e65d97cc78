/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef VMGANG_VMTABLE_H
#define VMGANG_VMTABLE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "address.h"
#include "policy.h"
#include "proc.h"
#include "vm.h"

/*
 * What the daemon remembers of a VM: who it is and what was decided for it.
 * Statistics are read when somebody asks.
 */
struct vg_entry {
	char dir[VG_DIR_SIZE];
	uint64_t id;			/* the module's, never reused */
	pid_t pid;
	struct vg_identity identity;
	struct vg_policy set;		/* by `vmgang set` */
	struct vg_resolved resolved;
	char **errors;			/* from writing to sysfs */
};

struct vg_vmtable {
	struct vg_entry **entries;
	size_t nr;
};

/* Takes over *identity. NULL without memory. */
struct vg_entry *vg_vmtable_add(struct vg_vmtable *table, const char *dir,
				uint64_t id, pid_t pid,
				struct vg_identity *identity);
void vg_vmtable_remove(struct vg_vmtable *table, struct vg_entry *entry);
struct vg_entry *vg_vmtable_by_dir(const struct vg_vmtable *table,
				   const char *dir);

/* By what an operator calls it; errors as of vg_address_find(). */
int vg_vmtable_find(const struct vg_vmtable *table, const char *query,
		    struct vg_entry **ret, char **error);

void vg_vmtable_free(struct vg_vmtable *table);

#endif
