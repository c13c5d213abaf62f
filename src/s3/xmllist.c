/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lists: ListBucketResult, ListVersionsResult, ListMultipartUploadsResult.
 *
 * Lists are always asked for with encoding-type=url, and servers disagree on
 * the answer:
 *
 * - Where EncodingType stands. If an item comes before it, the rest of the
 *   document is searched for it first.
 * - Ceph encodes the keys of uploads without saying so. Where nothing is
 *   said, uploads' keys are taken as encoded if each of them can be.
 * - Whether the next marker is encoded like the keys (AWS) or never (Ceph).
 *   It is taken as it stands when it equals the last key or prefix of the
 *   page, since that is what a marker is, and decoded otherwise. A marker
 *   that XML could not carry is replaced by that last key.
 */
#include "vers3/s3/xml.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "vers3/net/uri.h"
#include "vers3/util/buf.h"
#include "vers3/util/clock.h"
#include "xmlwalk.h"

#define KEY_MAX	     ((size_t)16 << 10)
#define VERSION_SIZE 2048 /* an upload id is the longest */

enum list_kind {
	LIST_NONE,
	LIST_OBJECTS,
	LIST_VERSIONS,
	LIST_UPLOADS,
};

struct list {
	store_entry_fn fn;
	void *fn_ctx;
	const char *doc; /* borrowed */
	size_t doc_len;
	enum list_kind kind;
	bool encoding_known, encoded;
	bool raw_seen; /* a key that no encoder has written */
	struct xml_list *result; /* borrowed */
	struct buf marker; /* the next key marker as it stands */
	bool have_marker, marker_damaged, token_damaged;
	struct buf last; /* the greatest key or prefix so far, decoded */

	/* The item at hand. */
	bool in_entry, bad, have_key, have_size;
	struct store_entry entry;
	struct buf key; /* decoded */
	char version_id[VERSION_SIZE];
	char etag[256];
	char storage_class[64];
	char owner[128];
};

static bool is(const char *a, const char *b)
{
	return !strcmp(a, b);
}

/* Copies a value that is short by nature. False when it is not. */
static bool take(char *to, size_t size, const struct xmlwalk_text *text)
{
	if (text->len >= size || text->damaged)
		return false;
	memcpy(to, text->data, text->len + 1);
	return true;
}

/* An ETag without its quotes. */
static bool take_etag(char *to, size_t size, const struct xmlwalk_text *text)
{
	struct xmlwalk_text bare = *text;

	if (bare.len >= 2 && bare.data[0] == '"' &&
	    bare.data[bare.len - 1] == '"') {
		bare.data++;
		bare.len -= 2;
	}
	if (!bare.len || bare.len >= size || bare.damaged)
		return !bare.len;
	memcpy(to, bare.data, bare.len);
	to[bare.len] = '\0';
	return true;
}

static bool take_number(uint64_t *to, const char *s)
{
	char *end;

	if (*s < '0' || *s > '9')
		return false;
	errno = 0;
	*to = strtoull(s, &end, 10);
	return !errno && !*end && *to <= INT64_MAX;
}

/*
 * Could an encoder have written this key? It leaves neither blanks nor bytes
 * that are not printable ASCII, and each '%' begins a code.
 */
static bool looks_encoded(const struct xmlwalk_text *text)
{
	struct buf b;
	int ret;

	for (size_t i = 0; i < text->len; i++)
		if (text->data[i] <= ' ' || text->data[i] > '~')
			return false;
	buf_init(&b, KEY_MAX);
	ret = uri_decode(&b, text->data, text->len, true);
	buf_release(&b);
	return !ret;
}

/* Looks through the whole document for what comes late in some. */
static int scan_start(void *ctx, unsigned depth, const char *name)
{
	(void)ctx;
	(void)depth;
	(void)name;
	return 0;
}

static int scan_end(void *ctx, unsigned depth, const char *name,
		    const struct xmlwalk_text *text)
{
	struct list *l = ctx;

	if (depth == 1 && is(name, "EncodingType")) {
		l->encoded = is(text->data, "url");
		l->encoding_known = true;
	} else if (depth == 2 && is(name, "Key") && !looks_encoded(text)) {
		l->raw_seen = true;
	}
	return 0;
}

static int list_settle_encoding(struct list *l)
{
	static const struct xmlwalk_ops scan = {scan_start, scan_end};
	int ret;

	if (l->encoding_known)
		return 0;
	ret = xmlwalk(l->doc, l->doc_len, &scan, l);
	if (!l->encoding_known && l->kind == LIST_UPLOADS)
		l->encoded = !l->raw_seen;
	l->encoding_known = true;
	return ret;
}

