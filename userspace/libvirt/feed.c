// SPDX-License-Identifier: GPL-2.0-only
/*
 * All that knows libvirt. Any call into it can block for as long as libvirtd
 * wants; nobody but this process waits.
 *
 * While vmgangd does not read, domains wait to be looked at, each once: what is
 * told then is what is so then.
 */
#include <dlfcn.h>
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>

#include "feed.h"
#include "log.h"
#include "news.h"
#include "util.h"

/* How long libvirtd may stay silent: 3 unanswered questions, 5 s apart. */
#define KEEPALIVE_INTERVAL_S	5
#define KEEPALIVE_COUNT		3

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
	f(virEventUpdateHandle)			\
	f(virGetLastErrorCode)			\
	f(virGetLastErrorMessage)		\
	f(virInitialize)			\
	f(virSetErrorFunc)

#define POINTER(name) __typeof__(name) *(name);
static struct {
	LIBVIRT_FUNCTIONS(POINTER)
} vir;

struct feed {
	int fd;			/* vmgangd's socket */
	int watch;		/* of fd */
	bool stop;		/* vmgangd has gone */
	virConnectPtr conn;
	bool closed;
	virDomainPtr *pending;	/* to be looked at */
	size_t nr_pending;
};

static void tell(struct feed *f, const struct vg_news *news)
{
	int r = vg_news_send(f->fd, news);

	if (r == -EMSGSIZE)
		vg_warn("libvirt: domain %s: its policy is too large to be told",
			news->metadata.name);
	else if (r < 0)
		f->stop = true;
}

static void tell_state(struct feed *f, enum vg_news_kind kind, const char *text)
{
	struct vg_news news = { .kind = kind };

	news.text = strdup(text ? text : "no reason given");
	if (news.text)
		tell(f, &news);
	free(news.text);
}

/* Reads what libvirt now has of a domain, and tells vmgangd. */
static void look_at(struct feed *f, virDomainPtr dom)
{
	const char *name = vir.virDomainGetName(dom);
	struct vg_news news = {};
	struct vg_metadata *m = &news.metadata;
	char *xml = vir.virDomainGetXMLDesc(dom, 0);
	bool gone;

	if (xml) {
		vg_metadata_parse(xml, strlen(xml), m);
		gone = m->id < 0 && !m->errors;
		for (char **w = m->warnings; w && *w; w++)
			vg_warn("domain %s: metadata: %s", name, *w);
		free(xml);
	} else if (vir.virGetLastErrorCode() == VIR_ERR_NO_DOMAIN) {
		gone = true;
	} else {
		vg_debug("libvirt: %s: %s", name, vir.virGetLastErrorMessage());
		return;
	}
	news.kind = gone ? VG_NEWS_GONE : VG_NEWS_DOMAIN;
	/* libvirt itself knows these, whatever became of the XML. */
	vir.virDomainGetUUIDString(dom, m->uuid);
	if (!m->name[0])
		snprintf(m->name, sizeof(m->name), "%s", name);
	tell(f, &news);
	vg_metadata_done(m);
}

/*
 * Called from within libvirt's loop. The look itself, which asks libvirtd,
 * waits until the loop has returned.
 */
static void remember(struct feed *f, virDomainPtr dom)
{
	virDomainPtr *more;

	for (size_t i = 0; i < f->nr_pending; i++)
		if (strcmp(vir.virDomainGetName(f->pending[i]),
			   vir.virDomainGetName(dom)) == 0)
			return;
	more = reallocarray(f->pending, f->nr_pending + 1, sizeof(*more));
	if (!more)
		return;
	f->pending = more;
	if (!vir.virDomainRef(dom))
		f->pending[f->nr_pending++] = dom;
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
	struct feed *f = data;

	f->closed = true;
}

/* Its other end has been closed, or has room again; that ends the loop's wait. */
static void on_socket(int watch, int fd, int events, void *data)
{
	struct feed *f = data;
	char byte;

	if (events & (VIR_EVENT_HANDLE_HANGUP | VIR_EVENT_HANDLE_ERROR))
		f->stop = true;
	else if (events & VIR_EVENT_HANDLE_READABLE)
		f->stop = recv(fd, &byte, 1, MSG_DONTWAIT) == 0;
}

static void on_error(void *data, virErrorPtr error)
{
	/* What matters is told; libvirt would print it all. */
}

static bool has_room(const struct feed *f)
{
	struct pollfd p = { .fd = f->fd, .events = POLLOUT };

	return poll(&p, 1, 0) == 1 && (p.revents & POLLOUT);
}

