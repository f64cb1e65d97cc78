// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backoff.h"
#include "domains.h"
#include "fake.h"
#include "peer.h"
#include "presets.h"
#include "util.h"
#include "vmtable.h"

#define UUID_A "11111111-2222-3333-4444-555555555555"
#define UUID_B "aaaaaaaa-2222-3333-4444-555555555555"
#define SECOND 1000000ULL

/* Shows three tries in ten minutes, then none until the first is old. */
static void backoff(void **state)
{
	struct vg_backoff b = {};
	uint64_t now = 1000 * SECOND;

	assert_int_equal(vg_backoff_failed(&b, now), 1 * SECOND);
	assert_int_equal(vg_backoff_failed(&b, now + 2 * SECOND), 5 * SECOND);
	assert_int_equal(vg_backoff_failed(&b, now + 8 * SECOND), 25 * SECOND);
	assert_true(vg_backoff_failed(&b, now + 40 * SECOND) ==
		    VG_BACKOFF_NEVER);
	assert_true(vg_backoff_failed(&b, now + 599 * SECOND) ==
		    VG_BACKOFF_NEVER);
	assert_int_equal(vg_backoff_failed(&b, now + 601 * SECOND),
			 25 * SECOND);
	assert_int_equal(vg_backoff_failed(&b, now + 5000 * SECOND),
			 1 * SECOND);
}

/* Shows that root and the daemon's user may all, the group read, others not. */
static void access_levels(void **state)
{
	const gid_t groups[] = { 5, 7 };

	assert_int_equal(vg_access_decide(0, 0, 7, groups, 2), VG_ACCESS_ALL);
	assert_int_equal(vg_access_decide(9, 9, 7, NULL, 0), VG_ACCESS_ALL);
	assert_int_equal(vg_access_decide(9, 0, 7, groups, 2), VG_ACCESS_READ);
	assert_int_equal(vg_access_decide(9, 0, 5, groups, 2), VG_ACCESS_READ);
	assert_int_equal(vg_access_decide(9, 0, 6, groups, 2), VG_ACCESS_NONE);
	assert_int_equal(vg_access_decide(9, 0, (gid_t)-1, groups, 2),
			 VG_ACCESS_NONE);
	assert_int_equal(vg_access_decide(9, 0, 7, groups, 0), VG_ACCESS_NONE);
}

/* Shows putting, changing, finding and forgetting domains. */
static void domains(void **state)
{
	char *errors[] = { "line 3: bad", NULL };
	const struct vg_domain_record *record;
	struct vg_policy policy = {};
	struct vg_domains d = {};
	bool changed;

	vg_policy_put(&policy, "preset", "esx", NULL);
	assert_int_equal(vg_domains_put(&d, UUID_A, "db", 3, &policy, NULL,
					&changed), 0);
	assert_true(changed);
	assert_int_equal(vg_domains_put(&d, UUID_A, "db", 3, &policy, NULL,
					&changed), 0);
	assert_false(changed);
	assert_int_equal(vg_domains_put(&d, UUID_A, "db", 3, &policy, errors,
					&changed), 0);
	assert_true(changed);
	assert_int_equal(vg_domains_put(&d, "x", "db", 3, &policy, NULL,
					&changed), -EINVAL);
	record = vg_domains_find(&d, UUID_A, NULL);
	assert_string_equal(record->errors[0], "line 3: bad");
	assert_ptr_equal(vg_domains_find(&d, NULL, "db"), record);
	/* the uuid decides: the same name elsewhere is another domain */
	assert_null(vg_domains_find(&d, UUID_B, "db"));
	assert_null(vg_domains_find(&d, NULL, NULL));
	assert_false(vg_domains_forget(&d, UUID_B));
	assert_true(vg_domains_forget(&d, UUID_A));
	assert_int_equal(d.nr, 0);
	vg_domains_free(&d);
}

/* Shows that a flood of domains costs the oldest, and no more memory. */
static void domain_flood(void **state)
{
	struct vg_policy policy = {};
	struct vg_domains d = {};
	char uuid[37];
	bool changed;

	for (int i = 0; i < VG_DOMAINS_MAX + 10; i++) {
		snprintf(uuid, sizeof(uuid),
			 "00000000-0000-0000-0000-%012x", i);
		assert_int_equal(vg_domains_put(&d, uuid, "x", i, &policy,
						NULL, &changed), 0);
	}
	assert_int_equal(d.nr, VG_DOMAINS_MAX);
	assert_null(vg_domains_find(&d, "00000000-0000-0000-0000-000000000009",
				    NULL));
	assert_non_null(vg_domains_find(&d, uuid, NULL));
	vg_domains_free(&d);
}

/* Shows that the table finds what it was given until it is taken away. */
static void table(void **state)
{
	struct vg_vmtable t = {};
	struct vg_entry *e;

	for (int i = 1; i <= 200; i++) {
		struct vg_identity id = {};
		char dir[16];

		snprintf(dir, sizeof(dir), "%d", i);
		id.name = strdup(i % 2 ? "odd" : dir);
		assert_non_null(vg_vmtable_add(&t, dir, (uint64_t)i, i, &id));
		assert_null(id.name);
	}
	assert_int_equal(vg_vmtable_find(&t, "42", &e, NULL), 0);
	assert_int_equal(e->id, 42);
	assert_int_equal(vg_vmtable_find(&t, "odd", &e, NULL), -ENOTUNIQ);
	for (int i = 1; i <= 200; i += 2) {
		char dir[16];

		snprintf(dir, sizeof(dir), "%d", i);
		vg_vmtable_remove(&t, vg_vmtable_by_dir(&t, dir));
	}
	assert_int_equal(t.nr, 100);
	assert_int_equal(vg_vmtable_find(&t, "odd", &e, NULL), -ENOENT);
	assert_null(vg_vmtable_by_dir(&t, "1"));
	vg_vmtable_free(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(backoff),
		cmocka_unit_test(access_levels),
		cmocka_unit_test(domains),
		cmocka_unit_test(domain_flood),
		cmocka_unit_test(table),
	};

	assert_int_equal(vg_presets_load(NULL), 0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
