/* SPDX-License-Identifier: Apache-2.0 */
/* Waiting for the bucket: fsync, sync, unmount; and what need not wait. */
#include <errno.h>
#include <string.h>

#include "syncer_impl.h"
#include "vers3/util/clock.h"
#include "vers3/vfs/node.h"

#define SCAN_PAUSE_NS (20 * NS_PER_MS)
#define DUE_SLACK_NS  (NS_PER_S / 4) /* not worth a write */

static bool is_below(const char *key, const char *path)
{
	size_t len = strlen(path);

	return !len || (!strncmp(key, path, len) &&
			(key[len] == '/' || key[len] == '\0'));
}

void sync_wait_tell(struct syncer *s, const char *key, uint64_t ino,
		    uint64_t change, bool gone, int error)
{
	pthread_mutex_lock(&s->mutex);
	for (struct waiter *w = s->waiters; w; w = w->next) {
		if (w->all || w->done || strcmp(w->path, key))
			continue;
		if (error) {
			w->error = error;
			w->done = true;
		} else if (gone || (ino == w->ino && change >= w->change)) {
			w->done = true;
		}
	}
	pthread_cond_broadcast(&s->event);
	pthread_mutex_unlock(&s->mutex);
}

bool sync_wait_wants(struct syncer *s, const struct meta_dirty *d, int64_t now)
{
	bool forced = false;

	/* One that has just failed keeps its backoff. */
	if (d->fails && d->due_ns > now)
		return false;
	pthread_mutex_lock(&s->mutex);
	for (struct waiter *w = s->waiters; w && !forced; w = w->next) {
		if (w->all)
			forced = is_below(d->key, w->path);
		else
			forced = !w->done && !strcmp(w->path, d->key);
	}
	pthread_mutex_unlock(&s->mutex);
	return forced;
}

bool sync_wait_all(struct syncer *s)
{
	bool all = false;

	pthread_mutex_lock(&s->mutex);
	for (struct waiter *w = s->waiters; w; w = w->next)
		all = all || w->all;
	pthread_mutex_unlock(&s->mutex);
	return all;
}

static void add_waiter(struct syncer *s, struct waiter *w)
{
	pthread_mutex_lock(&s->mutex);
	w->next = s->waiters;
	s->waiters = w;
	s->kicked = true;
	pthread_cond_signal(&s->wake);
	pthread_mutex_unlock(&s->mutex);
}

static void remove_waiter(struct syncer *s, struct waiter *w)
{
	struct waiter **p;

	pthread_mutex_lock(&s->mutex);
	for (p = &s->waiters; *p != w; p = &(*p)->next)
		;
	*p = w->next;
	pthread_mutex_unlock(&s->mutex);
}

static int wait_for_key(struct syncer *s, const char *path, uint64_t ino,
			uint64_t change)
{
	struct waiter w = {.path = path, .ino = ino, .change = change};

	add_waiter(s, &w);
	pthread_mutex_lock(&s->mutex);
	while (!w.done && !s->stop)
		pthread_cond_wait(&s->event, &s->mutex);
	pthread_mutex_unlock(&s->mutex);
	remove_waiter(s, &w);
	return w.done ? w.error : -ESHUTDOWN;
}

int syncer_sync_inode(struct vfs *v, uint64_t ino)
{
	struct meta_dentry de = {.name = ""};
	char path[META_KEY_MAX + 2];
	struct meta_inode in;

	for (;;) {
		struct meta_dirty d;
		int rc = meta_lock(v->meta);

		if (rc)
			return rc;
		rc = meta_inode_get(v->meta, ino, &in);
		if (!rc)
			rc = meta_name_next(v->meta, ino, de.parent, de.name,
					    &de);
		if (!rc)
			rc = meta_path(v->meta, de.parent, de.name, path);
		if (!rc && S_ISDIR(in.mode))
			strcat(path, "/");
		if (!rc) {
			rc = meta_dirty_get(v->meta, path, &d);
			if (!rc && d.fails) {
				/* Someone waits: no more backoff for it. */
				d.fails = 0;
				rc = syncer_postpone(v, &d, clock_real_ns());
			}
			if (rc == -ENOENT)
				rc = 1; /* clean under this name */
		}
		meta_unlock(v->meta);
		if (rc == -ENOENT)
			return 0; /* no more names */
		if (!rc)
			rc = wait_for_key(v->syncer, path, ino, in.change);
		if (rc < 0)
			return rc;
	}
}

