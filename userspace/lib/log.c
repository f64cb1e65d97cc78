// SPDX-License-Identifier: GPL-2.0-only
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "log.h"
#include "util.h"

static int max_priority = LOG_INFO;

void vg_log_set_max(int priority)
{
	max_priority = priority;
}

void vg_log(int priority, const char *fmt, ...)
{
	vg_autofree char *text = NULL, *clean = NULL;
	va_list ap;
	int n;

	if (priority > max_priority)
		return;
	va_start(ap, fmt);
	n = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (n < 0) {
		text = NULL;
		return;
	}
	/* names of guests and files reach the log: one line stays one line */
	clean = vg_printable(text);
	if (!clean)
		return;
	if (getenv("JOURNAL_STREAM"))
		fprintf(stderr, "<%d>%s\n", priority, clean);
	else
		fprintf(stderr, "vmgangd: %s\n", clean);
}
