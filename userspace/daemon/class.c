// SPDX-License-Identifier: GPL-2.0-only
/* The gang-scheduling class in the kernel: load, attach, find again, detach. */

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "class.h"
#include "policy_vm.h"
#include "gang.skel.h"
#include "topology.h"

#define SCX_DIR		"/sys/kernel/sched_ext"
#define PIN_DIR		"/sys/fs/bpf/vmgang"
#define OPS_NAME	"vmgang"
#define ACT_RESTART	(1ULL << 48)	/* SCX_ECODE_ACT_RESTART */

/* What lives on when the daemon does not: every pin below PIN_DIR. */
static const char * const pins[] = {
	"link", "policy_change", "vcpu_spin", "vcpu_lhp", "vcpu_safe",
	"ident", "exit", "state", "timers", "looks", "locks", "cgroups",
};

struct vg_class {
	int link;		/* fds of the pins */
	int exits;
	int state;
};

static __attribute__((format(printf, 3, 4)))
int fail(int r, char **error, const char *format, ...)
{
	va_list ap;

	if (error) {
		free(*error);
		va_start(ap, format);
		if (vasprintf(error, format, ap) < 0)
			*error = NULL;
		va_end(ap);
	}
	return r;
}

/* The first line of a small file, without its end; NULL if there is none. */
static char *read_line(const char *path)
{
	char *line = NULL;
	size_t size = 0;
	ssize_t n;
	FILE *f;

	f = fopen(path, "re");
	if (!f)
		return NULL;
	n = getline(&line, &size, f);
	fclose(f);
	if (n <= 0) {
		free(line);
		return NULL;
	}
	line[strcspn(line, "\n")] = '\0';
	return line;
}

int vg_class_owner(char **ret)
{
	char *state;
	bool enabled;

	*ret = NULL;
	state = read_line(SCX_DIR "/state");
	if (!state)
		return -EOPNOTSUPP;
	enabled = strcmp(state, "disabled");
	free(state);
	if (!enabled)
		return 0;
	*ret = read_line(SCX_DIR "/root/ops");
	if (!*ret)
		*ret = strdup("unknown");
	return *ret ? 0 : -ENOMEM;
}

/* The kernel appends what it likes to the name: compare up to its end. */
static bool is_ours(const char *owner)
{
	size_t n = strlen(OPS_NAME);

	return owner && !strncmp(owner, OPS_NAME, n) &&
	       !isalnum((unsigned char)owner[n]) && owner[n] != '.';
}

/* Tells one build of the class from another: FNV-1a over the object. */
static uint64_t build_id(void)
{
	uint64_t h = 0xcbf29ce484222325ULL;
	const unsigned char *p;
	size_t size, i;

	p = gang_bpf__elf_bytes(&size);
	for (i = 0; i < size; i++)
		h = (h ^ p[i]) * 0x100000001b3ULL;
	return h;
}

static int pin_open(const char *name)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), PIN_DIR "/%s", name);
	fd = bpf_obj_get(path);
	return fd < 0 ? -errno : fd;
}

static int pin_fd(int fd, const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), PIN_DIR "/%s", name);
	return bpf_obj_pin(fd, path) ? -errno : 0;
}

static void unpin_all(void)
{
	char path[128];
	size_t i;

	for (i = 0; i < sizeof(pins) / sizeof(pins[0]); i++) {
		snprintf(path, sizeof(path), PIN_DIR "/%s", pins[i]);
		unlink(path);
	}
	rmdir(PIN_DIR);
}

void vg_class_close(struct vg_class *c)
{
	if (!c)
		return;
	if (c->link >= 0)
		close(c->link);
	if (c->exits >= 0)
		close(c->exits);
	if (c->state >= 0)
		close(c->state);
	free(c);
}

static bool in_charge(void)
{
	char *owner = NULL;
	bool ours;

	ours = vg_class_owner(&owner) == 0 && is_ours(owner);
	free(owner);
	return ours;
}

void vg_class_detach(struct vg_class *c)
{
	struct timespec pause = { .tv_nsec = 10 * 1000 * 1000 };
	int i;

	if (c && c->link >= 0)
		bpf_link_detach(c->link);
	unpin_all();
	vg_class_close(c);
	/* The kernel lets go in the background: who attaches next waits for it. */
	for (i = 0; i < 300 && in_charge(); i++)
		nanosleep(&pause, NULL);
}

