// SPDX-License-Identifier: GPL-2.0-only
/*
 * vmgang-libvirt URI: the process in which vmgangd keeps libvirt's client
 * library. vmgangd is at the other end of standard input.
 */
#include <fcntl.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "feed.h"
#include "presets.h"
#include "util.h"
#include "version.h"

/* Reading what libvirtd's read-only socket says takes no capability. */
static int drop_rights(void)
{
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	const struct __user_cap_data_struct none[2] = {};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -1;
	return (int)syscall(SYS_capset, &header, none);
}

int main(int argc, char *argv[])
{
	int type = 0;
	socklen_t len = sizeof(type);

	if (argc != 2 || argv[1][0] == '-' ||
	    getsockopt(STDIN_FILENO, SOL_SOCKET, SO_TYPE, &type, &len) < 0 ||
	    type != SOCK_SEQPACKET) {
		fputs("vmgang-libvirt " VMGANG_VERSION
		      ": for vmgangd alone, which runs it as\n"
		      "vmgang-libvirt URI, with a socket as its standard input\n",
		      stderr);
		return 2;
	}
	/* a vmgangd that was killed leaves nobody behind who hangs in libvirt */
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	/* vmgangd is kept when memory is short; this can be started again */
	vg_write_line(AT_FDCWD, "/proc/self/oom_score_adj", "0");
	if (drop_rights() < 0) {
		perror("vmgang-libvirt: can not drop its capabilities");
		return 1;
	}
	vg_presets_load(NULL);
	vg_feed_run(STDIN_FILENO, argv[1]);
	return 0;
}
