/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Flat lists (flat.h) ahead of who reads the directories of a tree one after
 * the other. One begins where a directory is read whose list is wanted, soon
 * after the one that it is in was: its first page takes the place of that list.
 * It goes on with the next pages as long as others of its directories are
 * read, a few pages ahead of them, and ends when none is for a while. Where a
 * page is not enough, as much more is below, the directory's own list is asked
 * for; and where that happens again, no more are begun there.
 *
 * With the directories that are read, the attributes of files in those that
 * come next are asked for, ever more of them.
 *
 * Any thread, no lock held. Who waits can give up (cancel.h).
 */
#ifndef VERS3_SRC_TREE_WALKS_H
#define VERS3_SRC_TREE_WALKS_H

#include <stdint.h>

struct tree;
struct walks;

int walks_new(struct walks **ret_walks);
/* Waits for the end of those under way; dirs.ended has been set. */
void walks_end(struct walks *p);
/* NULL is fine. */
void walks_free(struct walks *p);

/*
 * A directory is read: waits until a list that is under way, or begun for it,
 * has brought its names, unless its own would bring them sooner. 0: whether
 * they are known now is to be seen; -EINTR.
 */
int walks_read(struct tree *tree, uint64_t ino);
/* In a directory that is read each name is looked up, one after the other. */
void walks_row(struct tree *tree, uint64_t dir);

#endif
