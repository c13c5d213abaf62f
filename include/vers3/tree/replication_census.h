/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How the objects that the namespace knows stand with replication: by what
 * S3 said of each when it was last asked (x-amz-replication-status), or, where
 * it says nothing, by what a look into the replica has shown (states.h).
 *
 * Any thread; takes meta_lock() itself but where it says that it is held. A
 * census is the caller's, to be released. Times are realtime, in ns.
 */
#ifndef VERS3_TREE_REPLICATION_CENSUS_H
#define VERS3_TREE_REPLICATION_CENSUS_H

#include <stdbool.h>
#include <stdint.h>

#include "vers3/meta/meta.h"
#include "vers3/util/kv.h"

#define CENSUS_KEYS_MAX 100

enum census_status {
	CENSUS_PENDING,
	CENSUS_COMPLETED,
	CENSUS_FAILED,
	CENSUS_REPLICA,
	CENSUS_NONE,
	CENSUS_COUNT,
};

/* One that is PENDING or FAILED. */
struct census_key {
	char *key; /* owned: below the prefix */
	int64_t written_ns;
	bool compared; /* not the server says so, but a look into the replica */
};

struct replication_census {
	uint64_t counts[CENSUS_COUNT];
	int64_t oldest_pending_ns; /* its Last-Modified; 0: none */
	/* The first that failed, and of those that are pending the oldest. */
	struct census_key failed[CENSUS_KEYS_MAX], pending[CENSUS_KEYS_MAX];
	unsigned failed_count, pending_count;
};

/*
 * Walks all inodes, a few at a time: a second or so for a hundred thousand. 0
 * or -errno; release it after 0.
 */
int replication_census_take(struct meta *m,
			    struct replication_census *ret_census);
/* Notes what an object has said of itself; with meta_lock() held. 0, -errno. */
int replication_census_note(struct meta *m, const struct kvlist *head);
/*
 * Whether any object of this cache has ever told a status: else a census has
 * nothing to find. What is not known, as of a cache of before that was noted,
 * may be so.
 */
bool replication_census_may_find(struct meta *m);
/* Whether some object of it is known to have told one. */
bool replication_census_has_found(struct meta *m);
/* Whether an object's replication is to come, by what it has said. */
bool replication_census_is_pending(const struct kvlist *head);
void replication_census_release(struct replication_census *c);

#endif
