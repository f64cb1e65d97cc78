// SPDX-License-Identifier: GPL-2.0-only
/* vmgangd, run with --no-class against a host made of ordinary files. */
#include <errno.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client.h"
#include "host.h"
#include "presets.h"
#include "util.h"

/* Shows that VMs there before the daemon get what the configuration says. */
static void finds_and_applies(void **state)
{
	struct host *h = *state;

	fake_write(&h->fake, "conf", "[match]\nName=we?\npreset=esx\n"
				     "slice_us=7000\n");
	fake_vm(&h->fake, 100, 1, 2, db);
	fake_vm(&h->fake, 200, 2, 4, web);
	start(h);
	until(h, "sysfs/vms/200/name", "web");
	assert_true(fake_is(&h->fake, "sysfs/vms/200/policy/cosched", "gang"));
	assert_true(fake_is(&h->fake, "sysfs/vms/200/policy/slice_us", "7000"));
	assert_true(fake_is(&h->fake, "sysfs/vms/100/policy/cosched", "adaptive"));
	assert_true(fake_is(&h->fake, "sysfs/vms/100/name", "db"));
	assert_knob(h, "web", "cosched", "gang", "match");
	assert_knob(h, "web", "managed", "1", "default");
	assert_knob(h, UUID_A, "cosched", "adaptive", "default");
	/* a VM that comes later */
	fake_vm(&h->fake, 300, 3, 1, web);
	until(h, "sysfs/vms/300/policy/cosched", "gang");
	assert_int_equal(stop(h, SIGTERM), 0);
}

/* Shows setting, taking back, and that bad values change nothing. */
static void sets(void **state)
{
	vg_autofree char *error = NULL;
	struct host *h = *state;

	fake_vm(&h->fake, 100, 1, 2, db);
	start(h);
	assert_int_equal(call(h, "Set", "{'vm':'db','knobs':{'cosched':'gang','slice_us':'5000'}}",
			      NULL, NULL), 0);
	assert_true(fake_is(&h->fake, "sysfs/vms/100/policy/cosched", "gang"));
	assert_knob(h, "100", "slice_us", "5000", "set");
	assert_int_equal(call(h, "Set", "{'vm':'db','knobs':{'cosched':'off','slice_us':'5'}}",
			      NULL, &error), -EINVAL);
	assert_string_equal(error,
			    "slice_us: bad value \"5\" (allowed: 1000..100000)");
	assert_knob(h, "100", "cosched", "gang", "set");
	assert_int_equal(call(h, "Set", "{'vm':'db','knobs':{'watch':'off'}}",
			      NULL, &error), -EINVAL);
	assert_int_equal(call(h, "Set", "{'vm':'x','knobs':{}}", NULL,
			      &error), -ENOENT);
	assert_string_equal(error,
			    "no VM is called \"x\", by name, uuid or pid");
	assert_int_equal(call(h, "Set", "{'vm':'db','knobs':{'cosched':'-','slice_us':'default'}}",
			      NULL, NULL), 0);
	assert_knob(h, "100", "cosched", "adaptive", "default");
	assert_knob(h, "100", "slice_us", "20000", "default");
	/* a reservation is written as a whole, its slice last */
	assert_int_equal(call(h, "Set", "{'vm':'db','knobs':{'preset':'xen-sedf','extratime':'0'}}",
			      NULL, NULL), 0);
	assert_true(fake_is(&h->fake, "sysfs/vms/100/policy/reserve_period_us", "100000"));
	assert_true(fake_is(&h->fake, "sysfs/vms/100/policy/reserve_slice_us", "20000"));
	assert_true(fake_is(&h->fake, "sysfs/vms/100/policy/extratime", "0"));
	/* in one call the preset comes first, wherever it stands */
	assert_int_equal(call(h, "Set", "{'vm':'db','knobs':{'cosched':'off','preset':'esx'}}",
			      NULL, NULL), 0);
	assert_knob(h, "100", "cosched", "off", "set");
	assert_knob(h, "100", "preset", "esx", "set");
}

