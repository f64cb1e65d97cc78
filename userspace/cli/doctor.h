/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef VMGANG_DOCTOR_H
#define VMGANG_DOCTOR_H

#include <stddef.h>

#include "cli.h"

enum vg_finding_level { VG_FINDING_OK, VG_FINDING_WARN, VG_FINDING_FAIL };

struct vg_finding {
	const char *name;
	enum vg_finding_level level;
	char *fact;
	const char *remedy;	/* what to do; NULL when all is well */
};

/* What was found, in the order in which a person would go about it. */
struct vg_doctor {
	struct vg_cli *cli;
	struct vg_finding *findings;
	size_t nr;
};

/* remedy is static text, NULL with VG_FINDING_OK. */
void vg_doctor_say(struct vg_doctor *doctor, const char *name,
		   enum vg_finding_level level, const char *remedy,
		   const char *fmt, ...) __attribute__((format(printf, 5, 6)));

/* A file below the root that the paths have; read as one line. */
int vg_doctor_read(const struct vg_doctor *doctor, const char *path, char *buf,
		   size_t size);
bool vg_doctor_exists(const struct vg_doctor *doctor, const char *path);

/* host.c: the kernel and KVM */
void vg_doctor_host(struct vg_doctor *doctor);

/* parts.c: vmgang's own parts, libvirt, and the VMs */
void vg_doctor_parts(struct vg_doctor *doctor);

#endif
