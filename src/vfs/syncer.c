/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Locks: meta_lock() before the syncer's mutex, which is a leaf and is never
 * held across anything that waits. A key is worked on by one job at a time
 * (`busy`).
 *
 * When the bucket cannot be reached, one job at a time probes it, so that an
 * outage costs one request every few seconds however much is waiting.
 */
#include "vers3/vfs/syncer.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "vers3/meta/extent.h"
#include "vers3/util/clock.h"
#include "vers3/util/log.h"
#include "vers3/util/map.h"
#include "vers3/util/pool.h"
#include "vers3/vfs/decide.h"
#include "vers3/vfs/node.h"
#include "vers3/vfs/upload.h"

#define JOBS_MAX       16
#define DELETES_MAX    1000 /* DeleteObjects' limit */
#define SCAN_MAX       4000 /* records looked at under one hold */
#define QUIET_MAX_NS   (30 * NS_PER_S) /* then it is sent though busy */
#define BACKOFF_MAX_NS (60 * NS_PER_S)
#define RECHECK_NS     NS_PER_S
#define SCAN_PAUSE_NS  (20 * NS_PER_MS)

/* Someone who waits for one key (sync_inode) or for all below a path. */
struct waiter {
	struct waiter *next;
	const char *path; /* borrowed from the waiting thread */
	bool all;
	uint64_t ino, change; /* one key: this content, or a later one */
	bool done;
	int error;
};

struct syncer {
	struct vfs *v; /* borrowed */
	struct uploader *upload; /* owned */
	struct pool *pool; /* owned */
	pthread_t thread;
	bool started;

	pthread_mutex_t mutex;
	pthread_cond_t wake; /* the scheduler has something to look at */
	pthread_cond_t event; /* a key was settled, or a try failed */
	/* All below is protected by mutex. */
	bool stop, kicked;
	bool outage;
	int64_t next_due_ns; /* realtime; when the scheduler wakes itself */
	unsigned in_flight;
	struct map *busy; /* keys being worked on */
	struct map *settled; /* key → epoch, while lists are under way */
	unsigned lists;
	uint64_t epoch;
	struct waiter *waiters;
	uint64_t *reap; /* owned: inodes whose staging file may go */
	size_t reap_count, reap_size;
	uint64_t saves;
	struct syncer_stats stats;
};

/* One key at work, with what was wanted there when the job was made. */
struct job {
	struct syncer *s;
	char key[META_KEY_MAX + 1];
	struct meta_inode snap;
	struct meta_version known;
	enum decide_action action;
	uint64_t seq; /* changes before this one are in the snapshot */
};

struct delete_job {
	struct syncer *s;
	char *keys[DELETES_MAX]; /* owned; in the bucket, prefix and all */
	size_t count;
	uint64_t seq;
};

/* What a look at the dirty table brings. */
struct harvest {
	struct job *jobs[JOBS_MAX];
	unsigned job_count;
	struct delete_job *deletes;
	int64_t next_due_ns;
	bool full; /* no room for more jobs now */
};

static bool is_busy(struct syncer *s, const char *key)
{
	bool busy;

	pthread_mutex_lock(&s->mutex);
	busy = map_get(s->busy, key, strlen(key)) != NULL;
	pthread_mutex_unlock(&s->mutex);
	return busy;
}

static bool set_busy(struct syncer *s, const char *key)
{
	int rc;

	pthread_mutex_lock(&s->mutex);
	rc = map_put(s->busy, key, strlen(key), s);
	pthread_mutex_unlock(&s->mutex);
	return !rc;
}

static void clear_busy(struct syncer *s, const char *key)
{
	pthread_mutex_lock(&s->mutex);
	map_del(s->busy, key, strlen(key));
	s->kicked = true;
	pthread_cond_signal(&s->wake);
	pthread_mutex_unlock(&s->mutex);
}

