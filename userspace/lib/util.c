// SPDX-License-Identifier: GPL-2.0-only
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <systemd/sd-id128.h>

#include "util.h"

void vg_freep(void *p)
{
	free(*(void **)p);
}

void vg_closep(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

void vg_strv_free(char **list)
{
	if (!list)
		return;
	for (char **s = list; *s; s++)
		free(*s);
	free(list);
}

void vg_strv_freep(char ***list)
{
	vg_strv_free(*list);
}

size_t vg_strv_length(char *const *list)
{
	size_t n = 0;

	while (list && list[n])
		n++;
	return n;
}

static int strv_push(char ***list, char *s)
{
	size_t n = vg_strv_length(*list);
	char **bigger;

	if (!s)
		return -ENOMEM;
	bigger = realloc(*list, (n + 2) * sizeof(*bigger));
	if (!bigger) {
		free(s);
		return -ENOMEM;
	}
	bigger[n] = s;
	bigger[n + 1] = NULL;
	*list = bigger;
	return 0;
}

int vg_strv_add(char ***list, const char *s)
{
	return strv_push(list, strdup(s));
}

int vg_strv_addf(char ***list, const char *fmt, ...)
{
	va_list ap;
	char *s;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&s, fmt, ap);
	va_end(ap);
	return strv_push(list, n < 0 ? NULL : s);
}

void vg_error_set(char **error, const char *fmt, ...)
{
	va_list ap;
	char *s;
	int n;

	if (!error)
		return;
	va_start(ap, fmt);
	n = vasprintf(&s, fmt, ap);
	va_end(ap);
	free(*error);
	*error = n < 0 ? NULL : s;
}

const char *vg_error_text(const char *error)
{
	return error ? error : "out of memory";
}

int vg_parse_u64(const char *s, uint64_t *ret)
{
	uint64_t v = 0;

	if (!*s)
		return -EINVAL;
	for (; *s; s++) {
		if (!isdigit((unsigned char)*s))
			return -EINVAL;
		if (__builtin_mul_overflow(v, 10, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(*s - '0'), &v))
			return -ERANGE;
	}
	*ret = v;
	return 0;
}

static ssize_t read_full(int fd, char *buf, size_t size)
{
	size_t done = 0;

	while (done < size) {
		ssize_t n = read(fd, buf + done, size - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

int vg_read_file(int dirfd, const char *path, size_t max, char **ret,
		 size_t *ret_len)
{
	vg_autofree char *buf = NULL;
	vg_autofd int fd = -1;
	size_t len = 0, size = 4096;

	fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return -errno;
	for (;;) {
		char *bigger;
		ssize_t n;

		if (size > max + 1)
			size = max + 1;
		bigger = realloc(buf, size + 1);
		if (!bigger)
			return -ENOMEM;
		buf = bigger;
		n = read_full(fd, buf + len, size - len);
		if (n < 0)
			return (int)n;
		len += (size_t)n;
		if (len > max)
			return -EFBIG;
		if (len < size)
			break;
		size *= 2;
	}
	buf[len] = '\0';
	*ret = buf;
	buf = NULL;
	if (ret_len)
		*ret_len = len;
	return 0;
}

int vg_read_line(int dirfd, const char *path, char *buf, size_t size)
{
	vg_autofd int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = read_full(fd, buf, size - 1);
	if (n < 0)
		return (int)n;
	buf[n] = '\0';
	buf[strcspn(buf, "\n")] = '\0';
	return 0;
}

int vg_read_u64(int dirfd, const char *path, uint64_t *ret)
{
	char buf[32];
	int r = vg_read_line(dirfd, path, buf, sizeof(buf));

	return r < 0 ? r : vg_parse_u64(buf, ret);
}

int vg_write_line(int dirfd, const char *path, const char *value)
{
	vg_autofd int fd = openat(dirfd, path, O_WRONLY | O_CLOEXEC | O_NOCTTY |
						       O_TRUNC);
	size_t len = strlen(value);
	ssize_t n;

	if (fd < 0)
		return -errno;
	do {
		n = write(fd, value, len);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	return (size_t)n == len ? 0 : -EIO;
}

/* Length of the well-formed UTF-8 sequence at s, 0 if there is none. */
static size_t utf8_length(const unsigned char *s)
{
	static const struct {
		unsigned char mask, lead;
		unsigned int len, least;
	} forms[] = {
		{ 0xe0, 0xc0, 2, 0x80 },
		{ 0xf0, 0xe0, 3, 0x800 },
		{ 0xf8, 0xf0, 4, 0x10000 },
	};

	for (size_t f = 0; f < VG_ARRAY_SIZE(forms); f++) {
		unsigned int c;

		if ((s[0] & forms[f].mask) != forms[f].lead)
			continue;
		c = s[0] & (unsigned char)~forms[f].mask;
		for (size_t i = 1; i < forms[f].len; i++) {
			if ((s[i] & 0xc0) != 0x80)
				return 0;
			c = c << 6 | (s[i] & 0x3f);
		}
		if (c < forms[f].least || c > 0x10ffff ||
		    (c >= 0xd800 && c < 0xe000) || (c >= 0x80 && c < 0xa0))
			return 0;
		return forms[f].len;
	}
	return 0;
}

char *vg_printable(const char *s)
{
	char *copy = strdup(s);

	if (!copy)
		return NULL;
	for (unsigned char *p = (unsigned char *)copy; *p;) {
		if (*p >= 0x20 && *p < 0x7f) {
			p++;
			continue;
		}
		size_t n = *p >= 0x80 ? utf8_length(p) : 0;

		if (n == 0)
			*p++ = '?';
		else
			p += n;
	}
	return copy;
}

int vg_uuid_normalize(const char *s, char ret[static 37])
{
	sd_id128_t id;
	int r = sd_id128_from_string(s, &id);

	if (r < 0)
		return -EINVAL;
	sd_id128_to_uuid_string(id, ret);
	return 0;
}
