// SPDX-License-Identifier: GPL-2.0-only
/*
 * vmm: micro-VMs on bare KVM, for benchmarks and life-cycle tests. A VM is one
 * 64 KiB memory slot, one thread per vCPU and a payload (payload.S) that counts
 * its iterations in guest memory; it is there within milliseconds.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "../../kernel/guest/hint.h"
#include "vm.h"

#define CGROUP_ROOT	"/sys/fs/cgroup"
#define SCHED_EXT	7	/* linux/sched.h */
#define MSEC		1000000ull
#define SEC		1000000000ull

#define PAYLOAD(n)	extern const char payload_##n[]
PAYLOAD(compute);
PAYLOAD(barrier);
PAYLOAD(lock);
PAYLOAD(phase);
PAYLOAD(spin);
PAYLOAD(idle);
PAYLOAD(one_busy);
PAYLOAD(wake);
PAYLOAD(yieldy);
PAYLOAD(syscall);
PAYLOAD(held);
PAYLOAD(hinted);
PAYLOAD(renews);
PAYLOAD(team);

/* Default work: a few hundred microseconds under emulation where it spins. */
static const struct payload payloads[] = {
	{ "compute", payload_compute, false, 10000,
	  "WORK turns; never waits" },
	{ "barrier", payload_barrier, false, 200000,
	  "WORK turns, then a barrier of all vCPUs, spinning with PAUSE" },
	{ "lock", payload_lock, false, 20000,
	  "a ticket lock held for WORK turns, then THINK turns without" },
	{ "phase", payload_phase, false, 200000,
	  "PHASE iterations of compute, then PHASE of barrier, and so on" },
	{ "spin", payload_spin, false, 1000,
	  "WORK PAUSEs" },
	{ "idle", payload_idle, true, 1,
	  "a HLT that a timer ends after HALT-US" },
	{ "one-busy", payload_one_busy, true, 10000,
	  "vCPU 0 as in compute; the others halt for ever" },
	{ "wake", payload_wake, true, 20000,
	  "waits in HLT for the token, WORK turns, token and IPI to the next" },
	{ "yieldy", payload_yieldy, true, 1000,
	  "WORK turns, in bursts of RUN-US with a halt of HALT-US between" },
	{ "syscall", payload_syscall, false, 20000,
	  "WORK turns in ring 0, then THINK turns in ring 3" },
	{ "held", payload_held, false, 3000,
	  "WORK turns, which it tells the host holds a lock, and THINK without" },
	{ "hinted", payload_hinted, false, 20000,
	  "as lock, and tells the host when it holds the lock" },
	{ "renews", payload_renews, false, 3000,
	  "as held, and gives its hint anew after each PHASE iterations" },
	{ "team", payload_team, true, 200000,
	  "as barrier, but who has spun for THINK PAUSEs halts until it is met" },
};

static struct env {
	struct vm_params params;
	unsigned int nr_vms;
	const char *cgroup;
	char name[256];
	uint64_t seconds_ns, warmup_ns, interval_ns, start_at_ns;
	unsigned int churn, adopt;
} env = {
	.params = { .nr_vcpus = 1, .think = 20000, .phase = 1000,
		    .run_us = 3500, .halt_us = 500,
		    .hint_control = VMGANG_HINT_CONTROL(50) },
	.nr_vms = 1,
	.name = "vmm",
};

static cpu_set_t pins[GUEST_MAX_VCPUS];
static sigset_t orders;		/* what wait_until takes */

