/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef VMGANG_BENCH_WORKLOAD_H
#define VMGANG_BENCH_WORKLOAD_H

#include "run.h"

/* The one list of all workloads: README.md says what each is. */
extern const struct workload workload_bzip2;
extern const struct workload workload_swim;
extern const struct workload workload_swim_passive;
extern const struct workload workload_wupwise;
extern const struct workload workload_kernlock;
extern const struct workload workload_spinlock;
extern const struct workload workload_web;
extern const struct workload workload_echo;
extern const struct workload workload_burn;
extern const struct workload workload_idle;

/** workload_find() - by name; NULL: there is none */
const struct workload *workload_find(const char *name);

/** workload_names() - all of them, with ", " between */
const char *workload_names(void);

#endif
