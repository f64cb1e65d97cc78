// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "metadata.h"
#include "presets.h"
#include "util.h"

static int print_json(const struct vg_metadata *m)
{
	vg_autojson sd_json_variant *knobs = NULL, *v = NULL;
	int r = vg_policy_to_json(&m->policy, &knobs);

	if (r >= 0)
		r = sd_json_buildo(&v,
			SD_JSON_BUILD_PAIR_STRING("name", m->name),
			SD_JSON_BUILD_PAIR_STRING("uuid", m->uuid),
			SD_JSON_BUILD_PAIR_BOOLEAN("present", m->present),
			SD_JSON_BUILD_PAIR_VARIANT("knobs", knobs),
			SD_JSON_BUILD_PAIR("errors",
				SD_JSON_BUILD_STRV(m->errors)),
			SD_JSON_BUILD_PAIR("warnings",
				SD_JSON_BUILD_STRV(m->warnings)));
	return r < 0 ? EXIT_FAILED : vg_print_json(v);
}

static void print_text(const char *file, const struct vg_metadata *m)
{
	for (char **line = m->warnings; line && *line; line++)
		vg_complain("%s: warning: %s", file, *line);
	for (char **line = m->errors; line && *line; line++)
		vg_complain("%s: %s", file, *line);
	if (m->errors)
		return;
	printf("%s:", m->name[0] ? m->name : file);
	if (!m->present)
		printf(" no vmgang metadata");
	else if (vg_policy_empty(&m->policy))
		printf(" vmgang metadata that sets nothing");
	for (int k = 0; k < VG_NR_KNOBS; k++)
		if (m->policy.value[k][0])
			printf(" %s=%s", vg_knob_name((enum vg_knob)k),
			       m->policy.value[k]);
	putchar('\n');
}

int vg_verb_check(struct vg_cli *cli, int argc, char **argv)
{
	const char *path = strcmp(argv[0], "-") == 0 ? "/dev/stdin" : argv[0];
	vg_autofree char *xml = NULL, *missing = NULL;
	struct vg_offers offers;
	struct vg_metadata m;
	size_t len;
	int r, status;

	r = vg_read_file(AT_FDCWD, path, VG_METADATA_MAX_SIZE, &xml, &len);
	if (r == -EFBIG) {
		vg_complain("%s: larger than %u bytes", argv[0],
			    VG_METADATA_MAX_SIZE);
		return EXIT_FAILED;
	}
	if (r < 0) {
		vg_complain("%s: %s", argv[0], strerror(-r));
		return EXIT_FAILED;
	}
	r = vg_metadata_parse(xml, len, &m);
	vg_cli_offers(cli, &offers);
	if (!m.errors && vg_policy_offered(&m.policy, &offers, &missing) < 0)
		vg_strv_add(&m.errors, vg_error_text(missing));
	status = r < 0 || m.errors ? EXIT_FAILED : EXIT_OK;
	if (!cli->json)
		print_text(argv[0], &m);
	else if (print_json(&m) != EXIT_OK)
		status = EXIT_FAILED;
	vg_metadata_done(&m);
	return status;
}
