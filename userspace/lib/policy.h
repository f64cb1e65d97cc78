/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef VMGANG_POLICY_H
#define VMGANG_POLICY_H

#include <stdbool.h>

/*
 * The knobs of a VM, what may be written to them, and which of several sources
 * decides each. Pure, but for the presets, which presets.h has read: nothing here
 * reads a file or a clock. A value that is allowed here may be more than the
 * running module offers: vg_policy_offered().
 */
enum vg_knob {
	VG_KNOB_PRESET,		/* not a file in sysfs: it stands for others */
	VG_KNOB_COSCHED,
	VG_KNOB_GUARD,
	VG_KNOB_SPIN,
	VG_KNOB_SLICE_US,
	VG_KNOB_GUARD_US,
	VG_KNOB_SKEW_US,
	VG_KNOB_ISOLATE,
	VG_KNOB_MANAGED,
	VG_KNOB_RESERVE_PERIOD_US,
	VG_KNOB_RESERVE_SLICE_US,
	VG_KNOB_EXTRATIME,
	VG_NR_KNOBS
};

/* Who says so, weakest first. */
enum vg_source {
	VG_SOURCE_DEFAULT,	/* the configuration's Default= and built-ins */
	VG_SOURCE_MATCH,	/* the first [match] section that fits */
	VG_SOURCE_METADATA,	/* the libvirt domain's <vmgang:domain> */
	VG_SOURCE_SET,		/* `vmgang set` at run time */
	VG_NR_SOURCES
};

#define VG_VALUE_SIZE 24
#define VG_PRESET_DEFAULT "adaptive"

/* What one source says; an empty string is "nothing". */
struct vg_policy {
	char value[VG_NR_KNOBS][VG_VALUE_SIZE];
};

/* What holds for a VM: a value and its source for every knob. */
struct vg_resolved {
	char value[VG_NR_KNOBS][VG_VALUE_SIZE];
	enum vg_source source[VG_NR_KNOBS];
};

const char *vg_knob_name(enum vg_knob knob);
int vg_knob_from_name(const char *name);	/* enum vg_knob or -ENOENT */
const char *vg_knob_sysfs(enum vg_knob knob);	/* file in a VM's directory */
const char *vg_knob_allowed(enum vg_knob knob);	/* for messages: "off, gang" */
bool vg_knob_reserves(enum vg_knob knob);	/* part of a reservation */
const char *vg_knob_names(void);		/* for messages: "preset, cosched" */
const char *vg_source_name(enum vg_source source);

/**
 * vg_knob_check - may this value be written to this knob?
 * @knob: a knob's name
 * @value: the text as the operator wrote it
 * @error: if not NULL, receives a message that names what is wrong and what
 *	is allowed; to be freed
 *
 * Return: 0, -ENOENT if there is no such knob, -EINVAL for an unknown value,
 * -ERANGE for a number outside the allowed range.
 */
int vg_knob_check(const char *knob, const char *value, char **error);

/* Checks and stores; on error the policy is unchanged. */
int vg_policy_put(struct vg_policy *policy, const char *knob,
		  const char *value, char **error);

/*
 * The same for `vmgang set`: "default" and "-" remove the knob, and a preset
 * removes what was stored before for the knobs that it stands for.
 */
int vg_policy_change(struct vg_policy *policy, const char *knob,
		     const char *value, char **error);

bool vg_policy_empty(const struct vg_policy *policy);

/**
 * vg_policy_resolve - decide every knob
 * @levels: what each source says; NULL for a source that says nothing
 * @ret: the outcome
 *
 * A knob is decided by the strongest source that names it, or names a preset
 * that stands for it; within one source the knob beats the preset.
 */
void vg_policy_resolve(const struct vg_policy *const levels[VG_NR_SOURCES],
		       struct vg_resolved *ret);

#endif