/* As many as vmgangd's socket takes; the rest waits for more room. */
static void look_at_pending(struct feed *f)
{
	size_t n = 0;

	while (n < f->nr_pending && !f->closed && !f->stop && has_room(f)) {
		look_at(f, f->pending[n]);
		vir.virDomainFree(f->pending[n++]);
	}
	f->nr_pending -= n;
	if (n > 0)
		memmove(f->pending, f->pending + n,
			f->nr_pending * sizeof(virDomainPtr));
	vir.virEventUpdateHandle(f->watch, VIR_EVENT_HANDLE_READABLE |
		(f->nr_pending ? VIR_EVENT_HANDLE_WRITABLE : 0));
}

static void drop_pending(struct feed *f)
{
	while (f->nr_pending)
		vir.virDomainFree(f->pending[--f->nr_pending]);
	free(f->pending);
	f->pending = NULL;
}

static int remember_all(struct feed *f)
{
	virDomainPtr *list;
	int nr;

	nr = vir.virConnectListAllDomains(f->conn, &list,
					  VIR_CONNECT_LIST_DOMAINS_ACTIVE);
	if (nr < 0)
		return -EIO;
	for (int i = 0; i < nr; i++) {
		remember(f, list[i]);
		vir.virDomainFree(list[i]);
	}
	free(list);
	return 0;
}

static void follow(struct feed *f, const char *uri)
{
	tell_state(f, VG_NEWS_CONNECTED, uri);
	look_at_pending(f);
	while (!f->stop && !f->closed &&
	       vir.virConnectIsAlive(f->conn) == 1) {
		if (vir.virEventRunDefaultImpl() < 0)
			break;
		look_at_pending(f);
	}
	if (!f->stop)
		tell_state(f, VG_NEWS_WAITING, "connection lost");
}

/* The life of one connection. Events first, so that none falls into a gap. */
static void serve(struct feed *f, const char *uri)
{
	int lifecycle, metadata;

	/* Drivers that live in this process need none and have none. */
	vir.virConnectSetKeepAlive(f->conn, KEEPALIVE_INTERVAL_S,
				   KEEPALIVE_COUNT);
	vir.virConnectRegisterCloseCallback(f->conn, on_close, f, NULL);
	lifecycle = vir.virConnectDomainEventRegisterAny(f->conn, NULL,
			VIR_DOMAIN_EVENT_ID_LIFECYCLE,
			VIR_DOMAIN_EVENT_CALLBACK(on_lifecycle), f, NULL);
	metadata = vir.virConnectDomainEventRegisterAny(f->conn, NULL,
			VIR_DOMAIN_EVENT_ID_METADATA_CHANGE,
			VIR_DOMAIN_EVENT_CALLBACK(on_metadata), f, NULL);
	f->watch = vir.virEventAddHandle(f->fd, VIR_EVENT_HANDLE_READABLE,
					 on_socket, f, NULL);

	if (lifecycle >= 0 && metadata >= 0 && f->watch >= 0 && !remember_all(f))
		follow(f, uri);
	else
		tell_state(f, VG_NEWS_WAITING, vir.virGetLastErrorMessage());

	drop_pending(f);
	if (f->watch >= 0)
		vir.virEventRemoveHandle(f->watch);
	if (lifecycle >= 0)
		vir.virConnectDomainEventDeregisterAny(f->conn, lifecycle);
	if (metadata >= 0)
		vir.virConnectDomainEventDeregisterAny(f->conn, metadata);
	vir.virConnectUnregisterCloseCallback(f->conn, on_close);
}

/*
 * Opens libvirt once for the process; it can not be unloaded. At run time, so
 * that vmgang can be installed where there is no libvirt.
 */
static int load(struct feed *f)
{
	static bool loaded;
	void *handle;

	if (loaded)
		return 0;
	handle = dlopen("libvirt.so.0", RTLD_NOW | RTLD_LOCAL);
	if (!handle) {
		tell_state(f, VG_NEWS_ABSENT, dlerror());
		return -ENOENT;
	}
#define FIND(name)							\
	vir.name = (__typeof__(name) *)dlsym(handle, #name);		\
	if (!vir.name) {						\
		tell_state(f, VG_NEWS_ABSENT, dlerror());		\
		return -ENOENT;						\
	}
	LIBVIRT_FUNCTIONS(FIND)

	if (vir.virInitialize() < 0 || vir.virEventRegisterDefaultImpl() < 0) {
		tell_state(f, VG_NEWS_ABSENT, vir.virGetLastErrorMessage());
		return -EIO;
	}
	vir.virSetErrorFunc(NULL, on_error);
	loaded = true;
	return 0;
}

void vg_feed_run(int fd, const char *uri)
{
	struct feed f = { .fd = fd, .watch = -1 };

	if (load(&f) < 0)
		return;
	f.conn = vir.virConnectOpenReadOnly(uri);
	if (!f.conn) {
		tell_state(&f, VG_NEWS_WAITING, vir.virGetLastErrorMessage());
		return;
	}
	serve(&f, uri);
	vir.virConnectClose(f.conn);
}
