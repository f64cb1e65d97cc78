// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "daemon.h"
#include "log.h"
#include "presets.h"
#include "util.h"

static const struct vg_domain_record *domain_of(const struct vg_daemon *d,
						const struct vg_entry *entry)
{
	return vg_domains_find(&d->domains, entry->identity.uuid,
			       entry->identity.name);
}

/* Its own command line's name, or libvirt's. NULL: nobody has given it one. */
static const char *name_of(const struct vg_daemon *d,
			   const struct vg_entry *entry)
{
	const struct vg_domain_record *domain;

	if (entry->identity.name)
		return entry->identity.name;
	domain = domain_of(d, entry);
	return domain && domain->name[0] ? domain->name : NULL;
}

static void resolve(struct vg_daemon *d, struct vg_entry *entry,
		    const char *cgroup)
{
	const struct vg_domain_record *domain = domain_of(d, entry);
	const struct vg_rule *rule = vg_config_match(&d->config,
			name_of(d, entry), entry->identity.uuid, cgroup);
	const struct vg_policy *levels[VG_NR_SOURCES] = {
		[VG_SOURCE_DEFAULT] = &d->config.defaults,
		[VG_SOURCE_MATCH] = rule ? &rule->policy : NULL,
		[VG_SOURCE_METADATA] = domain ? &domain->policy : NULL,
		[VG_SOURCE_SET] = &entry->set,
	};

	/* What this host can not do leaves the VM to who is asked next. */
	for (int s = 0; s < VG_NR_SOURCES; s++) {
		vg_autofree char *error = NULL;

		if (!levels[s] ||
		    vg_policy_offered(levels[s], &d->offers, &error) == 0)
			continue;
		levels[s] = NULL;
		vg_warn("VM %s: %s: %s", entry->dir,
			vg_source_name((enum vg_source)s), vg_error_text(error));
		vg_strv_addf(&entry->errors, "%s: %s",
			     vg_source_name((enum vg_source)s),
			     vg_error_text(error));
	}
	vg_policy_resolve(levels, &entry->resolved);
}

static int write_knobs(struct vg_daemon *d, struct vg_entry *entry,
		       const struct vg_vm *vm)
{
	int ret = 0;

	for (int k = 0; k < VG_NR_KNOBS; k++) {
		const char *value = entry->resolved.value[k];
		int r;

		if (!vg_knob_sysfs((enum vg_knob)k) ||
		    vg_knob_reserves((enum vg_knob)k) ||
		    strcmp(vm->knobs[k], value) == 0)
			continue;
		r = vg_vm_write_knob(d->sysfs, entry->dir, (enum vg_knob)k,
				     value);
		if (r == -ENOENT)
			return r;
		if (r == 0)
			continue;
		ret = r;
		vg_strv_addf(&entry->errors, "the kernel refuses %s=%s: %s",
			     vg_knob_name((enum vg_knob)k), value,
			     strerror(-r));
		vg_err("VM %s: the kernel refuses %s=%s: %s", entry->dir,
		       vg_knob_name((enum vg_knob)k), value, strerror(-r));
	}
	if (ret == 0)
		ret = vg_daemon_write_reserve(d, entry, vm);
	return ret;
}

/*
 * Decides a VM's policy anew and writes what differs. -ENOENT: it has died,
 * and its uevent will say so.
 */
int vg_daemon_apply(struct vg_daemon *d, struct vg_entry *entry)
{
	const char *name;
	struct vg_vm vm;
	int r;

	if (d->sysfs < 0)
		return -ENOENT;
	r = vg_vm_read(d->sysfs, entry->dir, 0, &vm);
	if (r < 0)
		return r;
	vg_strv_free(entry->errors);
	entry->errors = NULL;
	resolve(d, entry, vm.cgroup);
	r = write_knobs(d, entry, &vm);
	name = name_of(d, entry);
	if (r != -ENOENT && name && strcmp(name, vm.label) != 0)
		vg_vm_write_label(d->sysfs, entry->dir, name);
	vg_vm_free(&vm);
	return r;
}

void vg_daemon_apply_all(struct vg_daemon *d)
{
	for (size_t i = 0; i < d->vms.nr; i++)
		vg_daemon_apply(d, d->vms.entries[i]);
}

static void forget(struct vg_daemon *d, struct vg_entry *entry)
{
	bool saved = !vg_policy_empty(&entry->set);

	vg_debug("VM %s is gone", entry->dir);
	vg_vmtable_remove(&d->vms, entry);
	if (saved)
		vg_daemon_save_later(d);
}

