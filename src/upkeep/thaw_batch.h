/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Objects that may be archived, a list's page of them at most: each is looked
 * at by a HEAD, and asked for where it needs to be, several at a time. S3 API:
 * HeadObject, RestoreObject.
 *
 * A RestoreObject makes a copy that can be read for a time; it changes no
 * version and removes nothing.
 */
#ifndef VERS3_SRC_UPKEEP_THAW_BATCH_H
#define VERS3_SRC_UPKEEP_THAW_BATCH_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vers3/core/mount.h"
#include "vers3/s3/archive.h"
#include "vers3/util/pool.h"

#define THAW_ASKS_MAX 2 /* of one object in one walk */

enum thaw_state {
	THAW_IS_UNKNOWN, /* not looked at yet */
	THAW_IS_OPEN, /* not archived */
	THAW_IS_GONE,
	THAW_IS_ASKED, /* now */
	THAW_IS_EXTENDED, /* now */
	THAW_IS_UNDER_WAY, /* since earlier */
	THAW_IS_RESTORED,
	THAW_IS_FAILED, /* error and why say how */
};

struct thaw_item {
	char *key; /* owned; whole */
	char *version_id; /* owned; NULL: what stands there now */
	enum thaw_state state;
	unsigned asks; /* how often it was asked for */
	unsigned failures; /* and a request for it failed */
	uint64_t size_bytes;
	int64_t until_ns; /* RESTORED: 0: no end was told */
	char storage_class[64];
	int error; /* -errno; -EOPNOTSUPP: the server has no archive */
	char why[320];
};

struct thaw_batch {
	/* Set by the caller, borrowed. */
	struct mount *mount;
	struct pool *pool;
	unsigned days;
	enum archive_tier tier;

	atomic_bool vain; /* the server has no archive: no more is asked for */
	struct thaw_item *items; /* owned */
	size_t count, size;
};

/* Adds one (copied); version_id may be NULL. 0 or -ENOMEM. */
int thaw_batch_add(struct thaw_batch *b, const char *key,
		   const char *version_id);
/*
 * Looks at those that are not settled yet, and asks for what is archived.
 * Blocks. 0; -EINTR when given up; -EOPNOTSUPP when the server has no archive,
 * which an item's error tells too.
 */
int thaw_batch_look(struct thaw_batch *b);
/* How many are not settled: another look may tell more. */
size_t thaw_batch_pending(const struct thaw_batch *b);
/* Empties it; its room stays until thaw_batch_release(). */
void thaw_batch_clear(struct thaw_batch *b);
void thaw_batch_release(struct thaw_batch *b);

#endif
