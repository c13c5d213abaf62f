/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Retry layer: sends a request again when that is safe and may help.
 *
 * Helps: 500, 502, 503, 504, 429, SlowDown, RequestTimeout, a 409 that only
 * says that another change is under way, no or half an answer.
 * Safe: every read; PUT, COPY, parts and COMPLETE (sending the same again
 * leaves the same current content); DELETE by version id; CREATE_UPLOAD (a
 * leftover upload is found and aborted later). Not safe is a DELETE that
 * places a marker: it is sent again only where the answer shows that nothing
 * was done (503, 429, no connection).
 * Likewise for a request that the caller marks `once`: on a versioned bucket
 * a PUT that is carried out twice makes two versions. Where such a one fails
 * and may have been carried out, reply.unsure is set: the caller looks at
 * what the bucket holds.
 * What a callback returned is never retried. A list that broke off goes on
 * without telling an entry twice.
 * Exponential backoff with full jitter from 100 ms to 20 s
 * (aws.amazon.com/builders-library "Timeouts, retries, and backoff with
 * jitter"); Retry-After is honoured as a lower bound, capped at 60 s.
 * So short a backoff does not outlast the restart of a server or a switch:
 * the waits are also at least such as come to spread_ns in all (5 s, three
 * tries: 0.1, 1.6, 3.3 s). Once that was in vain for one request, and until the
 * server has answered any, it is left out: nothing is short about that trouble
 * any more.
 */
#ifndef VERS3_STORE_RETRY_H
#define VERS3_STORE_RETRY_H

#include "vers3/store/store.h"

struct retry_config {
	unsigned retries; /* further tries after the first */
	int64_t base_ns; /* 0: 100 ms */
	int64_t max_ns; /* 0: 20 s */
	int64_t spread_ns; /* from first failure to last try, at least */
	/*
	 * RETRY_QUICK: called, perhaps often and on any thread, when nothing
	 * has been changed in the bucket for as long as a request that failed
	 * took, or for patience_ns. NULL: not.
	 */
	void (*on_hopeless)(void *ctx);
	void *hopeless_ctx;
	int64_t patience_ns;
	/* For tests: sleeps; NULL: until then, or given up (cancel.h). */
	void (*sleep)(void *ctx, int64_t ns);
	void *sleep_ctx;
};

enum retry_mood {
	RETRY_AS_SET,
	/* As a daemon that ends has it: not what has taken a time-out once. */
	RETRY_QUICK,
	RETRY_NEVER, /* and whoever sleeps before a try wakes up */
};

/* Any thread. The store is a retry layer. */
void retry_store_set_mood(struct store *s, enum retry_mood mood);
/* Takes *below over, also on failure. 0 or -ENOMEM. */
int retry_store_new(const struct retry_config *config, struct store **below,
		    struct store **ret_store);

#endif
