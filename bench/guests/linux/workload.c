// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>
#include <string.h>

#include "workload.h"

static const struct workload *const all[] = {
	&workload_bzip2, &workload_swim, &workload_swim_passive, &workload_wupwise,
	&workload_kernlock, &workload_spinlock, &workload_web, &workload_echo,
	&workload_burn, &workload_idle,
};

#define NR_ALL	(sizeof(all) / sizeof(all[0]))

const struct workload *workload_find(const char *name)
{
	size_t i;

	for (i = 0; i < NR_ALL; i++)
		if (!strcmp(all[i]->name, name))
			return all[i];
	return NULL;
}

const char *workload_names(void)
{
	static char names[160];
	size_t i, len = 0;

	for (i = 0; i < NR_ALL && len < sizeof(names); i++)
		len += snprintf(names + len, sizeof(names) - len, "%s%s",
				i ? ", " : "", all[i]->name);
	return names;
}
