// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "fake.h"
#include "presets.h"
#include "util.h"

static int parse(const char *text, struct vg_config *c, char **error)
{
	return vg_config_parse("conf", text, strlen(text), c, error);
}

/* Shows that nothing, blanks and comments are the built-in configuration. */
static void defaults(void **state)
{
	static const char *const texts[] = {
		"", "\n\n", "# a comment\n; another\n  \t\n", "[vmgangd]",
		"[vmgangd]\r\n#Default=esx\r\n",
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct vg_config c;

		assert_int_equal(parse(texts[i], &c, NULL), 0);
		assert_string_equal(c.defaults.value[VG_KNOB_PRESET],
				    "adaptive");
		assert_string_equal(c.group, "vmgang");
		assert_string_equal(c.libvirt_uri, "qemu:///system");
		assert_int_equal(c.nr_rules, 0);
		assert_null(c.warnings);
		vg_config_free(&c);
	}
}

/* Shows that every key arrives where it belongs. */
static void everything(void **state)
{
	struct vg_config c;

	assert_int_equal(parse("[vmgangd]\nDefault = esx\nGroup=kvm\n"
			       "LibvirtUri=none\n"
			       "[match]\nName=db-*\npreset=esx\nslice_us=5000\n"
			       "[match]\nCgroup=/x/*\nmanaged=0\n", &c, NULL), 0);
	assert_string_equal(c.defaults.value[VG_KNOB_PRESET], "esx");
	assert_string_equal(c.group, "kvm");
	assert_null(c.libvirt_uri);
	assert_int_equal(c.nr_rules, 2);
	assert_string_equal(c.rules[0].name, "db-*");
	assert_int_equal(c.rules[0].line, 5);
	assert_string_equal(c.rules[0].policy.value[VG_KNOB_SLICE_US], "5000");
	assert_string_equal(c.rules[1].policy.value[VG_KNOB_MANAGED], "0");
	vg_config_free(&c);
}

