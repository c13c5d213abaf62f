/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Encryption by the server: which headers go with which request. See
 * "Protecting data with server-side encryption" of the Amazon S3 User Guide
 * and "Common request headers" of its API reference.
 *
 *	request				SSE-S3, SSE-KMS	SSE-C
 *	PutObject, CreateMultipartUpload	theirs	key
 *	CopyObject			theirs		key, source's key
 *	UploadPart, CompleteMultipartUpload, ListParts	key
 *	UploadPartCopy					key, source's key
 *	GetObject, HeadObject				the object's key
 *
 * What is written is under the first key. Under which one an object is that is
 * read, or copied from, no list tells: keys are tried one by one, and none,
 * too; where that has led is remembered for some thousand objects. What is
 * remembered says only what is tried first.
 *
 * Any thread.
 */
#ifndef VERS3_S3_SSE_H
#define VERS3_S3_SSE_H

#include <stdbool.h>
#include <stddef.h>

#include "vers3/s3/digest.h"
#include "vers3/store/store.h"
#include "vers3/util/kv.h"

enum sse_mode {
	SSE_BUCKET, /* as the bucket has it: nothing is said */
	SSE_S3,
	SSE_KMS,
	SSE_C,
};

/* Borrowed for sse_new(). */
struct sse_config {
	enum sse_mode mode; /* of what is written */
	const char *kms_key; /* id or ARN; NULL: the account's own for S3 */
	bool bucket_key;
	const char *key_file; /* sse_keys.h; SSE_C needs it */
};

struct sse;

/*
 * 0; -EINVAL and others of sse_keys_read(), with one line in reason that names
 * the option; -ENOMEM. tls: whether requests go over TLS, without which no key
 * is sent.
 */
int sse_new(const struct sse_config *config, const struct digest *digest,
	    bool tls, char *reason, size_t size, struct sse **ret_sse);
/* Wipes the keys. NULL is fine. */
void sse_free(struct sse *sse);

enum sse_mode sse_mode(const struct sse *sse);
/* What tells one setting from another: no key, but a key's MD5. Borrowed. */
const struct kvlist *sse_setting(const struct sse *sse);

/*
 * In how many ways a request can be tried: 1 for those that name no object
 * which may be under another key.
 */
unsigned sse_ways(const struct sse *sse, const struct store_request *r);
/* The likeliest of them: what sse_put() takes. */
unsigned sse_first(struct sse *sse, const struct store_request *r);
/*
 * The n-th way of a call that began with the first: none comes twice, whatever
 * others note meanwhile. Pure.
 */
unsigned sse_way(unsigned first, unsigned n);
/* A request went through that way. */
void sse_note(struct sse *sse, const struct store_request *r, unsigned way);
/* Whether an answer may come of a key that is not the object's. Pure. */
bool sse_is_refusal(const struct store_reply *reply);
/* Whether an error says in words that the object is under SSE-C. Pure. */
bool sse_is_told(const struct store_reply *reply);
/* Whether an error says that the object's key of KMS is of no use. Pure. */
bool sse_is_kms(const struct store_reply *reply);
/* Whether an answer says that the object is encrypted, in any way. Pure. */
bool sse_is_done(const struct store_object *object);
/*
 * Whether this is the first request that was to have something encrypted and
 * whose answer does not say that it is; later ones are not told of.
 */
bool sse_is_overlooked(struct sse *sse, const struct store_request *r);
/* Whether there are keys to read with. */
bool sse_has_keys(const struct sse *sse);
/* Sets the headers that go with r. sse may be NULL. 0 or -ENOMEM, -E2BIG. */
int sse_put(const struct sse *sse, const struct store_request *r, unsigned way,
	    struct kvlist *headers);

#endif
