// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host.h"
#include "presets.h"
#include "util.h"

static const struct vg_offers both = {
	.values = {
		[VG_KNOB_COSCHED] = "off gang",
		[VG_KNOB_GUARD] = "off",
		[VG_KNOB_SPIN] = "off yield",
	},
};

/* What it needs, in one string. */
static char *needs_of(const char *name, const struct vg_offers *offers)
{
	vg_autostrv char **needs = NULL;
	char *text = NULL;

	assert_non_null(vg_preset_find(name));
	assert_int_equal(vg_preset_needs(vg_preset_find(name), offers, &needs),
			 0);
	vg_error_set(&text, "%s", "");
	for (char **n = needs; n && *n; n++) {
		char *longer = NULL;

		vg_error_set(&longer, "%s%s ", text, *n);
		free(text);
		text = longer;
	}
	return text;
}

/* Shows for each shipped preset what it needs of a module with off and gang. */
static void shipped(void **state)
{
	static const struct {
		const char *name, *needs;
	} cases[] = {
		{ "adaptive", "cosched=adaptive guard=kernel " },
		{ "esx", "" },
		{ "esx-relaxed", "cosched=relaxed " },
		{ "naive", "cosched=strict " },
		{ "uhlig", "guard=kernel " },
		{ "uhlig-hint", "guard=hint " },
		{ "wells", "spin=preempt " },
		{ "xen-credit", "" },
		{ "xen-sedf", "" },
	};
	vg_autostrv char **warnings = NULL;

	assert_int_equal(vg_presets_load(&warnings), 0);
	assert_null(warnings);
	for (size_t i = 0; i < VG_ARRAY_SIZE(cases); i++) {
		vg_autofree char *needs = needs_of(cases[i].name, &both);

		assert_string_equal(vg_preset_at(i)->name, cases[i].name);
		assert_string_equal(needs, cases[i].needs);
		assert_true(*vg_preset_at(i)->description);
	}
	assert_null(vg_preset_at(VG_ARRAY_SIZE(cases)));
}

/* Shows that what a module offers is read from it, and only whole words count. */
static void discovered(void **state)
{
	const struct vg_offers more = {
		.values = { [VG_KNOB_COSCHED] = "off strict gang relaxed" },
	};
	const struct vg_offers unknown = {}, parts = {
		.values = { [VG_KNOB_COSCHED] = "strictly" },
	};
	vg_autofree char *a = NULL, *b = NULL, *c = NULL;

	assert_int_equal(vg_presets_load(NULL), 0);
	a = needs_of("naive", &more);
	assert_string_equal(a, "");
	b = needs_of("naive", &parts);
	assert_string_equal(b, "cosched=strict ");
	/* an old module says itself what it refuses */
	c = needs_of("naive", &unknown);
	assert_string_equal(c, "");
}

static void local(struct host *h, const char *name, const char *text)
{
	char path[128];

	snprintf(path, sizeof(path), "mkdir -p '%s/root/etc/vmgang/presets.d'",
		 h->fake.dir);
	assert_int_equal(system(path), 0);
	snprintf(path, sizeof(path), "root/etc/vmgang/presets.d/%s", name);
	fake_write(&h->fake, path, "%s", text);
}

/* Shows that an operator's file adds a preset, or goes before a shipped one. */
static void operators(void **state)
{
	struct host *h = *state;
	const struct vg_preset *p;

	local(h, "mine.conf", "# a comment\nDescription = my own\ncosched=gang\n"
	      "slice_us=5000\n");
	local(h, "esx.conf", "cosched=off\n");
	local(h, "README", "no preset\n");
	assert_int_equal(vg_presets_load(NULL), 0);
	p = vg_preset_find("mine");
	assert_non_null(p);
	assert_string_equal(p->description, "my own");
	assert_string_equal(p->policy.value[VG_KNOB_SLICE_US], "5000");
	p = vg_preset_find("esx");
	assert_string_equal(p->policy.value[VG_KNOB_COSCHED], "off");
	assert_non_null(strstr(p->file, "/etc/vmgang/presets.d/esx.conf"));
	assert_non_null(strstr(vg_presets_names(), "esx-relaxed, mine, naive"));
}

/* Shows that a bad file is left out with its line, and a shipped one stays. */
static void bad_files(void **state)
{
	static const struct {
		const char *name, *text, *warning;
	} cases[] = {
		{ "a.conf", "cosched=always\n",
		  "a.conf:1: cosched: unknown value \"always\" (allowed: off" },
		{ "a.conf", "\ncoshed=gang\n", "a.conf:2: unknown key" },
		{ "a.conf", "preset=esx\n", "a.conf:1: unknown key" },
		{ "a.conf", "cosched\n", "a.conf:1: neither key=value nor a comment" },
		{ "a.conf", "cosched=\n", "a.conf:1: the value is missing" },
		{ "a.conf", "[preset]\n", "a.conf:1: neither key=value" },
		{ "esx.conf", "slice_us=1\n", "esx.conf:1: slice_us: \"1\" is out of range" },
		{ "Ab.conf", "cosched=off\n", "not a preset's name" },
		{ "default.conf", "cosched=off\n", "not a preset's name" },
		{ "aaaaaaaaaaaaaaaaaaaaaaaa.conf", "cosched=off\n",
		  "not a preset's name" },
	};

	for (size_t i = 0; i < VG_ARRAY_SIZE(cases); i++) {
		vg_autostrv char **warnings = NULL;
		struct host *h;

		setup((void **)&h);
		local(h, cases[i].name, cases[i].text);
		assert_int_equal(vg_presets_load(&warnings), 0);
		assert_int_equal(vg_strv_length(warnings), 1);
		if (!strstr(warnings[0], cases[i].warning))
			fail_msg("%s: no %s", warnings[0], cases[i].warning);
		assert_null(vg_preset_at(9));
		assert_string_equal(vg_preset_find("esx")->policy.value[VG_KNOB_COSCHED],
				    "gang");
		teardown((void **)&h);
	}
}

