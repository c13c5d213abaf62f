/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Standby layer: a replica that stands in for the bucket, from when somebody
 * says so until all that was written there is brought back.
 *
 * While it is on, every request goes to the replica; a pinned one (store.h)
 * that it cannot answer goes to the bucket; while it is off, the other way
 * round. Before a change is sent, its key is
 * in the journal (key_journal.h), whose file keeps the layer on over restarts.
 * Who brings the keys back closes the layer for the last of them: changes wait
 * then, so that none goes to the replica behind his back.
 *
 * Any thread; close, open and end by who has claimed it.
 */
#ifndef VERS3_STORE_STANDBY_H
#define VERS3_STORE_STANDBY_H

#include <stdbool.h>

#include "vers3/store/key_journal.h"
#include "vers3/store/store.h"

/*
 * Takes *below, the stack of the bucket, over, also on failure; borrows the
 * others, which outlive the layer. It is on if the journal is begun. 0 or
 * -errno.
 */
int standby_store_new(struct store *replica, struct key_journal *journal,
		      struct store **below, struct store **ret_store);

bool standby_store_is_on(struct store *s);
/* From now on the replica. 0, -EALREADY, or why it cannot be noted. */
int standby_store_begin(struct store *s);
/*
 * For who brings the keys back, before he takes one: there is one at a time,
 * as what another has taken would be missed by who ends it. False: there is
 * one. Until standby_store_disclaim().
 */
bool standby_store_claim(struct store *s);
void standby_store_disclaim(struct store *s);
/*
 * Lets no further change go, and waits until none is under way. 0, and then
 * open or end follow; -EINTR when the thread's cancel is set.
 */
int standby_store_close(struct store *s);
/* Lets them go to the replica again. */
void standby_store_open(struct store *s);
/*
 * Lets them go to the bucket, as all from now on. Closed, with nothing left to
 * be taken from the journal, which ends first. 0 or -errno: it stays closed.
 */
int standby_store_end(struct store *s);
/*
 * Where the requests to a stack go now: the replica's, while its uppermost
 * layer is such a one and is on; else s. Borrowed. Any lock may be held.
 */
struct store *standby_store_goes_to(struct store *s);
/* The stack of the bucket, to which the layer is no matter; borrowed. */
struct store *standby_store_bucket(struct store *s);

#endif
