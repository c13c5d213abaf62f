/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside the journal: its state, shared by journal.c and those that it lists.
 */
#ifndef VERS3_SRC_JOURNAL_JOURNAL_IMPL_H
#define VERS3_SRC_JOURNAL_JOURNAL_IMPL_H

#include <pthread.h>

#include "vers3/journal/journal.h"
#include "vers3/util/map.h"

/* What was settled while lists are under way: recent_commits.c. */
struct recent_commits {
	struct map *young, *old; /* owned: key → epoch */
	unsigned young_lists, old_lists; /* begun after turn_epoch, before it */
	uint64_t epoch, turn_epoch;
	uint64_t any_epoch; /* something was settled then that is not noted */
	uint64_t saves;
};

struct journal {
	struct meta *meta; /* borrowed */
	struct pins *pins; /* borrowed */
	struct journal_listener listener; /* constant while it is in use */

	pthread_mutex_t mutex; /* a leaf; all below is protected by it */
	uint64_t *reaping; /* owned: inodes whose staged bytes may go */
	size_t reaping_count, reaping_size;
	bool reaping_told; /* the listener, since they were taken */
	struct recent_commits settled;
	struct map *suspects; /* owned: keys */
	struct map *watched; /* owned: a path, no slash at its end: its last
				number */
	uintptr_t last; /* of these numbers */
};

#endif