/* With meta_lock() held. */
static int hurry_names(struct vfs *v, uint64_t ino)
{
	struct meta_dentry de = {.name = ""};
	char path[META_KEY_MAX + 2];
	struct meta_inode in;
	struct meta_dirty d;
	int rc = meta_inode_get(v->meta, ino, &in);

	while (!rc &&
	       !(rc = meta_name_next(v->meta, ino, de.parent, de.name, &de))) {
		int64_t due = in.ctime_ns + v->config.commit_ns;

		rc = meta_path(v->meta, de.parent, de.name, path);
		if (!rc)
			rc = meta_dirty_get(v->meta, path, &d);
		if (!rc && !d.fails && d.due_ns > due + DUE_SLACK_NS) {
			rc = syncer_postpone(v, &d, due);
			syncer_wake(v->syncer, due);
		}
		if (rc == -ENOENT)
			rc = 0; /* clean under this name */
	}
	return rc;
}

void syncer_written(struct vfs *v, uint64_t ino)
{
	int rc;

	if (nodes_is_written(v->nodes, ino) || !v->syncer->started)
		return;
	rc = meta_lock(v->meta);
	if (!rc) {
		hurry_names(v, ino);
		meta_unlock(v->meta);
	}
}

/*
 * What failed below a path is due; anew: and its backoff begins anew. With
 * meta_lock() held.
 */
static int hurry_failed(struct vfs *v, const char *path, bool anew)
{
	struct meta_dirty_cursor cur = META_DIRTY_START;
	struct meta_dirty d;
	int rc = 0;

	while (!rc && !meta_dirty_next(v->meta, &cur, &d)) {
		if (!d.fails || !is_below(d.key, path))
			continue;
		if (anew)
			d.fails = 0;
		rc = syncer_postpone(v, &d, d.since_ns);
	}
	return rc;
}

void sync_wait_over(struct syncer *s)
{
	struct vfs *v = s->v;
	bool over;

	pthread_mutex_lock(&s->mutex);
	over = s->over;
	s->over = false;
	pthread_mutex_unlock(&s->mutex);
	if (!over || meta_lock(v->meta))
		return;
	hurry_failed(v, "", false);
	meta_unlock(v->meta);
}

/* Takes back the backoff of what failed, since someone waits for it. */
static int begin_all(struct vfs *v, const char *path, uint64_t *ret_seq)
{
	int rc = meta_lock(v->meta);

	if (rc)
		return rc;
	rc = meta_next_id(v->meta, ret_seq);
	if (!rc)
		rc = hurry_failed(v, path, true);
	meta_unlock(v->meta);
	return rc;
}

/* Whether a record has been tried in vain, or waits for one that has. */
static bool has_failed(struct vfs *v, const struct meta_dirty *d, int *error)
{
	struct meta_dirty first;

	if (d->fails)
		*error = -d->error;
	else if (d->after[0] && !meta_dirty_get(v->meta, d->after, &first) &&
		 first.fails)
		*error = -first.error;
	else
		return false;
	return true;
}

/* 0: all of it is in the bucket; -EAGAIN: not yet; else why it cannot be. */
static int check_all(struct vfs *v, const char *path, uint64_t seq,
		     uint64_t *ret_left)
{
	struct meta_dirty_cursor cur = META_DIRTY_START;
	struct meta_dirty d;
	uint64_t left = 0;
	int error = 0, rc = meta_lock(v->meta);

	if (rc)
		return rc;
	while (!rc && !meta_dirty_next(v->meta, &cur, &d)) {
		if (d.seq > seq || !is_below(d.key, path))
			continue;
		left++;
		if (!has_failed(v, &d, &error))
			rc = -EAGAIN;
	}
	meta_unlock(v->meta);
	*ret_left = left;
	if (rc)
		return rc;
	return left ? error : 0;
}

int syncer_sync_all(struct vfs *v, const char *path, uint64_t *ret_left)
{
	struct waiter w = {.path = path, .all = true};
	struct syncer *s = v->syncer;
	uint64_t seq;
	int rc = begin_all(v, path, &seq);

	*ret_left = 0;
	if (rc || !s->started)
		return rc;
	add_waiter(s, &w);
	while ((rc = check_all(v, path, seq, ret_left)) == -EAGAIN) {
		int64_t until = clock_mono_ns() + SCAN_PAUSE_NS;

		pthread_mutex_lock(&s->mutex);
		while (clock_cond_wait_until(&s->event, &s->mutex, until) !=
		       -ETIMEDOUT)
			;
		pthread_mutex_unlock(&s->mutex);
	}
	remove_waiter(s, &w);
	return rc;
}
