// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <systemd/sd-varlink.h>

#include "class.h"
#include "client.h"
#include "daemon.h"
#include "idl.h"
#include "log.h"
#include "peer.h"
#include "presets.h"
#include "util.h"
#include "version.h"

#define CONNECTIONS_MAX 64
#define CONNECTIONS_PER_UID_MAX 32
#define KNOBS_MAX 16
#define STRING_MAX 255

struct vg_control {
	sd_varlink_server *server;
	gid_t readers;		/* Group='s gid, -1: no such group */
};

static int reply_failed(sd_varlink *link, const char *message)
{
	return sd_varlink_errorbo(link, VG_INTERFACE ".Failed",
			SD_JSON_BUILD_PAIR_STRING("message", message));
}

static int reply_no_such_vm(sd_varlink *link, const char *vm)
{
	return sd_varlink_errorbo(link, VG_INTERFACE ".NoSuchVm",
			SD_JSON_BUILD_PAIR_STRING("vm", vm));
}

static int reply_bad_value(sd_varlink *link, const char *knob,
			   const char *value)
{
	int k = vg_knob_from_name(knob);
	char knobs[280];

	snprintf(knobs, sizeof(knobs), "the knobs %s", vg_knob_names());
	return sd_varlink_errorbo(link, VG_INTERFACE ".BadValue",
			SD_JSON_BUILD_PAIR_STRING("knob", knob),
			SD_JSON_BUILD_PAIR_STRING("value", value),
			SD_JSON_BUILD_PAIR_STRING("allowed", k < 0 ?
				knobs :
				vg_knob_allowed((enum vg_knob)k)));
}

static bool allowed(sd_varlink *link, const struct vg_daemon *d,
		    enum vg_access needed)
{
	return vg_access_of(sd_varlink_get_fd(link), d->control->readers) >=
	       needed;
}

static int reply_not_allowed(sd_varlink *link)
{
	return sd_varlink_error(link, VG_INTERFACE ".NotAllowed", NULL);
}

static void state_of(const struct vg_daemon *d, char ret[static 16])
{
	if (d->sysfs < 0 || vg_sysfs_state(d->sysfs, ret) < 0)
		snprintf(ret, 16, "none");
}

static int list(sd_varlink *link, sd_json_variant *parameters,
		sd_varlink_method_flags_t flags, void *userdata)
{
	vg_autojson sd_json_variant *vms = NULL;
	struct vg_daemon *d = userdata;
	char state[16];
	int r;

	if (!allowed(link, d, VG_ACCESS_READ))
		return reply_not_allowed(link);
	state_of(d, state);
	r = sd_json_variant_new_array(&vms, NULL, 0);
	for (size_t i = 0; r >= 0 && i < d->vms.nr; i++) {
		vg_autojson sd_json_variant *vm = NULL;

		r = vg_daemon_vm_json(d, d->vms.entries[i], VG_VM_STATS, &vm);
		if (r >= 0)
			r = sd_json_variant_append_array(&vms, vm);
		else if (r == -ENOENT)	/* it has died: its event will come */
			r = 0;
	}
	if (r < 0)
		return reply_failed(link, strerror(-r));
	return sd_varlink_replybo(link,
			SD_JSON_BUILD_PAIR_STRING("state", state),
			SD_JSON_BUILD_PAIR_VARIANT("vms", vms));
}

static int reply_vm(sd_varlink *link, struct vg_daemon *d,
		    const struct vg_entry *entry, const char *query)
{
	vg_autojson sd_json_variant *vm = NULL;
	int r = vg_daemon_vm_json(d, entry, VG_VM_STATS | VG_VM_VCPUS, &vm);

	if (r == -ENOENT)
		return reply_no_such_vm(link, query);
	if (r < 0)
		return reply_failed(link, strerror(-r));
	return sd_varlink_replybo(link, SD_JSON_BUILD_PAIR_VARIANT("vm", vm));
}

