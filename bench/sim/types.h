/* SPDX-License-Identifier: GPL-2.0-only */
/* Integers, units of time, sets of pCPUs, and the random numbers. */
#ifndef SIM_TYPES_H
#define SIM_TYPES_H

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint64_t u64;
typedef int64_t s64;
typedef uint32_t u32;
typedef int32_t s32;
typedef uint8_t u8;

#define US	((u64)1000)
#define MS	(1000 * US)
#define SEC	(1000 * MS)
#define NEVER	(~0ULL)

#define MAX_PCPUS	1024

struct cpuset {
	u64 w[MAX_PCPUS / 64];
};

static inline bool cpuset_has(const struct cpuset *s, u32 cpu)
{
	return s->w[cpu / 64] >> (cpu % 64) & 1;
}

static inline void cpuset_add(struct cpuset *s, u32 cpu)
{
	s->w[cpu / 64] |= 1ULL << (cpu % 64);
}

static inline u32 cpuset_count(const struct cpuset *s, u32 cpus)
{
	u32 i, n = 0;

	for (i = 0; i < cpus; i++)
		n += cpuset_has(s, i);
	return n;
}

/* Steele, Lea and Flood 2014 (SplitMix): one word of state, any seed is good. */
struct rng {
	u64 s;
};

static inline u64 rng_next(struct rng *r)
{
	u64 z = r->s += 0x9e3779b97f4a7c15ULL;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

/* 0 .. @n - 1; 0 if @n is 0. */
static inline u64 rng_below(struct rng *r, u64 n)
{
	return n ? rng_next(r) % n : 0;
}

static inline bool rng_percent(struct rng *r, u32 percent)
{
	return rng_below(r, 100) < percent;
}

/* @ns, give or take up to @percent of it. */
static inline u64 rng_jitter(struct rng *r, u64 ns, u32 percent)
{
	u64 most = ns / 100 * percent;

	return most ? ns - most + rng_below(r, 2 * most + 1) : ns;
}

/* Exponentially distributed, at least 1. */
static inline u64 rng_exp(struct rng *r, u64 mean)
{
	double u = (double)((rng_next(r) >> 11) + 1) / 9007199254740993.0;

	return 1 + (u64)(-log(u) * (double)mean);
}

#endif
