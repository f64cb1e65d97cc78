/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef VMGANG_LOADER_H
#define VMGANG_LOADER_H

#include <systemd/sd-event.h>

struct vg_loader;

/*
 * Loads and attaches the class in a process of its own, which leaves it pinned
 * for vg_class_adopt(): the kernel may take many seconds to verify it, in
 * which the daemon answers calls and its watchdog, and the loader's memory,
 * three times the daemon's, goes with the process.
 */

/* The end: 0, or what vg_class_attach() said. The loader is gone already. */
typedef void (*vg_loader_done_t)(int result, const char *error,
				 void *userdata);

int vg_loader_start(sd_event *event, vg_loader_done_t done, void *userdata,
		    struct vg_loader **ret);

/* Ends the process without a call of done; NULL is allowed. */
void vg_loader_cancel(struct vg_loader *loader);

/* The process's main(): `vmgangd --load-class`. */
int vg_loader_main(void);

#endif
