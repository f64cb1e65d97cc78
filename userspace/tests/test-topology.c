// SPDX-License-Identifier: GPL-2.0-only
/* Cells and cores, read from a made-up /sys/devices/system/cpu. */

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "fake.h"
#include "topology.h"

static struct vg_topology topology;	/* too large for a stack */

static void below_cpu(const struct fake *f, unsigned int cpu, const char *dir)
{
	char full[256];

	snprintf(full, sizeof(full), "%s/cpu%u%s", f->dir, cpu, dir);
	assert_true(mkdir(full, 0755) == 0 || errno == EEXIST);
}

/* CPU @cpu shares its core with @core, its cache with @cache, its package with @package. */
static void add_cpu(const struct fake *f, unsigned int cpu, const char *core, const char *cache,
		    const char *package)
{
	char path[64];

	below_cpu(f, cpu, "");
	below_cpu(f, cpu, "/topology");
	below_cpu(f, cpu, "/cache");
	below_cpu(f, cpu, "/cache/index0");
	snprintf(path, sizeof(path), "cpu%u/topology/package_cpus_list", cpu);
	fake_write(f, path, "%s\n", package);
	snprintf(path, sizeof(path), "cpu%u/cache/index0/level", cpu);
	fake_write(f, path, "3\n");
	snprintf(path, sizeof(path), "cpu%u/cache/index0/shared_cpu_list", cpu);
	fake_write(f, path, "%s\n", cache);
	if (!core)
		return;
	snprintf(path, sizeof(path), "cpu%u/topology/thread_siblings_list", cpu);
	fake_write(f, path, "%s\n", core);
}

static void assert_cores(const uint32_t *wanted, uint32_t nr)
{
	uint32_t i;

	for (i = 0; i < nr; i++)
		assert_int_equal(topology.core[i], wanted[i]);
}

/* Shows that threads are found whether they are numbered side by side or in two rounds. */
static void numbering(void **state)
{
	static const uint32_t pairs[] = { 0, 0, 2, 2 }, rounds[] = { 0, 1, 0, 1 };
	struct fake f;
	unsigned int i;

	fake_new(&f);
	fake_write(&f, "online", "0-3\n");
	for (i = 0; i < 4; i++)
		add_cpu(&f, i, i < 2 ? "0-1" : "2-3", "0-3", "0-3");
	assert_int_equal(vg_topology_read(&topology, f.dir), 0);
	assert_cores(pairs, 4);
	assert_int_equal(topology.nr_cells, 1);
	for (i = 0; i < 4; i++)
		add_cpu(&f, i, i % 2 ? "1,3" : "0,2", "0-3", "0-3");
	assert_int_equal(vg_topology_read(&topology, f.dir), 0);
	assert_cores(rounds, 4);
	assert_int_equal(topology.cell[3], topology.cell[1]);
	fake_free(&f);
}

/* Shows that a core's lowest thread may be offline, and that no file means no siblings. */
static void some_offline(void **state)
{
	static const uint32_t wanted[] = { 0, 1, 2, 3, 4 };
	struct fake f;

	fake_new(&f);
	fake_write(&f, "online", "1-4\n");
	add_cpu(&f, 1, "0-1", "0-4", "0-4");
	add_cpu(&f, 2, "2", "0-4", "0-4");
	add_cpu(&f, 3, NULL, "0-4", "0-4");
	add_cpu(&f, 4, "words", "0-4", "0-4");
	assert_int_equal(vg_topology_read(&topology, f.dir), 0);
	assert_cores(wanted, 5);
	assert_int_equal(topology.cell[0], UINT32_MAX);
	assert_int_equal(topology.nr_cpus, 5);
	fake_free(&f);
}

/* Shows that 72 CPUs of one cache are two cells, and no core is in both. */
static void whole_cores(void **state)
{
	struct fake f;
	unsigned int i;
	char core[32];

	fake_new(&f);
	fake_write(&f, "online", "0-71\n");
	for (i = 0; i < 72; i++) {
		snprintf(core, sizeof(core), "%u,%u", i % 36, i % 36 + 36);
		add_cpu(&f, i, core, "0-71", "0-71");
	}
	assert_int_equal(vg_topology_read(&topology, f.dir), 0);
	assert_int_equal(topology.nr_cells, 2);
	for (i = 0; i < 72; i++) {
		assert_int_equal(topology.core[i], i % 36);
		assert_int_equal(topology.cell[i], topology.cell[i % 36]);
	}
	fake_free(&f);
}

/* Shows that what is not there, or is no list, is an error and not a guess. */
static void unreadable(void **state)
{
	struct fake f;

	fake_new(&f);
	assert_int_equal(vg_topology_read(&topology, f.dir), -ENOENT);
	fake_write(&f, "online", "all\n");
	assert_int_equal(vg_topology_read(&topology, f.dir), -EINVAL);
	fake_write(&f, "online", "\n");
	assert_int_equal(vg_topology_read(&topology, f.dir), -ENODEV);
	fake_free(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbering),
		cmocka_unit_test(some_offline),
		cmocka_unit_test(whole_cores),
		cmocka_unit_test(unreadable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
