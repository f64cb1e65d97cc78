// SPDX-License-Identifier: GPL-2.0-only
/* The supervisor against a class that does what the test says. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "class.h"
#include "fake.h"
#include "loader.h"
#include "log.h"
#include "supervisor.h"
#include "util.h"

static struct {
	int result;		/* of the next load */
	const char *error, *owner;
	bool attached;
	struct vg_class_exit exit;
	unsigned int attaches, adoptions, detaches, waits, closes, cancels;
	vg_loader_done_t done;	/* while a load is under way */
	void *userdata;
} fake_class;

static char class_object, loader_object;

int vg_loader_start(sd_event *event, vg_loader_done_t done, void *userdata,
		    struct vg_loader **ret)
{
	assert_null(fake_class.done);
	fake_class.attaches++;
	fake_class.done = done;
	fake_class.userdata = userdata;
	*ret = (struct vg_loader *)&loader_object;
	return 0;
}

void vg_loader_cancel(struct vg_loader *loader)
{
	if (loader)
		fake_class.cancels++;
	fake_class.done = NULL;
}

/* Lets the loader come to its end, if there is one. */
static void settle(void)
{
	vg_loader_done_t done = fake_class.done;

	if (!done)
		return;
	fake_class.done = NULL;
	fake_class.attached = fake_class.result == 0;
	done(fake_class.result, fake_class.error, fake_class.userdata);
}

int vg_class_adopt(struct vg_class **ret)
{
	if (!fake_class.attached)
		return -ENOENT;
	fake_class.adoptions++;
	*ret = (struct vg_class *)&class_object;
	return 0;
}

bool vg_class_attached(struct vg_class *class)
{
	return fake_class.attached;
}

int vg_class_exit_info(struct vg_class *class, struct vg_class_exit *ret)
{
	*ret = fake_class.exit;
	return 0;
}

void vg_class_detach(struct vg_class *class)
{
	fake_class.attached = false;
	fake_class.detaches++;
}

void vg_class_wait_unused(void)
{
	fake_class.waits++;
}

void vg_class_close(struct vg_class *class)
{
	fake_class.closes++;
}

int vg_class_owner(char **ret)
{
	*ret = fake_class.owner ? strdup(fake_class.owner) : NULL;
	return 0;
}

