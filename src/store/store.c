/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests, replies and the way into a stack of stores. Nothing here knows
 * what a store does; layers and stores are the other files of this folder.
 */
#include "vers3/store/store.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * Documents are small: the largest, a lifecycle configuration of 1,000
 * rules, stays well below. Object bodies never come this way.
 */
#define REPLY_BODY_MAX ((size_t)4 << 20)

static const char *const op_names[STORE_OP_COUNT] = {
	[STORE_HEAD_BUCKET] = "HeadBucket",
	[STORE_GET_VERSIONING] = "GetBucketVersioning",
	[STORE_PUT_VERSIONING] = "PutBucketVersioning",
	[STORE_GET_LIFECYCLE] = "GetBucketLifecycleConfiguration",
	[STORE_PUT_LIFECYCLE] = "PutBucketLifecycleConfiguration",
	[STORE_DELETE_LIFECYCLE] = "DeleteBucketLifecycle",
	[STORE_GET_REPLICATION] = "GetBucketReplication",
	[STORE_GET_OBJECT_LOCK] = "GetObjectLockConfiguration",
	[STORE_GET_LOCATION] = "GetBucketLocation",
	[STORE_GET_ENCRYPTION] = "GetBucketEncryption",
	[STORE_GET_PUBLIC_BLOCK] = "GetPublicAccessBlock",
	[STORE_GET_POLICY_STATUS] = "GetBucketPolicyStatus",
	[STORE_GET_ACL] = "GetBucketAcl",
	[STORE_LIST] = "ListObjectsV2",
	[STORE_LIST_VERSIONS] = "ListObjectVersions",
	[STORE_LIST_UPLOADS] = "ListMultipartUploads",
	[STORE_HEAD] = "HeadObject",
	[STORE_GET] = "GetObject",
	[STORE_PUT] = "PutObject",
	[STORE_COPY] = "CopyObject",
	[STORE_DELETE] = "DeleteObject",
	[STORE_DELETE_MANY] = "DeleteObjects",
	[STORE_CREATE_UPLOAD] = "CreateMultipartUpload",
	[STORE_UPLOAD_PART] = "UploadPart",
	[STORE_COPY_PART] = "UploadPartCopy",
	[STORE_COMPLETE_UPLOAD] = "CompleteMultipartUpload",
	[STORE_ABORT_UPLOAD] = "AbortMultipartUpload",
	[STORE_LIST_PARTS] = "ListParts",
	[STORE_GET_TAGGING] = "GetObjectTagging",
	[STORE_PUT_TAGGING] = "PutObjectTagging",
	[STORE_PUT_RETENTION] = "PutObjectRetention",
	[STORE_PUT_LEGAL_HOLD] = "PutObjectLegalHold",
	[STORE_RESTORE] = "RestoreObject",
};

const char *store_op_name(enum store_op op)
{
	assert((unsigned)op < STORE_OP_COUNT);
	return op_names[op];
}

void store_object_init(struct store_object *o)
{
	memset(o, 0, sizeof(*o));
	kvlist_init(&o->meta);
	kvlist_init(&o->headers);
}

void store_object_release(struct store_object *o)
{
	free(o->etag);
	free(o->version_id);
	kvlist_release(&o->meta);
	kvlist_release(&o->headers);
	store_object_init(o);
}

static void reply_init(struct store_reply *reply)
{
	memset(reply, 0, sizeof(*reply));
	store_object_init(&reply->object);
	buf_init(&reply->body, REPLY_BODY_MAX);
}

void store_reply_reset(struct store_reply *reply)
{
	store_object_release(&reply->object);
	buf_release(&reply->body);
	free(reply->next_token);
	free(reply->next_key_marker);
	free(reply->next_version_marker);
	free(reply->upload_id);
	reply_init(reply);
}

void store_request_init(struct store_request *r, enum store_op op)
{
	memset(r, 0, sizeof(*r));
	r->op = op;
	r->body.fd = -1;
	reply_init(&r->reply);
}

void store_request_release(struct store_request *r)
{
	store_reply_reset(&r->reply);
}

int store_call(struct store *s, struct store_request *r)
{
	return s->ops->call(s, r);
}

int store_head(struct store *s, struct store_request *r, const char *key,
	       const char *version_id)
{
	store_request_init(r, STORE_HEAD);
	r->key = key;
	r->version_id = version_id && *version_id ? version_id : NULL;
	return store_call(s, r);
}

bool store_is_unanswered(int rc)
{
	switch (rc) {
	case -ETIMEDOUT:
	case -ECONNREFUSED:
	case -ECONNRESET:
	case -EHOSTUNREACH:
	case -ENETUNREACH:
	case -EPROTO:
		return true;
	default:
		return false;
	}
}

bool store_is_outage(int rc)
{
	return rc == -EIO || store_is_unanswered(rc);
}

void store_describe(const struct store_request *r, int err, char *words,
		    size_t size)
{
	const struct store_reply *reply = &r->reply;
	const char *message =
		reply->message[0] ? reply->message : strerror(-err);
	const char *id = reply->request_id;

	if (!reply->status) {
		snprintf(words, size, "%s: %.100s", store_op_name(r->op),
			 message);
		return;
	}
	/* Some codes have no words beside them. */
	snprintf(words, size, "%s: %d %.40s%s%.80s%s%.60s%s",
		 store_op_name(r->op), reply->status, reply->code,
		 reply->code[0] ? ": " : "", message, *id ? " (request " : "",
		 id, *id ? ")" : "");
}

void store_free(struct store *s)
{
	if (s)
		s->ops->free(s);
}
