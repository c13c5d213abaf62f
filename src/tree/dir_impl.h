/* SPDX-License-Identifier: Apache-2.0 */
/* Inside dir.h: what dir.c, dir_list.c (names), dir_attrs.c and
 * dir_row.c share. */
#ifndef VERS3_SRC_TREE_DIR_IMPL_H
#define VERS3_SRC_TREE_DIR_IMPL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "expired.h"
#include "hidden.h"
#include "outage.h"
#include "vers3/store/limit.h"
#include "vers3/tree/dir.h"
#include "vers3/util/map.h"
#include "vers3/util/pool.h"

struct early_head;
struct tree;
struct walks;

#define ATTR_WIDTH LIMIT_MAX /* HEADs at once */
/*
 * How often a question is asked again whose answer others have made old while
 * it came. Each time somebody else has got on with a change.
 */
#define ASK_TRIES 100

#define ROWS_MAX 8 /* directories that are gone through at a time */

/* Who goes through the names of a directory, one by one. */
struct dir_row {
	uint64_t ino; /* of the directory; 0: none */
	uint64_t at; /* cookie of the name met last */
	unsigned count; /* so many in a row */
};

struct dirs {
	pthread_mutex_t mutex;
	pthread_cond_t done;
	struct map *busy; /* ino → itself: being listed; under mutex */
	struct map *claims; /* ino → itself: turn_claim(); likewise */
	struct map *asking; /* ino → its HEAD's urgency_cause; likewise */
	struct map *early; /* a directory → its early_head; likewise */
	struct map *lookups; /* ino → count of single look-ups; likewise */
	struct dir_row rows[ROWS_MAX]; /* likewise */
	unsigned next_row; /* the one that gives way next; likewise */
	atomic_int_fast64_t row_ns; /* monotonic: the latest row; 0: none */
	struct expired_list expired; /* likewise */
	atomic_uint taken; /* how often a name was given back: taken.h */
	struct pool *pool; /* owned: HEADs */
	struct pool *ahead; /* owned: those for which nobody waits yet */
	struct walks *walks; /* owned: flat lists ahead of readers */
	struct hidden *hidden; /* owned: keys that lists hid */
	struct outage outage;
	struct cancel ended; /* set by dirs_end() */
	bool scouting; /* a list goes on that nobody waits for; under mutex */
};

int dirs_new(struct dirs **ret_dirs);
/* Ends what is asked for in the background; waits for that. NULL is fine. */
void dirs_end(struct dirs *d);
void dirs_free(struct dirs *d);

/* Whether what is known of a directory's names is younger than ttl. */
bool dir_is_fresh(struct tree *tree, const struct meta_inode *dir);
/*
 * Asks the bucket for a directory's names, at the most its first page of them
 * with first_only; or for one of them (name) alone. 0, -ESTALE, or why not.
 */
int dir_ask(struct tree *tree, uint64_t ino, const char *name, bool first_only);
/* Whether a directory's names may be used though asking has ended in rc. */
bool dir_usable_offline(struct tree *tree, uint64_t ino, int rc);
/* Whether no attributes are to be asked for; asked: just now. */
bool dir_attrs_do(struct tree *tree, const struct meta_inode *inode,
		  bool asked);
/*
 * Asks for one inode's attributes, or for all of a small file while such are
 * being read; what came whole is kept. early: asked for already, if it was of
 * this inode; NULL: it was not. 0; -ENOENT when the object is gone; 1 when the
 * name turned out to be one more of another inode (link.h), or the inode is
 * gone for another reason.
 */
int dir_fetch_attrs(struct tree *tree, uint64_t ino, struct early_head *early);
/*
 * Has the attributes of those names of a directory asked for that want them, at
 * the most so many, for which nobody waits yet. Returns how many.
 */
unsigned dir_ask_ahead(struct tree *tree, uint64_t dir, unsigned max);
/*
 * The same for who looks a name up. Those who have asked for the one after the
 * other get those of the next many at once, before they ask.
 */
int dir_fetch_in_row(struct tree *tree, uint64_t parent, const char *name,
		     uint64_t ino, struct early_head *early);

#endif
