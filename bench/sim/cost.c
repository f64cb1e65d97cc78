// SPDX-License-Identifier: GPL-2.0-only
/*
 * sim cost: what a decision costs. Runs itself under callgrind, which counts
 * the instructions within vg_pick() and vg_wake() and nothing else, for hosts
 * of 2 to 512 pCPUs with 1 to 2,000 VMs. Instructions are counted, not time:
 * they do not depend on what else the machine does.
 *
 * These are the instructions of the native code at this build's optimisation;
 * BPF's are the same decisions in another instruction set.
 */

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "commands.h"

/* A run ends after about so many picks. */
#define PICKS	1500

static const u64 vm_counts[] = { 1, 4, 16, 64, 256, 1024, 2000 };
static const u64 pcpu_counts[] = { 2, 8, 32, 128, 512 };

#define NR(a) (sizeof(a) / sizeof((a)[0]))

/* Half of the VMs are gangs of two that compute, half wait for I/O. */
static void cost_scenario(struct scenario *sc, u64 vms, u64 pcpus)
{
	struct vm_conf *vm;

	scenario_default(sc);
	snprintf(sc->name, sizeof(sc->name), "cost");
	sc->pcpus = pcpus;
	sc->ple = PLE_NONE;
	sc->warmup = 0;
	sc->seconds = PICKS * 20 * MS / pcpus + 60 * MS;
	vm = scenario_add_vm(sc, "busy");
	vm->count = (vms + 1) / 2;
	vm->vcpus = 2;
	vm->cosched = 1;
	if (vms < 2)
		return;
	vm = scenario_add_vm(sc, "io");
	vm->count = vms / 2;
	vm->vcpus = 2;
	vm->cosched = 1;
	vm->model = MODEL_IO;
	vm->think = 20 * MS * (vms / pcpus + 1);
	vm->work = 200 * US;
}

/* The inner run: sim cost point VMS PCPUS. */
static int cost_point(const char *vms_arg, const char *pcpus_arg)
{
	static struct scenario sc;
	struct class_counts counts;
	u64 vms, pcpus;
	struct sim *sim;

	if (option_number("VMS", vms_arg, 4096, &vms) ||
	    option_number("PCPUS", pcpus_arg, MAX_PCPUS, &pcpus))
		return EXIT_USAGE;
	cost_scenario(&sc, vms, pcpus);
	if (scenario_check(&sc))
		return EXIT_USAGE;
	sim = simulate(&sc, &sched_class, false, false, NULL);
	if (!sim || sim->failed)
		return EXIT_BAD;
	counts = class_counts(sim);
	printf("%" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", counts.picks,
	       counts.wakes, counts.allocated, counts.used, counts.looks);
	sim_free(sim);
	return EXIT_OK;
}

/* Instructions that callgrind wrote to @path; -1 if it is not there. */
static int read_total(const char *path, u64 *total)
{
	char line[256];
	FILE *f = fopen(path, "re");
	int err = -1;

	if (!f)
		return -1;
	while (fgets(line, sizeof(line), f)) {
		if (strncmp(line, "totals: ", 8) != 0)
			continue;
		*total = strtoull(line + 8, NULL, 10);
		err = 0;
	}
	fclose(f);
	return err;
}

