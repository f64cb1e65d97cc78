// SPDX-License-Identifier: GPL-2.0-only
/*
 * The metadata parser: a SAX reader that walks over a domain's XML once, builds
 * no tree, and keeps the few strings it was asked for. It sees hostile input:
 * whoever may define a domain may write anything below <metadata>.
 *
 * Depths in a domain's XML:
 *	1 domain			the root, no namespace
 *	2   name uuid metadata
 *	3     vmgang:domain		directly below metadata, once
 *	4       vmgang:policy		once
 *	5         vmgang:<knob>		text only
 */
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libxml/parser.h>
#include <libxml/parserInternals.h>

#include "metadata.h"
#include "util.h"

#define NOT_OURS ": it is not of " VG_METADATA_URI

/* Where the text that arrives belongs. */
enum text_of {
	TEXT_IGNORED,
	TEXT_NAME,
	TEXT_UUID,
	TEXT_KNOB,
	TEXT_STRAY,	/* between our elements, where only white space may be */
};

struct reader {
	xmlParserCtxtPtr ctxt;
	struct vg_metadata *m;
	unsigned int depth;
	bool in_metadata;
	bool in_domain;
	bool in_policy;
	bool seen_policy;
	bool stray_told;
	enum text_of text_of;
	/* The longest that is kept is a name; one byte more tells "too long". */
	char text[VG_METADATA_MAX_NAME + 1];
	size_t text_len;
	int knob;			/* the one being read */
	bool knob_bad;			/* it has been complained about */
	unsigned int knob_line;
	unsigned int line_of[VG_NR_KNOBS];	/* 0: not seen */
	int error;
};

static unsigned int line_now(const struct reader *r)
{
	int line = r->ctxt->input ? r->ctxt->input->line : 0;

	return line > 0 ? (unsigned int)line : 0;
}

__attribute__((format(printf, 3, 0)))
static void message_add(char ***list, unsigned int line, const char *format,
			va_list ap)
{
	size_t nr = vg_strv_length(*list);
	vg_autofree char *text = NULL, *clean = NULL;

	if (nr > VG_METADATA_MAX_MESSAGES)
		return;
	if (nr == VG_METADATA_MAX_MESSAGES) {
		vg_strv_add(list, "more of the kind are left out");
		return;
	}
	if (vasprintf(&text, format, ap) < 0) {
		text = NULL;
		return;
	}
	/* libxml2 ends its messages with a newline. */
	text[strcspn(text, "\n")] = '\0';
	clean = vg_printable(text);
	if (!clean)
		return;
	if (line)
		vg_strv_addf(list, "line %u: %s", line, clean);
	else
		vg_strv_add(list, clean);
}

__attribute__((format(printf, 3, 4)))
static void error_add(struct reader *r, unsigned int line,
		      const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	message_add(&r->m->errors, line, format, ap);
	va_end(ap);
}

__attribute__((format(printf, 3, 4)))
static void warning_add(struct reader *r, unsigned int line,
			const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	message_add(&r->m->warnings, line, format, ap);
	va_end(ap);
}

/* Nothing after this point is worth reading. */
static void give_up(struct reader *r, int error)
{
	if (!r->error)
		r->error = error;
	xmlStopParser(r->ctxt);
}

static bool is(const xmlChar *a, const char *b)
{
	return a && strcmp((const char *)a, b) == 0;
}

/* For messages: how much of a name of any length is shown. */
static int shown(const xmlChar *name)
{
	return (int)strnlen((const char *)name, 40);
}

static void text_begin(struct reader *r, enum text_of what)
{
	r->text_of = what;
	r->text_len = 0;
}

/* White space around a value is layout, not value. */
static const char *text_trimmed(struct reader *r, size_t *len)
{
	const char *s = r->text;
	size_t n = r->text_len;

	while (n && isspace((unsigned char)s[n - 1]))
		n--;
	while (n && isspace((unsigned char)*s)) {
		s++;
		n--;
	}
	*len = n;
	return s;
}

static void knob_begin(struct reader *r, int knob)
{
	r->knob = knob;
	r->knob_bad = false;
	r->knob_line = line_now(r);
}

