/* SPDX-License-Identifier: Apache-2.0 */
/* The dirty table as a queue: what is wanted at a key, and when it goes. */
#include <errno.h>
#include <string.h>

#include "syncer_impl.h"
#include "vers3/core/mount.h"
#include "vers3/journal/commit_wait.h"
#include "vers3/journal/journal.h"
#include "vers3/journal/recent_saves.h"
#include "vers3/meta/dentry.h"
#include "vers3/meta/dirty.h"

int syncer_wanted(struct syncer *s, const char *key, struct meta_inode *ret)
{
	size_t len = strlen(key);
	bool marker = len && key[len - 1] == '/';
	uint64_t ino;
	int rc = meta_resolve(s->meta, key, &ino);

	if (rc == -ENOTDIR)
		rc = -ENOENT;
	if (!rc)
		rc = meta_inode_get(s->meta, ino, ret);
	if (rc)
		return rc;
	if (S_ISDIR(ret->mode) != marker ||
	    (marker && !(ret->flags & META_I_EXPLICIT)))
		return -ENOENT;
	return 0;
}

int64_t syncer_wait(const struct syncer *s, const struct meta_dirty *dirty,
		    const struct meta_inode *inode)
{
	struct commit_wait_in in = {
		.path = dirty->key,
		.file = S_ISREG(inode->mode),
		/* Other names of what has several have no base of their own. */
		.content = !meta_inode_is_base(inode) ||
			   (inode->nlink < 2 &&
			    strcmp(inode->base.key, dirty->key) != 0),
		.since_ns = dirty->since_ns,
		.changed_ns = inode->ctime_ns,
		.saved_ns = recent_saves_when(s->saves, dirty->key),
		.size_bytes = inode->size_bytes,
		.commit_ns = s->mount->config.commit_ns,
	};

	return commit_wait(&in);
}

int syncer_postpone(struct syncer *s, struct meta_dirty *dirty, int64_t due_ns)
{
	dirty->due_ns = due_ns;
	return meta_dirty_put(s->meta, dirty);
}

int syncer_drop(struct syncer *s, const char *key)
{
	int rc = meta_dirty_del(s->meta, key);

	journal_acquit(s->journal, key);
	sync_job_forget(s, key);
	if (!rc) {
		journal_note_commit(s->journal, key);
		waiters_tell_clean(s, key);
	}
	return rc;
}

void syncer_wake(struct syncer *s, int64_t due_ns)
{
	pthread_mutex_lock(&s->mutex);
	/* One that sleeps past that has not heard of it. */
	if (!s->next_due_ns || s->next_due_ns > due_ns) {
		s->kicked = true;
		pthread_cond_signal(&s->wake);
	}
	pthread_mutex_unlock(&s->mutex);
}

/*
 * Whether what is wanted at the key that a record waits for comes from the
 * record's own key yet. Once it was saved it does not, though it may be dirty
 * again, or all the time.
 */
static bool is_source(struct syncer *s, const struct meta_dirty *dirty)
{
	struct meta_inode inode;

	return sync_busy_is(s, dirty->depends_on) ||
	       syncer_wanted(s, dirty->depends_on, &inode) ||
	       !strcmp(inode.base.key, dirty->key);
}

bool syncer_is_held(struct syncer *s, const struct meta_dirty *dirty)
{
	struct meta_dirty first;

	return dirty->depends_on[0] &&
	       !meta_dirty_get(s->meta, dirty->depends_on, &first) &&
	       is_source(s, dirty);
}

void syncer_part_sent(struct syncer *s)
{
	pthread_mutex_lock(&s->mutex);
	s->progress++;
	pthread_mutex_unlock(&s->mutex);
}
