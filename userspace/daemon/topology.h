/* SPDX-License-Identifier: GPL-2.0-only */
/* Which pCPUs the class decides over together. */
#ifndef VMGANG_TOPOLOGY_H
#define VMGANG_TOPOLOGY_H

#include <stdint.h>

#define VG_TOPOLOGY_CPUS 1024

/**
 * struct vg_topology - cells
 * @cell:	cell of each CPU number; UINT32_MAX: the CPU is not online
 * @core:	lowest online CPU of its core, of each; itself if nothing is known
 * @nr_cpus:	highest online CPU number and one
 * @nr_cells:	cells
 */
struct vg_topology {
	uint32_t cell[VG_TOPOLOGY_CPUS];
	uint32_t core[VG_TOPOLOGY_CPUS];
	uint32_t nr_cpus;
	uint32_t nr_cells;
};

/**
 * vg_topology_read - group the online CPUs
 * @ret:	the groups
 * @root:	instead of /sys/devices/system/cpu, for tests; or NULL
 *
 * A cell is what shares a last-level cache; caches of fewer than eight CPUs
 * are put together within their package, since a gang can not be wider than
 * its cell.  At most 64 CPUs make a cell, and all of a core are in the same.
 *
 * Return: 0 or a negative errno.
 */
int vg_topology_read(struct vg_topology *ret, const char *root);

#endif