static void usage(FILE *out)
{
	size_t i;

	fputs("Usage: vmm [OPTION]...\n"
	      "Run micro-VMs and print what their vCPUs counted, as TSV.\n\n"
	      "  --payload NAME   what the guest does (below); default compute\n"
	      "  --vcpus N        vCPUs of each VM, 1 to 64\n"
	      "  --vms N          VMs in this process\n"
	      "  --work N         turns of one iteration (a turn is DEC and JNZ)\n"
	      "  --think N        lock, held, hinted, renews: turns between; syscall: in ring 3;\n"
	      "                   team: PAUSEs before it halts\n"
	      "  --hint-shift N   bytes by which the hint's address is wrong\n"
	      "  --hint-control N the hint's control word (kernel/guest/hint.h)\n"
	      "  --slot FATE      have the hint's words in a second memory slot, always held,\n"
	      "                   and at SIGHUP unmap, move or replace it\n"
	      "  --phase N        phase, renews: iterations of a phase\n"
	      "  --run-us N       yieldy: microseconds of a burst\n"
	      "  --halt-us N      idle, yieldy: microseconds of a halt\n"
	      "  --seconds S      how long to measure; default until SIGTERM\n"
	      "  --count N        instead: until each vCPU has counted N\n"
	      "  --warmup MS      run this long before measuring\n"
	      "  --start-at T     start when CLOCK_MONOTONIC reaches T seconds\n"
	      "  --interval MS    print the counters this often\n"
	      "  --churn N        create, run and destroy N VMs, one after another\n"
	      "  --adopt N        likewise, and print the microseconds from creating the\n"
	      "                   VM until its first and last vCPU were in SCHED_EXT\n"
	      "  --pin LIST       vCPU i on the i-th CPU or range of 0,1,2-3; around\n"
	      "  --cgroup PATH    join this cgroup, made if need be\n"
	      "  -name NAME, -name guest=NAME, -uuid UUID\n"
	      "                   as QEMU's, for those who read command lines\n\n"
	      "SIGUSR2 prints the counters, SIGTERM prints them and ends.\n\n"
	      "Payloads and what one iteration is:\n", out);
	for (i = 0; i < sizeof(payloads) / sizeof(payloads[0]); i++)
		fprintf(out, "  %-9s %s (default work %u)\n", payloads[i].name,
			payloads[i].counts, payloads[i].work);
}

static void __attribute__((noreturn)) usage_error(const char *option, const char *value)
{
	fprintf(stderr, "vmm: %s: bad value '%s'; see vmm --help\n", option, value);
	exit(2);
}

static unsigned long parse_number(const char *option, const char *value, unsigned long min,
				  unsigned long max)
{
	unsigned long n;
	char *end;

	errno = 0;
	n = strtoul(value, &end, 10);
	if (errno || end == value || *end || *value == '-' || n < min || n > max) {
		fprintf(stderr, "vmm: %s: '%s' is not a number from %lu to %lu\n", option,
			value, min, max);
		exit(2);
	}
	return n;
}

static uint64_t parse_seconds(const char *option, const char *value)
{
	double s;
	char *end;

	s = strtod(value, &end);
	if (end == value || *end || !(s >= 0 && s < 1e9))
		usage_error(option, value);
	return s * SEC;
}

static const struct payload *parse_payload(const char *value)
{
	size_t i;

	for (i = 0; i < sizeof(payloads) / sizeof(payloads[0]); i++) {
		if (!strcmp(payloads[i].name, value))
			return &payloads[i];
	}
	usage_error("--payload", value);
}

static void parse_pins(const char *value)
{
	const char *p = value;
	unsigned int n = 0;
	char *end;

	for (;;) {
		unsigned long first, last;

		first = last = strtoul(p, &end, 10);
		if (end != p && *end == '-') {
			p = end + 1;
			last = strtoul(p, &end, 10);
		}
		if (end == p || (*end && *end != ',') || first > last ||
		    last >= CPU_SETSIZE || n == GUEST_MAX_VCPUS)
			usage_error("--pin", value);
		CPU_ZERO(&pins[n]);
		for (; first <= last; first++)
			CPU_SET(first, &pins[n]);
		n++;
		if (!*end)
			break;
		p = end + 1;
	}
	env.params.pins = pins;
	env.params.nr_pins = n;
}

/* QEMU's -name: a plain name or guest=NAME, with other settings after a comma. */
static void parse_name(const char *value)
{
	if (!strncmp(value, "guest=", 6))
		value += 6;
	snprintf(env.name, sizeof(env.name), "%.*s", (int)strcspn(value, ","), value);
}

