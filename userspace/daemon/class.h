/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The gang-scheduling class in the kernel: load, attach, find again, detach.
 *
 * While the class is in charge its link and its maps are pinned below
 * /sys/fs/bpf/vmgang, so that it goes on when the daemon is not there.
 */
#ifndef VMGANG_CLASS_H
#define VMGANG_CLASS_H

#include <stdbool.h>
#include <stdint.h>

struct vg_class;

/**
 * struct vg_class_exit - why the class is no longer in charge
 * @kind:	the kernel's enum scx_exit_kind; 1024 and above are errors
 * @code:	exit code
 * @reason:	kind in words
 * @msg:	details
 * @restart:	a CPU came or went: attach it again
 */
struct vg_class_exit {
	uint32_t kind;
	int64_t code;
	char reason[64];
	char msg[256];
	bool restart;
};

/**
 * vg_class_attach - put the class in charge
 * @ret:	handle, for vg_class_detach() or vg_class_close()
 * @error:	where to leave an allocated sentence if it fails; may be NULL
 *
 * If our own class is in charge already, from this very build, it is taken
 * over as it runs; an older build of ours is replaced.
 *
 * Return: 0; -EBUSY: another sched_ext scheduler is in charge; -EOPNOTSUPP:
 * the kernel has no sched_ext, or an unsuitable one; -ENOENT: the module
 * vmgang is not there or has no BTF; another negative errno.
 */
int vg_class_attach(struct vg_class **ret, char **error);

/**
 * vg_class_adopt - take over the class that is in charge already
 * @ret:	handle, as from vg_class_attach()
 *
 * Never loads anything, and takes no time.
 *
 * Return: 0; -ENOENT: this very build is not in charge.
 */
int vg_class_adopt(struct vg_class **ret);

/** vg_class_attached - is this class still in charge of the host? */
bool vg_class_attached(struct vg_class *c);

/**
 * vg_class_exit_info - why the class was ejected
 *
 * Return: 0; -ENODATA: it was not, or has not said yet.
 */
int vg_class_exit_info(struct vg_class *c, struct vg_class_exit *ret);

/** vg_class_detach - take the class out of charge, unpin and free it */
void vg_class_detach(struct vg_class *c);

/**
 * vg_class_wait_unused - wait until nothing holds the module, 3 s at most
 *
 * The kernel frees a class that was detached in the background; until it has,
 * `modprobe -r vmgang` is refused.
 */
void vg_class_wait_unused(void);

/** vg_class_close - let the class go on, free our side */
void vg_class_close(struct vg_class *c);

/**
 * vg_class_owner - who is in charge of sched_ext on this host
 * @ret:	allocated name, or NULL if nobody is
 *
 * Return: 0; -EOPNOTSUPP: the kernel has no sched_ext; -ENOMEM.
 */
int vg_class_owner(char **ret);

/**
 * vg_class_stats - counters of the class, summed over all cells
 * @ret:	allocated text, one `name value` a line, to be freed
 *
 * Return: 0 or a negative errno.
 */
int vg_class_stats(struct vg_class *c, char **ret);

#endif
