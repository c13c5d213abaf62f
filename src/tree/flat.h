/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A list of all that is below a directory, taken over into the directories that
 * it comes by, each as its own list would be (merge.h): a thousand keys a
 * request instead of a request a directory. A directory that it has left is
 * known, as of the time when its page was asked for.
 *
 * Passed over, with what is below: names that are no directory here (they are
 * dirty, say), those that others list at that moment or have listed since, and
 * those that were moved. Their own lists are for who wants them.
 *
 * One thread, no lock held. Blocks; who waits can give up (cancel.h). It may
 * rest between two pages for as long as it likes.
 */
#ifndef VERS3_SRC_TREE_FLAT_H
#define VERS3_SRC_TREE_FLAT_H

#include <stdbool.h>
#include <stdint.h>

struct flat;
struct tree;

/*
 * top: the directory, by its path (meta_path()). from: a directory below it
 * with which to begin, or NULL; what is before it, and the directories that it
 * is in, are then not made known. young: also directories that were listed
 * before, and longer ago than ttl. 0; -ENOENT; -errno.
 */
int flat_new(struct tree *tree, const char *top, const char *from, bool young,
	     struct flat **ret_flat);
void flat_free(struct flat *f);
/* Has fn called with each directory that has become known, in order. */
void flat_tell(struct flat *f, void (*fn)(void *ctx, uint64_t ino), void *ctx);
/*
 * Takes the next page over; *ret_more: it is not the last one. 0; -ECANCELED:
 * there are keys that cannot be told so; what a list or a merge ends in. After
 * a failure nothing more comes.
 */
int flat_page(struct flat *f, bool *ret_more);
/* The path of the key that came last; "" before the first. */
const char *flat_passed(const struct flat *f);
/* How many directories have become known. */
unsigned flat_known(const struct flat *f);

#endif
