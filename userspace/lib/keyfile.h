/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef VMGANG_KEYFILE_H
#define VMGANG_KEYFILE_H

#include <stddef.h>

/**
 * struct vg_keyfile - how a file of sections and keys is read
 * @name: of the file, for messages
 * @section: called with what is between the brackets; NULL: there are none
 * @entry: called with a key and its value, which may be empty
 * @userdata: of both
 * @line: of the call
 * @error: receives the message of what ended it
 *
 * Comments begin with # or ;. A call that returns below 0 ends it; it leaves
 * its message with vg_keyfile_fail().
 */
struct vg_keyfile {
	const char *name;
	int (*section)(struct vg_keyfile *file, const char *name);
	int (*entry)(struct vg_keyfile *file, const char *key,
		     const char *value);
	void *userdata;
	unsigned int line;
	char **error;
};

int vg_keyfile_parse(struct vg_keyfile *file, const char *text, size_t len);

/* The same for the file of that name; -EFBIG for more than 1 MiB. */
int vg_keyfile_load(struct vg_keyfile *file);

/* Leaves "file:line: message", and returns r. */
int vg_keyfile_fail(struct vg_keyfile *file, int r, const char *message);

#endif
