// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "presets.h"
#include "util.h"

int vg_cli_offers(struct vg_cli *cli, struct vg_offers *ret)
{
	vg_autofd int sysfs = vg_sysfs_open(cli->paths.sysfs);

	vg_sysfs_offers(sysfs, ret);
	return sysfs < 0 ? -ENOENT : 0;
}

static int to_json(const struct vg_preset *p, char **needs,
		   sd_json_variant **ret)
{
	vg_autojson sd_json_variant *knobs = NULL;
	int r = vg_policy_to_json(&p->policy, &knobs);

	return r < 0 ? r : sd_json_buildo(ret,
		SD_JSON_BUILD_PAIR_STRING("name", p->name),
		SD_JSON_BUILD_PAIR_STRING("description", p->description),
		SD_JSON_BUILD_PAIR_STRING("file", p->file),
		SD_JSON_BUILD_PAIR_VARIANT("knobs", knobs),
		SD_JSON_BUILD_PAIR("needs", SD_JSON_BUILD_STRV(needs)));
}

static void print_needs(char **needs)
{
	for (size_t i = 0; needs && needs[i]; i++)
		printf("%s%s", i ? ", " : "needs: ", needs[i]);
}

static void print_knobs(const struct vg_preset *p)
{
	for (int k = 0; k < VG_NR_KNOBS; k++)
		if (p->policy.value[k][0])
			printf("  %-10s%s\n", vg_knob_name((enum vg_knob)k),
			       p->policy.value[k]);
	for (char **m = p->missing; m && *m; m++) {
		int n = (int)strcspn(*m, "=");

		printf("  %-10.*s%s\n", n, *m, *m + n + 1);
	}
}

static int list(struct vg_cli *cli, const struct vg_offers *offers)
{
	vg_autojson sd_json_variant *array = NULL, *v = NULL;
	const struct vg_preset *p;
	int r = sd_json_variant_new_array(&array, NULL, 0);

	for (size_t i = 0; r >= 0 && (p = vg_preset_at(i)); i++) {
		vg_autojson sd_json_variant *one = NULL;
		vg_autostrv char **needs = NULL;

		r = vg_preset_needs(p, offers, &needs);
		if (r < 0)
			break;
		if (cli->json) {
			r = to_json(p, needs, &one);
			if (r >= 0)
				r = sd_json_variant_append_array(&array, one);
			continue;
		}
		printf("%-13s%s%s", p->name, p->description,
		       needs ? "; " : "");
		print_needs(needs);
		putchar('\n');
	}
	if (r >= 0 && cli->json)
		r = sd_json_buildo(&v,
				   SD_JSON_BUILD_PAIR_VARIANT("presets", array));
	if (r < 0) {
		vg_complain("%s", strerror(-r));
		return EXIT_FAILED;
	}
	return cli->json ? vg_print_json(v) : EXIT_OK;
}

static int show(struct vg_cli *cli, const struct vg_offers *offers,
		const char *name)
{
	const struct vg_preset *p = vg_preset_find(name);
	vg_autojson sd_json_variant *v = NULL;
	vg_autostrv char **needs = NULL;
	int r;

	if (!p) {
		vg_complain("no preset \"%s\" (there are: %s)", name,
			    vg_presets_names());
		return EXIT_FAILED;
	}
	r = vg_preset_needs(p, offers, &needs);
	if (r >= 0 && cli->json)
		r = to_json(p, needs, &v);
	if (r < 0) {
		vg_complain("%s", strerror(-r));
		return EXIT_FAILED;
	}
	if (cli->json)
		return vg_print_json(v);
	printf("%s: %s\nfrom %s\n", p->name, p->description, p->file);
	print_knobs(p);
	print_needs(needs);
	if (needs)
		fputs(", which this host does not offer\n", stdout);
	return EXIT_OK;
}

int vg_verb_preset(struct vg_cli *cli, int argc, char **argv)
{
	vg_autostrv char **warnings = NULL;
	struct vg_offers offers;
	int r = vg_presets_load(&warnings);

	if (strcmp(argv[0], argc == 1 ? "list" : "show") != 0) {
		vg_complain("usage: vmgang preset list, or vmgang preset show NAME");
		return EXIT_USAGE;
	}
	for (char **line = warnings; line && *line; line++)
		vg_complain("%s", *line);
	if (r < 0) {
		vg_complain("presets can not be read: %s", strerror(-r));
		return EXIT_FAILED;
	}
	if (vg_cli_offers(cli, &offers) < 0)
		vg_complain("the module is not loaded: what it offers is not known");
	return argc == 1 ? list(cli, &offers) : show(cli, &offers, argv[1]);
}
