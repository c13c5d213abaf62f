/* SPDX-License-Identifier: Apache-2.0 */
/* The in-memory store's HeadObject, GetObject and tags. */
#include "memory_bucket.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vers3/util/clock.h"

/* GET hands bytes over in pieces, as a connection does. */
#define CHUNK_SIZE ((uint64_t)64 << 10)

static const char empty_tagging[] =
	"<Tagging xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
	"<TagSet></TagSet></Tagging>";

int mem_tell_version(const struct memory_store *ms, const char *id,
		     struct store_reply *reply)
{
	if (ms->versioning == MEM_UNVERSIONED)
		return 0;
	free(reply->object.version_id);
	reply->object.version_id = strdup(id);
	return reply->object.version_id ? 0 : -ENOMEM;
}

int mem_find(struct memory_store *ms, struct store_request *r,
	     struct mem_version **ret_version)
{
	struct mem_key *k = mem_key_find(ms, r->key);
	struct mem_version *v;

	if (!k && !r->version_id)
		return mem_fail(r, -ENOENT, 404, "NoSuchKey");
	v = r->version_id ? mem_key_version(k, r->version_id) : k->versions[0];
	if (!v)
		return mem_fail(r, -ENOENT, 404, "NoSuchVersion");
	if (v->marker) {
		r->reply.object.delete_marker = true;
		if (mem_tell_version(ms, v->id, &r->reply))
			return -ENOMEM;
		if (r->version_id)
			return mem_fail(r, -ENOENT, 405, "MethodNotAllowed");
		return mem_fail(r, -ENOENT, 404, "NoSuchKey");
	}
	*ret_version = v;
	return 0;
}

static int count_tags(const char *document)
{
	int count = 0;

	for (const char *p = document; p && (p = strstr(p, "<Tag>")); p++)
		count++;
	return count;
}

static int describe(const struct memory_store *ms, const struct mem_version *v,
		    struct store_reply *reply)
{
	struct store_object *o = &reply->object;
	int tags = count_tags(v->tagging);
	char number[16];
	int err;

	o->size_bytes = v->blob->size;
	/* HTTP dates have whole seconds; lists tell more. */
	o->last_modified_ns = v->modified_ns / NS_PER_S * NS_PER_S;
	o->etag = strdup(v->etag);
	if (!o->etag)
		return -ENOMEM;
	err = mem_tell_version(ms, v->id, reply);
	if (!err)
		err = kvlist_copy(&o->meta, &v->meta);
	if (!err)
		err = kvlist_copy(&o->headers, &v->headers);
	if (!err && !kvlist_get(&o->headers, "content-type"))
		err = kvlist_add(&o->headers, "content-type",
				 "binary/octet-stream");
	if (!err && tags) {
		snprintf(number, sizeof(number), "%d", tags);
		err = kvlist_add(&o->headers, "x-amz-tagging-count", number);
	}
	return err;
}

static bool etag_is(const char *wanted, const struct mem_version *v)
{
	return !strcmp(wanted, "*") || !strcmp(wanted, v->etag);
}

int mem_head(struct memory_store *ms, struct store_request *r,
	     struct mem_blob *body)
{
	struct mem_version *v;
	int err = mem_find(ms, r, &v);

	(void)body;
	if (err)
		return err;
	err = describe(ms, v, &r->reply);
	if (err)
		return err;
	if (r->if_match && !etag_is(r->if_match, v))
		return mem_fail(r, -EBUSY, 412, "PreconditionFailed");
	if (r->if_none_match && etag_is(r->if_none_match, v))
		return mem_fail(r, -EBUSY, 304, "NotModified");
	r->reply.status = 200;
	return 0;
}

bool mem_slice(const struct store_request *r, uint64_t size,
	       struct mem_slice *ret_slice)
{
	bool ranged = r->range_offset || r->range_length;
	struct mem_slice slice = {r->range_offset, r->range_length};

	if (ranged && slice.offset >= size)
		return false;
	if (!slice.length || slice.length > size - slice.offset)
		slice.length = size - slice.offset;
	*ret_slice = slice;
	return true;
}

/* All of a GET but the bytes: the blob is counted for the caller. */
static int get_locked(struct memory_store *ms, struct store_request *r,
		      struct mem_blob **ret_blob, struct mem_slice *ret_slice)
{
	struct mem_version *v;
	int err = mem_head(ms, r, NULL);

	if (!err)
		err = mem_find(ms, r, &v);
	if (err)
		return err;
	if (mem_is_archived(v))
		return mem_fail(r, -EREMOTE, 403, "InvalidObjectState");
	if (!mem_slice(r, v->blob->size, ret_slice))
		return mem_fail(r, -ERANGE, 416, "InvalidRange");
	if (r->range_offset || r->range_length)
		r->reply.status = 206;
	*ret_blob = mem_blob_ref(v->blob);
	return 0;
}

int mem_get(struct memory_store *ms, struct store_request *r,
	    struct mem_blob *body)
{
	struct mem_blob *blob = NULL;
	struct mem_slice slice = {0, 0};
	int err;

	(void)body;
	pthread_mutex_lock(&ms->mutex);
	err = get_locked(ms, r, &blob, &slice);
	pthread_mutex_unlock(&ms->mutex);
	if (!err && r->head && slice.length)
		err = r->head(r->head_ctx, r->reply.status, &r->reply.object);
	for (uint64_t done = 0; !err && r->sink && done < slice.length;) {
		uint64_t n = slice.length - done;

		if (n > CHUNK_SIZE)
			n = CHUNK_SIZE;
		err = r->sink(r->sink_ctx, done,
			      blob->data + slice.offset + done, (size_t)n);
		if (err > 0)
			err = 0;
		done += n;
	}
	mem_blob_unref(blob);
	return err;
}

int mem_copy_source(struct memory_store *ms, struct store_request *r,
		    struct mem_version **ret_version)
{
	struct mem_key *k = mem_key_find(ms, r->source_key);
	struct mem_version *v;

	if (r->source_version) {
		v = mem_key_version(k, r->source_version);
		if (!v)
			return mem_fail(r, -ENOENT, 404, "NoSuchVersion");
		if (v->marker)
			return mem_fail(r, -EINVAL, 400, "InvalidRequest");
	} else {
		v = mem_key_current(k);
		if (!v)
			return mem_fail(r, -ENOENT, 404, "NoSuchKey");
	}
	if (r->source_if_match && !etag_is(r->source_if_match, v))
		return mem_fail(r, -EBUSY, 412, "PreconditionFailed");
	if (mem_is_archived(v))
		return mem_fail(r, -EREMOTE, 403, "InvalidObjectState");
	*ret_version = v;
	return 0;
}

int mem_get_tagging(struct memory_store *ms, struct store_request *r,
		    struct mem_blob *body)
{
	struct mem_version *v;
	int err = mem_find(ms, r, &v);

	(void)body;
	if (err)
		return err;
	r->reply.status = 200;
	err = mem_tell_version(ms, v->id, &r->reply);
	if (err)
		return err;
	return buf_puts(&r->reply.body,
			v->tagging ? v->tagging : empty_tagging);
}

int mem_put_tagging(struct memory_store *ms, struct store_request *r,
		    struct mem_blob *body)
{
	struct mem_version *v;
	char *tagging;
	int err = mem_find(ms, r, &v);

	if (err)
		return err;
	tagging = strndup((const char *)body->data, (size_t)body->size);
	if (!tagging)
		return -ENOMEM;
	free(v->tagging);
	v->tagging = tagging;
	r->reply.status = 200;
	return mem_tell_version(ms, v->id, &r->reply);
}