/* Shows that a value written by hand stays, and is called what it is. */
static void by_hand(void **state)
{
	struct host *h = *state;

	fake_vm(&h->fake, 100, 1, 2, db);
	start(h);
	until(h, "sysfs/vms/100/name", "db");
	fake_write(&h->fake, "sysfs/vms/100/policy/cosched", "gang\n");
	fake_vm(&h->fake, 200, 2, 2, web);
	until(h, "sysfs/vms/200/name", "web");
	assert_knob(h, "db", "cosched", "gang", "sysfs");
}

/*
 * Shows metadata arriving before its VM and after it, by uuid and by name,
 * changing while the VM runs, and being forgotten.
 */
static void metadata(void **state)
{
	vg_autojson sd_json_variant *reply = NULL;
	struct host *h = *state;
	sd_json_variant *errors;

	start(h);
	assert_int_equal(call(h, "SetDomain",
			      "{'uuid':'" UUID_A "','name':'db','id':1,"
				      "'knobs':{'preset':'esx'},'errors':[]}",
			      NULL, NULL), 0);
	fake_vm(&h->fake, 100, 1, 2, db);
	until(h, "sysfs/vms/100/policy/cosched", "gang");
	assert_knob(h, "db", "cosched", "gang", "metadata");

	fake_vm(&h->fake, 200, 2, 2, web);
	until(h, "sysfs/vms/200/name", "web");
	assert_int_equal(call(h, "SetDomain",
			      "{'uuid':'" UUID_B "','name':'web','id':null,"
				      "'knobs':{'cosched':'gang'}}",
			      NULL, NULL), 0);
	assert_knob(h, "web", "cosched", "gang", "metadata");
	assert_knob(h, "db", "preset", "esx", "metadata");

	assert_int_equal(call(h, "SetDomain",
			      "{'uuid':'" UUID_A "','name':'db','id':1,"
				      "'knobs':{},'errors':['line 7: bad']}",
			      NULL, NULL), 0);
	assert_knob(h, "db", "cosched", "adaptive", "default");
	assert_int_equal(call(h, "Show", "{'vm':'db'}", &reply, NULL), 0);
	errors = sd_json_variant_by_key(sd_json_variant_by_key(reply, "vm"),
					"errors");
	assert_int_equal(sd_json_variant_elements(errors), 1);
	assert_string_equal(sd_json_variant_string(
			sd_json_variant_by_index(errors, 0)), "line 7: bad");
	assert_int_equal(call(h, "ForgetDomain", "{'uuid':'" UUID_B "'}",
			      NULL, NULL), 0);
	assert_knob(h, "web", "cosched", "adaptive", "default");
}

static time_t changed(struct host *h, const char *path, long *nsec)
{
	char full[256];
	struct stat st;

	snprintf(full, sizeof(full), "%s/%s", h->fake.dir, path);
	assert_int_equal(stat(full, &st), 0);
	*nsec = st.st_mtim.tv_nsec;
	return st.st_mtim.tv_sec;
}

/*
 * Shows that kill -9 and every other way to end lose nothing: the next daemon
 * knows values set and metadata, and does not touch a file of a VM.
 */
static void restarts(void **state)
{
	static const int signals[] = { SIGKILL, SIGUSR1, SIGTERM };
	struct host *h = *state;
	long before_ns, after_ns;
	time_t before, after;

	fake_vm(&h->fake, 100, 1, 2, db);
	fake_vm(&h->fake, 200, 2, 2, web);
	start(h);
	assert_int_equal(call(h, "Set", "{'vm':'web','knobs':{'slice_us':'5000'}}",
			      NULL, NULL), 0);
	assert_int_equal(call(h, "SetDomain",
			      "{'uuid':'" UUID_A "','name':'db','id':1,"
				      "'knobs':{'preset':'esx'},'errors':[]}",
			      NULL, NULL), 0);
	before = changed(h, "sysfs/vms/100/policy/cosched", &before_ns);
	for (size_t i = 0; i < VG_ARRAY_SIZE(signals); i++) {
		int status = stop(h, signals[i]);

		assert_int_equal(status, signals[i] == SIGKILL ? 128 + SIGKILL :
								 0);
		start(h);
		assert_knob(h, "web", "slice_us", "5000", "set");
		assert_knob(h, "db", "cosched", "gang", "metadata");
	}
	after = changed(h, "sysfs/vms/100/policy/cosched", &after_ns);
	assert_true(before == after && before_ns == after_ns);
	/* another VM in the same place is another VM */
	stop(h, SIGKILL);
	fake_remove(&h->fake, "sysfs/vms/200");
	fake_vm(&h->fake, 200, 3, 2, web);
	start(h);
	assert_knob(h, "web", "slice_us", "20000", "default");
	/* a damaged state file costs the state and nothing else */
	stop(h, SIGKILL);
	fake_write(&h->fake, "run/state.json", "{'version':1,'vms':[7]");
	start(h);
	assert_knob(h, "web", "slice_us", "20000", "default");
}

