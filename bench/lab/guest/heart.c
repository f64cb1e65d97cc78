// SPDX-License-Identifier: GPL-2.0-only
/*
 * heart: shows from inside that each pCPU still takes interrupts.
 *
 * For every pCPU there is one process that writes "beat N" twice a second, at
 * realtime priority, so that only a pCPU that no longer serves its timer can
 * silence it.
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

static void spawn(int cpu, int port)
{
	if (fork())
		return;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	beat(cpu, port);
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

	if (argc != 2) {
		fprintf(stderr, "usage: heart PORT\n");
		return 2;
	}
	port = open(argv[1], O_WRONLY);
	if (port < 0) {
		perror(argv[1]);
		return 1;
	}
	keep_vm();
	for (cpu = 0; cpu < nr_cpus; cpu++)
		spawn(cpu, port);
	while (wait(NULL) > 0)
		;
	return 1;
}
