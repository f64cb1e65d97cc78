// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fake-daemon.h"
#include "hook-run.h"

/*
 * The second that libvirt is promised. The hook's own alarm is at 0.9 s, and it
 * waits a third of a second for its input, so a busy machine can make a run
 * late, or too late to hand over. Such a run is repeated, and only one that is
 * late each time fails.
 */
#define LIMIT_MS 1000
#define MAX_TRIES 10

/* Far more than the hook's own alarm: it will never end. */
#define HANG_MS 10000

const char *hook;

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static void child(const struct run *r, int in, int out)
{
	const char *program = r->program ? r->program : hook;

	dup2(in, 0);
	dup2(out, 1);
	dup2(out, 2);
	if (r->socket)
		setenv("VMGANG_SOCKET", r->socket, 1);
	if (r->operation)
		execl(program, program, r->name ? r->name : "web1",
		      r->operation, "begin", "-", NULL);
	else
		execl(program, program, NULL);
	_exit(99);
}

/*
 * Feeds all of the input, or what the hook takes of it, and reads both outputs
 * to their end. Returns the input's end if that is to stay open.
 */
static int pump(struct run *r, int in, int out)
{
	size_t len = r->len ? r->len : r->xml ? strlen(r->xml) : 0;
	size_t left = len ? (r->repeat ? r->repeat : 1) : 0, at = 0;
	char sink[4096];

	fcntl(in, F_SETFL, O_NONBLOCK);
	for (;;) {
		struct pollfd p[] = {
			{ .fd = out, .events = POLLIN },
			{ .fd = left ? in : -1, .events = POLLOUT },
		};
		ssize_t n;

		if (!left && !r->keep_open && in >= 0) {
			close(in);
			in = -1;
		}
		if (!left && out < 0)
			return in;
		if (poll(p, 2, HANG_MS) <= 0)
			fail_msg("the hook hangs");
		if (p[0].revents) {
			n = read(out, sink, sizeof(sink));
			if (n > 0)
				r->nr_output += (size_t)n;
			else
				out = -1;
		}
		if (p[1].revents) {
			n = write(in, r->xml + at, len - at);
			if (n < 0 && errno != EAGAIN)
				left = 0;
			at += n > 0 ? (size_t)n : 0;
			if (at == len) {
				at = 0;
				left--;
			}
		}
	}
}

static void wait_for_end(struct run *r, pid_t pid)
{
	uint64_t until = now_ms() + HANG_MS;
	pid_t ended;

	while (!(ended = waitpid(pid, &r->status, WNOHANG)) && now_ms() < until)
		usleep(1000);
	assert_int_equal(ended, pid);
}

static void run_once(struct run *r)
{
	uint64_t start = now_ms();
	int in[2], out[2];
	pid_t pid;

	assert_int_equal(pipe2(in, O_CLOEXEC), 0);
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid)
		child(r, in[0], out[1]);
	close(in[0]);
	close(out[1]);
	in[1] = pump(r, in[1], out[0]);
	wait_for_end(r, pid);
	if (in[1] >= 0)
		close(in[1]);
	close(out[0]);
	r->ms = (unsigned int)(now_ms() - start);

	assert_int_equal(r->nr_output, 0);
	assert_int_equal(r->status, 0);
}

void run(struct run *r)
{
	r->tries = 0;
	do {
		run_once(r);
		r->tries++;
	} while (r->ms > LIMIT_MS && r->tries < MAX_TRIES);
	assert_in_range(r->ms, 0, LIMIT_MS);
}

char *calls_of(struct run *r, size_t *nr)
{
	struct fake_daemon *d = fake_daemon_start(FAKE_ANSWERS);

	r->socket = fake_daemon_path(d);
	run(r);
	return fake_daemon_stop(d, nr);
}

void expect_silent(struct run *r)
{
	size_t nr;
	char *calls = calls_of(r, &nr);

	if (nr)
		fail_msg("not silent: %s", calls);
	free(calls);
}

/* The calls of a run that makes one. */
static char *one_call_of(struct run *r)
{
	char *calls = NULL;
	size_t nr = 0;

	for (int i = 0; i < MAX_TRIES && !nr; i++)
		calls = calls_of(r, &nr);
	assert_in_range(nr, 1, r->tries);
	return calls;
}

void expect_call(struct run *r, const char *const *parts)
{
	char *calls = one_call_of(r);

	for (; *parts; parts++)
		if (!strstr(calls, *parts))
			fail_msg("no %s in %s", *parts, calls);
	free(calls);
}
