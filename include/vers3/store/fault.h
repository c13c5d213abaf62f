/* SPDX-License-Identifier: Apache-2.0 */
/* Fault layer: makes chosen requests fail, for tests. */
#ifndef VERS3_STORE_FAULT_H
#define VERS3_STORE_FAULT_H

#include "vers3/store/store.h"

enum fault_kind {
	FAULT_NONE,
	FAULT_REFUSE, /* the request never arrives (-ECONNREFUSED) */
	FAULT_LOST, /* done below, the answer is dropped (-ECONNRESET) */
	FAULT_STATUS, /* answered with `status` and `code`, not done */
	FAULT_CUT, /* a GET's body ends after `cut_bytes` */
};

/* What happens to this request? Called on the caller's thread. */
struct fault_decision {
	enum fault_kind kind;
	int status;
	const char *code;
	uint64_t cut_bytes;
};
typedef struct fault_decision (*fault_fn)(void *ctx,
					  const struct store_request *r);

/* Takes *below over, also on failure. 0 or -ENOMEM. */
int fault_store_new(fault_fn fn, void *ctx, struct store **below,
		    struct store **ret_store);

#endif
