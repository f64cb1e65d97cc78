// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "policy.h"
#include "presets.h"
#include "util.h"

#define SLICE_US_MIN 1000
#define SLICE_US_MAX 100000
#define RESERVE_PERIOD_US_MIN 1000
#define RESERVE_SLICE_US_MIN 100
#define RESERVE_US_MAX 1000000
#define GUARD_US_MIN 100
#define GUARD_US_MAX 10000
#define SKEW_US_MIN 1000
#define SKEW_US_MAX 100000

static const char *const cosched_values[] = {
	"off", "strict", "gang", "relaxed", "adaptive", NULL
};
static const char *const guard_values[] = { "off", "kernel", "hint", NULL };
static const char *const isolate_values[] = { "off", "core", NULL };
static const char *const spin_values[] = {
	"off", "yield", "preempt", NULL
};
static const char *const switch_values[] = { "0", "1", NULL };

static const struct {
	const char *name;
	const char *sysfs;
	const char *allowed;
	const char *builtin;
	const char *const *values;	/* NULL: a number in min..max */
	uint64_t min, max;
	bool zero;			/* … or 0 */
} knobs[VG_NR_KNOBS] = {
	[VG_KNOB_PRESET] = {
		.name = "preset",
		.builtin = VG_PRESET_DEFAULT,
	},
	[VG_KNOB_COSCHED] = {
		.name = "cosched",
		.sysfs = "policy/cosched",
		.allowed = "off, strict, gang, relaxed, adaptive",
		.builtin = "off",
		.values = cosched_values,
	},
	[VG_KNOB_GUARD] = {
		.name = "guard",
		.sysfs = "policy/guard",
		.allowed = "off, kernel, hint",
		.builtin = "off",
		.values = guard_values,
	},
	[VG_KNOB_SPIN] = {
		.name = "spin",
		.sysfs = "policy/spin",
		.allowed = "off, yield, preempt",
		.builtin = "off",
		.values = spin_values,
	},
	[VG_KNOB_SLICE_US] = {
		.name = "slice_us",
		.sysfs = "policy/slice_us",
		.allowed = "1000..100000",
		.builtin = "20000",
		.min = SLICE_US_MIN,
		.max = SLICE_US_MAX,
	},
	[VG_KNOB_GUARD_US] = {
		.name = "guard_us",
		.sysfs = "policy/guard_us",
		.allowed = "100..10000",
		.builtin = "1000",
		.min = GUARD_US_MIN,
		.max = GUARD_US_MAX,
	},
	[VG_KNOB_SKEW_US] = {
		.name = "skew_us",
		.sysfs = "policy/skew_us",
		.allowed = "1000..100000",
		.builtin = "5000",
		.min = SKEW_US_MIN,
		.max = SKEW_US_MAX,
	},
	[VG_KNOB_ISOLATE] = {
		.name = "isolate",
		.sysfs = "policy/isolate",
		.allowed = "off, core",
		.builtin = "off",
		.values = isolate_values,
	},
	[VG_KNOB_MANAGED] = {
		.name = "managed",
		.sysfs = "policy/managed",
		.allowed = "0, 1",
		.builtin = "1",
		.values = switch_values,
	},
	[VG_KNOB_RESERVE_PERIOD_US] = {
		.name = "reserve_period_us",
		.sysfs = "policy/reserve_period_us",
		.allowed = "0, 1000..1000000",
		.builtin = "0",
		.min = RESERVE_PERIOD_US_MIN,
		.max = RESERVE_US_MAX,
		.zero = true,
	},
	[VG_KNOB_RESERVE_SLICE_US] = {
		.name = "reserve_slice_us",
		.sysfs = "policy/reserve_slice_us",
		.allowed = "0, 100..1000000",
		.builtin = "0",
		.min = RESERVE_SLICE_US_MIN,
		.max = RESERVE_US_MAX,
		.zero = true,
	},
	[VG_KNOB_EXTRATIME] = {
		.name = "extratime",
		.sysfs = "policy/extratime",
		.allowed = "0, 1",
		.builtin = "1",
		.values = switch_values,
	},
};

static const char *const sources[VG_NR_SOURCES] = {
	[VG_SOURCE_DEFAULT] = "default",
	[VG_SOURCE_MATCH] = "match",
	[VG_SOURCE_METADATA] = "metadata",
	[VG_SOURCE_SET] = "set",
};

const char *vg_knob_name(enum vg_knob knob)
{
	return knobs[knob].name;
}

const char *vg_knob_sysfs(enum vg_knob knob)
{
	return knobs[knob].sysfs;
}

const char *vg_knob_allowed(enum vg_knob knob)
{
	return knob == VG_KNOB_PRESET ? vg_presets_names() :
					knobs[knob].allowed;
}

bool vg_knob_reserves(enum vg_knob knob)
{
	return knob == VG_KNOB_RESERVE_PERIOD_US ||
	       knob == VG_KNOB_RESERVE_SLICE_US || knob == VG_KNOB_EXTRATIME;
}

