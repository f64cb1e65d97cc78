// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "client.h"
#include "json.h"
#include "util.h"

int vg_client_connect(const char *socket, uint64_t timeout_us,
		      sd_varlink **ret)
{
	sd_varlink *link;
	int r = sd_varlink_connect_address(&link, socket);

	if (r < 0)
		return r;
	r = sd_varlink_set_relative_timeout(link, timeout_us);
	if (r < 0) {
		sd_varlink_close_unref(link);
		return r;
	}
	*ret = link;
	return 0;
}

/* Makes a sentence of a varlink error. */
static int explain(const char *id, sd_json_variant *p, char **error)
{
	if (strcmp(id, VG_INTERFACE ".NoSuchVm") == 0) {
		vg_error_set(error, "no VM is called \"%s\", by name, uuid or pid",
			     vg_json_string(p, "vm", "?"));
		return -ENOENT;
	}
	if (strcmp(id, VG_INTERFACE ".BadValue") == 0) {
		vg_error_set(error, "%s: bad value \"%s\" (allowed: %s)",
			     vg_json_string(p, "knob", "?"),
			     vg_json_string(p, "value", "?"),
			     vg_json_string(p, "allowed", "?"));
		return -EINVAL;
	}
	if (strcmp(id, VG_INTERFACE ".NotAllowed") == 0) {
		vg_error_set(error, "not allowed: this call is root's");
		return -EACCES;
	}
	if (strcmp(id, VG_INTERFACE ".Failed") == 0) {
		vg_error_set(error, "%s", vg_json_string(p, "message", "?"));
		return -EREMOTEIO;
	}
	if (strcmp(id, SD_VARLINK_ERROR_INVALID_PARAMETER) == 0) {
		vg_error_set(error, "vmgangd refuses the parameter \"%s\"",
			     vg_json_string(p, "parameter", "?"));
		return -EINVAL;
	}
	if (strcmp(id, SD_VARLINK_ERROR_DISCONNECTED) == 0) {
		vg_error_set(error,
			     "vmgangd closed the connection: only root and its Group= may call it");
		return -EACCES;
	}
	if (strcmp(id, SD_VARLINK_ERROR_TIMEOUT) == 0) {
		vg_error_set(error, "vmgangd does not answer");
		return -ETIMEDOUT;
	}
	vg_error_set(error, "vmgangd: %s", id);
	return -EREMOTEIO;
}

int vg_client_call(sd_varlink *link, const char *method,
		   sd_json_variant *parameters, sd_json_variant **ret,
		   char **error)
{
	vg_autofree char *full = NULL;
	sd_json_variant *reply = NULL;
	const char *error_id = NULL;
	int r;

	if (asprintf(&full, VG_INTERFACE ".%s", method) < 0) {
		full = NULL;
		return -ENOMEM;
	}
	r = sd_varlink_call(link, full, parameters, &reply, &error_id);
	if (r == -ETIMEDOUT || r == -ETIME)
		return explain(SD_VARLINK_ERROR_TIMEOUT, NULL, error);
	if (r == -ECONNRESET || r == -EPIPE || r == -ENOTCONN)
		return explain(SD_VARLINK_ERROR_DISCONNECTED, NULL, error);
	if (r < 0) {
		vg_error_set(error, "vmgangd: %s", strerror(-r));
		return r;
	}
	if (error_id)
		return explain(error_id, reply, error);
	if (ret)
		*ret = sd_json_variant_ref(reply);
	return 0;
}
