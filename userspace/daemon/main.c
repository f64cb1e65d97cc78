// SPDX-License-Identifier: GPL-2.0-only
/* vmgangd: gives every VM its policy and keeps the class in charge. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "daemon.h"
#include "loader.h"
#include "log.h"
#include "version.h"

static void usage(FILE *f)
{
	fprintf(f,
"Usage: vmgangd [OPTION]…\n"
"Gives every KVM virtual machine its co-scheduling policy.\n"
"\n"
"  -n, --no-class    observe only: never load the gang-scheduling class\n"
"      --no-libvirt  do not connect to libvirtd\n"
"  -v, --verbose     say more\n"
"  -h, --help        this text\n"
"      --version     the version\n"
"\n"
"Signals: HUP reads the configuration again; TERM and INT detach the class\n"
"and end; USR1 ends and leaves the class in charge for the next vmgangd.\n"
"\n"
"Environment: VMGANG_CONF (/etc/vmgang/vmgangd.conf), VMGANG_RUN (/run/vmgang),\n"
"VMGANG_SOCKET (<run>/io.vmgang), VMGANG_SYSFS (/sys/kernel/vmgang),\n"
"VMGANG_PROC (/proc), VMGANG_PRESETS (/usr/share/vmgang/presets.d),\n"
"VMGANG_LIBVIRT (/usr/libexec/vmgang/vmgang-libvirt),\n"
"VMGANG_ROOT (before all paths not named here).\n");
}

int main(int argc, char **argv)
{
	enum { OPT_VERSION = 256, OPT_NO_LIBVIRT, OPT_LOAD_CLASS };
	static const struct option options[] = {
		{ "no-class", no_argument, NULL, 'n' },
		{ "no-libvirt", no_argument, NULL, OPT_NO_LIBVIRT },
		{ "load-class", no_argument, NULL, OPT_LOAD_CLASS },
		{ "verbose", no_argument, NULL, 'v' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, OPT_VERSION },
		{}
	};
	struct vg_options o = {};
	struct vg_daemon *d;
	int c, r;

	while ((c = getopt_long(argc, argv, "nvh", options, NULL)) >= 0) {
		switch (c) {
		case 'n':
			o.no_class = true;
			break;
		case OPT_NO_LIBVIRT:
			o.no_libvirt = true;
			break;
		case OPT_LOAD_CLASS:	/* for vmgangd itself: loader.h */
			return vg_loader_main();
		case 'v':
			vg_log_set_max(LOG_DEBUG);
			break;
		case 'h':
			usage(stdout);
			return 0;
		case OPT_VERSION:
			puts("vmgangd " VMGANG_VERSION);
			return 0;
		default:
			usage(stderr);
			return 2;
		}
	}
	if (optind < argc) {
		usage(stderr);
		return 2;
	}
	r = vg_daemon_new(&o, &d);
	if (r < 0) {
		vg_err("can not start: %s", strerror(-r));
		return 1;
	}
	r = vg_daemon_run(d);
	vg_daemon_free(d);
	if (r < 0)
		vg_err("ended by an error: %s", strerror(-r));
	return r < 0;
}
