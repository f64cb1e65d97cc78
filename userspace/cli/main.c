// SPDX-License-Identifier: GPL-2.0-only
/* vmgang: shows and sets how VMs are co-scheduled. */
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "presets.h"
#include "util.h"
#include "version.h"

static int verb_help(struct vg_cli *cli, int argc, char **argv);

static const struct verb {
	const char *name, *arguments, *sentence;
	int (*run)(struct vg_cli *cli, int argc, char **argv);
	int min, max;	/* number of arguments; -1: any */
} verbs[] = {
	{ "status", "", "the state and what each VM does (also without a verb)",
	  vg_verb_status, 0, 0 },
	{ "list", "", "the VMs and how each is scheduled", vg_verb_list, 0, 0 },
	{ "show", "VM", "one VM: each knob and who decided it, statistics, vCPUs",
	  vg_verb_show, 1, 1 },
	{ "set", "VM KNOB=VALUE…", "change knobs until the VM ends; VALUE - takes it back",
	  vg_verb_set, 2, -1 },
	{ "check", "FILE.xml", "is a domain XML's vmgang metadata right?",
	  vg_verb_check, 1, 1 },
	{ "preset", "list|show NAME", "the presets, and what each needs that is not there",
	  vg_verb_preset, 1, 2 },
	{ "doctor", "", "is this host ready, and what to do if not",
	  vg_verb_doctor, 0, 0 },
	{ "help", "", "this text", verb_help, 0, 0 },
};

static void usage(FILE *f)
{
	fputs("Usage: vmgang [OPTION]… [VERB [ARGUMENT]…]\n\n", f);
	for (size_t i = 0; i < VG_ARRAY_SIZE(verbs); i++) {
		int n = fprintf(f, "  %s %s", verbs[i].name,
				verbs[i].arguments);

		/* the ellipsis is three bytes wide and one column */
		if (strstr(verbs[i].arguments, "…"))
			n -= 2;
		fprintf(f, "%*s%s\n", 24 - n, "", verbs[i].sentence);
	}
	fputs("\n"
"A VM is its libvirt name, its UUID or its pid. The knobs:\n", f);
	for (int k = 0; k < VG_NR_KNOBS; k++)
		fprintf(f, "  %-10s%s\n", vg_knob_name((enum vg_knob)k),
			vg_knob_allowed((enum vg_knob)k));
	fputs("\n"
"Options:\n"
"  -j, --json              print JSON\n"
"  -i, --interval SECONDS  status: time between its two samples (1);\n"
"                          0: since each VM began\n"
"  -h, --help              this text\n"
"      --version           the version\n"
"\n"
"Percentages are those of esxtop: of wall time, summed over a VM's vCPUs, so\n"
"that %RUN + %RDY + %CSTP + %WAIT is 100 times their number. %RDY: runnable,\n"
"waiting for a pCPU. %CSTP: runnable, held back by co-scheduling. %WAIT: idle\n"
"in the guest. %CORUN: of the time run, with at least one sibling running.\n"
"SPIN/s: spin exits (PAUSE-loop exits) a second.\n"
"\n"
"Exit status: 0 all is well, 1 failure, 2 wrong usage.\n", f);
}

static int verb_help(struct vg_cli *cli, int argc, char **argv)
{
	usage(stdout);
	return EXIT_OK;
}

static int run(struct vg_cli *cli, int argc, char **argv)
{
	const struct verb *verb = NULL;
	const char *name = argc > 0 ? argv[0] : "status";

	for (size_t i = 0; i < VG_ARRAY_SIZE(verbs); i++)
		if (strcmp(verbs[i].name, name) == 0)
			verb = &verbs[i];
	if (!verb) {
		vg_complain("unknown verb \"%s\" (vmgang help lists them)", name);
		return EXIT_USAGE;
	}
	if (argc > 0) {
		argc--;
		argv++;
	}
	if (argc < verb->min || (verb->max >= 0 && argc > verb->max)) {
		vg_complain("usage: vmgang %s %s", verb->name, verb->arguments);
		return EXIT_USAGE;
	}
	return verb->run(cli, argc, argv);
}

static int parse_interval(const char *text, double *ret)
{
	char *end;
	double v = strtod(text, &end);

	if (end == text || *end || !isfinite(v) || v < 0 || v > 3600) {
		vg_complain("--interval: \"%s\" is not a number of seconds (allowed: 0..3600)",
			    text);
		return -1;
	}
	*ret = v;
	return 0;
}

int main(int argc, char **argv)
{
	enum { OPT_VERSION = 256 };
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "interval", required_argument, NULL, 'i' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, OPT_VERSION },
		{}
	};
	struct vg_cli cli = { .interval = 1 };
	int c, status;

	while ((c = getopt_long(argc, argv, "ji:h", options, NULL)) >= 0) {
		switch (c) {
		case 'j':
			cli.json = true;
			break;
		case 'i':
			if (parse_interval(optarg, &cli.interval) < 0)
				return EXIT_USAGE;
			break;
		case 'h':
			usage(stdout);
			return EXIT_OK;
		case OPT_VERSION:
			puts("vmgang " VMGANG_VERSION);
			return EXIT_OK;
		default:
			fputs("vmgang help lists verbs and options\n", stderr);
			return EXIT_USAGE;
		}
	}
	if (vg_paths_init(&cli.paths) < 0) {
		vg_complain("out of memory");
		return EXIT_FAILED;
	}
	/* `vmgang preset list` and the daemon say what is wrong with one */
	vg_presets_load(NULL);
	status = run(&cli, argc - optind, argv + optind);
	sd_varlink_close_unref(cli.link);
	vg_paths_free(&cli.paths);
	return status;
}
