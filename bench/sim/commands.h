/* SPDX-License-Identifier: GPL-2.0-only */
/* The verbs of `sim`, and what they share. */
#ifndef SIM_COMMANDS_H
#define SIM_COMMANDS_H

#include "props.h"
#include "scenario.h"
#include "sched.h"

/* Exit codes, as everywhere in vmgang. */
enum {
	EXIT_OK,
	EXIT_BAD,
	EXIT_USAGE,
};

/* Each gets what follows the verb, and its own name as argv[0]. */
int cmd_run(int argc, char **argv);
int cmd_list(int argc, char **argv);
int cmd_compare(int argc, char **argv);
int cmd_fuzz(int argc, char **argv);
int cmd_cost(int argc, char **argv);
int cmd_figure(int argc, char **argv);

/* Where scenarios are: a name without a slash is looked for there. */
const char *scenario_dir(void);
/* For scandir(). */
struct dirent;
int is_scenario(const struct dirent *d);
/* Read the scenario called @name; 0, or -1 after a message. */
int scenario_find(struct scenario *sc, const char *name);
/* A number from an option; 0, or -1 after a message. */
int option_number(const char *option, const char *value, u64 most, u64 *out);
/* Run @sc under @ops; NULL after a message. */
struct sim *simulate(const struct scenario *sc, const struct sched_ops *ops, bool watch,
		     bool progress, FILE *trace);

/* Units of work per second of group @group of @sim: the mean of its VMs. */
double group_rate(const struct sim *sim, u32 group);

/* fuzz.c: the smallest scenario found that violates @prop as @sc does, in place. */
void shrink(struct scenario *sc, enum prop prop);

#endif
