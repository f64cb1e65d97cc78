// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "client.h"
#include "run.h"
#include "web.h"

#define CONNECT_SECONDS	20

/* One connection: either it waits for an answer, or it thinks until next_ns. */
struct exchange {
	int fd;
	bool asked;
	uint64_t asked_ns, next_ns;
	uint32_t number;
	size_t got;
	char answer[WEB_HEAD_MAX + WEB_PAGE + 1];
};

static int complain(const struct client *c, const char *what)
{
	fprintf(stderr, "bench-vm: %s: %s\n", c->name, what);
	return -1;
}

static int parse(struct client *c, const char *argument)
{
	unsigned long think_us = 2000;
	char *end;

	c->connections = 4;
	if (argument) {
		c->connections = strtoul(argument, &end, 10);
		think_us = *end == '/' ? strtoul(end + 1, &end, 10) : 0;
		if (end == argument || *end || end[-1] == '/' || !c->connections ||
		    c->connections > CLIENT_MAX_CONNECTIONS || think_us > 10000000 ||
		    strpbrk(argument, "-+ ")) {
			fprintf(stderr, "bench-vm: %s: '%s' is not CONNECTIONS/THINK_US, from 1 to %d and from 0 to 10000000\n",
				c->name, argument, CLIENT_MAX_CONNECTIONS);
			return -1;
		}
	}
	c->think_ns = think_us * 1000ULL;
	return 0;
}

static int connect_to(const struct sockaddr_in *to)
{
	const struct timeval patience = { .tv_sec = CONNECT_SECONDS };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (!connect(fd, (const struct sockaddr *)to, sizeof(*to)))
		return fd;
	close(fd);
	return -1;
}

int client_open(struct client *c, const char *ip, bool echo, const char *argument)
{
	struct sockaddr_in to = {
		.sin_family = AF_INET,
		.sin_port = htons(WEB_PORT),
	};
	unsigned int i;

	c->echo = echo;
	if (parse(c, argument))
		return -1;
	if (!ip || !inet_aton(ip, &to.sin_addr))
		return complain(c, "it has no network: start it with --net");
	c->exchange = calloc(c->connections, sizeof(*c->exchange));
	if (!c->exchange)
		return complain(c, "no memory for its client");
	for (i = 0; i < c->connections; i++) {
		c->exchange[i].fd = connect_to(&to);
		c->exchange[i].number = i * 7919;
		if (c->exchange[i].fd < 0) {
			fprintf(stderr, "bench-vm: %s: %s: %s\n", c->name, ip,
				strerror(errno));
			return -1;
		}
	}
	return 0;
}

static bool ask(const struct client *c, struct exchange *e)
{
	char out[WEB_HEAD_MAX] = "";
	int len = ECHO_BYTES;

	e->number++;
	if (c->echo)
		snprintf(out, ECHO_BYTES, "%u", e->number);
	else
		len = snprintf(out, sizeof(out), "GET /%u HTTP/1.1\r\nHost: %s\r\n\r\n",
			       e->number, c->name);
	e->got = 0;
	e->asked = true;
	e->asked_ns = clock_ns();
	return send(e->fd, out, len, MSG_NOSIGNAL) == len;
}

/* 1: all of the answer is there and right, 0: not all yet, -1: it is wrong */
static int answered(const struct client *c, struct exchange *e)
{
	char *body, *sum;

	if (c->echo)
		return e->got < ECHO_BYTES ? 0 :
		       e->got == ECHO_BYTES && strtoul(e->answer, NULL, 10) == e->number ?
		       1 : -1;
	e->answer[e->got] = '\0';
	body = memmem(e->answer, e->got, "\r\n\r\n", 4);
	if (!body)
		return e->got < WEB_HEAD_MAX ? 0 : -1;
	body += 4;
	if ((size_t)(body - e->answer) + WEB_PAGE > e->got)
		return 0;
	sum = strstr(e->answer, "ETag: \"");
	if (strncmp(e->answer, "HTTP/1.1 200 ", 13) != 0 || !sum || sum > body)
		return -1;
	return strtoul(sum + 7, NULL, 16) == web_sum(body, WEB_PAGE) ? 1 : -1;
}

static bool hear(struct client *c, struct exchange *e)
{
	ssize_t n = recv(e->fd, e->answer + e->got, sizeof(e->answer) - 1 - e->got,
			 MSG_DONTWAIT);
	uint64_t now = clock_ns();
	int whole;

	if (n <= 0)
		return n < 0 && errno == EAGAIN;
	e->got += n;
	whole = answered(c, e);
	if (whole > 0) {
		histogram_add(&c->latency, now - e->asked_ns);
		e->asked = false;
		e->next_ns = now + c->think_ns;
	}
	return whole >= 0;
}

/* Asks where it is time, and says how long none else will be due. */
static uint64_t ask_all(struct client *c)
{
	uint64_t now = clock_ns(), wait = 100000000;
	unsigned int i;

	for (i = 0; i < c->connections; i++) {
		struct exchange *e = &c->exchange[i];

		if (e->asked)
			continue;
		if (e->next_ns <= now) {
			if (!ask(c, e))
				snprintf(c->problem, sizeof(c->problem),
					 "a request could not be sent");
		} else if (e->next_ns - now < wait) {
			wait = e->next_ns - now;
		}
	}
	return wait;
}

static void *client_main(void *arg)
{
	struct client *c = arg;
	struct pollfd fds[CLIENT_MAX_CONNECTIONS];
	unsigned int i;

	while (!atomic_load(&c->stop) && !c->problem[0]) {
		const struct timespec ts = { .tv_nsec = (long)ask_all(c) };

		for (i = 0; i < c->connections; i++)
			fds[i] = (struct pollfd){ .fd = c->exchange[i].fd, .events = POLLIN };
		if (ppoll(fds, c->connections, &ts, NULL) <= 0)
			continue;
		for (i = 0; i < c->connections; i++)
			if (fds[i].revents && !hear(c, &c->exchange[i]))
				snprintf(c->problem, sizeof(c->problem),
					 "a wrong answer, or none");
	}
	c->stopped_ns = clock_ns();
	return NULL;
}

int client_go(struct client *c)
{
	c->go_ns = clock_ns();
	if (pthread_create(&c->thread, NULL, client_main, c))
		return complain(c, "no thread for its client");
	return 0;
}

int client_stop(struct client *c)
{
	unsigned int i;

	atomic_store(&c->stop, true);
	pthread_join(c->thread, NULL);
	for (i = 0; i < c->connections; i++)
		close(c->exchange[i].fd);
	free(c->exchange);
	return c->problem[0] ? complain(c, c->problem) : 0;
}
