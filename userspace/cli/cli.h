/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef VMGANG_CLI_H
#define VMGANG_CLI_H

#include <stdbool.h>
#include <systemd/sd-varlink.h>

#include "json.h"
#include "paths.h"

/* Exit statuses. */
enum { EXIT_OK, EXIT_FAILED, EXIT_USAGE };

struct vg_cli {
	struct vg_paths paths;
	sd_varlink *link;	/* to the daemon, once it was needed */
	bool json;
	bool direct;		/* the module is read without the daemon */
	double interval;	/* seconds between two samples; 0: since start */
};

/* The verbs; argv are the words after the verb. */
int vg_verb_status(struct vg_cli *cli, int argc, char **argv);
int vg_verb_list(struct vg_cli *cli, int argc, char **argv);
int vg_verb_show(struct vg_cli *cli, int argc, char **argv);
int vg_verb_set(struct vg_cli *cli, int argc, char **argv);
int vg_verb_check(struct vg_cli *cli, int argc, char **argv);
int vg_verb_preset(struct vg_cli *cli, int argc, char **argv);
int vg_verb_doctor(struct vg_cli *cli, int argc, char **argv);

/* "vmgang: …" on stderr */
void vg_complain(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
int vg_print_json(sd_json_variant *v);

/*
 * fetch.c: what there is to show, from the daemon or, without it, from the
 * module itself. Failures are explained on stderr.
 */
int vg_fetch_daemon(struct vg_cli *cli, char **error);
int vg_fetch_list(struct vg_cli *cli, sd_json_variant **ret);
int vg_fetch_vm(struct vg_cli *cli, const char *vm, sd_json_variant **ret);

/* The first knob of a VM that says so: value and source. */
const char *vg_vm_knob(sd_json_variant *vm, const char *knob,
		       const char *field);
const char *vg_vm_title(sd_json_variant *vm);

/* preset.c: what the module offers; -ENOENT: it is not loaded */
int vg_cli_offers(struct vg_cli *cli, struct vg_offers *ret);

/* show.c: the knobs of a VM as a table */
void vg_print_knobs(sd_json_variant *vm);

#endif