/* Keep a knob if it is new and its value is allowed. */
static void knob_end(struct reader *r, const char *text, size_t len)
{
	const char *name = vg_knob_name(r->knob);
	unsigned int *line = &r->line_of[r->knob];
	char value[64];
	char *why = NULL;
	int err;

	if (r->knob_bad)
		return;
	if (*line) {
		error_add(r, r->knob_line, "%s is given twice, on line %u before",
			  name, *line);
		return;
	}
	*line = r->knob_line;
	if (len >= sizeof(value)) {
		error_add(r, r->knob_line, "%s: the value is too long (allowed: %s)",
			  name, vg_knob_allowed(r->knob));
		return;
	}
	memcpy(value, text, len);
	value[len] = '\0';

	err = vg_policy_put(&r->m->policy, name, value, &why);
	if (err < 0)
		error_add(r, r->knob_line, "%s", why ? why : strerror(-err));
	free(why);
}

/* xmlSAX2 hands attributes over as five pointers each. */
struct attribute {
	const xmlChar *name, *prefix, *uri, *value, *end;
};

static void root_begin(struct reader *r, const xmlChar *name,
		       const xmlChar *uri, const struct attribute *attrs,
		       int nr_attrs)
{
	char id[12];

	if (!is(name, "domain") || uri) {
		error_add(r, line_now(r),
			  "the root element is <%.*s>, not libvirt's <domain>",
			  shown(name), name);
		give_up(r, -EBADMSG);
		return;
	}
	for (int i = 0; i < nr_attrs; i++) {
		size_t len = attrs[i].end - attrs[i].value;
		char *end;
		long v;

		if (attrs[i].uri || !is(attrs[i].name, "id") ||
		    !len || len >= sizeof(id))
			continue;
		memcpy(id, attrs[i].value, len);
		id[len] = '\0';
		errno = 0;
		v = strtol(id, &end, 10);
		if (!errno && !*end && v >= 0 && v <= INT_MAX)
			r->m->id = (int)v;
	}
}

static void domain_begin(struct reader *r)
{
	if (r->m->present) {
		error_add(r, line_now(r),
			  "a second <domain> of %s: only one is allowed",
			  VG_METADATA_URI);
		return;
	}
	r->m->present = true;
	r->in_domain = true;
}

static void policy_begin(struct reader *r, const struct attribute *attrs,
			 int nr_attrs)
{
	if (r->seen_policy) {
		error_add(r, line_now(r),
			  "a second <policy>: only one is allowed");
		return;
	}
	r->seen_policy = true;
	r->in_policy = true;
	text_begin(r, TEXT_STRAY);
	for (int i = 0; i < nr_attrs; i++) {
		if (attrs[i].uri || !is(attrs[i].name, "preset")) {
			warning_add(r, line_now(r),
				    "unknown attribute %.*s of <policy> is ignored",
				    shown(attrs[i].name), attrs[i].name);
			continue;
		}
		knob_begin(r, VG_KNOB_PRESET);
		knob_end(r, (const char *)attrs[i].value,
			 attrs[i].end - attrs[i].value);
	}
}

static void knob_element_begin(struct reader *r, const xmlChar *name,
			       bool ours)
{
	int knob = ours ? vg_knob_from_name((const char *)name) : -ENOENT;

	if (knob < 0 || knob == VG_KNOB_PRESET) {
		warning_add(r, line_now(r),
			    "unknown <%.*s> in <policy> is ignored%s",
			    shown(name), name, ours ? "" : NOT_OURS);
		return;
	}
	knob_begin(r, knob);
	text_begin(r, TEXT_KNOB);
}

/* An element below <vmgang:domain>. */
static void inner_begin(struct reader *r, const xmlChar *name, bool ours,
			const struct attribute *attrs, int nr_attrs)
{
	if (r->depth == 4) {
		text_begin(r, TEXT_IGNORED);
		if (ours && is(name, "policy"))
			policy_begin(r, attrs, nr_attrs);
		else
			warning_add(r, line_now(r),
				    "unknown <%.*s> in <domain> is ignored%s",
				    shown(name), name,
				    ours ? "" : NOT_OURS);
	} else if (r->in_policy && r->depth == 5) {
		text_begin(r, TEXT_IGNORED);
		knob_element_begin(r, name, ours);
	} else if (r->in_policy && r->text_of == TEXT_KNOB) {
		if (!r->knob_bad)
			error_add(r, line_now(r),
				  "<%s> holds <%.*s>: it may hold a value only",
				  vg_knob_name(r->knob), shown(name), name);
		r->knob_bad = true;
	}
}

