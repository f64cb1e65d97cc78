// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>

#include "backoff.h"

/*
 * The first delay lets whatever went wrong (a burst of hotplug, an overloaded
 * host) pass; the later ones leave room for a person to look.
 */
static const uint64_t delays[VG_BACKOFF_TRIES] = {
	1000 * 1000, 5 * 1000 * 1000, 25 * 1000 * 1000
};

uint64_t vg_backoff_failed(struct vg_backoff *backoff, uint64_t now)
{
	uint64_t *at = backoff->failed_at;
	unsigned int recent = 0;

	for (unsigned int i = 0; i < VG_BACKOFF_TRIES; i++)
		if (at[i] && now - at[i] < VG_BACKOFF_WINDOW_US)
			recent++;
	if (recent == VG_BACKOFF_TRIES)
		return VG_BACKOFF_NEVER;
	memmove(&at[0], &at[1], (VG_BACKOFF_TRIES - 1) * sizeof(at[0]));
	at[VG_BACKOFF_TRIES - 1] = now;
	return delays[recent];
}
