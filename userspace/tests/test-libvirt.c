// SPDX-License-Identifier: GPL-2.0-only
/*
 * How the daemon runs vmgang-libvirt, shown with scripts in its place: they die,
 * hang and talk nonsense, which the real one would have to be broken for.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "host.h"
#include "libvirt.h"
#include "presets.h"
#include "util.h"

#define PATIENCE_MS 20000

#define DOMAIN(knobs) "{\"domain\":{\"uuid\":\"" UUID_A "\",\"name\":\"db\"," \
	"\"id\":3,\"knobs\":{" knobs "},\"errors\":[]}}"
#define GANG DOMAIN("\"cosched\":\"gang\"")

/* One packet is one write to the socket, which is standard input. */
#define SAY(packet) "printf '%s' '" packet "' >&0\n"
#define STARTED "echo started >>\"$VMGANG_ROOT/../starts\"\n"

struct fixture {
	struct fake fake;
	sd_event *event;
	struct vg_libvirt *lv;
	char program[96];
	int stderr_fd;
	unsigned int domains, gone;
	char cosched[VG_VALUE_SIZE];
};

static void on_domain(const struct vg_news *news, void *userdata)
{
	struct fixture *f = userdata;

	assert_string_equal(news->metadata.uuid, UUID_A);
	assert_string_equal(news->metadata.name, "db");
	if (news->kind == VG_NEWS_GONE) {
		f->gone++;
		return;
	}
	f->domains++;
	snprintf(f->cosched, sizeof(f->cosched), "%s",
		 news->metadata.policy.value[VG_KNOB_COSCHED]);
}

static void on_changed(void *userdata)
{
}

static void script(struct fixture *f, const char *body)
{
	fake_write(&f->fake, "helper", "#!/bin/sh\n%s", body);
	assert_int_equal(chmod(f->program, 0755), 0);
}

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static int begin(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	char log[96];
	int fd;

	fake_new(&f->fake);
	snprintf(f->program, sizeof(f->program), "%s/helper", f->fake.dir);
	snprintf(log, sizeof(log), "%s/log", f->fake.dir);
	fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	f->stderr_fd = dup(STDERR_FILENO);
	dup2(fd, STDERR_FILENO);
	close(fd);
	assert_true(sd_event_new(&f->event) >= 0);
	*state = f;
	return 0;
}

static void run_script(struct fixture *f, const char *body)
{
	struct vg_libvirt_setup setup = {
		.event = f->event, .program = f->program, .uri = "test:///default",
		.domain = on_domain, .changed = on_changed, .userdata = f,
	};

	if (body)
		script(f, body);
	assert_int_equal(vg_libvirt_start(&f->lv, &setup), 0);
}

static int end(void **state)
{
	struct fixture *f = *state;
	uint64_t start = now_ms();

	vg_libvirt_stop(f->lv);
	dup2(f->stderr_fd, STDERR_FILENO);
	close(f->stderr_fd);
	sd_event_unref(f->event);
	fake_free(&f->fake);
	free(f);
	/* whatever it did, it is gone at once */
	return now_ms() - start < 2000 ? 0 : -1;
}

static bool has(struct fixture *f, const char *path, const char *text)
{
	vg_autofree char *have = fake_read(&f->fake, path);

	return strstr(have, text);
}

/* Runs the main loop until the log says so. */
static void until_log(struct fixture *f, const char *text)
{
	uint64_t until = now_ms() + PATIENCE_MS;

	while (!has(f, "log", text)) {
		if (now_ms() > until) {
			vg_autofree char *log = fake_read(&f->fake, "log");

			fail_msg("no \"%s\" in: %s", text, log);
		}
		sd_event_run(f->event, 10000);
	}
}

static void until_domains(struct fixture *f, unsigned int nr)
{
	uint64_t until = now_ms() + PATIENCE_MS;

	while (f->domains < nr && now_ms() < until)
		sd_event_run(f->event, 10000);
	assert_true(f->domains >= nr);
}

