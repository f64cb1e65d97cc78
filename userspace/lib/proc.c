// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "proc.h"
#include "util.h"

/* libvirt's command lines are some 10 KiB; thousands of disks make more. */
#define CMDLINE_MAX (1024 * 1024)
#define NAME_MAX_BYTES 255

/* The value of option name at argument arg, NULL if it is another option. */
static const char *option_value(const char *arg, const char *name,
				const char *next)
{
	size_t len = strlen(name);

	if (*arg != '-')
		return NULL;
	arg += arg[1] == '-' ? 2 : 1;
	if (strncmp(arg, name, len) != 0)
		return NULL;
	if (arg[len] == '=')
		return arg + len + 1;
	return arg[len] ? NULL : next;
}

/*
 * QEMU's option syntax: fields between commas, a doubled comma is one that
 * belongs to the value. The name is guest=… or the first field if that has no
 * key.
 */
static char *name_from_option(const char *s)
{
	bool first = true;

	while (*s) {
		char field[NAME_MAX_BYTES + sizeof("guest=")] = "";
		size_t n = 0;

		for (; *s; s++) {
			if (*s == ',') {
				s++;
				if (*s != ',')
					break;
			}
			if (n < sizeof(field) - 1)
				field[n++] = *s;
		}
		if (strncmp(field, "guest=", 6) == 0)
			return field[6] ? vg_printable(field + 6) : NULL;
		if (first && *field && !strchr(field, '=')) {
			field[NAME_MAX_BYTES] = '\0';
			return vg_printable(field);
		}
		first = false;
	}
	return NULL;
}

/* A string that ends before end; one that is cut off is none. */
static const char *whole(const char *s, const char *end)
{
	return s && memchr(s, '\0', (size_t)(end - s)) ? s : NULL;
}

int vg_identity_parse(const char *cmdline, size_t len, struct vg_identity *ret)
{
	struct vg_identity id = {};
	const char *end = cmdline + len, *arg, *next;

	for (arg = cmdline; arg < end && whole(arg, end); arg = next) {
		const char *value;
		char uuid[37];

		next = arg + strlen(arg) + 1;
		value = whole(option_value(arg, "name", next), end);
		if (value && !id.name)
			id.name = name_from_option(value);
		value = whole(option_value(arg, "uuid", next), end);
		if (value && !id.uuid && vg_uuid_normalize(value, uuid) == 0)
			id.uuid = strdup(uuid);
	}
	*ret = id;
	return 0;
}

int vg_identity_read(const char *proc, pid_t pid, struct vg_identity *ret)
{
	vg_autofree char *path = NULL, *cmdline = NULL;
	size_t len;
	int r;

	if (asprintf(&path, "%s/%d/cmdline", proc, (int)pid) < 0) {
		path = NULL;
		return -ENOMEM;
	}
	r = vg_read_file(AT_FDCWD, path, CMDLINE_MAX, &cmdline, &len);
	if (r == -ESRCH)
		r = -ENOENT;
	return r < 0 ? r : vg_identity_parse(cmdline, len, ret);
}

void vg_identity_free(struct vg_identity *identity)
{
	free(identity->name);
	free(identity->uuid);
	*identity = (struct vg_identity){};
}