/* With meta_lock() held, so that it is one with the record's end. */
static void settle(struct syncer *s, const char *key)
{
	pthread_mutex_lock(&s->mutex);
	s->saves++;
	if (s->lists)
		map_put(s->settled, key, strlen(key),
			(void *)(uintptr_t)++s->epoch);
	pthread_cond_broadcast(&s->event);
	pthread_mutex_unlock(&s->mutex);
}

uint64_t syncer_saves(struct syncer *s)
{
	uint64_t saves;

	pthread_mutex_lock(&s->mutex);
	saves = s->saves;
	pthread_mutex_unlock(&s->mutex);
	return saves;
}

uint64_t syncer_list_begin(struct syncer *s)
{
	uint64_t since;

	pthread_mutex_lock(&s->mutex);
	s->lists++;
	since = ++s->epoch;
	pthread_mutex_unlock(&s->mutex);
	return since;
}

void syncer_list_end(struct syncer *s, uint64_t since)
{
	(void)since;
	pthread_mutex_lock(&s->mutex);
	if (--s->lists == 0) {
		struct map *fresh = NULL;

		if (map_count(s->settled) && !map_new(&fresh)) {
			map_free(s->settled);
			s->settled = fresh;
		}
	}
	pthread_mutex_unlock(&s->mutex);
}

bool syncer_settled_after(struct syncer *s, const char *path, uint64_t since)
{
	uintptr_t at;

	pthread_mutex_lock(&s->mutex);
	at = (uintptr_t)map_get(s->settled, path, strlen(path));
	pthread_mutex_unlock(&s->mutex);
	return at > since;
}

struct below {
	const char *prefix;
	size_t len;
	uint64_t since;
	bool found;
};

static void check_below(void *ctx, const void *key, size_t len, void *value)
{
	struct below *b = ctx;

	if (len >= b->len && !memcmp(key, b->prefix, b->len) &&
	    (uintptr_t)value > b->since)
		b->found = true;
}

bool syncer_pending_below(struct vfs *v, const char *prefix, uint64_t since)
{
	struct below b = {prefix, strlen(prefix), since, false};
	struct meta_dirty_cursor cur = META_DIRTY_START;
	struct syncer *s = v->syncer;
	struct meta_dirty d;

	while (!meta_dirty_next(v->meta, &cur, &d))
		if (!strncmp(d.key, prefix, b.len))
			return true;
	pthread_mutex_lock(&s->mutex);
	map_each(s->settled, check_below, &b);
	pthread_mutex_unlock(&s->mutex);
	return b.found;
}

int syncer_mark(struct vfs *v, const char *path,
		const struct meta_version *known, int64_t delay_ns)
{
	struct meta_dirty d;
	int64_t now = clock_real_ns();
	int rc = meta_dirty_get(v->meta, path, &d);

	if (rc == -ENOENT) {
		memset(&d, 0, sizeof(d));
		strcpy(d.key, path);
		if (known)
			d.known = *known;
		d.since_ns = now;
		rc = meta_next_id(v->meta, &d.seq);
	}
	if (rc)
		return rc;
	d.due_ns = now + delay_ns;
	d.fails = 0;
	d.error = 0;
	return meta_dirty_put(v->meta, &d);
}

void syncer_kick(struct syncer *s)
{
	pthread_mutex_lock(&s->mutex);
	/* One that sleeps past the next commit has not heard of it. */
	if (!s->next_due_ns ||
	    s->next_due_ns > clock_real_ns() + s->v->config.commit_ns) {
		s->kicked = true;
		pthread_cond_signal(&s->wake);
	}
	pthread_mutex_unlock(&s->mutex);
}

