/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Compares what is in the bucket with what was to be sent (by size, ETag, type
 * and metadata), and the few tries around a request.
 */
#include "send.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include <openssl/evp.h>

#include "vers3/core/refusal.h"
#include "vers3/object/object_meta.h"
#include "vers3/util/clock.h"
#include "vers3/util/hex.h"
#include "vers3/util/kv.h"
#include "vers3/util/log.h"

#define TRIES	 4
#define PAUSE_NS (100 * NS_PER_MS) /* doubled from try to try */
#define MD5_SIZE 16

void send_etag(const struct send_want *want, char etag[SEND_ETAG_SIZE])
{
	unsigned char md5[MD5_SIZE];

	etag[0] = '\0';
	if (want->etag)
		snprintf(etag, SEND_ETAG_SIZE, "%s", want->etag);
	else if (want->body && EVP_Digest(want->body, want->size_bytes, md5,
					  NULL, EVP_md5(), NULL))
		hex_write(md5, sizeof(md5), etag);
}

/* Every server writes MD5s in lower case, but none has to. */
static bool same_content(const struct send_want *want,
			 const struct store_object *o)
{
	char etag[SEND_ETAG_SIZE];

	if (!o->etag || o->size_bytes != want->size_bytes)
		return false;
	send_etag(want, etag);
	return *etag && !strcasecmp(o->etag, etag);
}

static bool same_type(const char *type, const struct store_object *o)
{
	const char *has = kvlist_get(&o->headers, "content-type");

	return !type || !has || !strcmp(type, has);
}

/* 0, -ENOENT or why it cannot be said. */
static int same_meta(struct store *store, const struct send_want *want,
		     const struct store_object *o)
{
	struct store_request r;
	const char *type;
	bool same;
	int rc;

	if (want->meta)
		return object_meta_same(want->meta, &o->meta) &&
				       same_type(want->content_type, o)
			       ? 0
			       : -ENOENT;
	rc = store_head(store, &r, want->source_key, want->source_version);
	type = kvlist_get(&r.reply.object.headers, "content-type");
	same = !rc && object_meta_same(&r.reply.object.meta, &o->meta) &&
	       same_type(type, o);
	store_request_release(&r);
	return rc || same ? rc : -ENOENT;
}

int send_find(struct store *store, const char *key,
	      const struct send_want *want, struct store_reply *reply)
{
	struct store_request r;
	int rc = store_head(store, &r, key, NULL);

	/* Whoever may write and not read is not kept from writing. */
	if (refusal_is(rc))
		goto out;
	if (want->nothing) {
		if (!rc)
			rc = -ENOENT; /* something: not what is wanted */
		else if (rc == -ENOENT)
			rc = 0;
	} else if (!rc) {
		rc = same_content(want, &r.reply.object) ? 0 : -ENOENT;
		if (rc)
			goto out;
		rc = same_meta(store, want, &r.reply.object);
	}
	if (!rc) {
		struct store_reply old = *reply;

		*reply = r.reply;
		r.reply = old;
		log_info("%s was carried out before: not sent again", key);
	}
out:
	store_request_release(&r);
	return refusal_is(rc) ? -ENOENT : rc;
}

void send_pause(unsigned tries)
{
	struct timespec left = clock_timespec(PAUSE_NS << tries);

	while (nanosleep(&left, &left) && errno == EINTR)
		;
}

int send_once(struct store *store, struct store_request *r,
	      const struct send_want *want, bool unsure)
{
	bool lost = false;
	int rc;

	for (unsigned tries = 0;; tries++) {
		if (unsure) {
			rc = send_find(store, r->key, want, &r->reply);
			if (rc != -ENOENT)
				return rc;
		}
		r->once = true;
		rc = store_call(store, r);
		lost = lost || r->reply.unsure;
		if (!rc || !r->reply.unsure || tries + 1 == TRIES) {
			/* What an earlier try may have done may yet show. */
			r->reply.unsure = rc && lost;
			return rc;
		}
		log_info("no answer to %s of %s: looking", store_op_name(r->op),
			 r->key);
		send_pause(tries);
		unsure = true;
	}
}
