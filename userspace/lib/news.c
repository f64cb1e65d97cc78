// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "json.h"
#include "news.h"
#include "util.h"

#define TEXT_MAX 1024

static const char *const kinds[VG_NR_NEWS_KINDS] = {
	[VG_NEWS_DOMAIN] = "domain",
	[VG_NEWS_GONE] = "gone",
	[VG_NEWS_CONNECTED] = "connected",
	[VG_NEWS_WAITING] = "waiting",
	[VG_NEWS_ABSENT] = "absent",
};

static int gone_to_json(const struct vg_metadata *m, sd_json_variant **ret)
{
	return sd_json_buildo(ret, SD_JSON_BUILD_PAIR_STRING("uuid", m->uuid),
			      SD_JSON_BUILD_PAIR_STRING("name", m->name));
}

static int text_to_json(const char *text, sd_json_variant **ret)
{
	char bounded[TEXT_MAX];
	vg_autofree char *clean = NULL;

	snprintf(bounded, sizeof(bounded), "%s", text ? text : "");
	clean = vg_printable(bounded);
	return clean ? sd_json_variant_new_string(ret, clean) : -ENOMEM;
}

int vg_news_send(int fd, const struct vg_news *news)
{
	vg_autojson sd_json_variant *body = NULL, *v = NULL;
	vg_autofree char *packet = NULL;
	size_t len;
	int r;

	if (news->kind == VG_NEWS_DOMAIN)
		r = vg_metadata_to_json(&news->metadata, &body);
	else if (news->kind == VG_NEWS_GONE)
		r = gone_to_json(&news->metadata, &body);
	else
		r = text_to_json(news->text, &body);
	if (r >= 0)
		r = sd_json_variant_set_field(&v, kinds[news->kind], body);
	if (r >= 0)
		r = sd_json_variant_format(v, 0, &packet);
	if (r < 0)
		return r;
	len = strlen(packet);
	if (len > VG_NEWS_MAX)
		return -EMSGSIZE;
	return send(fd, packet, len, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

static int bad(char **error, const char *what)
{
	vg_error_set(error, "%s", what);
	return -EBADMSG;
}

static int knobs_of(sd_json_variant *body, struct vg_policy *policy,
		    char **error)
{
	sd_json_variant *knobs = sd_json_variant_by_key(body, "knobs");

	if (!knobs || !sd_json_variant_is_object(knobs))
		return bad(error, "a domain without knobs");
	for (size_t i = 0; i < sd_json_variant_elements(knobs); i += 2) {
		sd_json_variant *k = sd_json_variant_by_index(knobs, i);
		sd_json_variant *v = sd_json_variant_by_index(knobs, i + 1);

		if (!sd_json_variant_is_string(v))
			return bad(error, "a knob that is no string");
		if (vg_policy_put(policy, sd_json_variant_string(k),
				  sd_json_variant_string(v), error) < 0)
			return -EBADMSG;
	}
	return 0;
}

static int domain_of(sd_json_variant *body, struct vg_metadata *m,
		     char **error)
{
	const char *uuid = vg_json_string(body, "uuid", "");
	const char *name = vg_json_string(body, "name", "");

	if (vg_uuid_normalize(uuid, m->uuid) < 0)
		return bad(error, "a domain without a UUID");
	if (!*name || strlen(name) >= sizeof(m->name))
		return bad(error, "a domain without a name, or with too long a one");
	memcpy(m->name, name, strlen(name) + 1);
	m->id = -1;
	return 0;
}

static int policy_of(sd_json_variant *body, struct vg_metadata *m,
		     char **error)
{
	sd_json_variant *id = sd_json_variant_by_key(body, "id");

	if (id) {
		int64_t number = sd_json_variant_is_integer(id) ?
					 sd_json_variant_integer(id) : -1;

		if (number < 0 || number > INT_MAX)
			return bad(error, "a domain's id that is none");
		m->id = (int)number;
	}
	if (vg_json_errors(body, &m->errors) < 0)
		return bad(error, "errors that are not strings");
	return knobs_of(body, &m->policy, error);
}

static int parse(sd_json_variant *v, struct vg_news *news, char **error)
{
	sd_json_variant *body;
	const char *key;
	int kind = 0;

	if (!sd_json_variant_is_object(v) || sd_json_variant_elements(v) != 2)
		return bad(error, "not one piece of news");
	key = sd_json_variant_string(sd_json_variant_by_index(v, 0));
	body = sd_json_variant_by_index(v, 1);
	while (kind < VG_NR_NEWS_KINDS && strcmp(kinds[kind], key) != 0)
		kind++;
	if (kind == VG_NR_NEWS_KINDS)
		return bad(error, "of an unknown kind");
	news->kind = (enum vg_news_kind)kind;
	if (kind == VG_NEWS_DOMAIN || kind == VG_NEWS_GONE) {
		int r = domain_of(body, &news->metadata, error);

		return r < 0 || kind == VG_NEWS_GONE ? r :
			policy_of(body, &news->metadata, error);
	}
	if (!sd_json_variant_is_string(body))
		return bad(error, "a state without a reason");
	news->text = strdup(sd_json_variant_string(body));
	return news->text ? 0 : -ENOMEM;
}

int vg_news_parse(const char *packet, size_t len, struct vg_news **ret,
		  char **error)
{
	vg_autojson sd_json_variant *v = NULL;
	struct vg_news *news;
	int r;

	if (len > VG_NEWS_MAX)
		return bad(error, "larger than 32 KiB");
	if (strlen(packet) != len || sd_json_parse(packet, 0, &v, NULL, NULL) < 0)
		return bad(error, "not JSON");
	news = calloc(1, sizeof(*news));
	if (!news)
		return -ENOMEM;
	r = parse(v, news, error);
	if (r < 0) {
		vg_news_free(news);
		return r;
	}
	*ret = news;
	return 0;
}

void vg_news_free(struct vg_news *news)
{
	if (!news)
		return;
	vg_metadata_done(&news->metadata);
	free(news->text);
	free(news);
}
