// SPDX-License-Identifier: GPL-2.0-only
/* What the parser makes of a domain's XML, line numbers included. */
#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <cmocka.h>

#include "metadata.h"
#include "presets.h"

#define UUID "3f1c1f57-6a5b-4c7e-9f0e-0123456789ab"
#define NS "xmlns:v='urn:vmgang:domain:1'"
#define HEAD "<domain type='kvm' id='7'><name>web1</name><uuid>" UUID "</uuid>"
#define XML(inner) HEAD "<metadata>" inner "</metadata></domain>"
#define POLICY(inner) XML("<v:domain " NS "><v:policy>" inner "</v:policy></v:domain>")

static int parse(const char *xml, struct vg_metadata *m)
{
	return vg_metadata_parse(xml, strlen(xml), m);
}

static const char *value(const struct vg_metadata *m, enum vg_knob knob)
{
	return m->policy.value[knob];
}

/* The message that has this in it, and no other. */
static void expect_message(char *const *list, const char *part)
{
	assert_non_null(list);
	if (!strstr(list[0], part) || list[1])
		fail_msg("\"%s\" is not the only message: %s", part, list[0]);
}

static void expect_error(const char *xml, const char *part)
{
	struct vg_metadata m;

	assert_int_equal(parse(xml, &m), 0);
	expect_message(m.errors, part);
	assert_true(vg_policy_empty(&m.policy));
	assert_string_equal(m.uuid, UUID);
	vg_metadata_done(&m);
}

static void expect_refused(const char *xml, const char *part)
{
	struct vg_metadata m;

	assert_int_equal(parse(xml, &m), -EBADMSG);
	assert_non_null(m.errors);
	if (!strstr(m.errors[0], part))
		fail_msg("no \"%s\" in: %s", part, m.errors[0]);
	assert_true(vg_policy_empty(&m.policy));
	vg_metadata_done(&m);
}

/* The policy is kept for knobs that can be used, and the warning said. */
static void expect_warning(const char *xml, const char *part)
{
	struct vg_metadata m;

	assert_int_equal(parse(xml, &m), 0);
	assert_null(m.errors);
	expect_message(m.warnings, part);
	vg_metadata_done(&m);
}

static void test_preset(void **state)
{
	struct vg_metadata m;

	(void)state;
	assert_int_equal(parse(XML("<v:domain " NS "><v:policy preset='esx'/></v:domain>"), &m), 0);
	assert_true(m.present);
	assert_null(m.errors);
	assert_null(m.warnings);
	assert_string_equal(m.name, "web1");
	assert_string_equal(m.uuid, UUID);
	assert_int_equal(m.id, 7);
	assert_string_equal(value(&m, VG_KNOB_PRESET), "esx");
	assert_string_equal(value(&m, VG_KNOB_COSCHED), "");
	vg_metadata_done(&m);
}

/* White space around values, comments, CDATA and any prefix are layout. */
static void test_knobs(void **state)
{
	static const char *const xmls[] = {
		POLICY("<v:cosched>gang</v:cosched><v:slice_us>5000</v:slice_us>"
		       "<v:managed>1</v:managed>"),
		POLICY("\n  <v:slice_us>\n 5000 \t</v:slice_us> <v:managed> 1 </v:managed>\n"
		       "<!-- c --><v:cosched>ga<!-- c -->ng</v:cosched>"),
		POLICY("<v:managed><![CDATA[1]]></v:managed><v:cosched>gan&#103;</v:cosched>"
		       "<slice_us xmlns='urn:vmgang:domain:1'>5000</slice_us>"),
		XML("<domain xmlns='urn:vmgang:domain:1'><policy><cosched>gang</cosched>"
		    "<slice_us>5000</slice_us><managed>1</managed></policy></domain>"),
	};

	(void)state;
	for (size_t i = 0; i < sizeof(xmls) / sizeof(xmls[0]); i++) {
		struct vg_metadata m;

		assert_int_equal(parse(xmls[i], &m), 0);
		assert_null(m.errors);
		assert_null(m.warnings);
		assert_string_equal(value(&m, VG_KNOB_COSCHED), "gang");
		assert_string_equal(value(&m, VG_KNOB_SLICE_US), "5000");
		assert_string_equal(value(&m, VG_KNOB_MANAGED), "1");
		vg_metadata_done(&m);
	}
}

