/* SPDX-License-Identifier: Apache-2.0 */
/* The in-memory store's PutObject, CopyObject and deletes. */
#include "memory_bucket.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "vers3/util/clock.h"
#include "vers3/util/crc.h"

/* The limits of S3. */
#define KEY_MAX	    1024
#define META_MAX    2048
#define DELETES_MAX 1000
#define TAGS_MAX    4096

#define CRC_HEADER "x-amz-checksum-crc64nvme"

static int check_meta(struct store_request *r, const struct kvlist *meta)
{
	size_t total = 0;

	for (size_t i = 0; i < meta->count; i++)
		total += strlen(meta->items[i].name) +
			 strlen(meta->items[i].value);
	if (total > META_MAX)
		return mem_fail(r, -EINVAL, 400, "MetadataTooLarge");
	return 0;
}

int mem_check_key(struct store_request *r)
{
	if (!r->key[0])
		return mem_fail(r, -EINVAL, 400, "InvalidArgument");
	if (strlen(r->key) > KEY_MAX)
		return mem_fail(r, -EINVAL, 400, "KeyTooLongError");
	return 0;
}

/* HTTP names have no case, and S3 gives them back in lower case. */
static int add_lower(struct kvlist *list, const char *name, const char *value)
{
	char *lower = strdup(name);
	int err;

	if (!lower)
		return -ENOMEM;
	for (char *p = lower; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	err = kvlist_set(list, lower, value);
	free(lower);
	return err;
}

/* Headers that stay with an object. */
static bool kept(const char *name)
{
	static const char *const names[] = {
		"cache-control",    "content-disposition", "content-encoding",
		"content-language", "content-type",	   "expires",
	};
	static const char *const families[] = {
		"x-amz-archive-status", "x-amz-checksum-",
		"x-amz-object-lock-",	"x-amz-server-side-encr",
		"x-amz-storage-class",	"x-amz-website-redirect",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcasecmp(name, names[i]))
			return true;
	for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++)
		if (!strncasecmp(name, families[i], strlen(families[i])))
			return true;
	return false;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* One percent-encoded word of x-amz-tagging, as text of an element. */
static int add_tag_text(struct buf *b, const char *s, size_t len)
{
	int err = 0;

	for (size_t i = 0; !err && i < len; i++) {
		int c = (unsigned char)s[i];

		if (c == '+')
			c = ' ';
		if (c == '%' && len - i > 2 && hex_digit(s[i + 1]) >= 0 &&
		    hex_digit(s[i + 2]) >= 0) {
			c = hex_digit(s[i + 1]) << 4 | hex_digit(s[i + 2]);
			i += 2;
		}
		if (c == '<' || c == '>' || c == '&')
			err = buf_printf(b, "&#%d;", c);
		else
			err = buf_putc(b, (char)c);
	}
	return err;
}

/* x-amz-tagging (k=v&k=v) as the document that GetObjectTagging returns. */
static int tagging_document(const char *header, char **ret_document)
{
	struct buf b;
	const char *p = header;
	int err;

	buf_init(&b, TAGS_MAX);
	err = buf_puts(&b, "<Tagging><TagSet>");
	while (!err && *p) {
		size_t len = strcspn(p, "&");
		size_t name_len = strcspn(p, "=&");
		size_t skip = name_len < len ? name_len + 1 : len;

		err = buf_puts(&b, "<Tag><Key>");
		if (!err)
			err = add_tag_text(&b, p, name_len);
		if (!err)
			err = buf_puts(&b, "</Key><Value>");
		if (!err)
			err = add_tag_text(&b, p + skip, len - skip);
		if (!err)
			err = buf_puts(&b, "</Value></Tag>");
		p += len + (p[len] == '&');
	}
	if (!err)
		err = buf_puts(&b, "</TagSet></Tagging>");
	if (!err) {
		free(*ret_document);
		*ret_document = buf_detach(&b);
		err = *ret_document ? 0 : -ENOMEM;
	}
	buf_release(&b);
	return err;
}

int mem_set_attrs(struct store_request *r, const struct kvlist *meta,
		  const struct kvlist *headers, struct mem_version *v)
{
	const char *class;
	int err = meta ? check_meta(r, meta) : 0;

	for (size_t i = 0; !err && meta && i < meta->count; i++)
		err = add_lower(&v->meta, meta->items[i].name,
				meta->items[i].value);
	for (size_t i = 0; !err && headers && i < headers->count; i++) {
		const struct kv *h = &headers->items[i];

		if (kept(h->name))
			err = add_lower(&v->headers, h->name, h->value);
		else if (!strcasecmp(h->name, "x-amz-tagging"))
			err = tagging_document(h->value, &v->tagging);
	}
	/* The default class is never named. */
	class = kvlist_get(&v->headers, "x-amz-storage-class");
	if (!err && class && !strcmp(class, "STANDARD"))
		kvlist_del(&v->headers, "x-amz-storage-class");
	return err;
}

int mem_check_write(struct memory_store *ms, struct store_request *r)
{
	struct mem_version *now = mem_key_current(mem_key_find(ms, r->key));

	if (r->if_match && !now)
		return mem_fail(r, -ENOENT, 404, "NoSuchKey");
	if (r->if_match && strcmp(r->if_match, "*") &&
	    strcmp(r->if_match, now->etag))
		return mem_fail(r, -EBUSY, 412, "PreconditionFailed");
	if (r->if_none_match && now &&
	    (!strcmp(r->if_none_match, "*") ||
	     !strcmp(r->if_none_match, now->etag)))
		return mem_fail(r, -EBUSY, 412, "PreconditionFailed");
	return 0;
}

int mem_store_version(struct memory_store *ms, struct store_request *r,
		      struct mem_version *v)
{
	struct store_object *o = &r->reply.object;
	int err;

	o->etag = strdup(v->etag);
	o->size_bytes = v->blob->size;
	o->last_modified_ns = v->modified_ns / NS_PER_S * NS_PER_S;
	if (!o->etag) {
		mem_version_free(v);
		return -ENOMEM;
	}
	err = mem_key_push(ms, r->key, v);
	if (err)
		return err;
	r->reply.status = 200;
	return mem_tell_version(ms, v->id, &r->reply);
}

/* The check of what is kept, where it is to be kept or was sent. */
int mem_take_sum(struct store_request *r, bool wanted, struct mem_version *v)
{
	const char *sent = kvlist_get(&v->headers, CRC_HEADER);
	char text[CRC_TEXT_SIZE];
	int err;

	if (!sent && !wanted)
		return 0;
	crc_text(CRC_64NVME,
		 crc_add(CRC_64NVME, 0, v->blob->data, (size_t)v->blob->size),
		 text);
	if (sent && strcmp(sent, text) != 0)
		return mem_fail(r, -EIO, 400, "BadDigest");
	err = kvlist_set(&v->headers, CRC_HEADER, text);
	return err ? err
		   : kvlist_set(&v->headers, "x-amz-checksum-type",
				"FULL_OBJECT");
}

int mem_put(struct memory_store *ms, struct store_request *r,
	    struct mem_blob *body)
{
	struct mem_version *v = mem_version_new();
	int err = v ? mem_check_key(r) : -ENOMEM;

	if (!err)
		err = mem_check_write(ms, r);
	if (!err)
		err = mem_set_attrs(r, r->meta, r->headers, v);
	if (!err) {
		v->blob = mem_blob_ref(body);
		err = mem_blob_etag(body, v->etag);
	}
	if (!err)
		err = mem_take_sum(r, r->sum == STORE_SUM_CRC64NVME, v);
	if (err) {
		mem_version_free(v);
		return err;
	}
	err = mem_store_version(ms, r, v);
	r->reply.object.last_modified_ns = 0; /* PutObject does not tell */
	return err;
}

/* The storage class of a copy is never the source's. */
static int copy_attrs(struct store_request *r, const struct mem_version *from,
		      struct mem_version *v)
{
	const char *class =
		r->headers ? kvlist_get(r->headers, "x-amz-storage-class")
			   : NULL;
	int err;

	if (from->tagging) {
		v->tagging = strdup(from->tagging);
		if (!v->tagging)
			return -ENOMEM;
	}
	if (r->replace_meta)
		return mem_set_attrs(r, r->meta, r->headers, v);
	err = mem_set_attrs(r, &from->meta, &from->headers, v);
	if (err)
		return err;
	kvlist_del(&v->headers, "x-amz-storage-class");
	if (class && strcmp(class, "STANDARD"))
		err = kvlist_set(&v->headers, "x-amz-storage-class", class);
	return err;
}

int mem_copy(struct memory_store *ms, struct store_request *r,
	     struct mem_blob *body)
{
	struct mem_version *from;
	struct mem_version *v = mem_version_new();
	int err = v ? mem_check_key(r) : -ENOMEM;

	(void)body;
	if (!err)
		err = mem_copy_source(ms, r, &from);
	if (!err && !strcmp(r->key, r->source_key) && !r->source_version &&
	    !r->replace_meta && (!r->headers || !r->headers->count))
		err = mem_fail(r, -EINVAL, 400, "InvalidRequest");
	if (!err)
		err = mem_check_write(ms, r);
	if (!err)
		err = copy_attrs(r, from, v);
	if (!err && ms->versioning != MEM_UNVERSIONED)
		err = kvlist_set(&r->reply.object.headers,
				 "x-amz-copy-source-version-id", from->id);
	if (!err) {
		v->blob = mem_blob_ref(from->blob);
		err = mem_blob_etag(v->blob, v->etag);
	}
	if (err) {
		mem_version_free(v);
		return err;
	}
	return mem_store_version(ms, r, v);
}

static int place_marker(struct memory_store *ms, struct store_request *r,
			const char *key)
{
	struct mem_version *v = mem_version_new();
	int err;

	if (!v)
		return -ENOMEM;
	v->marker = true;
	err = mem_key_push(ms, key, v);
	if (err)
		return err;
	r->reply.object.delete_marker = true;
	return mem_tell_version(ms, v->id, &r->reply);
}

/* One key's deletion; what became of it goes to reply.object. */
static int delete_one(struct memory_store *ms, struct store_request *r,
		      const char *key, const char *version_id)
{
	struct mem_key *k = mem_key_find(ms, key);
	struct mem_version *v;

	if (!version_id && ms->versioning != MEM_UNVERSIONED)
		return place_marker(ms, r, key);
	v = mem_key_version(k, version_id ? version_id : "null");
	if (!v)
		return version_id ? mem_tell_version(ms, version_id, &r->reply)
				  : 0;
	r->reply.object.delete_marker = v->marker;
	mem_key_remove(ms, k, v);
	return mem_tell_version(ms, version_id ? version_id : "null",
				&r->reply);
}

int mem_delete(struct memory_store *ms, struct store_request *r,
	       struct mem_blob *body)
{
	int err = mem_check_key(r);

	(void)body;
	if (!err)
		err = mem_check_write(ms, r);
	if (err)
		return err;
	r->reply.status = 204;
	return delete_one(ms, r, r->key, r->version_id);
}

/* The condition of one key of DeleteObjects: 0, -EBUSY, -ENOENT. */
static int check_delete(struct memory_store *ms, const struct store_delete *d)
{
	struct mem_version *now = mem_key_current(mem_key_find(ms, d->key));

	if (!d->if_match)
		return 0;
	if (!now)
		return -ENOENT;
	return strcmp(d->if_match, now->etag) ? -EBUSY : 0;
}

int mem_delete_many(struct memory_store *ms, struct store_request *r,
		    struct mem_blob *body)
{
	(void)body;
	if (!r->delete_count || r->delete_count > DELETES_MAX)
		return mem_fail(r, -EINVAL, 400, "MalformedXML");
	for (size_t i = 0; i < r->delete_count; i++) {
		struct store_delete *d = &r->deletes[i];

		store_object_release(&r->reply.object);
		free(d->marker_version);
		d->marker_version = NULL;
		d->result = check_delete(ms, d);
		if (!d->result)
			d->result = delete_one(ms, r, d->key, d->version_id);
		else if (d->result == -ENOENT)
			d->result = 0; /* what was asked for is so */
		if (!d->result && r->reply.object.delete_marker) {
			d->marker_version = r->reply.object.version_id;
			r->reply.object.version_id = NULL;
		}
	}
	store_object_release(&r->reply.object);
	r->reply.status = 200;
	return 0;
}
