/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests that change what a key holds, each carried out once. An answer
 * may be lost after the server did the work, and the daemon may be killed
 * before it noted an answer. Sending the same again would make a second
 * version or a second delete marker of no content of its own. So, before a
 * request goes out again, the bucket is asked whether it holds the result.
 */
#ifndef VERS3_SRC_SYNC_SEND_H
#define VERS3_SRC_SYNC_SEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vers3/store/parts_etag.h"
#include "vers3/store/store.h"

#define SEND_ETAG_SIZE PARTS_ETAG_SIZE

/* How the result is known. All borrowed. */
struct send_want {
	bool nothing; /* no object: the rest does not matter */
	uint64_t size_bytes;
	const char *etag; /* of the content; NULL: the MD5 of body */
	const void *body; /* size_bytes of them; NULL: no way to tell */
	/* What goes with it: these pairs and no others... */
	const struct kvlist *meta;
	const char *content_type;
	/* ...or, when meta is NULL, what goes with this version. */
	const char *source_key, *source_version;
};

/*
 * Sends r. unsure: an earlier one like it may have been carried out. Where
 * the result is found, r's reply is as if r had made it (what a HEAD tells).
 * 0, or -errno as store_call(); its reply is unsure if any try was. Blocks.
 */
int send_once(struct store *store, struct store_request *r,
	      const struct send_want *want, bool unsure);
/* Waits before a try, the longer the more there were (0: the first). */
void send_pause(unsigned tries);
/*
 * 0 with the object in reply when the key holds what is wanted, -ENOENT when
 * it does not, else why that cannot be said.
 */
int send_find(struct store *store, const char *key,
	      const struct send_want *want, struct store_reply *reply);

/* The ETag of what is wanted; "" where it is not known. */
void send_etag(const struct send_want *want, char etag[SEND_ETAG_SIZE]);
#endif
