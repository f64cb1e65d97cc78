// SPDX-License-Identifier: GPL-2.0-only
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "table.h"
#include "util.h"

void vg_table_init(struct vg_table *table, const char *const *titles)
{
	*table = (struct vg_table){};
	for (; *titles; titles++) {
		vg_strv_add(&table->cells, *titles);
		table->nr_columns++;
	}
}

void vg_table_add(struct vg_table *table, const char *fmt, ...)
{
	char *cell;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&cell, fmt, ap);
	va_end(ap);
	if (n < 0)
		return;
	vg_strv_add(&table->cells, cell);
	free(cell);
}

/* Characters, not bytes: the strings are valid UTF-8. */
static size_t width(const char *s)
{
	size_t n = 0;

	for (; *s; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	return n;
}

static void print_cell(const char *s, size_t columns, bool left, bool last)
{
	int pad = (int)(columns - width(s));

	if (!left)
		printf("%*s%s", pad, "", s);
	else if (last)
		fputs(s, stdout);
	else
		printf("%s%*s", s, pad, "");
	fputs(last ? "\n" : "  ", stdout);
}

void vg_table_print(const struct vg_table *table)
{
	size_t n = table->nr_columns, cells = vg_strv_length(table->cells);
	vg_autofree size_t *widths = calloc(n, sizeof(*widths));

	if (!widths)
		return;
	for (size_t i = 0; i < cells; i++) {
		const char *s = table->cells[i];
		size_t w = width(i < n && *s == '<' ? s + 1 : s);

		if (w > widths[i % n])
			widths[i % n] = w;
	}
	for (size_t i = 0; i < cells / n * n; i++) {
		bool left = *table->cells[i % n] == '<';
		const char *s = table->cells[i];

		print_cell(i < n && left ? s + 1 : s, widths[i % n], left,
			   i % n == n - 1);
	}
}

void vg_table_done(struct vg_table *table)
{
	vg_strv_free(table->cells);
	*table = (struct vg_table){};
}
