// SPDX-License-Identifier: GPL-2.0-only
/*
 * web and echo: a server on the guest's network, whose client is on the host
 * (client.c). Its threads share one epoll set: whoever is free serves whichever
 * connection has something to say. A unit is an answered request.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "web.h"
#include "workload.h"

struct server {
	int epoll, listener, bell;
	char *text;
	size_t nr_pages;
	bool echo;
};

struct connection {
	int fd;
	size_t got;
	char request[WEB_HEAD_MAX];
};

static int watch(struct server *s, int fd, struct connection *c, uint32_t events, int op)
{
	struct epoll_event event = { .events = events, .data.ptr = c };

	return epoll_ctl(s->epoll, op, fd, &event);
}

static int read_pages(struct run *run, struct server *s)
{
	const char *path = getenv("BENCH_DATA");
	struct stat st;
	int fd;

	path = path ? path : "/data";
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) || st.st_size < WEB_PAGE)
		return run_problem(run, "%s: no data in %s", run->workload->name, path);
	s->nr_pages = st.st_size / WEB_PAGE;
	s->text = malloc(s->nr_pages * WEB_PAGE);
	if (!s->text || read(fd, s->text, s->nr_pages * WEB_PAGE) !=
	    (ssize_t)(s->nr_pages * WEB_PAGE))
		return run_problem(run, "%s: %s can not be read", run->workload->name, path);
	close(fd);
	return 0;
}

static int server_prepare(struct run *run, bool echo)
{
	struct sockaddr_in any = {
		.sin_family = AF_INET,
		.sin_port = htons(WEB_PORT),
	};
	struct server *s = calloc(1, sizeof(*s));
	int on = 1;

	if (!s)
		return run_problem(run, "%s: no memory", run->workload->name);
	if (!getenv("bench_ip"))
		return run_problem(run, "%s: this guest has no network", run->workload->name);
	s->echo = echo;
	if (!echo && read_pages(run, s))
		return -1;
	s->epoll = epoll_create1(EPOLL_CLOEXEC);
	s->bell = eventfd(0, EFD_CLOEXEC);
	s->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (s->epoll < 0 || s->bell < 0 || s->listener < 0 ||
	    setsockopt(s->listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) ||
	    bind(s->listener, (struct sockaddr *)&any, sizeof(any)) ||
	    listen(s->listener, 64) ||
	    watch(s, s->listener, NULL, EPOLLIN | EPOLLEXCLUSIVE, EPOLL_CTL_ADD))
		return run_problem(run, "%s: port %d: %s", run->workload->name, WEB_PORT,
				   strerror(errno));
	run->data = s;
	return 0;
}

static int web_prepare(struct run *run)
{
	return server_prepare(run, false);
}

static int echo_prepare(struct run *run)
{
	return server_prepare(run, true);
}

static void welcome(struct server *s)
{
	int fd = accept4(s->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK), on = 1;
	struct connection *c;

	if (fd < 0)
		return;
	c = calloc(1, sizeof(*c));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (c)
		c->fd = fd;
	if (!c || watch(s, fd, c, EPOLLIN | EPOLLONESHOT, EPOLL_CTL_ADD)) {
		close(fd);
		free(c);
	}
}

/* One answer fits the socket's buffer, as each waits for the one before. */
static bool answer(const struct server *s, struct connection *c)
{
	char out[WEB_HEAD_MAX + WEB_PAGE], *page;
	unsigned long block;
	int head;

	if (s->echo)
		return send(c->fd, c->request, ECHO_BYTES, MSG_NOSIGNAL) == ECHO_BYTES;
	if (strncmp(c->request, "GET /", 5) != 0)
		return false;
	block = strtoul(c->request + 5, NULL, 10) % s->nr_pages;
	page = s->text + block * WEB_PAGE;
	head = snprintf(out, WEB_HEAD_MAX,
			"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nETag: \"%08x\"\r\n\r\n",
			WEB_PAGE, web_sum(page, WEB_PAGE));
	memcpy(out + head, page, WEB_PAGE);
	return send(c->fd, out, head + WEB_PAGE, MSG_NOSIGNAL) == head + WEB_PAGE;
}

static bool complete(const struct server *s, const struct connection *c)
{
	return s->echo ? c->got == ECHO_BYTES :
	       memmem(c->request, c->got, "\r\n\r\n", 4) != NULL;
}

/* false: the connection is over */
static bool serve(struct server *s, struct connection *c, struct worker *worker)
{
	size_t room = (s->echo ? ECHO_BYTES : WEB_HEAD_MAX - 1) - c->got;
	ssize_t n = recv(c->fd, c->request + c->got, room, 0);

	if (n <= 0)
		return n < 0 && errno == EAGAIN;
	c->got += n;
	if (complete(s, c)) {
		if (!answer(s, c))
			return false;
		memset(c->request, 0, sizeof(c->request));
		c->got = 0;
		run_unit(worker);
	}
	return c->got < WEB_HEAD_MAX - 1;
}

static void web_thread(struct worker *worker)
{
	struct server *s = worker->run->data;
	struct epoll_event event;

	while (run_more(worker)) {
		struct connection *c;

		if (epoll_wait(s->epoll, &event, 1, -1) != 1)
			continue;
		c = event.data.ptr;
		if (!c) {
			welcome(s);
		} else if (!serve(s, c, worker) ||
			   watch(s, c->fd, c, EPOLLIN | EPOLLONESHOT, EPOLL_CTL_MOD)) {
			close(c->fd);
			free(c);
		}
	}
}

/* The bell stays readable, so each thread hears it. */
static void web_wake(struct run *run)
{
	struct server *s = run->data;

	watch(s, s->bell, NULL, EPOLLIN, EPOLL_CTL_ADD);
	eventfd_write(s->bell, 1);
}

const struct workload workload_web = {
	.name = "web",
	.unit = "request",
	.prepare = web_prepare,
	.thread = web_thread,
	.wake = web_wake,
};

const struct workload workload_echo = {
	.name = "echo",
	.unit = "message",
	.prepare = echo_prepare,
	.thread = web_thread,
	.wake = web_wake,
};
