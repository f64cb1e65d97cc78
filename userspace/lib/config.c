// SPDX-License-Identifier: GPL-2.0-only
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <string.h>

#include "config.h"
#include "util.h"

#define CONFIG_SIZE_MAX (1024 * 1024)
#define LINE_LENGTH_MAX 4096
#define RULES_MAX 1024
#define WARNINGS_MAX 100

enum section { SECTION_NONE, SECTION_VMGANGD, SECTION_MATCH, SECTION_UNKNOWN };

struct parser {
	const char *file;
	unsigned int line;
	enum section section;
	struct vg_config *config;
	char **error;
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
	    set_string(&config.libvirt_uri, "qemu:///system") < 0 ||
	    vg_policy_put(&config.defaults, "preset", "xen-credit", NULL) < 0) {
		vg_config_free(&config);
		return -ENOMEM;
	}
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
	vg_error_set(p->error, "%s:%u: %s", p->file, p->line, message);
	return r;
}

static int warn(struct parser *p, const char *what, const char *name,
		const char *known)
{
	if (vg_strv_length(p->config->warnings) >= WARNINGS_MAX)
		return 0;
	return vg_strv_addf(&p->config->warnings,
			    "%s:%u: unknown %s \"%.64s\" ignored (known: %s)",
			    p->file, p->line, what, name, known);
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
	config->rules[config->nr_rules++] = (struct vg_rule){ .line = p->line };
	return 0;
}

static int parse_section(struct parser *p, char *line)
{
	char *end = strchr(line, ']');

	if (!end || end[1])
		return fail(p, -EINVAL, "a section header is [vmgangd] or [match]");
	*end = '\0';
	line++;
	if (strcmp(line, "vmgangd") == 0) {
		p->section = SECTION_VMGANGD;
		return 0;
	}
	if (strcmp(line, "match") == 0) {
		p->section = SECTION_MATCH;
		return add_rule(p);
	}
	p->section = SECTION_UNKNOWN;
	return warn(p, "section", line, "vmgangd, match");
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

	if (strcmp(key, "Name") == 0)
		return set_string(&rule->name, value);
	if (strcmp(key, "Uuid") == 0)
		return set_string(&rule->uuid, value);
	if (strcmp(key, "Cgroup") == 0)
		return set_string(&rule->cgroup, value);
	if (vg_knob_from_name(key) >= 0)
		return put_knob(p, &rule->policy, key, value);
	return warn(p, "key", key,
		    "Name, Uuid, Cgroup, preset, cosched, slice_us, managed");
}

static char *strip(char *s)
{
	size_t len;

	while (isspace((unsigned char)*s))
		s++;
	len = strlen(s);
	while (len > 0 && isspace((unsigned char)s[len - 1]))
		s[--len] = '\0';
	return s;
}

static int parse_line(struct parser *p, char *line)
{
	char *key, *value;

	line = strip(line);
	if (!*line || *line == '#' || *line == ';')
		return 0;
	if (*line == '[')
		return parse_section(p, line);
	value = strchr(line, '=');
	if (!value)
		return fail(p, -EINVAL, "neither a section, nor key=value, nor a comment");
	*value++ = '\0';
	key = strip(line);
	value = strip(value);
	if (!*value && p->section != SECTION_UNKNOWN) {
		vg_error_set(p->error, "%s:%u: %.64s: the value is missing",
			     p->file, p->line, key);
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

static int parse_lines(struct parser *p, const char *text, size_t len)
{
	const char *end = text + len;

	while (text < end) {
		const char *eol = memchr(text, '\n', (size_t)(end - text));
		size_t n = (size_t)((eol ? eol : end) - text);
		char line[LINE_LENGTH_MAX + 1];
		int r;

		p->line++;
		if (n > LINE_LENGTH_MAX)
			return fail(p, -E2BIG, "line longer than 4096 bytes");
		if (memchr(text, '\0', n))
			return fail(p, -EINVAL, "NUL byte");
		memcpy(line, text, n);
		line[n] = '\0';
		r = parse_line(p, line);
		if (r < 0)
			return r;
		text += n + 1;
	}
	return 0;
}

int vg_config_parse(const char *name, const char *text, size_t len,
		    struct vg_config *ret, char **error)
{
	struct vg_config config;
	struct parser p = { .file = name, .config = &config, .error = error };
	int r = vg_config_default(&config);

	if (r < 0)
		return r;
	r = parse_lines(&p, text, len);
	if (r < 0) {
		vg_config_free(&config);
		return r;
	}
	*ret = config;
	return 0;
}

int vg_config_load(const char *path, struct vg_config *ret, char **error)
{
	vg_autofree char *text = NULL;
	size_t len;
	int r = vg_read_file(AT_FDCWD, path, CONFIG_SIZE_MAX, &text, &len);

	if (r == -ENOENT)
		return vg_config_default(ret);
	if (r == -EFBIG) {
		vg_error_set(error, "%s: larger than 1 MiB", path);
		return r;
	}
	if (r < 0) {
		vg_error_set(error, "%s: %s", path, strerror(-r));
		return r;
	}
	return vg_config_parse(path, text, len, ret, error);
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