static void parse_options(int argc, char **argv)
{
	enum { PAYLOAD_OPT = 1, VCPUS, VMS, WORK, THINK, PHASE, RUN_US, HALT_US, SECONDS, COUNT,
	       HINT_SHIFT, HINT_CONTROL, SLOT, WARMUP, START_AT, INTERVAL, CHURN, ADOPT, PIN,
	       CGROUP, NAME, UUID, HELP };
	static const struct option options[] = {
		{ "payload", 1, NULL, PAYLOAD_OPT }, { "vcpus", 1, NULL, VCPUS },
		{ "vms", 1, NULL, VMS }, { "work", 1, NULL, WORK },
		{ "think", 1, NULL, THINK }, { "phase", 1, NULL, PHASE },
		{ "run-us", 1, NULL, RUN_US }, { "halt-us", 1, NULL, HALT_US },
		{ "seconds", 1, NULL, SECONDS }, { "count", 1, NULL, COUNT },
		{ "warmup", 1, NULL, WARMUP }, { "start-at", 1, NULL, START_AT },
		{ "interval", 1, NULL, INTERVAL }, { "churn", 1, NULL, CHURN },
		{ "adopt", 1, NULL, ADOPT },
		{ "hint-shift", 1, NULL, HINT_SHIFT },
		{ "hint-control", 1, NULL, HINT_CONTROL }, { "slot", 1, NULL, SLOT },
		{ "pin", 1, NULL, PIN }, { "cgroup", 1, NULL, CGROUP },
		{ "name", 1, NULL, NAME }, { "uuid", 1, NULL, UUID },
		{ "help", 0, NULL, HELP }, { }
	};
	struct vm_params *p = &env.params;
	int opt;

	p->payload = &payloads[0];
	while ((opt = getopt_long_only(argc, argv, "", options, NULL)) != -1) {
		switch (opt) {
		case PAYLOAD_OPT: p->payload = parse_payload(optarg); break;
		case VCPUS:
			p->nr_vcpus = parse_number("--vcpus", optarg, 1, GUEST_MAX_VCPUS);
			break;
		case VMS: env.nr_vms = parse_number("--vms", optarg, 1, 4096); break;
		case WORK: p->work = parse_number("--work", optarg, 1, UINT32_MAX); break;
		case THINK: p->think = parse_number("--think", optarg, 1, UINT32_MAX); break;
		case PHASE: p->phase = parse_number("--phase", optarg, 1, UINT32_MAX); break;
		case HINT_SHIFT:
			p->hint_shift = parse_number("--hint-shift", optarg, 0, UINT32_MAX);
			break;
		case HINT_CONTROL:
			p->hint_control = parse_number("--hint-control", optarg, 0, UINT32_MAX);
			break;
		case SLOT:
			if (slot_parse(optarg, &p->slot))
				usage_error("--slot", optarg);
			break;
		case RUN_US: p->run_us = parse_number("--run-us", optarg, 1, 500000); break;
		case HALT_US: p->halt_us = parse_number("--halt-us", optarg, 1, 4000000); break;
		case SECONDS: env.seconds_ns = parse_seconds("--seconds", optarg); break;
		case COUNT: p->limit = parse_number("--count", optarg, 1, UINT32_MAX); break;
		case WARMUP:
			env.warmup_ns = parse_number("--warmup", optarg, 0, 1000000) * MSEC;
			break;
		case START_AT: env.start_at_ns = parse_seconds("--start-at", optarg); break;
		case INTERVAL:
			env.interval_ns = parse_number("--interval", optarg, 1, 1000000) * MSEC;
			break;
		case CHURN: env.churn = parse_number("--churn", optarg, 1, UINT_MAX); break;
		case ADOPT: env.adopt = parse_number("--adopt", optarg, 1, UINT_MAX); break;
		case PIN: parse_pins(optarg); break;
		case CGROUP: env.cgroup = optarg; break;
		case NAME: parse_name(optarg); break;
		case UUID: break;
		case HELP: usage(stdout); exit(0);
		default: exit(2);
		}
	}
	if (optind < argc)
		usage_error("argument", argv[optind]);
	if (p->limit && env.seconds_ns)
		usage_error("--count", "together with --seconds");
	if (!p->work)
		p->work = p->payload->work;
	if (env.churn && !p->limit)
		p->limit = 1;
}

static int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t n = -1;

	if (fd >= 0) {
		n = write(fd, text, strlen(text));
		close(fd);
	}
	return n < 0 ? -1 : 0;
}