static void metadata_child_begin(struct reader *r, const xmlChar *name,
				 const xmlChar *uri, bool ours)
{
	if (ours && is(name, "domain")) {
		text_begin(r, TEXT_STRAY);
		domain_begin(r);
	} else if (ours) {
		warning_add(r, line_now(r),
			    "unknown <%.*s> of %s in <metadata> is ignored",
			    shown(name), name, VG_METADATA_URI);
	} else if (uri && strncmp((const char *)uri, "urn:vmgang:", 11) == 0) {
		warning_add(r, line_now(r),
			    "unknown namespace %.*s is ignored: this version reads %s",
			    shown(uri), uri, VG_METADATA_URI);
	}
}

static void element_begin(void *ctx, const xmlChar *name, const xmlChar *prefix,
			  const xmlChar *uri, int nr_ns, const xmlChar **ns,
			  int nr_attrs, int nr_default, const xmlChar **attrs)
{
	const struct attribute *a = (const void *)attrs;
	bool ours = is(uri, VG_METADATA_URI);
	struct reader *r = ctx;

	(void)prefix;
	(void)nr_ns;
	(void)ns;
	(void)nr_default;

	if (r->error)
		return;
	if (++r->depth > VG_METADATA_MAX_DEPTH) {
		error_add(r, line_now(r), "elements are nested deeper than %d",
			  VG_METADATA_MAX_DEPTH);
		give_up(r, -EBADMSG);
		return;
	}
	if (r->depth == 1) {
		root_begin(r, name, uri, a, nr_attrs);
	} else if (r->in_domain) {
		inner_begin(r, name, ours, a, nr_attrs);
	} else if (r->in_metadata && r->depth == 3) {
		metadata_child_begin(r, name, uri, ours);
	} else if (ours && is(name, "domain")) {
		warning_add(r, line_now(r),
			    "<domain> of %s is ignored here: it belongs directly below <metadata>",
			    VG_METADATA_URI);
	} else if (r->depth == 2 && !uri) {
		r->in_metadata = is(name, "metadata");
		text_begin(r, is(name, "name") ? TEXT_NAME :
			      is(name, "uuid") ? TEXT_UUID : TEXT_IGNORED);
	}
}

static void name_end(struct reader *r)
{
	if (r->text_len >= sizeof(r->m->name)) {
		warning_add(r, line_now(r),
			    "the domain's name is longer than %zu bytes and not used",
			    sizeof(r->m->name) - 1);
		return;
	}
	memcpy(r->m->name, r->text, r->text_len);
	r->m->name[r->text_len] = '\0';
}

static void uuid_end(struct reader *r)
{
	char uuid[sizeof(r->text) + 1];
	size_t len;
	const char *s = text_trimmed(r, &len);

	memcpy(uuid, s, len);
	uuid[len] = '\0';
	if (vg_uuid_normalize(uuid, r->m->uuid) < 0)
		r->m->uuid[0] = '\0';
}

static void element_end(void *ctx, const xmlChar *name, const xmlChar *prefix,
			const xmlChar *uri)
{
	struct reader *r = ctx;
	const char *value;
	size_t len;

	(void)name;
	(void)prefix;
	(void)uri;

	if (r->error)
		return;
	switch (r->depth) {
	case 2:
		if (r->text_of == TEXT_NAME)
			name_end(r);
		else if (r->text_of == TEXT_UUID)
			uuid_end(r);
		r->in_metadata = false;
		text_begin(r, TEXT_IGNORED);
		break;
	case 3:
		r->in_domain = false;
		text_begin(r, TEXT_IGNORED);
		break;
	case 4:
		r->in_policy = false;
		if (r->in_domain)
			text_begin(r, TEXT_STRAY);
		break;
	case 5:
		if (r->text_of == TEXT_KNOB) {
			value = text_trimmed(r, &len);
			knob_end(r, value, len);
		}
		if (r->in_policy)
			text_begin(r, TEXT_STRAY);
		break;
	default:
		break;
	}
	r->depth--;
}

