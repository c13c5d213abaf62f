/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Directories that were taken come back; see taken.h and expired.h.
 *
 * Any thread. 0 or -errno of meta.h's.
 */
#ifndef VERS3_TREE_REVIVE_H
#define VERS3_TREE_REVIVE_H

#include <stdint.h>

struct tree;

/*
 * Before a name is made in a directory: gives it its name again if it was
 * taken. Takes meta_lock(). 0 also when it was not.
 */
int revive_dir(struct tree *tree, uint64_t ino);
/*
 * The same, and the kernel knows when it returns: for who holds no other
 * directory (taken.h).
 */
int revive_dir_told(struct tree *tree, uint64_t ino);
/*
 * Gives those their name again that a rule has taken. Asks the bucket for its
 * rules, where anything was noted; in an outage it waits for the next list.
 * Without locks; best effort.
 */
void revive_expired(struct tree *tree);

#endif
