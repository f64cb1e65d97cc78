// SPDX-License-Identifier: GPL-2.0-only
/*
 * The libvirt thread. It connects read-only, looks at every active domain once,
 * and again whenever libvirt says that one has started, stopped or got other
 * metadata. What it sees goes into a queue for the main loop.
 *
 * Any call into libvirt can block for as long as libvirtd wants, so the main
 * loop makes none, and takes nothing but the queue's lock, under which nothing
 * blocks. When it wants the thread to end and the thread does not, it leaves
 * thread and object behind; the last of the two to let go frees the object.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>

#include "libvirt.h"
#include "log.h"
#include "util.h"

#define DEFAULT_URI "qemu:///system"

/* How long libvirtd may stay silent: 3 unanswered questions, 5 s apart. */
#define KEEPALIVE_INTERVAL_S	5
#define KEEPALIVE_COUNT		3

/* Between attempts to connect, and between looks whether libvirtd runs. */
#define RETRY_MIN_MS		1000
#define RETRY_MAX_MS		30000
#define LOOK_MS			5000

#define STOP_MS			100

#define LIBVIRT_FUNCTIONS(f)			\
	f(virConnectClose)			\
	f(virConnectDomainEventDeregisterAny)	\
	f(virConnectDomainEventRegisterAny)	\
	f(virConnectIsAlive)			\
	f(virConnectListAllDomains)		\
	f(virConnectOpenReadOnly)		\
	f(virConnectRegisterCloseCallback)	\
	f(virConnectSetKeepAlive)		\
	f(virConnectUnregisterCloseCallback)	\
	f(virDomainFree)			\
	f(virDomainGetName)			\
	f(virDomainGetUUIDString)		\
	f(virDomainGetXMLDesc)			\
	f(virDomainRef)				\
	f(virEventAddHandle)			\
	f(virEventRegisterDefaultImpl)		\
	f(virEventRemoveHandle)			\
	f(virEventRunDefaultImpl)		\
	f(virGetLastErrorCode)			\
	f(virGetLastErrorMessage)		\
	f(virInitialize)			\
	f(virSetErrorFunc)

#define POINTER(name) __typeof__(name) *(name);
static struct {
	LIBVIRT_FUNCTIONS(POINTER)
} vir;

struct vg_libvirt {
	char *uri;
	bool local;		/* it is libvirt's default daemon of this host */
	pthread_t thread;
	atomic_int refs;	/* the main loop's and the thread's */
	atomic_bool stop;
	atomic_int state;	/* enum vg_libvirt_state */
	int wake_fd;		/* for the thread */
	int news_fd;		/* for the main loop */

	pthread_mutex_t lock;	/* of the queue */
	struct vg_domain *first;

	/* The thread's own. */
	virConnectPtr conn;
	bool closed;
	virDomainPtr *pending;	/* to be looked at */
	size_t nr_pending;
	char *last_error;	/* told already */
};

static void unref(struct vg_libvirt *lv)
{
	if (atomic_fetch_sub(&lv->refs, 1) > 1)
		return;
	while (lv->first) {
		struct vg_domain *d = lv->first;

		lv->first = d->next;
		vg_domain_free(d);
	}
	pthread_mutex_destroy(&lv->lock);
	if (lv->wake_fd >= 0)
		close(lv->wake_fd);
	if (lv->news_fd >= 0)
		close(lv->news_fd);
	free(lv->last_error);
	free(lv->uri);
	free(lv);
}

/* Tells the main loop, and the log when something has changed. */
static void set_state(struct vg_libvirt *lv, enum vg_libvirt_state state,
		      const char *why)
{
	bool changed = atomic_exchange(&lv->state, (int)state) != (int)state;

	if (changed)
		eventfd_write(lv->news_fd, 1);
	if (state == VG_LIBVIRT_CONNECTED) {
		vg_info("libvirt: connected to %s", lv->uri);
		free(lv->last_error);
		lv->last_error = NULL;
	} else if (why && (!lv->last_error || strcmp(lv->last_error, why) != 0)) {
		vg_log(changed ? LOG_WARNING : LOG_INFO, "libvirt: %s", why);
		free(lv->last_error);
		lv->last_error = strdup(why);
	}
}

