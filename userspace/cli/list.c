// SPDX-License-Identifier: GPL-2.0-only
#include "cli.h"
#include "table.h"

int vg_verb_list(struct vg_cli *cli, int argc, char **argv)
{
	static const char *const titles[] = {
		"<NAME", "PID", "VCPUS", "<COSCHED", "<SOURCE", "SLICE_US",
		"<MANAGED", "<UUID", "<CGROUP", NULL
	};
	vg_autojson sd_json_variant *list = NULL;
	sd_json_variant *vms;
	struct vg_table t;

	if (vg_fetch_list(cli, &list) < 0)
		return EXIT_FAILED;
	if (cli->json)
		return vg_print_json(list);
	vms = sd_json_variant_by_key(list, "vms");
	vg_table_init(&t, titles);
	for (size_t i = 0; i < sd_json_variant_elements(vms); i++) {
		sd_json_variant *vm = sd_json_variant_by_index(vms, i);

		vg_table_add(&t, "%s", vg_vm_title(vm));
		vg_table_add(&t, "%s", vg_json_string(vm, "dir", "-"));
		vg_table_add(&t, "%llu", (unsigned long long)
			     vg_json_u64(vm, "nr_vcpus"));
		vg_table_add(&t, "%s", vg_vm_knob(vm, "cosched", "value"));
		vg_table_add(&t, "%s", vg_vm_knob(vm, "cosched", "source"));
		vg_table_add(&t, "%s", vg_vm_knob(vm, "slice_us", "value"));
		vg_table_add(&t, "%s", vg_vm_knob(vm, "managed", "value"));
		vg_table_add(&t, "%s", vg_json_string(vm, "uuid", "-"));
		vg_table_add(&t, "%s", vg_json_string(vm, "cgroup", "-"));
	}
	vg_table_print(&t);
	vg_table_done(&t);
	return EXIT_OK;
}
