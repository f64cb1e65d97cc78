// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <string.h>

#include "cli.h"
#include "client.h"
#include "util.h"

/* Adds "knob=value" to the object; explains what is wrong with it. */
static int add_knob(sd_json_variant **knobs, const char *word)
{
	const char *equals = strchr(word, '=');
	vg_autofree char *knob = NULL, *error = NULL;
	struct vg_policy scratch = {};

	if (!equals || equals == word) {
		vg_complain("\"%s\" is not knob=value", word);
		return -EINVAL;
	}
	knob = strndup(word, (size_t)(equals - word));
	if (!knob)
		return -ENOMEM;
	if (vg_policy_change(&scratch, knob, equals + 1, &error) < 0) {
		vg_complain("%s", vg_error_text(error));
		return -EINVAL;
	}
	return sd_json_variant_set_field_string(knobs, knob, equals + 1);
}

int vg_verb_set(struct vg_cli *cli, int argc, char **argv)
{
	vg_autojson sd_json_variant *knobs = NULL, *parameters = NULL;
	vg_autojson sd_json_variant *reply = NULL;
	vg_autofree char *error = NULL;
	int r;

	for (int i = 1; i < argc; i++)
		if (add_knob(&knobs, argv[i]) < 0)
			return EXIT_USAGE;
	r = sd_json_buildo(&parameters,
			   SD_JSON_BUILD_PAIR_STRING("vm", argv[0]),
			   SD_JSON_BUILD_PAIR_VARIANT("knobs", knobs));
	if (r >= 0)
		r = vg_fetch_daemon(cli, &error);
	if (r >= 0)
		r = vg_client_call(cli->link, "Set", parameters, &reply, &error);
	if (r < 0) {
		vg_complain("%s", vg_error_text(error));
		return EXIT_FAILED;
	}
	if (cli->json)
		return vg_print_json(sd_json_variant_by_key(reply, "vm"));
	vg_print_knobs(sd_json_variant_by_key(reply, "vm"));
	return EXIT_OK;
}
