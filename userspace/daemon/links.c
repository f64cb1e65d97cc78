// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <string.h>

#include "daemon.h"
#include "log.h"
#include "util.h"

/* The VMs that this domain is, by what is known of it now. */
static void apply_domain(struct vg_daemon *d, const char *uuid,
			 const char *name)
{
	for (size_t i = 0; i < d->vms.nr; i++) {
		struct vg_entry *entry = d->vms.entries[i];
		const struct vg_identity *id = &entry->identity;

		if (id->uuid ? strcmp(id->uuid, uuid) == 0 :
			       id->name && strcmp(id->name, name) == 0)
			vg_daemon_apply(d, entry);
	}
}

int vg_daemon_domain_put(struct vg_daemon *d, const char *uuid,
			 const char *name, int id,
			 const struct vg_policy *policy, char *const *errors)
{
	char canonical[37];
	bool changed = false;
	int r;

	r = vg_uuid_normalize(uuid, canonical);
	if (r == 0)
		r = vg_domains_put(&d->domains, canonical, name, id, policy,
				   errors, &changed);
	if (r < 0 || !changed)
		return r;
	for (char *const *line = errors; line && *line; line++)
		vg_warn("domain %s: metadata not used: %s", name, *line);
	apply_domain(d, canonical, name);
	vg_daemon_save_later(d);
	return 0;
}

void vg_daemon_domain_forget(struct vg_daemon *d, const char *uuid)
{
	const struct vg_domain_record *record;
	vg_autofree char *name = NULL;
	char canonical[37];

	if (vg_uuid_normalize(uuid, canonical) < 0)
		return;
	record = vg_domains_find(&d->domains, canonical, NULL);
	name = strdup(record ? record->name : "");
	if (!record || !name || !vg_domains_forget(&d->domains, canonical))
		return;
	apply_domain(d, canonical, name);
	vg_daemon_save_later(d);
}

static void on_domain(const struct vg_news *news, void *userdata)
{
	const struct vg_metadata *m = &news->metadata;
	struct vg_daemon *d = userdata;
	int r = 0;

	if (news->kind == VG_NEWS_GONE)
		vg_daemon_domain_forget(d, m->uuid);
	else
		r = vg_daemon_domain_put(d, m->uuid, m->name, m->id,
					 &m->policy, m->errors);
	if (r < 0)
		vg_warn("domain %s (%s): %s", m->name, m->uuid, strerror(-r));
}

static void on_changed(void *userdata)
{
	vg_daemon_status(userdata);
}

/* Without libvirt the daemon does all the rest: this never fails. */
void vg_daemon_libvirt_start(struct vg_daemon *d)
{
	struct vg_libvirt_setup setup = {
		.event = d->event, .program = d->paths.libvirt,
		.uri = d->config.libvirt_uri, .domain = on_domain,
		.changed = on_changed, .userdata = d,
	};
	int r;

	if (d->options.no_libvirt || !d->config.libvirt_uri)
		return;
	r = vg_libvirt_start(&d->libvirt, &setup);
	if (r < 0) {
		d->libvirt = NULL;
		vg_err("can not follow libvirt: %s", strerror(-r));
	}
}

void vg_daemon_libvirt_stop(struct vg_daemon *d)
{
	vg_libvirt_stop(d->libvirt);
	d->libvirt = NULL;
}
