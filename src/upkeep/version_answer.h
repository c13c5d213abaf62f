/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is said of one version in an answer about the replica, and the words
 * that the commands about it share. Pure but for the mount's clock.
 */
#ifndef VERS3_SRC_UPKEEP_VERSION_ANSWER_H
#define VERS3_SRC_UPKEEP_VERSION_ANSWER_H

#include "version_cursor.h"
#include "vers3/core/mount.h"
#include "vers3/util/buf.h"

/*
 * `[version "ID"]` with path, state, marker, time, ageSeconds, bytes and why
 * (NULL or "": none). 0 or -errno.
 */
int version_answer(struct mount *mount, const struct version_entry *e,
		   const char *state, const char *why, struct buf *out);
/* How old it is, by the server's clock; not less than 0. */
int64_t version_age_ns(struct mount *mount, const struct version_entry *e);
/*
 * A store's failure in words: the server's, with code and request id, else
 * errtext(). reason: of size bytes.
 */
void version_explain(int rc, const struct store_reply *reply, char *reason,
		     size_t size);

#endif
