// SPDX-License-Identifier: GPL-2.0-only
/* The simulator's door: sim VERB ... */

#include <string.h>

#include "commands.h"

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *usage;
	const char *what;
} verbs[] = {
	{ "run", cmd_run, "SCENARIO [--sched NAME] [--seconds N] [--seed N] [--tsv FILE] "
	  "[--trace FILE] [--check]",
	  "simulate; --check: watch the properties, exit 1 if one is violated" },
	{ "list", cmd_list, "", "scenarios and schedulers" },
	{ "compare", cmd_compare, "A B SCENARIO...", "two schedulers, side by side" },
	{ "fuzz", cmd_fuzz, "[--count N] [--seed N] [--exceptions FILE]",
	  "the properties of random scenarios; --count 0: for ever" },
	{ "cost", cmd_cost, "[--tsv FILE]", "instructions per decision, and memory" },
	{ "figure", cmd_figure, "NAME|adaptive|all [--out DIR]",
	  "run a figure's scenarios and plot it; adaptive: beside every preset" },
};

#define NR_VERBS (sizeof(verbs) / sizeof(verbs[0]))

static void usage(FILE *f)
{
	size_t i;

	fputs("Usage: sim VERB ...\nSimulates hosts and their VMs under the very policy of "
	      "vmgang's class, and under others.\n\n", f);
	for (i = 0; i < NR_VERBS; i++)
		fprintf(f, "  sim %s %s\n\t%s\n", verbs[i].name, verbs[i].usage, verbs[i].what);
	fputs("\nA SCENARIO is a file, or the name of one in VMGANG_SCENARIOS or in the "
	      "simulator's own scenarios/.\n", f);
}

int main(int argc, char **argv)
{
	size_t i;

	if (argc < 2) {
		usage(stderr);
		return EXIT_USAGE;
	}
	if (!strcmp(argv[1], "help") || !strcmp(argv[1], "--help") || !strcmp(argv[1], "-h")) {
		usage(stdout);
		return EXIT_OK;
	}
	for (i = 0; i < NR_VERBS; i++)
		if (!strcmp(argv[1], verbs[i].name))
			return verbs[i].run(argc - 1, argv + 1);
	fprintf(stderr, "sim: no verb '%s'; there are", argv[1]);
	for (i = 0; i < NR_VERBS; i++)
		fprintf(stderr, " %s", verbs[i].name);
	fputs("\n", stderr);
	return EXIT_USAGE;
}
