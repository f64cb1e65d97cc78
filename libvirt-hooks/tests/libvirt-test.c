// SPDX-License-Identifier: GPL-2.0-only
/*
 * Runs what vmgang-libvirt does, in a thread, against libvirt's own test driver,
 * which lives in this process; the test plays the operator with a connection of
 * its own. Then the program itself, as the daemon runs it, against daemons that
 * do not answer.
 *
 * libvirt-test HELPER: the program.
 */
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <setjmp.h>
#include <cmocka.h>
#include <libvirt/libvirt.h>

#include "fake-daemon.h"
#include "feed.h"
#include "libvirt.h"
#include "newslink.h"
#include "presets.h"

#define URI "test:///default"
#define SOCKET_URI(path) "qemu+unix:///system?mode=direct&socket=" path

/* Long enough for a machine that does much else; nothing waits this long. */
#define PATIENCE_MS 20000

static const char *helper;

/* A feed in a thread, and the daemon's end of its socket. */
struct feeder {
	const char *uri;
	int fd;
	pthread_t thread;
	struct vg_newslink *link;
	enum vg_news_kind state;	/* VG_NR_NEWS_KINDS: nothing said yet */
	struct vg_news *kept;		/* of a domain, not yet looked at */
};

struct fixture {
	struct feeder *feeder;
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

static void *run_feed(void *arg)
{
	struct feeder *f = arg;

	vg_feed_run(f->fd, f->uri);
	close(f->fd);
	return NULL;
}

static struct feeder *feeder_start(const char *uri)
{
	struct feeder *f = calloc(1, sizeof(*f));
	int fds[2];

	assert_non_null(f);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0,
				    fds), 0);
	f->uri = uri;
	f->state = VG_NR_NEWS_KINDS;
	f->fd = fds[1];
	f->link = vg_newslink_new(fds[0]);
	assert_non_null(f->link);
	assert_int_equal(pthread_create(&f->thread, NULL, run_feed, f), 0);
	return f;
}

static void feeder_stop(struct feeder *f)
{
	vg_newslink_free(f->link);
	pthread_join(f->thread, NULL);
	vg_news_free(f->kept);
	free(f);
}

/* Waits a while for packets, and takes them all. */
static void take(struct feeder *f, int ms)
{
	struct pollfd p = { .fd = vg_newslink_fd(f->link), .events = POLLIN };
	struct vg_news *news;

	poll(&p, 1, ms);
	if (vg_newslink_receive(f->link) < 0)
		usleep(1000);
	while ((news = vg_newslink_next(f->link))) {
		if (news->text) {
			f->state = news->kind;
			vg_news_free(news);
		} else {
			vg_news_free(f->kept);
			f->kept = news;
		}
	}
}

/* The next news of a domain; NULL when there is none for that long. */
static struct vg_news *next_within(struct feeder *f, int ms)
{
	uint64_t until = now_ms() + (uint64_t)ms, now;
	struct vg_news *news;

	while (!f->kept && (now = now_ms()) < until)
		take(f, (int)(until - now));
	news = f->kept;
	f->kept = NULL;
	return news;
}

static struct vg_news *next(struct fixture *f)
{
	struct vg_news *news = next_within(f->feeder, PATIENCE_MS);

	assert_non_null(news);
	assert_string_equal(news->metadata.uuid, f->uuid);
	assert_string_equal(news->metadata.name, "test");
	return news;
}

static void wait_for_state(struct feeder *f, enum vg_news_kind state)
{
	uint64_t until = now_ms() + PATIENCE_MS;

	while (f->state != state && now_ms() < until)
		take(f, 100);
	assert_int_equal(f->state, state);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	*state = f;
	f->feeder = feeder_start(URI);
	wait_for_state(f->feeder, VG_NEWS_CONNECTED);
	f->conn = virConnectOpen(URI);
	assert_non_null(f->conn);
	f->dom = virDomainLookupByName(f->conn, "test");
	assert_non_null(f->dom);
	assert_int_equal(virDomainGetUUIDString(f->dom, f->uuid), 0);
	/* What it saw when it connected is test_connect()'s. */
	vg_news_free(next(f));
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	virDomainFree(f->dom);
	virConnectClose(f->conn);
	feeder_stop(f->feeder);
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
	struct feeder *f = feeder_start(URI);
	struct vg_news *d = next_within(f, PATIENCE_MS);

	(void)state;
	assert_non_null(d);
	assert_string_equal(d->metadata.name, "test");
	assert_int_equal(strlen(d->metadata.uuid), 36);
	assert_true(d->metadata.id >= 0);
	assert_int_equal(d->kind, VG_NEWS_DOMAIN);
	assert_true(vg_policy_empty(&d->metadata.policy));
	vg_news_free(d);
	feeder_stop(f);
}

