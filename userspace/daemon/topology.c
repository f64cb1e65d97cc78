// SPDX-License-Identifier: GPL-2.0-only
/* Which pCPUs the class decides over together. */

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "topology.h"

#define CELL_CPUS	64
#define MAX_CELLS	64
#define SMALL_CACHE	8

struct group {
	uint32_t first;		/* lowest CPU of the cache, and of the package */
	uint32_t package;
};

static int read_text(const char *path, char *buf, size_t size)
{
	FILE *f = fopen(path, "re");
	size_t n;

	if (!f)
		return -errno;
	n = fread(buf, 1, size - 1, f);
	fclose(f);
	buf[n] = '\0';
	return 0;
}

/* Call @fn for each number of a list like 0-3,8. */
static int list_for_each(const char *list, void (*fn)(uint32_t cpu, void *arg), void *arg)
{
	const char *p = list;
	unsigned long from, to;
	char *end;

	while (*p && *p != '\n') {
		from = strtoul(p, &end, 10);
		if (end == p)
			return -EINVAL;
		to = from;
		if (*end == '-') {
			p = end + 1;
			to = strtoul(p, &end, 10);
			if (end == p || to < from)
				return -EINVAL;
		}
		for (; from <= to && from < VG_TOPOLOGY_CPUS; from++)
			fn(from, arg);
		p = *end == ',' ? end + 1 : end;
		if (p == end && *p && *p != '\n')
			return -EINVAL;
	}
	return 0;
}

static void set_online(uint32_t cpu, void *arg)
{
	bool *online = arg;

	online[cpu] = true;
}

static void lowest(uint32_t cpu, void *arg)
{
	uint32_t *low = arg;

	if (cpu < *low)
		*low = cpu;
}

static uint32_t lowest_of(const char *root, uint32_t cpu, const char *file)
{
	char path[PATH_MAX], buf[4096] = "";
	uint32_t low = UINT32_MAX;

	snprintf(path, sizeof(path), "%s/cpu%u/%s", root, cpu, file);
	if (read_text(path, buf, sizeof(buf)) < 0 || list_for_each(buf, lowest, &low) < 0)
		return UINT32_MAX;
	return low;
}

struct search {
	const bool *online;
	uint32_t low;
};

static void lowest_online(uint32_t cpu, void *arg)
{
	struct search *s = arg;

	if (s->online[cpu] && cpu < s->low)
		s->low = cpu;
}

/* The core of @cpu, by its lowest CPU that is online. */
static uint32_t core_of(const char *root, uint32_t cpu, const bool *online)
{
	struct search s = { .online = online, .low = cpu };
	char path[PATH_MAX], buf[4096] = "";

	snprintf(path, sizeof(path), "%s/cpu%u/topology/thread_siblings_list", root, cpu);
	if (read_text(path, buf, sizeof(buf)) < 0 || list_for_each(buf, lowest_online, &s) < 0)
		return cpu;
	return s.low;
}

/* The cache of the highest level that @cpu has, by its lowest CPU. */
static uint32_t cache_of(const char *root, uint32_t cpu)
{
	uint32_t low = UINT32_MAX, level = 0, i;
	char path[PATH_MAX], buf[64];

	for (i = 0; i < 16; i++) {
		char file[64];
		uint32_t n;

		snprintf(path, sizeof(path), "%s/cpu%u/cache/index%u/level", root, cpu, i);
		if (read_text(path, buf, sizeof(buf)) < 0)
			break;
		n = strtoul(buf, NULL, 10);
		if (n < level)
			continue;
		level = n;
		snprintf(file, sizeof(file), "cache/index%u/shared_cpu_list", i);
		low = lowest_of(root, cpu, file);
	}
	return level >= 3 ? low : UINT32_MAX;
}

int vg_topology_read(struct vg_topology *ret, const char *root)
{
	bool online[VG_TOPOLOGY_CPUS] = {};
	uint32_t size[VG_TOPOLOGY_CPUS] = {}, key[VG_TOPOLOGY_CPUS];
	uint32_t threads[VG_TOPOLOGY_CPUS];	/* of the core of that CPU */
	uint32_t cell_key[MAX_CELLS], cell_size[MAX_CELLS] = {}, i, j;
	struct group g[VG_TOPOLOGY_CPUS];
	char path[PATH_MAX], buf[4096] = "";
	int r;

	if (!root)
		root = "/sys/devices/system/cpu";
	snprintf(path, sizeof(path), "%s/online", root);
	r = read_text(path, buf, sizeof(buf));
	if (r < 0)
		return r;
	r = list_for_each(buf, set_online, online);
	if (r < 0)
		return r;
	ret->nr_cpus = 0;
	ret->nr_cells = 0;
	for (i = 0; i < VG_TOPOLOGY_CPUS; i++) {
		ret->cell[i] = UINT32_MAX;
		ret->core[i] = i;
		threads[i] = 0;
		if (!online[i])
			continue;
		ret->nr_cpus = i + 1;
		ret->core[i] = core_of(root, i, online);
		threads[ret->core[i]]++;
		g[i].package = lowest_of(root, i, "topology/package_cpus_list");
		if (g[i].package >= VG_TOPOLOGY_CPUS)
			g[i].package = 0;
		g[i].first = cache_of(root, i);
		if (g[i].first >= VG_TOPOLOGY_CPUS)
			g[i].first = g[i].package;
		size[g[i].first]++;
	}
	for (i = 0; i < ret->nr_cpus; i++) {
		if (!online[i])
			continue;
		if (ret->core[i] < i) {
			ret->cell[i] = ret->cell[ret->core[i]];
			continue;
		}
		key[i] = size[g[i].first] < SMALL_CACHE ? VG_TOPOLOGY_CPUS + g[i].package :
			 g[i].first;
		for (j = 0; j < ret->nr_cells; j++)
			if (cell_key[j] == key[i] && cell_size[j] + threads[i] <= CELL_CPUS)
				break;
		if (j == ret->nr_cells) {
			if (j == MAX_CELLS)
				return -E2BIG;
			cell_key[j] = key[i];
			ret->nr_cells++;
		}
		cell_size[j] += threads[i];
		ret->cell[i] = j;
	}
	return ret->nr_cells ? 0 : -ENODEV;
}