const char *vg_source_name(enum vg_source source)
{
	return sources[source];
}

const char *vg_knob_names(void)
{
	static char names[256];
	size_t at = 0;

	for (int k = 0; k < VG_NR_KNOBS && at < sizeof(names); k++)
		at += (size_t)snprintf(names + at, sizeof(names) - at, "%s%s",
				       k ? ", " : "", knobs[k].name);
	return names;
}

int vg_knob_from_name(const char *name)
{
	for (int k = 0; k < VG_NR_KNOBS; k++)
		if (strcmp(knobs[k].name, name) == 0)
			return k;
	return -ENOENT;
}

/* Checks a value and writes its canonical form. */
static int knob_parse(enum vg_knob k, const char *value,
		      char ret[static VG_VALUE_SIZE])
{
	uint64_t number;
	int r;

	if (k == VG_KNOB_PRESET) {
		if (!vg_preset_find(value))
			return -EINVAL;
		snprintf(ret, VG_VALUE_SIZE, "%s", value);
		return 0;
	}
	if (knobs[k].values) {
		for (const char *const *v = knobs[k].values; *v; v++) {
			if (strcmp(*v, value) != 0)
				continue;
			snprintf(ret, VG_VALUE_SIZE, "%s", *v);
			return 0;
		}
		return -EINVAL;
	}
	r = vg_parse_u64(value, &number);
	if (r < 0)
		return r;
	if (!(knobs[k].zero && number == 0) && (number < knobs[k].min || number > knobs[k].max))
		return -ERANGE;
	snprintf(ret, VG_VALUE_SIZE, "%" PRIu64, number);
	return 0;
}

static int check(const char *knob, const char *value,
		 char ret[static VG_VALUE_SIZE], char **error)
{
	int k = vg_knob_from_name(knob);
	int r;

	if (k < 0) {
		vg_error_set(error,
			     "unknown knob \"%.64s\" (known: %s)", knob,
			     vg_knob_names());
		return -ENOENT;
	}
	r = knob_parse((enum vg_knob)k, value, ret);
	if (r == -ERANGE)
		vg_error_set(error, "%s: \"%.64s\" is out of range (allowed: %s)",
			     knobs[k].name, value, vg_knob_allowed((enum vg_knob)k));
	else if (r < 0)
		vg_error_set(error, "%s: unknown value \"%.64s\" (allowed: %s)",
			     knobs[k].name, value, vg_knob_allowed((enum vg_knob)k));
	return r;
}

int vg_knob_check(const char *knob, const char *value, char **error)
{
	char canonical[VG_VALUE_SIZE];

	return check(knob, value, canonical, error);
}

int vg_policy_put(struct vg_policy *policy, const char *knob,
		  const char *value, char **error)
{
	char canonical[VG_VALUE_SIZE];
	int r = check(knob, value, canonical, error);

	if (r < 0)
		return r;
	memcpy(policy->value[vg_knob_from_name(knob)], canonical,
	       sizeof(canonical));
	return 0;
}

int vg_policy_change(struct vg_policy *policy, const char *knob,
		     const char *value, char **error)
{
	const struct vg_preset *preset;
	int k, r;

	if (strcmp(value, "default") == 0 || strcmp(value, "-") == 0) {
		k = vg_knob_from_name(knob);
		if (k < 0)
			return vg_knob_check(knob, value, error);
		policy->value[k][0] = '\0';
		return 0;
	}
	r = vg_policy_put(policy, knob, value, error);
	if (r < 0 || vg_knob_from_name(knob) != VG_KNOB_PRESET)
		return r;
	preset = vg_preset_find(value);
	for (k = 0; preset && k < VG_NR_KNOBS; k++)
		if (preset->policy.value[k][0])
			policy->value[k][0] = '\0';
	return 0;
}

bool vg_policy_empty(const struct vg_policy *policy)
{
	for (int k = 0; k < VG_NR_KNOBS; k++)
		if (policy->value[k][0])
			return false;
	return true;
}

/* What one source says about a knob, by itself or through a preset. */
static const char *level_value(const struct vg_policy *level, enum vg_knob k)
{
	const struct vg_preset *preset;

	if (level->value[k][0])
		return level->value[k];
	preset = vg_preset_find(level->value[VG_KNOB_PRESET]);
	return preset && preset->policy.value[k][0] ? preset->policy.value[k] :
						      NULL;
}

void vg_policy_resolve(const struct vg_policy *const levels[VG_NR_SOURCES],
		       struct vg_resolved *ret)
{
	for (int k = 0; k < VG_NR_KNOBS; k++) {
		const char *value = NULL;
		int source = VG_NR_SOURCES;

		while (!value && source-- > 0)
			if (levels[source])
				value = level_value(levels[source],
						    (enum vg_knob)k);
		if (!value) {
			source = VG_SOURCE_DEFAULT;
			value = knobs[k].builtin;
		}
		ret->source[k] = (enum vg_source)source;
		snprintf(ret->value[k], VG_VALUE_SIZE, "%s", value);
	}
}
