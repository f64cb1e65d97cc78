// SPDX-License-Identifier: GPL-2.0-only
/*
 * Prints what the parser makes of a file: "ok" or "error" or "warning", then a
 * line for each knob and message. `metadata-dump --values` prints a knob and an
 * allowed value on each line, for the test that holds the schema against the
 * parser.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "metadata.h"
#include "presets.h"
#include "util.h"

static void values_of(enum vg_knob knob)
{
	vg_autofree char *allowed = strdup(vg_knob_allowed(knob));
	unsigned int min, max;
	char *rest = allowed;

	for (char *v; (v = strsep(&rest, ", "));) {
		if (sscanf(v, "%u..%u", &min, &max) == 2)
			printf("%s %u\n%s %u\n", vg_knob_name(knob), min,
			       vg_knob_name(knob), max);
		else if (*v)
			printf("%s %s\n", vg_knob_name(knob), v);
	}
}

int main(int argc, char *argv[])
{
	vg_cleanup(vg_metadata_done) struct vg_metadata m = {};
	vg_autofree char *xml = NULL;
	size_t len;

	if (argc != 2)
		return 2;
	vg_presets_load(NULL);
	if (!strcmp(argv[1], "--values")) {
		for (int k = 0; k < VG_NR_KNOBS; k++)
			values_of(k);
		return 0;
	}
	if (vg_read_file(AT_FDCWD, argv[1], VG_METADATA_MAX_SIZE, &xml, &len) < 0)
		return 1;
	vg_metadata_parse(xml, len, &m);
	puts(m.errors ? "error" : m.warnings ? "warning" : "ok");
	for (int k = 0; k < VG_NR_KNOBS; k++)
		if (m.policy.value[k][0])
			printf("%s=%s\n", vg_knob_name(k), m.policy.value[k]);
	for (char **e = m.errors; e && *e; e++)
		printf("error: %s\n", *e);
	for (char **w = m.warnings; w && *w; w++)
		printf("warning: %s\n", *w);
	return 0;
}
