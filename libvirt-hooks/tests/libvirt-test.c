// SPDX-License-Identifier: GPL-2.0-only
/*
 * Runs the daemon's libvirt thread against libvirt's own test driver, which
 * lives in this process, and against daemons that do not answer. The test
 * plays the operator with a connection of its own.
 */
#include <poll.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <setjmp.h>
#include <cmocka.h>
#include <libvirt/libvirt.h>

#include "fake-daemon.h"
#include "libvirt.h"

#define URI "test:///default"
#define SOCKET_URI(path) "qemu+unix:///system?mode=direct&socket=" path

/* Long enough for a machine that does much else; nothing waits this long. */
#define PATIENCE_MS 20000

struct fixture {
	struct vg_libvirt *lv;
	virConnectPtr conn;
	virDomainPtr dom;
	char uuid[VIR_UUID_STRING_BUFLEN];
};

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* The next news; NULL when there is none for that long. */
static struct vg_domain *next_within(struct vg_libvirt *lv, int ms)
{
	struct pollfd p = { .fd = vg_libvirt_fd(lv), .events = POLLIN };
	uint64_t until = now_ms() + (uint64_t)ms;

	for (;;) {
		struct vg_domain *d = vg_libvirt_next(lv);
		uint64_t now = now_ms();

		if (d || now >= until)
			return d;
		poll(&p, 1, (int)(until - now));
	}
}

static struct vg_domain *next(struct fixture *f)
{
	struct vg_domain *d = next_within(f->lv, PATIENCE_MS);

	assert_non_null(d);
	assert_string_equal(d->metadata.uuid, f->uuid);
	assert_string_equal(d->metadata.name, "test");
	return d;
}

static void wait_for_state(struct vg_libvirt *lv, enum vg_libvirt_state state)
{
	uint64_t until = now_ms() + PATIENCE_MS;

	while (vg_libvirt_state(lv) != state && now_ms() < until)
		usleep(1000);
	assert_int_equal(vg_libvirt_state(lv), state);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	*state = f;
	assert_int_equal(vg_libvirt_start(&f->lv, URI), 0);
	wait_for_state(f->lv, VG_LIBVIRT_CONNECTED);
	f->conn = virConnectOpen(URI);
	assert_non_null(f->conn);
	f->dom = virDomainLookupByName(f->conn, "test");
	assert_non_null(f->dom);
	assert_int_equal(virDomainGetUUIDString(f->dom, f->uuid), 0);
	/* What it saw when it connected is test_connect()'s. */
	vg_domain_free(next(f));
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	virDomainFree(f->dom);
	virConnectClose(f->conn);
	vg_libvirt_stop(f->lv);
	free(f);
	return 0;
}

static void set_metadata(struct fixture *f, const char *xml)
{
	assert_int_equal(virDomainSetMetadata(f->dom, VIR_DOMAIN_METADATA_ELEMENT,
					      xml, "vmgang", VG_METADATA_URI,
					      VIR_DOMAIN_AFFECT_LIVE), 0);
}

/* All active domains are told at once, with their id, and no policy. */
static void test_connect(void **state)
{
	struct vg_libvirt *lv;
	struct vg_domain *d;

	(void)state;
	assert_int_equal(vg_libvirt_start(&lv, URI), 0);
	d = next_within(lv, PATIENCE_MS);
	assert_non_null(d);
	assert_string_equal(d->metadata.name, "test");
	assert_int_equal(strlen(d->metadata.uuid), 36);
	assert_true(d->metadata.id >= 0);
	assert_false(d->gone);
	assert_false(d->metadata.present);
	vg_domain_free(d);
	vg_libvirt_stop(lv);
}

/* A live edit arrives, as `virsh metadata --set` does it; so does its end. */
static void test_live_edit(void **state)
{
	struct fixture *f = *state;
	struct vg_domain *d;

	set_metadata(f, "<domain><policy preset='esx'><slice_us>5000</slice_us></policy></domain>");
	d = next(f);
	assert_true(d->metadata.present);
	assert_null(d->metadata.errors);
	assert_null(d->metadata.warnings);
	assert_string_equal(d->metadata.policy.value[VG_KNOB_PRESET], "esx");
	assert_string_equal(d->metadata.policy.value[VG_KNOB_SLICE_US], "5000");
	vg_domain_free(d);

	set_metadata(f, NULL);
	d = next(f);
	assert_false(d->metadata.present);
	assert_true(vg_policy_empty(&d->metadata.policy));
	assert_false(d->gone);
	vg_domain_free(d);
}

/* A bad value arrives as an error that says what is allowed. */
static void test_live_edit_bad(void **state)
{
	struct fixture *f = *state;
	struct vg_domain *d;

	set_metadata(f, "<domain><policy preset='fast'/></domain>");
	d = next(f);
	assert_true(vg_policy_empty(&d->metadata.policy));
	assert_non_null(d->metadata.errors);
	assert_non_null(strstr(d->metadata.errors[0], "esx"));
	vg_domain_free(d);
	set_metadata(f, NULL);
	vg_domain_free(next(f));
}

