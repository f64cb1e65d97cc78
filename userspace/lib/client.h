/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef VMGANG_CLIENT_H
#define VMGANG_CLIENT_H

#include <stdint.h>
#include <systemd/sd-varlink.h>

/* The interface's name, with the dot that methods and errors follow. */
#define VG_INTERFACE "io.vmgang"

/*
 * Connects to the daemon; a call that takes longer than timeout_us fails.
 * -ENOENT or -ECONNREFUSED: it does not run. Release with
 * sd_varlink_close_unref().
 */
int vg_client_connect(const char *socket, uint64_t timeout_us,
		      sd_varlink **ret);

/**
 * vg_client_call - call one of the daemon's methods
 * @link: from vg_client_connect()
 * @method: without the interface's name: "List"
 * @parameters: or NULL
 * @ret: the reply, to be unreferenced; may be NULL
 * @error: what the daemon said was wrong, as a sentence
 *
 * Return: 0, -ENOENT (no such VM), -EINVAL (bad value), -EACCES (not
 * allowed), -EREMOTEIO (failed otherwise), or what went wrong on the way.
 */
int vg_client_call(sd_varlink *link, const char *method,
		   sd_json_variant *parameters, sd_json_variant **ret,
		   char **error);

#endif
