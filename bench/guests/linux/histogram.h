/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef VMGANG_BENCH_HISTOGRAM_H
#define VMGANG_BENCH_HISTOGRAM_H

#include <stdint.h>

/*
 * Durations in buckets that grow with them: up to HISTOGRAM_LINEAR each value
 * has its own, from there each power of two is cut into HISTOGRAM_LINEAR / 2, so
 * a percentile is at most 1/16 too high and never too low. The maximum is exact.
 */
#define HISTOGRAM_LINEAR	32
#define HISTOGRAM_BUCKETS	(HISTOGRAM_LINEAR + (64 - 5) * (HISTOGRAM_LINEAR / 2))

struct histogram {
	uint64_t total;
	uint64_t max;
	uint64_t count[HISTOGRAM_BUCKETS];
};

/** histogram_add() - one more duration, in any unit */
void histogram_add(struct histogram *h, uint64_t value);

/** histogram_merge() - all of @from into @to */
void histogram_merge(struct histogram *to, const struct histogram *from);

/**
 * histogram_percentile() - what @percent of all durations do not exceed
 * @h: the histogram
 * @percent: 0 to 100
 *
 * Return: the top of its bucket, or the maximum where that is less; 0 when empty.
 */
uint64_t histogram_percentile(const struct histogram *h, double percent);

#endif
