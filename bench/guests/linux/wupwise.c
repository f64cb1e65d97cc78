// SPDX-License-Identifier: GPL-2.0-only
/*
 * wupwise: products of complex matrices by blocks, as in the lattice gauge code
 * of that name. An iteration multiplies a block of vectors by a fixed matrix,
 * finds the greatest element and scales by it: three parallel loops. The
 * greatest is the same in whatever order it is looked for, so the result depends
 * on the number of iterations only.
 */
#include <complex.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "workload.h"

#define TILE	8

struct wupwise {
	unsigned long n;
	unsigned long iterations;
	double complex *a, *b, *c;
	double greatest;
};

static int wupwise_prepare(struct run *run)
{
	static const char *const names[] = { "BLOCKS", NULL };
	unsigned long blocks[2] = { 8 }, i;
	struct wupwise *w = calloc(1, sizeof(*w));
	uint64_t x = 1;

	if (run_argument(run, names, blocks, 1, 128))
		return -1;
	if (!w)
		return run_problem(run, "wupwise: no memory");
	w->n = blocks[0] * TILE;
	w->a = calloc(w->n * w->n, sizeof(*w->a));
	w->b = calloc(w->n * w->n, sizeof(*w->b));
	w->c = calloc(w->n * w->n, sizeof(*w->c));
	if (!w->a || !w->b || !w->c)
		return run_problem(run, "wupwise: no memory for %lu blocks", blocks[0]);
	for (i = 0; i < w->n * w->n; i++) {
		double phase[2];
		int k;

		for (k = 0; k < 2; k++) {
			x = x * 6364136223846793005ULL + 1442695040888963407ULL;
			phase[k] = (double)(x >> 11) * 0x1p-53 * 2 * M_PI;
		}
		w->a[i] = cos(phase[0]) + I * sin(phase[0]);
		w->b[i] = cos(phase[1]) + I * sin(phase[1]);
	}
	run->data = w;
	return 0;
}

/* real arithmetic: a NaN needs no care here, and C's complex product takes it */
static double complex times(double complex x, double complex y)
{
	return creal(x) * creal(y) - cimag(x) * cimag(y) +
	       I * (creal(x) * cimag(y) + cimag(x) * creal(y));
}

static void tile(struct wupwise *w, unsigned long row, unsigned long col)
{
	unsigned long n = w->n, i, j, k, l;

	for (i = row; i < row + TILE; i++)
		for (j = col; j < col + TILE; j++)
			w->c[i * n + j] = 0;
	for (l = 0; l < n; l += TILE)
		for (i = row; i < row + TILE; i++)
			for (k = l; k < l + TILE; k++)
				for (j = col; j < col + TILE; j++)
					w->c[i * n + j] += times(w->a[i * n + k],
								 w->b[k * n + j]);
}

static void iterate(struct wupwise *w)
{
	unsigned long n = w->n, row, col, i;
	double greatest = 0;

#pragma omp parallel for collapse(2) schedule(static)
	for (row = 0; row < n; row += TILE)
		for (col = 0; col < n; col += TILE)
			tile(w, row, col);
#pragma omp parallel for schedule(static) reduction(max : greatest)
	for (i = 0; i < n * n; i++) {
		double size = fabs(creal(w->c[i])) + fabs(cimag(w->c[i]));

		greatest = size > greatest ? size : greatest;
	}
#pragma omp parallel for schedule(static)
	for (i = 0; i < n * n; i++)
		w->b[i] = w->c[i] / greatest;
	w->greatest = greatest;
	w->iterations++;
}

static void wupwise_thread(struct worker *worker)
{
	for (; run_more(worker); run_unit(worker))
		iterate(worker->run->data);
}

static int wupwise_verify(struct run *run)
{
	struct wupwise *w = run->data;
	uint64_t sum = 14695981039346656037ULL, bits[2];
	unsigned long i;

	if (w->iterations && !(w->greatest > 0 && isfinite(w->greatest)))
		return run_problem(run, "wupwise: the greatest element is %g", w->greatest);
	for (i = 0; i < w->n * w->n; i++) {
		memcpy(bits, &w->b[i], sizeof(bits));
		sum = (sum ^ bits[0]) * 1099511628211ULL;
		sum = (sum ^ bits[1]) * 1099511628211ULL;
	}
	snprintf(run->note, sizeof(run->note), "checksum %016" PRIx64 " after %lu iterations",
		 sum, w->iterations);
	return 0;
}

const struct workload workload_wupwise = {
	.name = "wupwise",
	.unit = "iteration",
	.openmp = true,
	.active = true,
	.coarse = true,
	.prepare = wupwise_prepare,
	.thread = wupwise_thread,
	.verify = wupwise_verify,
};
