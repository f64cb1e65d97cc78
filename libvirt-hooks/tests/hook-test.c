// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the hook hands over, and what happens when nobody takes it.
 *
 * hook-test HOOK FRONT: the program, and the shell script in front of it.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fake-daemon.h"
#include "hook-run.h"

static const char *front;

/* Each operation that a running domain may start with hands its policy over. */
static void test_hands_over(void **state)
{
	static const char *const ops[] = {
		"prepare", "started", "reconnect", "attach",
	};
	static const char *const parts[] = {
		"\"io.vmgang.SetDomain\"", "\"" UUID "\"", "\"web1\"",
		"\"preset\":\"esx\"", "\"id\":7", "\"errors\":[]", NULL,
	};

	(void)state;
	for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
		struct run r = { .operation = ops[i], .xml = XML(ESX) };

		expect_call(&r, parts);
	}
}

/* After release there is no domain whose policy could matter. */
static void test_forgets(void **state)
{
	static const char *const parts[] = {
		"\"io.vmgang.ForgetDomain\"", "\"" UUID "\"", NULL,
	};
	struct run r = { .operation = "release", .xml = XML(ESX) };

	(void)state;
	expect_call(&r, parts);
}

/* The others say nothing of a domain that prepare or release does not. */
static void test_lets_pass(void **state)
{
	static const char *const ops[] = {
		"start", "stopped", "migrate", "restore", "", "nonsense",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
		struct run r = { .operation = ops[i], .xml = XML(ESX) };

		expect_silent(&r);
	}
}

/* A domain without metadata is told too: it may have had some before. */
static void test_no_metadata(void **state)
{
	static const char *const parts[] = {
		"\"io.vmgang.SetDomain\"", "\"knobs\":{}", "\"errors\":[]", NULL,
	};
	struct run r = { .operation = "prepare", .xml = HEAD "</domain>" };

	(void)state;
	expect_call(&r, parts);
}

/* A bad value is handed over as an error, and no knob with it. */
static void test_bad_value(void **state)
{
	static const char *const parts[] = {
		"\"knobs\":{}", "line 1: cosched:", "off, strict, gang, relaxed, adaptive", NULL,
	};
	struct run r = {
		.operation = "prepare",
		.xml = XML("<vmgang:domain " OUR_NS "><vmgang:policy>"
			   "<vmgang:managed>1</vmgang:managed>"
			   "<vmgang:cosched>always</vmgang:cosched>"
			   "</vmgang:policy></vmgang:domain>"),
	};

	(void)state;
	expect_call(&r, parts);
}

/* Whatever the daemon does, the domain starts. */
static void test_bad_daemons(void **state)
{
	static const enum fake_manner manners[] = {
		FAKE_REFUSES, FAKE_HANGS, FAKE_DEAF, FAKE_CLOSES, FAKE_BABBLES,
		FAKE_TRICKLES,
	};

	(void)state;
	for (size_t i = 0; i < sizeof(manners) / sizeof(manners[0]); i++) {
		struct fake_daemon *d = fake_daemon_start(manners[i]);
		struct run r = {
			.operation = "started",
			.socket = fake_daemon_path(d),
			.xml = XML(ESX),
		};

		run(&r);
		free(fake_daemon_stop(d, NULL));
	}
}

/* No daemon: no socket, or something else in its place. */
static void test_no_daemon(void **state)
{
	static const char *const sockets[] = {
		"/nonexistent/io.vmgang", "/dev/null", "/tmp", "relative", "",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(sockets) / sizeof(sockets[0]); i++) {
		struct run r = {
			.operation = "prepare",
			.socket = sockets[i],
			.xml = XML(ESX),
		};

		run(&r);
	}
}

/* Called by hand, or by a libvirt that has other ideas. */
static void test_arguments(void **state)
{
	static char name[100000];
	struct run none = { .xml = XML(ESX) };
	struct run odd = { .operation = "prepare", .xml = XML(ESX), .name = name };

	(void)state;
	expect_silent(&none);
	memset(name, '%', sizeof(name) - 1);
	name[7] = '\n';
	name[8] = '\x1b';
	free(calls_of(&odd, NULL));
}

/* A copy of the front with another program behind it. */
struct behind {
	char dir[32];
	char program[64];
	char script[64];
};

static void behind_begin(struct behind *b, const char *program)
{
	char *command;

	strcpy(b->dir, "/tmp/vmgang-front-XXXXXX");
	assert_non_null(mkdtemp(b->dir));
	snprintf(b->program, sizeof(b->program), "%s/hook", b->dir);
	snprintf(b->script, sizeof(b->script), "%s/front", b->dir);
	assert_true(asprintf(&command, "sed 's,/usr/sbin/vmgang-hook,%s,' '%s' >%s && chmod 755 %s",
			     program ? program : b->program, front, b->script,
			     b->script) > 0);
	assert_int_equal(system(command), 0);
	free(command);
}

static void behind_end(struct behind *b)
{
	unlink(b->program);
	unlink(b->script);
	rmdir(b->dir);
}

/* What can go wrong behind the front does not get through it. */
static void test_front(void **state)
{
	static const char *const bodies[] = {
		NULL, "exit 1", "echo output; echo error >&2; exit 3",
		"kill -SEGV $$", "kill -KILL $$", "cat",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		struct behind b;
		struct run r = {
			.program = b.script, .operation = "migrate",
			.xml = XML(ESX),
		};

		behind_begin(&b, NULL);
		if (bodies[i]) {
			FILE *f = fopen(b.program, "w");

			assert_non_null(f);
			fprintf(f, "#!/bin/sh\n%s\n", bodies[i]);
			fclose(f);
			assert_int_equal(chmod(b.program, 0755), 0);
		}
		run(&r);
		behind_end(&b);
	}
}

/* The front passes arguments and input on. */
static void test_front_hands_over(void **state)
{
	static const char *const parts[] = { "\"preset\":\"esx\"", NULL };
	struct behind b;
	struct run r = {
		.program = b.script, .operation = "prepare", .xml = XML(ESX),
	};

	(void)state;
	behind_begin(&b, hook);
	expect_call(&r, parts);
	behind_end(&b);
}

int main(int argc, char *argv[])
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hands_over),
		cmocka_unit_test(test_forgets),
		cmocka_unit_test(test_lets_pass),
		cmocka_unit_test(test_no_metadata),
		cmocka_unit_test(test_bad_value),
		cmocka_unit_test(test_bad_daemons),
		cmocka_unit_test(test_no_daemon),
		cmocka_unit_test(test_arguments),
		cmocka_unit_test(test_front),
		cmocka_unit_test(test_front_hands_over),
	};

	if (argc != 3) {
		fprintf(stderr, "usage: hook-test HOOK FRONT\n");
		return 2;
	}
	hook = argv[1];
	front = argv[2];
	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests_name("hook", tests, NULL, NULL);
}
