// SPDX-License-Identifier: GPL-2.0-only
/*
 * Runs the hook as libvirt does: the XML on standard input, both outputs in
 * pipes that are read to their end. Every run, whatever its input and whatever
 * the daemon does, must end within a second, with status 0 and no output, and
 * leave nobody behind who holds the pipes.
 *
 * hook-test HOOK FRONT: the program, and the shell script in front of it.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <setjmp.h>
#include <cmocka.h>

#include "fake-daemon.h"

#define UUID "3f1c1f57-6a5b-4c7e-9f0e-0123456789ab"
#define OUR_NS "xmlns:vmgang='urn:vmgang:domain:1'"
#define HEAD "<domain type='kvm' id='7'><name>web1</name><uuid>" UUID "</uuid>"
#define XML(inner) HEAD "<metadata>" inner "</metadata></domain>"
#define ESX "<vmgang:domain " OUR_NS "><vmgang:policy preset='esx'/></vmgang:domain>"

/*
 * The second that libvirt is promised. The hook's own alarm is at 0.9 s, and it
 * waits a third of a second for its input, so a busy machine can make a run
 * late, or too late to hand over. Such a run is repeated, and only one that is
 * late each time fails.
 */
#define LIMIT_MS 1000
#define MAX_TRIES 10

/* Far more than the hook's own alarm: it will never end. */
#define HANG_MS 10000

static const char *hook, *front;

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

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static void child(const struct run *r, int in, int out)
{
	const char *program = r->program ? r->program : hook;

	dup2(in, 0);
	dup2(out, 1);
	dup2(out, 2);
	if (r->socket)
		setenv("VMGANG_SOCKET", r->socket, 1);
	if (r->operation)
		execl(program, program, r->name ? r->name : "web1",
		      r->operation, "begin", "-", NULL);
	else
		execl(program, program, NULL);
	_exit(99);
}

/*
 * Feeds all of the input, or what the hook takes of it, and reads both outputs
 * to their end. Returns the input's end if that is to stay open.
 */
static int pump(struct run *r, int in, int out)
{
	size_t len = r->len ? r->len : r->xml ? strlen(r->xml) : 0;
	size_t left = len ? (r->repeat ? r->repeat : 1) : 0, at = 0;
	char sink[4096];

	fcntl(in, F_SETFL, O_NONBLOCK);
	for (;;) {
		struct pollfd p[] = {
			{ .fd = out, .events = POLLIN },
			{ .fd = left ? in : -1, .events = POLLOUT },
		};
		ssize_t n;

		if (!left && !r->keep_open && in >= 0) {
			close(in);
			in = -1;
		}
		if (!left && out < 0)
			return in;
		if (poll(p, 2, HANG_MS) <= 0)
			fail_msg("the hook hangs");
		if (p[0].revents) {
			n = read(out, sink, sizeof(sink));
			if (n > 0)
				r->nr_output += (size_t)n;
			else
				out = -1;
		}
		if (p[1].revents) {
			n = write(in, r->xml + at, len - at);
			if (n < 0 && errno != EAGAIN)
				left = 0;
			at += n > 0 ? (size_t)n : 0;
			if (at == len) {
				at = 0;
				left--;
			}
		}
	}
}

static void wait_for_end(struct run *r, pid_t pid)
{
	uint64_t until = now_ms() + HANG_MS;
	pid_t ended;

	while (!(ended = waitpid(pid, &r->status, WNOHANG)) && now_ms() < until)
		usleep(1000);
	assert_int_equal(ended, pid);
}

static void run_once(struct run *r)
{
	uint64_t start = now_ms();
	int in[2], out[2];
	pid_t pid;

	assert_int_equal(pipe2(in, O_CLOEXEC), 0);
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid)
		child(r, in[0], out[1]);
	close(in[0]);
	close(out[1]);
	in[1] = pump(r, in[1], out[0]);
	wait_for_end(r, pid);
	if (in[1] >= 0)
		close(in[1]);
	close(out[0]);
	r->ms = (unsigned int)(now_ms() - start);

	assert_int_equal(r->nr_output, 0);
	assert_int_equal(r->status, 0);
}