/* Shows that good news arrive, and what has stopped is told as gone. */
static void good(void **state)
{
	struct fixture *f = *state;

	run_script(f, SAY("{\"connected\":\"test:///default\"}") SAY(GANG)
		   "sleep 0.3\n"
		   SAY("{\"gone\":{\"uuid\":\"" UUID_A "\",\"name\":\"db\"}}")
		   "exec sleep 1000\n");
	until_domains(f, 1);
	assert_string_equal(f->cosched, "gang");
	assert_int_equal(vg_libvirt_state(f->lv), VG_LIBVIRT_CONNECTED);
	for (int i = 0; i < 500 && !f->gone; i++)
		sd_event_run(f->event, 10000);
	assert_int_equal(f->gone, 1);
}

/*
 * Shows that one that dies is started again, later each time, and that the
 * next one's news count.
 */
static void dies(void **state)
{
	struct fixture *f = *state;
	uint64_t start = now_ms();

	run_script(f, STARTED "[ $(wc -l <\"$VMGANG_ROOT/../starts\") -ge 3 ] ||"
		   " kill -SEGV $$\n" SAY(GANG) "exec sleep 1000\n");
	until_log(f, "was ended by signal 11; it is started again");
	assert_int_equal(vg_libvirt_state(f->lv), VG_LIBVIRT_WAITING);
	until_domains(f, 1);
	/* 1 s after the first death, 2 s after the second */
	assert_true(now_ms() - start >= 3000);
	assert_true(has(f, "starts", "started\nstarted\nstarted\n"));
}

/* Shows that its last words are heard when it ends, and that it is tried again. */
static void ends(void **state)
{
	struct fixture *f = *state;

	run_script(f, STARTED SAY("{\"waiting\":\"nobody there\"}"));
	until_log(f, "libvirt: nobody there");
	while (!has(f, "starts", "started\nstarted\n"))
		sd_event_run(f->event, 10000);
	assert_int_equal(vg_libvirt_state(f->lv), VG_LIBVIRT_WAITING);
}

/* Shows that what is wrong is dropped with a line that says why, alone. */
static void garbage(void **state)
{
	static const struct {
		const char *say, *why;
	} cases[] = {
		{ SAY("\\377 {{{{"), "not JSON" },
		{ "printf 'a\\000b' >&0\n", "not JSON" },
		{ SAY("[]"), "not one piece of news" },
		{ SAY("{}"), "not one piece of news" },
		{ SAY("{\"reboot\":1}"), "of an unknown kind" },
		{ SAY("{\"domain\":7}"), "a domain without a UUID" },
		{ SAY("{\"waiting\":{}}"), "a state without a reason" },
		{ SAY("{\"gone\":{\"uuid\":\"x\"}}"), "a domain without a UUID" },
		{ SAY("{\"gone\":{\"uuid\":\"" UUID_A "\"}}"),
		  "a domain without a name" },
		{ SAY("{\"domain\":{\"uuid\":\"" UUID_A "\",\"name\":\"db\"}}"),
		  "a domain without knobs" },
		{ SAY("{\"domain\":{\"uuid\":\"" UUID_A "\",\"name\":\"db\","
		      "\"id\":-5,\"knobs\":{}}}"), "id that is none" },
		{ SAY(DOMAIN("\"cosched\":1")), "a knob that is no string" },
		{ SAY(DOMAIN("\"cosched\":\"always\"")), "unknown value" },
		{ SAY(DOMAIN("\"nonsense\":\"1\"")), "unknown knob" },
		{ "dd if=/dev/zero bs=100000 count=1 2>/dev/null >&0\n",
		  "larger than 32 KiB" },
	};

	for (size_t i = 0; i < VG_ARRAY_SIZE(cases); i++) {
		struct fixture *f;
		vg_autofree char *body = NULL;

		begin((void **)&f);
		assert_true(asprintf(&body, "%s%s", cases[i].say,
				     SAY(GANG) "exec sleep 1000\n") > 0);
		run_script(f, body);
		until_domains(f, 1);
		assert_string_equal(f->cosched, "gang");
		assert_true(has(f, "log", "is ignored: "));
		if (!has(f, "log", cases[i].why))
			fail_msg("case %zu does not say \"%s\"", i, cases[i].why);
		assert_int_equal(end((void **)&f), 0);
	}
}