/* A live edit arrives, as `virsh metadata --set` does it; so does its end. */
static void test_live_edit(void **state)
{
	struct fixture *f = *state;
	struct vg_news *d;

	set_metadata(f, "<domain><policy preset='esx'><slice_us>5000</slice_us></policy></domain>");
	d = next(f);
	assert_null(d->metadata.errors);
	assert_string_equal(d->metadata.policy.value[VG_KNOB_PRESET], "esx");
	assert_string_equal(d->metadata.policy.value[VG_KNOB_SLICE_US], "5000");
	vg_news_free(d);

	set_metadata(f, NULL);
	d = next(f);
	assert_true(vg_policy_empty(&d->metadata.policy));
	assert_int_equal(d->kind, VG_NEWS_DOMAIN);
	vg_news_free(d);
}

/* A bad value arrives as an error that says what is allowed. */
static void test_live_edit_bad(void **state)
{
	struct fixture *f = *state;
	struct vg_news *d;

	set_metadata(f, "<domain><policy preset='fast'/></domain>");
	d = next(f);
	assert_true(vg_policy_empty(&d->metadata.policy));
	assert_non_null(d->metadata.errors);
	assert_non_null(strstr(d->metadata.errors[0], "esx"));
	vg_news_free(d);
	set_metadata(f, NULL);
	vg_news_free(next(f));
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
	assert_null(next_within(f->feeder, 300));
}

/* A main loop that sleeps finds the last word only. */
static void test_coalesced(void **state)
{
	struct fixture *f = *state;
	struct vg_news *d, *last = NULL;
	unsigned int nr = 0;

	for (int i = 0; i < 200; i++) {
		char xml[120];

		snprintf(xml, sizeof(xml),
			 "<domain><policy><slice_us>%d</slice_us></policy></domain>",
			 1000 + i);
		set_metadata(f, xml);
	}
	usleep(300000);
	while ((d = next_within(f->feeder, 300))) {
		vg_news_free(last);
		last = d;
		nr++;
	}
	assert_in_range(nr, 1, 2);
	assert_string_equal(last->metadata.policy.value[VG_KNOB_SLICE_US], "1199");
	vg_news_free(last);
	set_metadata(f, NULL);
	vg_news_free(next(f));
}

/* Stop and start of a domain are told. */
static void test_lifecycle(void **state)
{
	struct fixture *f = *state;
	struct vg_news *d;

	assert_int_equal(virDomainDestroy(f->dom), 0);
	d = next(f);
	assert_int_equal(d->kind, VG_NEWS_GONE);
	vg_news_free(d);

	assert_int_equal(virDomainCreate(f->dom), 0);
	d = next(f);
	assert_int_equal(d->kind, VG_NEWS_DOMAIN);
	assert_true(d->metadata.id >= 0);
	vg_news_free(d);
}

static uint64_t timed_stop(struct feeder *f)
{
	uint64_t start = now_ms();

	feeder_stop(f);
	return now_ms() - start;
}

/* Nothing there to connect to: it says so and ends. */
static void test_nobody(void **state)
{
	struct feeder *f = feeder_start(SOCKET_URI("/nonexistent"));

	(void)state;
	wait_for_state(f, VG_NEWS_WAITING);
	assert_null(next_within(f, 300));
	assert_in_range(timed_stop(f), 0, 1000);
}

/* Ends when it is told to while it is connected and idle, too. */
static void test_stop_connected(void **state)
{
	(void)state;
	for (int i = 0; i < 20; i++) {
		struct feeder *f = feeder_start(URI);

		if (i % 2)
			wait_for_state(f, VG_NEWS_CONNECTED);
		assert_in_range(timed_stop(f), 0, 1000);
	}
}

