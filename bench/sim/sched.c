// SPDX-License-Identifier: GPL-2.0-only
/* The schedulers there are. */

#include <stdio.h>
#include <string.h>

#include "sched.h"

const struct sched_ops *const schedulers[] = {
	&sched_class,
	&sched_gang,
	&sched_off,
	&sched_preempt,
	&sched_guard,
	&sched_adaptive,
	&sched_relaxed,
	&sched_eevdf,
	&sched_eevdf_ple,
	&sched_xen_credit,
	&sched_xen_sedf,
	&sched_esx_strict,
	&sched_esx_relaxed,
	&sched_naive,
	NULL
};

const struct sched_ops *sched_find(const char *name)
{
	u32 i;

	for (i = 0; schedulers[i]; i++)
		if (!strcmp(schedulers[i]->name, name))
			return schedulers[i];
	fprintf(stderr, "sim: no scheduler '%s'; there are", name);
	for (i = 0; schedulers[i]; i++)
		fprintf(stderr, " %s", schedulers[i]->name);
	fputs("\n", stderr);
	return NULL;
}
