/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads values of attributes, whole before anything is sent, and carries out
 * the one request that sets each.
 */
#include "vers3/object/s3set.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "vers3/core/mount.h"
#include "vers3/core/tagset.h"
#include "vers3/net/uri.h"
#include "vers3/object/deferred_attrs.h"
#include "vers3/object/expire.h"
#include "vers3/object/s3xattr.h"
#include "vers3/util/clock.h"
#include "vers3/util/duration.h"

/* Of the S3 API: PutObjectTagging. */
#define TAGS_MAX      10
#define TAG_NAME_MAX  128
#define TAG_VALUE_MAX 256
/* Encoded: a character is four bytes at most, of three each. */
#define TEXT_MAX (TAGS_MAX * (12 * (TAG_NAME_MAX + TAG_VALUE_MAX) + 2))

bool s3set_owns(const char *name)
{
	return s3xattr_is(name, "tags") || s3xattr_is(name, "retention") ||
	       s3xattr_is(name, "legal_hold");
}

static const char *id_of(const struct meta_version *v)
{
	return v->version_id[0] ? v->version_id : NULL;
}

/* ---- tags ---- */

/* Those that other attributes show and set stay as they are. */
static bool is_own_tag(const char *name)
{
	return deferred_is_tag(name) || !strcmp(name, EXPIRE_TAG);
}

/* Whole characters: bytes that begin none are left out. */
static size_t characters(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += ((unsigned char)*text & 0xc0) != 0x80;
	return n;
}

static int decode(const char *text, size_t len, struct buf *out)
{
	int rc = uri_decode(out, text, len, false);

	if (!rc && strlen(out->data) != out->len)
		rc = -EINVAL;
	return rc == -ENOMEM || !rc ? rc : -EINVAL;
}

/* NAME=VALUE, percent-encoded. */
static int add_tag(const char *text, size_t len, struct kvlist *tags)
{
	const char *equals = memchr(text, '=', len);
	struct buf name, value;
	int rc = equals ? 0 : -EINVAL;

	buf_init(&name, TEXT_MAX);
	buf_init(&value, TEXT_MAX);
	if (!rc)
		rc = decode(text, (size_t)(equals - text), &name);
	if (!rc)
		rc = decode(equals + 1, len - (size_t)(equals + 1 - text),
			    &value);
	if (!rc &&
	    (!name.len || characters(name.data) > TAG_NAME_MAX ||
	     characters(value.data) > TAG_VALUE_MAX || is_own_tag(name.data)))
		rc = -EINVAL;
	if (!rc && kvlist_get_exact(tags, name.data))
		rc = -EINVAL;
	if (!rc)
		rc = kvlist_add(tags, name.data, value.data);
	buf_release(&value);
	buf_release(&name);
	return rc;
}

static int parse_tags(const char *text, struct kvlist *tags)
{
	int rc = 0;

	while (!rc && *text) {
		size_t len = strcspn(text, "&");

		rc = add_tag(text, len, tags);
		text += len;
		/* An end with nothing behind it is a word that is missing. */
		if (!rc && *text && !*++text)
			rc = -EINVAL;
	}
	return rc;
}

/* What this mount has of its own among the tags stays. */
static int set_tags(struct mount *mount, const char *key, const char *id,
		    const char *text)
{
	struct kvlist tags, old;
	int rc;

	kvlist_init(&tags);
	kvlist_init(&old);
	rc = parse_tags(text, &tags);
	if (!rc)
		rc = tagset_get(mount->store, key, id, &old);
	for (size_t i = 0; !rc && i < old.count; i++)
		if (is_own_tag(old.items[i].name))
			rc = kvlist_add(&tags, old.items[i].name,
					old.items[i].value);
	if (!rc && tags.count > TAGS_MAX)
		rc = -EINVAL;
	if (!rc)
		rc = tagset_put(mount->store, key, id, &tags);
	kvlist_release(&old);
	kvlist_release(&tags);
	return rc;
}

static int without_own(const struct kvlist *all, struct kvlist *ret)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < all->count; i++)
		if (!is_own_tag(all->items[i].name))
			rc = kvlist_add(ret, all->items[i].name,
					all->items[i].value);
	return rc;
}

