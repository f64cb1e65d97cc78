/* SPDX-License-Identifier: GPL-2.0-only */
/* A stand-in for vmgangd's socket, as well or as badly behaved as wanted. */
#ifndef VMGANG_FAKE_DAEMON_H
#define VMGANG_FAKE_DAEMON_H

#include <stddef.h>

enum fake_manner {
	FAKE_ANSWERS,		/* replies with success */
	FAKE_REFUSES,		/* replies with a varlink error */
	FAKE_HANGS,		/* takes the call and never replies */
	FAKE_DEAF,		/* listens and never accepts, as a stopped one */
	FAKE_CLOSES,		/* takes the call and closes the connection */
	FAKE_BABBLES,		/* replies with what is not JSON */
	FAKE_TRICKLES,		/* replies one byte at a time, without an end */
};

struct fake_daemon;

struct fake_daemon *fake_daemon_start(enum fake_manner manner);
const char *fake_daemon_path(const struct fake_daemon *d);

/* Ends it; returns the calls it took, one a line, to be freed. */
char *fake_daemon_stop(struct fake_daemon *d, size_t *nr_calls);

#endif
