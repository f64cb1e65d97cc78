// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fake.h"
#include "policy.h"
#include "presets.h"

/* Shows that each knob takes what it allows, edges included, and no more. */
static void knob_values(void **state)
{
	static const struct {
		const char *knob, *value;
		int result;
	} cases[] = {
		{ "cosched", "off", 0 }, { "cosched", "gang", 0 },
		{ "cosched", "always", -EINVAL }, { "cosched", "", -EINVAL },
		{ "cosched", "GANG", -EINVAL }, { "cosched", "gang ", -EINVAL },
		{ "slice_us", "1000", 0 }, { "slice_us", "100000", 0 },
		{ "reserve_period_us", "0", 0 }, { "reserve_period_us", "999", -ERANGE },
		{ "reserve_period_us", "1000000", 0 }, { "reserve_period_us", "1000001", -ERANGE },
		{ "reserve_slice_us", "0", 0 }, { "reserve_slice_us", "99", -ERANGE },
		{ "extratime", "1", 0 }, { "extratime", "2", -EINVAL },
		{ "isolate", "core", 0 }, { "isolate", "thread", -EINVAL },
		{ "slice_us", "999", -ERANGE }, { "slice_us", "100001", -ERANGE },
		{ "slice_us", "-1", -EINVAL }, { "slice_us", "+5000", -EINVAL },
		{ "slice_us", "5000us", -EINVAL }, { "slice_us", "", -EINVAL },
		{ "slice_us", "99999999999999999999999", -ERANGE },
		{ "managed", "0", 0 }, { "managed", "1", 0 },
		{ "managed", "2", -EINVAL }, { "managed", "yes", -EINVAL },
		{ "preset", "esx", 0 }, { "preset", "xen-credit", 0 },
		{ "preset", "fast", -EINVAL }, { "preset", "ESX", -EINVAL },
		{ "watch", "off", -ENOENT }, { "", "", -ENOENT },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(vg_knob_check(cases[i].knob, cases[i].value,
					       NULL), cases[i].result);
}

/* Shows that an error names the knob, the value and what is allowed. */
static void errors_explain(void **state)
{
	char *error = NULL;

	vg_knob_check("cosched", "always", &error);
	assert_string_equal(error,
		"cosched: unknown value \"always\" (allowed: "
		"off, strict, gang, relaxed, adaptive)");
	vg_knob_check("slice_us", "7", &error);
	assert_string_equal(error,
		"slice_us: \"7\" is out of range (allowed: 1000..100000)");
	vg_knob_check("spun", "off", &error);
	assert_string_equal(error,
		"unknown knob \"spun\" (known: preset, cosched, "
		"guard, spin, slice_us, guard_us, skew_us, isolate, managed, "
		"reserve_period_us, reserve_slice_us, extratime)");
	free(error);
}

/* Shows that a bad value leaves the old one, and numbers become canonical. */
static void put_keeps_old(void **state)
{
	struct vg_policy p = {};

	assert_true(vg_policy_empty(&p));
	assert_int_equal(vg_policy_put(&p, "slice_us", "005000", NULL), 0);
	assert_string_equal(p.value[VG_KNOB_SLICE_US], "5000");
	assert_int_equal(vg_policy_put(&p, "slice_us", "1", NULL), -ERANGE);
	assert_string_equal(p.value[VG_KNOB_SLICE_US], "5000");
	assert_int_equal(vg_policy_put(&p, "slice_us", "default", NULL),
			 -EINVAL);
	assert_false(vg_policy_empty(&p));
}

/* Shows what `vmgang set` adds: taking back, and a preset that cleans up. */
static void change(void **state)
{
	struct vg_policy p = {};

	assert_int_equal(vg_policy_change(&p, "cosched", "off", NULL), 0);
	assert_int_equal(vg_policy_change(&p, "slice_us", "5000", NULL), 0);
	assert_int_equal(vg_policy_change(&p, "preset", "esx", NULL), 0);
	assert_string_equal(p.value[VG_KNOB_COSCHED], "");
	assert_string_equal(p.value[VG_KNOB_SLICE_US], "5000");
	assert_int_equal(vg_policy_change(&p, "preset", "-", NULL), 0);
	assert_int_equal(vg_policy_change(&p, "slice_us", "default", NULL), 0);
	assert_true(vg_policy_empty(&p));
	assert_int_equal(vg_policy_change(&p, "watch", "-", NULL), -ENOENT);
}

/*
 * Shows for all 16 combinations of sources that each names cosched, that the
 * strongest one present decides.
 */
static void precedence(void **state)
{
	struct vg_policy gang = {}, off = {};

	vg_policy_put(&gang, "cosched", "gang", NULL);
	vg_policy_put(&off, "cosched", "off", NULL);
	for (unsigned int mask = 0; mask < 1U << VG_NR_SOURCES; mask++) {
		const struct vg_policy *levels[VG_NR_SOURCES] = {};
		struct vg_resolved r;
		int strongest = -1;

		for (int s = 0; s < VG_NR_SOURCES; s++)
			if (mask & 1U << s)
				strongest = s;
		for (int s = 0; s < VG_NR_SOURCES; s++)
			if (mask & 1U << s)
				levels[s] = s == strongest ? &gang : &off;
		vg_policy_resolve(levels, &r);
		assert_string_equal(r.value[VG_KNOB_COSCHED],
				    strongest < 0 ? "off" : "gang");
		assert_int_equal(r.source[VG_KNOB_COSCHED],
				 strongest < 0 ? VG_SOURCE_DEFAULT : strongest);
	}
}

/*
 * Shows that a preset speaks for its knobs with its source's strength, that a
 * knob of the same source beats it, and that silent knobs come from below.
 */
static void presets(void **state)
{
	struct vg_policy defaults = {}, metadata = {}, set = {};
	const struct vg_policy *levels[VG_NR_SOURCES] = {
		[VG_SOURCE_DEFAULT] = &defaults,
		[VG_SOURCE_METADATA] = &metadata,
		[VG_SOURCE_SET] = &set,
	};
	struct vg_resolved r;

	vg_policy_put(&defaults, "preset", "xen-credit", NULL);
	vg_policy_put(&metadata, "preset", "esx", NULL);
	vg_policy_resolve(levels, &r);
	assert_string_equal(r.value[VG_KNOB_COSCHED], "gang");
	assert_int_equal(r.source[VG_KNOB_COSCHED], VG_SOURCE_METADATA);
	assert_string_equal(r.value[VG_KNOB_PRESET], "esx");
	assert_string_equal(r.value[VG_KNOB_SLICE_US], "20000");
	assert_int_equal(r.source[VG_KNOB_SLICE_US], VG_SOURCE_DEFAULT);

	vg_policy_put(&metadata, "cosched", "off", NULL);
	vg_policy_resolve(levels, &r);
	assert_string_equal(r.value[VG_KNOB_COSCHED], "off");
	assert_int_equal(r.source[VG_KNOB_COSCHED], VG_SOURCE_METADATA);

	vg_policy_put(&set, "preset", "esx", NULL);
	vg_policy_resolve(levels, &r);
	assert_string_equal(r.value[VG_KNOB_COSCHED], "gang");
	assert_int_equal(r.source[VG_KNOB_COSCHED], VG_SOURCE_SET);
	assert_string_equal(r.value[VG_KNOB_MANAGED], "1");
}

/* Shows that names and numbers of knobs agree in both directions. */
static void names(void **state)
{
	for (int k = 0; k < VG_NR_KNOBS; k++)
		assert_int_equal(vg_knob_from_name(vg_knob_name(k)), k);
	assert_int_equal(vg_knob_from_name("policy"), -ENOENT);
	assert_null(vg_knob_sysfs(VG_KNOB_PRESET));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(knob_values),
		cmocka_unit_test(errors_explain),
		cmocka_unit_test(put_keeps_old),
		cmocka_unit_test(change),
		cmocka_unit_test(precedence),
		cmocka_unit_test(presets),
		cmocka_unit_test(names),
	};

	assert_int_equal(vg_presets_load(NULL), 0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