static void run(struct run *r)
{
	r->tries = 0;
	do {
		run_once(r);
		r->tries++;
	} while (r->ms > LIMIT_MS && r->tries < MAX_TRIES);
	assert_in_range(r->ms, 0, LIMIT_MS);
}

/* One run against a well-behaved daemon; returns the calls it took. */
static char *calls_of(struct run *r, size_t *nr)
{
	struct fake_daemon *d = fake_daemon_start(FAKE_ANSWERS);

	r->socket = fake_daemon_path(d);
	run(r);
	return fake_daemon_stop(d, nr);
}

static void expect_silent(struct run *r)
{
	size_t nr;
	char *calls = calls_of(r, &nr);

	if (nr)
		fail_msg("not silent: %s", calls);
	free(calls);
}

/* The calls of a run that makes one. */
static char *one_call_of(struct run *r)
{
	char *calls = NULL;
	size_t nr = 0;

	for (int i = 0; i < MAX_TRIES && !nr; i++)
		calls = calls_of(r, &nr);
	assert_in_range(nr, 1, r->tries);
	return calls;
}

static void expect_call(struct run *r, const char *const *parts)
{
	char *calls = one_call_of(r);

	for (; *parts; parts++)
		if (!strstr(calls, *parts))
			fail_msg("no %s in %s", *parts, calls);
	free(calls);
}

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
		"\"knobs\":{}", "line 1: cosched:", "off, gang", NULL,
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

/* libvirt died with the pipe open, or writes for ever. */
static void test_endless_input(void **state)
{
	struct run open = {
		.operation = "prepare", .xml = XML(ESX), .keep_open = 1,
	};
	struct run empty = { .operation = "prepare", .keep_open = 1 };
	struct run idle = { .operation = "stopped", .keep_open = 1 };

	(void)state;
	run(&open);
	run(&empty);
	run(&idle);
}

/* 100 MB of XML, and of zeros: read to the end or not, but in time. */
static void test_huge_input(void **state)
{
	static char block[1 << 20];
	struct run zeros = {
		.operation = "prepare",
		.xml = block, .len = sizeof(block), .repeat = 100,
	};
	struct run xml = zeros;

	(void)state;
	expect_silent(&zeros);
	memset(block, ' ', sizeof(block));
	memcpy(block, HEAD, strlen(HEAD));
	expect_silent(&xml);
}

/* As many of s as fill size bytes, between two other strings. */
static char *filled(const char *before, const char *s, size_t size,
		    const char *after)
{
	size_t a = strlen(before), n = strlen(s), b = strlen(after), at;
	char *buf = malloc(size + n + a + b + 1);

	assert_non_null(buf);
	memcpy(buf, before, a);
	for (at = a; at < size; at += n)
		memcpy(buf + at, s, n);
	strcpy(buf + at, after);
	return buf;
}

