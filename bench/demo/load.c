// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the demo's guests do, and how they tell.
 *
 * sync: one thread per vCPU, as an OpenMP program with active waiting does it.
 * A round is PIECES pieces of arithmetic; after each piece the thread adds to a
 * sum under a ticket spinlock and takes a spinlock of the guest kernel (that of
 * the file table, which the threads share); then all meet at a barrier where
 * they spin with PAUSE. The figure is rounds, counted once for all threads. A
 * thread whose sibling's vCPU does not run spins and gets nowhere, which is
 * what co-scheduling is about.
 *
 * compute: one thread per vCPU does the same arithmetic and meets nobody. The
 * figure is the rounds of all threads together.
 *
 * kernel: one thread per vCPU is in the guest's kernel nearly all of the time,
 * holding no lock: it reads zeroes. The figure is reads of all threads together.
 *
 * idle: no thread at all.
 *
 * A line "<monotonic us> <rounds> <CPUs at work>" goes to the port (argv[2])
 * five times a second, so whoever reads it takes two lines and has a rate.
 * vCPUs that are plugged or unplugged meanwhile are followed: new ones are put
 * online and get a thread, and a thread whose CPU is gone ends.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define MAX_CPUS	64
#define PIECES		4
#define READ_BYTES	(256 * 1024)
#define REPORT_NS	200000000L

enum mode { MODE_SYNC, MODE_COMPUTE, MODE_KERNEL, MODE_IDLE };

/* A cache line each: written every round, read by the reporter. */
struct worker {
	_Alignas(64) atomic_uint_least64_t rounds;
	int cpu;
	atomic_bool busy;			/* its thread is alive */
};

/*
 * A barrier whose width may change: who wants to join or leave says so, and the
 * last one to arrive changes the width before it opens the next generation.
 */
struct barrier {
	_Alignas(64) atomic_uint arrived;
	_Alignas(64) atomic_uint generation;
	_Alignas(64) atomic_uint width;
	atomic_uint joining;
	atomic_uint leaving;
};

struct ticket_lock {
	_Alignas(64) atomic_uint next;
	_Alignas(64) atomic_uint owner;
};

static enum mode mode;
static unsigned int piece_iterations = 20000;
static struct worker workers[MAX_CPUS];
static struct barrier barrier;
static struct ticket_lock lock;
static uint64_t sum;				/* under the ticket lock */
static atomic_uint_least64_t nr_barriers;

static inline void cpu_relax(void)
{
	__builtin_ia32_pause();
}

static void ticket_lock(struct ticket_lock *l)
{
	unsigned int mine = atomic_fetch_add(&l->next, 1);

	while (atomic_load_explicit(&l->owner, memory_order_acquire) != mine)
		cpu_relax();
}

static void ticket_unlock(struct ticket_lock *l)
{
	atomic_fetch_add_explicit(&l->owner, 1, memory_order_release);
}

static void barrier_wait_generation(struct barrier *b, unsigned int seen)
{
	while (atomic_load_explicit(&b->generation,
				    memory_order_acquire) == seen)
		cpu_relax();
}

/*
 * The first thread finds a barrier of width 0 and opens it itself; each later
 * one waits for the next generation, which counts it in.
 */
static void barrier_join(struct barrier *b)
{
	unsigned int none = 0, seen;

	if (atomic_compare_exchange_strong(&b->width, &none, 1))
		return;
	seen = atomic_load(&b->generation);
	atomic_fetch_add(&b->joining, 1);
	barrier_wait_generation(b, seen);
}

static void barrier_meet(struct barrier *b, bool leave)
{
	unsigned int seen = atomic_load(&b->generation);

	if (leave)
		atomic_fetch_add(&b->leaving, 1);
	if (atomic_fetch_add(&b->arrived, 1) + 1 == atomic_load(&b->width)) {
		atomic_store(&b->arrived, 0);
		atomic_fetch_add(&b->width, atomic_exchange(&b->joining, 0) -
					    atomic_exchange(&b->leaving, 0));
		atomic_fetch_add(&nr_barriers, 1);
		atomic_fetch_add_explicit(&b->generation, 1,
					  memory_order_release);
	} else if (!leave) {
		barrier_wait_generation(b, seen);
	}
}

static uint64_t arithmetic(uint64_t x)
{
	unsigned int i;

	for (i = 0; i < piece_iterations; i++)
		x = x * 6364136223846793005ULL + 1442695040888963407ULL;
	return x;
}

static uint64_t sync_round(uint64_t x)
{
	int piece, fd;

	for (piece = 0; piece < PIECES; piece++) {
		x = arithmetic(x);
		ticket_lock(&lock);
		sum += x;
		ticket_unlock(&lock);
		fd = dup(STDIN_FILENO);
		if (fd >= 0)
			close(fd);
	}
	return x;
}

static uint64_t compute_round(uint64_t x)
{
	int piece;

	for (piece = 0; piece < PIECES; piece++)
		x = arithmetic(x);
	return x;
}

