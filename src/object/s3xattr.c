/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of virtual attributes and the header, or the part of the version,
 * that answers each.
 */
#include "vers3/object/s3xattr.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "vers3/object/object_meta.h"
#include "vers3/util/clock.h"

/* It alone tells of SSE-C. */
#define CUSTOMER_KEY "x-amz-server-side-encryption-customer-key-md5"

/* Attribute → the header that carries it (S3 API, HeadObject). */
static const struct {
	const char *name;
	const char *header;
	const char *otherwise; /* when S3 leaves the header out */
	bool state; /* the server's: it may move while the version stays */
} from_header[] = {
	{"storage_class", "x-amz-storage-class", "STANDARD", true},
	{"expiration", "x-amz-expiration", NULL, true},
	{"replication_status", "x-amz-replication-status", NULL, true},
	{"restore", "x-amz-restore", NULL, true},
	{"sse", "x-amz-server-side-encryption", NULL, true},
	{"kms_key", "x-amz-server-side-encryption-aws-kms-key-id", NULL, true},
	{"sse_c_key_md5", CUSTOMER_KEY, NULL, true},
	{"legal_hold", "x-amz-object-lock-legal-hold", NULL, true},
	{"retention", "x-amz-object-lock-retain-until-date", NULL, true},
	{"retention_mode", "x-amz-object-lock-mode", NULL, true},
	{"content_type", "content-type", NULL, false},
};

#define HEADERS (sizeof(from_header) / sizeof(*from_header))

static const char *bare_name(const char *name)
{
	if (!strncmp(name, "user.", 5))
		name += 5;
	return strncmp(name, "s3.", 3) ? NULL : name + 3;
}

bool s3xattr_owns(const char *name)
{
	return bare_name(name) != NULL;
}

bool s3xattr_is(const char *name, const char *bare)
{
	const char *own = bare_name(name);

	return own && !strcmp(own, bare);
}

bool s3xattr_of_version(const char *name)
{
	const char *bare = bare_name(name);

	return bare && (!strcmp(bare, "version_id") || !strcmp(bare, "etag") ||
			!strcmp(bare, "last_modified"));
}

bool s3xattr_is_state(const char *name)
{
	const char *bare = bare_name(name);

	for (size_t i = 0; bare && i < HEADERS; i++)
		if (!strcmp(bare, from_header[i].name))
			return from_header[i].state;
	return false;
}

int s3xattr_take_states(const struct kvlist *now, struct kvlist *head)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < HEADERS; i++) {
		const char *header = from_header[i].header;
		const char *text = kvlist_get(now, header);

		if (!from_header[i].state)
			continue;
		if (text)
			rc = kvlist_set(head, header, text);
		else
			kvlist_del(head, header);
	}
	return rc;
}

static int put_text(struct buf *value, const char *text)
{
	return text && *text ? buf_puts(value, text) : -ENODATA;
}

/* ALGORITHM=BASE64, of the header that has one. */
static int put_checksum(const struct kvlist *head, struct buf *value)
{
	static const char prefix[] = "x-amz-checksum-";
	size_t len = sizeof(prefix) - 1;
	int rc = 0;

	for (size_t i = 0; i < head->count; i++) {
		const char *name = head->items[i].name;

		if (strncmp(name, prefix, len) != 0 ||
		    !strcmp(name + len, "type") || !head->items[i].value[0])
			continue;
		for (name += len; !rc && *name; name++)
			rc = buf_putc(value, (char)toupper(*name));
		if (!rc)
			rc = buf_putc(value, '=');
		return rc ? rc : buf_puts(value, head->items[i].value);
	}
	return -ENODATA;
}

int s3xattr_get(const char *name, const struct meta_version *version,
		const struct kvlist *head, struct buf *value)
{
	const char *bare = bare_name(name);
	char when[24];

	if (!bare || !version->key[0])
		return -ENODATA;
	if (!strcmp(bare, "version_id"))
		return put_text(value, version->version_id);
	if (!strcmp(bare, "etag"))
		return put_text(value, version->etag);
	if (!strcmp(bare, "last_modified")) {
		clock_format_iso8601(version->last_modified_ns, when,
				     sizeof(when));
		return version->last_modified_ns ? buf_puts(value, when)
						 : -ENODATA;
	}
	if (!strcmp(bare, "checksum"))
		return put_checksum(head, value);
	for (size_t i = 0; i < HEADERS; i++) {
		const char *text;

		if (strcmp(bare, from_header[i].name))
			continue;
		text = kvlist_get(head, from_header[i].header);
		if (!text && !strcmp(bare, "sse") &&
		    kvlist_get(head, CUSTOMER_KEY))
			text = "SSE-C";
		if (!text && !strcmp(bare, "replication_status"))
			text = kvlist_get(head, OBJECT_META_COMPARED);
		return put_text(value, text ? text : from_header[i].otherwise);
	}
	return -ENODATA;
}
