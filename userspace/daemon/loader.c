// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "class.h"
#include "loader.h"
#include "log.h"
#include "util.h"

#define REPORT_SIZE 1024

struct vg_loader {
	sd_event_source *child;
	pid_t pid;
	int report;		/* errno, a newline, a sentence */
	vg_loader_done_t done;
	void *userdata;
};

int vg_loader_main(void)
{
	vg_autofree char *error = NULL;
	struct vg_class *class;
	int r = vg_class_attach(&class, &error);

	if (r == 0) {
		vg_class_close(class);
		return 0;
	}
	printf("%d\n%s", -r, error ? error : strerror(-r));
	return 1;
}

static void loader_free(struct vg_loader *l)
{
	sd_event_source_disable_unref(l->child);
	if (l->report >= 0)
		close(l->report);
	free(l);
}

/* What the process has left behind in words; a result below 0. */
static int read_report(struct vg_loader *l, const siginfo_t *si,
		       char **error)
{
	char buf[REPORT_SIZE], *sentence;
	ssize_t n;
	long code;

	if (si->si_code != CLD_EXITED) {
		vg_error_set(error, "loading the class was ended by signal %d",
			     si->si_status);
		return -EINTR;
	}
	n = read(l->report, buf, sizeof(buf) - 1);
	buf[n > 0 ? n : 0] = '\0';
	code = strtol(buf, &sentence, 10);
	if (code <= 0 || code > 4095 || *sentence != '\n') {
		vg_error_set(error, "loading the class ended with status %d",
			     si->si_status);
		return -EIO;
	}
	vg_error_set(error, "%s", sentence + 1);
	return -(int)code;
}

static int on_child(sd_event_source *source, const siginfo_t *si,
		    void *userdata)
{
	struct vg_loader *l = userdata;
	vg_loader_done_t done = l->done;
	vg_autofree char *error = NULL;
	void *arg = l->userdata;
	int r = 0;

	if (si->si_code != CLD_EXITED || si->si_status != 0)
		r = read_report(l, si, &error);
	loader_free(l);
	done(r, error, arg);
	return 0;
}

/* Without the signals that this process blocks for its event loop. */
static int spawn(int report, pid_t *ret)
{
	static char *const argv[] = { "vmgangd", "--load-class", NULL };
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attributes;
	sigset_t none;
	int r;

	sigemptyset(&none);
	posix_spawn_file_actions_init(&files);
	posix_spawnattr_init(&attributes);
	posix_spawn_file_actions_adddup2(&files, report, STDOUT_FILENO);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
	r = posix_spawn(ret, "/proc/self/exe", &files, &attributes, argv,
			environ);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&files);
	return -r;
}

int vg_loader_start(sd_event *event, vg_loader_done_t done, void *userdata,
		    struct vg_loader **ret)
{
	struct vg_loader *l;
	int fds[2], r;

	l = calloc(1, sizeof(*l));
	if (!l)
		return -ENOMEM;
	*l = (struct vg_loader){ .report = -1, .done = done,
				 .userdata = userdata };
	if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0) {
		r = -errno;
		loader_free(l);
		return r;
	}
	l->report = fds[0];
	r = spawn(fds[1], &l->pid);
	close(fds[1]);
	if (r == 0)
		r = sd_event_add_child(event, &l->child, l->pid, WEXITED,
				       on_child, l);
	if (r < 0) {
		if (l->pid > 0) {
			kill(l->pid, SIGKILL);
			waitpid(l->pid, NULL, 0);
		}
		loader_free(l);
		return r;
	}
	*ret = l;
	return 0;
}

void vg_loader_cancel(struct vg_loader *loader)
{
	if (!loader)
		return;
	loader->child = sd_event_source_disable_unref(loader->child);
	kill(loader->pid, SIGKILL);
	waitpid(loader->pid, NULL, 0);
	loader_free(loader);
}