/* A string parameter of reasonable length, or NULL. */
static const char *string_of(sd_json_variant *parameters, const char *key)
{
	const char *s = vg_json_string(parameters, key, NULL);

	return s && strlen(s) <= STRING_MAX ? s : NULL;
}

/* Finds the VM of a call; replies itself when there is none: *ret is NULL. */
static int find_vm(sd_varlink *link, sd_json_variant *parameters,
		   struct vg_daemon *d, const char **ret_query,
		   struct vg_entry **ret)
{
	const char *query = string_of(parameters, "vm");
	vg_autofree char *error = NULL;
	int r;

	*ret = NULL;
	if (!query)
		return sd_varlink_error_invalid_parameter_name(link, "vm");
	*ret_query = query;
	r = vg_vmtable_find(&d->vms, query, ret, &error);
	if (r == -ENOENT)
		return reply_no_such_vm(link, query);
	return r < 0 ? reply_failed(link, vg_error_text(error)) : 0;
}

static int show(sd_varlink *link, sd_json_variant *parameters,
		sd_varlink_method_flags_t flags, void *userdata)
{
	struct vg_daemon *d = userdata;
	struct vg_entry *entry;
	const char *query;
	int r;

	if (!allowed(link, d, VG_ACCESS_READ))
		return reply_not_allowed(link);
	r = find_vm(link, parameters, d, &query, &entry);
	return entry ? reply_vm(link, d, entry, query) : r;
}

typedef int (*put_t)(struct vg_policy *policy, const char *knob,
		     const char *value, char **error);

/*
 * Puts all knobs of a call into a policy, the preset first: the others are
 * exceptions from it. On a bad one it replies; *done says so.
 */
static int put_knobs(sd_varlink *link, sd_json_variant *parameters, put_t put,
		     struct vg_policy *policy, bool *done)
{
	sd_json_variant *knobs = sd_json_variant_by_key(parameters, "knobs");

	*done = true;
	if (!knobs || !sd_json_variant_is_object(knobs) ||
	    sd_json_variant_elements(knobs) > 2 * KNOBS_MAX)
		return sd_varlink_error_invalid_parameter_name(link, "knobs");
	for (int pass = 0; pass < 2; pass++) {
		for (size_t i = 0; i < sd_json_variant_elements(knobs); i += 2) {
			const char *knob = sd_json_variant_string(
				sd_json_variant_by_index(knobs, i));
			sd_json_variant *v =
				sd_json_variant_by_index(knobs, i + 1);

			if (!sd_json_variant_is_string(v))
				return sd_varlink_error_invalid_parameter_name(
					link, "knobs");
			if ((strcmp(knob, "preset") == 0) != (pass == 0))
				continue;
			if (put(policy, knob, sd_json_variant_string(v),
				NULL) < 0)
				return reply_bad_value(link, knob,
						sd_json_variant_string(v));
		}
	}
	*done = false;
	return 0;
}

static int set(sd_varlink *link, sd_json_variant *parameters,
	       sd_varlink_method_flags_t flags, void *userdata)
{
	struct vg_daemon *d = userdata;
	vg_autofree char *missing = NULL;
	struct vg_policy policy, old;
	struct vg_entry *entry;
	const char *query;
	bool done;
	int r;

	if (!allowed(link, d, VG_ACCESS_ALL))
		return reply_not_allowed(link);
	r = find_vm(link, parameters, d, &query, &entry);
	if (!entry)
		return r;
	policy = old = entry->set;
	r = put_knobs(link, parameters, vg_policy_change, &policy, &done);
	if (done)
		return r;
	if (vg_policy_offered(&policy, &d->offers, &missing) < 0)
		return reply_failed(link, vg_error_text(missing));
	entry->set = policy;
	r = vg_daemon_apply(d, entry);
	if (r < 0) {
		vg_autofree char *why = NULL;

		vg_error_set(&why, "%s", entry->errors ? entry->errors[0] :
			     strerror(-r));
		entry->set = old;
		vg_daemon_apply(d, entry);
		return r == -ENOENT ? reply_no_such_vm(link, query) :
				      reply_failed(link, vg_error_text(why));
	}
	vg_daemon_save(d);
	vg_daemon_status(d);
	vg_info("VM %s: policy set at run time", entry->dir);
	return reply_vm(link, d, entry, query);
}