void vg_class_wait_unused(void)
{
	struct timespec pause = { .tv_nsec = 20 * 1000 * 1000 };
	char users[16];
	FILE *f;
	int i;

	for (i = 0; i < 150; i++) {
		f = fopen("/sys/module/vmgang/refcnt", "re");
		if (!f)
			return;
		if (!fgets(users, sizeof(users), f))
			users[0] = '0';
		fclose(f);
		if (users[0] == '0')
			return;
		nanosleep(&pause, NULL);
	}
}

static int read_exit(int fd, struct vg_exit_record *ret)
{
	uint32_t key = 0;

	return bpf_map_lookup_elem(fd, &key, ret) ? -errno : 0;
}

bool vg_class_attached(struct vg_class *c)
{
	struct vg_exit_record rec;

	if (!c || !in_charge())
		return false;
	return read_exit(c->exits, &rec) == 0 && !rec.seen;
}

int vg_class_exit_info(struct vg_class *c, struct vg_class_exit *ret)
{
	struct vg_exit_record rec;
	int r;

	r = read_exit(c->exits, &rec);
	if (r < 0)
		return r;
	if (!rec.seen)
		return -ENODATA;
	memset(ret, 0, sizeof(*ret));
	ret->kind = rec.kind;
	ret->code = rec.code;
	memcpy(ret->reason, rec.reason, sizeof(ret->reason) - 1);
	memcpy(ret->msg, rec.msg, sizeof(ret->msg) - 1);
	ret->restart = (uint64_t)rec.code & ACT_RESTART;
	return 0;
}

/* Our class runs already: take it over if it is this very build. */
static struct vg_class *adopt(void)
{
	struct vg_class *c;
	uint64_t id = 0;
	uint32_t key = 0;
	int fd;

	c = calloc(1, sizeof(*c));
	if (!c)
		return NULL;
	c->link = pin_open("link");
	c->exits = pin_open("exit");
	c->state = pin_open("state");
	fd = pin_open("ident");
	if (fd >= 0) {
		if (bpf_map_lookup_elem(fd, &key, &id))
			id = 0;
		close(fd);
	}
	if (c->link < 0 || c->exits < 0 || c->state < 0 || id != build_id() ||
	    !vg_class_attached(c)) {
		vg_class_close(c);
		return NULL;
	}
	return c;
}

int vg_class_adopt(struct vg_class **ret)
{
	*ret = in_charge() ? adopt() : NULL;
	return *ret ? 0 : -ENOENT;
}

/* The programs that follow what the module tells, and their pins. */
enum { FOLLOW_POLICY, FOLLOW_SPIN, FOLLOW_LHP, FOLLOW_SAFE, NR_FOLLOW };

static void unfollow(struct bpf_link *follow[static NR_FOLLOW])
{
	for (int i = 0; i < NR_FOLLOW; i++)
		bpf_link__destroy(follow[i]);
}

static int follow_all(struct gang_bpf *skel, struct bpf_link *follow[static NR_FOLLOW])
{
	struct bpf_program *const progs[NR_FOLLOW] = {
		[FOLLOW_POLICY] = skel->progs.vg_policy_change,
		[FOLLOW_SPIN] = skel->progs.vg_vcpu_spin,
		[FOLLOW_LHP] = skel->progs.vg_vcpu_lhp,
		[FOLLOW_SAFE] = skel->progs.vg_vcpu_safe,
	};

	for (int i = 0; i < NR_FOLLOW; i++) {
		follow[i] = bpf_program__attach(progs[i]);
		if (!follow[i])
			return -errno;
	}
	return 0;
}

static int pin_all(struct gang_bpf *skel, struct bpf_link *ops,
		   struct bpf_link *follow[static NR_FOLLOW])
{
	const struct { int fd; const char *name; } what[] = {
		{ bpf_link__fd(ops), "link" },
		{ bpf_link__fd(follow[FOLLOW_POLICY]), "policy_change" },
		{ bpf_link__fd(follow[FOLLOW_SPIN]), "vcpu_spin" },
		{ bpf_link__fd(follow[FOLLOW_LHP]), "vcpu_lhp" },
		{ bpf_link__fd(follow[FOLLOW_SAFE]), "vcpu_safe" },
		{ bpf_map__fd(skel->maps.ident), "ident" },
		{ bpf_map__fd(skel->maps.exits), "exit" },
		{ bpf_map__fd(skel->maps.bss), "state" },
		{ bpf_map__fd(skel->maps.timers), "timers" },
		{ bpf_map__fd(skel->maps.looks), "looks" },
		{ bpf_map__fd(skel->maps.locks), "locks" },
		{ bpf_map__fd(skel->maps.cgroups), "cgroups" },
	};
	size_t i;
	int r;

