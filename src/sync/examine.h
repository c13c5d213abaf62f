/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the scheduler does with one dirty record: two verdicts from facts, the
 * first from those that cost little. Pure; syncer.c gathers the facts and acts.
 */
#ifndef VERS3_SRC_SYNC_EXAMINE_H
#define VERS3_SRC_SYNC_EXAMINE_H

#include "vers3/journal/reconcile.h"
#include "vers3/meta/dirty.h"

#define EXAMINE_RECHECK_NS   NS_PER_S
#define EXAMINE_STEP_BACK_NS (5 * NS_PER_S) /* of large files before others */

enum examine_verdict {
	EXAMINE_LEAVE, /* as it is: its time comes, or whoever is at it ends */
	EXAMINE_POSTPONE, /* until the time that comes with it */
	EXAMINE_HELD, /* the same, for the record that it waits for */
	EXAMINE_FOLLOW, /* that one is to go first */
	EXAMINE_GO_ON, /* its turn: to be asked about its request */
	EXAMINE_DROP, /* nothing is to be sent: the key is clean */
	EXAMINE_DELETE,
	EXAMINE_SEND,
	EXAMINE_FULL, /* no more jobs may start now */
	EXAMINE_TIRED, /* too many were passed over: when a job has ended */
};

/* Times are realtime. */
struct examine_turn {
	int64_t now_ns, due_ns;
	int64_t settles_ns; /* not sent before; 0: nothing is to settle */
	bool busy; /* a job is at the key */
	bool pauses; /* its last try was without a result */
	bool held; /* it waits for another key */
	bool forced; /* somebody waits for it */
};
/* *ret_until_ns with EXAMINE_POSTPONE and EXAMINE_HELD only. */
enum examine_verdict examine_turn(const struct examine_turn *f,
				  int64_t *ret_until_ns);

struct examine_request {
	int64_t now_ns;
	int64_t quiet_ns; /* not sent before; 0: it need not be left alone */
	enum reconcile_action action;
	bool batch_full; /* of deletes: those that may go now all are */
	bool jobs_full;
	bool large_full; /* of these, those that uploads in parts may take */
	bool forced; /* somebody waits for it */
	bool tired; /* many that found batches or these full were passed over */
};
enum examine_verdict examine_request(const struct examine_request *f,
				     int64_t *ret_until_ns);

/*
 * What is to be done at a key. tried: the record's. Where the bucket may hold
 * what was tried instead of what is known, nothing is for sure equal: the
 * request's own look will tell.
 */
enum reconcile_action examine_action(const struct reconcile_in *in,
				     const char *tried);

#endif
