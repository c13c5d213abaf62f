/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Limit layer: so many requests at once as the server bears, one number for
 * all kinds. It follows the answers (limit_rule.h): a distant server gets more
 * at once, one that says SlowDown half as many.
 *
 * A request waits here for its turn: first what somebody waits for
 * (util/urgency.h), then the rest, each first come, first served. It stands
 * below the retry layer, so that nobody has a turn while he pauses. Nobody
 * waits here who has one already: a request makes no other one.
 */
#ifndef VERS3_STORE_LIMIT_H
#define VERS3_STORE_LIMIT_H

#include "vers3/store/store.h"

#define LIMIT_START 20 /* to begin with, and for what is near */
#define LIMIT_MAX   128 /* pools need not be wider */

struct limit_snapshot {
	unsigned limit; /* now */
	unsigned in_flight;
	unsigned waiting;
	int64_t least_ns; /* of an answer, lately; 0: not known */
	uint64_t halvings;
};

/* Takes *below over, also on failure. 0 or -ENOMEM. */
int limit_store_new(struct store **below, struct store **ret_store);
/* s: the layer, or a stack that holds it; zeroes where there is none. */
void limit_store_read(struct store *s, struct limit_snapshot *ret);
/*
 * How many may go at once now to where the stack's requests go: to the replica,
 * while that stands in (standby.h). 0: there is no such layer. Any lock may be
 * held.
 */
unsigned limit_store_now(struct store *s);
/*
 * The same: how many requests it takes to use what the server bears now, some
 * that wait included; for who hands out work. LIMIT_START at least, so that a
 * few that take long, as the saves of large files, do not keep all others from
 * being begun. Any lock may be held.
 */
unsigned limit_store_width(struct store *s);
/*
 * The same: requests that wait in the second row and are wanted by now
 * (urgency_cause_want()) go to the first. Any lock may be held.
 */
void limit_store_hurry(struct store *s);

#endif