	if (mkdir(PIN_DIR, 0700) < 0 && errno != EEXIST)
		return -errno;
	for (i = 0; i < sizeof(what) / sizeof(what[0]); i++) {
		r = pin_fd(what[i].fd, what[i].name);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Is the parameter that makes vCPUs exit that spin set? KVM sets it to 0 where it can not. */
static bool is_set(const char *parameter)
{
	char *value = read_line(parameter);
	bool set = value && strcmp(value, "0") != 0;

	free(value);
	return set;
}

/* Where do the processors say that a vCPU spins? */
static uint32_t tells(void)
{
	if (is_set("/sys/module/kvm_amd/parameters/pause_filter_count"))
		return VG_TELLS_ALL;
	if (is_set("/sys/module/kvm_intel/parameters/ple_gap"))
		return VG_TELLS_KERNEL;
	return VG_TELLS_NONE;
}

static int prepare(struct gang_bpf *skel, char **error)
{
	struct vg_topology topo;
	char *seq;
	uint32_t i;
	int r;

	/* A CPU that comes or goes from here on makes the attach fail. */
	seq = read_line(SCX_DIR "/hotplug_seq");
	if (seq)
		skel->struct_ops.vmgang_ops->hotplug_seq = strtoull(seq, NULL, 10);
	free(seq);
	r = vg_topology_read(&topo, NULL);
	if (r < 0)
		return fail(r, error, "can not read the topology of the CPUs: %s", strerror(-r));
	for (i = 0; i < VG_MAX_CPUS; i++) {
		skel->rodata->cpu_core[i] = topo.core[i];
		skel->rodata->cpu_cell[i] = topo.cell[i];
	}
	skel->rodata->nr_cpus = topo.nr_cpus;
	skel->rodata->nr_cells = topo.nr_cells;
	skel->rodata->host_tells = tells();
	return 0;
}

static int load(struct vg_class **ret, char **error)
{
	struct bpf_link *ops = NULL, *follow[NR_FOLLOW] = { NULL };
	struct gang_bpf *skel;
	struct vg_class *c = NULL;
	uint64_t id = build_id();
	uint32_t key = 0;
	int r;

	if (access("/sys/kernel/btf/vmgang", F_OK) < 0)
		return fail(-ENOENT, error, "the module vmgang is not loaded, or has no BTF");
	skel = gang_bpf__open();
	if (!skel)
		return fail(-errno, error, "can not open the class: %s", strerror(errno));
	r = prepare(skel, error);
	if (r < 0)
		goto out;
	r = gang_bpf__load(skel);
	if (r < 0) {
		fail(r, error, "the kernel refuses the class: %s", strerror(-r));
		goto out;
	}
	bpf_map_update_elem(bpf_map__fd(skel->maps.ident), &key, &id, BPF_ANY);
	r = follow_all(skel, follow);
	if (r < 0) {
		fail(r, error, "can not follow what the module tells: %s", strerror(-r));
		goto out;
	}
	ops = bpf_map__attach_struct_ops(skel->maps.vmgang_ops);
	if (!ops) {
		r = -errno;
		fail(r, error, "can not attach the class: %s", strerror(-r));
		goto out;
	}
	r = pin_all(skel, ops, follow);
	if (r < 0) {
		fail(r, error, "can not pin the class below " PIN_DIR ": %s", strerror(-r));
		unpin_all();
		goto out;
	}
	c = calloc(1, sizeof(*c));
	if (!c) {
		r = -ENOMEM;
		unpin_all();
		goto out;
	}
	c->link = pin_open("link");
	c->exits = pin_open("exit");
	c->state = pin_open("state");
	*ret = c;
out:
	/* The pins keep everything: our own references go. */
	bpf_link__destroy(ops);
	unfollow(follow);
	gang_bpf__destroy(skel);
	return r;
}

int vg_class_attach(struct vg_class **ret, char **error)
{
	char *owner = NULL;
	struct vg_class *c;
	bool ours;
	int r, fd;

	*ret = NULL;
	r = vg_class_owner(&owner);
	if (r < 0)
		return fail(r, error, r == -EOPNOTSUPP ?
			    "this kernel has no sched_ext (CONFIG_SCHED_CLASS_EXT)" :
			    "out of memory");
	ours = is_ours(owner);
	if (owner && !ours) {
		r = fail(-EBUSY, error, "another sched_ext scheduler is in charge: %s", owner);
		free(owner);
		return r;
	}
	free(owner);
	if (ours) {
		c = adopt();
		if (c) {
			*ret = c;
			return 0;
		}
		/* An older build, or one on its way out. */
		fd = pin_open("link");
		if (fd >= 0) {
			bpf_link_detach(fd);
			close(fd);
		}
		vg_class_detach(NULL);
		if (in_charge())
			return fail(-EBUSY, error,
				    "a class of vmgang is in charge that is not pinned below "
				    PIN_DIR);
	} else {
		unpin_all();
	}
	return load(ret, error);
}

static const char * const stat_names[VG_NR_STATS] = {
	[VG_STAT_PICKS] = "picks",
	[VG_STAT_KEEPS] = "keeps",
	[VG_STAT_GANG_STARTS] = "gang_starts",
	[VG_STAT_GANG_STOPS] = "gang_stops",
	[VG_STAT_GANG_RENEWALS] = "gang_renewals",
	[VG_STAT_CLAIMS] = "claims",
	[VG_STAT_HOLDS] = "holds",
	[VG_STAT_FORCED] = "forced_claims",
	[VG_STAT_PARTIAL] = "partial_stints",
	[VG_STAT_WIDE] = "wide_gangs",
	[VG_STAT_REJOINS] = "rejoins",
	[VG_STAT_WAKE_IDLE] = "wakes_to_idle",
	[VG_STAT_WAKE_PREEMPTS] = "wakes_that_preempt",
	[VG_STAT_YIELDS] = "directed_yields",
	[VG_STAT_SPUN] = "spinners_stopped",
	[VG_STAT_GUARDS] = "guarded_stints",
	[VG_STAT_EXPIRIES] = "guards_expired",
	[VG_STAT_GUARD_SUM] = "guarded_ns",
	[VG_STAT_RESERVE_PICKS] = "reserve_picks",
	[VG_STAT_PERIODS] = "periods",
	[VG_STAT_MISSES] = "period_misses",
	[VG_STAT_THROTTLES] = "throttles",
	[VG_STAT_STARVED] = "starved",
	[VG_STAT_HOST] = "pcpus_lost_to_host",
	[VG_STAT_FOREIGN] = "foreign_threads",
	[VG_STAT_STALE] = "stale_placements",
	[VG_STAT_SKEW_SUM] = "costart_skew_sum_ns",
	[VG_STAT_SKEW_MAX] = "costart_skew_max_ns",
	[VG_STAT_FRAG] = "forced_idle_ns",
	[VG_STAT_SKEW_NR] = "costarts",
	[VG_STAT_LEADERS] = "leaders_stopped",
	[VG_STAT_MOVES] = "homes_moved",
	[VG_STAT_ARRIVALS] = "vcpus_moved",
	[VG_STAT_OVERLAPS] = "overlaps",
};

int vg_class_stats(struct vg_class *c, char **ret)
{
	struct gang_bpf__bss *bss;
	size_t size = 0, len = sizeof(*bss);
	uint64_t value;
	uint32_t i, j;
	FILE *f;

	bss = mmap(NULL, len, PROT_READ, MAP_SHARED, c->state, 0);
	if (bss == MAP_FAILED)
		return -errno;
	f = open_memstream(ret, &size);
	if (!f) {
		munmap(bss, len);
		return -ENOMEM;
	}
	for (i = 0; i < VG_NR_STATS; i++) {
		for (j = 0, value = 0; j < VG_MAX_CELLS; j++) {
			uint64_t v = bss->state.cells[j].stats[i];

			if (i == VG_STAT_SKEW_MAX)
				value = v > value ? v : value;
			else
				value += v;
		}
		fprintf(f, "%s %llu\n", stat_names[i], (unsigned long long)value);
	}
	fclose(f);
	munmap(bss, len);
	return 0;
}