/* No metadata, or none of ours, is no error and says nothing. */
static void test_absent(void **state)
{
	static const char *const xmls[] = {
		"<domain/>", HEAD "</domain>", XML(""),
		XML("<o:domain xmlns:o='urn:other:1'><o:policy preset='no'/></o:domain>"),
		XML("<domain><policy preset='no'/></domain>"),
	};

	(void)state;
	for (size_t i = 0; i < sizeof(xmls) / sizeof(xmls[0]); i++) {
		struct vg_metadata m;

		assert_int_equal(parse(xmls[i], &m), 0);
		assert_false(m.present);
		assert_null(m.errors);
		assert_null(m.warnings);
		assert_true(vg_policy_empty(&m.policy));
		vg_metadata_done(&m);
	}
}

/* Each error names the line, what is wrong, and what is allowed. */
static void test_errors(void **state)
{
	(void)state;
	expect_error(POLICY("\n\n<v:cosched>always</v:cosched>"), "line 3: cosched: ");
	expect_error(POLICY("<v:cosched>always</v:cosched>"), "off, strict, gang");
	expect_error(POLICY("<v:cosched>always</v:cosched>"), "\"always\"");
	expect_error(POLICY("<v:cosched>Gang</v:cosched>"), "off, strict, gang");
	expect_error(POLICY("<v:cosched/>"), "off, strict, gang");
	expect_error(POLICY("<v:managed>yes</v:managed>"), "0, 1");
	expect_error(POLICY("<v:slice_us>999</v:slice_us>"), "1000..100000");
	expect_error(POLICY("<v:slice_us>1e4</v:slice_us>"), "1000..100000");
	expect_error(POLICY("<v:slice_us>-5000</v:slice_us>"), "1000..100000");
	expect_error(POLICY("<v:slice_us>5000 5000</v:slice_us>"), "1000..100000");
	expect_error(POLICY("<v:slice_us>0000000000000000000000000000000000000"
			    "00000000000000000000000000000000000005000</v:slice_us>"),
		     "too long");
	expect_error(XML("<v:domain " NS ">\n<v:policy preset='fast'/></v:domain>"),
		     "line 2: preset: ");
	expect_error(POLICY("<v:cosched>off</v:cosched>\n<v:cosched>off</v:cosched>"),
		     "line 2: cosched is given twice, on line 1 before");
	expect_error(POLICY("<v:cosched>gang<v:b/></v:cosched>"), "may hold a value only");
	expect_error(XML("<v:domain " NS "><v:policy/>\n<v:policy preset='esx'/></v:domain>"),
		     "line 2: a second <policy>");
	expect_error(XML("<v:domain " NS "><v:policy preset='esx'/></v:domain>\n"
			 "<v:domain " NS "/>"), "line 2: a second <domain>");
	expect_error(POLICY("<w:cosched>gang</w:cosched>"), "Namespace prefix w");
	/* One bad value spoils the good ones. */
	expect_error(POLICY("<v:managed>1</v:managed><v:cosched>x</v:cosched>"), "cosched");
}

