/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Notes, while lists are merged, the directories whose object others have
 * taken; revive.c finds out why, and keeps those that a rule has emptied.
 */
#include "expired.h"

#include <string.h>

#include "dir_impl.h"
#include "tree_impl.h"
#include "vers3/core/bucket_config.h"
#include "vers3/core/mount.h"

void expired_note(struct tree *tree, const struct meta_inode *inode,
		  const char *path)
{
	struct expired_list *l = &tree->dirs->expired;
	struct expired e = {.ino = inode->ino};

	if (tree->mount->config.read_only)
		return;
	/* What was saved here was written when, or after, it was changed. */
	e.written_ns = inode->base.last_modified_ns
			       ? inode->base.last_modified_ns
			       : inode->ctime_ns;
	pthread_mutex_lock(&tree->dirs->mutex);
	if (l->count < EXPIRED_MAX)
		e.path = strdup(path);
	if (e.path)
		l->items[l->count++] = e;
	pthread_mutex_unlock(&tree->dirs->mutex);
}
