// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "log.h"
#include "newslink.h"
#include "util.h"

/* What one call takes: a flood leaves time for everybody else. */
#define PACKETS_PER_CALL 1024

/* A packet may be damaged by a mistake somewhere; a stream of them is none. */
#define BAD_MAX 8

struct vg_newslink {
	int fd;
	unsigned int nr_bad;
	struct item *first;
};

struct item {
	struct vg_news *news;
	struct item *next;
};

struct vg_newslink *vg_newslink_new(int fd)
{
	struct vg_newslink *link = calloc(1, sizeof(*link));

	if (link)
		link->fd = fd;
	return link;
}

void vg_newslink_free(struct vg_newslink *link)
{
	struct vg_news *news;

	if (!link)
		return;
	while ((news = vg_newslink_next(link)))
		vg_news_free(news);
	close(link->fd);
	free(link);
}

int vg_newslink_fd(const struct vg_newslink *link)
{
	return link->fd;
}

static bool same_subject(const struct vg_news *a, const struct vg_news *b)
{
	if (a->text || b->text)
		return a->text && b->text;
	return strcmp(a->metadata.uuid, b->metadata.uuid) == 0;
}

static int push(struct vg_newslink *link, struct vg_news *news)
{
	struct item **at = &link->first;

	while (*at && !same_subject((*at)->news, news))
		at = &(*at)->next;
	if (!*at) {
		*at = calloc(1, sizeof(**at));
		if (!*at)
			return -ENOMEM;
	}
	vg_news_free((*at)->news);
	(*at)->news = news;
	return 0;
}

static void take(struct vg_newslink *link, const char *packet, size_t len)
{
	vg_autofree char *error = NULL;
	struct vg_news *news;
	int r = vg_news_parse(packet, len, &news, &error);

	if (r == 0) {
		r = push(link, news);
		if (r < 0)
			vg_news_free(news);
	}
	if (r == 0)
		return;
	if (r == -EBADMSG)
		link->nr_bad++;
	vg_warn("libvirt: a packet of %zu bytes is ignored: %s", len,
		error ? error : strerror(-r));
}

int vg_newslink_receive(struct vg_newslink *link)
{
	char packet[VG_NEWS_MAX + 1];

	for (int i = 0; i < PACKETS_PER_CALL; i++) {
		ssize_t n = recv(link->fd, packet, VG_NEWS_MAX,
				 MSG_DONTWAIT | MSG_TRUNC);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN ? 0 : -EPIPE;
		if (n == 0)
			return -EPIPE;
		packet[n <= (ssize_t)VG_NEWS_MAX ? n : 0] = '\0';
		take(link, packet, (size_t)n);
		if (link->nr_bad >= BAD_MAX)
			return -EPROTO;
	}
	return 0;
}

struct vg_news *vg_newslink_next(struct vg_newslink *link)
{
	struct item *item = link->first;
	struct vg_news *news;

	if (!item)
		return NULL;
	link->first = item->next;
	news = item->news;
	free(item);
	return news;
}