static int list_root(struct list *l, const char *name)
{
	if (is(name, "ListBucketResult"))
		l->kind = LIST_OBJECTS;
	else if (is(name, "ListVersionsResult") ||
		 is(name, "ListBucketVersionsResult"))
		l->kind = LIST_VERSIONS;
	else if (is(name, "ListMultipartUploadsResult"))
		l->kind = LIST_UPLOADS;
	return l->kind == LIST_NONE ? -EIO : 0;
}

static bool list_entry_kind(const struct list *l, const char *name,
			    enum store_entry_kind *ret_kind)
{
	if (is(name, "CommonPrefixes"))
		*ret_kind = STORE_ENTRY_PREFIX;
	else if (l->kind == LIST_OBJECTS && is(name, "Contents"))
		*ret_kind = STORE_ENTRY_OBJECT;
	else if (l->kind == LIST_VERSIONS && is(name, "Version"))
		*ret_kind = STORE_ENTRY_VERSION;
	else if (l->kind == LIST_VERSIONS && is(name, "DeleteMarker"))
		*ret_kind = STORE_ENTRY_MARKER;
	else if (l->kind == LIST_UPLOADS && is(name, "Upload"))
		*ret_kind = STORE_ENTRY_UPLOAD;
	else
		return false;
	return true;
}

static int list_start(void *ctx, unsigned depth, const char *name)
{
	struct list *l = ctx;
	enum store_entry_kind kind;

	if (depth == 0)
		return list_root(l, name);
	if (depth != 1 || !list_entry_kind(l, name, &kind))
		return 0;
	memset(&l->entry, 0, sizeof(l->entry));
	l->entry.kind = kind;
	l->entry.version_id = l->version_id;
	l->entry.etag = l->etag;
	l->entry.storage_class = l->storage_class;
	l->entry.owner = l->owner;
	l->version_id[0] = '\0';
	l->etag[0] = '\0';
	l->storage_class[0] = '\0';
	l->owner[0] = '\0';
	buf_reset(&l->key);
	l->in_entry = true;
	l->bad = false;
	l->have_key = false;
	l->have_size = false;
	return list_settle_encoding(l);
}

/* -EINVAL when it is not encoded as it should be. */
static int decode(const struct list *l, struct buf *to, const char *s,
		  size_t len)
{
	return l->encoded ? uri_decode(to, s, len, true) : buf_add(to, s, len);
}

static int list_key(struct list *l, const struct xmlwalk_text *text)
{
	int ret;

	buf_reset(&l->key);
	ret = decode(l, &l->key, text->data, text->len);
	if (ret == -ENOMEM)
		return ret;
	l->have_key = true;
	if (ret || text->damaged || !l->key.len ||
	    memchr(l->key.data, '\0', l->key.len))
		l->bad = true;
	return 0;
}

static int list_field(struct list *l, const char *name,
		      const struct xmlwalk_text *text)
{
	struct store_entry *e = &l->entry;
	bool prefix = e->kind == STORE_ENTRY_PREFIX;
	bool ok = true;

	if (is(name, prefix ? "Prefix" : "Key"))
		return list_key(l, text);
	if (is(name, l->kind == LIST_UPLOADS ? "UploadId" : "VersionId")) {
		ok = take(l->version_id, sizeof(l->version_id), text);
	} else if (is(name, "ETag")) {
		ok = take_etag(l->etag, sizeof(l->etag), text);
	} else if (is(name, "StorageClass")) {
		ok = take(l->storage_class, sizeof(l->storage_class), text);
	} else if (is(name, "Size")) {
		ok = take_number(&e->size_bytes, text->data);
		l->have_size = ok;
	} else if (is(name, "LastModified") || is(name, "Initiated")) {
		ok = !clock_parse_iso8601(text->data, &e->last_modified_ns);
	} else if (is(name, "IsLatest")) {
		e->latest = is(text->data, "true");
	}
	l->bad = l->bad || !ok;
	return 0;
}

static int list_remember(struct list *l)
{
	size_t n = l->key.len < l->last.len ? l->key.len : l->last.len;
	int order = memcmp(l->key.data, l->last.data, n);

	if (order < 0 || (!order && l->key.len < l->last.len))
		return 0;
	buf_reset(&l->last);
	return buf_add(&l->last, l->key.data, l->key.len);
}

