/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef VMGANG_PROCESS_H
#define VMGANG_PROCESS_H

#include <signal.h>
#include <systemd/sd-event.h>

struct vg_process;

/* It has ended, and is freed when this returns. */
typedef void (*vg_process_end_t)(const siginfo_t *si, void *userdata);

/**
 * struct vg_process_setup - what to run
 * @program: path of the program
 * @argv: its arguments, the name first; ended by NULL
 * @fd: a descriptor of the caller, who keeps it
 * @fd_as: the number that the program finds it under
 * @end: called when it has ended by itself
 * @userdata: of @end
 */
struct vg_process_setup {
	const char *program;
	char *const *argv;
	int fd, fd_as;
	vg_process_end_t end;
	void *userdata;
};

/*
 * A process of the daemon's own, for what takes too long, too much memory or
 * too many risks in the daemon itself. It starts without the signals that the
 * daemon blocks for its event loop.
 */
int vg_process_start(sd_event *event, const struct vg_process_setup *setup,
		     struct vg_process **ret);

/* Kills it and waits for that, without a call of end; NULL is allowed. */
void vg_process_kill(struct vg_process *process);

#endif
