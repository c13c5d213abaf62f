/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Deletes go in batches: what one look at the dirty table finds is shared out
 * to a few of them, which are under way at the same time.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "syncer_impl.h"
#include "vers3/core/mount.h"
#include "vers3/meta/dirty.h"
#include "vers3/store/store.h"
#include "vers3/sync/conflict.h"
#include "vers3/tree/dir.h"
#include "vers3/util/pool.h"
#include "vers3/util/urgency.h"

struct delete_item {
	char *key; /* owned; in the bucket, prefix and all */
	bool unsure, undurable; /* as in struct syncer_job */
};

/* A batch at work. */
struct delete_job {
	struct syncer *s;
	size_t count;
	uint64_t seq;
	struct delete_item items[];
};

/* A delete was done: the bucket holds nothing at the key. */
static int apply_deleted(struct syncer *s, const struct conflict *c,
			 uint64_t seq)
{
	const char *key = c->path;
	struct meta_inode want;
	struct meta_dirty dirty;
	int rc = meta_lock(s->meta);

	if (rc)
		return rc;
	rc = meta_dirty_get(s->meta, key, &dirty);
	if (!rc)
		rc = between_note_tries(s, c, &dirty.known);
	if (!rc && syncer_wanted(s, key, &want) == -ENOENT) {
		rc = syncer_drop(s, key);
	} else if (!rc) {
		memset(&dirty.known, 0, sizeof(dirty.known));
		dirty.seq = seq;
		dirty.tried[0] = '\0';
		rc = meta_dirty_put(s->meta, &dirty);
	}
	meta_unlock(s->meta);
	return rc;
}

/*
 * Others have written what we wanted to delete: theirs stays, and comes to
 * light with the next list of its directory, if nothing is wanted there still.
 */
static int apply_given_up(struct syncer *s, const struct conflict *c)
{
	struct meta_inode want;
	struct meta_dirty dirty;
	int rc = meta_lock(s->meta);

	if (rc)
		return rc;
	rc = meta_dirty_get(s->meta, c->path, &dirty);
	if (!rc && syncer_wanted(s, c->path, &want) == -ENOENT) {
		rc = conflict_note(s, c, NULL);
		if (!rc)
			rc = between_note_tries(s, c, &dirty.known);
		if (!rc)
			rc = syncer_drop(s, c->path);
		if (!rc)
			rc = dir_expire(s->tree, c->path);
	}
	meta_unlock(s->meta);
	return rc;
}

/* What each key is known to hold; they are busy, so their records stay. */
static int read_known(struct delete_job *j, struct conflict *list)
{
	size_t skip = strlen(j->s->mount->config.prefix);
	struct meta_dirty dirty;
	int rc = meta_lock(j->s->meta);

	if (rc)
		return rc;
	for (size_t i = 0; !rc && i < j->count; i++) {
		rc = meta_dirty_get(j->s->meta, j->items[i].key + skip, &dirty);
		if (rc)
			break;
		conflict_init(&list[i], j->items[i].key + skip, &dirty.known,
			      j->items[i].unsure, dirty.tried);
		list[i].twins = j->s->mount->standby;
	}
	meta_unlock(j->s->meta);
	return rc;
}

static int send_deletes(struct delete_job *j, struct conflict *list,
			struct store_delete *items)
{
	bool undurable = false;
	int rc;

	for (size_t i = 0; i < j->count; i++) {
		items[i].key = j->items[i].key;
		undurable = undurable || j->items[i].undurable;
	}
	rc = undurable ? meta_sync(j->s->meta) : 0;
	if (!rc)
		rc = read_known(j, list);
	if (!rc)
		rc = conflict_delete(j->s, j->s->pool, list, items, j->count);
	return rc;
}

/* Notes what became of one key. 0, or why it is to be tried again. */
static int apply_delete(struct delete_job *j, size_t i, int rc,
			const struct conflict *c)
{
	const char *key = j->items[i].key + strlen(j->s->mount->config.prefix);

	if (!rc && c->met)
		rc = apply_given_up(j->s, c);
	else if (!rc)
		rc = apply_deleted(j->s, c, j->seq);
	if (rc)
		sync_job_failed(j->s, key, rc, c);
	else
		sync_job_note(j->s, key, 0);
	syncer_clear_busy(j->s, key);
	return rc;
}

