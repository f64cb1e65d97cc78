// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

#include "config.h"
#include "keyfile.h"
#include "util.h"

#define RULES_MAX 1024
#define WARNINGS_MAX 100

enum section { SECTION_NONE, SECTION_VMGANGD, SECTION_MATCH, SECTION_UNKNOWN };

struct parser {
	struct vg_keyfile *file;
	enum section section;
	struct vg_config *config;
};

static int set_string(char **field, const char *value)
{
	char *copy = strdup(value);

	if (!copy)
		return -ENOMEM;
	free(*field);
	*field = copy;
	return 0;
}

int vg_config_default(struct vg_config *ret)
{
	struct vg_config config = {};

	if (set_string(&config.group, "vmgang") < 0 ||
	    set_string(&config.libvirt_uri, "qemu:///system") < 0) {
		vg_config_free(&config);
		return -ENOMEM;
	}
	memcpy(config.defaults.value[VG_KNOB_PRESET], VG_PRESET_DEFAULT,
	       sizeof(VG_PRESET_DEFAULT));
	*ret = config;
	return 0;
}

void vg_config_free(struct vg_config *config)
{
	for (size_t i = 0; i < config->nr_rules; i++) {
		free(config->rules[i].name);
		free(config->rules[i].uuid);
		free(config->rules[i].cgroup);
	}
	free(config->rules);
	free(config->group);
	free(config->libvirt_uri);
	vg_strv_free(config->warnings);
	*config = (struct vg_config){};
}

static int fail(struct parser *p, int r, const char *message)
{
	return vg_keyfile_fail(p->file, r, message);
}

static int warn(struct parser *p, const char *what, const char *name,
		const char *known)
{
	if (vg_strv_length(p->config->warnings) >= WARNINGS_MAX)
		return 0;
	return vg_strv_addf(&p->config->warnings,
			    "%s:%u: unknown %s \"%.64s\" ignored (known: %s)",
			    p->file->name, p->file->line, what, name, known);
}

static int add_rule(struct parser *p)
{
	struct vg_config *config = p->config;
	struct vg_rule *bigger;

	if (config->nr_rules >= RULES_MAX)
		return fail(p, -E2BIG, "more than 1024 [match] sections");
	bigger = reallocarray(config->rules, config->nr_rules + 1,
			      sizeof(*bigger));
	if (!bigger)
		return -ENOMEM;
	config->rules = bigger;
	config->rules[config->nr_rules++] = (struct vg_rule){ .line = p->file->line };
	return 0;
}

static int parse_section(struct vg_keyfile *file, const char *name)
{
	struct parser *p = file->userdata;

	if (*name == '[')
		return fail(p, -EINVAL, "a section header is [vmgangd] or [match]");
	if (strcmp(name, "vmgangd") == 0) {
		p->section = SECTION_VMGANGD;
		return 0;
	}
	if (strcmp(name, "match") == 0) {
		p->section = SECTION_MATCH;
		return add_rule(p);
	}
	p->section = SECTION_UNKNOWN;
	return warn(p, "section", name, "vmgangd, match");
}

static int put_knob(struct parser *p, struct vg_policy *policy,
		    const char *knob, const char *value)
{
	vg_autofree char *why = NULL;
	int r = vg_policy_put(policy, knob, value, &why);

	return r < 0 ? fail(p, r, vg_error_text(why)) : 0;
}

static int parse_vmgangd(struct parser *p, const char *key, const char *value)
{
	struct vg_config *config = p->config;

	if (strcmp(key, "Default") == 0)
		return put_knob(p, &config->defaults, "preset", value);
	if (strcmp(key, "Group") == 0)
		return set_string(&config->group, value);
	if (strcmp(key, "LibvirtUri") == 0) {
		if (strcmp(value, "none") == 0) {
			free(config->libvirt_uri);
			config->libvirt_uri = NULL;
			return 0;
		}
		if (!strchr(value, ':'))
			return fail(p, -EINVAL,
				    "LibvirtUri: not a URI (allowed: qemu:///…, none)");
		return set_string(&config->libvirt_uri, value);
	}
	return warn(p, "key", key, "Default, Group, LibvirtUri");
}

static int parse_match(struct parser *p, const char *key, const char *value)
{
	struct vg_rule *rule = &p->config->rules[p->config->nr_rules - 1];
	char allowed[320];

	if (strcmp(key, "Name") == 0)
		return set_string(&rule->name, value);
	if (strcmp(key, "Uuid") == 0)
		return set_string(&rule->uuid, value);
	if (strcmp(key, "Cgroup") == 0)
		return set_string(&rule->cgroup, value);
	if (vg_knob_from_name(key) >= 0)
		return put_knob(p, &rule->policy, key, value);
	snprintf(allowed, sizeof(allowed), "Name, Uuid, Cgroup, %s",
		 vg_knob_names());
	return warn(p, "key", key, allowed);
}

static int parse_entry(struct vg_keyfile *file, const char *key,
		       const char *value)
{
	struct parser *p = file->userdata;

	if (!*value && p->section != SECTION_UNKNOWN) {
		vg_error_set(file->error, "%s:%u: %.64s: the value is missing",
			     file->name, file->line, key);
		return -EINVAL;
	}
	switch (p->section) {
	case SECTION_VMGANGD:
		return parse_vmgangd(p, key, value);
	case SECTION_MATCH:
		return parse_match(p, key, value);
	case SECTION_UNKNOWN:
		return 0;
	case SECTION_NONE:
		break;
	}
	return fail(p, -EINVAL, "a key before the first section");
}

static int parse_with(const char *name, const char *text, size_t len,
		      struct vg_config *ret, char **error)
{
	struct vg_config config;
	struct parser p = { .config = &config };
	struct vg_keyfile file = {
		.name = name, .section = parse_section, .entry = parse_entry,
		.userdata = &p, .error = error,
	};
	int r = vg_config_default(&config);

	if (r < 0)
		return r;
	p.file = &file;
	r = text ? vg_keyfile_parse(&file, text, len) : vg_keyfile_load(&file);
	if (r < 0) {
		vg_config_free(&config);
		return r;
	}
	*ret = config;
	return 0;
}

int vg_config_parse(const char *name, const char *text, size_t len,
		    struct vg_config *ret, char **error)
{
	return parse_with(name, text, len, ret, error);
}

int vg_config_load(const char *path, struct vg_config *ret, char **error)
{
	int r = parse_with(path, NULL, 0, ret, error);

	if (r != -ENOENT)
		return r;
	if (error) {
		free(*error);
		*error = NULL;
	}
	return vg_config_default(ret);
}

/* Backslashes are plain characters: systemd's cgroup names contain them. */
static bool fits(const char *glob, const char *s, int flags)
{
	return !glob || (s && fnmatch(glob, s, FNM_NOESCAPE | flags) == 0);
}

const struct vg_rule *vg_config_match(const struct vg_config *config,
				      const char *name, const char *uuid,
				      const char *cgroup)
{
	for (size_t i = 0; i < config->nr_rules; i++) {
		const struct vg_rule *rule = &config->rules[i];

		if (fits(rule->name, name, 0) &&
		    fits(rule->uuid, uuid, FNM_CASEFOLD) &&
		    fits(rule->cgroup, cgroup, 0))
			return rule;
	}
	return NULL;
}
