// SPDX-License-Identifier: GPL-2.0-only
/* Weights through the cgroup hierarchy: what each VM's part comes to. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdlib.h>
#include <cmocka.h>

#include "policy_vm.h"
#include "policy_share.h"

#define WHOLE	((u64)VG_WEIGHT_DFL << VG_SHARE_SHIFT)

/* A slice of 100 with one VM, and one of 300 with two: 1/4, 3/8 and 3/8. */
static void test_two_slices(void **state)
{
	struct vg_group root = { .weight = 100 }, low = { .weight = 100 }, high = { .weight = 300 };
	struct vg_group one = { .weight = 100, .vms = 1 };
	struct vg_group two = { .weight = 100, .vms = 1 }, three = { .weight = 100, .vms = 1 };
	u64 share[3];
	u32 w[3];
	int i;

	vg_group_count(&one, &low);
	vg_group_count(&low, &root);
	vg_group_count(&two, &high);
	vg_group_count(&high, &root);
	vg_group_count(&three, &high);
	vg_group_count(&high, &root);
	assert_int_equal(root.load, 400);
	assert_int_equal(high.load, 200);
	assert_int_equal(high.below, 2);
	share[0] = vg_group_share(&low, vg_group_share(&one, WHOLE));
	share[1] = vg_group_share(&high, vg_group_share(&two, WHOLE));
	share[2] = vg_group_share(&high, vg_group_share(&three, WHOLE));
	for (i = 0; i < 3; i++)
		w[i] = vg_share_weight(share[i], share[0] + share[1] + share[2], 300);
	assert_int_equal(w[0], 75);
	assert_int_equal(w[1], 113);
	assert_int_equal(w[2], 113);
}

/* All in one slice: the weights are the VMs' own. */
static void test_one_slice(void **state)
{
	struct vg_group a = { .weight = 50, .vms = 1 }, b = { .weight = 333, .vms = 1 };
	u64 x = vg_group_share(&a, WHOLE), y = vg_group_share(&b, WHOLE);

	assert_int_equal(vg_share_weight(x, x + y, 383), 50);
	assert_int_equal(vg_share_weight(y, x + y, 383), 333);
}

/* Two VMs in one cgroup divide what it has; a child beside them divides with them. */
static void test_several_in_one(void **state)
{
	struct vg_group g = { .weight = 200, .vms = 2 }, child = { .weight = 100, .vms = 1 };

	assert_int_equal(vg_group_share(&g, WHOLE), WHOLE);
	vg_group_count(&child, &g);
	assert_int_equal(vg_group_share(&g, WHOLE), WHOLE * 2 / 3);
}

/* Nothing comes to nothing, and nothing to more than the balance can reckon with. */
static void test_extremes(void **state)
{
	assert_int_equal(vg_share_weight(1, WHOLE * 10000, 10000), 1);
	assert_int_equal(vg_share_weight(WHOLE, WHOLE, 1000000), VG_SHARE_MOST);
	assert_int_equal(vg_share_weight(0, 0, 0), VG_WEIGHT_DFL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_two_slices),
		cmocka_unit_test(test_one_slice),
		cmocka_unit_test(test_several_in_one),
		cmocka_unit_test(test_extremes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