/* The queue holds the latest news of each domain only, so it stays small. */
static void push(struct vg_libvirt *lv, struct vg_domain *d)
{
	struct vg_domain **at, *old;

	pthread_mutex_lock(&lv->lock);
	for (at = &lv->first; *at; at = &(*at)->next)
		if (strcmp((*at)->metadata.uuid, d->metadata.uuid) == 0)
			break;
	old = *at;
	d->next = old ? old->next : NULL;
	*at = d;
	pthread_mutex_unlock(&lv->lock);
	vg_domain_free(old);
	eventfd_write(lv->news_fd, 1);
}

/* Reads what libvirt now has of a domain, and tells the main loop. */
static void look_at(struct vg_libvirt *lv, virDomainPtr dom)
{
	const char *name = vir.virDomainGetName(dom);
	struct vg_domain *d = calloc(1, sizeof(*d));
	char *xml;

	if (!d)
		return;
	xml = vir.virDomainGetXMLDesc(dom, 0);
	if (xml) {
		vg_metadata_parse(xml, strlen(xml), &d->metadata);
		d->gone = d->metadata.id < 0 && !d->metadata.errors;
		for (char **w = d->metadata.warnings; w && *w; w++)
			vg_warn("domain %s: metadata: %s", name, *w);
		free(xml);
	} else if (vir.virGetLastErrorCode() == VIR_ERR_NO_DOMAIN) {
		d->metadata.id = -1;
		d->gone = true;
	} else {
		vg_debug("libvirt: %s: %s", name, vir.virGetLastErrorMessage());
		vg_domain_free(d);
		return;
	}
	/* libvirt itself knows these, whatever became of the XML. */
	vir.virDomainGetUUIDString(dom, d->metadata.uuid);
	if (!d->metadata.name[0])
		snprintf(d->metadata.name, sizeof(d->metadata.name), "%s", name);
	push(lv, d);
}

/*
 * Called from within libvirt's loop. The look itself, which asks libvirtd,
 * waits until the loop has returned.
 */
static void remember(struct vg_libvirt *lv, virDomainPtr dom)
{
	virDomainPtr *more;

	for (size_t i = 0; i < lv->nr_pending; i++)
		if (strcmp(vir.virDomainGetName(lv->pending[i]),
			   vir.virDomainGetName(dom)) == 0)
			return;
	more = reallocarray(lv->pending, lv->nr_pending + 1, sizeof(*more));
	if (!more)
		return;
	lv->pending = more;
	if (!vir.virDomainRef(dom))
		lv->pending[lv->nr_pending++] = dom;
}

static int on_lifecycle(virConnectPtr conn, virDomainPtr dom, int event,
			int detail, void *data)
{
	if (event == VIR_DOMAIN_EVENT_STARTED ||
	    event == VIR_DOMAIN_EVENT_STOPPED)
		remember(data, dom);
	return 0;
}

static void on_metadata(virConnectPtr conn, virDomainPtr dom, int type,
			const char *uri, void *data)
{
	if (type == VIR_DOMAIN_METADATA_ELEMENT && uri &&
	    strcmp(uri, VG_METADATA_URI) == 0)
		remember(data, dom);
}

static void on_close(virConnectPtr conn, int reason, void *data)
{
	struct vg_libvirt *lv = data;

	lv->closed = true;
}

/* Ends virEventRunDefaultImpl(). */
static void on_wake(int watch, int fd, int events, void *data)
{
	eventfd_t value;

	eventfd_read(fd, &value);
}

static void on_error(void *data, virErrorPtr error)
{
	/* The callers log what matters; libvirt would print it all. */
}

static void look_at_pending(struct vg_libvirt *lv)
{
	for (size_t i = 0; i < lv->nr_pending; i++) {
		if (!lv->closed && !lv->stop)
			look_at(lv, lv->pending[i]);
		vir.virDomainFree(lv->pending[i]);
	}
	free(lv->pending);
	lv->pending = NULL;
	lv->nr_pending = 0;
}

static int look_at_all(struct vg_libvirt *lv)
{
	virDomainPtr *list;
	int nr;

	nr = vir.virConnectListAllDomains(lv->conn, &list,
					  VIR_CONNECT_LIST_DOMAINS_ACTIVE);
	if (nr < 0)
		return -EIO;
	for (int i = 0; i < nr; i++) {
		if (!lv->stop)
			look_at(lv, list[i]);
		vir.virDomainFree(list[i]);
	}
	free(list);
	return 0;
}