static int list_emit(struct list *l)
{
	enum store_entry_kind kind = l->entry.kind;
	int ret;

	l->in_entry = false;
	if ((kind == STORE_ENTRY_OBJECT || kind == STORE_ENTRY_VERSION) &&
	    !l->have_size)
		l->bad = true;
	if (kind == STORE_ENTRY_UPLOAD && !l->version_id[0])
		l->bad = true;
	if (!l->have_key || l->bad) {
		l->result->skipped++;
		return 0;
	}
	ret = list_remember(l);
	if (ret)
		return ret;
	l->entry.key = l->key.data;
	l->entry.key_len = l->key.len;
	return l->fn ? l->fn(l->fn_ctx, &l->entry) : 0;
}

static int replace(char **to, const char *s)
{
	char *copy = strdup(s);

	if (!copy)
		return -ENOMEM;
	free(*to);
	*to = copy;
	return 0;
}

/* What stands beside the items. */
static int list_setting(struct list *l, const char *name,
			const struct xmlwalk_text *text)
{
	if (is(name, "IsTruncated")) {
		l->result->truncated = is(text->data, "true");
	} else if (is(name, "EncodingType")) {
		l->encoded = is(text->data, "url");
		l->encoding_known = true;
	} else if (is(name, "NextContinuationToken")) {
		l->token_damaged = text->damaged;
		return replace(&l->result->next_token, text->data);
	} else if (is(name, "NextVersionIdMarker") ||
		   is(name, "NextUploadIdMarker")) {
		return replace(&l->result->next_version_marker, text->data);
	} else if (is(name, "NextKeyMarker")) {
		l->have_marker = true;
		l->marker_damaged = text->damaged;
		buf_reset(&l->marker);
		return buf_add(&l->marker, text->data, text->len);
	}
	return 0;
}

static int list_end(void *ctx, unsigned depth, const char *name,
		    const struct xmlwalk_text *text)
{
	struct list *l = ctx;

	if (depth == 2 && l->in_entry)
		return list_field(l, name, text);
	/* Of the Initiator, before the Owner; one that is too long is none. */
	if (depth == 3 && l->in_entry && l->kind == LIST_UPLOADS &&
	    !l->owner[0] && is(name, "DisplayName"))
		take(l->owner, sizeof(l->owner), text);
	if (depth != 1)
		return 0;
	return l->in_entry ? list_emit(l) : list_setting(l, name, text);
}

/* See the head of this file. */
static int list_settle_markers(struct list *l)
{
	struct buf marker;
	int ret;

	if (l->token_damaged) {
		ret = replace(&l->result->next_token, l->last.data);
		if (ret)
			return ret;
	}
	if (!l->have_marker || !l->marker.len)
		return 0;
	if (l->marker_damaged ||
	    (l->marker.len == l->last.len &&
	     !memcmp(l->marker.data, l->last.data, l->last.len)))
		return replace(&l->result->next_key_marker, l->last.data);
	buf_init(&marker, KEY_MAX);
	ret = decode(l, &marker, l->marker.data, l->marker.len);
	if (ret != -ENOMEM)
		ret = replace(&l->result->next_key_marker,
			      ret ? l->marker.data : marker.data);
	buf_release(&marker);
	return ret;
}

int xml_parse_list(const char *doc, size_t len, store_entry_fn fn, void *ctx,
		   struct xml_list *ret_list)
{
	static const struct xmlwalk_ops ops = {list_start, list_end};
	struct xml_list result = {.truncated = false};
	struct list *l = calloc(1, sizeof(*l));
	int ret;

	if (!l)
		return -ENOMEM;
	l->fn = fn;
	l->fn_ctx = ctx;
	l->doc = doc;
	l->doc_len = len;
	l->result = &result;
	buf_init(&l->key, KEY_MAX);
	buf_init(&l->last, KEY_MAX);
	buf_init(&l->marker, KEY_MAX);
	ret = xmlwalk(doc, len, &ops, l);
	if (!ret)
		ret = list_settle_markers(l);
	/* A page that promises more must say where it goes on. */
	if (!ret && result.truncated && !result.next_token &&
	    !result.next_key_marker)
		ret = -EIO;
	buf_release(&l->marker);
	buf_release(&l->last);
	buf_release(&l->key);
	free(l);
	if (ret == -EFBIG)
		ret = -EIO;
	if (ret)
		xml_list_release(&result);
	else
		*ret_list = result;
	return ret;
}

void xml_list_release(struct xml_list *list)
{
	free(list->next_token);
	free(list->next_key_marker);
	free(list->next_version_marker);
	memset(list, 0, sizeof(*list));
}