/* Shows that a reload applies a good file and keeps the old one over a bad. */
static void reloads(void **state)
{
	vg_autojson sd_json_variant *status = NULL;
	struct host *h = *state;
	char expected[320];
	const char *error = NULL;

	fake_write(&h->fake, "conf", "[vmgangd]\nDefault=esx\n");
	fake_vm(&h->fake, 100, 1, 2, db);
	start(h);
	until(h, "sysfs/vms/100/policy/cosched", "gang");
	fake_write(&h->fake, "conf", "[vmgangd]\n\nDefault=nonsense\n");
	kill(h->daemon, SIGHUP);
	for (int i = 0; i < 1000 && !error; i++) {
		sd_json_variant_unref(status);
		status = NULL;
		assert_int_equal(call(h, "Status", "{}", &status, NULL), 0);
		error = vg_json_string(status, "config_error", NULL);
		usleep(10000);
	}
	snprintf(expected, sizeof(expected),
		 "%s/conf:3: preset: unknown value \"nonsense\" (allowed: %s)",
		 h->fake.dir, vg_presets_names());
	assert_string_equal(error, expected);
	assert_knob(h, "db", "cosched", "gang", "default");
	fake_write(&h->fake, "conf", "[vmgangd]\nDefault=xen-credit\n");
	kill(h->daemon, SIGHUP);
	until(h, "sysfs/vms/100/policy/cosched", "off");
	/* at the start there is no old one to keep: it says so and ends */
	stop(h, SIGTERM);
	fake_write(&h->fake, "conf", "nonsense\n");
	assert_int_equal(WEXITSTATUS(system(
			({ static char c[600];
			   snprintf(c, sizeof(c), "%s --no-class 2>/dev/null",
				    program("vmgangd")); c; }))), 1);
}

/* Shows that a dying VM is left out and never an error. */
static void dying_vms(void **state)
{
	vg_autojson sd_json_variant *list = NULL;
	vg_autofree char *error = NULL;
	struct host *h = *state;

	fake_vm(&h->fake, 100, 1, 2, db);
	fake_vm(&h->fake, 200, 2, 2, web);
	start(h);
	assert_knob(h, "db", "cosched", "adaptive", "default");
	fake_remove(&h->fake, "sysfs/vms/100/stats/ready_us");
	assert_int_equal(call(h, "List", "{}", &list, NULL), 0);
	assert_int_equal(sd_json_variant_elements(
			sd_json_variant_by_key(list, "vms")), 1);
	assert_int_equal(call(h, "Show", "{'vm':'db'}", NULL, &error),
			 -ENOENT);
	fake_remove(&h->fake, "sysfs/vms/100");
	assert_int_equal(call(h, "Set", "{'vm':'db','knobs':{'cosched':'gang'}}",
			      NULL, &error), -ENOENT);
	/* the module goes, and comes back with other VMs */
	fake_remove(&h->fake, "sysfs");
	assert_int_equal(call(h, "List", "{}", NULL, NULL), 0);
}

/* Shows that two VMs of one name are told apart, and doubt is explained. */
static void ambiguous(void **state)
{
	vg_autofree char *error = NULL;
	struct host *h = *state;

	fake_vm(&h->fake, 100, 1, 2, web);
	fake_vm(&h->fake, 200, 2, 2, web);
	start(h);
	assert_int_equal(call(h, "Show", "{'vm':'web'}", NULL, &error),
			 -EREMOTEIO);
	assert_string_equal(error,
		"\"web\" fits 2 VMs: 100 (name web, uuid -), 200 (name web, uuid -)"
		"; give its uuid or pid");
	assert_knob(h, "200", "cosched", "adaptive", "default");
}