/* An XML larger than any is refused, with the reason for all to see. */
static void test_huge(void **state)
{
	struct fixture *f = *state;
	size_t size = 5 << 20;
	char *title = malloc(size + 1);
	struct vg_news *d;

	assert_non_null(title);
	memset(title, 'x', size);
	title[size] = '\0';
	assert_int_equal(virDomainSetMetadata(f->dom,
			VIR_DOMAIN_METADATA_DESCRIPTION, title, NULL, NULL,
			VIR_DOMAIN_AFFECT_LIVE), 0);
	free(title);
	set_metadata(f, "<domain><policy preset='esx'/></domain>");
	d = next(f);
	assert_true(vg_policy_empty(&d->metadata.policy));
	assert_non_null(d->metadata.errors);
	assert_non_null(strstr(d->metadata.errors[0], "larger than"));
	vg_news_free(d);
	assert_int_equal(virDomainSetMetadata(f->dom,
			VIR_DOMAIN_METADATA_DESCRIPTION, NULL, NULL, NULL,
			VIR_DOMAIN_AFFECT_LIVE), 0);
	set_metadata(f, NULL);
	vg_news_free(next(f));
}

/* What the daemon makes of the program. */
struct told {
	unsigned int domains;
	struct vg_libvirt *lv;
};

static void on_domain(const struct vg_news *news, void *userdata)
{
	struct told *told = userdata;

	told->domains++;
}

static void on_changed(void *userdata)
{
}

static void started(struct told *told, sd_event *event, const char *uri)
{
	struct vg_libvirt_setup setup = {
		.event = event, .program = helper, .uri = uri,
		.domain = on_domain, .changed = on_changed, .userdata = told,
	};

	assert_int_equal(vg_libvirt_start(&told->lv, &setup), 0);
}

/* Until a domain has been told, or for that long. */
static void loop(struct told *told, sd_event *event, int ms)
{
	uint64_t until = now_ms() + (uint64_t)ms;

	while (!told->domains && now_ms() < until)
		sd_event_run(event, 10000);
}

/* The program tells what the thread tells. */
static void test_program(void **state)
{
	struct told told = {};
	sd_event *event;

	(void)state;
	assert_true(sd_event_new(&event) >= 0);
	started(&told, event, URI);
	loop(&told, event, PATIENCE_MS);
	assert_int_equal(told.domains, 1);
	assert_int_equal(vg_libvirt_state(told.lv), VG_LIBVIRT_CONNECTED);
	vg_libvirt_stop(told.lv);
	sd_event_unref(event);
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
		struct told told = {};
		sd_event *event;
		uint64_t start;
		char uri[200];

		assert_true(sd_event_new(&event) >= 0);
		snprintf(uri, sizeof(uri), SOCKET_URI("%s"),
			 fake_daemon_path(d));
		started(&told, event, uri);
		loop(&told, event, 1500);
		assert_int_equal(told.domains, 0);
		assert_int_equal(vg_libvirt_state(told.lv), VG_LIBVIRT_WAITING);
		start = now_ms();
		vg_libvirt_stop(told.lv);
		/* the kernel takes back what the sanitizer has mapped */
		assert_in_range(now_ms() - start, 0, 5000);
		sd_event_unref(event);
		free(fake_daemon_stop(d, NULL));
	}
}

int main(int argc, char *argv[])
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_connect),
		cmocka_unit_test_setup_teardown(test_live_edit, setup, teardown),
		cmocka_unit_test_setup_teardown(test_live_edit_bad, setup, teardown),
		cmocka_unit_test_setup_teardown(test_other_metadata, setup, teardown),
		cmocka_unit_test_setup_teardown(test_coalesced, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lifecycle, setup, teardown),
		cmocka_unit_test_setup_teardown(test_huge, setup, teardown),
		cmocka_unit_test(test_stop_connected),
		cmocka_unit_test(test_nobody),
		cmocka_unit_test(test_program),
		cmocka_unit_test(test_hung_libvirtd),
	};
	sigset_t child;

	if (argc != 2) {
		fprintf(stderr, "usage: libvirt-test HELPER\n");
		return 2;
	}
	helper = argv[1];
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigprocmask(SIG_BLOCK, &child, NULL);
	vg_presets_load(NULL);
	return cmocka_run_group_tests_name("libvirt", tests, NULL, NULL);
}
