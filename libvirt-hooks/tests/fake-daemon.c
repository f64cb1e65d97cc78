// SPDX-License-Identifier: GPL-2.0-only
#include <assert.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "fake-daemon.h"

struct fake_daemon {
	enum fake_manner manner;
	char dir[32];
	char path[64];
	int listen_fd;
	int stop_fd;
	pthread_t thread;
	char *calls;
	size_t nr_calls;
};

static void must(int ok, const char *what)
{
	if (ok)
		return;
	perror(what);
	abort();
}

/* Waits for fd or the end; false at the end. */
static int wait_for(struct fake_daemon *d, int fd, int timeout_ms)
{
	struct pollfd p[] = {
		{ .fd = d->stop_fd, .events = POLLIN },
		{ .fd = fd, .events = POLLIN },
	};

	poll(p, fd < 0 ? 1 : 2, timeout_ms);
	return !p[0].revents;
}

static void keep_call(struct fake_daemon *d, const char *call)
{
	char *all;

	if (asprintf(&all, "%s%s\n", d->calls ? d->calls : "", call) < 0)
		abort();
	free(d->calls);
	d->calls = all;
	d->nr_calls++;
}

static void say(int fd, const char *bytes, size_t len)
{
	ssize_t n = send(fd, bytes, len, MSG_NOSIGNAL);

	(void)n;
}

static void serve(struct fake_daemon *d, int fd)
{
	static const char ok[] = "{\"parameters\":{}}";
	static const char no[] =
		"{\"error\":\"io.vmgang.NotAllowed\",\"parameters\":{}}";
	char buf[65536];
	size_t len = 0;

	for (;;) {
		ssize_t n;

		if (!wait_for(d, fd, -1))
			return;
		n = read(fd, buf + len, sizeof(buf) - len);
		if (n <= 0)
			return;
		len += (size_t)n;
		if (!buf[len - 1])
			break;
	}
	keep_call(d, buf);
	switch (d->manner) {
	case FAKE_ANSWERS:
		say(fd, ok, sizeof(ok));
		break;
	case FAKE_REFUSES:
		say(fd, no, sizeof(no));
		break;
	case FAKE_BABBLES:
		say(fd, "\377\376{{{{", 7);
		break;
	case FAKE_TRICKLES:
		while (wait_for(d, -1, 20))
			say(fd, " ", 1);
		return;
	case FAKE_HANGS:
		wait_for(d, -1, -1);
		return;
	case FAKE_CLOSES:
	case FAKE_DEAF:
		return;
	}
	/* Until the caller closes, so that it reads the reply before that. */
	wait_for(d, fd, -1);
}

static void *run(void *arg)
{
	struct fake_daemon *d = arg;

	while (wait_for(d, d->manner == FAKE_DEAF ? -1 : d->listen_fd, -1)) {
		int fd = accept(d->listen_fd, NULL, NULL);

		must(fd >= 0, "accept");
		serve(d, fd);
		close(fd);
	}
	return NULL;
}

struct fake_daemon *fake_daemon_start(enum fake_manner manner)
{
	struct fake_daemon *d = calloc(1, sizeof(*d));
	struct sockaddr_un sa = { .sun_family = AF_UNIX };

	must(!!d, "calloc");
	d->manner = manner;
	strcpy(d->dir, "/tmp/vmgang-hook-XXXXXX");
	must(!!mkdtemp(d->dir), "mkdtemp");
	snprintf(d->path, sizeof(d->path), "%s/socket", d->dir);
	strcpy(sa.sun_path, d->path);
	d->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	must(d->listen_fd >= 0, "socket");
	must(!bind(d->listen_fd, (void *)&sa, sizeof(sa)), "bind");
	must(!listen(d->listen_fd, 16), "listen");
	d->stop_fd = eventfd(0, EFD_CLOEXEC);
	must(d->stop_fd >= 0, "eventfd");
	must(!pthread_create(&d->thread, NULL, run, d), "pthread_create");
	return d;
}

const char *fake_daemon_path(const struct fake_daemon *d)
{
	return d->path;
}

char *fake_daemon_stop(struct fake_daemon *d, size_t *nr_calls)
{
	char *calls = d->calls;

	eventfd_write(d->stop_fd, 1);
	pthread_join(d->thread, NULL);
	close(d->stop_fd);
	close(d->listen_fd);
	unlink(d->path);
	rmdir(d->dir);
	if (nr_calls)
		*nr_calls = d->nr_calls;
	free(d);
	return calls;
}
