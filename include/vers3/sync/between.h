/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Saves without a condition, looked at afterwards. Where the server knows none,
 * somebody else's version may come between what a save was made on and the
 * save, after the last look (conflict.h). Nothing could be done about it then,
 * but the history shows it: what stands there directly under ours, and is
 * neither what was known nor a try of ours, is a conflict, and is listed.
 *
 * The saves in question are kept in META_SYS until they have been looked at,
 * many at once, a while after the first of them.
 *
 * S3 API: ListObjectVersions.
 */
#ifndef VERS3_SYNC_BETWEEN_H
#define VERS3_SYNC_BETWEEN_H

#include <stdatomic.h>

#include "vers3/sync/conflict.h"

struct syncer;

/* Embedded in the syncer, zeroed; any thread. */
struct between {
	atomic_int_fast64_t due_ns; /* monotonic; 0: there are none */
	atomic_bool running;
};

/*
 * A save has ended, which was made on what was known: has it looked at if it
 * went out without a condition, or may have done so before. Ours is found by
 * its version id, or where that has not been told by its ETag. With meta_lock()
 * held. 0, or why it cannot be noted.
 */
int between_note(struct syncer *s, const struct conflict *c,
		 const struct meta_version *known,
		 const struct meta_version *ours);
/*
 * What was perhaps carried out before a kill, or without an answer, is not what
 * is wanted any more: had it met others, then that is listed, too. With
 * meta_lock() held.
 */
int between_note_tries(struct syncer *s, const struct conflict *c,
		       const struct meta_version *known);
/* Once, before the syncer runs: whether an earlier mount has left some. */
void between_init(struct syncer *s);
/*
 * On the scheduler's thread: begins to look, in the background, when it is
 * time. When to be called next (monotonic), 0: for nothing.
 */
int64_t between_tick(struct syncer *s);
/* Looks at all that there are. What cannot be asked now stays. Blocks. */
void between_look(struct syncer *s);

#endif
