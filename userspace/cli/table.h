/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef VMGANG_TABLE_H
#define VMGANG_TABLE_H

#include <stddef.h>

/*
 * Text in columns. A column whose title begins with '<' is aligned to the
 * left, the others to the right.
 */
struct vg_table {
	char **cells;		/* the titles are the first row */
	size_t nr_columns;
};

/* titles ends in NULL */
void vg_table_init(struct vg_table *table, const char *const *titles);
void vg_table_add(struct vg_table *table, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void vg_table_print(const struct vg_table *table);
void vg_table_done(struct vg_table *table);

#endif
