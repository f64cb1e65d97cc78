/* SPDX-License-Identifier: GPL-2.0-only */
/* What the figures share: values that vary, files, plots. */
#ifndef SIM_FIGURE_H
#define SIM_FIGURE_H

#include <stdio.h>

#include "scenario.h"

/* @from with the key that its figure varies at @value; -1 after a message. */
int figure_at(struct scenario *sc, const struct scenario *from, const char *value);
/* DIR/NAME.EXT to be written; NULL after a message. */
FILE *figure_file(const char *dir, const char *name, const char *ext);
/* To the end of a plot's file: draw `plots` as NAME.svg and NAME.png. */
void figure_outputs(FILE *f, const char *name);
/* Have gnuplot draw NAME.gp; -1 after a message. */
int figure_plot(const char *dir, const char *name);

/* merit.c: adaptive beside the presets, over all scenarios that are cases of it */
int merit_figure(const char *dir);

#endif
