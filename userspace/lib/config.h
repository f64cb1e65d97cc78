/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef VMGANG_CONFIG_H
#define VMGANG_CONFIG_H

#include <stddef.h>

#include "policy.h"

/*
 * vmgangd.conf:
 *
 *	[vmgangd]
 *	Default=adaptive	preset of VMs that nothing else decides
 *	Group=vmgang		its members may make the read-only calls
 *	LibvirtUri=qemu:///system	or "none"
 *
 *	[match]			any number of them; the first that fits a VM
 *	Name=db-*		counts, and all its globs must fit
 *	Uuid=…
 *	Cgroup=/kvm.slice/db-*	"*" and "?" also fit slashes
 *	preset=esx		any knobs, by the names they have elsewhere
 *	slice_us=10000
 *
 * A comment is a line that starts with # or ;. An unknown key or section is
 * warned about and ignored; a bad value is an error.
 */
struct vg_rule {
	char *name, *uuid, *cgroup;	/* globs; NULL fits every VM */
	struct vg_policy policy;
	unsigned int line;		/* of the section's header */
};

struct vg_config {
	struct vg_policy defaults;
	char *group;
	char *libvirt_uri;		/* NULL: do not talk to libvirt */
	struct vg_rule *rules;
	size_t nr_rules;
	char **warnings;		/* "file:line: text" */
};

/* Built-in configuration, as if the file were empty. */
int vg_config_default(struct vg_config *ret);

/*
 * Parses text; name is what messages call the file. On error nothing is
 * returned but *error, which begins with "file:line: ".
 */
int vg_config_parse(const char *name, const char *text, size_t len,
		    struct vg_config *ret, char **error);

/* The same from a file; one that does not exist is an empty one. */
int vg_config_load(const char *path, struct vg_config *ret, char **error);

void vg_config_free(struct vg_config *config);

/* The first rule that fits, or NULL. name and uuid may be NULL. */
const struct vg_rule *vg_config_match(const struct vg_config *config,
				      const char *name, const char *uuid,
				      const char *cgroup);

#endif
