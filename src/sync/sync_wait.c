/* SPDX-License-Identifier: Apache-2.0 */
/* Waiting for the bucket: fsync, sync, unmount; and what need not wait. */
#include <errno.h>
#include <string.h>

#include "syncer_impl.h"
#include "vers3/core/mount.h"
#include "vers3/core/node.h"
#include "vers3/journal/commit_wait.h"
#include "vers3/journal/reconcile.h"
#include "vers3/meta/dentry.h"
#include "vers3/meta/dirty.h"
#include "vers3/util/cancel.h"
#include "vers3/util/clock.h"

#define SCAN_PAUSE_NS (20 * NS_PER_MS)
#define LOOK_NS	      (100 * NS_PER_MS)
#define PROBES_MAX    3 /* in vain, before all the rest is not waited for */
#define MOVES_MAX     100 /* of a file's names while it is waited for */
#define DUE_SLACK_NS  (NS_PER_S / 4) /* not worth a write */

/*
 * Why a record is not sent: it has been tried in vain, or what it waits for
 * has, or what that waits for. 0: it may be yet. With meta_lock() held.
 */
static int why_not(struct syncer *s, const struct meta_dirty *dirty)
{
	struct meta_dirty at = *dirty;

	for (int i = 0; i < SYNC_HOLDS_MAX; i++) {
		char key[META_KEY_MAX + 1];
		int rc;

		if (at.fails)
			return at.error ? -at.error : -EIO;
		/* A note may have lost its reason: nobody waits for it then. */
		if (!syncer_is_held(s, &at))
			return 0;
		strcpy(key, at.depends_on);
		rc = meta_dirty_get(s->meta, key, &at);
		if (rc)
			return rc == -ENOENT ? 0 : rc;
	}
	return -EDEADLK; /* a dependency cycle */
}

/*
 * What the job's end does not tell: that what the key waits for has failed,
 * that the inode has lost the name, that the namespace cannot be read. 0: no
 * need to wait; -EAGAIN: wait on.
 */
static int check_key(struct syncer *s, const struct waiter *waiter)
{
	struct meta_inode inode;
	struct meta_dirty dirty;
	int rc = meta_lock(s->meta);

	if (rc)
		return rc;
	rc = meta_dirty_get(s->meta, waiter->path, &dirty);
	if (!rc)
		rc = why_not(s, &dirty);
	else if (rc == -ENOENT)
		goto out;
	if (!rc)
		rc = syncer_wanted(s, waiter->path, &inode);
	if (!rc && inode.ino == waiter->ino)
		rc = -EAGAIN;
out:
	meta_unlock(s->meta);
	return rc == -ENOENT ? 0 : rc;
}

/*
 * What keeps a waiter from all that it waits for: the bucket was out of reach
 * while it waited, and to have each of many keys try that for itself would
 * take hours where a server swallows what it is sent. 0, or -errno; with the
 * mutex held.
 */
static int outage_error(const struct syncer *s, struct waiter *waiter)
{
	return sync_outage_error(&s->outage, &waiter->probes, PROBES_MAX);
}

static int wait_for_key(struct syncer *s, const char *path, uint64_t ino,
			uint64_t change)
{
	struct waiter waiter = {.path = path, .ino = ino, .change = change};

	waiters_add(s, &waiter);
	pthread_mutex_lock(&s->mutex);
	while (!waiter.done && !s->stop && !cancel_asked()) {
		int64_t until = clock_mono_ns() + LOOK_NS;
		int rc = 0;

		while (!waiter.done && !s->stop && rc != -ETIMEDOUT)
			rc = clock_cond_wait_until(&s->event, &s->mutex, until);
		if (waiter.done || s->stop)
			break;
		rc = outage_error(s, &waiter);
		pthread_mutex_unlock(&s->mutex);
		if (!rc)
			rc = check_key(s, &waiter);
		pthread_mutex_lock(&s->mutex);
		if (rc != -EAGAIN && !waiter.done) {
			waiter.error = rc;
			waiter.done = true;
		}
	}
	pthread_mutex_unlock(&s->mutex);
	waiters_remove(s, &waiter);
	if (waiter.done)
		return waiter.error;
	return cancel_asked() ? -EINTR : -ESHUTDOWN;
}

/*
 * Someone waits: no more backoff for the key, nor for what it waits for.
 * -ENOENT: it is clean. With meta_lock() held.
 */
