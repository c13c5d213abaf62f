/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A turn of the background goes on in the table of inodes where the last one
 * stopped. When a round through the table leaves nothing to be asked for, the
 * thread sleeps until something is saved or found PENDING.
 */
#include "states.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "census.h"
#include "dir_impl.h"
#include "dress.h"
#include "outage.h"
#include "vers3/util/cancel.h"
#include "vers3/util/clock.h"
#include "vers3/util/log.h"
#include "vers3/util/pool.h"
#include "vers3/vfs/s3xattr.h"

#define SLOTS	   1024 /* inodes whose last question is remembered */
#define ASK_MAX	   256 /* objects asked for in one turn */
#define ASK_WIDTH  8 /* of these at once */
#define WALK_MAX   20000 /* inodes looked at in one turn */
#define WALK_CHUNK 1000 /* under one hold of the lock */
#define SLOWER_MAX 16 /* times states_ns, after rounds without news */
#define RULES_NS   (3600 * NS_PER_S) /* how long the rules are known */

/* Who is asked for again is asked for again: a slot may be another's. */
struct slot {
	uint64_t ino, version; /* version_hash() */
	int64_t asked_ns; /* monotonic */
};

struct states {
	struct vfs *v; /* borrowed */
	struct cancel ended;
	pthread_t thread;
	bool started; /* of who begins and ends it */

	/* Of the thread alone: */
	uint64_t at; /* the inode that the round has come to */
	bool rules; /* the bucket has some, as of rules_ns */
	int64_t rules_ns; /* monotonic; 0: not asked yet */
	unsigned slower; /* times states_ns: the pause to the next turn */
	uint64_t left, news; /* of this round: still to come; other states */

	pthread_mutex_t mutex; /* a leaf */
	pthread_cond_t wake;
	/* All below is protected by mutex. */
	struct slot slots[SLOTS];
	bool stop;
	bool saved, pending; /* since this round began */
	int64_t due_ns; /* of the next turn; 0: there is none */
};

/* What one turn asks for. */
struct turn {
	struct states *s;
	uint64_t inos[ASK_MAX];
	unsigned count;
	atomic_uint left, news;
};

static uint64_t add_hash(uint64_t h, const char *text)
{
	for (; *text; text++)
		h = (h ^ (unsigned char)*text) * UINT64_C(1099511628211);
	return h;
}

static uint64_t version_hash(const struct meta_version *ver)
{
	uint64_t h = UINT64_C(14695981039346656037);

	return add_hash(add_hash(add_hash(h, ver->key), ver->version_id),
			ver->etag);
}

static void note_asked(struct states *s, const struct meta_inode *in,
		       int64_t asked_ns)
{
	pthread_mutex_lock(&s->mutex);
	s->slots[in->ino % SLOTS] =
		(struct slot){in->ino, version_hash(&in->base), asked_ns};
	pthread_mutex_unlock(&s->mutex);
}

static bool is_young(struct states *s, const struct meta_inode *in)
{
	const struct slot *slot = &s->slots[in->ino % SLOTS];
	bool young;

	pthread_mutex_lock(&s->mutex);
	young = slot->asked_ns && slot->ino == in->ino &&
		slot->version == version_hash(&in->base) &&
		clock_mono_ns() - slot->asked_ns < s->v->config.ttl_ns;
	pthread_mutex_unlock(&s->mutex);
	return young;
}

void states_told(struct vfs *v, const struct meta_inode *in)
{
	if (v->states)
		note_asked(v->states, in, clock_mono_ns());
}

void states_want(struct vfs *v, bool pending)
{
	struct states *s = v->states;
	int64_t soon = clock_mono_ns() + v->config.states_ns;

	if (!s || !v->config.states_ns)
		return;
	pthread_mutex_lock(&s->mutex);
	s->saved = true;
	s->pending = s->pending || pending;
	if (!s->due_ns || s->due_ns > soon) {
		s->due_ns = soon;
		pthread_cond_signal(&s->wake);
	}
	pthread_mutex_unlock(&s->mutex);
}

static bool same_version(const struct meta_version *a,
			 const struct meta_version *b)
{
	return !strcmp(a->key, b->key) &&
	       !strcmp(a->version_id, b->version_id) &&
	       !strcmp(a->etag, b->etag);
}

/* Of a head that was read: whether the background has to ask. */
static bool is_open(const struct kvlist *head, bool rules)
{
	return census_is_pending(head) ||
	       (rules && kvlist_get(head, STATES_UNASKED));
}

/* What is kept of the object, with its states as they are now. */
static int renew_head(const struct store_object *o, struct kvlist *head)
{
	struct kvlist now;
	int rc;

	kvlist_init(&now);
	rc = dress_head_of(o, &now);
	if (!rc)
		rc = s3xattr_take_states(&now, head);
	kvlist_release(&now);
	return rc;
}