static void stray_text(struct reader *r, const xmlChar *s, int len)
{
	for (int i = 0; i < len; i++) {
		if (isspace(s[i]))
			continue;
		if (!r->stray_told)
			warning_add(r, line_now(r),
				    "text between the elements is ignored");
		r->stray_told = true;
		return;
	}
}

static void characters(void *ctx, const xmlChar *s, int len)
{
	struct reader *r = ctx;
	size_t n = len;

	if (r->error || r->text_of == TEXT_IGNORED)
		return;
	if (r->text_of == TEXT_STRAY) {
		stray_text(r, s, len);
		return;
	}
	if (r->text_of != TEXT_KNOB && r->depth != 2)
		return;
	/* Leading white space may be of any length and is dropped anyway. */
	while (n && !r->text_len && r->text_of != TEXT_NAME && isspace(*s)) {
		s++;
		n--;
	}
	if (n > sizeof(r->text) - r->text_len)
		n = sizeof(r->text) - r->text_len;
	memcpy(r->text + r->text_len, s, n);
	r->text_len += n;
}

/*
 * libvirt never writes a DTD, and entities can not be declared anywhere else:
 * without it there are no entity bombs and no external entities.
 */
static void dtd_found(void *ctx, const xmlChar *name, const xmlChar *external,
		      const xmlChar *system)
{
	struct reader *r = ctx;

	(void)name;
	(void)external;
	(void)system;

	error_add(r, line_now(r), "a document type declaration is not allowed");
	give_up(r, -EBADMSG);
}

#if LIBXML_VERSION >= 21200
static void xml_error(void *ctx, const xmlError *e)
#else
static void xml_error(void *ctx, xmlErrorPtr e)
#endif
{
	struct reader *r = ctx;

	if (r->error || e->level < XML_ERR_ERROR)
		return;
	error_add(r, e->line > 0 ? (unsigned int)e->line : 0, "%s",
		  e->message ? e->message : "not well-formed XML");
	if (e->code == XML_ERR_NO_MEMORY)
		give_up(r, -ENOMEM);
	else if (e->level == XML_ERR_FATAL)
		give_up(r, -EBADMSG);
}

int vg_metadata_parse(const char *xml, size_t len, struct vg_metadata *ret)
{
	const xmlSAXHandler handler = {
		.initialized = XML_SAX2_MAGIC,
		.internalSubset = dtd_found,
		.startElementNs = element_begin,
		.endElementNs = element_end,
		.characters = characters,
		.cdataBlock = characters,
		.serror = xml_error,
	};
	struct reader r = { .m = ret };

	memset(ret, 0, sizeof(*ret));
	ret->id = -1;
	if (len > VG_METADATA_MAX_SIZE) {
		error_add(&r, 0, "the XML is larger than %u bytes",
			  VG_METADATA_MAX_SIZE);
		return -EFBIG;
	}
	if (!len) {
		error_add(&r, 0, "the XML is empty");
		return -EBADMSG;
	}
	r.ctxt = xmlCreateMemoryParserCtxt(xml, (int)len);
	if (!r.ctxt) {
		error_add(&r, 0, "out of memory");
		return -ENOMEM;
	}
	/* libvirt writes UTF-8; converters are code and files of others. */
	xmlCtxtUseOptions(r.ctxt, XML_PARSE_NONET | XML_PARSE_IGNORE_ENC);
	*r.ctxt->sax = handler;
	r.ctxt->userData = &r;
	xmlParseDocument(r.ctxt);
	if (!r.error && !r.ctxt->wellFormed) {
		error_add(&r, line_now(&r), "not well-formed XML");
		r.error = -EBADMSG;
	}
	if (r.ctxt->myDoc)
		xmlFreeDoc(r.ctxt->myDoc);
	xmlFreeParserCtxt(r.ctxt);
	if (ret->errors)
		memset(&ret->policy, 0, sizeof(ret->policy));
	return r.error;
}