static void run(void *arg)
{
	struct delete_job *j = arg;
	struct syncer *s = j->s;
	enum urgency before = urgency_enter(URGENCY_BACKGROUND);
	struct store_delete *items = calloc(j->count, sizeof(*items));
	struct conflict *list = calloc(j->count, sizeof(*list));
	int rc = items && list ? send_deletes(j, list, items) : -ENOMEM;
	uint64_t done = 0;
	int failed = 0;

	for (size_t i = 0; i < j->count; i++) {
		int why = apply_delete(j, i, rc ? rc : items[i].result,
				       list ? &list[i] : NULL);

		if (why)
			failed = why;
		else
			done++;
		free(j->items[i].key);
	}
	pthread_mutex_lock(&s->mutex);
	/* One that was done has reached the bucket. */
	sync_job_end(s, done ? 0 : failed);
	s->deleting--;
	s->deleting_keys -= j->count;
	s->stats.deletes += done;
	s->kicked = true;
	pthread_cond_signal(&s->wake);
	pthread_mutex_unlock(&s->mutex);
	free(items);
	free(list);
	free(j);
	urgency_enter(before);
}

void deletes_begin(struct syncer *s, struct deletes *d)
{
	unsigned batches;
	size_t keys;

	*d = (struct deletes){.items = NULL};
	pthread_mutex_lock(&s->mutex);
	batches = s->outage.on ? 1 : DELETE_BATCHES;
	keys = s->outage.on ? DELETES_PROBE : DELETES_MAX;
	d->away = s->deleting > 0;
	d->batches = s->deleting < batches ? batches - s->deleting : 0;
	if (d->batches && s->deleting_keys < keys)
		d->most = keys - s->deleting_keys;
	pthread_mutex_unlock(&s->mutex);
}

bool deletes_have_room(const struct deletes *d)
{
	return d->count < d->most;
}

/*
 * They are gathered under one hold of the lock: what is changed later has a
 * higher number.
 */
static int begin(struct syncer *s, struct deletes *d)
{
	int rc = meta_next_id(s->meta, &d->seq);

	if (rc)
		return rc;
	d->items = calloc(d->most, sizeof(*d->items));
	return d->items ? 0 : -ENOMEM;
}

int deletes_add(struct syncer *s, struct deletes *d,
		const struct meta_dirty *dirty, bool unsure, bool undurable)
{
	char key[META_KEY_MAX + 1];
	int rc = mount_key(s->mount, dirty->key, key);
	struct delete_item *item;

	if (!rc && !d->items)
		rc = begin(s, d);
	if (rc)
		return rc;
	item = &d->items[d->count];
	item->key = strdup(key);
	if (!item->key || !sync_busy_set(s, dirty->key)) {
		free(item->key);
		return -ENOMEM;
	}
	item->unsure = unsure;
	item->undurable = undurable;
	d->count++;
	return 0;
}

/* Not now: they are found again when one that is under way has ended. */
static void put_back(struct syncer *s, struct delete_item *items, size_t count)
{
	size_t skip = strlen(s->mount->config.prefix);

	for (size_t i = 0; i < count; i++) {
		sync_busy_unset(s, items[i].key + skip);
		free(items[i].key);
	}
}

/* How many batches so many keys are shared out to. */
static unsigned share(const struct deletes *d)
{
	size_t most = d->count / DELETES_LEAST;

	if (most < 1)
		return d->away ? 0 : 1;
	return most < d->batches ? (unsigned)most : d->batches;
}

/* Takes over a share of the keys; false: no memory. */
static bool start_one(struct syncer *s, const struct deletes *d,
		      const struct delete_item *items, size_t count)
{
	struct delete_job *j = malloc(sizeof(*j) + count * sizeof(*items));

	if (!j)
		return false;
	j->s = s;
	j->seq = d->seq;
	j->count = count;
	memcpy(j->items, items, count * sizeof(*items));
	pthread_mutex_lock(&s->mutex);
	s->in_flight++;
	s->deleting++;
	s->deleting_keys += count;
	pthread_mutex_unlock(&s->mutex);
	if (pool_submit(s->pool, run, j))
		run(j);
	return true;
}

bool deletes_start(struct syncer *s, struct deletes *d)
{
	unsigned batches = d->count ? share(d) : 0;
	bool started = true;
	size_t at = 0;

	for (unsigned i = 0; started && i < batches; i++) {
		size_t count = (d->count - at) / (batches - i);

		started = start_one(s, d, d->items + at, count);
		at += started ? count : 0;
	}
	put_back(s, d->items + at, d->count - at);
	free(d->items);
	d->items = NULL;
	return started;
}
