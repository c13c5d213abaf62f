/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Looks, with pauses, whether the base has changed, or a request is out that
 * may yet change it.
 */
#include "vers3/tree/rebased.h"

#include <errno.h>

#include "tree_impl.h"
#include "vers3/core/version.h"
#include "vers3/meta/dirty.h"
#include "vers3/util/cancel.h"
#include "vers3/util/clock.h"

#define PAUSE_NS     (2 * NS_PER_MS) /* doubled from look to look, up to */
#define PAUSE_MAX_NS (100 * NS_PER_MS)

/*
 * Whether the inode has another base by now: 0. -EAGAIN while a request of
 * ours is out that may have replaced the old one: before it goes out its key's
 * record says so, and what it made is noted there and in the inode as one.
 */
static int look(struct tree *tree, uint64_t ino,
		const struct meta_version *lost)
{
	struct meta_inode inode;
	struct meta_dirty dirty;
	int rc = meta_lock(tree->meta);

	if (rc)
		return rc;
	rc = meta_inode_get(tree->meta, ino, &inode);
	if (!rc && version_is_same(&inode.base, lost)) {
		rc = meta_dirty_get(tree->meta, lost->key, &dirty);
		if (!rc)
			rc = dirty.tried[0] ? -EAGAIN : -EIO;
	}
	meta_unlock(tree->meta);
	return rc == -ENOENT ? -EIO : rc;
}

int rebased_wait(struct tree *tree, uint64_t ino,
		 const struct meta_version *lost, int64_t until)
{
	int64_t pause = PAUSE_NS;
	int rc;

	if (clock_mono_ns() >= until)
		return -EIO;
	while ((rc = look(tree, ino, lost)) == -EAGAIN) {
		if (clock_mono_ns() >= until)
			return -EIO;
		rc = cancel_sleep(pause);
		if (rc)
			break;
		pause = pause * 2 < PAUSE_MAX_NS ? pause * 2 : PAUSE_MAX_NS;
	}
	return rc;
}
