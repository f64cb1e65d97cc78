// SPDX-License-Identifier: GPL-2.0-only
/*
 * What outlives the daemon, in <run>/state.json: the values that `vmgang set`
 * gave to VMs that still run, and the domains' metadata. Nothing else: all the
 * rest is in the kernel or in the configuration.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "daemon.h"
#include "log.h"
#include "util.h"

#define STATE_SIZE_MAX (32 * 1024 * 1024)
#define STATE_VERSION 1
#define SAVE_DELAY_US (100 * 1000)

/* A VM is the same if directory, pid and the module's id all are. */
struct saved_vm {
	char dir[VG_DIR_SIZE];
	uint64_t id;
	pid_t pid;
	struct vg_policy set;
};

struct vg_saved {
	size_t nr;
	struct saved_vm vms[];
};

static int policy_from_json(sd_json_variant *v, struct vg_policy *ret)
{
	struct vg_policy policy = {};

	if (!sd_json_variant_is_object(v))
		return -EINVAL;
	for (size_t i = 0; i + 1 < sd_json_variant_elements(v); i += 2) {
		sd_json_variant *key = sd_json_variant_by_index(v, i);
		sd_json_variant *value = sd_json_variant_by_index(v, i + 1);
		int r;

		if (!sd_json_variant_is_string(value))
			return -EINVAL;
		r = vg_policy_put(&policy, sd_json_variant_string(key),
				  sd_json_variant_string(value), NULL);
		if (r < 0)
			return r;
	}
	*ret = policy;
	return 0;
}

static int load_vm(sd_json_variant *v, struct saved_vm *ret)
{
	const char *dir = vg_json_string(v, "dir", "");

	if (!*dir || strlen(dir) >= sizeof(ret->dir))
		return -EINVAL;
	snprintf(ret->dir, sizeof(ret->dir), "%s", dir);
	ret->id = vg_json_u64(v, "id");
	ret->pid = (pid_t)vg_json_u64(v, "pid");
	return policy_from_json(sd_json_variant_by_key(v, "set"), &ret->set);
}

static int load_vms(struct vg_daemon *d, sd_json_variant *array)
{
	size_t n = array ? sd_json_variant_elements(array) : 0;
	struct vg_saved *saved;

	saved = calloc(1, sizeof(*saved) + n * sizeof(saved->vms[0]));
	if (!saved)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		int r = load_vm(sd_json_variant_by_index(array, i),
				&saved->vms[saved->nr]);

		if (r < 0) {
			free(saved);
			return r;
		}
		saved->nr++;
	}
	d->saved = saved;
	return 0;
}

static int load_domain(struct vg_daemon *d, sd_json_variant *v)
{
	sd_json_variant *lines = sd_json_variant_by_key(v, "errors");
	sd_json_variant *id = sd_json_variant_by_key(v, "id");
	vg_autostrv char **errors = NULL;
	struct vg_policy policy;
	bool changed;
	int r;

	r = policy_from_json(sd_json_variant_by_key(v, "knobs"), &policy);
	for (size_t i = 0; r == 0 && lines &&
			   i < sd_json_variant_elements(lines); i++) {
		sd_json_variant *line = sd_json_variant_by_index(lines, i);

		r = sd_json_variant_is_string(line) ?
			vg_strv_add(&errors, sd_json_variant_string(line)) :
			-EINVAL;
	}
	if (r < 0)
		return r;
	return vg_domains_put(&d->domains, vg_json_string(v, "uuid", ""),
			      vg_json_string(v, "name", ""),
			      id ? (int)sd_json_variant_integer(id) : -1,
			      &policy, errors, &changed);
}

static int load(struct vg_daemon *d, const char *text)
{
	vg_autojson sd_json_variant *v = NULL;
	sd_json_variant *domains;
	int r;

	r = sd_json_parse(text, 0, &v, NULL, NULL);
	if (r < 0)
		return r;
	if (vg_json_u64(v, "version") != STATE_VERSION)
		return -EPROTO;
	r = load_vms(d, sd_json_variant_by_key(v, "vms"));
	domains = sd_json_variant_by_key(v, "domains");
	for (size_t i = 0; r == 0 && domains &&
			   i < sd_json_variant_elements(domains); i++)
		r = load_domain(d, sd_json_variant_by_index(domains, i));
	return r;
}

void vg_daemon_load(struct vg_daemon *d)
{
	vg_autofree char *path = NULL, *text = NULL;
	int r;

	if (asprintf(&path, "%s/state.json", d->paths.run) < 0) {
		path = NULL;
		return;
	}
	r = vg_read_file(AT_FDCWD, path, STATE_SIZE_MAX, &text, NULL);
	if (r == -ENOENT)
		return;
	if (r == 0)
		r = load(d, text);
	if (r < 0)
		vg_warn("%s: %s; starting without what was set before", path,
			strerror(-r));
}

