/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Retry layer: sends a request again when that is safe and may help.
 *
 * Helps: 500, 502, 503, 504, SlowDown, RequestTimeout, no or half an answer.
 * Safe: every read; PUT, COPY, parts and COMPLETE (sending the same again
 * leaves the same current content); DELETE by version id. Not safe, so sent
 * once: CREATE_UPLOAD after an answer may have been lost is safe too (a
 * leftover upload is found and aborted later). Conditional writes whose
 * answer was lost are sent again; a 412 then is for the caller to resolve.
 * Exponential backoff with full jitter from 100 ms to 20 s
 * (aws.amazon.com/builders-library "Timeouts, retries, and backoff with
 * jitter"); Retry-After is honoured as a lower bound, capped at 60 s.
 */
#ifndef VERS3_STORE_RETRY_H
#define VERS3_STORE_RETRY_H

#include "vers3/store/store.h"

struct retry_config {
	unsigned retries; /* further tries after the first */
	int64_t base_ns; /* 0: 100 ms */
	int64_t max_ns; /* 0: 20 s */
	/* For tests: sleeps; NULL: nanosleep. */
	void (*sleep)(void *ctx, int64_t ns);
	void *sleep_ctx;
};

/* Takes *below over, also on failure. 0 or -ENOMEM. */
int retry_store_new(const struct retry_config *config, struct store **below,
		    struct store **ret_store);

#endif