/* A module that offers less than there is. */
static void offer_little(struct host *h)
{
	fake_write(&h->fake, "sysfs/cosched_values", "off gang\n");
	fake_write(&h->fake, "sysfs/guard_values", "off\n");
}

/* Shows that nothing is decided by a preset that this host can not have. */
static void refused(void **state)
{
	struct host *h = *state;
	vg_autofree char *error = NULL;
	char out[65536];

	fake_vm(&h->fake, 100, 1, 2, db);
	fake_vm(&h->fake, 200, 2, 2, web);
	fake_write(&h->fake, "conf", "[match]\nName=web\npreset=naive\n");
	offer_little(h);
	start(h);
	assert_int_equal(call(h, "Set", "{'vm':'db','knobs':{'preset':'uhlig'}}",
			      NULL, &error), -EREMOTEIO);
	assert_non_null(strstr(error, "\"uhlig\" needs guard=kernel, which this host does not"
			       " offer (presets that work: esx, xen-credit, xen-sedf)"));
	assert_int_equal(call(h, "Set", "{'vm':'db','knobs':{'cosched':'relaxed'}}",
			      NULL, &error), -EREMOTEIO);
	assert_non_null(strstr(error, "does not offer \"relaxed\" (it offers: off gang)"));
	assert_knob(h, "db", "cosched", "off", "default");
	/* a rule with one counts as none, and is shown where it was to hold */
	assert_knob(h, "web", "cosched", "off", "default");
	assert_int_equal(cli("show web", out, sizeof(out), NULL), 0);
	assert_non_null(strstr(out, "match: preset: \"naive\" needs cosched=strict"));
	assert_int_equal(cli("set db preset=uhlig", out, sizeof(out), NULL), 1);
	assert_non_null(strstr(out, "needs guard=kernel"));
	assert_int_equal(cli("set db preset=fast", out, sizeof(out), NULL), 2);
	assert_int_equal(cli("set db preset=esx", out, sizeof(out), NULL), 0);
	assert_knob(h, "db", "cosched", "gang", "set");
}

/* Shows that a preset added later counts from the reload on. */
static void reloaded(void **state)
{
	struct host *h = *state;

	fake_vm(&h->fake, 100, 1, 2, db);
	start(h);
	local(h, "mine.conf", "cosched=gang\n");
	fake_write(&h->fake, "conf", "[vmgangd]\nDefault=mine\n");
	kill(h->daemon, SIGHUP);
	until(h, "sysfs/vms/100/policy/cosched", "gang");
	assert_knob(h, "db", "preset", "mine", "default");
}

/* Shows what `vmgang preset` and `vmgang check` say of them. */
static void tool(void **state)
{
	vg_autojson sd_json_variant *v = NULL;
	struct host *h = *state;
	char out[65536], words[128];

	offer_little(h);
	assert_int_equal(cli("preset list", out, sizeof(out), NULL), 0);
	assert_non_null(strstr(out, "; needs: cosched=adaptive, guard=kernel\n"));
	assert_non_null(strstr(out, "\nesx          as ESX 3"));
	assert_int_equal(cli("preset show uhlig", out, sizeof(out), NULL), 0);
	assert_non_null(strstr(out, "needs: guard=kernel, which this host"));
	assert_int_equal(cli("preset show esx", out, sizeof(out), NULL), 0);
	assert_non_null(strstr(out, "  cosched   gang\n"));
	assert_null(strstr(out, "needs"));
	assert_int_equal(cli("preset show fast", out, sizeof(out), NULL), 1);
	assert_non_null(strstr(out, "no preset \"fast\" (there are: adaptive, esx,"));
	assert_int_equal(cli("preset", out, sizeof(out), NULL), 2);
	assert_int_equal(cli("preset show", out, sizeof(out), NULL), 2);
	assert_int_equal(cli("preset drop esx", out, sizeof(out), NULL), 2);
	assert_int_equal(cli("--json preset list", out, sizeof(out), &v), 0);
	assert_int_equal(sd_json_variant_elements(
			sd_json_variant_by_key(v, "presets")), 9);

	fake_write(&h->fake, "xml", "<domain><name>db</name><metadata>"
		   "<v:domain xmlns:v='urn:vmgang:domain:1'><v:policy preset='wells'/>"
		   "</v:domain></metadata></domain>");
	snprintf(words, sizeof(words), "check %s/xml", h->fake.dir);
	assert_int_equal(cli(words, out, sizeof(out), NULL), 1);
	assert_non_null(strstr(out, "\"wells\" needs spin=preempt"));
	fake_remove(&h->fake, "sysfs/cosched_values");
	fake_write(&h->fake, "sysfs/cosched_values", "off strict gang\n");
	assert_int_equal(cli("preset show naive", out, sizeof(out), NULL), 0);
	assert_null(strstr(out, "needs"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(shipped, setup, teardown),
		cmocka_unit_test_setup_teardown(discovered, setup, teardown),
		cmocka_unit_test_setup_teardown(operators, setup, teardown),
		cmocka_unit_test(bad_files),
		cmocka_unit_test_setup_teardown(refused, setup, teardown),
		cmocka_unit_test_setup_teardown(reloaded, setup, teardown),
		cmocka_unit_test_setup_teardown(tool, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
