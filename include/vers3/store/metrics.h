/* SPDX-License-Identifier: Apache-2.0 */
/* Metrics layer: counts requests, errors, bytes and time by operation. */
#ifndef VERS3_STORE_METRICS_H
#define VERS3_STORE_METRICS_H

#include "vers3/store/store.h"

struct metrics_op {
	uint64_t calls; /* that ended */
	/* Not what found nothing, nor a condition that does not hold (412). */
	uint64_t errors;
	uint64_t time_ns; /* summed */
	uint64_t sent_bytes, received_bytes; /* of bodies */
};

struct metrics_snapshot {
	struct metrics_op ops[STORE_OP_COUNT];
	uint64_t in_flight;
	int64_t last_ok_mono_ns; /* 0: never */
	int64_t last_error_mono_ns; /* 0: never */
	/* Any answer but that it cannot serve now (5xx, 429); 0: never. */
	int64_t answer_mono_ns;
	int64_t silent_mono_ns; /* no answer at all since; 0: there are some */
	char last_error[320]; /* "" : none */
	int64_t clock_skew_ns; /* server's Date minus our clock */
};

/* Takes *below over, also on failure. 0 or -ENOMEM. */
int metrics_store_new(struct store **below, struct store **ret_store);
/* s: the layer, or a stack that holds it; zeroes where there is none. */
void metrics_store_read(struct store *s, struct metrics_snapshot *ret);

/* How the last request for a key ended that was not carried out. */
struct metrics_refusal {
	int error; /* errno */
	char code[64]; /* the server's; "" : it gave none */
	char words[320]; /* operation, status, code, message, request id */
};

/* s: as above. False where nothing is known of the key. */
bool metrics_store_refusal(struct store *s, const char *key,
			   struct metrics_refusal *ret);

#endif
