// SPDX-License-Identifier: GPL-2.0-only
/*
 * kernlock: each thread asks the guest's kernel for things that it does under
 * locks that all threads share: names in one directory, the file table, the
 * address space, pipes, processes. A unit is one of these operations.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "workload.h"

#define MAP_BYTES	(16 * 4096)
/* a fork takes as long as dozens of the others */
#define FORK_EVERY	64

struct kernlock {
	char dir[64];
	int fd;
};

static int kernlock_prepare(struct run *run)
{
	struct kernlock *k = calloc(1, sizeof(*k));

	if (run->arg)
		return run_problem(run, "kernlock takes no argument, not '%s'", run->arg);
	if (!k)
		return run_problem(run, "kernlock: no memory");
	strcpy(k->dir, "/tmp/kernlock.XXXXXX");
	if (!mkdtemp(k->dir))
		return run_problem(run, "kernlock: %s: %s", k->dir, strerror(errno));
	k->fd = open(k->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (k->fd < 0)
		return run_problem(run, "kernlock: %s: %s", k->dir, strerror(errno));
	run->data = k;
	return 0;
}

static bool names(struct worker *worker, int dir, const char *mine, const char *other)
{
	struct stat st;
	int fd = openat(dir, mine, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
	bool ok = fd >= 0 && write(fd, mine, 4) == 4;

	if (fd >= 0)
		close(fd);
	if (!ok)
		return false;
	run_unit(worker);
	if (renameat(dir, mine, dir, other) || fstatat(dir, other, &st, 0) || st.st_size != 4)
		return false;
	run_unit(worker);
	return !unlinkat(dir, other, 0);
}

static bool pipes(struct worker *worker)
{
	char word[8] = "through", back[8] = "";
	int fd[2];
	bool ok;

	if (pipe2(fd, O_CLOEXEC))
		return false;
	ok = write(fd[1], word, sizeof(word)) == sizeof(word) &&
	     read(fd[0], back, sizeof(back)) == sizeof(back) && !strcmp(word, back);
	close(fd[0]);
	close(fd[1]);
	run_unit(worker);
	return ok;
}

static bool memory(void)
{
	char *at = mmap(NULL, MAP_BYTES, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	size_t i;

	if (at == MAP_FAILED)
		return false;
	for (i = 0; i < MAP_BYTES; i += 4096)
		at[i] = 1;
	return !munmap(at, MAP_BYTES);
}

static bool process(void)
{
	pid_t pid = fork();
	int status;

	if (!pid)
		_exit(7);
	return pid > 0 && waitpid(pid, &status, 0) == pid &&
	       WIFEXITED(status) && WEXITSTATUS(status) == 7;
}

/* One round is several units, so a limit is met by a few more than asked for. */
static void kernlock_thread(struct worker *worker)
{
	struct run *run = worker->run;
	struct kernlock *k = run->data;
	char mine[16], other[16];
	unsigned int round = 0;

	snprintf(mine, sizeof(mine), "new-%u", worker->index);
	snprintf(other, sizeof(other), "old-%u", worker->index);
	for (; run_more(worker); run_unit(worker)) {
		bool ok;

		switch (round++ % 3) {
		case 0:
			ok = names(worker, k->fd, mine, other);
			break;
		case 1:
			ok = pipes(worker) && memory();
			break;
		default:
			ok = round % FORK_EVERY ? memory() : process();
		}
		if (!ok) {
			run_problem(run, "kernlock: round %u of thread %u: %s", round,
				    worker->index, strerror(errno));
			return;
		}
	}
}

/* Each thread has taken back all the names that it made. */
static int kernlock_verify(struct run *run)
{
	struct kernlock *k = run->data;

	close(k->fd);
	if (rmdir(k->dir))
		return run_problem(run, "kernlock: %s: %s", k->dir, strerror(errno));
	return 0;
}

const struct workload workload_kernlock = {
	.name = "kernlock",
	.unit = "operation",
	.prepare = kernlock_prepare,
	.thread = kernlock_thread,
	.verify = kernlock_verify,
};
