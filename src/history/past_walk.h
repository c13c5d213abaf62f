/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Flat walks over the tree of an instant. Whoever asks for a directory begins
 * one there: a list of all that is below, a thousand versions a request,
 * whose directories become known (past_records.h) as it passes them. A small
 * tree takes one request so. Of a larger one the list goes on as long as
 * others ask for directories in it, some pages ahead of them, and ends when
 * nobody has for a while.
 *
 * Any thread, no lock held. Who waits can give up (cancel.h).
 */
#ifndef VERS3_SRC_HISTORY_PAST_WALK_H
#define VERS3_SRC_HISTORY_PAST_WALK_H

#include <stdbool.h>
#include <stdint.h>

#include "past_records.h"

struct past_walks;

/* Borrows both. 0 or -errno. */
int past_walks_new(struct view *view, struct past_records *records,
		   struct past_walks **ret_walks);
/* Ends those under way. NULL is fine. */
void past_walks_free(struct past_walks *p);

/* Who waits for a directory: zeroed at first. */
struct past_wait {
	uint64_t walk; /* the number of the one that will come by */
	uint64_t pages; /* that it had brought when the waiting began */
	uint64_t seen; /* the same, when it was looked at last */
};

/*
 * Waits until the walk that will come by a directory, which is begun where
 * there is none, has brought another page: 0, it may be known now. 1: none
 * will, or not soon. -EINTR.
 */
int past_walks_wait(struct past_walks *p, int64_t at_ns, const char *path,
		    struct past_wait *w);
/* A directory that was known is read: the walk that it is in goes on. */
void past_walks_follow(struct past_walks *p, int64_t at_ns, const char *path);
/*
 * The walk that a directory is in, or NULL, which goes on until it is left:
 * for who asks for the directory's names in another way beside it.
 */
struct past_walk *past_walks_join(struct past_walks *p, int64_t at_ns,
				  const char *path);
/* NULL is fine. */
void past_walks_leave(struct past_walks *p, struct past_walk *w);
/*
 * What the walk that was joined has found of a directory `name` in that one:
 * 0; -ENOENT: it was not there; -EAGAIN: it has not come by; -ECANCELED: it
 * has ended, and the directory may be known.
 */
int past_walks_tell(struct past_walks *p, struct past_walk *w, const char *path,
		    const char *name, struct past_entry *ret);

#endif