struct fixture {
	struct vg_supervisor s;
	sd_event *event;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	memset(&fake_class, 0, sizeof(fake_class));
	vg_log_set_max(LOG_EMERG);
	assert_true(sd_event_new(&f->event) >= 0);
	/* any file that exists stands for the module's BTF */
	assert_int_equal(vg_supervisor_init(&f->s, f->event, "/dev/null",
					    false), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	vg_supervisor_done(&f->s, true);
	sd_event_unref(f->event);
	free(f);
	return 0;
}

/* Time in us until the timer set for a retry, 0 if there is none. */
static uint64_t retry_in(struct fixture *f)
{
	uint64_t now, at;

	if (!f->s.retry)
		return 0;
	sd_event_now(f->event, CLOCK_MONOTONIC, &now);
	sd_event_source_get_time(f->s.retry, &at);
	return at > now ? at - now : 1;
}

static void eject(struct fixture *f, unsigned int kind, bool restart)
{
	fake_class.attached = false;
	fake_class.exit = (struct vg_class_exit){ .restart = restart };
	fake_class.exit.kind = kind;
	vg_supervisor_check(&f->s);
	settle();
}

/* The module comes, and the loader's work is done. */
static void module_comes(struct fixture *f)
{
	vg_supervisor_module(&f->s, true);
	settle();
}

/* Shows attaching with the module, and closing without detaching. */
static void attach(void **state)
{
	struct fixture *f = *state;

	assert_non_null(f->s.why);
	vg_supervisor_module(&f->s, true);
	assert_string_equal(f->s.why, "the class is being loaded");
	/* nothing is started twice */
	vg_supervisor_module(&f->s, true);
	vg_supervisor_check(&f->s);
	settle();
	assert_int_equal(fake_class.attaches, 1);
	assert_null(f->s.why);
	vg_supervisor_check(&f->s);
	assert_int_equal(fake_class.attaches, 1);
	vg_supervisor_done(&f->s, false);
	assert_int_equal(fake_class.closes, 1);
	assert_int_equal(fake_class.detaches, 0);
	assert_int_equal(fake_class.waits, 0);
}

/* Shows that a hotplug restart attaches again at once, however often. */
static void hotplug(void **state)
{
	struct fixture *f = *state;

	module_comes(f);
	for (unsigned int i = 0; i < 50; i++) {
		eject(f, 65, true);
		assert_int_equal(fake_class.attaches, i + 2);
		assert_null(f->s.why);
	}
	assert_int_equal(f->s.ejections, 50);
}

/* Shows back-off after errors: three tries, then rest until a reload. */
static void errors(void **state)
{
	struct fixture *f = *state;

	module_comes(f);
	for (unsigned int i = 0; i < 3; i++) {
		eject(f, 1024, false);
		assert_true(retry_in(f) > 0);
		assert_non_null(f->s.why);
		module_comes(f);	/* stands for the timer */
		assert_null(f->s.why);
	}
	eject(f, 1024, false);
	assert_int_equal(retry_in(f), 0);
	assert_non_null(strstr(f->s.why, "systemctl reload vmgangd"));
	vg_supervisor_reset(&f->s);
	settle();
	assert_null(f->s.why);
}

/* Shows that who takes the class away by hand is not argued with. */
static void deliberate(void **state)
{
	struct fixture *f = *state;

	module_comes(f);
	eject(f, 64, false);
	assert_int_equal(retry_in(f), 0);
	assert_int_equal(fake_class.attaches, 1);
	vg_supervisor_reset(&f->s);
	settle();
	assert_int_equal(fake_class.attaches, 2);
}

/* Shows waiting for another scheduler to go, and its name in the reason. */
static void other_scheduler(void **state)
{
	struct fixture *f = *state;

	fake_class.result = -EBUSY;
	fake_class.error = "scx_other is in charge";
	fake_class.owner = "scx_other";
	module_comes(f);
	assert_string_equal(f->s.why, "scx_other is in charge");
	assert_in_range(retry_in(f), 5 * 1000000, 10 * 1000000);
}

/* Shows quick tries while our own former self is still on its way out. */
static void not_quite_gone(void **state)
{
	struct fixture *f = *state;

	fake_class.result = -EBUSY;
	fake_class.error = "busy";
	module_comes(f);
	assert_in_range(retry_in(f), 1, 200000);
	fake_class.result = 0;
	while (!fake_class.done)
		assert_true(sd_event_run(f->event, 1000000) > 0);
	settle();
	assert_null(f->s.why);
	assert_int_equal(fake_class.attaches, 2);
}

/* Shows that what no retry can cure is said and not retried. */
static void hopeless(void **state)
{
	struct fixture *f = *state;

	fake_class.result = -EOPNOTSUPP;
	fake_class.error = "no sched_ext";
	module_comes(f);
	assert_string_equal(f->s.why, "no sched_ext");
	assert_int_equal(retry_in(f), 0);
	free(f->s.module_btf);
	f->s.module_btf = strdup("/nonexistent/btf");
	module_comes(f);
	assert_non_null(strstr(f->s.why, "BTF"));
	assert_int_equal(fake_class.attaches, 1);
}

/* Shows that --no-class never attaches, whatever happens. */
static void disabled(void **state)
{
	struct fixture *f = *state;

	f->s.disabled = true;
	module_comes(f);
	vg_supervisor_reset(&f->s);
	settle();
	vg_supervisor_module(&f->s, false);
	assert_int_equal(fake_class.attaches, 0);
	assert_int_equal(retry_in(f), 0);
}

/* Shows that the module's going frees our side and its coming attaches. */
static void module_reload(void **state)
{
	struct fixture *f = *state;

	module_comes(f);
	vg_supervisor_module(&f->s, false);
	assert_int_equal(fake_class.detaches, 1);
	assert_non_null(strstr(f->s.why, "modprobe vmgang"));
	module_comes(f);
	assert_int_equal(fake_class.attaches, 2);
	assert_null(f->s.why);
}

/* Shows that a class left by a former daemon is taken over, not loaded. */
static void takes_over(void **state)
{
	struct fixture *f = *state;

	fake_class.attached = true;
	vg_supervisor_module(&f->s, true);
	assert_null(f->s.why);
	assert_int_equal(fake_class.attaches, 0);
	assert_int_equal(fake_class.adoptions, 1);
}

/* Shows that an end in the middle of loading leaves nothing behind. */
static void ends_while_loading(void **state)
{
	struct fixture *f = *state;

	vg_supervisor_module(&f->s, true);
	fake_class.attached = true;	/* it was that close */
	vg_supervisor_done(&f->s, true);
	assert_int_equal(fake_class.cancels, 1);
	assert_int_equal(fake_class.detaches, 1);
	assert_int_equal(fake_class.waits, 1);
	assert_false(fake_class.attached);
}

/* Shows that a class gone before it could be adopted counts as a failure. */
static void ejected_at_once(void **state)
{
	struct fixture *f = *state;

	vg_supervisor_module(&f->s, true);
	fake_class.result = 0;
	fake_class.done(0, NULL, fake_class.userdata);
	fake_class.done = NULL;
	assert_null(f->s.class);
	assert_true(retry_in(f) > 0);
	assert_non_null(strstr(f->s.why, "ejected"));
}

int main(void)
{
#define TEST(t) cmocka_unit_test_setup_teardown(t, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(attach), TEST(hotplug), TEST(errors), TEST(deliberate),
		TEST(other_scheduler), TEST(not_quite_gone), TEST(hopeless),
		TEST(disabled), TEST(module_reload), TEST(takes_over),
		TEST(ends_while_loading), TEST(ejected_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
