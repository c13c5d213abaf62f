/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Saves that the server has answered with success and that could not be looked
 * at since (upload_make()). The next try of the same change looks; it is not
 * sent again, perhaps on top of what others have saved meanwhile. In memory
 * only: a try after a restart knows of tries alone (dirty.h).
 */
#ifndef VERS3_SRC_SYNC_ANSWERED_H
#define VERS3_SRC_SYNC_ANSWERED_H

#include "vers3/sync/conflict.h"

struct answered;
int answered_new(struct answered **ret_answered);
void answered_free(struct answered *a);
/*
 * Where there is no room, the oldest is forgotten: a try that comes soon finds
 * its own. Any thread; a leaf lock.
 */
void answered_put(struct answered *a, const struct conflict *c,
		  const struct meta_version *version);
/*
 * Takes out what was made of a key; whether that was of this very change. Then
 * *ret_version is it, and c->since_ns is set.
 */
bool answered_take(struct answered *a, struct conflict *c,
		   struct meta_version *ret_version);

#endif
