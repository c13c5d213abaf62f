/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether the bucket can be reached, as those see it who ask for names, and
 * how long they wait for that where something is known.
 *
 * It is an outage when a request has failed, or was not answered in time,
 * while no other request was answered either: one that ran out of tries beside
 * others that got through says nothing of the bucket. In an outage what is
 * known answers without a question for OUTAGE_PAUSE_NS, or until any request
 * is answered again.
 */
#ifndef VERS3_SRC_TREE_OUTAGE_H
#define VERS3_SRC_TREE_OUTAGE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "vers3/util/cancel.h"

struct tree;

/* Embedded, zeroed; any thread. */
struct outage {
	/*
	 * Monotonic: when it was last noted; 0: there is none. The log has its
	 * beginning, and not its end.
	 */
	atomic_int_fast64_t since;
	atomic_int_fast64_t until; /* monotonic: when it is asked again */
};

/* Whether the bucket could not be reached a moment ago. */
bool outage_is_on(struct tree *tree);
/* Or is not now, or the replica answers: no time for what nobody waits for. */
bool outage_holds(struct tree *tree);
/* Notes what a request ended in that began then; returns rc. */
int outage_note(struct tree *tree, int64_t began_ns, int rc);

/* What the calling thread waits for between the two ends after ns at the most:
 * then it is -ETIMEDOUT instead of -EINTR. ns 0: as long as it takes. */
struct patience {
	struct cancel cancel;
	struct cancel *before;
};
void patience_begin(struct patience *p, int64_t ns);
/* rc: what it came to, returned unless it is the patience that has ended. */
int patience_end(struct patience *p, int rc);

#endif
