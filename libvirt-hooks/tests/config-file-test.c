// SPDX-License-Identifier: GPL-2.0-only
/*
 * The installed configuration file: as it is it changes nothing, and what it
 * shows in comments is what it says it is. config-file-test FILE
 */
#include <fcntl.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <cmocka.h>

#include "config.h"
#include "presets.h"
#include "util.h"

static const char *path;

static void expect_defaults(const struct vg_config *c)
{
	struct vg_config d;

	assert_int_equal(vg_config_default(&d), 0);
	assert_memory_equal(&c->defaults, &d.defaults, sizeof(d.defaults));
	assert_string_equal(c->group, d.group);
	assert_string_equal(c->libvirt_uri, d.libvirt_uri);
	assert_null(c->warnings);
	vg_config_free(&d);
}

/* As it is installed. */
static void test_as_it_is(void **state)
{
	struct vg_config c;

	(void)state;
	assert_int_equal(vg_config_load(path, &c, NULL), 0);
	expect_defaults(&c);
	assert_int_equal(c.nr_rules, 0);
	vg_config_free(&c);
}

/* Takes the "#" off what is not prose: [section] and Key=value. */
static void uncomment(char *text)
{
	for (char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (line[0] == '#' &&
		    (line[1] == '[' || (line[1] != ' ' && line[1] != '#')))
			line[0] = ' ';
	}
}

/* With all that is commented out. */
static void test_uncommented(void **state)
{
	vg_autofree char *text = NULL, *error = NULL;
	struct vg_config c;
	size_t len;

	(void)state;
	assert_int_equal(vg_read_file(AT_FDCWD, path, 1 << 20, &text, &len), 0);
	uncomment(text);
	if (vg_config_parse("vmgangd.conf", text, len, &c, &error) < 0)
		fail_msg("%s", error);
	expect_defaults(&c);
	assert_int_equal(c.nr_rules, 2);
	assert_string_equal(c.rules[0].policy.value[VG_KNOB_PRESET], "esx");
	assert_string_equal(c.rules[1].policy.value[VG_KNOB_SLICE_US], "10000");
	vg_config_free(&c);
}

int main(int argc, char *argv[])
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_as_it_is),
		cmocka_unit_test(test_uncommented),
	};

	if (argc != 2)
		return 2;
	path = argv[1];
	vg_presets_load(NULL);
	return cmocka_run_group_tests_name("configuration file", tests, NULL, NULL);
}