/*
 * Takes the answer in if the inode stands on this version yet. o: NULL when it
 * told nothing, and will not.
 */
static int apply(struct vfs *v, const struct meta_inode *asked,
		 const struct store_object *o, struct turn *t)
{
	struct meta_inode in;
	struct kvlist head, before;
	int rc = meta_lock(v->meta);

	if (rc)
		return rc;
	kvlist_init(&head);
	kvlist_init(&before);
	rc = meta_inode_get(v->meta, asked->ino, &in);
	if (!rc && !same_version(&in.base, &asked->base))
		goto out;
	if (!rc)
		rc = meta_head_get(v->meta, in.ino, &head);
	if (rc == -ENOENT)
		rc = 0;
	if (!rc)
		rc = kvlist_copy(&before, &head);
	kvlist_del(&head, STATES_UNASKED);
	if (!rc && o)
		rc = renew_head(o, &head);
	if (!rc && !dress_same(&before, &head))
		rc = meta_head_put(v->meta, in.ino, &head);
	if (!rc)
		rc = census_note(v->meta, &head);
	if (!rc && t && is_open(&head, true))
		t->left++;
	if (!rc && t && !dress_same(&before, &head))
		t->news++;
out:
	meta_unlock(v->meta);
	kvlist_release(&head);
	kvlist_release(&before);
	return rc;
}

/* t: on behalf of the background, or NULL. */
static void ask(struct vfs *v, const struct meta_inode *in, struct turn *t)
{
	const struct meta_version *ver = &in->base;
	char key[META_KEY_MAX + 1];
	const struct store_object *o;
	int64_t began_ns = clock_mono_ns();
	struct store_request r;
	int rc;

	if (vfs_object_key(v, ver->key, key))
		return;
	store_request_init(&r, STORE_HEAD);
	r.key = key;
	r.version_id = ver->version_id[0] ? ver->version_id : NULL;
	rc = outage_note(v, began_ns, store_call(v->store, &r));
	o = &r.reply.object;
	if (rc == -EINTR || outage_is_sign(rc)) {
		if (t)
			t->left++;
		goto out;
	}
	/* Of a version that is gone, or is another by now, nothing is known. */
	if (!rc && ver->etag[0] && (!o->etag || strcmp(o->etag, ver->etag)))
		rc = -ENOENT;
	if (!apply(v, in, rc ? NULL : o, t))
		note_asked(v->states, in, began_ns);
out:
	store_request_release(&r);
}

void states_refresh(struct vfs *v, const struct meta_inode *in)
{
	struct patience p;

	if (!v->states || !in->base.key[0] || is_young(v->states, in) ||
	    outage_is_on(v))
		return;
	patience_begin(&p, v->config.patience_ns);
	ask(v, in, NULL);
	patience_end(&p, 0);
}

/* ---- the background ---- */

static int ask_one(void *ctx, unsigned i)
{
	struct turn *t = ctx;
	struct vfs *v = t->s->v;
	struct meta_inode in;
	int rc = meta_lock(v->meta);

	if (rc)
		return rc;
	rc = meta_inode_get(v->meta, t->inos[i], &in);
	meta_unlock(v->meta);
	if (!rc && in.base.key[0])
		ask(v, &in, t);
	return 0;
}

/* Whether an inode's object has a state that is to come. */
static int look(struct states *s, uint64_t ino, bool *ret_open)
{
	struct meta_inode in;
	struct kvlist head;
	int rc = meta_inode_get(s->v->meta, ino, &in);

	*ret_open = false;
	if (rc || !in.base.key[0] || S_ISDIR(in.mode))
		return rc;
	kvlist_init(&head);
	rc = meta_head_get(s->v->meta, ino, &head);
	if (!rc)
		*ret_open = is_open(&head, s->rules);
	kvlist_release(&head);
	return rc == -ENOENT ? 0 : rc;
}

/* The next inodes to be asked for; -ENOENT at the end of the table. */
static int walk_some(struct states *s, struct turn *t)
{
	struct meta *meta = s->v->meta;
	bool open;
	int rc = meta_lock(meta);

	if (rc)
		return rc;
	for (int i = 0; !rc && i < WALK_CHUNK && t->count < ASK_MAX; i++) {
		rc = meta_inode_next(meta, s->at, &s->at);
		if (!rc)
			rc = look(s, s->at, &open);
		if (!rc && open)
			t->inos[t->count++] = s->at;
	}
	meta_unlock(meta);
	return rc;
}