int s3set_get_tags(struct mount *mount, const struct meta_version *version,
		   struct buf *value)
{
	char key[META_KEY_MAX + 1];
	struct kvlist all, tags;
	int rc = version->key[0] ? mount_key(mount, version->key, key)
				 : -ENODATA;

	if (rc)
		return rc;
	kvlist_init(&all);
	kvlist_init(&tags);
	rc = tagset_get(mount->store, key, id_of(version), &all);
	if (!rc)
		rc = without_own(&all, &tags);
	if (!rc)
		rc = tags.count ? uri_query(value, &tags) : -ENODATA;
	kvlist_release(&tags);
	kvlist_release(&all);
	return rc == -ENOENT ? -ENODATA : rc;
}

/* ---- object lock ---- */

static int send_document(struct mount *mount, enum store_op op, const char *key,
			 const char *id, const char *doc)
{
	struct store_request r;
	int rc;

	store_request_init(&r, op);
	r.key = key;
	r.version_id = id;
	r.body.mem = doc;
	r.body.length = strlen(doc);
	rc = store_call(mount->store, &r);
	store_request_release(&r);
	return rc;
}

static int set_legal_hold(struct mount *mount, const char *key, const char *id,
			  const char *text)
{
	bool on = !strcasecmp(text, "ON");
	char doc[128];

	if (!on && strcasecmp(text, "OFF") != 0)
		return -EINVAL;
	snprintf(doc, sizeof(doc), "<LegalHold><Status>%s</Status></LegalHold>",
		 on ? "ON" : "OFF");
	return send_document(mount, STORE_PUT_LEGAL_HOLD, key, id, doc);
}

/* An instant, a day, or how long from now. */
static int parse_until(struct mount *mount, const char *text, int64_t *ret_ns)
{
	char whole[32];
	int64_t ns;

	if (!duration_parse(text, &ns)) {
		if (__builtin_add_overflow(mount_server_now_ns(mount), ns,
					   ret_ns))
			return -EINVAL;
		return 0;
	}
	if (strlen(text) == strlen("2027-01-01")) {
		snprintf(whole, sizeof(whole), "%sT00:00:00Z", text);
		text = whole;
	}
	return clock_parse_iso8601(text, ret_ns) ? -EINVAL : 0;
}

/* [GOVERNANCE|COMPLIANCE ]UNTIL */
static int set_retention(struct mount *mount, const char *key, const char *id,
			 const char *text)
{
	static const char *const modes[] = {"GOVERNANCE", "COMPLIANCE"};
	const char *mode = modes[0];
	char doc[256], when[24];
	int64_t until_ns;

	for (size_t i = 0; i < sizeof(modes) / sizeof(*modes); i++) {
		size_t len = strlen(modes[i]);

		if (!strncasecmp(text, modes[i], len) && text[len] == ' ') {
			mode = modes[i];
			text += len + 1;
			break;
		}
	}
	if (parse_until(mount, text, &until_ns) ||
	    until_ns <= mount_server_now_ns(mount))
		return -EINVAL;
	clock_format_iso8601(until_ns, when, sizeof(when));
	snprintf(doc, sizeof(doc),
		 "<Retention><Mode>%s</Mode><RetainUntilDate>%s"
		 "</RetainUntilDate></Retention>",
		 mode, when);
	return send_document(mount, STORE_PUT_RETENTION, key, id, doc);
}

int s3set(struct mount *mount, const struct meta_version *version,
	  const char *name, const void *value, size_t size)
{
	char key[META_KEY_MAX + 1], *text;
	int rc = version->key[0] ? mount_key(mount, version->key, key)
				 : -ENODATA;

	if (rc)
		return rc;
	if (size > TEXT_MAX || memchr(value, 0, size))
		return -EINVAL;
	text = strndup(value, size);
	if (!text)
		return -ENOMEM;
	if (s3xattr_is(name, "tags"))
		rc = set_tags(mount, key, id_of(version), text);
	else if (s3xattr_is(name, "legal_hold"))
		rc = set_legal_hold(mount, key, id_of(version), text);
	else
		rc = set_retention(mount, key, id_of(version), text);
	free(text);
	return rc;
}
