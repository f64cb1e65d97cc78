/* SPDX-License-Identifier: GPL-2.0-only */
/* The host's client of a guest that serves web or echo. */
#ifndef VMGANG_BENCH_CLIENT_H
#define VMGANG_BENCH_CLIENT_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "histogram.h"

#define CLIENT_MAX_CONNECTIONS	64

struct exchange;

struct client {
	const char *name;		/* of the guest */
	bool echo;
	unsigned int connections;
	uint64_t think_ns;		/* from an answer to the next request */
	struct exchange *exchange;	/* one for each connection */
	struct histogram latency;	/* ns from request to answer */
	uint64_t go_ns, stopped_ns;
	atomic_bool stop;
	char problem[160];
	pthread_t thread;
};

/**
 * client_open() - connects to a guest's server
 * @c: with its name; all else is set
 * @ip: where the guest is
 * @echo: messages, else pages
 * @argument: CONNECTIONS/THINK_US, or NULL for the default
 *
 * Return: 0, or -1 with the reason on stderr
 */
int client_open(struct client *c, const char *ip, bool echo, const char *argument);

/** client_go() - lets it ask, on all connections at once */
int client_go(struct client *c);

/** client_stop() - ends it; -1 with the reason on stderr when something failed */
int client_stop(struct client *c);

#endif
