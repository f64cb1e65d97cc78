// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "util.h"
#include "vmtable.h"

struct vg_entry *vg_vmtable_add(struct vg_vmtable *table, const char *dir,
				uint64_t id, pid_t pid,
				struct vg_identity *identity)
{
	struct vg_entry **bigger, *entry;

	bigger = reallocarray(table->entries, table->nr + 1, sizeof(struct vg_entry *));
	if (!bigger)
		return NULL;
	table->entries = bigger;
	entry = calloc(1, sizeof(*entry));
	if (!entry)
		return NULL;
	snprintf(entry->dir, sizeof(entry->dir), "%s", dir);
	entry->id = id;
	entry->pid = pid;
	entry->identity = *identity;
	*identity = (struct vg_identity){};
	table->entries[table->nr++] = entry;
	return entry;
}

static void entry_free(struct vg_entry *entry)
{
	vg_identity_free(&entry->identity);
	vg_strv_free(entry->errors);
	free(entry);
}

void vg_vmtable_remove(struct vg_vmtable *table, struct vg_entry *entry)
{
	size_t i = 0;

	while (table->entries[i] != entry)
		i++;
	table->nr--;
	memmove(&table->entries[i], &table->entries[i + 1],
		(table->nr - i) * sizeof(struct vg_entry *));
	entry_free(entry);
}

struct vg_entry *vg_vmtable_by_dir(const struct vg_vmtable *table,
				   const char *dir)
{
	for (size_t i = 0; i < table->nr; i++)
		if (strcmp(table->entries[i]->dir, dir) == 0)
			return table->entries[i];
	return NULL;
}

int vg_vmtable_find(const struct vg_vmtable *table, const char *query,
		    struct vg_entry **ret, char **error)
{
	vg_autofree struct vg_address *addresses = NULL;
	size_t i;
	int r;

	addresses = calloc(table->nr + 1, sizeof(*addresses));
	if (!addresses)
		return -ENOMEM;
	for (i = 0; i < table->nr; i++)
		addresses[i] = (struct vg_address){
			.dir = table->entries[i]->dir,
			.pid = table->entries[i]->pid,
			.name = table->entries[i]->identity.name,
			.uuid = table->entries[i]->identity.uuid,
		};
	r = vg_address_find(query, addresses, table->nr, &i, error);
	if (r == 0)
		*ret = table->entries[i];
	return r;
}

void vg_vmtable_free(struct vg_vmtable *table)
{
	for (size_t i = 0; i < table->nr; i++)
		entry_free(table->entries[i]);
	free(table->entries);
	*table = (struct vg_vmtable){};
}
