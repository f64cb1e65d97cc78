/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Work that takes the same time wherever it runs undisturbed: arithmetic in
 * registers. Time is measured out in loops, never by a clock: a clock goes on
 * while the vCPU is preempted, and then there would be nothing left to do.
 */
#ifndef VMGANG_BENCH_LOOPS_H
#define VMGANG_BENCH_LOOPS_H

#include <stdint.h>

static inline uint64_t loops(uint64_t x, unsigned long n)
{
	while (n--) {
		x = x * 6364136223846793005ULL + 1442695040888963407ULL;
		/* or the compiler does several in one */
		__asm__ volatile("" : "+r"(x));
	}
	return x;
}

/**
 * loops_per_us() - how fast this CPU is
 *
 * Return: loops in a microsecond: of the environment's BENCH_LOOPS_PER_US where
 * that is set, so that all guests of a host agree, else of the fastest of
 * many short trials, which nothing disturbed.
 */
double loops_per_us(void);

#endif
