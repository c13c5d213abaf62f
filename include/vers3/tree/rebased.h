/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Waiting until a save of ours has put another version under an inode.
 *
 * Any thread; waits with pauses, and ends with the thread's cancel (cancel.h).
 */
#ifndef VERS3_TREE_REBASED_H
#define VERS3_TREE_REBASED_H

#include "vers3/meta/inode.h"
#include "vers3/util/clock.h"

struct tree;

#define REREAD_NS (60 * NS_PER_S) /* no read begins anew for longer */

/*
 * A read of `lost`, which the inode was based on, ended in -ESTALE: waits
 * until the inode has another base. 0: it is to be read anew; -EIO: no save of
 * ours may have replaced it, or `until` (monotonic) has come; -EINTR. No lock
 * held.
 */
int rebased_wait(struct tree *tree, uint64_t ino,
		 const struct meta_version *lost, int64_t until);

#endif
