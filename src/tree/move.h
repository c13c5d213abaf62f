/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is moved by a rename: the walk over an inode and all that is below it,
 * with both paths of where it stands.
 *
 * The keys of a large directory are marked ahead of the rename, in short holds
 * of meta_lock(); what is left to do under the one hold in which the name
 * changes is to see that each has its mark. Marks ahead are hints alone:
 *
 * - Only what changes nothing is marked: at the old name what the bucket holds
 *   already (the syncer drops it) or what is to be sent anyway, at the new one
 *   nothing. So nothing is sent for a mark whose rename never came, be it for
 *   a kill or because it was refused. Nor does anything wait for it: where the
 *   old key has to stay until the new one is copied from it (without versions,
 *   or where the version's id is not known) nothing is marked ahead.
 * - The walk under the one hold looks at every name, whatever became of it
 *   until then. A mark ahead counts if it is due at the time that is this
 *   rename's alone: whoever changes the file marks it anew, for another time,
 *   and a record that has ended is not there.
 */
#ifndef VERS3_SRC_TREE_MOVE_H
#define VERS3_SRC_TREE_MOVE_H

#include "vers3/meta/dentry.h"

struct tree;

#define MOVE_AHEAD_MIN 256 /* names; fewer are marked in one hold */

enum move_what {
	MOVE_COUNT, /* whether they are more than MOVE_AHEAD_MIN */
	MOVE_CHECK, /* whether all can go there */
	MOVE_AHEAD, /* marks what the syncer would drop */
	MOVE_MARK, /* marks all */
};

/* Both ends of a rename. */
struct move_way {
	uint64_t parent, new_parent;
	const char *name, *new_name; /* borrowed */
};

/* When the keys are due (realtime); ahead: what is marked so, is marked. */
struct move_due {
	int64_t ns;
	bool ahead;
};

struct move {
	struct tree *tree; /* borrowed */
	enum move_what what;
	bool exchange; /* something may stand where it goes */
	struct move_due due;
	unsigned unmarked; /* of a check: those below not marked ahead */
	unsigned count; /* names met */
	uint64_t top; /* the inode that is moved, */
	uint64_t at; /* a directory: it, or one below it, and in there */
	struct meta_dentry de; /* the name that was met last */
	size_t from_len, to_len;
	char from[META_KEY_MAX + 2], to[META_KEY_MAX + 2];
};

/* Before the walk over inode `top`, which is to go from one path to another. */
void move_begin(struct move *m, struct tree *tree, enum move_what what,
		uint64_t top, const char *from, const char *to);
/*
 * Goes to the inode's next name below `top`. With meta_lock() held. 1: there
 * is none left, or in a MOVE_COUNT more than enough; 0, -errno.
 */
int move_step(struct move *m);
/*
 * The whole walk, the inode (at parent, name) and all below it, in one hold of
 * meta_lock(). 0 or -errno: of a check -EAGAIN when something has to be in the
 * bucket first, -EBUSY, -ENAMETOOLONG.
 */
int move_tree(struct move *m, const struct meta_inode *inode, uint64_t parent,
	      const char *name);
/* Of it the inode itself. */
int move_top(struct move *m, const struct meta_inode *inode, uint64_t parent,
	     const char *name);

/*
 * Marks what is below a directory ahead of its rename, if that is much; *due
 * is what the rename's own marks are to have then. Gives up where others
 * change the names that lead there; holds: or after so many. Without
 * meta_lock().
 */
void move_ahead(struct tree *tree, const struct move_way *way, unsigned holds,
		struct move_due *due);

/*
 * The rename itself, in one hold of meta_lock(): names and marks. All that is
 * known of both ends only in the bucket has been asked for. 0 or -errno;
 * -EAGAIN: something has to be in the bucket first.
 */
int move_switch(struct tree *tree, const struct move_way *way, unsigned flags,
		const struct move_due *due);

#endif