static int raw_connect(struct host *h)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct timeval second = { .tv_sec = 2 };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strcpy(address.sun_path, h->socket);
	assert_int_equal(connect(fd, (struct sockaddr *)&address,
				 sizeof(address)), 0);
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &second, sizeof(second));
	return fd;
}

static void raw_send(struct host *h, const void *bytes, size_t len)
{
	int fd = raw_connect(h);
	ssize_t n = send(fd, bytes, len, MSG_NOSIGNAL);

	(void)n;	/* being thrown out halfway is one of the outcomes */
	close(fd);
}

/* Shows that nothing sent to the socket ends or wedges the daemon. */
static void hostile_calls(void **state)
{
	static const char *const texts[] = {
		"", "\n", "{", "{}", "[]", "null", "{\"method\":7}",
		"{\"method\":\"\"}", "{\"method\":\"io.vmgang.\"}",
		"{\"method\":\"io.vmgang.Nothing\"}",
		"{\"method\":\"io.vmgang.Show\"}",
		"{\"method\":\"io.vmgang.Show\",\"parameters\":7}",
		"{\"method\":\"io.vmgang.Show\",\"parameters\":{\"vm\":7}}",
		"{\"method\":\"io.vmgang.Show\",\"parameters\":{\"vm\":\"x\",\"vm\":\"y\"}}",
		"{\"method\":\"io.vmgang.Show\",\"parameters\":{\"vm\":\"\\u0000\"}}",
		"{\"method\":\"io.vmgang.Set\",\"parameters\":{\"vm\":\"db\",\"knobs\":[]}}",
		"{\"method\":\"io.vmgang.Set\","
		"\"parameters\":{\"vm\":\"db\",\"knobs\":{\"cosched\":7}}}",
		"{\"method\":\"io.vmgang.Set\","
		"\"parameters\":{\"vm\":\"db\",\"knobs\":{\"cosched\":null}}}",
		"{\"method\":\"io.vmgang.SetDomain\",\"parameters\":{}}",
		"{\"method\":\"io.vmgang.SetDomain\","
		"\"parameters\":{\"uuid\":\"x\",\"name\":\"y\",\"knobs\":{}}}",
		"{\"method\":\"io.vmgang.SetDomain\","
		"\"parameters\":{\"uuid\":\"" UUID_A "\",\"name\":\"y\","
		"\"id\":99999999999,\"knobs\":{}}}",
		"{\"method\":\"io.vmgang.ForgetDomain\",\"parameters\":{\"uuid\":null}}",
		"{\"method\":\"io.vmgang.List\",\"more\":true,\"oneway\":true}",
		"GET / HTTP/1.1\r\n\r\n", "\xff\xfe\xfd",
	};
	vg_autofree char *big = malloc(1 << 21);
	struct host *h = *state;
	uint32_t seed = 42;

	fake_vm(&h->fake, 100, 1, 2, db);
	start(h);
	for (size_t i = 0; i < VG_ARRAY_SIZE(texts); i++) {
		raw_send(h, texts[i], strlen(texts[i]) + 1);
		raw_send(h, texts[i], strlen(texts[i]));
	}
	memset(big, '[', 1 << 21);
	raw_send(h, big, 1 << 21);
	memset(big, 'x', 1 << 21);
	big[(1 << 21) - 1] = '\0';
	raw_send(h, big, 1 << 21);
	for (int round = 0; round < 300; round++) {
		const char *text = texts[seed % VG_ARRAY_SIZE(texts)];
		size_t len = strlen(text) + 1;

		memcpy(big, text, len);
		for (int flips = 0; flips < 4; flips++) {
			seed = seed * 1664525 + 1013904223;
			big[(seed >> 8) % len] = (char)(seed >> 24);
		}
		raw_send(h, big, len);
	}
	assert_knob(h, "db", "cosched", "adaptive", "default");
	assert_int_equal(stop(h, SIGTERM), 0);
}

