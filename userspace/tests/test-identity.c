// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "address.h"
#include "fake.h"
#include "proc.h"
#include "util.h"

#define UUID_A "11111111-2222-3333-4444-555555555555"
#define UUID_B "aaaaaaaa-2222-3333-4444-555555555555"

#define check(cmdline, expected_name, expected_uuid) \
	check_bytes(cmdline, sizeof(cmdline), expected_name, expected_uuid)

static void check_bytes(const char *cmdline, size_t len, const char *name,
			const char *uuid)
{
	/* a copy of the exact size, so that reading too far is found */
	vg_autofree char *copy = malloc(len ? len : 1);
	struct vg_identity id;

	memcpy(copy, cmdline, len);
	assert_int_equal(vg_identity_parse(copy, len, &id), 0);
	if (name)
		assert_string_equal(id.name, name);
	else
		assert_null(id.name);
	if (uuid)
		assert_string_equal(id.uuid, uuid);
	else
		assert_null(id.uuid);
	vg_identity_free(&id);
}

/* Shows how libvirt, Proxmox and plain VMMs name their guests. */
static void command_lines(void **state)
{
	check("qemu\0-name\0guest=db-1,debug-threads=on\0-uuid\0" UUID_A,
	      "db-1", UUID_A);
	check("qemu\0-name\0web,debug-threads=on", "web", NULL);
	check("qemu\0-name\0debug-threads=on,guest=x", "x", NULL);
	check("qemu\0-name\0guest=a,,b,process=q", "a,b", NULL);
	check("qemu\0--name\0x\0--uuid\0AAAAAAAA-2222-3333-4444-555555555555",
	      "x", UUID_B);
	check("vmm\0--name=x", "x", NULL);
	check("qemu\0-m\0" "1024", NULL, NULL);
	check("qemu\0-name\0first\0-name\0second", "first", NULL);
}

/* Shows that nonsense gives no name, and no name breaks a terminal. */
static void nonsense(void **state)
{
	check("qemu\0-name", NULL, NULL);
	check("qemu\0-uuid", NULL, NULL);
	check("qemu\0-name\0", NULL, NULL);
	check("qemu\0-name\0guest=", NULL, NULL);
	check("qemu\0-name\0,,", ",", NULL);
	check("qemu\0-uuid\0not-a-uuid", NULL, NULL);
	check("qemu\0-name\0a\033[31mb\nc\xff", "a?[31mb?c?", NULL);
	check("qemu\0-name\0M\xc3\xbcnchen", "M\xc3\xbcnchen", NULL);
	check("qemu\0-name\0\xed\xa0\x80", "???", NULL);
	check_bytes("", 0, NULL, NULL);
	check_bytes("qemu\0-name\0cut", 14, NULL, NULL);
	check_bytes("qemu\0--name=cut", 15, NULL, NULL);
	check_bytes("-name", 5, NULL, NULL);
}

/* Shows that a name of any length is cut and not overrun. */
static void long_name(void **state)
{
	static char cmdline[100011] = "qemu\0-name";
	struct vg_identity id;

	memset(cmdline + 11, 'x', 100000 - 1);
	assert_int_equal(vg_identity_parse(cmdline, sizeof(cmdline), &id), 0);
	assert_int_equal(strlen(id.name), 255);
	vg_identity_free(&id);
	memcpy(cmdline + 11, "guest=", 6);
	assert_int_equal(vg_identity_parse(cmdline, sizeof(cmdline), &id), 0);
	assert_int_equal(strlen(id.name), 255);
	vg_identity_free(&id);
}

static const struct vg_address vms[] = {
	{ "100", 100, "db", UUID_A },
	{ "200", 200, "web", NULL },
	{ "300", 300, "web", UUID_B },
	{ "300-1", 300, NULL, NULL },
	{ "400-1", 400, "300", NULL },
	{ "500", 500, "weird", NULL },
};

static int find(const char *query, size_t *ret, char **error)
{
	return vg_address_find(query, vms, VG_ARRAY_SIZE(vms), ret, error);
}

/* Shows every way to address a VM. */
static void addresses(void **state)
{
	static const struct {
		const char *query;
		size_t index;
	} cases[] = {
		{ "db", 0 }, { UUID_A, 0 }, { "100", 0 },
		{ "11111111222233334444555555555555", 0 },
		{ "200", 1 }, { "AAAAAAAA-2222-3333-4444-555555555555", 2 },
		{ "300-1", 3 }, { "400", 4 }, { "400-1", 4 },
	};

	for (size_t i = 0; i < VG_ARRAY_SIZE(cases); i++) {
		size_t found;

		assert_int_equal(find(cases[i].query, &found, NULL), 0);
		assert_int_equal(found, cases[i].index);
	}
}

/* Shows that doubt is an error that lists the candidates. */
static void ambiguity(void **state)
{
	char *error = NULL;
	size_t found;

	assert_int_equal(find("web", &found, &error), -ENOTUNIQ);
	assert_string_equal(error,
		"\"web\" fits 2 VMs: 200 (name web, uuid -), 300 (name web, uuid "
		UUID_B "); give its uuid or pid");
	assert_int_equal(find("300", &found, &error), -ENOTUNIQ);
	assert_int_equal(find("nobody", &found, &error), -ENOENT);
	assert_string_equal(error,
		"no VM is called \"nobody\", by name, uuid or pid");
	assert_int_equal(find("", &found, &error), -ENOENT);
	free(error);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(command_lines),
		cmocka_unit_test(nonsense),
		cmocka_unit_test(long_name),
		cmocka_unit_test(addresses),
		cmocka_unit_test(ambiguity),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