/* Shows that one that sends nothing else is ended and tried again. */
static void babbles(void **state)
{
	struct fixture *f = *state;

	run_script(f, STARTED "while :; do printf x >&0; done\n");
	until_log(f, "it is ended");
	assert_int_equal(vg_libvirt_state(f->lv), VG_LIBVIRT_WAITING);
	while (!has(f, "starts", "started\nstarted\n"))
		sd_event_run(f->event, 10000);
	assert_int_equal(f->domains, 0);
}

/* Shows that one that closes its socket and stays is ended, too. */
static void closes(void **state)
{
	struct fixture *f = *state;

	run_script(f, "exec sleep 1000 </dev/null\n");
	until_log(f, "has closed its socket; it is ended");
	assert_int_equal(vg_libvirt_state(f->lv), VG_LIBVIRT_WAITING);
}

/* Shows that without the program nothing is tried, and the log says why. */
static void absent(void **state)
{
	struct fixture *f = *state;

	run_script(f, NULL);
	until_log(f, "/helper: No such file or directory");
	assert_int_equal(vg_libvirt_state(f->lv), VG_LIBVIRT_ABSENT);
	vg_libvirt_kick(f->lv);
	script(f, STARTED);
	for (int i = 0; i < 150; i++)
		sd_event_run(f->event, 10000);
	assert_false(has(f, "starts", "started"));
}

/* Shows that one without libvirt.so.0 is not started again. */
static void no_libvirt(void **state)
{
	struct fixture *f = *state;

	run_script(f, STARTED SAY("{\"absent\":\"libvirt.so.0: no such file\"}"));
	until_log(f, "libvirt.so.0: no such file");
	for (int i = 0; i < 150; i++)
		sd_event_run(f->event, 10000);
	assert_int_equal(vg_libvirt_state(f->lv), VG_LIBVIRT_ABSENT);
	assert_true(fake_is(&f->fake, "starts", "started"));
	assert_false(has(f, "starts", "started\nstarted"));
}

/*
 * Shows on a whole vmgangd that one that hangs, with or without a word before
 * it, delays no call, no VM and no end.
 */
static void hangs(void **state)
{
	struct host *h = *state;
	vg_autojson sd_json_variant *reply = NULL;
	uint64_t begun;
	char path[128];

	fake_vm(&h->fake, 100, 1, 2, db);
	fake_write(&h->fake, "conf", "[vmgangd]\nLibvirtUri=test:///default\n");
	fake_write(&h->fake, "helper", "%s", "#!/bin/sh\n"
		   SAY("{\"connected\":\"test:///default\"}") SAY(GANG)
		   "kill -STOP $$\n");
	snprintf(path, sizeof(path), "%s/helper", h->fake.dir);
	assert_int_equal(chmod(path, 0755), 0);
	setenv("VMGANG_LIBVIRT", path, 1);
	h->libvirt = true;
	start(h);
	until(h, "sysfs/vms/100/policy/cosched", "gang");
	assert_knob(h, "db", "cosched", "gang", "metadata");
	begun = now_ms();
	assert_int_equal(call(h, "Set", "{'vm':'db','knobs':{'slice_us':'7000'}}",
			      NULL, NULL), 0);
	assert_int_equal(call(h, "Status", "{}", &reply, NULL), 0);
	assert_string_equal(vg_json_string(reply, "libvirt", ""), "connected");
	assert_in_range(now_ms() - begun, 0, 2000);
	begun = now_ms();
	assert_int_equal(stop(h, SIGTERM), 0);
	assert_in_range(now_ms() - begun, 0, 3000);
	unsetenv("VMGANG_LIBVIRT");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(good, begin, end),
		cmocka_unit_test_setup_teardown(dies, begin, end),
		cmocka_unit_test_setup_teardown(ends, begin, end),
		cmocka_unit_test(garbage),
		cmocka_unit_test_setup_teardown(babbles, begin, end),
		cmocka_unit_test_setup_teardown(closes, begin, end),
		cmocka_unit_test_setup_teardown(absent, begin, end),
		cmocka_unit_test_setup_teardown(no_libvirt, begin, end),
		cmocka_unit_test_setup_teardown(hangs, setup, teardown),
	};
	sigset_t child;

	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigprocmask(SIG_BLOCK, &child, NULL);
	assert_int_equal(vg_presets_load(NULL), 0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
