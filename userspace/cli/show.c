// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "sample.h"
#include "table.h"

static unsigned long long count(sd_json_variant *stats, enum vg_stat stat)
{
	return (unsigned long long)vg_json_u64(stats, vg_stat_name(stat));
}

void vg_print_knobs(sd_json_variant *vm)
{
	static const char *const titles[] = { "<KNOB", "<VALUE", "<SOURCE",
					      NULL };
	struct vg_table t;

	vg_table_init(&t, titles);
	for (int k = 0; k < VG_NR_KNOBS; k++) {
		const char *knob = vg_knob_name((enum vg_knob)k);

		vg_table_add(&t, "%s", knob);
		vg_table_add(&t, "%s", vg_vm_knob(vm, knob, "value"));
		vg_table_add(&t, "%s", vg_vm_knob(vm, knob, "source"));
	}
	vg_table_print(&t);
	vg_table_done(&t);
}

static void print_stats(sd_json_variant *stats, unsigned int nr_vcpus)
{
	struct vg_shares s = vg_shares(NULL, stats, nr_vcpus);

	printf("since it began: %.1f %%RUN  %.1f %%RDY  %.1f %%CSTP  %.1f %%WAIT",
	       s.run, s.ready, s.costop, s.wait);
	printf("  %.1f %%CORUN  %.1f SPIN/s\n", s.corun, s.spins);
	printf("  largest skew between vCPUs  %llu us\n",
	       count(stats, VG_STAT_SKEW_MAX_US));
	printf("  gang starts, stops          %llu, %llu\n",
	       count(stats, VG_STAT_GANG_STARTS),
	       count(stats, VG_STAT_GANG_STOPS));
	printf("  pCPUs kept empty            %llu us\n",
	       count(stats, VG_STAT_FRAG_US));
	printf("  preemptions, in kernel      %llu, %llu\n",
	       count(stats, VG_STAT_PREEMPTIONS),
	       count(stats, VG_STAT_PREEMPTIONS_IN_KERNEL));
	printf("    in a lock, as it hints    %llu\n",
	       count(stats, VG_STAT_PREEMPTIONS_IN_LOCK));
	printf("  spin exits, verdicts        %llu, %llu\n",
	       count(stats, VG_STAT_SPIN_EXITS),
	       count(stats, VG_STAT_SPIN_VERDICTS));
	printf("  directed yields             %llu\n",
	       count(stats, VG_STAT_DIRECTED_YIELDS));
	printf("  guarded, until the bound    %llu, %llu; %llu us, longest %llu us\n",
	       count(stats, VG_STAT_GUARD_EXTENSIONS),
	       count(stats, VG_STAT_GUARD_EXPIRIES),
	       count(stats, VG_STAT_GUARDED_US),
	       count(stats, VG_STAT_GUARD_MAX_US));
	printf("    asked to be safe          %llu\n",
	       count(stats, VG_STAT_GUARD_ASKS));
}

/* Nothing, if it has none. */
static void print_reserve(sd_json_variant *vm)
{
	const char *slice = vg_vm_knob(vm, "reserve_slice_us", "value");

	if (strcmp(slice, "0") == 0 || strcmp(slice, "-") == 0)
		return;
	printf("  reserved vCPUs, misses      %llu, %llu\n",
	       (unsigned long long)vg_json_u64(vm, "booked_vcpus"),
	       (unsigned long long)vg_json_u64(vm, "reserve_misses"));
}

static void print_vcpus(sd_json_variant *vcpus)
{
	static const char *const titles[] = {
		"VCPU", "TID", "<STATE", "<POLICY", "%RUN", "%RDY", "%CSTP",
		"%WAIT", "%CORUN", "PREEMPT", "INKERNEL", "SPIN", "YIELDS",
		NULL
	};
	struct vg_table t;

	vg_table_init(&t, titles);
	for (size_t i = 0; i < sd_json_variant_elements(vcpus); i++) {
		sd_json_variant *v = sd_json_variant_by_index(vcpus, i);
		struct vg_shares s = vg_shares(NULL, v, 1);

		vg_table_add(&t, "%llu",
			     (unsigned long long)vg_json_u64(v, "index"));
		vg_table_add(&t, "%llu",
			     (unsigned long long)vg_json_u64(v, "tid"));
		vg_table_add(&t, "%s", vg_json_string(v, "state", "-"));
		vg_table_add(&t, "%s", vg_json_string(v, "sched_policy", "-"));
		vg_table_add(&t, "%.1f", s.run);
		vg_table_add(&t, "%.1f", s.ready);
		vg_table_add(&t, "%.1f", s.costop);
		vg_table_add(&t, "%.1f", s.wait);
		vg_table_add(&t, "%.1f", s.corun);
		vg_table_add(&t, "%llu", count(v, VG_STAT_PREEMPTIONS));
		vg_table_add(&t, "%llu",
			     count(v, VG_STAT_PREEMPTIONS_IN_KERNEL));
		vg_table_add(&t, "%llu", count(v, VG_STAT_SPIN_EXITS));
		vg_table_add(&t, "%llu", count(v, VG_STAT_DIRECTED_YIELDS));
	}
	vg_table_print(&t);
	vg_table_done(&t);
}

int vg_verb_show(struct vg_cli *cli, int argc, char **argv)
{
	vg_autojson sd_json_variant *vm = NULL;
	sd_json_variant *errors;

	if (vg_fetch_vm(cli, argv[0], &vm) < 0)
		return EXIT_FAILED;
	if (cli->json)
		return vg_print_json(vm);
	printf("%s: pid %llu, %llu vCPUs\n  uuid    %s\n  cgroup  %s\n",
	       vg_vm_title(vm), (unsigned long long)vg_json_u64(vm, "pid"),
	       (unsigned long long)vg_json_u64(vm, "nr_vcpus"),
	       vg_json_string(vm, "uuid", "-"),
	       vg_json_string(vm, "cgroup", "-"));
	errors = sd_json_variant_by_key(vm, "errors");
	for (size_t i = 0; errors && i < sd_json_variant_elements(errors); i++)
		printf("  error   %s\n", sd_json_variant_string(
				sd_json_variant_by_index(errors, i)));
	putchar('\n');
	vg_print_knobs(vm);
	putchar('\n');
	print_stats(sd_json_variant_by_key(vm, "stats"),
		    (unsigned int)vg_json_u64(vm, "nr_vcpus"));
	print_reserve(vm);
	putchar('\n');
	print_vcpus(sd_json_variant_by_key(vm, "vcpus"));
	return EXIT_OK;
}