static int status(sd_varlink *link, sd_json_variant *parameters,
		  sd_varlink_method_flags_t flags, void *userdata)
{
	struct vg_daemon *d = userdata;
	const struct vg_supervisor *s = &d->supervisor;
	vg_autofree char *owner = NULL;
	char state[16], version[32];
	bool module;

	if (!allowed(link, d, VG_ACCESS_READ))
		return reply_not_allowed(link);
	state_of(d, state);
	module = d->sysfs >= 0 && vg_sysfs_version(d->sysfs, version) == 0;
	if (vg_class_owner(&owner) < 0)
		owner = NULL;
	return sd_varlink_replybo(link,
		SD_JSON_BUILD_PAIR_STRING("version", VMGANG_VERSION),
		SD_JSON_BUILD_PAIR_CONDITION(module, "module_version",
			SD_JSON_BUILD_STRING(version)),
		SD_JSON_BUILD_PAIR_STRING("state", state),
		SD_JSON_BUILD_PAIR_CONDITION(!!owner, "class_owner",
			SD_JSON_BUILD_STRING(owner)),
		SD_JSON_BUILD_PAIR_CONDITION(!!s->why, "class_error",
			SD_JSON_BUILD_STRING(s->why)),
		SD_JSON_BUILD_PAIR_UNSIGNED("class_ejections", s->ejections),
		SD_JSON_BUILD_PAIR_CONDITION(!!s->last_exit, "class_last_exit",
			SD_JSON_BUILD_STRING(s->last_exit)),
		SD_JSON_BUILD_PAIR_STRING("libvirt", d->libvirt ?
			vg_libvirt_state_name(vg_libvirt_state(d->libvirt)) :
			"off"),
		SD_JSON_BUILD_PAIR_UNSIGNED("hook_calls", d->hook_calls),
		SD_JSON_BUILD_PAIR_STRING("config", d->paths.conf),
		SD_JSON_BUILD_PAIR_CONDITION(!!d->config_error, "config_error",
			SD_JSON_BUILD_STRING(d->config_error)),
		SD_JSON_BUILD_PAIR("config_warnings",
			SD_JSON_BUILD_STRV(d->config.warnings)),
		SD_JSON_BUILD_PAIR_UNSIGNED("nr_vms", d->vms.nr),
		SD_JSON_BUILD_PAIR_UNSIGNED("nr_domains", d->domains.nr));
}

static int set_domain(sd_varlink *link, sd_json_variant *parameters,
		      sd_varlink_method_flags_t flags, void *userdata)
{
	sd_json_variant *id = sd_json_variant_by_key(parameters, "id");
	const char *uuid = string_of(parameters, "uuid");
	const char *name = string_of(parameters, "name");
	vg_autostrv char **errors = NULL;
	struct vg_policy policy = {};
	struct vg_daemon *d = userdata;
	char canonical[37];
	int64_t number;
	bool done;
	int r;

	if (!allowed(link, d, VG_ACCESS_ALL))
		return reply_not_allowed(link);
	if (!uuid || vg_uuid_normalize(uuid, canonical) < 0)
		return sd_varlink_error_invalid_parameter_name(link, "uuid");
	if (!name)
		return sd_varlink_error_invalid_parameter_name(link, "name");
	number = id && sd_json_variant_is_integer(id) ?
			 sd_json_variant_integer(id) : -1;
	if (number < -1 || number > INT_MAX)
		return sd_varlink_error_invalid_parameter_name(link, "id");
	if (vg_json_errors(parameters, &errors) < 0)
		return sd_varlink_error_invalid_parameter_name(link, "errors");
	r = put_knobs(link, parameters, vg_policy_put, &policy, &done);
	if (done)
		return r;
	d->hook_calls++;
	r = vg_daemon_domain_put(d, canonical, name, (int)number, &policy,
				 errors);
	if (r < 0)
		return reply_failed(link, strerror(-r));
	vg_daemon_save(d);
	if (d->libvirt)
		vg_libvirt_kick(d->libvirt);
	vg_daemon_status(d);
	return sd_varlink_reply(link, NULL);
}

