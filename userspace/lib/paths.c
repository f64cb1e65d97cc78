// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "paths.h"
#include "util.h"

static char *join(const char *before, const char *path)
{
	char *s;

	return asprintf(&s, "%s%s", before, path) < 0 ? NULL : s;
}

static char *from_env(const char *variable, const char *before,
		      const char *path)
{
	const char *value = getenv(variable);

	return value && *value ? strdup(value) : join(before, path);
}

int vg_paths_init(struct vg_paths *ret)
{
	struct vg_paths p = {};

	p.root = from_env("VMGANG_ROOT", "", "");
	if (p.root) {
		p.sysfs = from_env("VMGANG_SYSFS", p.root, "/sys/kernel/vmgang");
		p.proc = from_env("VMGANG_PROC", p.root, "/proc");
		p.conf = from_env("VMGANG_CONF", p.root,
				  "/etc/vmgang/vmgangd.conf");
		p.run = from_env("VMGANG_RUN", p.root, "/run/vmgang");
		p.presets = from_env("VMGANG_PRESETS", p.root,
				     "/usr/share/vmgang/presets.d");
		p.local_presets = join(p.root, "/etc/vmgang/presets.d");
		p.libvirt = from_env("VMGANG_LIBVIRT", p.root,
				     "/usr/libexec/vmgang/vmgang-libvirt");
	}
	if (p.run)
		p.socket = from_env("VMGANG_SOCKET", p.run, "/io.vmgang");
	if (!p.sysfs || !p.proc || !p.conf || !p.libvirt ||
	    !p.presets || !p.local_presets || !p.socket) {
		vg_paths_free(&p);
		return -ENOMEM;
	}
	*ret = p;
	return 0;
}

void vg_paths_free(struct vg_paths *paths)
{
	free(paths->root);
	free(paths->sysfs);
	free(paths->proc);
	free(paths->conf);
	free(paths->run);
	free(paths->libvirt);
	free(paths->presets);
	free(paths->local_presets);
	free(paths->socket);
	*paths = (struct vg_paths){};
}

char *vg_paths_in_root(const struct vg_paths *paths, const char *path)
{
	return join(paths->root, path);
}
