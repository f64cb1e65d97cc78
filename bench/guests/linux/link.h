/* SPDX-License-Identifier: GPL-2.0-only */
/* The host's end of the line to a guest's agent. */
#ifndef VMGANG_BENCH_LINK_H
#define VMGANG_BENCH_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* In this order, each the word with which the guest says that it got there. */
enum link_state { LINK_OPEN, LINK_HELLO, LINK_READY, LINK_STOPPED, LINK_DONE };

struct link {
	const char *name;		/* the guest's */
	int fd;
	enum link_state state;
	uint64_t go_ns, stopped_ns;	/* the host's clock */
	char text[1024];		/* what is not a whole line yet */
	size_t len;
	char said[600];			/* the words after the state's */
	bool notes;			/* the guest's notes go to stderr */
};

/**
 * link_open() - connects, however long the guest's socket takes to be there
 * @link: with its name; all else is set
 * @path: the socket
 * @deadline_ns: by clock_ns()
 *
 * Return: 0, or -1 with the reason on stderr, as for all of these.
 */
int link_open(struct link *link, const char *path, uint64_t deadline_ns);

/** link_say() - one line to the guest, without its end */
int link_say(struct link *link, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/**
 * link_await() - until all of some guests have got to a state, or the deadline
 * @links: the guests
 * @nr: how many
 * @state: LINK_STOPPED and the like
 * @deadline_ns: by clock_ns()
 *
 * Return: how many have not got there; -1 when one has gone or tells of an
 * error, with it on stderr.
 */
int link_await(struct link *links, unsigned int nr, enum link_state state,
	       uint64_t deadline_ns);

/** link_hello() - a new exchange; what the guest still said of an old one is dropped */
int link_hello(struct link *links, unsigned int nr, uint64_t deadline_ns);

#endif