void vg_daemon_claim_saved(struct vg_daemon *d, struct vg_entry *entry)
{
	for (size_t i = 0; d->saved && i < d->saved->nr; i++) {
		const struct saved_vm *vm = &d->saved->vms[i];

		if (vm->id == entry->id && vm->pid == entry->pid &&
		    strcmp(vm->dir, entry->dir) == 0)
			entry->set = vm->set;
	}
}

/* After the first scan: what no VM has claimed belonged to one that is gone. */
void vg_daemon_drop_saved(struct vg_daemon *d)
{
	free(d->saved);
	d->saved = NULL;
}

static int save_vm(const char *dir, uint64_t id, pid_t pid,
		   const struct vg_policy *set, sd_json_variant **array)
{
	vg_autojson sd_json_variant *policy = NULL;
	int r = vg_policy_to_json(set, &policy);

	if (r < 0)
		return r;
	return sd_json_variant_append_arraybo(array,
			SD_JSON_BUILD_PAIR_STRING("dir", dir),
			SD_JSON_BUILD_PAIR_UNSIGNED("id", id),
			SD_JSON_BUILD_PAIR_INTEGER("pid", pid),
			SD_JSON_BUILD_PAIR_VARIANT("set", policy));
}

static int save_domain(const struct vg_domain_record *domain,
		       sd_json_variant **array)
{
	vg_autojson sd_json_variant *policy = NULL;
	int r = vg_policy_to_json(&domain->policy, &policy);

	if (r < 0)
		return r;
	return sd_json_variant_append_arraybo(array,
			SD_JSON_BUILD_PAIR_STRING("uuid", domain->uuid),
			SD_JSON_BUILD_PAIR_STRING("name", domain->name),
			SD_JSON_BUILD_PAIR_INTEGER("id", domain->id),
			SD_JSON_BUILD_PAIR_VARIANT("knobs", policy),
			SD_JSON_BUILD_PAIR("errors",
				SD_JSON_BUILD_STRV(domain->errors)));
}

static int build(const struct vg_daemon *d, sd_json_variant **ret)
{
	vg_autojson sd_json_variant *vms = NULL, *domains = NULL;
	int r;

	r = sd_json_variant_new_array(&vms, NULL, 0);
	if (r >= 0)
		r = sd_json_variant_new_array(&domains, NULL, 0);
	for (size_t i = 0; r >= 0 && i < d->vms.nr; i++) {
		const struct vg_entry *e = d->vms.entries[i];

		if (!vg_policy_empty(&e->set))
			r = save_vm(e->dir, e->id, e->pid, &e->set, &vms);
	}
	for (size_t i = 0; r >= 0 && d->saved && i < d->saved->nr; i++) {
		const struct saved_vm *vm = &d->saved->vms[i];

		r = save_vm(vm->dir, vm->id, vm->pid, &vm->set, &vms);
	}
	for (size_t i = 0; r >= 0 && i < d->domains.nr; i++)
		r = save_domain(d->domains.records[i], &domains);
	if (r < 0)
		return r;
	return sd_json_buildo(ret,
			SD_JSON_BUILD_PAIR_INTEGER("version", STATE_VERSION),
			SD_JSON_BUILD_PAIR_VARIANT("vms", vms),
			SD_JSON_BUILD_PAIR_VARIANT("domains", domains));
}

/* A reader finds the old file or the new one, never a part of one. */
static int replace(const char *run, const char *text)
{
	vg_autofd int dir = open(run, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int fd, r;

	if (dir < 0)
		return -errno;
	fd = openat(dir, "state.json.new",
		    O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	r = dprintf(fd, "%s\n", text) < 0 ? -errno : 0;
	if (close(fd) < 0 && r == 0)
		r = -errno;
	if (r == 0 && renameat(dir, "state.json.new", dir, "state.json") < 0)
		r = -errno;
	if (r < 0)
		unlinkat(dir, "state.json.new", 0);
	return r;
}

int vg_daemon_save(struct vg_daemon *d)
{
	vg_autojson sd_json_variant *v = NULL;
	vg_autofree char *text = NULL;
	int r;

	d->save_source = sd_event_source_disable_unref(d->save_source);
	r = build(d, &v);
	if (r >= 0)
		r = sd_json_variant_format(v, 0, &text);
	if (r >= 0)
		r = replace(d->paths.run, text);
	if (r < 0)
		vg_err("%s/state.json: %s; a restart will forget what was set",
		       d->paths.run, strerror(-r));
	return r;
}

static int on_save(sd_event_source *source, uint64_t usec, void *userdata)
{
	vg_daemon_save(userdata);
	return 0;
}

/* For changes that come in crowds: one file for all of them. */
void vg_daemon_save_later(struct vg_daemon *d)
{
	if (d->save_source)
		return;
	if (sd_event_add_time_relative(d->event, &d->save_source,
				       CLOCK_MONOTONIC, SAVE_DELAY_US, 0,
				       on_save, d) < 0)
		vg_daemon_save(d);
}
