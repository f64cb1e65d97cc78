/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef VMGANG_UTIL_H
#define VMGANG_UTIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#define VG_ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* Frees what the variable points to when it leaves its scope. */
#define vg_cleanup(f) __attribute__((cleanup(f)))
#define vg_autofree vg_cleanup(vg_freep)
#define vg_autofd vg_cleanup(vg_closep)
#define vg_autostrv vg_cleanup(vg_strv_freep)

void vg_freep(void *p);
void vg_closep(int *fd);

/* A list of strings that ends in NULL; an empty list may be NULL. */
void vg_strv_free(char **list);
void vg_strv_freep(char ***list);
size_t vg_strv_length(char *const *list);
int vg_strv_add(char ***list, const char *s);
int vg_strv_addf(char ***list, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/*
 * Sets *error, if error is not NULL, to a message. A message that can not be
 * allocated is NULL; callers print it with vg_error_text().
 */
void vg_error_set(char **error, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
const char *vg_error_text(const char *error);

/* A decimal number without sign, blanks or anything after it. */
int vg_parse_u64(const char *s, uint64_t *ret);

/*
 * Reads at most max bytes of a file into a fresh, NUL-terminated string.
 * -EFBIG when there is more. dirfd and path are as in openat().
 */
int vg_read_file(int dirfd, const char *path, size_t max, char **ret,
		 size_t *ret_len);

/* The same for a sysfs attribute: one line, its newline removed. */
int vg_read_line(int dirfd, const char *path, char *buf, size_t size);
int vg_read_u64(int dirfd, const char *path, uint64_t *ret);
int vg_write_line(int dirfd, const char *path, const char *value);

/*
 * A copy that may be printed on a terminal and put into JSON: control
 * characters and bytes that are not UTF-8 become '?'.
 */
char *vg_printable(const char *s);

/* The canonical lower-case form with dashes; -EINVAL when it is no UUID. */
int vg_uuid_normalize(const char *s, char ret[static 37]);

#endif