int syncer_reap(struct syncer *s, uint64_t ino)
{
	int rc = 0;

	pthread_mutex_lock(&s->mutex);
	if (s->reap_count == s->reap_size) {
		size_t size = s->reap_size ? s->reap_size * 2 : 64;
		uint64_t *p = realloc(s->reap, size * sizeof(*p));

		if (!p)
			rc = -ENOMEM; /* the next mount's sweep finds it */
		else
			s->reap = p, s->reap_size = size;
	}
	if (!rc)
		s->reap[s->reap_count++] = ino;
	pthread_mutex_unlock(&s->mutex);
	return 0;
}

static void reap_one(struct vfs *v, uint64_t ino)
{
	struct meta_inode in;
	struct node *n;
	bool wanted = true;
	int rc;

	if (node_get(v->nodes, ino, &n))
		return;
	pthread_rwlock_wrlock(&n->lock);
	rc = meta_lock(v->meta);
	if (!rc) {
		rc = meta_inode_get(v->meta, ino, &in);
		wanted = rc ? rc != -ENOENT : in.flags & META_I_STAGED;
		meta_unlock(v->meta);
	}
	/*
	 * Durably, no inode refers to these bytes: the bucket holds them (an
	 * upload ended and that is committed), or the file was deleted.
	 */
	if (!wanted)
		staging_remove(v->staging, ino);
	pthread_rwlock_unlock(&n->lock);
	node_put(v->nodes, n);
}

static void reap_all(struct syncer *s)
{
	uint64_t *list;
	size_t count;

	pthread_mutex_lock(&s->mutex);
	list = s->reap;
	count = s->reap_count;
	s->reap = NULL;
	s->reap_count = s->reap_size = 0;
	pthread_mutex_unlock(&s->mutex);
	if (count && !meta_sync(s->v->meta))
		for (size_t i = 0; i < count; i++)
			reap_one(s->v, list[i]);
	free(list);
}

