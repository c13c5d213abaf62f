/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The versions at a path and below it, in the mount's bucket and in its
 * replica, two by two: what both have, what only one has. From the flat lists
 * of both, merged in their order.
 *
 * Blocks, ends with the thread's cancel. 0 or -errno.
 */
#ifndef VERS3_SRC_UPKEEP_VERSION_PAIRS_H
#define VERS3_SRC_UPKEEP_VERSION_PAIRS_H

#include "version_cursor.h"
#include "vers3/core/mount.h"
#include "vers3/util/answer_stream.h"

struct version_pair {
	struct version_entry *own, *there; /* NULL: it has none */
	bool blind; /* there is not known: the replica could not be asked */
};

struct version_pairs {
	struct mount *mount; /* borrowed, as all below */
	const char *path; /* "": the whole mount */
	/*
	 * Gets one pair after the other; what it keeps of an entry it takes out
	 * of it (key NULL).
	 */
	int (*on_pair)(void *ctx, const struct version_pair *p);
	void *ctx;
	struct answer_stream *answer; /* gets the progress; NULL: none */
	bool alone; /* the replica is not asked at all */
	/*
	 * How long each page of the replica may take (0: as long as it takes);
	 * where it does not come, the walk goes on without: there_error.
	 */
	int64_t there_wait_ns;
	int64_t begun_ns; /* monotonic */
	uint64_t entries; /* out: of the bucket that came so far */
	int there_error; /* out: why the replica could not be asked, or 0 */
	/* out: of a failure of either list, in words */
	char why[VERSION_WHY_MAX];
};

int version_pairs_walk(struct version_pairs *w);

#endif