/* Every level on the way hands the cpu controller down, where it may. */
static int cgroup_join(const char *name)
{
	char path[PATH_MAX], file[PATH_MAX + 32];
	size_t len = strlen(CGROUP_ROOT);
	char *slash;

	if (!strncmp(name, CGROUP_ROOT "/", len + 1))
		name += len;
	while (*name == '/')
		name++;
	snprintf(path, sizeof(path), "%s/%s/", CGROUP_ROOT, name);
	for (slash = path + len; slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(path, 0755) && errno != EEXIST)
			goto fail;
		snprintf(file, sizeof(file), "%s/cgroup.subtree_control", path);
		if (slash[1])
			write_file(file, "+cpu");
		else
			break;
		*slash = '/';
	}
	snprintf(file, sizeof(file), "%s/cgroup.procs", path);
	if (!write_file(file, "0"))
		return 0;
fail:
	fprintf(stderr, "vmm: cgroup %s: %s\n", path, strerror(errno));
	return -1;
}

static void on_kick(int sig)
{
	(void)sig;		/* has ended KVM_RUN, which is all */
}

static void signals_init(void)
{
	struct sigaction sa = { .sa_handler = on_kick };

	sigaction(SIGUSR1, &sa, NULL);
	sigemptyset(&orders);
	sigaddset(&orders, SIGINT);
	sigaddset(&orders, SIGTERM);
	sigaddset(&orders, SIGUSR2);
	if (env.params.slot != SLOT_NONE)
		sigaddset(&orders, SIGHUP);
	if (!env.params.limit && !env.adopt)
		pthread_sigmask(SIG_BLOCK, &orders, NULL);
}

/*
 * Until that time (UINT64_MAX: for ever), then 0, or until a signal, then its
 * number. The signals are blocked everywhere else, so that none is lost.
 */
static int wait_until(uint64_t ns)
{
	for (;;) {
		uint64_t now = now_ns(), left = ns > now ? ns - now : 0;
		struct timespec ts = { .tv_sec = left / SEC, .tv_nsec = left % SEC };
		int sig = ns == UINT64_MAX ? sigwaitinfo(&orders, NULL) :
					     sigtimedwait(&orders, NULL, &ts);

		if (sig > 0)
			return sig;
		if (errno == EAGAIN)
			return 0;
	}
}

static void sleep_until(uint64_t ns)
{
	struct timespec ts = { .tv_sec = ns / SEC, .tv_nsec = ns % SEC };

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL) == EINTR)
		;
}

static uint64_t min_ns(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

struct sample {
	uint64_t ns, count;
};

/* All vCPUs at nearly one moment; what is slow, as printing, comes later. */
static void take_samples(struct vm *vms, struct sample *samples)
{
	unsigned int i, v;

	for (i = 0; i < env.nr_vms; i++) {
		for (v = 0; v < env.params.nr_vcpus; v++, samples++) {
			samples->ns = vms[i].vcpus[v].done_ns;
			if (!samples->ns)
				samples->ns = now_ns();
			samples->count = vm_count(&vms[i], v);
		}
	}
}

/* One row per vCPU: how long it is since `base`, and what it counted. */
static void print_rows(struct vm *vms, const struct sample *base, struct sample *now)
{
	unsigned int i, v;

	take_samples(vms, now);
	for (i = 0; i < env.nr_vms; i++) {
		for (v = 0; v < env.params.nr_vcpus; v++, base++, now++)
			printf("%s\t%u\t%u\t%d\t%.3f\t%llu\n", env.name, i, v,
			       vms[i].vcpus[v].tid, (now->ns - base->ns) / 1e6,
			       (unsigned long long)(now->count - base->count));
	}
	fflush(stdout);
}

/*
 * The vCPUs run already, so none of them inherits this: the thread that reads
 * the counters goes first, and the edges of the window are sharp.
 */
static void sampler_priority(void)
{
	struct sched_param param = { .sched_priority = 1 };

	sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &param);
}

static int measure(struct vm *vms)
{
	size_t n = (size_t)env.nr_vms * env.params.nr_vcpus;
	struct sample *base = n ? calloc(2 * n, sizeof(*base)) : NULL;
	struct sample *now;
	uint64_t end, next;
	unsigned int i;
	int ret = 0, sig;

	if (!base)
		return -1;
	now = base + n;
	puts("name\tvm\tvcpu\ttid\tms\tcount");
	fflush(stdout);
	if (env.params.limit) {
		take_samples(vms, base);
		for (i = 0; i < n; i++)
			base[i].count = 0;
		for (i = 0; i < env.nr_vms; i++)
			ret |= vm_wait(&vms[i]);
		print_rows(vms, base, now);
		goto out;
	}

	sampler_priority();
	sleep_until(now_ns() + env.warmup_ns);
	take_samples(vms, base);
	end = env.seconds_ns ? base->ns + env.seconds_ns : UINT64_MAX;
	next = env.interval_ns ? base->ns + env.interval_ns : UINT64_MAX;
	do {
		sig = wait_until(min_ns(next, end));
		if (!sig && next >= end)
			break;
		if (!sig)
			next += env.interval_ns;
		if (!sig || sig == SIGUSR2)
			print_rows(vms, base, now);
		for (i = 0; sig == SIGHUP && i < env.nr_vms; i++)
			ret |= slot_change(&vms[i]);
	} while (!sig || sig == SIGUSR2 || sig == SIGHUP);
	print_rows(vms, base, now);
out:
	free(base);
	return ret;
}

