/* SPDX-License-Identifier: Apache-2.0 */
/* What is staged and nothing needs any more, as far as the disk knows. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "syncer_impl.h"
#include "vers3/core/node.h"
#include "vers3/journal/journal.h"
#include "vers3/tree/content.h"
#include "vers3/util/log.h"

static void reap_one(struct syncer *s, uint64_t ino)
{
	struct meta_inode inode;
	struct node *node;
	bool wanted = true, held = false;
	int rc = 0;

	if (node_get(s->mount->nodes, ino, &node))
		return;
	pthread_rwlock_wrlock(&node->lock);
	rc = meta_lock(s->meta);
	if (!rc) {
		rc = meta_inode_get(s->meta, ino, &inode);
		wanted = rc ? rc != -ENOENT : inode.flags & META_I_STAGED;
		/* What is being sent of it comes back here at its end. */
		held = file_snapshots_hold(s->snapshots, ino);
		if (!held && !wanted && upload_abandon_locked(s->upload, ino))
			wanted = true;
		meta_unlock(s->meta);
	}
	/*
	 * Durably, no inode refers to these bytes: the bucket holds them (an
	 * upload ended and that is committed), or the file was deleted.
	 */
	if (held)
		rc = 0;
	else if (!wanted && !journal_is_reaping(s->journal, ino))
		staging_remove(s->mount->staging, ino);
	else if (wanted && !rc)
		rc = content_trim(s->tree, node);
	pthread_rwlock_unlock(&node->lock);
	node_put(s->mount->nodes, node);
	if (rc && rc != -ENOENT)
		log_warning("staging of inode %" PRIu64 ": %s", ino,
			    strerror(-rc));
}

void sync_reap(struct syncer *s)
{
	uint64_t *list;
	bool hurried;
	size_t count;

	pthread_mutex_lock(&s->mutex);
	s->reaping = false;
	hurried = s->reservation.waiters > 0;
	pthread_mutex_unlock(&s->mutex);
	journal_take_reaping(s->journal, &list, &count);
	/* What cannot be made durable now, on a full disk, can be later. */
	if (count && meta_sync(s->meta))
		journal_reap_later(s->journal, list, count);
	else
		for (size_t i = 0; i < count; i++)
			reap_one(s, list[i]);
	/* Who waits may have use for what was not worth it before. */
	if (count || hurried)
		staging_tidy(s->mount->staging, hurried);
	free(list);
}
