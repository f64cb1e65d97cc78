// SPDX-License-Identifier: GPL-2.0-only
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "keyfile.h"
#include "util.h"

#define FILE_SIZE_MAX (1024 * 1024)
#define LINE_LENGTH_MAX 4096

int vg_keyfile_fail(struct vg_keyfile *file, int r, const char *message)
{
	vg_error_set(file->error, "%s:%u: %s", file->name, file->line, message);
	return r;
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

static int parse_line(struct vg_keyfile *file, char *line)
{
	char *value, *end;

	line = strip(line);
	if (!*line || *line == '#' || *line == ';')
		return 0;
	if (*line == '[' && file->section) {
		end = strchr(line, ']');
		if (end && !end[1])
			*end = '\0';
		return file->section(file, end && !*end ? line + 1 : line);
	}
	value = strchr(line, '=');
	if (!value)
		return vg_keyfile_fail(file, -EINVAL, file->section ?
			"neither a section, nor key=value, nor a comment" :
			"neither key=value nor a comment");
	*value++ = '\0';
	return file->entry(file, strip(line), strip(value));
}

int vg_keyfile_parse(struct vg_keyfile *file, const char *text, size_t len)
{
	const char *end = text + len;

	file->line = 0;
	while (text < end) {
		const char *eol = memchr(text, '\n', (size_t)(end - text));
		size_t n = (size_t)((eol ? eol : end) - text);
		char line[LINE_LENGTH_MAX + 1];
		int r;

		file->line++;
		if (n > LINE_LENGTH_MAX)
			return vg_keyfile_fail(file, -E2BIG,
					       "line longer than 4096 bytes");
		if (memchr(text, '\0', n))
			return vg_keyfile_fail(file, -EINVAL, "NUL byte");
		memcpy(line, text, n);
		line[n] = '\0';
		r = parse_line(file, line);
		if (r < 0)
			return r;
		text += n + 1;
	}
	return 0;
}

int vg_keyfile_load(struct vg_keyfile *file)
{
	vg_autofree char *text = NULL;
	size_t len;
	int r = vg_read_file(AT_FDCWD, file->name, FILE_SIZE_MAX, &text, &len);

	if (r == -EFBIG)
		vg_error_set(file->error, "%s: larger than 1 MiB", file->name);
	else if (r < 0)
		vg_error_set(file->error, "%s: %s", file->name, strerror(-r));
	return r < 0 ? r : vg_keyfile_parse(file, text, len);
}
