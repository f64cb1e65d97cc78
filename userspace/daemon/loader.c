// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "class.h"
#include "loader.h"
#include "process.h"
#include "util.h"

#define REPORT_SIZE 1024

struct vg_loader {
	struct vg_process *process;
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

static void on_end(const siginfo_t *si, void *userdata)
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
}

int vg_loader_start(sd_event *event, vg_loader_done_t done, void *userdata,
		    struct vg_loader **ret)
{
	static char *const argv[] = { "vmgangd", "--load-class", NULL };
	struct vg_process_setup setup = {
		.program = "/proc/self/exe", .argv = argv,
		.fd_as = STDOUT_FILENO, .end = on_end,
	};
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
	setup.fd = fds[1];
	setup.userdata = l;
	r = vg_process_start(event, &setup, &l->process);
	close(fds[1]);
	if (r < 0) {
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
	vg_process_kill(loader->process);
	loader_free(loader);
}