/* The life of one connection. Events first, so that none falls into a gap. */
static void serve(struct vg_libvirt *lv)
{
	int lifecycle, metadata, wake;

	lv->closed = false;
	/* Drivers that live in this process need none and have none. */
	vir.virConnectSetKeepAlive(lv->conn, KEEPALIVE_INTERVAL_S,
				   KEEPALIVE_COUNT);
	vir.virConnectRegisterCloseCallback(lv->conn, on_close, lv, NULL);
	lifecycle = vir.virConnectDomainEventRegisterAny(lv->conn, NULL,
			VIR_DOMAIN_EVENT_ID_LIFECYCLE,
			VIR_DOMAIN_EVENT_CALLBACK(on_lifecycle), lv, NULL);
	metadata = vir.virConnectDomainEventRegisterAny(lv->conn, NULL,
			VIR_DOMAIN_EVENT_ID_METADATA_CHANGE,
			VIR_DOMAIN_EVENT_CALLBACK(on_metadata), lv, NULL);
	wake = vir.virEventAddHandle(lv->wake_fd, VIR_EVENT_HANDLE_READABLE,
				     on_wake, NULL, NULL);

	if (lifecycle >= 0 && metadata >= 0 && wake >= 0 && !look_at_all(lv)) {
		set_state(lv, VG_LIBVIRT_CONNECTED, NULL);
		while (!lv->stop && !lv->closed &&
		       vir.virConnectIsAlive(lv->conn) == 1) {
			if (vir.virEventRunDefaultImpl() < 0)
				break;
			look_at_pending(lv);
		}
		set_state(lv, VG_LIBVIRT_WAITING,
			  lv->stop ? NULL : "connection lost");
	} else {
		set_state(lv, VG_LIBVIRT_WAITING, vir.virGetLastErrorMessage());
	}

	lv->closed = true;
	look_at_pending(lv);
	if (wake >= 0)
		vir.virEventRemoveHandle(wake);
	if (lifecycle >= 0)
		vir.virConnectDomainEventDeregisterAny(lv->conn, lifecycle);
	if (metadata >= 0)
		vir.virConnectDomainEventDeregisterAny(lv->conn, metadata);
	vir.virConnectUnregisterCloseCallback(lv->conn, on_close);
}

/*
 * Opens libvirt once for the process; it can not be unloaded. Later than
 * needed on purpose: it is larger than the daemon.
 */
