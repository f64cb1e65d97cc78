// SPDX-License-Identifier: GPL-2.0-only
/*
 * vmgang-hook NAME OPERATION SUB-OPERATION EXTRA: hands the policy in a
 * domain's XML, which it reads from standard input, to vmgangd.
 *
 * libvirt holds the domain's lock and waits while this runs. So whatever
 * happens it prints nothing, ends with status 0, ends within a second, leaves
 * no child behind, and never calls libvirt, which would wait for itself. What
 * it can not hand over here, vmgangd's own connection to libvirt brings later.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <systemd/sd-journal.h>

#include "client.h"
#include "json.h"
#include "metadata.h"
#include "paths.h"
#include "presets.h"
#include "util.h"

/*
 * In milliseconds; the first and the last since the start. A domain that starts
 * while the daemon hangs waits for two calls, so they take less than a second
 * together. The alarm is the belt for all that ought not to block, but might.
 */
#define READ_UNTIL_MS	350
#define CALL_MS		400
#define ALARM_MS	900

enum action {
	NOTHING,
	HAND_OVER,
	FORGET,
};

/*
 * libvirt runs prepare before the domain has a process, so that the policy is
 * there when its first vCPU runs; started repeats it for a daemon that was not
 * up yet. An incoming migration or a restore comes with an XML that is not
 * final, and goes on with prepare. After stopped there is always a release.
 */
static const struct {
	const char *name;
	enum action action;
} operations[] = {
	{ "prepare", HAND_OVER },
	{ "start", NOTHING },
	{ "started", HAND_OVER },
	{ "stopped", NOTHING },
	{ "release", FORGET },
	{ "migrate", NOTHING },
	{ "restore", NOTHING },
	{ "reconnect", HAND_OVER },
	{ "attach", HAND_OVER },
};

static enum action action_of(const char *operation)
{
	for (size_t i = 0; i < VG_ARRAY_SIZE(operations); i++)
		if (strcmp(operations[i].name, operation) == 0)
			return operations[i].action;
	return NOTHING;
}

static void out_of_time(int sig)
{
	(void)sig;
	_exit(0);
}

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* Silence and the alarm come first: they hold for everything after them. */
static void be_safe(void)
{
	const struct sigaction end = { .sa_handler = out_of_time };
	const struct itimerval belt = {
		.it_value.tv_usec = ALARM_MS * 1000,
	};
	int fd;

	sigaction(SIGALRM, &end, NULL);
	setitimer(ITIMER_REAL, &belt, NULL);
	signal(SIGPIPE, SIG_IGN);
	fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (fd < 0)
		_exit(0);
	dup2(fd, STDOUT_FILENO);
	dup2(fd, STDERR_FILENO);
	close(fd);
}

/* One byte more than the parser takes, so that it sees what is too much. */
static char xml[VG_METADATA_MAX_SIZE + 1];

/*
 * Reads standard input to its end. What does not fit is read and dropped, so
 * that libvirt can finish writing.
 */
static ssize_t read_xml(uint64_t until)
{
	char rest[65536];
	size_t len = 0;

	for (;;) {
		struct pollfd p = { .fd = STDIN_FILENO, .events = POLLIN };
		size_t room = sizeof(xml) - len;
		uint64_t now = now_ms();
		ssize_t n;

		if (now >= until)
			return -ETIMEDOUT;
		n = poll(&p, 1, (int)(until - now));
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n <= 0)
			continue;
		n = read(STDIN_FILENO, room ? xml + len : rest,
			 room ? room : sizeof(rest));
		if (n < 0 && errno != EINTR && errno != EAGAIN)
			return -errno;
		if (n == 0)
			return (ssize_t)len;
		if (n > 0 && room)
			len += (size_t)n;
	}
}

static int tell_daemon(const struct vg_metadata *m, enum action action,
		       char **error)
{
	vg_cleanup(sd_varlink_close_unrefp) sd_varlink *link = NULL;
	vg_cleanup(vg_paths_free) struct vg_paths paths = {};
	vg_autojson sd_json_variant *parameters = NULL;
	int r;

	r = vg_paths_init(&paths);
	if (r >= 0)
		r = action == FORGET ?
			sd_json_buildo(&parameters,
				SD_JSON_BUILD_PAIR_STRING("uuid", m->uuid)) :
			vg_metadata_to_json(m, &parameters);
	if (r >= 0)
		r = vg_client_connect(paths.socket, CALL_MS * 1000ULL, &link);
	if (r >= 0)
		r = vg_client_call(link, action == FORGET ? "ForgetDomain" :
						"SetDomain",
				   parameters, NULL, error);
	return r;
}

int main(int argc, char *argv[])
{
	uint64_t until = now_ms() + READ_UNTIL_MS;
	vg_autofree char *error = NULL, *domain = NULL;
	vg_cleanup(vg_metadata_done) struct vg_metadata m = {};
	enum action action;
	ssize_t len;
	int r;

	be_safe();
	if (argc < 3)
		return 0;
	action = action_of(argv[2]);
	if (action == NOTHING)
		return 0;
	len = read_xml(until);
	if (len < 0)
		return 0;
	domain = vg_printable(argv[1]);
	if (!domain)
		return 0;

	/*
	 * vmgangd says what is wrong in the metadata, also where that is so
	 * wrong that the XML was not read to its end. To the journal goes only
	 * what vmgangd was not told, as there is no standard error.
	 */
	vg_presets_load(NULL);
	r = vg_metadata_parse(xml, (size_t)len, &m);
	if (m.uuid[0])
		r = tell_daemon(&m, action, &error);
	else if (m.errors)
		vg_error_set(&error, "%s", m.errors[0]);
	if (r < 0)
		sd_journal_print(LOG_WARNING,
				 "%s: %s: its policy was not handed over: %s",
				 domain, argv[2], error ? error : strerror(-r));
	return 0;
}
