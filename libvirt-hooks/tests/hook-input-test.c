// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the hook makes of input that is broken, hostile, huge or without an end.
 *
 * hook-input-test HOOK: the program.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hook-run.h"

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

int main(int argc, char *argv[])
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_endless_input),
		cmocka_unit_test(test_huge_input),
		cmocka_unit_test(test_large_input),
		cmocka_unit_test(test_many_attributes),
		cmocka_unit_test(test_hostile_input),
		cmocka_unit_test(test_broken_input),
	};

	if (argc != 2) {
		fprintf(stderr, "usage: hook-input-test HOOK\n");
		return 2;
	}
	hook = argv[1];
	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests_name("hook-input", tests, NULL, NULL);
}
