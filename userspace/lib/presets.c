// SPDX-License-Identifier: GPL-2.0-only
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "keyfile.h"
#include "paths.h"
#include "presets.h"
#include "util.h"

#define SUFFIX ".conf"
#define PRESETS_MAX 256

static struct {
	struct vg_preset **list;	/* by name */
	size_t nr;
	char *names;
} all;

/* Knobs of the design that are still to come, and what switches them off. */
static const struct {
	const char *name, *off;
} to_come[] = {
	{ "isolate", "off" },
};

static void preset_free(struct vg_preset *p)
{
	if (!p)
		return;
	free(p->description);
	free(p->file);
	vg_strv_free(p->missing);
	free(p);
}

static int put_to_come(struct vg_keyfile *file, const char *key,
		       const char *value)
{
	struct vg_preset *p = file->userdata;

	for (size_t i = 0; i < VG_ARRAY_SIZE(to_come); i++) {
		if (strcmp(to_come[i].name, key) != 0)
			continue;
		if (to_come[i].off && strcmp(to_come[i].off, value) == 0)
			return 0;
		return vg_strv_addf(&p->missing, "%s=%.*s", key, VG_VALUE_SIZE,
				    value);
	}
	return vg_keyfile_fail(file, -EINVAL,
			       "unknown key (allowed: Description and the knobs, but for preset)");
}

static int put(struct vg_keyfile *file, const char *key, const char *value)
{
	struct vg_preset *p = file->userdata;
	vg_autofree char *why = NULL;
	int knob = vg_knob_from_name(key);

	if (!*value)
		return vg_keyfile_fail(file, -EINVAL, "the value is missing");
	if (strcmp(key, "Description") == 0) {
		free(p->description);
		p->description = vg_printable(value);
		return p->description ? 0 : -ENOMEM;
	}
	if (knob < 0 || knob == VG_KNOB_PRESET)
		return put_to_come(file, key, value);
	if (vg_policy_put(&p->policy, key, value, &why) < 0)
		return vg_keyfile_fail(file, -EINVAL, vg_error_text(why));
	return 0;
}

/* "esx.conf" is "esx"; false for what can not be a preset's name. */
static bool name_of(const char *file, char ret[static VG_VALUE_SIZE])
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789-";
	size_t n = strlen(file) - strlen(SUFFIX);

	if (n == 0 || n >= VG_VALUE_SIZE || *file == '-')
		return false;
	memcpy(ret, file, n);
	ret[n] = '\0';
	return strspn(ret, allowed) == n && strcmp(ret, "default") != 0;
}

static struct vg_preset *preset_read(const char *dir, const char *name,
				     char **error)
{
	struct vg_preset *p = calloc(1, sizeof(*p));
	struct vg_keyfile file = { .entry = put, .userdata = p, .error = error };

	if (!p || asprintf(&p->file, "%s/%s", dir, name) < 0) {
		free(p);
		return NULL;
	}
	file.name = p->file;
	if (!name_of(name, p->name)) {
		vg_error_set(error, "%s: not a preset's name"
			     " (allowed: up to 23 of a-z, 0-9 and -)", p->file);
	} else if (vg_keyfile_load(&file) == 0) {
		if (!p->description)
			p->description = strdup("");
		if (p->description)
			return p;
	}
	preset_free(p);
	return NULL;
}

static int add(struct vg_preset *p)
{
	struct vg_preset **bigger;
	size_t i = 0;

	while (i < all.nr && strcmp(all.list[i]->name, p->name) < 0)
		i++;
	if (i < all.nr && strcmp(all.list[i]->name, p->name) == 0) {
		preset_free(all.list[i]);
		all.list[i] = p;
		return 0;
	}
	if (all.nr >= PRESETS_MAX)
		return -E2BIG;
	bigger = reallocarray(all.list, all.nr + 1, sizeof(struct vg_preset *));
	if (!bigger)
		return -ENOMEM;
	all.list = bigger;
	memmove(&all.list[i + 1], &all.list[i],
		(all.nr - i) * sizeof(struct vg_preset *));
	all.list[i] = p;
	all.nr++;
	return 0;
}

static int read_directory(const char *path, char ***warnings)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	int r = 0;

	if (!dir)
		return errno == ENOENT ? 0 : -errno;
	while (r == 0 && (entry = readdir(dir))) {
		size_t n = strlen(entry->d_name);
		vg_autofree char *error = NULL;
		struct vg_preset *p;

		if (*entry->d_name == '.' || n < strlen(SUFFIX) ||
		    strcmp(entry->d_name + n - strlen(SUFFIX), SUFFIX) != 0)
			continue;
		p = preset_read(path, entry->d_name, &error);
		if (p) {
			r = add(p);
			if (r < 0)
				preset_free(p);
		} else if (warnings) {
			vg_strv_addf(warnings, "%s; the file is ignored",
				     vg_error_text(error));
		}
	}
	closedir(dir);
	return r;
}