/* Each thread on its own CPU has its own memory to read to. */
static uint64_t kernel_round(uint64_t x, char *to)
{
	int fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	int i;

	for (i = 0; fd >= 0 && i < 64; i++)
		x += read(fd, to, READ_BYTES) == READ_BYTES;
	if (fd >= 0)
		close(fd);
	return x;
}

static void *worker_main(void *arg)
{
	struct worker *w = arg;
	char *to = mode == MODE_KERNEL ? malloc(READ_BYTES) : NULL;
	uint64_t x = (uint64_t)w->cpu + 1;
	bool leave = mode == MODE_KERNEL && !to;

	if (mode == MODE_SYNC)
		barrier_join(&barrier);
	while (!leave) {
		leave = sched_getcpu() != w->cpu;
		if (mode == MODE_SYNC) {
			x = sync_round(x);
			barrier_meet(&barrier, leave);
		} else if (mode == MODE_KERNEL) {
			x = kernel_round(x, to);
		} else {
			x = compute_round(x);
		}
		atomic_fetch_add(&w->rounds, 1);
	}
	/* the result is used, so the arithmetic stays in the program */
	atomic_fetch_xor(&nr_barriers, x & 0);
	free(to);
	atomic_store(&w->busy, false);
	return NULL;
}

static bool worker_start(struct worker *w, int cpu)
{
	pthread_attr_t attr;
	pthread_t thread;
	cpu_set_t set;
	bool ok;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	w->cpu = cpu;
	atomic_store(&w->busy, true);
	ok = !pthread_attr_init(&attr) &&
	     !pthread_attr_setaffinity_np(&attr, sizeof(set), &set) &&
	     !pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED) &&
	     !pthread_create(&thread, &attr, worker_main, w);
	if (!ok)
		atomic_store(&w->busy, false);
	return ok;
}

/* CPU 0 has no such file and is always online. */
static bool cpu_online(int cpu)
{
	char path[64], value = '0';
	int fd;

	if (!cpu)
		return true;
	snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%d/online",
		 cpu);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return false;
	if (read(fd, &value, 1) == 1 && value == '0' && write(fd, "1", 1) == 1)
		value = '1';
	close(fd);
	return value == '1';
}

/* Each CPU has its thread; returns how many CPUs there are. */
static unsigned int follow_cpus(void)
{
	unsigned int nr = 0;
	int cpu;

	for (cpu = 0; cpu < MAX_CPUS; cpu++) {
		if (!cpu_online(cpu))
			continue;
		nr++;
		if (mode != MODE_IDLE && !atomic_load(&workers[cpu].busy))
			worker_start(&workers[cpu], cpu);
	}
	return nr;
}

static uint64_t total_rounds(void)
{
	uint64_t total = 0;
	int cpu;

	if (mode == MODE_SYNC)
		return atomic_load(&nr_barriers);
	for (cpu = 0; cpu < MAX_CPUS; cpu++)
		total += atomic_load(&workers[cpu].rounds);
	return total;
}

static void report(int port, unsigned int nr_cpus)
{
	struct timespec ts;
	char line[80];
	int len;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	len = snprintf(line, sizeof(line), "%llu %llu %u\n",
		       ts.tv_sec * 1000000ULL + ts.tv_nsec / 1000,
		       (unsigned long long)total_rounds(), nr_cpus);
	/* a line that nobody takes is lost, and the next one carries it all */
	if (write(port, line, len) < 0 && errno != EAGAIN)
		perror("load: port");
}

static bool parse_mode(const char *name)
{
	if (!strcmp(name, "sync"))
		mode = MODE_SYNC;
	else if (!strcmp(name, "compute"))
		mode = MODE_COMPUTE;
	else if (!strcmp(name, "kernel"))
		mode = MODE_KERNEL;
	else if (!strcmp(name, "idle"))
		mode = MODE_IDLE;
	else
		return false;
	return true;
}

int main(int argc, char **argv)
{
	const struct sched_param first = { .sched_priority = 1 };
	const struct timespec pause = { .tv_nsec = REPORT_NS };
	int port;

	if (argc < 3 || argc > 4 || !parse_mode(argv[1])) {
		fprintf(stderr,
			"usage: load sync|compute|kernel|idle PORT [ITERATIONS]\n");
		return 2;
	}
	if (argc == 4)
		piece_iterations = strtoul(argv[3], NULL, 0);
	port = open(argv[2], O_WRONLY | O_NONBLOCK | O_CLOEXEC);
	if (port < 0) {
		fprintf(stderr, "load: %s: %s\n", argv[2], strerror(errno));
		return 1;
	}
	/*
	 * The reporter goes before the spinners, which do not inherit that;
	 * without the right to it, it waits its turn.
	 */
	if (sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &first))
		perror("load: real-time priority");
	for (;;) {
		report(port, follow_cpus());
		nanosleep(&pause, NULL);
	}
}
