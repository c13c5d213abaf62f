/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One table says which headers go with which request. What is remembered of
 * keys is a table of hashes: a collision costs a request.
 */
#include "vers3/s3/sse.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vers3/s3/sse_keys.h"
#include "vers3/util/hash.h"

#define SSE	  "x-amz-server-side-encryption"
#define CUSTOMER  SSE "-customer-"
#define SOURCE	  "x-amz-copy-source-server-side-encryption-customer-"
#define ALGORITHM "AES256"
#define SEEN	  4096 /* 64 KiB */

enum what {
	WRITES = 1 << 0, /* the mode, or the first key */
	GOES_ON = 1 << 1, /* the first key alone */
	READS = 1 << 2, /* the object's key */
	COPIES = 1 << 3, /* its source's key */
};

static const unsigned whats[STORE_OP_COUNT] = {
	[STORE_HEAD] = READS,
	[STORE_GET] = READS,
	[STORE_PUT] = WRITES,
	[STORE_COPY] = WRITES | COPIES,
	[STORE_CREATE_UPLOAD] = WRITES,
	[STORE_UPLOAD_PART] = GOES_ON,
	[STORE_COPY_PART] = GOES_ON | COPIES,
	[STORE_COMPLETE_UPLOAD] = GOES_ON,
	[STORE_LIST_PARTS] = GOES_ON,
};

struct seen {
	uint64_t hash; /* 0: none */
	unsigned way;
};

struct sse {
	/* Constant after sse_new(). */
	enum sse_mode mode;
	struct sse_keys keys;
	char *kms_key; /* owned; may be NULL */
	bool bucket_key;
	struct kvlist setting; /* owned */
	struct hash_seed seed;

	atomic_bool overlooked; /* that was told */
	pthread_mutex_t mutex; /* protects the rest */
	struct seen *seen; /* owned: SEEN of them; NULL without keys */
};

static int put_mode(const struct sse *sse, struct kvlist *headers)
{
	int rc = 0;

	if (sse->mode == SSE_S3)
		return kvlist_set(headers, SSE, ALGORITHM);
	if (sse->mode != SSE_KMS)
		return 0;
	rc = kvlist_set(headers, SSE, "aws:kms");
	if (!rc && sse->kms_key)
		rc = kvlist_set(headers, SSE "-aws-kms-key-id", sse->kms_key);
	if (!rc && sse->bucket_key)
		rc = kvlist_set(headers, SSE "-bucket-key-enabled", "true");
	return rc;
}

static int put_key(const struct sse_key *key, bool source,
		   struct kvlist *headers)
{
	int rc = kvlist_set(headers,
			    source ? SOURCE "algorithm" : CUSTOMER "algorithm",
			    ALGORITHM);

	if (!rc)
		rc = kvlist_set(headers, source ? SOURCE "key" : CUSTOMER "key",
				key->base64);
	return rc ? rc
		  : kvlist_set(headers,
			       source ? SOURCE "key-md5" : CUSTOMER "key-md5",
			       key->md5);
}

int sse_put(const struct sse *sse, const struct store_request *r, unsigned way,
	    struct kvlist *headers)
{
	unsigned what = sse ? whats[r->op] : 0;
	const struct sse_key *key = NULL;
	int rc = 0;

	if ((what & (READS | COPIES)) && way < sse->keys.count)
		key = &sse->keys.at[way];
	if (what & WRITES)
		rc = put_mode(sse, headers);
	if (!rc && (what & (WRITES | GOES_ON)) && sse->mode == SSE_C)
		rc = put_key(&sse->keys.at[0], false, headers);
	if (!rc && (what & READS) && key)
		rc = put_key(key, false, headers);
	if (!rc && (what & COPIES) && key)
		rc = put_key(key, true, headers);
	return rc;
}

/* Ways: one a key, and the one without. */

unsigned sse_ways(const struct sse *sse, const struct store_request *r)
{
	return sse && (whats[r->op] & (READS | COPIES))
		       ? (unsigned)sse->keys.count + 1
		       : 1;
}

static uint64_t hash_of(const struct sse *sse, const struct store_request *r)
{
	bool copies = whats[r->op] & COPIES;
	const char *key = copies ? r->source_key : r->key;
	const char *version = copies ? r->source_version : r->version_id;
	uint64_t h;

	if (!key)
		return 0;
	h = hash_add(&sse->seed, 0, key, strlen(key) + 1);
	if (version)
		h = hash_add(&sse->seed, h, version, strlen(version));
	return h ? h : 1;
}

unsigned sse_first(struct sse *sse, const struct store_request *r)
{
	unsigned first, none;
	uint64_t h;

	if (!sse)
		return 0;
	/* Before anything is known: as what is written now. */
	none = (unsigned)sse->keys.count;
	first = sse->mode == SSE_C ? 0 : none;
	h = sse->seen && sse_ways(sse, r) > 1 ? hash_of(sse, r) : 0;
	if (h) {
		pthread_mutex_lock(&sse->mutex);
		if (sse->seen[h % SEEN].hash == h)
			first = sse->seen[h % SEEN].way;
		pthread_mutex_unlock(&sse->mutex);
	}
	return first;
}

unsigned sse_way(unsigned first, unsigned n)
{
	if (!n)
		return first;
	return n <= first ? n - 1 : n;
}

