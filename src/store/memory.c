/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The in-memory store: which call goes where, the bucket's documents, and
 * the store's life. One mutex protects all; bodies are read before it is
 * taken, and callbacks are called after it is released.
 */
#include "vers3/store/memory.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memory_bucket.h"
#include "vers3/util/clock.h"

static int head_bucket(struct memory_store *ms, struct store_request *r,
		       struct mem_blob *body)
{
	(void)body;
	r->reply.status = 200;
	snprintf(r->reply.region, sizeof(r->reply.region), "memory");
	return kvlist_copy(&r->reply.object.headers, &ms->headers);
}

static int get_versioning(struct memory_store *ms, struct store_request *r,
			  struct mem_blob *body)
{
	static const char *const status[] = {
		[MEM_UNVERSIONED] = "",
		[MEM_ENABLED] = "<Status>Enabled</Status>",
		[MEM_SUSPENDED] = "<Status>Suspended</Status>",
	};

	(void)body;
	r->reply.status = 200;
	return buf_printf(&r->reply.body,
			  "<VersioningConfiguration xmlns=\"http://s3."
			  "amazonaws.com/doc/2006-03-01/\">%s"
			  "</VersioningConfiguration>",
			  status[ms->versioning]);
}

static int put_versioning(struct memory_store *ms, struct store_request *r,
			  struct mem_blob *body)
{
	static const char enabled[] = "<Status>Enabled</Status>";
	static const char suspended[] = "<Status>Suspended</Status>";

	if (memmem(body->data, (size_t)body->size, enabled,
		   sizeof(enabled) - 1))
		ms->versioning = MEM_ENABLED;
	else if (memmem(body->data, (size_t)body->size, suspended,
			sizeof(suspended) - 1))
		ms->versioning = MEM_SUSPENDED;
	else
		return mem_fail(r, -EINVAL, 400, "MalformedXML");
	r->reply.status = 200;
	return 0;
}

static int get_lifecycle(struct memory_store *ms, struct store_request *r,
			 struct mem_blob *body)
{
	(void)body;
	if (!ms->lifecycle)
		return mem_fail(r, -ENODATA, 404,
				"NoSuchLifecycleConfiguration");
	r->reply.status = 200;
	return buf_puts(&r->reply.body, ms->lifecycle);
}

static int put_lifecycle(struct memory_store *ms, struct store_request *r,
			 struct mem_blob *body)
{
	char *copy = strndup((const char *)body->data, (size_t)body->size);

	if (!copy)
		return -ENOMEM;
	free(ms->lifecycle);
	ms->lifecycle = copy;
	r->reply.status = 200;
	return 0;
}

static int delete_lifecycle(struct memory_store *ms, struct store_request *r,
			    struct mem_blob *body)
{
	(void)body;
	free(ms->lifecycle);
	ms->lifecycle = NULL;
	r->reply.status = 204;
	return 0;
}

static int get_replication(struct memory_store *ms, struct store_request *r,
			   struct mem_blob *body)
{
	(void)body;
	if (!ms->replication)
		return mem_fail(r, -ENODATA, 404,
				"ReplicationConfigurationNotFoundError");
	r->reply.status = 200;
	return buf_puts(&r->reply.body, ms->replication);
}

static int get_object_lock(struct memory_store *ms, struct store_request *r,
			   struct mem_blob *body)
{
	(void)ms;
	(void)body;
	return mem_fail(r, -ENODATA, 404,
			"ObjectLockConfigurationNotFoundError");
}

/* As of a server that knows nothing of it. */
static int unknown(struct memory_store *ms, struct store_request *r,
		   struct mem_blob *body)
{
	(void)ms;
	(void)body;
	return mem_fail(r, -EOPNOTSUPP, 501, "NotImplemented");
}