/* What is unknown is ignored, and said. */
static void test_warnings(void **state)
{
	(void)state;
	expect_warning(POLICY("\n<v:watch>kernel</v:watch>"), "line 2: unknown <watch>");
	expect_warning(POLICY("<cosched>gang</cosched>"), "not of urn:vmgang:domain:1");
	expect_warning(POLICY("<v:preset>esx</v:preset>"), "unknown <preset>");
	expect_warning(POLICY("gang"), "text between the elements");
	expect_warning(POLICY("<v:deep><v:cosched>x</v:cosched></v:deep>"), "unknown <deep>");
	expect_warning(XML("<v:domain " NS "><v:plan>x</v:plan></v:domain>"), "unknown <plan>");
	expect_warning(XML("<v:domain " NS "><v:policy prset='esx'/></v:domain>"),
		       "unknown attribute prset");
	expect_warning(XML("<v:vm " NS "/>"), "unknown <vm>");
	expect_warning(XML("<v:domain xmlns:v='urn:vmgang:domain:2'/>"), "urn:vmgang:domain:2");
	expect_warning(HEAD "<v:domain " NS "/></domain>", "belongs directly below <metadata>");
	expect_warning(XML("<o:x xmlns:o='urn:o'><v:domain " NS "><v:policy preset='no'/>"
			   "</v:domain></o:x>"), "belongs directly below <metadata>");
}

/* A policy beside what is only warned about counts. */
static void test_warned_but_used(void **state)
{
	struct vg_metadata m;

	(void)state;
	assert_int_equal(parse(POLICY("<v:watch>x</v:watch><v:cosched>gang</v:cosched>"), &m), 0);
	assert_string_equal(value(&m, VG_KNOB_COSCHED), "gang");
	assert_non_null(m.warnings);
	vg_metadata_done(&m);
}

static void test_refused(void **state)
{
	(void)state;
	expect_refused("", "empty");
	expect_refused(" ", "");
	expect_refused("text", "line 1");
	expect_refused("<html/>", "<html>");
	expect_refused("<domain xmlns='urn:x'/>", "not libvirt's <domain>");
	expect_refused("<domainsnapshot/>", "<domainsnapshot>");
	expect_refused(HEAD, "line 1");
	expect_refused(HEAD "\n\n</name>", "line 3");
	expect_refused(HEAD "</domain><domain/>", "Extra content");
	expect_refused(HEAD "&nope;</domain>", "nope");
	expect_refused(HEAD "\xff\xfe</domain>", "line 1");
	expect_refused("<!DOCTYPE domain>" HEAD "</domain>", "document type declaration");
	expect_refused("\n<!DOCTYPE d [<!ENTITY a 'b'>]>" HEAD "&a;</domain>",
		       "line 2: a document type declaration");
}

/* One level below the limit is read, the limit's next is not. */
static void test_depth(void **state)
{
	char xml[2000], *p;

	(void)state;
	for (unsigned int more = 0; more < 2; more++) {
		unsigned int deep = VG_METADATA_MAX_DEPTH - 1 + more;
		struct vg_metadata m;

		p = stpcpy(xml, "<domain>");
		for (unsigned int i = 0; i < deep; i++)
			p = stpcpy(p, "<a>");
		for (unsigned int i = 0; i < deep; i++)
			p = stpcpy(p, "</a>");
		stpcpy(p, "</domain>");
		assert_int_equal(parse(xml, &m), more ? -EBADMSG : 0);
		if (more)
			expect_message(m.errors, "deeper than 64");
		vg_metadata_done(&m);
	}
}

/* One byte below the limit is read, the limit's next is not. */
static void test_size(void **state)
{
	size_t size = VG_METADATA_MAX_SIZE;
	char *xml = malloc(size + 1);
	struct vg_metadata m;

	(void)state;
	assert_non_null(xml);
	memset(xml, ' ', size + 1);
	memcpy(xml, HEAD "</domain>", strlen(HEAD "</domain>"));
	assert_int_equal(vg_metadata_parse(xml, size, &m), 0);
	assert_string_equal(m.name, "web1");
	vg_metadata_done(&m);
	assert_int_equal(vg_metadata_parse(xml, size + 1, &m), -EFBIG);
	expect_message(m.errors, "larger than 4194304 bytes");
	vg_metadata_done(&m);
	free(xml);
}

