// SPDX-License-Identifier: GPL-2.0-only
#include "histogram.h"

#define HALF	(HISTOGRAM_LINEAR / 2)

static unsigned int bucket_of(uint64_t value)
{
	unsigned int shift;

	if (value < HISTOGRAM_LINEAR)
		return value;
	/* value >> shift is in HALF..HISTOGRAM_LINEAR - 1 */
	shift = 63 - __builtin_clzll(value) - 4;
	return HISTOGRAM_LINEAR + (shift - 1) * HALF + ((value >> shift) - HALF);
}

static uint64_t bucket_top(unsigned int bucket)
{
	unsigned int shift;

	if (bucket < HISTOGRAM_LINEAR)
		return bucket;
	shift = (bucket - HISTOGRAM_LINEAR) / HALF + 1;
	return (((uint64_t)(bucket - HISTOGRAM_LINEAR) % HALF + HALF + 1) << shift) - 1;
}

void histogram_add(struct histogram *h, uint64_t value)
{
	h->count[bucket_of(value)]++;
	h->total++;
	if (value > h->max)
		h->max = value;
}

void histogram_merge(struct histogram *to, const struct histogram *from)
{
	unsigned int i;

	for (i = 0; i < HISTOGRAM_BUCKETS; i++)
		to->count[i] += from->count[i];
	to->total += from->total;
	if (from->max > to->max)
		to->max = from->max;
}

uint64_t histogram_percentile(const struct histogram *h, double percent)
{
	double wanted = (double)h->total * percent / 100;
	uint64_t seen = 0;
	unsigned int i;

	for (i = 0; i < HISTOGRAM_BUCKETS; i++) {
		seen += h->count[i];
		if (seen && (double)seen >= wanted)
			return bucket_top(i) < h->max ? bucket_top(i) : h->max;
	}
	return h->max;
}
