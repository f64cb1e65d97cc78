// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "address.h"
#include "util.h"

#define CANDIDATES_SHOWN 10

static bool fits(const char *query, const char *uuid,
		 const struct vg_address *vm)
{
	return strcmp(query, vm->dir) == 0 ||
	       (vm->name && strcmp(query, vm->name) == 0) ||
	       (uuid && vm->uuid && strcmp(uuid, vm->uuid) == 0);
}

static void list_candidates(const char *query, const struct vg_address *vms,
			    const size_t *found, size_t nr, char **error)
{
	vg_autofree char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	if (!f)
		return;
	fprintf(f, "\"%.64s\" fits %zu VMs:", query, nr);
	for (size_t i = 0; i < nr && i < CANDIDATES_SHOWN; i++) {
		const struct vg_address *vm = &vms[found[i]];

		fprintf(f, "%s %s (name %s, uuid %s)", i ? "," : "", vm->dir,
			vm->name ? vm->name : "-", vm->uuid ? vm->uuid : "-");
	}
	if (nr > CANDIDATES_SHOWN)
		fprintf(f, ", …");
	fprintf(f, "; give its uuid or pid");
	if (fclose(f) == 0)
		vg_error_set(error, "%s", text);
}

int vg_address_find(const char *query, const struct vg_address *vms,
		    size_t nr, size_t *ret, char **error)
{
	vg_autofree size_t *found = calloc(nr + 1, sizeof(*found));
	bool is_uuid, is_pid;
	char uuid[37];
	uint64_t pid;
	size_t n = 0;

	if (!found)
		return -ENOMEM;
	is_uuid = vg_uuid_normalize(query, uuid) == 0;
	for (size_t i = 0; i < nr; i++)
		if (fits(query, is_uuid ? uuid : NULL, &vms[i]))
			found[n++] = i;
	/* a process whose first VM is gone is still addressed by its pid */
	is_pid = vg_parse_u64(query, &pid) == 0;
	for (size_t i = 0, none = n == 0; none && is_pid && i < nr; i++)
		if ((uint64_t)vms[i].pid == pid)
			found[n++] = i;
	if (n == 0) {
		vg_error_set(error, "no VM is called \"%.64s\", by name, uuid or pid",
			     query);
		return -ENOENT;
	}
	if (n > 1) {
		list_candidates(query, vms, found, n, error);
		return -ENOTUNIQ;
	}
	*ret = found[0];
	return 0;
}
