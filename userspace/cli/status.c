// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cli.h"
#include "client.h"
#include "sample.h"
#include "table.h"
#include "util.h"
#include "version.h"

static void sleep_interval(double seconds)
{
	struct timespec t = {
		.tv_sec = (time_t)seconds,
		.tv_nsec = (long)((seconds - (double)(time_t)seconds) * 1e9),
	};

	while (nanosleep(&t, &t) < 0 && errno == EINTR)
		;
}

/* The statistics of the same VM in an earlier list, NULL if it is new. */
static sd_json_variant *stats_before(sd_json_variant *list,
				     sd_json_variant *vm)
{
	sd_json_variant *vms = list ? sd_json_variant_by_key(list, "vms")
				    : NULL;

	for (size_t i = 0; vms && i < sd_json_variant_elements(vms); i++) {
		sd_json_variant *other = sd_json_variant_by_index(vms, i);

		if (vg_json_u64(other, "id") == vg_json_u64(vm, "id") &&
		    strcmp(vg_json_string(other, "dir", ""),
			   vg_json_string(vm, "dir", "")) == 0)
			return sd_json_variant_by_key(other, "stats");
	}
	return NULL;
}

static struct vg_shares shares_of(sd_json_variant *before, sd_json_variant *vm)
{
	return vg_shares(stats_before(before, vm),
			 sd_json_variant_by_key(vm, "stats"),
			 (unsigned int)vg_json_u64(vm, "nr_vcpus"));
}

static void print_state(sd_json_variant *status, sd_json_variant *list)
{
	sd_json_variant *vms = sd_json_variant_by_key(list, "vms");
	size_t n = sd_json_variant_elements(vms), gangs = 0;
	const char *state = vg_json_string(list, "state", "none");
	const char *why = status ? vg_json_string(status, "class_error", NULL)
				 : NULL;

	for (size_t i = 0; i < n; i++)
		gangs += strcmp(vg_vm_knob(sd_json_variant_by_index(vms, i),
					   "cosched", "value"), "off") != 0;
	printf("vmgang " VMGANG_VERSION ": %s, %zu VM%s, %zu co-scheduled",
	       strcmp(state, "class") == 0 ? "class in charge" :
	       strcmp(state, "none") == 0 ? "module not loaded" :
					    "observing only",
	       n, n == 1 ? "" : "s", gangs);
	if (status)
		printf("; libvirt %s", vg_json_string(status, "libvirt", "?"));
	else
		printf("; vmgangd does not run");
	putchar('\n');
	if (why)
		printf("  no class: %s\n", why);
	if (status && vg_json_string(status, "config_error", NULL))
		printf("  configuration not read: %s\n",
		       vg_json_string(status, "config_error", ""));
}

static void add_percent(struct vg_table *t, const struct vg_shares *s,
			double value)
{
	if (s->valid)
		vg_table_add(t, "%.1f", value);
	else
		vg_table_add(t, "-");
}

static void print_vms(sd_json_variant *before, sd_json_variant *list)
{
	static const char *const titles[] = {
		"<NAME", "PID", "VCPUS", "<COSCHED", "<SOURCE", "%RUN", "%RDY",
		"%CSTP", "%WAIT", "%CORUN", "SPIN/s", NULL
	};
	sd_json_variant *vms = sd_json_variant_by_key(list, "vms");
	struct vg_table t;

	if (sd_json_variant_elements(vms) == 0)
		return;
	vg_table_init(&t, titles);
	for (size_t i = 0; i < sd_json_variant_elements(vms); i++) {
		sd_json_variant *vm = sd_json_variant_by_index(vms, i);
		struct vg_shares s = shares_of(before, vm);

		vg_table_add(&t, "%s", vg_vm_title(vm));
		vg_table_add(&t, "%s", vg_json_string(vm, "dir", "-"));
		vg_table_add(&t, "%llu", (unsigned long long)
			     vg_json_u64(vm, "nr_vcpus"));
		vg_table_add(&t, "%s", vg_vm_knob(vm, "cosched", "value"));
		vg_table_add(&t, "%s", vg_vm_knob(vm, "cosched", "source"));
		add_percent(&t, &s, s.run);
		add_percent(&t, &s, s.ready);
		add_percent(&t, &s, s.costop);
		add_percent(&t, &s, s.wait);
		add_percent(&t, &s, s.corun);
		add_percent(&t, &s, s.spins);
	}
	vg_table_print(&t);
	vg_table_done(&t);
}

static int add_shares(sd_json_variant **vm, const struct vg_shares *s)
{
	return sd_json_variant_set_fieldbo(vm, "shares",
			SD_JSON_BUILD_PAIR_REAL("run", s->run),
			SD_JSON_BUILD_PAIR_REAL("ready", s->ready),
			SD_JSON_BUILD_PAIR_REAL("costop", s->costop),
			SD_JSON_BUILD_PAIR_REAL("wait", s->wait),
			SD_JSON_BUILD_PAIR_REAL("corun", s->corun),
			SD_JSON_BUILD_PAIR_REAL("spin_exits_per_s", s->spins));
}

static int print_json(struct vg_cli *cli, sd_json_variant *status,
		      sd_json_variant *before, sd_json_variant *list)
{
	vg_autojson sd_json_variant *array = NULL, *v = NULL;
	sd_json_variant *vms = sd_json_variant_by_key(list, "vms");
	int r = sd_json_variant_new_array(&array, NULL, 0);

	for (size_t i = 0; r >= 0 && i < sd_json_variant_elements(vms); i++) {
		sd_json_variant *old = sd_json_variant_by_index(vms, i);
		vg_autojson sd_json_variant *vm = sd_json_variant_ref(old);
		struct vg_shares s = shares_of(before, old);

		if (s.valid)
			r = add_shares(&vm, &s);
		if (r >= 0)
			r = sd_json_variant_append_array(&array, vm);
	}
	if (r >= 0)
		r = sd_json_buildo(&v,
			SD_JSON_BUILD_PAIR_STRING("version", VMGANG_VERSION),
			SD_JSON_BUILD_PAIR_STRING("state",
				vg_json_string(list, "state", "none")),
			SD_JSON_BUILD_PAIR_CONDITION(!!status, "daemon",
				SD_JSON_BUILD_VARIANT(status)),
			SD_JSON_BUILD_PAIR_REAL("interval_s", cli->interval),
			SD_JSON_BUILD_PAIR_VARIANT("vms", array));
	return r < 0 ? EXIT_FAILED : vg_print_json(v);
}

int vg_verb_status(struct vg_cli *cli, int argc, char **argv)
{
	vg_autojson sd_json_variant *status = NULL, *before = NULL;
	vg_autojson sd_json_variant *list = NULL;

	if (vg_fetch_list(cli, &list) < 0)
		return EXIT_FAILED;
	if (!cli->direct)
		vg_client_call(cli->link, "Status", NULL, &status, NULL);
	if (cli->interval > 0 &&
	    sd_json_variant_elements(sd_json_variant_by_key(list, "vms"))) {
		before = list;
		list = NULL;
		sleep_interval(cli->interval);
		if (vg_fetch_list(cli, &list) < 0)
			return EXIT_FAILED;
	}
	if (cli->json)
		return print_json(cli, status, before, list);
	print_state(status, list);
	print_vms(before, list);
	return EXIT_OK;
}
