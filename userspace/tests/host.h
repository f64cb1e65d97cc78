/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef VMGANG_TESTS_HOST_H
#define VMGANG_TESTS_HOST_H

#include <sys/types.h>

#include "fake.h"
#include "json.h"

#define UUID_A "11111111-2222-3333-4444-555555555555"
#define UUID_B "aaaaaaaa-2222-3333-4444-555555555555"

/*
 * A host of ordinary files with vmgangd, started with --no-class, and vmgang.
 * VMGANG_BUILD says where they were built.
 */
struct host {
	struct fake fake;
	pid_t daemon;
	char socket[128];
	bool libvirt;		/* it follows libvirt */
};

/* Command lines of guests: db has a uuid, web a name only, anonymous none. */
extern const char *const db[], *const web[], *const anonymous[];

int setup(void **state);
int teardown(void **state);

const char *program(const char *name);
void start(struct host *h);
int stop(struct host *h, int sig);	/* its exit status, or 128 + signal */

/* Waits until a file says so. */
void until(struct host *h, const char *path, const char *text);

/*
 * One call of the daemon, as vg_client_call(). The parameters are JSON, with
 * single quotes instead of double ones.
 */
int call(struct host *h, const char *method, const char *parameters,
	 sd_json_variant **ret, char **error);
const char *policy_of(sd_json_variant *vm, const char *knob,
		      const char *field);
void assert_knob(struct host *h, const char *vm, const char *knob,
		 const char *value, const char *source);

/* Runs vmgang: both of its outputs, or its standard output as JSON. */
int cli(const char *arguments, char *out, size_t size, sd_json_variant **json);

#endif
