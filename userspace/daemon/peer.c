// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "peer.h"
#include "util.h"

#define GROUPS_MAX 65536	/* the kernel's NGROUPS_MAX */

enum vg_access vg_access_decide(uid_t uid, uid_t own, gid_t readers,
				const gid_t *groups, size_t nr_groups)
{
	if (uid == 0 || uid == own)
		return VG_ACCESS_ALL;
	if (readers == (gid_t)-1)
		return VG_ACCESS_NONE;
	for (size_t i = 0; i < nr_groups; i++)
		if (groups[i] == readers)
			return VG_ACCESS_READ;
	return VG_ACCESS_NONE;
}

/* The primary group first, then the others. */
static gid_t *peer_groups(int socket, gid_t primary, size_t *ret_nr)
{
	gid_t none, *groups;
	socklen_t len = 0;

	if (getsockopt(socket, SOL_SOCKET, SO_PEERGROUPS, &none, &len) < 0 &&
	    errno != ERANGE)
		len = 0;
	if (len > GROUPS_MAX * sizeof(gid_t))
		len = 0;
	groups = malloc(sizeof(gid_t) + len);
	if (!groups)
		return NULL;
	groups[0] = primary;
	if (len > 0 && getsockopt(socket, SOL_SOCKET, SO_PEERGROUPS,
				  &groups[1], &len) < 0)
		len = 0;
	*ret_nr = 1 + len / sizeof(gid_t);
	return groups;
}

enum vg_access vg_access_of(int socket, gid_t readers)
{
	vg_autofree gid_t *groups = NULL;
	struct ucred cred;
	socklen_t len = sizeof(cred);
	size_t nr = 0;

	if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0)
		return VG_ACCESS_NONE;
	groups = peer_groups(socket, cred.gid, &nr);
	return vg_access_decide(cred.uid, geteuid(), readers, groups,
				groups ? nr : 0);
}
