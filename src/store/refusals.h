/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the server said when requests for a key failed last, in its own words:
 * of the last REFUSALS_MAX keys, until a request of that kind is carried out.
 * For the layer that counts; its lock protects it.
 */
#ifndef VERS3_SRC_STORE_REFUSALS_H
#define VERS3_SRC_STORE_REFUSALS_H

#include <stdbool.h>

#include "vers3/store/metrics.h"

#define REFUSALS_MAX 256

struct refusals {
	struct {
		char *key; /* owned; NULL: free */
		enum store_op op;
		struct metrics_refusal what;
	} items[REFUSALS_MAX];
	unsigned count; /* that are not free */
	unsigned next; /* the one that has to give way */
};

void refusals_release(struct refusals *f);
/* A request has ended in err, which is what was to be known where `answer`. */
void refusals_note(struct refusals *f, const struct store_request *r, int err,
		   bool answer);
/* False where nothing is known. */
bool refusals_find(const struct refusals *f, const char *key,
		   struct metrics_refusal *ret);

#endif
