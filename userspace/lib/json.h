/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef VMGANG_JSON_H
#define VMGANG_JSON_H

#include <systemd/sd-json.h>

#include "metadata.h"
#include "policy.h"
#include "util.h"
#include "vm.h"

#define vg_autojson vg_cleanup(sd_json_variant_unrefp)

/* A VM as the daemon, or the CLI on its own, knows it. */
struct vg_vm_view {
	const struct vg_vm *vm;
	const char *name;		/* NULL: unknown */
	const char *uuid;		/* NULL: unknown */
	const char *preset;		/* NULL: unknown */
	const char *source[VG_NR_KNOBS];
	char *const *errors;		/* in its metadata, or applying it */
};

/* The varlink type Vm, which is also what `vmgang --json` prints. */
int vg_vm_to_json(const struct vg_vm_view *view, unsigned int what,
		  sd_json_variant **ret);

/* {"cosched": "gang", …}; a policy that says nothing is {}. */
int vg_policy_to_json(const struct vg_policy *policy, sd_json_variant **ret);

/*
 * A domain and its policy, as SetDomain takes them. The errors are bounded in
 * number and length when they are read.
 */
int vg_metadata_to_json(const struct vg_metadata *m, sd_json_variant **ret);
int vg_json_errors(sd_json_variant *v, char ***ret);

/* Fields of an object, with a value for those that are not there. */
const char *vg_json_string(sd_json_variant *v, const char *key,
			   const char *missing);
uint64_t vg_json_u64(sd_json_variant *v, const char *key);

#endif
