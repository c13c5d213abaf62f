/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whose turn it is to merge what a list says of a directory: one list a
 * directory at a time. Any thread; no lock held.
 */
#ifndef VERS3_SRC_TREE_TURN_H
#define VERS3_SRC_TREE_TURN_H

#include <stdbool.h>
#include <stdint.h>

struct dirs;

/*
 * Waits until nobody has the turn: 0; -EINTR; -ETIMEDOUT: a scout has it, and
 * `until` (monotonic) has passed. With the mutex of d held.
 */
int turn_await(struct dirs *d, uint64_t ino, int64_t until);
/* Takes it where nobody has it; false also without memory. */
bool turn_try(struct dirs *d, uint64_t ino);
void turn_end(struct dirs *d, uint64_t ino);
/*
 * Who merges a list of a directory in several turns claims it before the first
 * and until after the last, so that no other does: between them, the older list
 * would undo what the younger one has brought, which then would not see that.
 * A list in one turn needs none. False: another has it, or without memory.
 */
bool turn_claim(struct dirs *d, uint64_t ino);
void turn_unclaim(struct dirs *d, uint64_t ino);

#endif