static const struct {
	mem_call_fn fn;
	bool body; /* the request's body is read */
	bool unlocked; /* fn takes the mutex itself */
} calls[STORE_OP_COUNT] = {
	[STORE_HEAD_BUCKET] = {head_bucket, false, false},
	[STORE_GET_VERSIONING] = {get_versioning, false, false},
	[STORE_PUT_VERSIONING] = {put_versioning, true, false},
	[STORE_GET_LIFECYCLE] = {get_lifecycle, false, false},
	[STORE_PUT_LIFECYCLE] = {put_lifecycle, true, false},
	[STORE_DELETE_LIFECYCLE] = {delete_lifecycle, false, false},
	[STORE_GET_REPLICATION] = {get_replication, false, false},
	[STORE_GET_OBJECT_LOCK] = {get_object_lock, false, false},
	[STORE_GET_LOCATION] = {unknown, false, false},
	[STORE_GET_ENCRYPTION] = {unknown, false, false},
	[STORE_GET_PUBLIC_BLOCK] = {unknown, false, false},
	[STORE_GET_POLICY_STATUS] = {unknown, false, false},
	[STORE_GET_ACL] = {unknown, false, false},
	[STORE_LIST] = {mem_list, false, true},
	[STORE_LIST_VERSIONS] = {mem_list_versions, false, true},
	[STORE_LIST_UPLOADS] = {mem_list_uploads, false, true},
	[STORE_HEAD] = {mem_head, false, false},
	[STORE_GET] = {mem_get, false, true},
	[STORE_PUT] = {mem_put, true, false},
	[STORE_COPY] = {mem_copy, false, false},
	[STORE_DELETE] = {mem_delete, false, false},
	[STORE_DELETE_MANY] = {mem_delete_many, false, false},
	[STORE_CREATE_UPLOAD] = {mem_create_upload, false, false},
	[STORE_UPLOAD_PART] = {mem_upload_part, true, false},
	[STORE_COPY_PART] = {mem_copy_part, false, false},
	[STORE_COMPLETE_UPLOAD] = {mem_complete_upload, false, false},
	[STORE_ABORT_UPLOAD] = {mem_abort_upload, false, false},
	[STORE_LIST_PARTS] = {mem_list_parts, false, false},
	[STORE_GET_TAGGING] = {mem_get_tagging, false, false},
	[STORE_PUT_TAGGING] = {mem_put_tagging, true, false},
	[STORE_PUT_RETENTION] = {mem_put_retention, true, false},
	[STORE_PUT_LEGAL_HOLD] = {mem_put_legal_hold, true, false},
	[STORE_RESTORE] = {mem_restore, true, false},
};

static void answer_init(struct memory_store *ms, struct store_request *r)
{
	uint64_t number;

	pthread_mutex_lock(&ms->mutex);
	number = ++ms->requests;
	pthread_mutex_unlock(&ms->mutex);
	store_reply_reset(&r->reply);
	r->reply.tries = 1;
	r->reply.date_ns = clock_real_ns() / NS_PER_S * NS_PER_S;
	snprintf(r->reply.request_id, sizeof(r->reply.request_id),
		 "mem-%" PRIu64, number);
}

static int memory_call(struct store *s, struct store_request *r)
{
	struct memory_store *ms = (struct memory_store *)s;
	struct mem_blob *body = NULL;
	int err = 0;

	assert((unsigned)r->op < STORE_OP_COUNT);
	answer_init(ms, r);
	if (calls[r->op].body)
		err = mem_blob_read(&r->body, &body);
	if (err)
		return err;
	if (calls[r->op].unlocked) {
		err = calls[r->op].fn(ms, r, body);
	} else {
		pthread_mutex_lock(&ms->mutex);
		err = calls[r->op].fn(ms, r, body);
		pthread_mutex_unlock(&ms->mutex);
	}
	mem_blob_unref(body);
	return err;
}

static void memory_free(struct store *s)
{
	struct memory_store *ms = (struct memory_store *)s;

	while (ms->key_count) {
		struct mem_key *k = ms->keys[ms->key_count - 1];

		mem_key_remove(ms, k, k->versions[k->count - 1]);
	}
	for (size_t i = 0; i < ms->upload_count; i++)
		mem_upload_free(ms->uploads[i]);
	free(ms->keys);
	free(ms->uploads);
	free(ms->lifecycle);
	free(ms->replication);
	kvlist_release(&ms->headers);
	pthread_mutex_destroy(&ms->mutex);
	free(ms);
}

static const struct store_ops memory_ops = {
	.name = "memory",
	.call = memory_call,
	.free = memory_free,
};

int memory_store_new(bool versioned, struct store **ret_store)
{
	struct memory_store *ms = calloc(1, sizeof(*ms));

	if (!ms)
		return -ENOMEM;
	ms->store.ops = &memory_ops;
	ms->versioning = versioned ? MEM_ENABLED : MEM_UNVERSIONED;
	kvlist_init(&ms->headers);
	pthread_mutex_init(&ms->mutex, NULL);
	*ret_store = &ms->store;
	return 0;
}

/* The store at the bottom of a stack. */
static struct memory_store *bottom(struct store *s)
{
	while (s->below)
		s = s->below;
	assert(s->ops == &memory_ops);
	return (struct memory_store *)s;
}

int memory_store_set_replication(struct store *s, const char *document)
{
	struct memory_store *ms = bottom(s);
	char *copy = strdup(document);

	if (!copy)
		return -ENOMEM;
	pthread_mutex_lock(&ms->mutex);
	free(ms->replication);
	ms->replication = copy;
	pthread_mutex_unlock(&ms->mutex);
	return 0;
}

int memory_store_set_header(struct store *s, const char *name,
			    const char *value)
{
	struct memory_store *ms = bottom(s);
	int rc;

	pthread_mutex_lock(&ms->mutex);
	rc = kvlist_set(&ms->headers, name, value);
	pthread_mutex_unlock(&ms->mutex);
	return rc;
}

unsigned memory_store_end_restores(struct store *s, bool in_vain)
{
	struct memory_store *ms = bottom(s);
	unsigned ended;

	pthread_mutex_lock(&ms->mutex);
	ended = mem_end_restores(ms, in_vain);
	pthread_mutex_unlock(&ms->mutex);
	return ended;
}
