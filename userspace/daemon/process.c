// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "process.h"

struct vg_process {
	sd_event_source *child;
	pid_t pid;
	vg_process_end_t end;
	void *userdata;
};

static void process_free(struct vg_process *p)
{
	sd_event_source_disable_unref(p->child);
	free(p);
}

static int on_child(sd_event_source *source, const siginfo_t *si,
		    void *userdata)
{
	struct vg_process *p = userdata;

	p->end(si, p->userdata);
	process_free(p);
	return 0;
}

static int spawn(const struct vg_process_setup *setup, pid_t *ret)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attributes;
	sigset_t none;
	int r;

	sigemptyset(&none);
	posix_spawn_file_actions_init(&files);
	posix_spawnattr_init(&attributes);
	posix_spawn_file_actions_adddup2(&files, setup->fd, setup->fd_as);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
	r = posix_spawn(ret, setup->program, &files, &attributes, setup->argv,
			environ);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&files);
	return -r;
}

int vg_process_start(sd_event *event, const struct vg_process_setup *setup,
		     struct vg_process **ret)
{
	struct vg_process *p = calloc(1, sizeof(*p));
	int r;

	if (!p)
		return -ENOMEM;
	p->end = setup->end;
	p->userdata = setup->userdata;
	r = spawn(setup, &p->pid);
	if (r < 0) {
		process_free(p);
		return r;
	}
	r = sd_event_add_child(event, &p->child, p->pid, WEXITED, on_child, p);
	if (r < 0) {
		vg_process_kill(p);
		return r;
	}
	*ret = p;
	return 0;
}

void vg_process_kill(struct vg_process *process)
{
	if (!process)
		return;
	process->child = sd_event_source_disable_unref(process->child);
	kill(process->pid, SIGKILL);
	waitpid(process->pid, NULL, 0);
	process_free(process);
}
