/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef VMGANG_PRESETS_H
#define VMGANG_PRESETS_H

#include "policy.h"
#include "vm.h"

/**
 * struct vg_preset - a name for a combination of knobs
 * @name: the name of its file, without .conf
 * @description: one line
 * @file: its path
 * @policy: the knobs that this vmgang has
 * @missing: "guard=kernel", …: knobs of the design that it does not have; none
 *	that is switched off
 *
 * Every program reads them from /usr/share/vmgang/presets.d/NAME.conf and
 * /etc/vmgang/presets.d/NAME.conf, of which the latter counts.
 */
struct vg_preset {
	char name[VG_VALUE_SIZE];
	char *description;
	char *file;
	struct vg_policy policy;
	char **missing;
};

/*
 * Reads them all anew, for this process. A bad file is left out, with a line
 * in *warnings, if that is not NULL.
 */
int vg_presets_load(char ***warnings);

/* In the order of their names; NULL: there are no more. */
const struct vg_preset *vg_preset_at(size_t i);
const struct vg_preset *vg_preset_find(const char *name);

/* For messages: "esx, xen-credit". */
const char *vg_presets_names(void);

/* What it needs and this host does not offer; *ret is NULL if it works. */
int vg_preset_needs(const struct vg_preset *preset,
		    const struct vg_offers *offers, char ***ret);

/*
 * Does this host offer all that the policy says? -EOPNOTSUPP, with a message
 * that names what is missing and what would work.
 */
int vg_policy_offered(const struct vg_policy *policy,
		      const struct vg_offers *offers, char **error);

#endif