/* Shows that parameters have limits, and going beyond is an error. */
static void limits(void **state)
{
	vg_autofree char *text = calloc(1, 8192), *error = NULL;
	struct host *h = *state;
	size_t len;

	fake_vm(&h->fake, 100, 1, 2, db);
	start(h);
	len = (size_t)sprintf(text, "{\"vm\":\"");
	memset(text + len, 'v', 256);
	strcpy(text + len + 256, "\"}");
	assert_int_equal(call(h, "Show", text, NULL, &error), -EINVAL);
	assert_string_equal(error, "vmgangd refuses the parameter \"vm\"");
	len = (size_t)sprintf(text, "{\"vm\":\"db\",\"knobs\":{\"a\":\"b\"");
	for (int i = 0; i < 20; i++)
		len += (size_t)sprintf(text + len, ",\"a%d\":\"b\"", i);
	strcpy(text + len, "}}");
	assert_int_equal(call(h, "Set", text, NULL, &error), -EINVAL);
	assert_string_equal(error, "vmgangd refuses the parameter \"knobs\"");
	assert_int_equal(call(h, "SetDomain", "{'uuid':'nonsense','name':'x','knobs':{}}",
			      NULL, &error), -EINVAL);
	assert_string_equal(error, "vmgangd refuses the parameter \"uuid\"");
}

/* Calls as another user; the child's exit status is the result's sign. */
static int call_as(struct host *h, gid_t group, const char *method,
		   const char *parameters)
{
	pid_t pid;
	int status;

	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		int r;

		if (setgroups(group ? 1 : 0, &group) < 0 ||
		    setgid(65534) < 0 || setuid(65534) < 0)
			_exit(99);
		r = call(h, method, parameters, NULL, NULL);
		_exit(r == 0 ? 0 : r == -EACCES ? 1 : 2);
	}
	waitpid(pid, &status, 0);
	return WEXITSTATUS(status);
}

/* Shows who may do what: root all, the group read, others nothing at all. */
static void peers(void **state)
{
	struct host *h = *state;
	struct group *g = getgrnam("daemon");

	if (geteuid() != 0 || !g) {
		print_message("skipped: needs root and a group \"daemon\"\n");
		skip();
	}
	fake_write(&h->fake, "conf", "[vmgangd]\nGroup=daemon\n");
	fake_vm(&h->fake, 100, 1, 2, db);
	start(h);
	assert_int_equal(call_as(h, 0, "List", "{}"), 1);
	assert_int_equal(call_as(h, g->gr_gid, "List", "{}"), 0);
	assert_int_equal(call_as(h, g->gr_gid, "Status", "{}"), 0);
	assert_int_equal(call_as(h, g->gr_gid, "Show", "{'vm':'db'}"), 0);
	assert_int_equal(call_as(h, g->gr_gid, "Set", "{'vm':'db','knobs':{'cosched':'gang'}}"),
			 1);
	assert_int_equal(call_as(h, g->gr_gid, "SetDomain", "{'uuid':'" UUID_A "','name':'db',"
		      "'knobs':{'cosched':'gang'}}"),
			 1);
	assert_int_equal(call_as(h, g->gr_gid, "ForgetDomain", "{'uuid':'" UUID_A "'}"),
			 1);
	assert_true(fake_is(&h->fake, "sysfs/vms/100/policy/cosched", "adaptive"));
}

/* Shows that idle connections of one user do not keep others out. */
static void hoarding(void **state)
{
	struct host *h = *state;
	int fds[100];

	start(h);
	for (size_t i = 0; i < VG_ARRAY_SIZE(fds); i++)
		fds[i] = raw_connect(h);
	for (size_t i = 0; i < VG_ARRAY_SIZE(fds); i++)
		close(fds[i]);
	for (int i = 0; i < 100; i++) {
		if (call(h, "Status", "{}", NULL, NULL) == 0)
			return;
		usleep(10000);
	}
	fail_msg("the daemon does not answer any more");
}

int main(void)
{
#define TEST(t) cmocka_unit_test_setup_teardown(t, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(finds_and_applies), TEST(sets), TEST(by_hand),
		TEST(metadata), TEST(restarts), TEST(reloads),
		TEST(dying_vms), TEST(ambiguous), TEST(hostile_calls),
		TEST(limits), TEST(peers), TEST(hoarding),
	};

	assert_int_equal(vg_presets_load(NULL), 0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
