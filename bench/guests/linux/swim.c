// SPDX-License-Identifier: GPL-2.0-only
/*
 * swim: the shallow-water equations on a periodic square, by a leapfrog scheme
 * on a staggered grid that keeps potential enstrophy (Sadourny 1975), as the
 * benchmark of that name does it. An iteration is three parallel loops, each
 * with OpenMP's barrier at its end. Each point is computed by the same operations
 * whoever does it, so the result depends on the number of iterations only.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "workload.h"

#define DX	1e5
#define DT	90.0
#define SMOOTH	0.001

enum field { U, V, P, UNEW, VNEW, PNEW, UOLD, VOLD, POLD, CU, CV, Z, H, NR_FIELDS };

struct swim {
	unsigned long n;
	unsigned long iterations;
	double *f[NR_FIELDS];
};

#define AT(field, i, j)	(s->f[field][(i) * s->n + (j)])

static void start_values(struct swim *s)
{
	double wave = 2 * M_PI / (double)s->n, amplitude = 1e6, *psi = s->f[Z];
	double slope = M_PI * M_PI * amplitude * amplitude /
		       ((double)s->n * DX * (double)s->n * DX);
	unsigned long i, j, n = s->n;

	for (i = 0; i < n; i++)
		for (j = 0; j < n; j++) {
			psi[i * n + j] = amplitude * sin(((double)i + 0.5) * wave) *
					 sin(((double)j + 0.5) * wave);
			AT(P, i, j) = slope * (cos(2 * (double)i * wave) +
					       cos(2 * (double)j * wave)) + 50000;
		}
	for (i = 0; i < n; i++)
		for (j = 0; j < n; j++) {
			AT(U, i, j) = -(psi[i * n + (j + 1) % n] - psi[i * n + j]) / DX;
			AT(V, i, j) = (psi[(i + 1) % n * n + j] - psi[i * n + j]) / DX;
		}
	memcpy(s->f[UOLD], s->f[U], n * n * sizeof(double));
	memcpy(s->f[VOLD], s->f[V], n * n * sizeof(double));
	memcpy(s->f[POLD], s->f[P], n * n * sizeof(double));
}

/* mass fluxes, potential vorticity and the Bernoulli head */
static void fluxes(struct swim *s)
{
	unsigned long i, n = s->n;

#pragma omp parallel for schedule(static)
	for (i = 0; i < n; i++) {
		unsigned long w = i ? i - 1 : n - 1, e = i + 1 < n ? i + 1 : 0, j;

		for (j = 0; j < n; j++) {
			unsigned long d = j ? j - 1 : n - 1, u = j + 1 < n ? j + 1 : 0;

			AT(CU, i, j) = 0.5 * (AT(P, i, j) + AT(P, w, j)) * AT(U, i, j);
			AT(CV, i, j) = 0.5 * (AT(P, i, j) + AT(P, i, d)) * AT(V, i, j);
			AT(Z, i, j) = 4 / DX * (AT(V, i, j) - AT(V, w, j) -
						AT(U, i, j) + AT(U, i, d)) /
				      (AT(P, w, d) + AT(P, i, d) +
				       AT(P, i, j) + AT(P, w, j));
			AT(H, i, j) = AT(P, i, j) +
				      0.25 * (AT(U, e, j) * AT(U, e, j) +
					      AT(U, i, j) * AT(U, i, j) +
					      AT(V, i, u) * AT(V, i, u) +
					      AT(V, i, j) * AT(V, i, j));
		}
	}
}

static void advance(struct swim *s, double dt)
{
	unsigned long i, n = s->n;

#pragma omp parallel for schedule(static)
	for (i = 0; i < n; i++) {
		unsigned long w = i ? i - 1 : n - 1, e = i + 1 < n ? i + 1 : 0, j;

		for (j = 0; j < n; j++) {
			unsigned long d = j ? j - 1 : n - 1, u = j + 1 < n ? j + 1 : 0;

			AT(UNEW, i, j) = AT(UOLD, i, j) +
				dt / 8 * (AT(Z, i, u) + AT(Z, i, j)) *
				(AT(CV, i, u) + AT(CV, w, u) + AT(CV, w, j) + AT(CV, i, j)) -
				dt / DX * (AT(H, i, j) - AT(H, w, j));
			AT(VNEW, i, j) = AT(VOLD, i, j) -
				dt / 8 * (AT(Z, e, j) + AT(Z, i, j)) *
				(AT(CU, e, j) + AT(CU, i, j) + AT(CU, i, d) + AT(CU, e, d)) -
				dt / DX * (AT(H, i, j) - AT(H, i, d));
			AT(PNEW, i, j) = AT(POLD, i, j) -
				dt / DX * (AT(CU, e, j) - AT(CU, i, j) +
					   AT(CV, i, u) - AT(CV, i, j));
		}
	}
}

/* the leapfrog's two halves are held together; new becomes now, now becomes old */
static void smooth(struct swim *s)
{
	unsigned long i, nn = s->n * s->n;

#pragma omp parallel for schedule(static)
	for (i = 0; i < nn; i++) {
		int k;

		for (k = 0; k < 3; k++) {
			double now = s->f[U + k][i], new = s->f[UNEW + k][i];
			double old = s->f[UOLD + k][i];

			s->f[UOLD + k][i] = now + SMOOTH * (new - 2 * now + old);
			s->f[U + k][i] = new;
		}
	}
}

static int swim_prepare(struct run *run)
{
	static const char *const names[] = { "EDGE", NULL };
	unsigned long edge[2] = { 128 };
	struct swim *s = calloc(1, sizeof(*s));
	int i;

	if (run_argument(run, names, edge, 8, 2048))
		return -1;
	if (!s)
		return run_problem(run, "swim: no memory");
	s->n = edge[0];
	for (i = 0; i < NR_FIELDS; i++) {
		s->f[i] = calloc(s->n * s->n, sizeof(double));
		if (!s->f[i])
			return run_problem(run, "swim: no memory for an edge of %lu", s->n);
	}
	start_values(s);
	run->data = s;
	return 0;
}

static void swim_thread(struct worker *worker)
{
	struct swim *s = worker->run->data;

	for (; run_more(worker); run_unit(worker)) {
		fluxes(s);
		advance(s, s->iterations ? 2 * DT : DT);
		smooth(s);
		s->iterations++;
	}
}

/* The sum of all heights stays what it was, but for rounding. */
static int swim_verify(struct run *run)
{
	struct swim *s = run->data;
	uint64_t sum = 14695981039346656037ULL, bits;
	unsigned long i, nn = s->n * s->n;
	double mean = 0;

	for (i = 0; i < nn; i++) {
		memcpy(&bits, &s->f[P][i], sizeof(bits));
		sum = (sum ^ bits) * 1099511628211ULL;
		mean += s->f[P][i] / (double)nn;
	}
	if (!(fabs(mean - 50000) < 1))
		return run_problem(run, "swim: the mean height is %g, not 50000", mean);
	snprintf(run->note, sizeof(run->note), "checksum %016" PRIx64 " after %lu iterations",
		 sum, s->iterations);
	return 0;
}

const struct workload workload_swim = {
	.name = "swim",
	.unit = "iteration",
	.openmp = true,
	.active = true,
	.coarse = true,
	.prepare = swim_prepare,
	.thread = swim_thread,
	.verify = swim_verify,
};

const struct workload workload_swim_passive = {
	.name = "swim-passive",
	.unit = "iteration",
	.openmp = true,
	.coarse = true,
	.prepare = swim_prepare,
	.thread = swim_thread,
	.verify = swim_verify,
};
