// SPDX-License-Identifier: GPL-2.0-only
/* classctl attach|detach|status|stats|restart: the class without its daemon. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "class.h"

static int attach(struct vg_class **c)
{
	char *error = NULL;
	int r = vg_class_attach(c, &error);

	if (r < 0)
		fprintf(stderr, "%s (%s)\n", error ? error : "attach", strerror(-r));
	free(error);
	return r;
}

int main(int argc, char **argv)
{
	const char *op = argc > 1 ? argv[1] : "status";
	char *text = NULL;
	struct vg_class *c;

	if (!strcmp(op, "status")) {
		if (vg_class_owner(&text) < 0)
			printf("no sched_ext\n");
		else
			printf("%s\n", text ? text : "nobody");
		free(text);
		return 0;
	}
	if (attach(&c) < 0)
		return 1;
	if (!strcmp(op, "detach")) {
		vg_class_detach(c);
		return 0;
	}
	if (!strcmp(op, "stats") && vg_class_stats(c, &text) == 0) {
		fputs(text, stdout);
		free(text);
	}
	vg_class_close(c);
	return 0;
}