/* Nearly as much as is read at all, in each of the ways that could be slow. */
static void test_large_input(void **state)
{
	static const struct {
		const char *before, *s, *after;
	} shapes[] = {
		{ HEAD, "<a>", "" },
		{ HEAD, "<a/>", "</domain>" },
		{ HEAD "<metadata><vmgang:domain " OUR_NS "><vmgang:policy>",
		  "<vmgang:what/>", "</vmgang:policy></vmgang:domain></metadata></domain>" },
		{ HEAD "<metadata><vmgang:domain " OUR_NS "><vmgang:policy>",
		  "<vmgang:cosched>gang</vmgang:cosched>",
		  "</vmgang:policy></vmgang:domain></metadata></domain>" },
		{ HEAD "<metadata><vmgang:domain " OUR_NS ">"
		  "<vmgang:policy preset='", "x", "'/></vmgang:domain></metadata></domain>" },
		{ HEAD "<!--", "x", "--></domain>" },
		{ HEAD "<![CDATA[", "x", "]]></domain>" },
		{ HEAD, "&amp;", "</domain>" },
		{ "<domain ", "a", "='1'/>" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
		char *xml = filled(shapes[i].before, shapes[i].s,
				   (4 << 20) - 256, shapes[i].after);
		struct run r = { .operation = "prepare", .xml = xml };

		free(calls_of(&r, NULL));
		free(xml);
	}
}

/* A quarter of a million attributes, which XML wants to be all different. */
static void test_many_attributes(void **state)
{
	size_t size = 4 << 20, at;
	char *xml = malloc(size + 64);
	struct run r = { .operation = "prepare", .xml = xml };

	(void)state;
	assert_non_null(xml);
	at = (size_t)sprintf(xml, "<domain");
	for (unsigned int i = 0; at < size - 32; i++)
		at += (size_t)sprintf(xml + at, " a%u=''", i);
	strcpy(xml + at, "/>");
	free(calls_of(&r, NULL));
	free(xml);
}

/* What no domain XML is: nothing of it reaches the daemon. */
static void test_hostile_input(void **state)
{
	static const char *const xmls[] = {
		"", " ", "\n", "<", "<domain", "<domain>", "</domain>",
		"no XML", "\xff\xfe", "\xef\xbb\xbf", "{}",
		"<html/>", "<domain/>", "<domain xmlns='urn:x'/>",
		"<?xml version='1.0' encoding='UTF-7'?>+ADw-domain/+AD4-",
		"<!DOCTYPE domain SYSTEM 'file:///etc/passwd'>" XML(ESX),
		"<!DOCTYPE domain SYSTEM 'http://127.0.0.1:1/x'>" XML(ESX),
		"<!DOCTYPE domain [<!ENTITY a SYSTEM 'file:///dev/zero'>]>"
			HEAD "&a;</domain>",
		"<!DOCTYPE d [<!ENTITY % p SYSTEM 'file:///dev/zero'> %p;]>"
			HEAD "</domain>",
		"<!DOCTYPE d [<!ENTITY a 'aaaaaaaaaa'>"
			"<!ENTITY b '&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;'>"
			"<!ENTITY c '&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;'>"
			"<!ENTITY d '&c;&c;&c;&c;&c;&c;&c;&c;&c;&c;'>"
			"<!ENTITY e '&d;&d;&d;&d;&d;&d;&d;&d;&d;&d;'>"
			"<!ENTITY f '&e;&e;&e;&e;&e;&e;&e;&e;&e;&e;'>"
			"<!ENTITY g '&f;&f;&f;&f;&f;&f;&f;&f;&f;&f;'>"
			"<!ENTITY h '&g;&g;&g;&g;&g;&g;&g;&g;&g;&g;'>]>"
			HEAD "<title x='&h;'>&h;&h;&h;</title></domain>",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(xmls) / sizeof(xmls[0]); i++) {
		struct run r = { .operation = "prepare", .xml = xmls[i] };

		expect_silent(&r);
	}
}

/*
 * What is broken after the domain's UUID is handed over as an error: what was
 * known of that domain before no longer counts.
 */
static void test_broken_input(void **state)
{
	static const char *const xmls[] = {
		HEAD, HEAD "<metadata>", HEAD "</domain", HEAD "</domain><more/>",
		HEAD "\xff</domain>", HEAD "&nope;</domain>",
		XML("<vmgang:domain/>"), XML(ESX) "<more/>",
	};
	static const char *const parts[] = {
		"\"knobs\":{}", "\"errors\":[\"line 1: ", NULL,
	};

	(void)state;
	for (size_t i = 0; i < sizeof(xmls) / sizeof(xmls[0]); i++) {
		struct run r = { .operation = "prepare", .xml = xmls[i] };

		expect_call(&r, parts);
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
		cmocka_unit_test(test_endless_input),
		cmocka_unit_test(test_huge_input),
		cmocka_unit_test(test_large_input),
		cmocka_unit_test(test_many_attributes),
		cmocka_unit_test(test_hostile_input),
		cmocka_unit_test(test_broken_input),
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
