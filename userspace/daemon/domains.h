/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef VMGANG_DOMAINS_H
#define VMGANG_DOMAINS_H

#include <stdbool.h>
#include <stddef.h>

#include "policy.h"

/*
 * What libvirt domains ask for, by uuid. News come from the hook, from
 * libvirt's events and from the state file, in any order and before or after
 * the VM itself.
 */
struct vg_domain_record {
	char uuid[37];
	char *name;
	int id;				/* libvirt's, -1: not known */
	struct vg_policy policy;
	char **errors;			/* why it stays on the default */
};

struct vg_domains {
	struct vg_domain_record **records;
	size_t nr;
};

/* More domains than a host can run are somebody's mistake: the oldest go. */
#define VG_DOMAINS_MAX 4096

/* Copies. *changed says whether anything is different from before. */
int vg_domains_put(struct vg_domains *domains, const char *uuid,
		   const char *name, int id, const struct vg_policy *policy,
		   char *const *errors, bool *changed);
bool vg_domains_forget(struct vg_domains *domains, const char *uuid);

/* By uuid; by name where the VM has no uuid. Either may be NULL. */
const struct vg_domain_record *
vg_domains_find(const struct vg_domains *domains, const char *uuid,
		const char *name);

void vg_domains_free(struct vg_domains *domains);

#endif
