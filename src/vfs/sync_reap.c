/* SPDX-License-Identifier: Apache-2.0 */
/* Staging files that nothing needs any more, as far as the disk knows. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "syncer_impl.h"
#include "vers3/util/log.h"
#include "vers3/vfs/content.h"
#include "vers3/vfs/journal.h"
#include "vers3/vfs/node.h"

static void reap_one(struct vfs *v, uint64_t ino)
{
	struct meta_inode in;
	struct node *n;
	bool wanted = true, held = false;
	int rc = 0;

	if (node_get(v->nodes, ino, &n))
		return;
	pthread_rwlock_wrlock(&n->lock);
	rc = meta_lock(v->meta);
	if (!rc) {
		rc = meta_inode_get(v->meta, ino, &in);
		wanted = rc ? rc != -ENOENT : in.flags & META_I_STAGED;
		/* What is being sent of it comes back here at its end. */
		held = snapshots_hold(v->syncer->snapshots, ino);
		if (!held && !wanted &&
		    upload_abandon_locked(v->syncer->upload, ino))
			wanted = true;
		meta_unlock(v->meta);
	}
	/*
	 * Durably, no inode refers to these bytes: the bucket holds them (an
	 * upload ended and that is committed), or the file was deleted.
	 */
	if (held)
		rc = 0;
	else if (!wanted && !journal_is_reaping(v->journal, ino))
		staging_remove(v->staging, ino);
	else if (wanted && !rc)
		rc = content_trim(v, n);
	pthread_rwlock_unlock(&n->lock);
	node_put(v->nodes, n);
	if (rc && rc != -ENOENT)
		log_warning("staging of inode %" PRIu64 ": %s", ino,
			    strerror(-rc));
}

void sync_reap(struct syncer *s)
{
	uint64_t *list;
	size_t count;

	pthread_mutex_lock(&s->mutex);
	s->reaping = false;
	pthread_mutex_unlock(&s->mutex);
	journal_take_reaping(s->v->journal, &list, &count);
	if (count && !meta_sync(s->v->meta))
		for (size_t i = 0; i < count; i++)
			reap_one(s->v, list[i]);
	free(list);
}