static int expedite_key(struct syncer *s, const char *path)
{
	char key[META_KEY_MAX + 2];
	struct meta_dirty dirty;
	int rc;

	strcpy(key, path);
	rc = meta_dirty_get(s->meta, key, &dirty);
	for (int i = 0; !rc && i < SYNC_HOLDS_MAX; i++) {
		sync_busy_expedite(s, key);
		waiters_hurry(s, key);
		if (dirty.fails) {
			dirty.fails = 0;
			rc = syncer_postpone(s, &dirty, clock_real_ns());
		}
		if (rc || !dirty.depends_on[0])
			return rc;
		strcpy(key, dirty.depends_on);
		rc = meta_dirty_get(s->meta, key, &dirty);
		if (rc == -ENOENT)
			return 0;
	}
	return rc;
}

/*
 * The next name of an inode, which is not dirty or is hurried: 1 clean, 0,
 * -ENOENT after the last. *path is its key.
 */
static int expedite_next(struct syncer *s, struct meta_inode *inode,
			 struct meta_dentry *dentry, char *path)
{
	int rc = meta_lock(s->meta);

	if (rc)
		return rc;
	rc = meta_inode_get(s->meta, inode->ino, inode);
	if (!rc)
		rc = meta_name_next(s->meta, inode->ino, dentry->parent,
				    dentry->name, dentry);
	if (rc)
		goto out;
	rc = meta_path(s->meta, dentry->parent, dentry->name, path);
	if (!rc && S_ISDIR(inode->mode))
		strcat(path, "/");
	if (!rc)
		rc = expedite_key(s, path);
	/* In a directory that is gone no name has a key. */
	if (rc == -ENOENT || rc == -ESTALE)
		rc = 1;
out:
	meta_unlock(s->meta);
	return rc;
}

/* Whether the inode has that name yet. */
static bool has_name(struct syncer *s, uint64_t ino,
		     const struct meta_dentry *dentry)
{
	struct meta_dentry at;
	bool has;

	if (meta_lock(s->meta))
		return true;
	has = !meta_dentry_get(s->meta, dentry->parent, dentry->name, &at) &&
	      at.ino == ino;
	meta_unlock(s->meta);
	return has;
}

int syncer_sync_inode(struct syncer *s, uint64_t ino)
{
	static const struct meta_dentry first = {.name = ""};
	struct meta_dentry dentry = first;
	struct meta_inode inode = {.ino = ino};
	char path[META_KEY_MAX + 2];
	uint64_t change = 0;
	int moves = 0;

	for (;;) {
		int rc = expedite_next(s, &inode, &dentry, path);

		if (rc == -ENOENT)
			return 0; /* no more names */
		/* What it held at the call: somebody may go on writing. */
		change = change ? change : inode.change;
		if (!rc)
			rc = wait_for_key(s, path, ino, change);
		if (rc < 0)
			return rc;
		/* Renamed meanwhile: its new name may have been passed over. */
		if (!rc && moves < MOVES_MAX && !has_name(s, ino, &dentry)) {
			dentry = first;
			moves++;
		}
	}
}

/*
 * Nobody writes to it any more, but its attributes may be set next, or its
 * name: not for ever, though. What has waited as long as it may is put off no
 * more, however often it is closed. With meta_lock() held.
 */
static int expedite_closed(struct syncer *s, struct meta_dirty *dirty,
			   const struct meta_inode *inode)
{
	int64_t wait = syncer_wait(s, dirty, inode);
	int64_t least =
		wait < COMMIT_WAIT_LEAST_NS ? wait : COMMIT_WAIT_LEAST_NS;
	int64_t due = inode->ctime_ns + wait, soonest = clock_real_ns() + least;
	int64_t latest = dirty->since_ns + s->mount->config.commit_ns +
			 RECONCILE_QUIET_NS;
	int rc;

	if (due > latest)
		due = latest;
	if (due < soonest)
		due = soonest;
	if (dirty->due_ns <= due + DUE_SLACK_NS &&
	    (dirty->due_ns >= due - least / 2 || due > latest))
		return 0;
	rc = syncer_postpone(s, dirty, due);
	syncer_wake(s, due);
	return rc;
}

/* With meta_lock() held. */
static int expedite_names(struct syncer *s, uint64_t ino)
{
	struct meta_dentry dentry = {.name = ""};
	char path[META_KEY_MAX + 2];
	struct meta_inode inode;
	struct meta_dirty dirty;
	int rc = meta_inode_get(s->meta, ino, &inode);

	while (!rc && !(rc = meta_name_next(s->meta, ino, dentry.parent,
					    dentry.name, &dentry))) {
		rc = meta_path(s->meta, dentry.parent, dentry.name, path);
		if (!rc)
			rc = meta_dirty_get(s->meta, path, &dirty);
		if (!rc && !dirty.fails)
			rc = expedite_closed(s, &dirty, &inode);
		if (rc == -ENOENT || rc == -ESTALE)
			rc = 0; /* clean under this name, or it has no key */
	}
	return rc;
}