static int run(int kvm)
{
	struct vm *vms = calloc(env.nr_vms, sizeof(*vms));
	unsigned int i, created, started = 0;
	int ret = -1;

	if (!vms)
		return -1;
	for (created = 0; created < env.nr_vms; created++) {
		if (vm_create(&vms[created], kvm, &env.params))
			goto out;
	}
	if (env.start_at_ns)
		sleep_until(env.start_at_ns);
	for (; started < env.nr_vms; started++) {
		if (vm_start(&vms[started]))
			goto out;
	}
	ret = measure(vms);
out:
	for (i = 0; i < started; i++)
		ret |= vm_stop(&vms[i]);
	for (i = 0; i < created; i++)
		vm_destroy(&vms[i]);
	free(vms);
	return ret;
}

static int churn(int kvm)
{
	struct vm *vm = malloc(sizeof(*vm));
	uint64_t since = now_ns();
	unsigned int n;
	int ret = -1;

	for (n = 0; vm && n < env.churn; n++) {
		if (vm_create(vm, kvm, &env.params))
			break;
		ret = vm_start(vm) ? -1 : vm_wait(vm);
		vm_destroy(vm);
		if (ret)
			break;
	}
	free(vm);
	printf("name\tvms\tvcpus\tms\n%s\t%u\t%u\t%.3f\n", env.name, n, env.params.nr_vcpus,
	       (now_ns() - since) / 1e6);
	return n == env.churn ? ret : -1;
}

/*
 * Looks every 100 us whether the vCPU threads have been taken over, for 2 s.
 * Prints when, in microseconds since the VM was created; "-" for never.
 */
static void adopt_watch(struct vm *vm, unsigned int n, uint64_t since)
{
	uint64_t first = 0, last = 0;

	while (!last && now_ns() - since < 2 * SEC) {
		unsigned int v, in = 0;

		for (v = 0; v < env.params.nr_vcpus; v++)
			in += (sched_getscheduler(vm->vcpus[v].tid) & ~SCHED_RESET_ON_FORK) ==
			      SCHED_EXT;
		if (in && !first)
			first = now_ns();
		if (in == env.params.nr_vcpus)
			last = now_ns();
		usleep(100);
	}
	printf("%s\t%u", env.name, n);
	if (first)
		printf("\t%.0f", (first - since) / 1e3);
	else
		fputs("\t-", stdout);
	if (last)
		printf("\t%.0f\n", (last - since) / 1e3);
	else
		puts("\t-");
}

static int adopt(int kvm)
{
	struct vm *vm = malloc(sizeof(*vm));
	unsigned int n;
	int ret = vm ? 0 : -1;

	puts("name\tvm\tfirst_us\tlast_us");
	for (n = 0; !ret && n < env.adopt; n++) {
		uint64_t since = now_ns();

		ret = vm_create(vm, kvm, &env.params);
		if (ret)
			break;
		ret = vm_start(vm);
		if (!ret) {
			adopt_watch(vm, n, since);
			ret = vm_stop(vm);
		}
		vm_destroy(vm);
	}
	free(vm);
	return ret;
}

int main(int argc, char **argv)
{
	int kvm, ret;

	parse_options(argc, argv);
	signals_init();
	kvm = vm_kvm_open();
	if (kvm < 0)
		return 1;
	if (env.cgroup && cgroup_join(env.cgroup))
		return 1;
	if (env.churn)
		ret = churn(kvm);
	else if (env.adopt)
		ret = adopt(kvm);
	else
		ret = run(kvm);
	close(kvm);
	return ret ? 1 : 0;
}
