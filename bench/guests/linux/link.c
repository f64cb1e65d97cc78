// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "link.h"
#include "run.h"

static const char *const words[] = {
	[LINK_HELLO] = "hello ",
	[LINK_READY] = "ready",
	[LINK_STOPPED] = "stopped",
	[LINK_DONE] = "done ",
};

static int complain(const struct link *link, const char *what)
{
	fprintf(stderr, "bench-vm: %s: %s\n", link->name, what);
	return -1;
}

static void nap(void)
{
	const struct timespec ts = { .tv_nsec = 50000000 };

	nanosleep(&ts, NULL);
}

int link_open(struct link *link, const char *path, uint64_t deadline_ns)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };

	link->state = LINK_OPEN;
	link->len = 0;
	if (strlen(path) >= sizeof(un.sun_path))
		return complain(link, "the path of its socket is too long");
	strcpy(un.sun_path, path);
	for (;;) {
		link->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (!connect(link->fd, (struct sockaddr *)&un, sizeof(un)))
			return 0;
		close(link->fd);
		link->fd = -1;
		if (clock_ns() > deadline_ns)
			return complain(link, errno == ENOENT ? "it does not run" :
					strerror(errno));
		nap();
	}
}

int link_say(struct link *link, const char *format, ...)
{
	char line[200];
	va_list args;
	int len;

	va_start(args, format);
	len = vsnprintf(line, sizeof(line) - 1, format, args);
	va_end(args);
	if (len >= (int)sizeof(line) - 1)
		return complain(link, "too long a line");
	line[len++] = '\n';
	if (send(link->fd, line, len, MSG_NOSIGNAL) != len)
		return complain(link, "it has gone");
	return 0;
}

static int heard(struct link *link, const char *line)
{
	enum link_state s;

	/* of an exchange before this one */
	if (link->state == LINK_OPEN && strncmp(line, words[LINK_HELLO], 6) != 0)
		return 0;
	if (!strncmp(line, "error ", 6))
		return complain(link, line + 6);
	if (!strncmp(line, "note ", 5)) {
		if (link->notes)
			fprintf(stderr, "# %s: %s\n", link->name, line + 5);
		return 0;
	}
	for (s = LINK_HELLO; s <= LINK_DONE; s++) {
		if (strncmp(line, words[s], strlen(words[s])) != 0)
			continue;
		link->state = s;
		if (s == LINK_STOPPED)
			link->stopped_ns = clock_ns();
		snprintf(link->said, sizeof(link->said), "%s", line + strlen(words[s]));
		return 0;
	}
	return complain(link, line);
}

static int hear(struct link *link)
{
	ssize_t n = recv(link->fd, link->text + link->len,
			 sizeof(link->text) - 1 - link->len, 0);
	char *end;

	if (n <= 0)
		return complain(link, "it has gone");
	link->len += n;
	while ((end = memchr(link->text, '\n', link->len))) {
		*end = '\0';
		if (heard(link, link->text))
			return -1;
		link->len -= end + 1 - link->text;
		memmove(link->text, end + 1, link->len);
	}
	if (link->len == sizeof(link->text) - 1)
		return complain(link, "it says too much");
	return 0;
}

static int listen_once(struct link *links, unsigned int nr, uint64_t left_ns)
{
	const struct timespec ts = {
		.tv_sec = (time_t)(left_ns / 1000000000),
		.tv_nsec = (long)(left_ns % 1000000000),
	};
	struct pollfd fds[nr];
	unsigned int i;

	for (i = 0; i < nr; i++)
		fds[i] = (struct pollfd){ .fd = links[i].fd, .events = POLLIN };
	if (ppoll(fds, nr, &ts, NULL) <= 0)
		return 0;
	for (i = 0; i < nr; i++)
		if (fds[i].revents && hear(&links[i]))
			return -1;
	return 0;
}

int link_await(struct link *links, unsigned int nr, enum link_state state,
	       uint64_t deadline_ns)
{
	for (;;) {
		unsigned int i, behind = 0;
		uint64_t now = clock_ns();

		for (i = 0; i < nr; i++)
			behind += links[i].state < state;
		if (!behind || now >= deadline_ns)
			return (int)behind;
		if (listen_once(links, nr, deadline_ns - now))
			return -1;
	}
}

int link_hello(struct link *links, unsigned int nr, uint64_t deadline_ns)
{
	unsigned int i;
	int behind;

	for (i = 0; i < nr; i++) {
		links[i].state = LINK_OPEN;
		if (link_say(&links[i], "hello"))
			return -1;
	}
	behind = link_await(links, nr, LINK_HELLO, deadline_ns);
	for (i = 0; i < nr && behind > 0; i++)
		if (links[i].state < LINK_HELLO)
			complain(&links[i], "its agent does not answer");
	return behind ? -1 : 0;
}
