/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef VMGANG_BACKOFF_H
#define VMGANG_BACKOFF_H

#include <stdint.h>

#define VG_BACKOFF_TRIES 3
#define VG_BACKOFF_WINDOW_US (600ULL * 1000 * 1000)
#define VG_BACKOFF_NEVER UINT64_MAX

/* The class may fail, and be tried again, three times in ten minutes. */
struct vg_backoff {
	uint64_t failed_at[VG_BACKOFF_TRIES];	/* 0: not yet */
};

/* Time in us until the next try after a failure now, or VG_BACKOFF_NEVER. */
uint64_t vg_backoff_failed(struct vg_backoff *backoff, uint64_t now);

#endif
