// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <string.h>

#include "domains.h"
#include "util.h"

static void record_free(struct vg_domain_record *record)
{
	if (!record)
		return;
	free(record->name);
	vg_strv_free(record->errors);
	free(record);
}

static struct vg_domain_record *
record_new(const char *uuid, const char *name, int id,
	   const struct vg_policy *policy, char *const *errors)
{
	struct vg_domain_record *record = calloc(1, sizeof(*record));

	if (!record)
		return NULL;
	record->id = id;
	record->policy = *policy;
	record->name = vg_printable(name);
	if (vg_uuid_normalize(uuid, record->uuid) < 0 || !record->name)
		goto fail;
	for (; errors && *errors; errors++) {
		vg_autofree char *line = vg_printable(*errors);

		if (!line || vg_strv_add(&record->errors, line) < 0)
			goto fail;
	}
	return record;
fail:
	record_free(record);
	return NULL;
}

static bool same(const struct vg_domain_record *a,
		 const struct vg_domain_record *b)
{
	size_t n = vg_strv_length(a->errors);

	if (strcmp(a->name, b->name) != 0 || a->id != b->id ||
	    n != vg_strv_length(b->errors))
		return false;
	for (int k = 0; k < VG_NR_KNOBS; k++)
		if (strcmp(a->policy.value[k], b->policy.value[k]) != 0)
			return false;
	for (size_t i = 0; i < n; i++)
		if (strcmp(a->errors[i], b->errors[i]) != 0)
			return false;
	return true;
}

static size_t find_uuid(const struct vg_domains *domains, const char *uuid)
{
	size_t i = 0;

	while (i < domains->nr && strcmp(domains->records[i]->uuid, uuid) != 0)
		i++;
	return i;
}

static void remove_at(struct vg_domains *domains, size_t i)
{
	record_free(domains->records[i]);
	domains->nr--;
	memmove(&domains->records[i], &domains->records[i + 1],
		(domains->nr - i) * sizeof(*domains->records));
}

int vg_domains_put(struct vg_domains *domains, const char *uuid,
		   const char *name, int id, const struct vg_policy *policy,
		   char *const *errors, bool *changed)
{
	struct vg_domain_record *record, **bigger;
	char canonical[37];
	size_t i;

	if (vg_uuid_normalize(uuid, canonical) < 0)
		return -EINVAL;
	record = record_new(canonical, name, id, policy, errors);
	if (!record)
		return -ENOMEM;
	i = find_uuid(domains, canonical);
	*changed = i == domains->nr || !same(domains->records[i], record);
	if (i < domains->nr) {
		record_free(domains->records[i]);
		domains->records[i] = record;
		return 0;
	}
	if (domains->nr >= VG_DOMAINS_MAX)
		remove_at(domains, 0);
	bigger = reallocarray(domains->records, domains->nr + 1,
			      sizeof(struct vg_domain_record *));
	if (!bigger) {
		record_free(record);
		return -ENOMEM;
	}
	domains->records = bigger;
	domains->records[domains->nr++] = record;
	return 0;
}

bool vg_domains_forget(struct vg_domains *domains, const char *uuid)
{
	char canonical[37];
	size_t i;

	if (vg_uuid_normalize(uuid, canonical) < 0)
		return false;
	i = find_uuid(domains, canonical);
	if (i == domains->nr)
		return false;
	remove_at(domains, i);
	return true;
}

const struct vg_domain_record *
vg_domains_find(const struct vg_domains *domains, const char *uuid,
		const char *name)
{
	size_t i;

	if (uuid) {
		i = find_uuid(domains, uuid);
		return i < domains->nr ? domains->records[i] : NULL;
	}
	for (i = 0; name && i < domains->nr; i++)
		if (strcmp(domains->records[i]->name, name) == 0)
			return domains->records[i];
	return NULL;
}

void vg_domains_free(struct vg_domains *domains)
{
	for (size_t i = 0; i < domains->nr; i++)
		record_free(domains->records[i]);
	free(domains->records);
	*domains = (struct vg_domains){};
}
