/* SPDX-License-Identifier: GPL-2.0-only */
/* What a libvirt domain's XML says about vmgang. */
#ifndef VMGANG_METADATA_H
#define VMGANG_METADATA_H

#include <stdbool.h>
#include <stddef.h>

#include "policy.h"

#define VG_METADATA_URI		"urn:vmgang:domain:1"

/*
 * Limits on what is read at all. A domain's XML is 5 to 50 KiB and some ten
 * elements deep.
 */
#define VG_METADATA_MAX_SIZE	(4U << 20)
#define VG_METADATA_MAX_DEPTH	64
#define VG_METADATA_MAX_MESSAGES 16
#define VG_METADATA_MAX_NAME	256	/* bytes, its end included */
#define VG_METADATA_UUID_SIZE	37	/* bytes, its end included */

/**
 * struct vg_metadata - a domain, and what it asks of vmgang
 * @name: libvirt's name for it, empty if the XML has none
 * @uuid: in lower case with dashes, empty if the XML has no valid one
 * @id: libvirt's number of the running domain, -1 if it is not running
 * @present: there is a <vmgang:domain>
 * @policy: what it sets; nothing at all if there are errors
 * @errors: why the domain stays on the default policy: lines like "line 7:
 *	what is wrong, and what is allowed"; NULL if there are none
 * @warnings: what was ignored, in the same form
 */
struct vg_metadata {
	char name[VG_METADATA_MAX_NAME];
	char uuid[VG_METADATA_UUID_SIZE];
	int id;
	bool present;
	struct vg_policy policy;
	char **errors;
	char **warnings;
};

/**
 * vg_metadata_parse() - read the metadata out of a whole domain XML
 * @xml: the document; it need not end in a NUL byte
 * @len: its length in bytes
 * @ret: filled in any case; to be given to vg_metadata_done()
 *
 * Reads nothing but these bytes: no network, no file, no DTD (a document with
 * one is refused), no entity beside XML's own five.
 *
 * Return: 0 if the document could be read, also if ret->errors says that its
 * metadata can not be used; -EBADMSG if it is not a domain XML, -EFBIG if it
 * is larger than VG_METADATA_MAX_SIZE, -ENOMEM. ret->errors has a line for
 * each of them.
 */
int vg_metadata_parse(const char *xml, size_t len, struct vg_metadata *ret);

/** vg_metadata_done() - free what vg_metadata_parse() put into @m. */
void vg_metadata_done(struct vg_metadata *m);

#endif
