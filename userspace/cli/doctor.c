// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "doctor.h"
#include "util.h"

static const char *const levels[] = {
	[VG_FINDING_OK] = "ok",
	[VG_FINDING_WARN] = "warn",
	[VG_FINDING_FAIL] = "fail",
};

void vg_doctor_say(struct vg_doctor *doctor, const char *name,
		   enum vg_finding_level level, const char *remedy,
		   const char *fmt, ...)
{
	struct vg_finding *bigger;
	char *fact = NULL, *clean;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&fact, fmt, ap);
	va_end(ap);
	if (n < 0)
		return;
	clean = vg_printable(fact);
	free(fact);
	bigger = reallocarray(doctor->findings, doctor->nr + 1,
			      sizeof(*bigger));
	if (!bigger || !clean) {
		doctor->findings = bigger ? bigger : doctor->findings;
		free(clean);
		return;
	}
	doctor->findings = bigger;
	doctor->findings[doctor->nr++] = (struct vg_finding){
		.name = name, .level = level, .fact = clean, .remedy = remedy,
	};
}

int vg_doctor_read(const struct vg_doctor *doctor, const char *path, char *buf,
		   size_t size)
{
	vg_autofree char *full = vg_paths_in_root(&doctor->cli->paths, path);

	return full ? vg_read_line(AT_FDCWD, full, buf, size) : -ENOMEM;
}

bool vg_doctor_exists(const struct vg_doctor *doctor, const char *path)
{
	vg_autofree char *full = vg_paths_in_root(&doctor->cli->paths, path);

	return full && access(full, F_OK) == 0;
}

static enum vg_finding_level worst(const struct vg_doctor *d)
{
	enum vg_finding_level level = VG_FINDING_OK;

	for (size_t i = 0; i < d->nr; i++)
		if (d->findings[i].level > level)
			level = d->findings[i].level;
	return level;
}

static int print_json(const struct vg_doctor *d)
{
	vg_autojson sd_json_variant *array = NULL, *v = NULL;
	int r = sd_json_variant_new_array(&array, NULL, 0);

	for (size_t i = 0; r >= 0 && i < d->nr; i++) {
		const struct vg_finding *f = &d->findings[i];

		r = sd_json_variant_append_arraybo(&array,
			SD_JSON_BUILD_PAIR_STRING("name", f->name),
			SD_JSON_BUILD_PAIR_STRING("result", levels[f->level]),
			SD_JSON_BUILD_PAIR_STRING("fact", f->fact),
			SD_JSON_BUILD_PAIR_CONDITION(!!f->remedy, "remedy",
				SD_JSON_BUILD_STRING(f->remedy)));
	}
	if (r >= 0)
		r = sd_json_buildo(&v,
			SD_JSON_BUILD_PAIR_STRING("result", levels[worst(d)]),
			SD_JSON_BUILD_PAIR_VARIANT("findings", array));
	return r < 0 ? EXIT_FAILED : vg_print_json(v);
}

static void print_text(const struct vg_doctor *d)
{
	for (size_t i = 0; i < d->nr; i++) {
		const struct vg_finding *f = &d->findings[i];

		printf("%-4s  %-15s  %s\n", levels[f->level], f->name, f->fact);
		if (f->remedy)
			printf("      %-15s  → %s\n", "", f->remedy);
	}
}

int vg_verb_doctor(struct vg_cli *cli, int argc, char **argv)
{
	struct vg_doctor d = { .cli = cli };
	int status = EXIT_OK;

	vg_doctor_host(&d);
	vg_doctor_parts(&d);
	if (cli->json)
		status = print_json(&d);
	else
		print_text(&d);
	if (worst(&d) == VG_FINDING_FAIL)
		status = EXIT_FAILED;
	for (size_t i = 0; i < d.nr; i++)
		free(d.findings[i].fact);
	free(d.findings);
	return status;
}