/* Other metadata of the domain is not ours. */
static void test_other_metadata(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(virDomainSetMetadata(f->dom, VIR_DOMAIN_METADATA_TITLE,
					      "a title", NULL, NULL,
					      VIR_DOMAIN_AFFECT_LIVE), 0);
	assert_int_equal(virDomainSetMetadata(f->dom, VIR_DOMAIN_METADATA_ELEMENT,
					      "<x/>", "o", "urn:other:1",
					      VIR_DOMAIN_AFFECT_LIVE), 0);
	assert_null(next_within(f->lv, 300));
}

/* A main loop that sleeps finds the last word only. */
static void test_coalesced(void **state)
{
	struct fixture *f = *state;
	struct vg_domain *d, *last = NULL;
	unsigned int nr = 0;

	for (int i = 0; i < 200; i++) {
		char xml[120];

		snprintf(xml, sizeof(xml),
			 "<domain><policy><slice_us>%d</slice_us></policy></domain>",
			 1000 + i);
		set_metadata(f, xml);
	}
	usleep(300000);
	while ((d = next_within(f->lv, 300))) {
		vg_domain_free(last);
		last = d;
		nr++;
	}
	assert_in_range(nr, 1, 2);
	assert_string_equal(last->metadata.policy.value[VG_KNOB_SLICE_US], "1199");
	vg_domain_free(last);
	set_metadata(f, NULL);
	vg_domain_free(next(f));
}

/* Stop and start of a domain are told. */
static void test_lifecycle(void **state)
{
	struct fixture *f = *state;
	struct vg_domain *d;

	assert_int_equal(virDomainDestroy(f->dom), 0);
	d = next(f);
	assert_true(d->gone);
	vg_domain_free(d);

	assert_int_equal(virDomainCreate(f->dom), 0);
	d = next(f);
	assert_false(d->gone);
	assert_true(d->metadata.id >= 0);
	vg_domain_free(d);
}

static uint64_t timed_stop(struct vg_libvirt *lv)
{
	uint64_t start = now_ms();

	vg_libvirt_stop(lv);
	return now_ms() - start;
}

/* Nothing there to connect to: it waits, and ends when it is told to. */
static void test_nobody(void **state)
{
	struct vg_libvirt *lv;

	(void)state;
	assert_int_equal(vg_libvirt_start(&lv, SOCKET_URI("/nonexistent")), 0);
	assert_null(next_within(lv, 500));
	assert_int_equal(vg_libvirt_state(lv), VG_LIBVIRT_WAITING);
	vg_libvirt_kick(lv);
	assert_in_range(timed_stop(lv), 0, 1000);
}

/* A libvirtd that takes the connection and says nothing can not hold us. */
static void test_hung_libvirtd(void **state)
{
	static const enum fake_manner manners[] = {
		FAKE_DEAF, FAKE_HANGS, FAKE_BABBLES, FAKE_CLOSES,
	};

	(void)state;
	for (size_t i = 0; i < sizeof(manners) / sizeof(manners[0]); i++) {
		struct fake_daemon *d = fake_daemon_start(manners[i]);
		struct vg_libvirt *lv;
		char uri[200];

		snprintf(uri, sizeof(uri), SOCKET_URI("%s"),
			 fake_daemon_path(d));
		assert_int_equal(vg_libvirt_start(&lv, uri), 0);
		assert_null(next_within(lv, 300));
		assert_int_equal(vg_libvirt_state(lv), VG_LIBVIRT_WAITING);
		assert_in_range(timed_stop(lv), 0, 1000);
		free(fake_daemon_stop(d, NULL));
	}
}

/* Ends when it is told to while it is connected and idle, too. */
static void test_stop_connected(void **state)
{
	(void)state;
	for (int i = 0; i < 20; i++) {
		struct vg_libvirt *lv;

		assert_int_equal(vg_libvirt_start(&lv, URI), 0);
		if (i % 2)
			wait_for_state(lv, VG_LIBVIRT_CONNECTED);
		assert_in_range(timed_stop(lv), 0, 1000);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_connect),
		cmocka_unit_test_setup_teardown(test_live_edit, setup, teardown),
		cmocka_unit_test_setup_teardown(test_live_edit_bad, setup, teardown),
		cmocka_unit_test_setup_teardown(test_other_metadata, setup, teardown),
		cmocka_unit_test_setup_teardown(test_coalesced, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lifecycle, setup, teardown),
		cmocka_unit_test(test_stop_connected),
		cmocka_unit_test(test_nobody),
		cmocka_unit_test(test_hung_libvirtd),
	};

	return cmocka_run_group_tests_name("libvirt", tests, NULL, NULL);
}
