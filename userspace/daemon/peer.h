/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef VMGANG_PEER_H
#define VMGANG_PEER_H

#include <stddef.h>
#include <sys/types.h>

/* What the process at the other end of a socket may do. */
enum vg_access {
	VG_ACCESS_NONE,
	VG_ACCESS_READ,
	VG_ACCESS_ALL,
};

/* own is the daemon's uid; readers the group's gid, -1 if there is none. */
enum vg_access vg_access_decide(uid_t uid, uid_t own, gid_t readers,
				const gid_t *groups, size_t nr_groups);

/* By the credentials the peer had when it connected. */
enum vg_access vg_access_of(int socket, gid_t readers);

#endif
