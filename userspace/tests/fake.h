/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef VMGANG_TESTS_FAKE_H
#define VMGANG_TESTS_FAKE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

/*
 * A host made of ordinary files below a temporary directory: sysfs/ is the
 * module's tree, proc/ has command lines, run/, conf and root/ are the
 * daemon's. The environment is set so that vmgang's programs look there.
 */
struct fake {
	char dir[64];
};

void fake_new(struct fake *f);
void fake_free(struct fake *f);

/* Paths are below the directory; text replaces what was there. */
void fake_write(const struct fake *f, const char *path, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
char *fake_read(const struct fake *f, const char *path);	/* to be freed */
bool fake_is(const struct fake *f, const char *path, const char *text);
void fake_remove(const struct fake *f, const char *path);

/* cmdline: the words of the VMM's command line, ended by NULL. */
void fake_vm(const struct fake *f, int pid, int id, int nr_vcpus,
	     const char *const *cmdline);

#endif