/* Nobody fills the journal with one document. */
static void test_message_limit(void **state)
{
	struct vg_metadata m;
	size_t nr = 0;
	char *xml, *p;

	(void)state;
	xml = malloc(100000);
	assert_non_null(xml);
	p = stpcpy(xml, HEAD "<metadata><v:domain " NS "><v:policy>");
	for (int i = 0; i < 1000; i++)
		p = stpcpy(p, "<v:cosched>x</v:cosched><v:what/>");
	stpcpy(p, "</v:policy></v:domain></metadata></domain>");
	assert_int_equal(parse(xml, &m), 0);
	while (m.errors[nr])
		nr++;
	assert_int_equal(nr, VG_METADATA_MAX_MESSAGES + 1);
	for (nr = 0; m.warnings[nr];)
		nr++;
	assert_int_equal(nr, VG_METADATA_MAX_MESSAGES + 1);
	vg_metadata_done(&m);
	free(xml);
}

/* What is quoted from the input can do nothing to a terminal. */
static void test_messages_are_clean(void **state)
{
	struct vg_metadata m;

	(void)state;
	assert_int_equal(parse(POLICY("<v:cosched>a\tb&#10;c&#13;d</v:cosched>"), &m), 0);
	assert_non_null(m.errors);
	for (const char *p = m.errors[0]; *p; p++)
		assert_true((unsigned char)*p >= ' ' && *p != 0x7f);
	vg_metadata_done(&m);
}

static void test_identity(void **state)
{
	static const struct {
		const char *xml, *name, *uuid;
		int id;
	} cases[] = {
		{ "<domain><name>a b</name></domain>", "a b", "", -1 },
		{ "<domain id='0'><name>&lt;x&gt;</name></domain>", "<x>", "", 0 },
		{ "<domain id='-1'/>", "", "", -1 },
		{ "<domain id=''/>", "", "", -1 },
		{ "<domain id='99999999999'/>", "", "", -1 },
		{ "<domain id='7x'/>", "", "", -1 },
		{ "<domain><uuid> " UUID "\n</uuid></domain>", "", UUID, -1 },
		{ "<domain><uuid>3F1C1F576A5B4C7E9F0E0123456789AB</uuid></domain>", "", UUID, -1 },
		{ "<domain><uuid>" UUID "0</uuid></domain>", "", "", -1 },
		{ "<domain><uuid>" UUID " " UUID "</uuid></domain>", "", "", -1 },
		{ "<domain><uuid>web1</uuid></domain>", "", "", -1 },
		/* Names of other things in the domain are not its own. */
		{ "<domain><os><name>x</name></os><name>y</name></domain>", "y", "", -1 },
		{ "<domain><o:name xmlns:o='urn:o'>x</o:name></domain>", "", "", -1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct vg_metadata m;

		assert_int_equal(parse(cases[i].xml, &m), 0);
		assert_string_equal(m.name, cases[i].name);
		assert_string_equal(m.uuid, cases[i].uuid);
		assert_int_equal(m.id, cases[i].id);
		vg_metadata_done(&m);
	}
}

/* The longest name fits; one byte more is not used, and not cut either. */
static void test_long_name(void **state)
{
	char xml[600], name[300];
	struct vg_metadata m;

	(void)state;
	for (int len = 255; len <= 256; len++) {
		memset(name, 'n', len);
		name[len] = '\0';
		snprintf(xml, sizeof(xml), "<domain><name>%s</name></domain>", name);
		assert_int_equal(parse(xml, &m), 0);
		assert_string_equal(m.name, len == 255 ? name : "");
		assert_int_equal(!!m.warnings, len == 256);
		vg_metadata_done(&m);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_preset),
		cmocka_unit_test(test_knobs),
		cmocka_unit_test(test_absent),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_warnings),
		cmocka_unit_test(test_warned_but_used),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_depth),
		cmocka_unit_test(test_size),
		cmocka_unit_test(test_message_limit),
		cmocka_unit_test(test_messages_are_clean),
		cmocka_unit_test(test_identity),
		cmocka_unit_test(test_long_name),
	};

	vg_presets_load(NULL);
	return cmocka_run_group_tests_name("metadata", tests, NULL, NULL);
}