/* Tells those who wait for a key; gone: its record was just deleted. */
static void tell(struct syncer *s, const char *key, uint64_t ino,
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

/*
 * What the namespace wants at a key: 0 with the inode, -ENOENT for nothing.
 * A key that ends in '/' is a directory's marker.
 */
static int wanted(struct vfs *v, const char *key, struct meta_inode *ret)
{
	size_t len = strlen(key);
	bool marker = len && key[len - 1] == '/';
	uint64_t ino;
	int rc = meta_resolve(v->meta, key, &ino);

	if (rc == -ENOTDIR)
		rc = -ENOENT;
	if (!rc)
		rc = meta_inode_get(v->meta, ino, ret);
	if (rc)
		return rc;
	if (S_ISDIR(ret->mode) != marker ||
	    (marker && !(ret->flags & META_I_EXPLICIT)))
		return -ENOENT;
	return 0;
}

/*
 * When the key may be sent: at once if nobody is at it. A file that is being
 * written, or a directory that is being filled, waits until it is quiet, but
 * not for ever.
 */
static int64_t quiet_at(struct vfs *v, const struct meta_dirty *d,
			const struct meta_inode *in)
{
	int64_t at = in->ctime_ns + v->config.commit_ns;
	int64_t latest = d->since_ns + v->config.commit_ns + QUIET_MAX_NS;

	if (nodes_is_written(v->nodes, in->ino))
		at = in->ctime_ns + v->config.commit_ns + QUIET_MAX_NS;
	else if (at > latest)
		at = latest;
	return at;
}

static bool is_forced(struct syncer *s, const struct meta_dirty *d, int64_t now)
{
	bool forced = false;

	/* One that has just failed keeps its backoff. */
	if (d->fails && d->due_ns > now)
		return false;
	pthread_mutex_lock(&s->mutex);
	for (struct waiter *w = s->waiters; w && !forced; w = w->next) {
		size_t len = strlen(w->path);

		if (!w->all)
			forced = !w->done && !strcmp(w->path, d->key);
		else
			forced = !len ||
				 (!strncmp(d->key, w->path, len) &&
				  (d->key[len] == '/' || d->key[len] == '\0'));
	}
	pthread_mutex_unlock(&s->mutex);
	return forced;
}

static int postpone(struct vfs *v, struct meta_dirty *d, int64_t due_ns)
{
	d->due_ns = due_ns;
	return meta_dirty_put(v->meta, d);
}

static int drop_record(struct syncer *s, const char *key)
{
	int rc = meta_dirty_del(s->v->meta, key);

	if (!rc) {
		settle(s, key);
		tell(s, key, 0, 0, true, 0);
	}
	return rc;
}

static int add_delete(struct syncer *s, struct harvest *h,
		      const struct meta_dirty *d)
{
	char key[META_KEY_MAX + 1];
	int rc = vfs_object_key(s->v, d->key, key);

	if (rc)
		return rc;
	if (!h->deletes) {
		h->deletes = calloc(1, sizeof(*h->deletes));
		if (!h->deletes)
			return -ENOMEM;
		h->deletes->s = s;
	}
	h->deletes->keys[h->deletes->count] = strdup(key);
	if (!h->deletes->keys[h->deletes->count] || !set_busy(s, d->key))
		return -ENOMEM;
	h->deletes->count++;
	return 0;
}

static int add_job(struct syncer *s, struct harvest *h,
		   const struct meta_dirty *d, const struct meta_inode *in,
		   enum decide_action action)
{
	struct job *j = calloc(1, sizeof(*j));
	int rc = j ? meta_next_id(s->v->meta, &j->seq) : -ENOMEM;

	if (rc || !set_busy(s, d->key)) {
		free(j);
		return rc ? rc : -ENOMEM;
	}
	j->s = s;
	strcpy(j->key, d->key);
	j->snap = *in;
	j->known = d->known;
	j->action = action;
	h->jobs[h->job_count++] = j;
	return 0;
}

/* Whether a record waits for another key to be settled first. */
static bool is_held(struct vfs *v, struct meta_dirty *d)
{
	struct meta_dirty first;

	if (!d->after[0])
		return false;
	if (!meta_dirty_get(v->meta, d->after, &first))
		return true;
	d->after[0] = '\0';
	meta_dirty_put(v->meta, d);
	return false;
}

/* Looks at one record; room: how many more jobs may start. */
static int consider(struct syncer *s, struct harvest *h, struct meta_dirty *d,
		    int64_t now, unsigned room)
{
	struct decide_in in = {.key = d->key,
			       .known = &d->known,
			       .versioned = s->v->config.versioned};
	bool forced = is_forced(s, d, now);
	enum decide_action action;
	struct meta_inode want;
	int rc;

	if ((d->due_ns > now && !forced) || is_busy(s, d->key))
		return 0;
	if (is_held(s->v, d))
		return forced ? 0 : postpone(s->v, d, now + RECHECK_NS);
	rc = wanted(s->v, d->key, &want);
	if (rc && rc != -ENOENT)
		return rc;
	in.inode = rc ? NULL : &want;
	if (!rc && !forced && d->fails == 0) {
		int64_t at = quiet_at(s->v, d, &want);

		if (at > now)
			return postpone(s->v, d, at);
	}
	action = decide(&in);
	if (action == DECIDE_DROP)
		return drop_record(s, d->key);
	if (action == DECIDE_DELETE) {
		if (h->deletes && h->deletes->count == DELETES_MAX)
			h->full = true;
		return h->full ? 0 : add_delete(s, h, d);
	}
	if (h->job_count >= room) {
		h->full = true;
		return 0;
	}
	return add_job(s, h, d, &want, action);
}

static bool anyone_waits_for_all(struct syncer *s)
{
	bool all = false;

	pthread_mutex_lock(&s->mutex);
	for (struct waiter *w = s->waiters; w; w = w->next)
		all = all || w->all;
	pthread_mutex_unlock(&s->mutex);
	return all;
}

/* The keys that single waiters want now, wherever they stand in the order. */
static int harvest_waiters(struct syncer *s, struct harvest *h, int64_t now,
			   unsigned room)
{
	char keys[JOBS_MAX][META_KEY_MAX + 1];
	unsigned count = 0;
	int rc = 0;

	pthread_mutex_lock(&s->mutex);
	for (struct waiter *w = s->waiters; w && count < JOBS_MAX; w = w->next)
		if (!w->all && !w->done)
			strcpy(keys[count++], w->path);
	pthread_mutex_unlock(&s->mutex);
	for (unsigned i = 0; !rc && i < count; i++) {
		struct meta_dirty d;

		rc = meta_dirty_get(s->v->meta, keys[i], &d);
		if (!rc)
			rc = consider(s, h, &d, now, room);
		else if (rc == -ENOENT)
			rc = 0, tell(s, keys[i], 0, 0, true, 0);
	}
	return rc;
}

static int harvest(struct syncer *s, struct harvest *h, unsigned room)
{
	struct meta_dirty_cursor cur = META_DIRTY_START;
	bool all = anyone_waits_for_all(s);
	int64_t now = clock_real_ns();
	struct meta_dirty d;
	int rc = meta_lock(s->v->meta);

	if (rc)
		return rc;
	rc = harvest_waiters(s, h, now, room);
	for (int i = 0; !rc && !h->full && i < SCAN_MAX; i++) {
		rc = meta_dirty_next(s->v->meta, &cur, &d);
		if (rc)
			break;
		if (d.due_ns > now && !all) {
			h->next_due_ns = d.due_ns;
			break;
		}
		rc = consider(s, h, &d, now, room);
		if (d.due_ns > now &&
		    (!h->next_due_ns || d.due_ns < h->next_due_ns))
			h->next_due_ns = d.due_ns;
	}
	meta_unlock(s->v->meta);
	return rc == -ENOENT ? 0 : rc;
}

static bool is_outage(int rc)
{
	return rc == -ETIMEDOUT || rc == -ECONNREFUSED || rc == -ECONNRESET ||
	       rc == -EHOSTUNREACH || rc == -ENETUNREACH || rc == -EIO;
}

static void note_outcome(struct syncer *s, const char *key, int rc)
{
	pthread_mutex_lock(&s->mutex);
	if (rc && rc != -EAGAIN) {
		s->outage = is_outage(rc);
		s->stats.failures++;
		s->stats.error = -rc;
		strcpy(s->stats.error_key, key);
	} else if (!rc) {
		s->outage = false;
		s->saves++;
	}
	pthread_mutex_unlock(&s->mutex);
}

/* A try failed: it stays dirty and comes again later. */
static void apply_failure(struct syncer *s, const char *key, int rc)
{
	struct meta_dirty d;
	int64_t wait = NS_PER_S;

	note_outcome(s, key, rc);
	if (meta_lock(s->v->meta))
		return;
	if (!meta_dirty_get(s->v->meta, key, &d)) {
		if (rc == -EAGAIN) {
			wait = s->v->config.commit_ns;
		} else {
			for (uint32_t i = 0;
			     i < d.fails && wait < BACKOFF_MAX_NS; i++)
				wait *= 2;
			d.fails++;
			d.error = -rc;
		}
		postpone(s->v, &d, clock_real_ns() + wait);
	}
	meta_unlock(s->v->meta);
	if (rc == -EAGAIN)
		return;
	log_warning("cannot save %s: %s; it is kept here and tried again", key,
		    strerror(-rc));
	tell(s, key, 0, 0, false, rc);
}

/* The inode is what was sent: it is based on the new version now. */
static int rebase(struct syncer *s, struct meta_inode *in,
		  const struct upload_result *r, bool attrs_too)
{
	struct meta *meta = s->v->meta;
	int rc;

	in->base = r->version;
	in->base_bytes = r->version.size_bytes;
	in->flags &= ~(uint32_t)META_I_STAGED;
	if (attrs_too)
		in->flags &= ~(uint32_t)META_I_ATTR_DIRTY;
	else
		in->flags |= META_I_ATTR_DIRTY;
	rc = meta_extent_clear(meta, in->ino);
	if (!rc)
		rc = meta_head_put(meta, in->ino, &r->head);
	if (!rc)
		rc = meta_inode_put(meta, in);
	return rc ? rc : syncer_reap(s, in->ino);
}

/* With the node's lock and meta_lock() held. */
static int apply_saved_locked(struct job *j, const struct upload_result *r,
			      bool *ret_gone)
{
	struct syncer *s = j->s;
	struct meta *meta = s->v->meta;
	struct meta_inode in, here;
	struct meta_dirty d;
	bool at_key;
	int rc = meta_dirty_get(meta, j->key, &d);

	if (rc)
		return rc;
	d.known = r->version;
	d.seq = j->seq;
	d.fails = 0;
	d.error = 0;
	d.since_ns = clock_real_ns();
	d.due_ns = d.since_ns + s->v->config.commit_ns;
	at_key = !wanted(s->v, j->key, &here) && here.ino == j->snap.ino;
	rc = meta_inode_get(meta, j->snap.ino, &in);
	if (!rc && at_key && in.change == j->snap.change) {
		rc = rebase(s, &in, r, true);
		*ret_gone = true;
		return rc ? rc : drop_record(s, j->key);
	}
	if (!rc && in.data_change == j->snap.data_change &&
	    (at_key || (s->v->config.versioned && r->version.version_id[0])))
		rc = rebase(s, &in, r, false);
	if (rc == -ENOENT)
		rc = 0; /* the file is gone; what it wants now is decided anew */
	return rc ? rc : meta_dirty_put(meta, &d);
}

static void apply_saved(struct job *j, const struct upload_result *r)
{
	struct vfs *v = j->s->v;
	bool gone = false;
	struct node *n;
	int rc = node_get(v->nodes, j->snap.ino, &n);

	if (!rc) {
		pthread_rwlock_wrlock(&n->lock);
		rc = meta_lock(v->meta);
		if (!rc) {
			rc = apply_saved_locked(j, r, &gone);
			meta_unlock(v->meta);
		}
		pthread_rwlock_unlock(&n->lock);
		node_put(v->nodes, n);
	}
	if (rc)
		log_error("cannot note that %s was saved: %s", j->key,
			  strerror(-rc));
	note_outcome(j->s, j->key, 0);
	tell(j->s, j->key, j->snap.ino, j->snap.change, gone, rc);
}

static void run_job(void *arg)
{
	struct job *j = arg;
	struct syncer *s = j->s;
	struct upload_result r;
	int rc;

	upload_result_init(&r);
	log_debug("%s %s", decide_action_name(j->action), j->key);
	if (j->action == DECIDE_PUT)
		rc = upload_put(s->upload, &j->snap, j->key, &r);
	else if (j->action == DECIDE_COPY)
		rc = upload_copy(s->upload, &j->snap, j->key, &r);
	else
		rc = upload_parts(s->upload, &j->snap, j->key, &r);
	if (rc)
		apply_failure(s, j->key, rc);
	else
		apply_saved(j, &r);
	pthread_mutex_lock(&s->mutex);
	s->in_flight--;
	s->stats.sent_bytes += r.sent_bytes;
	if (!rc && j->action == DECIDE_COPY)
		s->stats.copies++;
	else if (!rc)
		s->stats.puts++;
	pthread_mutex_unlock(&s->mutex);
	clear_busy(s, j->key);
	upload_result_release(&r);
	free(j);
}

/* A delete was done: the bucket holds nothing at the key. */
static int apply_deleted(struct syncer *s, const char *key, uint64_t seq)
{
	struct meta_inode want;
	struct meta_dirty d;
	int rc = meta_lock(s->v->meta);

	if (rc)
		return rc;
	rc = meta_dirty_get(s->v->meta, key, &d);
	if (!rc && wanted(s->v, key, &want) == -ENOENT) {
		rc = drop_record(s, key);
	} else if (!rc) {
		memset(&d.known, 0, sizeof(d.known));
		d.seq = seq;
		rc = meta_dirty_put(s->v->meta, &d);
	}
	meta_unlock(s->v->meta);
	return rc;
}

static int send_deletes(struct delete_job *j, struct store_delete *items)
{
	struct store *store = j->s->v->store;
	struct store_request r;
	int rc;

	if (j->count == 1) {
		store_request_init(&r, STORE_DELETE);
		r.key = items[0].key;
		rc = items[0].result = store_call(store, &r);
		if (rc == -ENOENT)
			rc = items[0].result = 0;
	} else {
		store_request_init(&r, STORE_DELETE_MANY);
		r.deletes = items;
		r.delete_count = j->count;
		rc = store_call(store, &r);
	}
	store_request_release(&r);
	return rc;
}

static void run_deletes(void *arg)
{
	struct delete_job *j = arg;
	struct syncer *s = j->s;
	size_t skip = strlen(s->v->config.prefix);
	struct store_delete *items = calloc(j->count, sizeof(*items));
	int rc = items ? 0 : -ENOMEM;

	for (size_t i = 0; !rc && i < j->count; i++)
		items[i].key = j->keys[i];
	if (!rc)
		rc = send_deletes(j, items);
	for (size_t i = 0; i < j->count; i++) {
		const char *key = j->keys[i] + skip;
		int one = rc ? rc : items[i].result;

		if (!one)
			one = apply_deleted(s, key, j->seq);
		if (one)
			apply_failure(s, key, one);
		else
			note_outcome(s, key, 0);
		clear_busy(s, key);
		if (items)
			free(items[i].marker_version);
		free(j->keys[i]);
	}
	pthread_mutex_lock(&s->mutex);
	s->in_flight--;
	s->stats.deletes += rc ? 0 : j->count;
	s->kicked = true;
	pthread_cond_signal(&s->wake);
	pthread_mutex_unlock(&s->mutex);
	free(items);
	free(j);
}

static void start_jobs(struct syncer *s, struct harvest *h)
{
	pthread_mutex_lock(&s->mutex);
	s->in_flight += h->job_count + (h->deletes ? 1 : 0);
	pthread_mutex_unlock(&s->mutex);
	for (unsigned i = 0; i < h->job_count; i++)
		if (pool_submit(s->pool, run_job, h->jobs[i]))
			run_job(h->jobs[i]);
	if (!h->deletes)
		return;
	if (meta_lock(s->v->meta) == 0) {
		meta_next_id(s->v->meta, &h->deletes->seq);
		meta_unlock(s->v->meta);
	}
	if (pool_submit(s->pool, run_deletes, h->deletes))
		run_deletes(h->deletes);
}

/* Sleeps until something is due or someone knocks; false: the end. */
static bool wait_for_work(struct syncer *s, const struct harvest *last)
{
	int64_t due = last->next_due_ns;
	int64_t now = clock_real_ns();
	int64_t until = clock_mono_ns() + (due ? due - now : 60 * NS_PER_S);
	bool go_on;

	pthread_mutex_lock(&s->mutex);
	s->next_due_ns = due;
	while (!s->stop && !s->kicked && !s->reap_count &&
	       clock_cond_wait_until(&s->wake, &s->mutex, until) != -ETIMEDOUT)
		;
	s->kicked = false;
	go_on = !s->stop;
	pthread_mutex_unlock(&s->mutex);
	return go_on;
}

static unsigned job_room(struct syncer *s)
{
	unsigned limit, room;

	pthread_mutex_lock(&s->mutex);
	limit = s->outage ? 1 : JOBS_MAX;
	room = s->in_flight < limit ? limit - s->in_flight : 0;
	pthread_mutex_unlock(&s->mutex);
	return room;
}

static void *run_syncer(void *arg)
{
	struct syncer *s = arg;
	struct harvest h;

	upload_abort_leftovers(s->upload);
	do {
		unsigned room = job_room(s);

		memset(&h, 0, sizeof(h));
		if (room) {
			int rc = harvest(s, &h, room);

			if (rc)
				log_error("reading what is dirty: %s",
					  strerror(-rc));
			start_jobs(s, &h);
		}
		reap_all(s);
	} while (wait_for_work(s, &h));
	return NULL;
}

int syncer_new(struct vfs *v, struct syncer **ret_syncer)
{
	struct syncer *s = calloc(1, sizeof(*s));
	int rc;

	if (!s)
		return -ENOMEM;
	s->v = v;
	pthread_mutex_init(&s->mutex, NULL);
	rc = clock_cond_init(&s->wake);
	if (!rc)
		rc = clock_cond_init(&s->event);
	if (!rc)
		rc = map_new(&s->busy);
	if (!rc)
		rc = map_new(&s->settled);
	if (!rc)
		rc = uploader_new(v, &s->upload);
	if (!rc)
		rc = pool_new("sync", JOBS_MAX, &s->pool);
	v->syncer = s;
	if (!rc && !v->config.read_only)
		rc = -pthread_create(&s->thread, NULL, run_syncer, s);
	if (rc) {
		v->syncer = NULL;
		syncer_free(s);
		return rc;
	}
	s->started = !v->config.read_only;
	*ret_syncer = s;
	return 0;
}

void syncer_free(struct syncer *s)
{
	if (!s)
		return;
	pthread_mutex_lock(&s->mutex);
	s->stop = true;
	pthread_cond_broadcast(&s->wake);
	pthread_mutex_unlock(&s->mutex);
	if (s->started)
		pthread_join(s->thread, NULL);
	pool_free(s->pool);
	if (s->started)
		reap_all(s);
	uploader_free(s->upload);
	map_free(s->busy);
	map_free(s->settled);
	free(s->reap);
	pthread_cond_destroy(&s->wake);
	pthread_cond_destroy(&s->event);
	pthread_mutex_destroy(&s->mutex);
	free(s);
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
				rc = postpone(v, &d, clock_real_ns());
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

static bool is_below(const char *key, const char *path)
{
	size_t len = strlen(path);

	return !len || (!strncmp(key, path, len) &&
			(key[len] == '/' || key[len] == '\0'));
}

/* Takes back the backoff of what failed, since someone waits for it. */
static int begin_all(struct vfs *v, const char *path, uint64_t *ret_seq)
{
	struct meta_dirty_cursor cur = META_DIRTY_START;
	struct meta_dirty d;
	int rc = meta_lock(v->meta);

	if (rc)
		return rc;
	rc = meta_next_id(v->meta, ret_seq);
	while (!rc && !meta_dirty_next(v->meta, &cur, &d)) {
		if (!d.fails || !is_below(d.key, path))
			continue;
		d.fails = 0;
		rc = postpone(v, &d, d.since_ns);
	}
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

void syncer_read_stats(struct syncer *s, struct syncer_stats *ret)
{
	struct meta_dirty_cursor cur = META_DIRTY_START;
	struct meta_dirty d;
	uint64_t dirty = 0;
	int64_t oldest = 0;

	if (!meta_lock(s->v->meta)) {
		dirty = meta_dirty_count(s->v->meta);
		while (!meta_dirty_next(s->v->meta, &cur, &d))
			if (!oldest || d.since_ns < oldest)
				oldest = d.since_ns;
		meta_unlock(s->v->meta);
	}
	pthread_mutex_lock(&s->mutex);
	*ret = s->stats;
	ret->in_flight = s->in_flight;
	pthread_mutex_unlock(&s->mutex);
	ret->dirty_keys = dirty;
	ret->oldest_dirty_ns = oldest;
}
