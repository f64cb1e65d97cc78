// SPDX-License-Identifier: GPL-2.0-only
/* Percentiles are those of the sorted durations, at most a bucket too high. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../histogram.h"

static struct histogram h;

static int empty(void **state)
{
	(void)state;
	memset(&h, 0, sizeof(h));
	return 0;
}

static void test_empty(void **state)
{
	(void)state;
	assert_int_equal(histogram_percentile(&h, 50), 0);
	assert_int_equal(histogram_percentile(&h, 100), 0);
}

/* Small ones are exact: of 1 to 20, half are 10 and less, 18 of 20 are 90 %. */
static void test_small(void **state)
{
	uint64_t i;

	(void)state;
	for (i = 20; i; i--)
		histogram_add(&h, i);
	assert_int_equal(histogram_percentile(&h, 50), 10);
	assert_int_equal(histogram_percentile(&h, 90), 18);
	assert_int_equal(histogram_percentile(&h, 100), 20);
	assert_int_equal(histogram_percentile(&h, 0), 1);
}

static void test_one(void **state)
{
	(void)state;
	histogram_add(&h, 123456789);
	assert_int_equal(histogram_percentile(&h, 1), 123456789);
	assert_int_equal(histogram_percentile(&h, 99), 123456789);
}

/* Both ends of 64 bits have a bucket. */
static void test_ends(void **state)
{
	(void)state;
	histogram_add(&h, 0);
	histogram_add(&h, UINT64_MAX);
	assert_int_equal(histogram_percentile(&h, 50), 0);
	assert_true(histogram_percentile(&h, 100) == UINT64_MAX);
	assert_true(h.max == UINT64_MAX);
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* Durations of every size, against the sorted list of them. */
static void test_against_sorted(void **state)
{
	static const double percents[] = { 1, 10, 50, 90, 99, 99.9 };
	static uint64_t all[10000];
	size_t i, n = sizeof(all) / sizeof(all[0]);
	uint64_t x = 1;

	(void)state;
	for (i = 0; i < n; i++) {
		x = x * 6364136223846793005ULL + 1442695040888963407ULL;
		all[i] = (x >> 20) >> (x % 40);
		histogram_add(&h, all[i]);
	}
	qsort(all, n, sizeof(all[0]), compare);
	for (i = 0; i < sizeof(percents) / sizeof(percents[0]); i++) {
		uint64_t right = all[(size_t)((double)n * percents[i] / 100) - 1];
		uint64_t got = histogram_percentile(&h, percents[i]);

		assert_true(got >= right);
		assert_true(got <= right + right / 16);
	}
	assert_true(h.max == all[n - 1]);
}

static void test_merge(void **state)
{
	struct histogram other = { 0 };
	uint64_t i;

	(void)state;
	for (i = 1; i <= 10; i++) {
		histogram_add(&h, i);
		histogram_add(&other, i + 10);
	}
	histogram_merge(&h, &other);
	assert_int_equal(h.total, 20);
	assert_int_equal(h.max, 20);
	assert_int_equal(histogram_percentile(&h, 50), 10);
	assert_int_equal(histogram_percentile(&h, 75), 15);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_empty, empty),
		cmocka_unit_test_setup(test_small, empty),
		cmocka_unit_test_setup(test_one, empty),
		cmocka_unit_test_setup(test_ends, empty),
		cmocka_unit_test_setup(test_against_sorted, empty),
		cmocka_unit_test_setup(test_merge, empty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