void vg_daemon_vm_added(struct vg_daemon *d, const char *dir)
{
	struct vg_entry *entry = vg_vmtable_by_dir(&d->vms, dir);
	struct vg_identity identity = {};
	struct vg_vm vm;
	uint64_t id;
	int r;

	if (d->sysfs < 0)
		return;
	if (entry && vg_vm_read_id(d->sysfs, dir, &id) == 0 && entry->id == id)
		return;
	r = vg_vm_read(d->sysfs, dir, 0, &vm);
	if (r < 0) {
		if (r != -ENOENT)
			vg_err("VM %s: can not be read: %s", dir, strerror(-r));
		return;
	}
	if (entry)
		forget(d, entry);
	r = vg_identity_read(d->paths.proc, vm.pid, &identity);
	if (r < 0)
		vg_debug("VM %s: no command line: %s", dir, strerror(-r));
	entry = vg_vmtable_add(&d->vms, dir, vm.id, vm.pid, &identity);
	vg_identity_free(&identity);
	if (!entry) {
		vg_err("VM %s: out of memory; it keeps the default policy", dir);
		goto done;
	}
	vg_daemon_claim_saved(d, entry);
	vg_daemon_apply(d, entry);
	vg_debug("VM %s (%s): cosched %s by %s", dir,
		 entry->identity.name ? entry->identity.name : "no name",
		 entry->resolved.value[VG_KNOB_COSCHED],
		 vg_source_name(entry->resolved.source[VG_KNOB_COSCHED]));
done:
	vg_vm_free(&vm);
}

void vg_daemon_vm_removed(struct vg_daemon *d, const char *dir)
{
	struct vg_entry *entry = vg_vmtable_by_dir(&d->vms, dir);

	if (entry)
		forget(d, entry);
}

static void forget_all(struct vg_daemon *d)
{
	while (d->vms.nr > 0)
		forget(d, d->vms.entries[d->vms.nr - 1]);
}

/* Opens the module's tree, or notices that it has gone. True if it is there. */
static bool check_module(struct vg_daemon *d)
{
	char version[32];
	int fd;

	if (d->sysfs >= 0 && vg_sysfs_version(d->sysfs, version) == 0)
		return true;
	fd = vg_sysfs_open(d->paths.sysfs);
	if (d->sysfs >= 0) {
		close(d->sysfs);
		d->sysfs = -1;
		forget_all(d);
		vg_watch_module(d);
		vg_supervisor_module(&d->supervisor, false);
	}
	if (fd < 0)
		return false;
	d->sysfs = fd;
	vg_sysfs_offers(fd, &d->offers);
	vg_watch_module(d);
	vg_supervisor_module(&d->supervisor, true);
	return true;
}

/*
 * Makes the table what the kernel says it is. Only VMs that are new are
 * written to: what somebody wrote to another's files by hand stays.
 */
void vg_daemon_resync(struct vg_daemon *d)
{
	vg_autostrv char **dirs = NULL;
	int r;

	if (!check_module(d))
		return;
	r = vg_vm_list(d->sysfs, &dirs);
	if (r < 0) {
		vg_err("%s/vms: %s", d->paths.sysfs, strerror(-r));
		return;
	}
	for (size_t i = d->vms.nr; i-- > 0;) {
		struct vg_entry *entry = d->vms.entries[i];
		char **dir = dirs;

		while (dir && *dir && strcmp(*dir, entry->dir) != 0)
			dir++;
		if (!dir || !*dir)
			forget(d, entry);
	}
	for (char **dir = dirs; dir && *dir; dir++)
		vg_daemon_vm_added(d, *dir);
	vg_daemon_drop_saved(d);
	vg_supervisor_check(&d->supervisor);
}

/* A value that is not the one decided was written to sysfs by hand. */
static const char *source_of(const struct vg_entry *entry,
			     const struct vg_vm *vm, int k)
{
	if (vg_knob_sysfs((enum vg_knob)k) &&
	    strcmp(vm->knobs[k], entry->resolved.value[k]) != 0)
		return "sysfs";
	return vg_source_name(entry->resolved.source[k]);
}

static int copy_errors(char *const *from, char ***to)
{
	int r = 0;

	for (; r == 0 && from && *from; from++)
		r = vg_strv_add(to, *from);
	return r;
}

int vg_daemon_vm_json(struct vg_daemon *d, const struct vg_entry *entry,
		      unsigned int what, sd_json_variant **ret)
{
	const struct vg_domain_record *domain = domain_of(d, entry);
	vg_autostrv char **errors = NULL;
	struct vg_vm_view view = {};
	struct vg_vm vm;
	int r;

	if (d->sysfs < 0)
		return -ENOENT;
	r = copy_errors(domain ? domain->errors : NULL, &errors);
	if (r == 0)
		r = copy_errors(entry->errors, &errors);
	if (r == 0)
		r = vg_vm_read(d->sysfs, entry->dir, what, &vm);
	if (r < 0)
		return r;
	r = vg_daemon_reserve_errors(&vm, &errors);
	if (r < 0) {
		vg_vm_free(&vm);
		return r;
	}
	view = (struct vg_vm_view){
		.vm = &vm,
		.name = name_of(d, entry),
		.uuid = entry->identity.uuid,
		.preset = entry->resolved.value[VG_KNOB_PRESET],
		.errors = errors,
	};
	if (!view.uuid && domain)
		view.uuid = domain->uuid;
	for (int k = 0; k < VG_NR_KNOBS; k++)
		view.source[k] = source_of(entry, &vm, k);
	r = vg_vm_to_json(&view, what, ret);
	vg_vm_free(&vm);
	return r;
}
