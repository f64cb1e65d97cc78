// SPDX-License-Identifier: GPL-2.0-only
/*
 * heart: shows from inside that each pCPU still takes interrupts, and keeps
 * them taking some.
 *
 * For every pCPU there is one process that writes "beat N" twice a second, at
 * realtime priority, so that only a pCPU that no longer serves its timer can
 * silence it; and one that makes that pCPU interrupt all others by reading one
 * of their MSRs, which is an IPI: an emulator that lost an interrupt looks
 * again when the next one comes. The two are apart because the second waits
 * for the answer of a pCPU that may be silent.
 *
 * A pCPU that is taken offline says "off N" until it is back.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/kvm.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define BEAT_MS 500
#define POKE_MS 250
#define MSR_TSC 0x10

static void rest(unsigned int ms)
{
	struct timespec t = { ms / 1000, (ms % 1000) * 1000000L };

	nanosleep(&t, NULL);
}

static bool pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	return !sched_setaffinity(0, sizeof(set), &set);
}

/* Ask again each time: an unplugged CPU's threads are moved, silently. */
static bool at_home(int cpu)
{
	return sched_getcpu() == cpu || (pin(cpu) && sched_getcpu() == cpu);
}

static void beat(int cpu, int port)
{
	struct sched_param prio = { .sched_priority = 90 };
	char line[32];

	sched_setscheduler(0, SCHED_FIFO, &prio);
	for (;; rest(BEAT_MS)) {
		snprintf(line, sizeof(line), "%s %d\n",
			 at_home(cpu) ? "beat" : "off", cpu);
		if (write(port, line, strlen(line)) < 0)
			exit(1);
	}
}

static void poke(int cpu, int nr_cpus)
{
	struct sched_param prio = { .sched_priority = 89 };
	char path[32];
	long tsc;
	int i, fd;

	sched_setscheduler(0, SCHED_FIFO, &prio);
	for (;; rest(POKE_MS)) {
		if (!at_home(cpu))
			continue;
		for (i = 0; i < nr_cpus; i++) {
			if (i == cpu)
				continue;
			snprintf(path, sizeof(path), "/dev/cpu/%d/msr", i);
			fd = open(path, O_RDONLY);
			if (fd < 0)
				continue;	/* offline, or no msr module */
			/* fails when it went offline just now: no matter */
			if (pread(fd, &tsc, sizeof(tsc), MSR_TSC) < 0)
				rest(1);
			close(fd);
		}
	}
}

static void spawn(void (*body)(int, int), int cpu, int arg)
{
	if (fork())
		return;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	body(cpu, arg);
	_exit(0);
}

/*
 * Keeps one VM open, without a vCPU, for as long as the machine lives. KVM
 * patches the scheduler's code (the key of its preempt notifiers) when the
 * first VM of a host comes and when the last one goes; the emulator now and
 * then still runs the INT3 of such a patch after it is complete, which ends in
 * "Oops: int3" in finish_task_switch(). With this VM open nothing is patched.
 */
static void keep_vm(void)
{
	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);

	if (kvm < 0 || ioctl(kvm, KVM_CREATE_VM, 0) < 0)
		perror("heart: no VM to keep open");
}

int main(int argc, char **argv)
{
	int nr_cpus = sysconf(_SC_NPROCESSORS_CONF), port, cpu;

	if (argc < 2 || argc > 3) {
		fprintf(stderr, "usage: heart PORT [beat]\n");
		return 2;
	}
	port = open(argv[1], O_WRONLY);
	if (port < 0) {
		perror(argv[1]);
		return 1;
	}
	keep_vm();
	for (cpu = 0; cpu < nr_cpus; cpu++) {
		spawn(beat, cpu, port);
		if (argc == 2)
			spawn(poke, cpu, nr_cpus);
	}
	while (wait(NULL) > 0)
		;
	return 1;
}