/* Shows that an error says file and line, what is wrong, what is allowed. */
static void errors(void **state)
{
	static const struct {
		const char *text, *error;
	} cases[] = {
		{ "[vmgangd]\nDefault=fast\n",
		  "conf:2: preset: unknown value \"fast\" (allowed: adaptive, esx, "
		  "esx-relaxed, naive, uhlig, uhlig-hint, wells, xen-credit, xen-sedf)" },
		{ "[match]\n\nslice_us=1\n",
		  "conf:3: slice_us: \"1\" is out of range (allowed: 1000..100000)" },
		{ "Default=esx\n", "conf:1: a key before the first section" },
		{ "[vmgangd]\nGroup\n",
		  "conf:2: neither a section, nor key=value, nor a comment" },
		{ "[vmgangd]\nGroup=\n", "conf:2: Group: the value is missing" },
		{ "[vmgangd\n",
		  "conf:1: a section header is [vmgangd] or [match]" },
		{ "[vmgangd]\nLibvirtUri=yes\n",
		  "conf:2: LibvirtUri: not a URI (allowed: qemu:///…, none)" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct vg_config c;
		char *error = NULL;

		assert_true(parse(cases[i].text, &c, &error) < 0);
		assert_string_equal(error, cases[i].error);
		free(error);
	}
}

/* Shows that what is not known is ignored, but not silently. */
static void warnings(void **state)
{
	struct vg_config c;

	assert_int_equal(parse("[vmgangd]\nColour=red\n[other]\nx=\n[match]\n"
			       "spun=off\ncosched=gang\n", &c, NULL), 0);
	assert_int_equal(vg_strv_length(c.warnings), 3);
	assert_string_equal(c.warnings[0],
		"conf:2: unknown key \"Colour\" ignored (known: Default, Group, LibvirtUri)");
	assert_string_equal(c.warnings[1],
		"conf:3: unknown section \"other\" ignored (known: vmgangd, match)");
	assert_string_equal(c.rules[0].policy.value[VG_KNOB_COSCHED], "gang");
	vg_config_free(&c);
}

/*
 * Shows that the first rule that fits counts, that all its globs must fit,
 * that * crosses slashes, and that a backslash is a plain character.
 */
static void matching(void **state)
{
	static const char uuid[] = "0a0b0c0d-0000-0000-0000-000000000001";
	struct vg_config c;

	assert_int_equal(parse("[match]\nName=db-?\nCgroup=/machine.slice/*\n"
			       "[match]\nName=db-*\n"
			       "[match]\nUuid=0A0B0C0D-*\n"
			       "[match]\nCgroup=/a/machine-qemu\\x2d1\\x2dx.scope\n"
			       "[match]\nName=[!x]*\n", &c, NULL), 0);
#define RULE(n, u, g) (vg_config_match(&c, n, u, g) - c.rules)
	assert_int_equal(RULE("db-1", NULL, "/machine.slice/a/b"), 0);
	assert_int_equal(RULE("db-1", NULL, "/other"), 1);
	assert_int_equal(RULE("x", uuid, "/"), 2);
	assert_int_equal(RULE(NULL, NULL, "/a/machine-qemu\\x2d1\\x2dx.scope"),
			 3);
	assert_int_equal(RULE("web", NULL, "/"), 4);
	assert_null(vg_config_match(&c, "x", NULL, "/"));
	assert_null(vg_config_match(&c, NULL, NULL, "/"));
#undef RULE
	vg_config_free(&c);
}

/* Shows that files of any size and content end in an error or a result. */
static void hostile(void **state)
{
	vg_autofree char *text = malloc(1 << 20);
	struct vg_config c;
	uint32_t seed = 1;
	size_t len = 0;

	for (int i = 0; i < 2000; i++)
		len += (size_t)sprintf(text + len, "[match]\n");
	assert_int_equal(vg_config_parse("conf", text, len, &c, NULL), -E2BIG);
	memset(text, 'a', 1 << 20);
	assert_int_equal(vg_config_parse("conf", text, 1 << 20, &c, NULL),
			 -E2BIG);
	assert_int_equal(vg_config_parse("conf", "[vmgangd]\n\0", 11, &c, NULL),
			 -EINVAL);
	len = 0;
	while (len < 900000)
		len += (size_t)sprintf(text + len, "[x%zu]\ny=z\n", len);
	assert_int_equal(vg_config_parse("conf", text, len, &c, NULL), 0);
	assert_int_equal(vg_strv_length(c.warnings), 100);
	vg_config_free(&c);
	for (int round = 0; round < 20000; round++) {
		static const char alphabet[] = "[]match=\n#;*NameUuid esx_\0\xff";

		for (len = 0; len < 64; len++) {
			seed = seed * 1664525 + 1013904223;
			text[len] = alphabet[(seed >> 16) % sizeof(alphabet)];
		}
		if (vg_config_parse("conf", text, len, &c, NULL) == 0)
			vg_config_free(&c);
	}
}

/* Shows that a missing file is an empty one and a huge one an error. */
static void files(void **state)
{
	struct vg_config c;
	char *error = NULL;

	assert_int_equal(vg_config_load("/nonexistent/conf", &c, NULL), 0);
	vg_config_free(&c);
	assert_true(vg_config_load("/tmp", &c, &error) < 0);
	assert_string_equal(error, "/tmp: Is a directory");
	assert_int_equal(vg_config_load("/dev/zero", &c, &error), -EFBIG);
	assert_string_equal(error, "/dev/zero: larger than 1 MiB");
	free(error);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults),
		cmocka_unit_test(everything),
		cmocka_unit_test(errors),
		cmocka_unit_test(warnings),
		cmocka_unit_test(matching),
		cmocka_unit_test(hostile),
		cmocka_unit_test(files),
	};

	assert_int_equal(vg_presets_load(NULL), 0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
