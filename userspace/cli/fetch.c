// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "address.h"
#include "cli.h"
#include "client.h"
#include "proc.h"
#include "util.h"
#include "vm.h"

#define CALL_TIMEOUT_US (10ULL * 1000 * 1000)

void vg_complain(const char *fmt, ...)
{
	va_list ap;

	fflush(stdout);
	fputs("vmgang: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
}

int vg_print_json(sd_json_variant *v)
{
	int r = sd_json_variant_dump(v, SD_JSON_FORMAT_PRETTY |
				     SD_JSON_FORMAT_NEWLINE, stdout, NULL);

	return r < 0 || fflush(stdout) != 0 ? EXIT_FAILED : EXIT_OK;
}

int vg_fetch_daemon(struct vg_cli *cli, char **error)
{
	int r;

	if (cli->link)
		return 0;
	r = vg_client_connect(cli->paths.socket, CALL_TIMEOUT_US, &cli->link);
	if (r == -ENOENT || r == -ECONNREFUSED)
		vg_error_set(error, "vmgangd does not run (systemctl start vmgangd)");
	else if (r < 0)
		vg_error_set(error, "%s: %s", cli->paths.socket, strerror(-r));
	return r;
}

/*
 * Without the daemon, or where it may not be asked, the module's files say
 * all but who decided. They are world-readable.
 */
static int call(struct vg_cli *cli, const char *method,
		sd_json_variant *parameters, sd_json_variant **ret,
		char **error)
{
	vg_autofree char *why = NULL;
	int r;

	if (cli->direct)
		return -EAGAIN;
	r = vg_fetch_daemon(cli, &why);
	if (r == 0) {
		r = vg_client_call(cli->link, method, parameters, ret, &why);
		if (r != -EACCES && r != -ETIMEDOUT) {
			*error = why;
			why = NULL;
			return r;
		}
	}
	vg_complain("%s; reading %s, where sources are unknown",
		    vg_error_text(why), cli->paths.sysfs);
	cli->direct = true;
	return -EAGAIN;
}

static int direct_vm(struct vg_cli *cli, int sysfs, const char *dir,
		     unsigned int what, sd_json_variant **ret)
{
	vg_autofree char *label = NULL;
	struct vg_identity id = {};
	struct vg_vm_view view = {};
	struct vg_vm vm;
	int r = vg_vm_read(sysfs, dir, what, &vm);

	if (r < 0)
		return r;
	vg_identity_read(cli->paths.proc, vm.pid, &id);
	label = vg_printable(vm.label);
	view.vm = &vm;
	view.name = id.name ? id.name : label && *label ? label : NULL;
	view.uuid = id.uuid;
	for (int k = 0; k < VG_NR_KNOBS; k++)
		view.source[k] = "unknown";
	r = vg_vm_to_json(&view, what, ret);
	vg_identity_free(&id);
	vg_vm_free(&vm);
	return r;
}

static int direct_open(struct vg_cli *cli)
{
	int fd = vg_sysfs_open(cli->paths.sysfs);

	if (fd == -ENOENT)
		vg_complain("the module vmgang is not loaded (modprobe vmgang)");
	else if (fd < 0)
		vg_complain("%s: %s", cli->paths.sysfs, strerror(-fd));
	return fd;
}

static int direct_list(struct vg_cli *cli, unsigned int what,
		       sd_json_variant **ret)
{
	vg_autojson sd_json_variant *vms = NULL;
	vg_autofd int sysfs = direct_open(cli);
	vg_autostrv char **dirs = NULL;
	char state[16];
	int r;

	if (sysfs < 0)
		return sysfs;
	r = vg_sysfs_state(sysfs, state);
	if (r == 0)
		r = vg_vm_list(sysfs, &dirs);
	if (r == 0)
		r = sd_json_variant_new_array(&vms, NULL, 0);
	for (char **dir = dirs; r >= 0 && dir && *dir; dir++) {
		vg_autojson sd_json_variant *vm = NULL;

		r = direct_vm(cli, sysfs, *dir, what, &vm);
		if (r >= 0)
			r = sd_json_variant_append_array(&vms, vm);
		else if (r == -ENOENT)	/* died meanwhile */
			r = 0;
	}
	if (r >= 0)
		r = sd_json_buildo(ret,
				SD_JSON_BUILD_PAIR_STRING("state", state),
				SD_JSON_BUILD_PAIR_VARIANT("vms", vms));
	if (r < 0)
		vg_complain("%s: %s", cli->paths.sysfs, strerror(-r));
	return r < 0 ? r : 0;
}

int vg_fetch_list(struct vg_cli *cli, sd_json_variant **ret)
{
	vg_autofree char *error = NULL;
	int r = call(cli, "List", NULL, ret, &error);

	if (r == -EAGAIN)
		return direct_list(cli, VG_VM_STATS, ret);
	if (r < 0)
		vg_complain("%s", vg_error_text(error));
	return r;
}

/* The index of the VM that is meant among those of a list. */
static int find_in_list(sd_json_variant *vms, const char *query, size_t *ret)
{
	vg_autofree struct vg_address *addresses = NULL;
	size_t n = sd_json_variant_elements(vms);
	vg_autofree char *error = NULL;
	int r;

	addresses = calloc(n + 1, sizeof(*addresses));
	if (!addresses)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		sd_json_variant *vm = sd_json_variant_by_index(vms, i);

		addresses[i] = (struct vg_address){
			.dir = vg_json_string(vm, "dir", ""),
			.pid = (pid_t)vg_json_u64(vm, "pid"),
			.name = vg_json_string(vm, "name", NULL),
			.uuid = vg_json_string(vm, "uuid", NULL),
		};
	}
	r = vg_address_find(query, addresses, n, ret, &error);
	if (r < 0)
		vg_complain("%s", vg_error_text(error));
	return r;
}

static int direct_show(struct vg_cli *cli, const char *query,
		       sd_json_variant **ret)
{
	vg_autojson sd_json_variant *all = NULL;
	sd_json_variant *vms;
	size_t i;
	int r;

	r = direct_list(cli, VG_VM_STATS | VG_VM_VCPUS, &all);
	if (r < 0)
		return r;
	vms = sd_json_variant_by_key(all, "vms");
	r = find_in_list(vms, query, &i);
	if (r == 0)
		*ret = sd_json_variant_ref(sd_json_variant_by_index(vms, i));
	return r;
}

int vg_fetch_vm(struct vg_cli *cli, const char *vm, sd_json_variant **ret)
{
	vg_autojson sd_json_variant *parameters = NULL, *reply = NULL;
	vg_autofree char *error = NULL;
	int r;

	r = sd_json_buildo(&parameters, SD_JSON_BUILD_PAIR_STRING("vm", vm));
	if (r >= 0)
		r = call(cli, "Show", parameters, &reply, &error);
	if (r == -EAGAIN)
		return direct_show(cli, vm, ret);
	if (r < 0) {
		vg_complain("%s", vg_error_text(error));
		return r;
	}
	*ret = sd_json_variant_ref(sd_json_variant_by_key(reply, "vm"));
	return *ret ? 0 : -EPROTO;
}

const char *vg_vm_knob(sd_json_variant *vm, const char *knob,
		       const char *field)
{
	sd_json_variant *policy = sd_json_variant_by_key(vm, "policy");
	sd_json_variant *k = policy ? sd_json_variant_by_key(policy, knob)
				    : NULL;

	return k ? vg_json_string(k, field, "-") : "-";
}

const char *vg_vm_title(sd_json_variant *vm)
{
	return vg_json_string(vm, "name", "-");
}