static int load(struct vg_libvirt *lv)
{
	static bool loaded;
	void *handle;

	if (loaded)
		return 0;
	handle = dlopen("libvirt.so.0", RTLD_NOW | RTLD_LOCAL);
	if (!handle) {
		set_state(lv, VG_LIBVIRT_ABSENT, dlerror());
		return -ENOENT;
	}
#define FIND(name)							\
	vir.name = (__typeof__(name) *)dlsym(handle, #name);		\
	if (!vir.name) {						\
		set_state(lv, VG_LIBVIRT_ABSENT, dlerror());		\
		return -ENOENT;						\
	}
	LIBVIRT_FUNCTIONS(FIND)

	if (vir.virInitialize() < 0 || vir.virEventRegisterDefaultImpl() < 0) {
		set_state(lv, VG_LIBVIRT_ABSENT, vir.virGetLastErrorMessage());
		return -EIO;
	}
	vir.virSetErrorFunc(NULL, on_error);
	loaded = true;
	return 0;
}

static bool process_of_pidfile(const char *path)
{
	uint64_t pid;

	return vg_read_u64(AT_FDCWD, path, &pid) == 0 &&
	       pid > 0 && pid <= INT_MAX &&
	       (kill((pid_t)pid, 0) == 0 || errno == EPERM);
}

/*
 * To connect to libvirt's socket is to start libvirtd, which an operator who
 * has stopped it would not like.
 */
static bool libvirtd_runs(const struct vg_libvirt *lv)
{
	return !lv->local || process_of_pidfile("/run/libvirtd.pid") ||
	       process_of_pidfile("/run/virtqemud.pid");
}

static void pause_for(struct vg_libvirt *lv, int ms)
{
	struct pollfd p = { .fd = lv->wake_fd, .events = POLLIN };
	eventfd_t value;

	if (!lv->stop && poll(&p, 1, ms) > 0)
		eventfd_read(lv->wake_fd, &value);
}

static void *run(void *arg)
{
	struct vg_libvirt *lv = arg;
	int retry_ms = RETRY_MIN_MS;

	while (!lv->stop) {
		if (!libvirtd_runs(lv)) {
			retry_ms = RETRY_MIN_MS;
			pause_for(lv, LOOK_MS);
			continue;
		}
		if (load(lv) < 0)
			break;
		lv->conn = vir.virConnectOpenReadOnly(lv->uri);
		if (lv->conn) {
			serve(lv);
			vir.virConnectClose(lv->conn);
			lv->conn = NULL;
			retry_ms = RETRY_MIN_MS;
		} else {
			set_state(lv, VG_LIBVIRT_WAITING,
				  vir.virGetLastErrorMessage());
		}
		pause_for(lv, retry_ms);
		retry_ms = retry_ms * 2 < RETRY_MAX_MS ? retry_ms * 2 :
							 RETRY_MAX_MS;
	}
	unref(lv);
	return NULL;
}

static int thread_start(struct vg_libvirt *lv)
{
	sigset_t all, before;
	int r;

	/* Signals are the main loop's. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	r = pthread_create(&lv->thread, NULL, run, lv);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (!r)
		pthread_setname_np(lv->thread, "libvirt");
	return -r;
}

int vg_libvirt_start(struct vg_libvirt **ret, const char *uri)
{
	struct vg_libvirt *lv = calloc(1, sizeof(*lv));
	int r;

	if (!lv)
		return -ENOMEM;
	atomic_init(&lv->refs, 1);
	atomic_init(&lv->state, VG_LIBVIRT_WAITING);
	pthread_mutex_init(&lv->lock, NULL);
	lv->uri = strdup(uri ? uri : DEFAULT_URI);
	lv->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	lv->news_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (!lv->uri || lv->wake_fd < 0 || lv->news_fd < 0) {
		r = lv->uri ? -errno : -ENOMEM;
		goto fail;
	}
	lv->local = strcmp(lv->uri, DEFAULT_URI) == 0;
	atomic_fetch_add(&lv->refs, 1);
	r = thread_start(lv);
	if (r < 0) {
		atomic_fetch_sub(&lv->refs, 1);
		goto fail;
	}
	*ret = lv;
	return 0;

fail:
	unref(lv);
	return r;
}

int vg_libvirt_fd(const struct vg_libvirt *lv)
{
	return lv->news_fd;
}

struct vg_domain *vg_libvirt_next(struct vg_libvirt *lv)
{
	struct vg_domain *d;
	eventfd_t value;

	pthread_mutex_lock(&lv->lock);
	d = lv->first;
	if (d)
		lv->first = d->next;
	else
		eventfd_read(lv->news_fd, &value);
	pthread_mutex_unlock(&lv->lock);
	return d;
}

void vg_domain_free(struct vg_domain *d)
{
	if (!d)
		return;
	vg_metadata_done(&d->metadata);
	free(d);
}

enum vg_libvirt_state vg_libvirt_state(const struct vg_libvirt *lv)
{
	return (enum vg_libvirt_state)atomic_load(&lv->state);
}

const char *vg_libvirt_state_name(enum vg_libvirt_state state)
{
	switch (state) {
	case VG_LIBVIRT_ABSENT:
		return "absent";
	case VG_LIBVIRT_WAITING:
		return "waiting";
	case VG_LIBVIRT_CONNECTED:
		return "connected";
	}
	return "unknown";
}

void vg_libvirt_kick(struct vg_libvirt *lv)
{
	eventfd_write(lv->wake_fd, 1);
}

void vg_libvirt_stop(struct vg_libvirt *lv)
{
	struct timespec until;

	if (!lv)
		return;
	atomic_store(&lv->stop, true);
	vg_libvirt_kick(lv);
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += STOP_MS * 1000000L;
	if (until.tv_nsec >= 1000000000L) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000L;
	}
	if (pthread_timedjoin_np(lv->thread, NULL, &until))
		pthread_detach(lv->thread);
	unref(lv);
}