/* Whether the bucket's rules replicate what is written to it. */
static bool has_rules(struct states *s)
{
	struct store_request r;
	int rc;

	if (s->rules_ns && clock_mono_ns() - s->rules_ns < RULES_NS)
		return s->rules;
	store_request_init(&r, STORE_GET_REPLICATION);
	rc = store_call(s->v->store, &r);
	store_request_release(&r);
	if (rc && rc != -ENODATA && rc != -EOPNOTSUPP && rc != -EACCES &&
	    rc != -EINVAL)
		return s->rules;
	s->rules_ns = clock_mono_ns();
	/* Where it cannot be asked, what objects have told has to do. */
	return rc == -EACCES || rc == -EINVAL ? census_has_found(s->v->meta)
					      : !rc;
}

/* What has happened since the last round. False: nothing to look for. */
static bool begin_round(struct states *s)
{
	bool saved, pending;

	pthread_mutex_lock(&s->mutex);
	saved = s->saved;
	pending = s->pending;
	s->saved = s->pending = false;
	pthread_mutex_unlock(&s->mutex);
	if (saved || pending)
		s->rules = has_rules(s);
	s->left = s->news = 0;
	return pending || (saved && s->rules);
}

/*
 * When the next turn is, if any. ended: the round has come to its end; full:
 * the turn asked for all that one may. Else it has only looked, and goes on.
 */
static void end_turn(struct states *s, bool ended, bool full)
{
	int64_t pause;

	if (ended && s->left && !s->news)
		s->slower = s->slower < SLOWER_MAX ? 2 * s->slower : SLOWER_MAX;
	else if (ended)
		s->slower = 1;
	pause = s->v->config.states_ns * (ended || full ? s->slower : 1);
	pthread_mutex_lock(&s->mutex);
	if (ended && s->left)
		s->saved = s->pending = true;
	/* What came meanwhile has its turn, the sooner of both. */
	s->due_ns =
		!ended || s->saved || s->pending ? clock_mono_ns() + pause : 0;
	pthread_mutex_unlock(&s->mutex);
}

static void take_turn(struct states *s)
{
	struct turn t = {.s = s};
	int walked = 0, rc = 0;

	if (outage_is_on(s->v)) {
		end_turn(s, false, false);
		return;
	}
	if (!s->at && !begin_round(s)) {
		end_turn(s, true, false);
		return;
	}
	while (!rc && t.count < ASK_MAX && walked < WALK_MAX) {
		rc = walk_some(s, &t);
		walked += WALK_CHUNK;
	}
	pool_each(s->v->dirs->pool, ASK_WIDTH, t.count, ask_one, &t);
	s->left += t.left;
	s->news += t.news;
	if (t.count)
		log_debug("asked for the states of %u objects: %u to come",
			  t.count, (unsigned)t.left);
	if (rc)
		s->at = 0;
	end_turn(s, rc != 0, t.count == ASK_MAX);
}

static bool wait_for_turn(struct states *s)
{
	bool go_on;

	pthread_mutex_lock(&s->mutex);
	while (!s->stop && (!s->due_ns || clock_mono_ns() < s->due_ns)) {
		if (s->due_ns)
			clock_cond_wait_until(&s->wake, &s->mutex, s->due_ns);
		else
			pthread_cond_wait(&s->wake, &s->mutex);
	}
	go_on = !s->stop;
	pthread_mutex_unlock(&s->mutex);
	return go_on;
}

static void *run(void *arg)
{
	struct states *s = arg;

	cancel_enter(&s->ended);
	while (wait_for_turn(s))
		take_turn(s);
	return NULL;
}

int states_new(struct vfs *v, struct states **ret_states)
{
	struct states *s = calloc(1, sizeof(*s));
	int rc;

	if (!s)
		return -ENOMEM;
	s->v = v;
	s->slower = 1;
	cancel_init(&s->ended, NULL);
	pthread_mutex_init(&s->mutex, NULL);
	rc = clock_cond_init(&s->wake);
	if (rc) {
		pthread_mutex_destroy(&s->mutex);
		free(s);
		return rc;
	}
	*ret_states = s;
	return 0;
}

int states_begin(struct states *s)
{
	int rc;

	if (!s->v->config.states_ns)
		return 0;
	/* What an earlier mount has left is not known. */
	states_want(s->v, true);
	rc = -pthread_create(&s->thread, NULL, run, s);
	s->started = !rc;
	return rc;
}

void states_end(struct states *s)
{
	if (!s || !s->started)
		return;
	cancel_set(&s->ended);
	pthread_mutex_lock(&s->mutex);
	s->stop = true;
	pthread_cond_signal(&s->wake);
	pthread_mutex_unlock(&s->mutex);
	pthread_join(s->thread, NULL);
	s->started = false;
}

void states_free(struct states *s)
{
	if (!s)
		return;
	states_end(s);
	pthread_cond_destroy(&s->wake);
	pthread_mutex_destroy(&s->mutex);
	free(s);
}