/* A list in words; NULL without memory. */
static char *joined(char *const *list)
{
	char *text = strdup("");

	for (; text && list && *list; list++) {
		char *longer;

		if (asprintf(&longer, "%s%s%s", text, *text ? ", " : "",
			     *list) < 0)
			longer = NULL;
		free(text);
		text = longer;
	}
	return text;
}

int vg_presets_load(char ***warnings)
{
	vg_cleanup(vg_paths_free) struct vg_paths paths = {};
	vg_autostrv char **names = NULL;
	int r = vg_paths_init(&paths);

	while (all.nr)
		preset_free(all.list[--all.nr]);
	if (r == 0)
		r = read_directory(paths.presets, warnings);
	if (r == 0)
		r = read_directory(paths.local_presets, warnings);
	for (size_t i = 0; r == 0 && i < all.nr; i++)
		r = vg_strv_add(&names, all.list[i]->name);
	free(all.names);
	all.names = joined(names);
	return r;
}

const struct vg_preset *vg_preset_at(size_t i)
{
	return i < all.nr ? all.list[i] : NULL;
}

const struct vg_preset *vg_preset_find(const char *name)
{
	for (size_t i = 0; i < all.nr; i++)
		if (strcmp(all.list[i]->name, name) == 0)
			return all.list[i];
	return NULL;
}

const char *vg_presets_names(void)
{
	return all.names && *all.names ? all.names :
		"none: /usr/share/vmgang/presets.d is empty";
}

int vg_preset_needs(const struct vg_preset *preset,
		    const struct vg_offers *offers, char ***ret)
{
	vg_autostrv char **needs = NULL;
	int r = 0;

	for (int k = 0; r == 0 && k < VG_NR_KNOBS; k++) {
		const char *value = preset->policy.value[k];

		if (*value && !vg_offers(offers, (enum vg_knob)k, value))
			r = vg_strv_addf(&needs, "%s=%s",
					 vg_knob_name((enum vg_knob)k), value);
	}
	for (char **m = preset->missing; r == 0 && m && *m; m++)
		r = vg_strv_add(&needs, *m);
	if (r < 0)
		return r;
	*ret = needs;
	needs = NULL;
	return 0;
}

/* The presets that work here, in words. */
static char *working(const struct vg_offers *offers)
{
	vg_autostrv char **list = NULL;

	for (size_t i = 0; i < all.nr; i++) {
		vg_autostrv char **needs = NULL;

		if (vg_preset_needs(all.list[i], offers, &needs) < 0 ||
		    (!needs && vg_strv_add(&list, all.list[i]->name) < 0))
			return NULL;
	}
	return joined(list);
}

static int preset_offered(const char *name, const struct vg_offers *offers,
			  char **error)
{
	const struct vg_preset *preset = vg_preset_find(name);
	vg_autofree char *text = NULL, *others = NULL;
	vg_autostrv char **needs = NULL;
	int r;

	if (!preset) {
		vg_error_set(error, "preset: \"%s\" does not exist (allowed: %s)",
			     name, vg_presets_names());
		return -EOPNOTSUPP;
	}
	r = vg_preset_needs(preset, offers, &needs);
	if (r < 0 || !needs)
		return r;
	text = joined(needs);
	others = working(offers);
	vg_error_set(error, "preset: \"%s\" needs %s, which this host does not"
		     " offer (presets that work: %s)", name,
		     vg_error_text(text), vg_error_text(others));
	return -EOPNOTSUPP;
}

int vg_policy_offered(const struct vg_policy *policy,
		      const struct vg_offers *offers, char **error)
{
	const char *preset = policy->value[VG_KNOB_PRESET];

	for (int k = 0; k < VG_NR_KNOBS; k++) {
		const char *value = policy->value[k];

		if (!*value || vg_offers(offers, (enum vg_knob)k, value))
			continue;
		vg_error_set(error,
			     "%s: the module does not offer \"%s\" (it offers: %s)",
			     vg_knob_name((enum vg_knob)k), value,
			     offers->values[k]);
		return -EOPNOTSUPP;
	}
	return *preset ? preset_offered(preset, offers, error) : 0;
}
