/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Runs the hook as libvirt does: the XML on standard input, both outputs in
 * pipes that are read to their end. Every run, whatever its input and whatever
 * the daemon does, must end within a second, with status 0 and no output, and
 * leave nobody behind who holds the pipes.
 */
#ifndef VMGANG_HOOK_RUN_H
#define VMGANG_HOOK_RUN_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#define UUID "3f1c1f57-6a5b-4c7e-9f0e-0123456789ab"
#define OUR_NS "xmlns:vmgang='urn:vmgang:domain:1'"
#define HEAD "<domain type='kvm' id='7'><name>web1</name><uuid>" UUID "</uuid>"
#define XML(inner) HEAD "<metadata>" inner "</metadata></domain>"
#define ESX "<vmgang:domain " OUR_NS "><vmgang:policy preset='esx'/></vmgang:domain>"

extern const char *hook;		/* the program */

struct run {
	const char *program;	/* NULL: the hook */
	const char *operation;	/* NULL: no arguments at all */
	const char *name;	/* NULL: web1 */
	const char *socket;
	const char *xml;
	size_t len;		/* 0: strlen(xml) */
	size_t repeat;		/* 0: once */
	int keep_open;		/* standard input never ends */
	/* what came of it */
	int status;
	unsigned int ms;
	unsigned int tries;
	size_t nr_output;
};

/* As often as it is late, but not for ever. */
void run(struct run *r);

/* One run against a well-behaved daemon; returns the calls it took. */
char *calls_of(struct run *r, size_t *nr);

/* A run that tells the daemon nothing; one call that has all parts. */
void expect_silent(struct run *r);
void expect_call(struct run *r, const char *const *parts);

#endif