void syncer_written(struct syncer *s, uint64_t ino)
{
	int rc;

	if (nodes_is_written(s->mount->nodes, ino) || !s->started)
		return;
	rc = meta_lock(s->meta);
	if (!rc) {
		expedite_names(s, ino);
		meta_unlock(s->meta);
	}
}

void syncer_renamed(struct syncer *s, uint64_t parent, const char *name)
{
	struct meta_dentry dentry;

	if (!s->started || meta_lock(s->meta))
		return;
	if (!meta_dentry_get(s->meta, parent, name, &dentry) &&
	    !nodes_is_written(s->mount->nodes, dentry.ino))
		expedite_names(s, dentry.ino);
	meta_unlock(s->meta);
}

/*
 * What failed below a path is due; anew: and its backoff begins anew. With
 * meta_lock() held.
 */
static int expedite_failed(struct syncer *s, const char *path, bool anew)
{
	struct meta_dirty_cursor cur = META_DIRTY_START;
	struct meta_dirty dirty;
	int rc = 0;

	while (!rc && !meta_dirty_next(s->meta, &cur, &dirty)) {
		if (!waiters_below(dirty.key, path))
			continue;
		if (anew)
			sync_busy_expedite(s, dirty.key);
		if (!dirty.fails)
			continue;
		if (anew)
			dirty.fails = 0;
		rc = syncer_postpone(s, &dirty, dirty.since_ns);
	}
	return rc;
}

void sync_wait_over(struct syncer *s)
{
	bool over;

	pthread_mutex_lock(&s->mutex);
	over = sync_outage_take_over(&s->outage);
	pthread_mutex_unlock(&s->mutex);
	if (!over || meta_lock(s->meta))
		return;
	expedite_failed(s, "", false);
	meta_unlock(s->meta);
}

/* Takes back the backoff of what failed, since someone waits for it. */
static int begin_all(struct syncer *s, const char *path, uint64_t *ret_seq)
{
	int rc = meta_lock(s->meta);

	if (rc)
		return rc;
	rc = meta_next_id(s->meta, ret_seq);
	if (!rc)
		rc = expedite_failed(s, path, true);
	meta_unlock(s->meta);
	return rc;
}

/*
 * 0: all of it is in the bucket; -EAGAIN: not yet; else why it cannot be.
 * outage: why nothing can be now, or 0.
 */
static int check_all(struct syncer *s, const char *path, uint64_t seq,
		     int outage, uint64_t *ret_left)
{
	struct meta_dirty_cursor cur = META_DIRTY_START;
	struct meta_dirty dirty;
	int error = 0, rc = meta_lock(s->meta);

	*ret_left = 0;
	if (rc)
		return rc;
	while (!(rc = meta_dirty_next(s->meta, &cur, &dirty))) {
		int why;

		if (dirty.seq > seq || !waiters_below(dirty.key, path))
			continue;
		why = why_not(s, &dirty);
		why = why ? why : outage;
		if (!why) {
			rc = -EAGAIN;
			break;
		}
		error = error ? error : why;
		++*ret_left;
	}
	meta_unlock(s->meta);
	return rc == -ENOENT ? error : rc;
}

int syncer_sync_all(struct syncer *s, const char *path, uint64_t *ret_left)
{
	struct waiter waiter = {.path = path, .all = true};
	int outage = 0;
	bool stop;
	uint64_t seq;
	int rc = begin_all(s, path, &seq);

	*ret_left = 0;
	if (rc || !s->started)
		return rc;
	waiter.seq = seq; /* what comes later is not waited for */
	waiters_add(s, &waiter);
	while ((rc = check_all(s, path, seq, outage, ret_left)) == -EAGAIN) {
		int64_t until = clock_mono_ns() + SCAN_PAUSE_NS;

		if (cancel_asked()) {
			rc = -EINTR;
			break;
		}
		pthread_mutex_lock(&s->mutex);
		while (!s->stop && !(outage = outage_error(s, &waiter)) &&
		       clock_cond_wait_until(&s->event, &s->mutex, until) !=
			       -ETIMEDOUT)
			;
		stop = s->stop;
		pthread_mutex_unlock(&s->mutex);
		if (stop) {
			rc = -ESHUTDOWN;
			break;
		}
	}
	waiters_remove(s, &waiter);
	return rc;
}
