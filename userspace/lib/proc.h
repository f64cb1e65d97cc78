/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef VMGANG_PROC_H
#define VMGANG_PROC_H

#include <stddef.h>
#include <sys/types.h>

/*
 * What a VMM's command line says about its VM: QEMU's "-name guest=NAME,…",
 * "-name NAME", "-uuid UUID" with one dash or two, "--name=NAME" as others
 * write it. Either may be NULL. The name is made printable.
 */
struct vg_identity {
	char *name;
	char *uuid;	/* lower case, with dashes */
};

/* From the bytes of /proc/<pid>/cmdline. */
int vg_identity_parse(const char *cmdline, size_t len,
		      struct vg_identity *ret);

/* proc is "/proc" or a test's copy. -ENOENT when the process is gone. */
int vg_identity_read(const char *proc, pid_t pid, struct vg_identity *ret);

void vg_identity_free(struct vg_identity *identity);

#endif
