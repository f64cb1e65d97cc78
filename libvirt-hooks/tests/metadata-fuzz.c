// SPDX-License-Identifier: GPL-2.0-only
/*
 * metadata-fuzz SEED ITERATIONS FILE...: mutates the files and holds what the
 * parser makes of them against what its header promises. Built with the
 * sanitizers, which find the rest. The same seed gives the same inputs.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "metadata.h"
#include "presets.h"
#include "util.h"

#define MAX_INPUT (1 << 18)

static const char *const words[] = {
	"<", ">", "</", "/>", "&", "&amp;", "&#0;", "&#x10ffff;", "&a;", "'", "\"",
	"<!--", "-->", "<![CDATA[", "]]>", "<?x ?>", "<!DOCTYPE d [", "]>",
	"<!ENTITY a '&a;&a;'>", "<domain>", "</domain>", "<metadata>", "</metadata>",
	"<name>", "</name>", "<uuid>", "</uuid>", "<a>", "</a>",
	"<vmgang:domain xmlns:vmgang=\"urn:vmgang:domain:1\">", "</vmgang:domain>",
	"<vmgang:policy>", "</vmgang:policy>", " preset=\"esx\"", " preset='", " id='7'",
	"<vmgang:cosched>gang</vmgang:cosched>", "<vmgang:slice_us>5000</vmgang:slice_us>",
	"<vmgang:managed>", "</vmgang:managed>", " xmlns=\"\"", " xmlns:vmgang=''",
	"urn:vmgang:domain:1", "encoding='UTF-16'", "\xff\xfe", "\xef\xbb\xbf", "\xc3\x28",
	"0000000000000000000000000000000000000000000000000000000000000000000000000",
};

struct input {
	char *bytes;
	size_t len;
};

static uint64_t state;

/* xorshift64*: short, and the same on every machine. */
static uint64_t random_u64(void)
{
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return state * 2685821657736338717ULL;
}

static size_t below(size_t n)
{
	return n ? (size_t)(random_u64() >> 16) % n : 0;
}

static void insert(struct input *in, size_t at, const char *s, size_t n)
{
	if (in->len + n > MAX_INPUT)
		return;
	memmove(in->bytes + at + n, in->bytes + at, in->len - at);
	memcpy(in->bytes + at, s, n);
	in->len += n;
}

static void mutate(struct input *in, const struct input *other)
{
	size_t at = below(in->len), n = below(in->len - at);
	char copy[4096];

	switch (below(8)) {
	case 0:
		if (in->len)
			in->bytes[at] = (char)random_u64();
		break;
	case 1:
		if (in->len)
			in->bytes[at] ^= (char)(1 << below(8));
		break;
	case 2:		/* cut some out */
		n = below(n < 64 ? n : 64);
		memmove(in->bytes + at, in->bytes + at + n, in->len - at - n);
		in->len -= n;
		break;
	case 3:		/* repeat some */
		n = n < sizeof(copy) ? n : sizeof(copy);
		memcpy(copy, in->bytes + at, n);
		for (size_t times = 1 + below(8); times; times--)
			insert(in, at, copy, n);
		break;
	case 4:		/* cut the end off */
		if (!below(8))
			in->len = at;
		break;
	case 5:		/* a part of another file */
		n = below(other->len);
		insert(in, at, other->bytes + n, below(other->len - n));
		break;
	default:
		n = below(VG_ARRAY_SIZE(words));
		insert(in, at, words[n], strlen(words[n]));
	}
}

static void broken(const char *what)
{
	fprintf(stderr, "promise broken: %s\n", what);
	abort();
}

static void check_messages(char *const *list, const char *what)
{
	size_t nr = vg_strv_length(list);

	if (nr > VG_METADATA_MAX_MESSAGES + 1)
		broken(what);
	for (size_t i = 0; i < nr; i++) {
		vg_autofree char *clean = vg_printable(list[i]);

		if (!clean || strcmp(clean, list[i]) || strlen(clean) > 1024)
			broken(what);
	}
}

static bool check(const struct input *in)
{
	vg_cleanup(vg_metadata_done) struct vg_metadata m;
	/* A copy of its own size, so that a read past its end is seen. */
	vg_autofree char *exact = malloc(in->len ? in->len : 1);
	char uuid[37];
	int r;

	memcpy(exact, in->bytes, in->len);
	r = vg_metadata_parse(exact, in->len, &m);
	if (r && r != -EBADMSG && r != -EFBIG)
		broken("return value");
	if (r && !m.errors)
		broken("failure without a message");
	if (m.errors && !vg_policy_empty(&m.policy))
		broken("policy in spite of errors");
	if (!m.present && !vg_policy_empty(&m.policy))
		broken("policy without <domain>");
	for (int k = 0; k < VG_NR_KNOBS; k++)
		if (m.policy.value[k][0] &&
		    vg_knob_check(vg_knob_name(k), m.policy.value[k], NULL))
			broken("a value that is not allowed");
	if (!memchr(m.name, 0, sizeof(m.name)) || m.id < -1)
		broken("name or id");
	if (m.uuid[0] && (vg_uuid_normalize(m.uuid, uuid) || strcmp(uuid, m.uuid)))
		broken("uuid");
	check_messages(m.errors, "errors");
	check_messages(m.warnings, "warnings");
	return !r && !vg_policy_empty(&m.policy);
}

int main(int argc, char *argv[])
{
	unsigned long iterations, used = 0, unused = 0;
	int nr = argc - 3;
	struct input *files, work;

	if (nr < 1) {
		fprintf(stderr, "usage: metadata-fuzz SEED ITERATIONS FILE...\n");
		return 2;
	}
	vg_presets_load(NULL);
	state = strtoull(argv[1], NULL, 10) * 2 + 1;
	iterations = strtoul(argv[2], NULL, 10);
	files = calloc((size_t)nr, sizeof(*files));
	work.bytes = malloc(MAX_INPUT);
	for (int i = 0; i < nr; i++)
		if (vg_read_file(AT_FDCWD, argv[i + 3], MAX_INPUT / 2,
				 &files[i].bytes, &files[i].len) < 0) {
			fprintf(stderr, "can not read %s\n", argv[i + 3]);
			return 1;
		}
	for (unsigned long i = 0; i < iterations; i++) {
		const struct input *file = &files[below((size_t)nr)];

		work.len = file->len;
		memcpy(work.bytes, file->bytes, file->len);
		for (size_t times = 1 + below(6); times; times--)
			mutate(&work, &files[below((size_t)nr)]);
		if (check(&work))
			used++;
		else
			unused++;
	}
	for (int i = 0; i < nr; i++)
		free(files[i].bytes);
	free(files);
	free(work.bytes);
	/* All or nothing would mean that the mutations reach nothing new. */
	if (iterations >= 1000 && (used < iterations / 100 || unused < iterations / 100)) {
		printf("not ok - %lu inputs with a policy, %lu without\n", used, unused);
		return 1;
	}
	printf("%lu inputs with a policy, %lu without\nfuzz: 1 passed, 0 failed\n", used, unused);
	return 0;
}