/* One run with the counting on within @function only. */
static int count(u64 vms, u64 pcpus, const char *function, const char *out, u64 *total,
		 struct class_counts *counts)
{
	char exe[PATH_MAX], command[3 * PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	FILE *f;
	bool ok;

	if (n < 0)
		return -1;
	exe[n] = '\0';
	unlink(out);
	snprintf(command, sizeof(command), "valgrind -q --tool=callgrind --collect-atstart=no "
		 "--toggle-collect=%s --callgrind-out-file='%s' '%s' cost point %" PRIu64
		 " %" PRIu64, function, out, exe, vms, pcpus);
	f = popen(command, "re"); /* NOLINT(cert-env33-c,bugprone-command-processor) */
	if (!f)
		return -1;
	ok = fscanf(f, "%" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 /* NOLINT(cert-err34-c) */
		    " %" SCNu64, &counts->picks, &counts->wakes, &counts->allocated,
		    &counts->used, &counts->looks) == 5;
	if (pclose(f) || !ok || read_total(out, total)) {
		fprintf(stderr, "sim cost: valgrind failed (%s)\n", command);
		return -1;
	}
	return 0;
}

static double per(u64 total, u64 n)
{
	return n ? (double)total / (double)n : 0;
}

static int cost_table(FILE *tsv, const char *scratch)
{
	size_t v, p;

	fputs("pcpus\tvms\tpicks\tinstructions_per_pick\twakes\tinstructions_per_wake\t"
	      "bytes_used\tbytes_allocated\n", tsv);
	for (p = 0; p < NR(pcpu_counts); p++) {
		for (v = 0; v < NR(vm_counts); v++) {
			struct class_counts counts;
			u64 pick, wake;

			fprintf(stderr, "cost: %" PRIu64 " pCPUs, %" PRIu64 " VMs\n",
				pcpu_counts[p], vm_counts[v]);
			if (count(vm_counts[v], pcpu_counts[p], "decide_pick", scratch, &pick,
				  &counts) ||
			    count(vm_counts[v], pcpu_counts[p], "decide_wake", scratch, &wake,
				  &counts))
				return -1;
			fprintf(tsv, "%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\t%.1f\t%" PRIu64
				"\t%.1f\t%" PRIu64 "\t%" PRIu64 "\n", pcpu_counts[p], vm_counts[v],
				counts.picks, per(pick, counts.picks), counts.wakes,
				per(wake, counts.wakes), counts.used, counts.allocated);
		}
		fputs("\n\n", tsv);	/* a data set of gnuplot's */
	}
	return 0;
}

static int cost_plot(const char *dir, const char *path)
{
	char script[2 * PATH_MAX], command[3 * PATH_MAX];
	size_t p;
	FILE *f;

	snprintf(script, sizeof(script), "%s/cost.gp", dir);
	f = fopen(script, "we");
	if (!f)
		return -1;
	fputs("set logscale xy\nset grid\nset key left top\nset xlabel 'VMs'\n"
	      "set ylabel 'instructions for a pick'\n"
	      "set title 'What a decision costs'\nplots = 'plot ", f);
	for (p = 0; p < NR(pcpu_counts); p++)
		fprintf(f, "%s\"%s\" index %zu using 2:4 with linespoints title \"%" PRIu64
			" pCPUs\"", p ? ", " : "", path, p, pcpu_counts[p]);
	fprintf(f, "'\nset terminal svg size 900,540\nset output '%s/cost.svg'\neval plots\n"
		"set terminal pngcairo size 900,540\nset output '%s/cost.png'\neval plots\n", dir,
		dir);
	if (ferror(f) | fclose(f))
		return -1;
	snprintf(command, sizeof(command), "gnuplot '%s'", script);
	return system(command) ? -1 : 0; /* NOLINT(cert-env33-c,bugprone-command-processor) */
}

int cmd_cost(int argc, char **argv)
{
	char dir[PATH_MAX], path[2 * PATH_MAX], scratch[2 * PATH_MAX];
	FILE *tsv;
	int err;

	if (argc == 4 && !strcmp(argv[1], "point"))
		return cost_point(argv[2], argv[3]);
	if (argc != 1 && !(argc == 3 && !strcmp(argv[1], "--tsv"))) {
		fputs("Usage: sim cost [--tsv FILE]\n", stderr);
		return EXIT_USAGE;
	}
	snprintf(dir, sizeof(dir), "%s/../build", scenario_dir());
	mkdir(dir, 0777);
	snprintf(path, sizeof(path), "%s/cost.tsv", dir);
	if (argc == 3)
		snprintf(path, sizeof(path), "%s", argv[2]);
	snprintf(scratch, sizeof(scratch), "%s/callgrind.%d", dir, (int)getpid());
	tsv = fopen(path, "we");
	if (!tsv) {
		fprintf(stderr, "sim: %s: %s\n", path, strerror(errno));
		return EXIT_BAD;
	}
	err = cost_table(tsv, scratch);
	unlink(scratch);
	if (ferror(tsv) | fclose(tsv)) {
		fprintf(stderr, "sim: %s: could not be written\n", path);
		err = -1;
	}
	if (!err && cost_plot(dir, path)) {
		fputs("sim: gnuplot failed; the figures are in the TSV all the same\n", stderr);
		err = -1;
	}
	if (!err)
		printf("%s, %s/cost.svg, .png\n", path, dir);
	return err ? EXIT_BAD : EXIT_OK;
}