void sse_note(struct sse *sse, const struct store_request *r, unsigned way)
{
	uint64_t h;

	if (!sse || !sse->seen || sse_ways(sse, r) < 2)
		return;
	h = hash_of(sse, r);
	pthread_mutex_lock(&sse->mutex);
	sse->seen[h % SEEN] = (struct seen){.hash = h, .way = way};
	pthread_mutex_unlock(&sse->mutex);
}

/*
 * AWS: 403 for another key, 400 for none and for one that nothing needs. Ceph:
 * 400. The answer to a HEAD says no more.
 */
bool sse_is_refusal(const struct store_reply *reply)
{
	static const char *const codes[] = {
		"",
		"AccessDenied",
		"BadRequest",
		"Forbidden",
		"InvalidArgument",
		"InvalidEncryptionAlgorithmError",
		"InvalidRequest",
	};

	if (reply->status != 400 && reply->status != 403)
		return false;
	for (size_t i = 0; i < sizeof(codes) / sizeof(*codes); i++)
		if (!strcmp(reply->code, codes[i]))
			return true;
	return false;
}

bool sse_is_told(const struct store_reply *reply)
{
	static const char *const words[] = {
		"Server Side Encryption",
		"hash of the key",
		"encryption parameters",
		"customer key",
	};

	if (!sse_is_refusal(reply))
		return false;
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (strcasestr(reply->message, words[i]))
			return true;
	return false;
}

/* By its codes AWS; Ceph by its words. */
bool sse_is_kms(const struct store_reply *reply)
{
	return reply->status >= 400 && reply->status < 500 &&
	       (!strncmp(reply->code, "KMS.", 4) ||
		strstr(reply->message, "kms-keyid"));
}

/* All servers that encrypt name the way in their answer. */
bool sse_is_done(const struct store_object *object)
{
	return kvlist_get(&object->headers, SSE) ||
	       kvlist_get(&object->headers, CUSTOMER "algorithm");
}

bool sse_is_overlooked(struct sse *sse, const struct store_request *r)
{
	return sse && sse->mode != SSE_BUCKET && (whats[r->op] & WRITES) &&
	       !sse_is_done(&r->reply.object) &&
	       !atomic_exchange(&sse->overlooked, true);
}

bool sse_has_keys(const struct sse *sse)
{
	return sse && sse->keys.count;
}

/* Making one. */

static int refuse(char *reason, size_t size, const char *why)
{
	snprintf(reason, size, "%s", why);
	return -EINVAL;
}

static int check(const struct sse_config *config, bool tls, char *reason,
		 size_t size)
{
	bool kms = config->mode == SSE_KMS;

	if (config->kms_key && !kms)
		return refuse(reason, size,
			      "sse_kms_key= goes with sse=kms alone");
	if (config->bucket_key && !kms)
		return refuse(reason, size,
			      "sse_bucket_key goes with sse=kms alone");
	if (config->mode == SSE_C && !config->key_file)
		return refuse(reason, size,
			      "sse=c needs sse_c_key_file=, the file that has "
			      "the key");
	if (config->key_file && !tls)
		return refuse(reason, size,
			      "sse_c_key_file= needs an endpoint= of https://: "
			      "the key goes along with each request");
	for (const char *c = config->kms_key; c && *c; c++)
		if (*c <= ' ' || *c > '~')
			return refuse(reason, size,
				      "sse_kms_key= takes the id of a key, its "
				      "alias or its ARN, without blanks");
	return 0;
}

static int note_setting(struct sse *sse)
{
	if (sse->mode == SSE_C)
		return kvlist_add(&sse->setting, CUSTOMER "key-md5",
				  sse->keys.at[0].md5);
	return put_mode(sse, &sse->setting);
}

static int set_up(struct sse *sse, const struct sse_config *config,
		  const struct digest *digest, char *reason, size_t size)
{
	int rc;

	if (config->kms_key) {
		sse->kms_key = strdup(config->kms_key);
		if (!sse->kms_key)
			return -ENOMEM;
	}
	if (config->key_file) {
		rc = sse_keys_read(config->key_file, digest, &sse->keys, reason,
				   size);
		if (rc)
			return rc;
		sse->seen = calloc(SEEN, sizeof(*sse->seen));
		if (!sse->seen)
			return -ENOMEM;
	}
	return note_setting(sse);
}

int sse_new(const struct sse_config *config, const struct digest *digest,
	    bool tls, char *reason, size_t size, struct sse **ret_sse)
{
	struct sse *sse;
	int rc = check(config, tls, reason, size);

	if (rc)
		return rc;
	sse = calloc(1, sizeof(*sse));
	if (!sse)
		return -ENOMEM;
	sse->mode = config->mode;
	sse->bucket_key = config->bucket_key;
	kvlist_init(&sse->setting);
	hash_seed_draw(&sse->seed);
	pthread_mutex_init(&sse->mutex, NULL);
	rc = set_up(sse, config, digest, reason, size);
	if (rc) {
		sse_free(sse);
		return rc;
	}
	*ret_sse = sse;
	return 0;
}

void sse_free(struct sse *sse)
{
	if (!sse)
		return;
	sse_keys_wipe(&sse->keys);
	pthread_mutex_destroy(&sse->mutex);
	kvlist_release(&sse->setting);
	free(sse->kms_key);
	free(sse->seen);
	free(sse);
}

enum sse_mode sse_mode(const struct sse *sse)
{
	return sse ? sse->mode : SSE_BUCKET;
}

const struct kvlist *sse_setting(const struct sse *sse)
{
	return &sse->setting;
}
