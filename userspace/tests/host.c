// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client.h"
#include "host.h"
#include "util.h"

/* Without udevd the daemon looks once a second; slow machines take longer. */
#define PATIENCE_MS 15000

const char *const db[] = {
	"qemu", "-name", "guest=db,debug-threads=on", "-uuid", UUID_A, NULL
};
const char *const web[] = { "qemu", "-name", "web", NULL };
const char *const anonymous[] = { "vmm", NULL };

const char *program(const char *name)
{
	static char path[512];
	const char *build = getenv("VMGANG_BUILD");

	snprintf(path, sizeof(path), "%s/%s", build ? build : "build", name);
	return path;
}

void start(struct host *h)
{
	char log[160];
	int fd;

	fflush(NULL);
	h->daemon = fork();
	if (h->daemon == 0) {
		snprintf(log, sizeof(log), "%s/log", h->fake.dir);
		fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0644);
		dup2(fd, STDERR_FILENO);
		execl(program("vmgangd"), "vmgangd", "--no-class", "-v",
		      h->libvirt ? NULL : "--no-libvirt", NULL);
		_exit(127);
	}
	for (int ms = 0; ms < PATIENCE_MS; ms += 10) {
		sd_varlink *link;

		if (vg_client_connect(h->socket, 5000000, &link) == 0) {
			sd_varlink_close_unref(link);
			return;
		}
		usleep(10000);
	}
	fail_msg("vmgangd did not start");
}

int stop(struct host *h, int sig)
{
	int status;

	assert_int_equal(kill(h->daemon, sig), 0);
	assert_int_equal(waitpid(h->daemon, &status, 0), h->daemon);
	h->daemon = 0;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int setup(void **state)
{
	struct host *h = calloc(1, sizeof(*h));

	fake_new(&h->fake);
	snprintf(h->socket, sizeof(h->socket), "%s/run/io.vmgang",
		 h->fake.dir);
	*state = h;
	return 0;
}

int teardown(void **state)
{
	struct host *h = *state;

	/* a daemon that leaks or stumbles at its end has failed, too */
	if (h->daemon && stop(h, SIGTERM) != 0)
		return -1;
	fake_free(&h->fake);
	free(h);
	return 0;
}

int cli(const char *arguments, char *out, size_t size, sd_json_variant **json)
{
	char command[1024];
	size_t n;
	FILE *p;
	int status;

	snprintf(command, sizeof(command), "%s %s %s", program("vmgang"),
		 arguments, json ? "2>/dev/null" : "2>&1");
	p = popen(command, "r");
	assert_non_null(p);
	n = fread(out, 1, size - 1, p);
	out[n] = '\0';
	status = pclose(p);
	if (json)
		assert_true(sd_json_parse(out, 0, json, NULL, NULL) >= 0);
	return WEXITSTATUS(status);
}

int call(struct host *h, const char *method, const char *parameters,
	 sd_json_variant **ret, char **error)
{
	vg_autofree char *text = strdup(parameters);
	vg_autojson sd_json_variant *v = NULL;
	sd_varlink *link;
	int r;

	for (char *c = text; *c; c++)
		if (*c == '\'')
			*c = '"';
	assert_true(sd_json_parse(text, 0, &v, NULL, NULL) >= 0);
	r = vg_client_connect(h->socket, 10000000, &link);
	if (r < 0)
		return r;
	r = vg_client_call(link, method, v, ret, error);
	sd_varlink_close_unref(link);
	return r;
}

void until(struct host *h, const char *path, const char *text)
{
	int ms = 0;

	while (!fake_is(&h->fake, path, text)) {
		assert_true((ms += 10) < PATIENCE_MS);
		usleep(10000);
	}
}

const char *policy_of(sd_json_variant *vm, const char *knob, const char *field)
{
	sd_json_variant *policy = sd_json_variant_by_key(vm, "policy");

	return vg_json_string(sd_json_variant_by_key(policy, knob), field, "");
}

void assert_knob(struct host *h, const char *vm, const char *knob,
		 const char *value, const char *source)
{
	vg_autojson sd_json_variant *reply = NULL;
	char parameters[128];
	sd_json_variant *v;

	snprintf(parameters, sizeof(parameters), "{'vm':'%s'}", vm);
	assert_int_equal(call(h, "Show", parameters, &reply, NULL), 0);
	v = sd_json_variant_by_key(reply, "vm");
	assert_string_equal(policy_of(v, knob, "value"), value);
	assert_string_equal(policy_of(v, knob, "source"), source);
}
