/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How many requests may be on their way at once. Pure: the clock and the
 * requests are the caller's. Private to this folder.
 *
 * The number begins with LIMIT_START and grows while the server answers as
 * promptly as it did when it had little to do: by one an answer, so that it
 * doubles in one round trip, until half of a round's answers took more than
 * twice their least time; from then on by one a round. Slow answers bring it
 * down by an eighth a round, not below LIMIT_START; a refusal (SlowDown, 503,
 * 429) halves it, down to one: once for all that were on their way then, and
 * once a second, since some servers refuse a few whatever comes, and who was
 * refused pauses anyway (retry.h). Half a second later it begins to come back.
 *
 * It does not grow for its own sake: where all that may go is not asked for it
 * stays, and so it does where the network's round trip is short, since a few
 * keep such a server busy: LIMIT_RATE requests a second are enough.
 *
 * The least time is kept by kind and size of request, of the last one to two
 * minutes. Kinds whose time depends on what the server does (lists, batches of
 * deletes, the end of an upload) say nothing; but that it has carried one out
 * lets the number come back to LIMIT_START.
 *
 * After: Jacobson, "Congestion Avoidance and Control" (1988); Brakmo and
 * Peterson, "TCP Vegas" (1995), for the comparison with the least time.
 */
#ifndef VERS3_SRC_STORE_LIMIT_RULE_H
#define VERS3_SRC_STORE_LIMIT_RULE_H

#include <stdbool.h>
#include <stdint.h>

#include "vers3/store/limit.h"
#include "vers3/store/store.h"

#define LIMIT_RATE  4000 /* a second */
#define LIMIT_BANDS 4 /* of sizes */

struct limit_rule {
	double limit;
	bool ramping; /* by one an answer */
	int64_t halved_ns; /* if there was a halving */
	uint64_t halvings;
	/* The present period, and the one before; 0: none yet. */
	int64_t period_ns;
	int64_t net_ns[2]; /* the least of all */
	int64_t least_ns[STORE_OP_COUNT][LIMIT_BANDS][2];
	/* The round: the answers since then. */
	int64_t round_ns;
	unsigned answers, prompt;
};

/* How one request ended. */
struct limit_answer {
	enum store_op op;
	uint64_t bytes; /* of its body and the answer's */
	int64_t sent_ns, now_ns; /* monotonic */
	bool refused; /* there was too much for the server */
	bool answered; /* it was carried out, or nothing was there */
	bool full; /* no more could have been on their way when it ended */
	unsigned in_flight; /* itself included */
};

/* What is behind *r is gone then; any thread, one at a time. */
void limit_rule_init(struct limit_rule *r);
void limit_rule_answer(struct limit_rule *r, const struct limit_answer *a);
/* At least 1. */
unsigned limit_rule_now(const struct limit_rule *r);
/* The least time of an answer; 0: not known yet. */
int64_t limit_rule_least_ns(const struct limit_rule *r);

/* Whose turn it is among those who wait. */
struct limit_turn {
	unsigned limit, in_flight;
	bool wanted, background; /* one waits */
	unsigned in_a_row; /* wanted ones, while a background one waited */
};

enum limit_verdict {
	LIMIT_NOBODY,
	LIMIT_WANTED,
	LIMIT_BACKGROUND
};

/*
 * What is wanted goes first, and the last eighth is kept free for it; seven in
 * a row let one of the others pass, so that nothing waits for ever.
 */
enum limit_verdict limit_turn(const struct limit_turn *t);

#endif
