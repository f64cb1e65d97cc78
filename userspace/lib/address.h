/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef VMGANG_ADDRESS_H
#define VMGANG_ADDRESS_H

#include <stddef.h>
#include <sys/types.h>

/* What an operator may call a VM by. name and uuid may be NULL. */
struct vg_address {
	const char *dir;	/* "<pid>", "<pid>-<n>" for a process's others */
	pid_t pid;
	const char *name;
	const char *uuid;
};

/**
 * vg_address_find - the VM that is meant
 * @query: a libvirt name, UUID, pid or directory
 * @vms: the VMs there are
 * @nr: how many
 * @ret: index of the one
 * @error: message; lists the candidates when there are several
 *
 * Return: 0, -ENOENT, -ENOTUNIQ.
 */
int vg_address_find(const char *query, const struct vg_address *vms,
		    size_t nr, size_t *ret, char **error);

#endif