static int forget_domain(sd_varlink *link, sd_json_variant *parameters,
			 sd_varlink_method_flags_t flags, void *userdata)
{
	const char *uuid = string_of(parameters, "uuid");
	struct vg_daemon *d = userdata;
	char canonical[37];

	if (!allowed(link, d, VG_ACCESS_ALL))
		return reply_not_allowed(link);
	if (!uuid || vg_uuid_normalize(uuid, canonical) < 0)
		return sd_varlink_error_invalid_parameter_name(link, "uuid");
	d->hook_calls++;
	vg_daemon_domain_forget(d, canonical);
	return sd_varlink_reply(link, NULL);
}

/* Strangers are sent away before a byte of theirs is parsed. */
static int on_connect(sd_varlink_server *server, sd_varlink *link,
		      void *userdata)
{
	return allowed(link, userdata, VG_ACCESS_READ) ? 0 : -EACCES;
}

static gid_t readers_of(const struct vg_config *config)
{
	struct group *group = getgrnam(config->group);

	if (group)
		return group->gr_gid;
	vg_debug("group %s does not exist: only root may call", config->group);
	return (gid_t)-1;
}

int vg_control_start(struct vg_daemon *d)
{
	struct vg_control *c = calloc(1, sizeof(*c));
	sd_varlink_server *s;
	int r;

	if (!c)
		return -ENOMEM;
	d->control = c;
	c->readers = readers_of(&d->config);
	r = sd_varlink_server_new(&c->server,
				  SD_VARLINK_SERVER_ACCOUNT_UID |
				  SD_VARLINK_SERVER_INHERIT_USERDATA);
	if (r < 0)
		return r;
	s = c->server;
	sd_varlink_server_set_userdata(s, d);
	sd_varlink_server_set_connections_max(s, CONNECTIONS_MAX);
	sd_varlink_server_set_connections_per_uid_max(s,
						      CONNECTIONS_PER_UID_MAX);
	r = sd_varlink_server_set_info(s, "vmgang", "vmgangd", VMGANG_VERSION,
				       NULL);
	if (r >= 0)
		r = sd_varlink_server_add_interface(s, &vl_interface_io_vmgang);
	if (r >= 0)
		r = sd_varlink_server_bind_method_many(s,
				VG_INTERFACE ".List", list,
				VG_INTERFACE ".Show", show,
				VG_INTERFACE ".Set", set,
				VG_INTERFACE ".Status", status,
				VG_INTERFACE ".SetDomain", set_domain,
				VG_INTERFACE ".ForgetDomain", forget_domain);
	if (r >= 0)
		r = sd_varlink_server_bind_connect(s, on_connect);
	if (r >= 0)
		r = sd_varlink_server_attach_event(s, d->event, 0);
	if (r >= 0)
		r = sd_varlink_server_listen_address(s, d->paths.socket, 0666);
	if (r < 0)
		vg_err("%s: %s", d->paths.socket, strerror(-r));
	return r;
}

void vg_control_reload(struct vg_daemon *d)
{
	d->control->readers = readers_of(&d->config);
}

void vg_control_stop(struct vg_daemon *d)
{
	if (!d->control)
		return;
	sd_varlink_server_unref(d->control->server);
	free(d->control);
	d->control = NULL;
}
