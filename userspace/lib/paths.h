/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef VMGANG_PATHS_H
#define VMGANG_PATHS_H

/*
 * Where everything is. Each can be moved by an environment variable, so that
 * tests look at trees of their own: VMGANG_ROOT goes before every path that
 * has no variable of its own.
 */
struct vg_paths {
	char *root;	/* VMGANG_ROOT, "" */
	char *sysfs;	/* VMGANG_SYSFS, /sys/kernel/vmgang */
	char *proc;	/* VMGANG_PROC, /proc */
	char *conf;	/* VMGANG_CONF, /etc/vmgang/vmgangd.conf */
	char *presets;	/* VMGANG_PRESETS, /usr/share/vmgang/presets.d */
	char *local_presets;	/* /etc/vmgang/presets.d */
	char *run;	/* VMGANG_RUN, /run/vmgang */
	char *libvirt;	/* VMGANG_LIBVIRT, /usr/libexec/vmgang/vmgang-libvirt */
	char *socket;	/* VMGANG_SOCKET, <run>/io.vmgang */
};

int vg_paths_init(struct vg_paths *ret);
void vg_paths_free(struct vg_paths *paths);

/* <root><path> as a fresh string, NULL without memory. */
char *vg_paths_in_root(const struct vg_paths *paths, const char *path);

#endif
