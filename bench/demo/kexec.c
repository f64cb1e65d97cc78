// SPDX-License-Identifier: GPL-2.0-only
/*
 * Makes the guest another kernel:
 *
 *	kexec load KERNEL INITRD COMMAND-LINE	for the call without arguments
 *	kexec panic KERNEL INITRD COMMAND-LINE	for when this kernel crashes, into
 *						what crashkernel= has set aside
 *	kexec					does it, as kexec -e of kexec-tools:
 *						the reboot notifiers are called
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/kexec.h>
#include <linux/reboot.h>
#include <stdio.h>
#include <string.h>
#include <sys/reboot.h>
#include <sys/syscall.h>
#include <unistd.h>

static int fail(const char *what)
{
	fprintf(stderr, "kexec: %s: %s\n", what, strerror(errno));
	return 1;
}

static int load(unsigned long flags, char **what)
{
	int kernel = open(what[0], O_RDONLY | O_CLOEXEC);
	int initrd = open(what[1], O_RDONLY | O_CLOEXEC);

	if (kernel < 0)
		return fail(what[0]);
	if (initrd < 0)
		return fail(what[1]);
	if (syscall(SYS_kexec_file_load, kernel, initrd, strlen(what[2]) + 1, what[2], flags))
		return fail("kexec_file_load");
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 5 && !strcmp(argv[1], "load"))
		return load(0, argv + 2);
	if (argc == 5 && !strcmp(argv[1], "panic"))
		return load(KEXEC_FILE_ON_CRASH, argv + 2);
	if (argc == 1) {
		reboot(LINUX_REBOOT_CMD_KEXEC);
		return fail("reboot");
	}
	fputs("usage: kexec [load|panic KERNEL INITRD COMMAND-LINE]\n", stderr);
	return 2;
}
