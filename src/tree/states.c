/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who is to be asked for in the background waits in a queue, each for itself
 * twice as long after each question that told nothing new. The table of
 * inodes is walked for what an earlier mount has left, for what the queue has
 * no room for, and when the bucket gets rules: a turn goes on where the last
 * one stopped, and puts what is still to come into the queue. Where nothing
 * waits the thread sleeps until something is saved or found PENDING.
 */
#include "vers3/tree/states.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "dir_impl.h"
#include "outage.h"
#include "tree_impl.h"
#include "vers3/core/mount.h"
#include "vers3/core/replica_look.h"
#include "vers3/object/object_meta.h"
#include "vers3/object/s3xattr.h"
#include "vers3/tree/replication_census.h"
#include "vers3/util/cancel.h"
#include "vers3/util/clock.h"
#include "vers3/util/hash.h"
#include "vers3/util/log.h"
#include "vers3/util/pool.h"
#include "vers3/util/urgency.h"

#define SLOTS	   1024 /* inodes whose last question is remembered */
#define ASK_MAX	   256 /* objects asked for in one turn */
#define ASK_WIDTH  8 /* of these at once */
#define WALK_MAX   20000 /* inodes looked at in one turn */
#define WALK_CHUNK 1000 /* under one hold of the lock */
#define QUEUE_MAX  1024 /* inodes that wait to be asked for */
#define SLOWER_MAX 16 /* times states_ns, after questions without news */
#define STATUS	   "x-amz-replication-status"
#define RULES_NS   (3600 * NS_PER_S) /* how long the rules are known */

/* Who is asked for again is asked for again: a slot may be another's. */
struct slot {
	uint64_t ino, version; /* version_hash() */
	int64_t asked_ns; /* monotonic */
};

struct waiting {
	uint64_t ino;
	int64_t due_ns; /* monotonic */
	unsigned slower; /* times states_ns: how long it has waited */
};

struct states {
	struct tree *tree; /* borrowed */
	struct cancel ended;
	pthread_t thread;
	bool started; /* of who begins and ends it */
	struct hash_seed seed;

	/* Of the thread alone: */
	uint64_t at; /* the inode that the walk has come to */
	unsigned slower; /* times states_ns: the pause of the walk */
	unsigned left, news; /* of this walk: without room; known by now */

	pthread_mutex_t mutex; /* a leaf */
	pthread_cond_t wake;
	/* All below is protected by mutex. */
	struct slot slots[SLOTS];
	bool stop;
	struct waiting queue[QUEUE_MAX];
	unsigned queued;
	bool rules; /* the bucket has some, as of rules_ns */
	int64_t rules_ns; /* monotonic; 0: not asked yet */
	bool more; /* the queue had no room since this walk began */
	int64_t walk_ns; /* when the walk goes on; 0: there is none */
	int64_t turn_ns; /* when the last turn ended */
	int64_t due_ns; /* of the next turn; 0: there is none */
};

/* What one turn asks for: of the queue, then of the walk. */
struct turn {
	struct states *s;
	bool rules;
	struct waiting items[ASK_MAX];
	bool open[ASK_MAX]; /* to be asked for again; each its own asker's */
	unsigned count, of_queue;
	atomic_bool silent; /* the replica has given no answer */
};

static uint64_t version_hash(const struct states *s,
			     const struct meta_version *ver)
{
	uint64_t h = hash_add(&s->seed, 0, ver->key, strlen(ver->key));

	h = hash_add(&s->seed, h, ver->version_id, strlen(ver->version_id));
	return hash_add(&s->seed, h, ver->etag, strlen(ver->etag));
}

static void note_asked(struct states *s, const struct meta_inode *inode,
		       int64_t asked_ns)
{
	pthread_mutex_lock(&s->mutex);
	s->slots[inode->ino % SLOTS] = (struct slot){
		inode->ino, version_hash(s, &inode->base), asked_ns};
	pthread_mutex_unlock(&s->mutex);
}

static bool is_young(struct states *s, const struct meta_inode *inode)
{
	const struct slot *slot = &s->slots[inode->ino % SLOTS];
	bool young;

	pthread_mutex_lock(&s->mutex);
	young = slot->asked_ns && slot->ino == inode->ino &&
		slot->version == version_hash(s, &inode->base) &&
		clock_mono_ns() - slot->asked_ns <
			s->tree->mount->config.ttl_ns;
	pthread_mutex_unlock(&s->mutex);
	return young;
}

void states_told(struct tree *tree, const struct meta_inode *inode)
{
	if (tree->states)
		note_asked(tree->states, inode, clock_mono_ns());
}

/* With mutex held. */
static int64_t turn_after(const struct states *s, int64_t due_ns)
{
	int64_t next = s->turn_ns + s->tree->mount->config.states_ns;

	return due_ns > next ? due_ns : next;
}

/* With mutex held: the next turn is not to be later. */
static void wake_at(struct states *s, int64_t due_ns)
{
	due_ns = turn_after(s, due_ns);
	if (!s->due_ns || s->due_ns > due_ns) {
		s->due_ns = due_ns;
		pthread_cond_signal(&s->wake);
	}
}

/* With mutex held. */
static struct waiting *find_waiting(struct states *s, uint64_t ino)
{
	for (unsigned i = 0; i < s->queued; i++)
		if (s->queue[i].ino == ino)
			return &s->queue[i];
	return NULL;
}

/*
 * With mutex held: an inode is asked for after slower times states_ns, unless
 * it waits already; then after the shorter of both times. False: no room.
 */
static bool enqueue(struct states *s, uint64_t ino, unsigned slower)
{
	struct waiting w = {.ino = ino, .slower = slower};
	struct waiting *at = find_waiting(s, ino);

	w.due_ns = clock_mono_ns() + s->tree->mount->config.states_ns * slower;
	if (!at && s->queued == QUEUE_MAX)
		return false;
	if (!at)
		s->queue[s->queued++] = w;
	else if (at->due_ns > w.due_ns)
		*at = w;
	wake_at(s, w.due_ns);
	return true;
}

/* With mutex held. */
static void want_walk(struct states *s)
{
	if (!s->walk_ns)
		s->walk_ns = clock_mono_ns() + s->tree->mount->config.states_ns;
	s->more = true;
	wake_at(s, s->walk_ns);
}

/* With mutex held. */
static bool rules_are_known(const struct states *s)
{
	return s->rules_ns && clock_mono_ns() - s->rules_ns < RULES_NS;
}

void states_want(struct tree *tree, uint64_t ino, enum states_why why)
{
	struct states *s = tree->states;

	if (!s || !tree->mount->config.states_ns)
		return;
	pthread_mutex_lock(&s->mutex);
	if ((why == STATES_PENDING || s->rules || !rules_are_known(s)) &&
	    !enqueue(s, ino, 1))
		want_walk(s);
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
	return replication_census_is_pending(head) ||
	       (rules && kvlist_get(head, OBJECT_META_UNASKED));
}

/* What is kept of the object, with its states as they are now. */
static int renew_head(const struct store_object *o, struct kvlist *head)
{
	struct kvlist now;
	int rc;

	kvlist_init(&now);
	rc = object_meta_head_of(o, &now);
	if (!rc)
		rc = s3xattr_take_states(&now, head);
	kvlist_release(&now);
	return rc;
}

/* What a comparison has shown; NULL: there was none, the last one holds. */
static int note_compared(const struct tree *tree, const char *compared,
			 struct kvlist *head)
{
	if (!tree->mount->replica || kvlist_get(head, STATUS))
		kvlist_del(head, OBJECT_META_COMPARED);
	else if (compared)
		return kvlist_set(head, OBJECT_META_COMPARED, compared);
	return 0;
}

/*
 * Takes the answer in if the inode stands on this version yet. o: NULL when it
 * told nothing, and will not. *ret_open: it has to be asked for again.
 */
static int apply(struct tree *tree, const struct meta_inode *asked,
		 const struct store_object *o, const char *compared,
		 bool *ret_open)
{
	struct meta_inode inode;
	struct kvlist head, before;
	int rc = meta_lock(tree->meta);

	if (rc)
		return rc;
	kvlist_init(&head);
	kvlist_init(&before);
	rc = meta_inode_get(tree->meta, asked->ino, &inode);
	/* It may have been removed meanwhile. */
	if (rc || !same_version(&inode.base, &asked->base))
		goto out;
	rc = meta_head_get(tree->meta, inode.ino, &head);
	if (rc == -ENOENT)
		rc = 0;
	if (!rc)
		rc = kvlist_copy(&before, &head);
	kvlist_del(&head, OBJECT_META_UNASKED);
	if (!rc && o)
		rc = renew_head(o, &head);
	if (!rc && o)
		rc = note_compared(tree, compared, &head);
	if (!rc && !object_meta_same(&before, &head))
		rc = meta_head_put(tree->meta, inode.ino, &head);
	if (!rc)
		rc = replication_census_note(tree->meta, &head);
	if (!rc)
		*ret_open = replication_census_is_pending(&head);
out:
	meta_unlock(tree->meta);
	kvlist_release(&head);
	kvlist_release(&before);
	return rc;
}

/*
 * Where the server does not tell how the replication stands, a look into the
 * replica does. One that gives no answer is not asked again in this turn, and
 * what it may have is to come, for all that is known.
 */
static const char *compare(struct turn *t, const struct meta_inode *inode,
			   const char *key, const struct store_object *o)
{
	struct mount *mount = t->s->tree->mount;
	const struct replica_version v = {key, inode->base.version_id,
					  inode->base.etag, o->size_bytes};
	enum replica_look look = REPLICA_LOOK_LACKS;
	int64_t wait_ns = mount->config.patience_ns;

	if (!mount->replica || mount_replica_stands_in(mount) ||
	    kvlist_get(&o->headers, STATUS))
		return NULL;
	if (atomic_load(&t->silent))
		return "PENDING";
	if (replica_look(mount, &v, wait_ns ? clock_mono_ns() + wait_ns : 0,
			 &look, NULL, 0))
		atomic_store(&t->silent, true);
	return look == REPLICA_LOOK_HAS ? "COMPLETED" : "PENDING";
}

/*
 * *ret_open: it has to be asked for again. t: of the background, which has the
 * time to compare; NULL: somebody waits.
 */
static void ask(struct tree *tree, const struct meta_inode *inode,
		struct turn *t, bool *ret_open)
{
	const char *compared = NULL;
	const struct meta_version *ver = &inode->base;
	char key[META_KEY_MAX + 1];
	const struct store_object *o;
	int64_t began_ns = clock_mono_ns();
	struct store_request r;
	int rc;

	*ret_open = false;
	if (mount_key(tree->mount, ver->key, key))
		return;
	rc = store_head(tree->mount->store, &r, key, ver->version_id);
	rc = outage_note(tree, began_ns, rc);
	o = &r.reply.object;
	if (rc == -EINTR || store_is_outage(rc)) {
		*ret_open = true;
		goto out;
	}
	/* Of a version that is gone, or is another by now, nothing is known. */
	if (!rc && ver->etag[0] && (!o->etag || strcmp(o->etag, ver->etag)))
		rc = -ENOENT;
	if (!rc && t)
		compared = compare(t, inode, key, o);
	if (!apply(tree, inode, rc ? NULL : o, compared, ret_open))
		note_asked(tree->states, inode, began_ns);
out:
	store_request_release(&r);
}

void states_refresh(struct tree *tree, const struct meta_inode *inode)
{
	if (tree->states && !is_young(tree->states, inode))
		states_renew(tree, inode);
}

void states_renew(struct tree *tree, const struct meta_inode *inode)
{
	struct patience p;
	bool open;

	if (!tree->states || !inode->base.key[0] || outage_is_on(tree))
		return;
	patience_begin(&p, tree->mount->config.patience_ns);
	ask(tree, inode, NULL, &open);
	patience_end(&p, 0);
}

/* ---- the background ---- */

/* An inode whose object has a state that is to come; *ret_open: it has one. */
static int look(struct tree *tree, uint64_t ino, bool rules,
		struct meta_inode *inode, bool *ret_open)
{
	struct kvlist head;
	int rc = meta_inode_get(tree->meta, ino, inode);

	*ret_open = false;
	if (rc || !inode->base.key[0] || S_ISDIR(inode->mode))
		return rc;
	kvlist_init(&head);
	rc = meta_head_get(tree->meta, ino, &head);
	if (!rc)
		*ret_open = is_open(&head, rules);
	kvlist_release(&head);
	return rc == -ENOENT ? 0 : rc;
}

static int ask_one(void *ctx, unsigned i)
{
	struct turn *t = ctx;
	struct tree *tree = t->s->tree;
	struct meta_inode inode;
	bool open;
	int rc = meta_lock(tree->meta);

	if (rc)
		return rc;
	rc = look(tree, t->items[i].ino, t->rules, &inode, &open);
	meta_unlock(tree->meta);
	/* Somebody who read it may have asked since. */
	if (!rc && open)
		ask(tree, &inode, t, &t->open[i]);
	return 0;
}

static bool is_waiting(struct states *s, uint64_t ino)
{
	bool found;

	pthread_mutex_lock(&s->mutex);
	found = find_waiting(s, ino);
	pthread_mutex_unlock(&s->mutex);
	return found;
}

/* The next inodes to be asked for; -ENOENT at the end of the table. */
static int walk_some(struct states *s, struct turn *t)
{
	struct meta *meta = s->tree->meta;
	struct meta_inode inode;
	bool open;
	int rc = meta_lock(meta);

	if (rc)
		return rc;
	for (int i = 0; !rc && i < WALK_CHUNK && t->count < ASK_MAX; i++) {
		rc = meta_inode_next(meta, s->at, &s->at);
		if (!rc)
			rc = look(s->tree, s->at, t->rules, &inode, &open);
		if (!rc && open && !is_waiting(s, s->at))
			t->items[t->count++] =
				(struct waiting){.ino = s->at, .slower = 1};
	}
	meta_unlock(meta);
	return rc;
}

/* Whether the bucket's rules replicate what is written to it. */
static bool has_rules(struct states *s)
{
	struct store_request r;
	bool known, rules;
	int rc;

	pthread_mutex_lock(&s->mutex);
	known = rules_are_known(s);
	rules = s->rules;
	pthread_mutex_unlock(&s->mutex);
	if (known)
		return rules;
	store_request_init(&r, STORE_GET_REPLICATION);
	rc = store_call(s->tree->mount->store, &r);
	store_request_release(&r);
	if (rc && rc != -ENODATA && rc != -EOPNOTSUPP && rc != -EACCES &&
	    rc != -EINVAL)
		return rules;
	/* Where it cannot be asked, what objects have told has to do. */
	rules = rc == -EACCES || rc == -EINVAL
			? replication_census_has_found(s->tree->meta)
			: !rc;
	/* Whoever names a replica has somebody fill it. */
	rules = rules || s->tree->mount->replica;
	pthread_mutex_lock(&s->mutex);
	/* What was walked past before is replicated now, perhaps. */
	if (rules && !s->rules)
		want_walk(s);
	s->rules = rules;
	s->rules_ns = clock_mono_ns();
	pthread_mutex_unlock(&s->mutex);
	return rules;
}

/* Takes those out of the queue that have waited long enough. */
static void take_due(struct states *s, struct turn *t)
{
	int64_t now_ns = clock_mono_ns();
	unsigned kept = 0;

	pthread_mutex_lock(&s->mutex);
	for (unsigned i = 0; i < s->queued; i++) {
		if (t->count < ASK_MAX && s->queue[i].due_ns <= now_ns)
			t->items[t->count++] = s->queue[i];
		else
			s->queue[kept++] = s->queue[i];
	}
	s->queued = kept;
	t->of_queue = t->count;
	pthread_mutex_unlock(&s->mutex);
}

/* Whether the walk has a part in this turn; at its begin it is a new one. */
static bool walk_is_due(struct states *s)
{
	bool due;

	pthread_mutex_lock(&s->mutex);
	due = s->walk_ns && s->walk_ns <= clock_mono_ns();
	if (due && !s->at) {
		s->more = false;
		s->left = s->news = 0;
	}
	pthread_mutex_unlock(&s->mutex);
	return due;
}

/* What was asked for in vain waits twice as long from now on. */
static void put_back(struct states *s, const struct turn *t)
{
	pthread_mutex_lock(&s->mutex);
	for (unsigned i = 0; i < t->count; i++) {
		unsigned slower = 2 * t->items[i].slower;

		if (slower > SLOWER_MAX)
			slower = SLOWER_MAX;
		if (!t->open[i])
			s->news += i >= t->of_queue;
		else if (!enqueue(s, t->items[i].ino, slower))
			s->left++;
	}
	pthread_mutex_unlock(&s->mutex);
}

/*
 * With mutex held: when the walk goes on, if it does. ended: it has come to
 * the end of the table; full: the turn asked for all that one may. Else it has
 * only looked.
 */
static void pause_walk(struct states *s, bool ended, bool full)
{
	int64_t pause_ns = s->tree->mount->config.states_ns;

	if (ended && s->left && !s->news)
		s->slower = s->slower < SLOWER_MAX ? 2 * s->slower : SLOWER_MAX;
	else if (ended)
		s->slower = 1;
	if (ended || full)
		pause_ns *= s->slower;
	if (ended)
		s->at = 0;
	s->walk_ns =
		!ended || s->left || s->more ? clock_mono_ns() + pause_ns : 0;
}

/* When the next turn is, if any. */
static void end_turn(struct states *s)
{
	int64_t due_ns;

	pthread_mutex_lock(&s->mutex);
	s->turn_ns = clock_mono_ns();
	due_ns = s->walk_ns;
	for (unsigned i = 0; i < s->queued; i++)
		if (!due_ns || s->queue[i].due_ns < due_ns)
			due_ns = s->queue[i].due_ns;
	s->due_ns = due_ns ? turn_after(s, due_ns) : 0;
	pthread_mutex_unlock(&s->mutex);
}

static void ask_all(struct states *s, struct turn *t)
{
	int walked = 0, rc = 0;
	bool walk;

	t->rules = has_rules(s);
	walk = walk_is_due(s);
	take_due(s, t);
	while (walk && !rc && t->count < ASK_MAX && walked < WALK_MAX) {
		rc = walk_some(s, t);
		walked += WALK_CHUNK;
	}
	pool_each(s->tree->dirs->pool, ASK_WIDTH, t->count, ask_one, t);
	put_back(s, t);
	if (t->count)
		log_debug("asked for the states of %u objects", t->count);
	if (!walk)
		return;
	pthread_mutex_lock(&s->mutex);
	/* What it has passed by may be to come, where nobody has told yet. */
	if (!rules_are_known(s))
		s->left++;
	pause_walk(s, rc != 0, t->count == ASK_MAX);
	pthread_mutex_unlock(&s->mutex);
}

static void take_turn(struct states *s)
{
	struct turn *t;

	/* What the replica says of its own is nothing of the bucket's. */
	if (!outage_is_on(s->tree) &&
	    !mount_replica_stands_in(s->tree->mount)) {
		t = calloc(1, sizeof(*t));
		if (t) {
			t->s = s;
			ask_all(s, t);
		}
		free(t);
	}
	end_turn(s);
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
	urgency_enter(URGENCY_BACKGROUND);
	while (wait_for_turn(s))
		take_turn(s);
	return NULL;
}

int states_new(struct tree *tree, struct states **ret_states)
{
	struct states *s = calloc(1, sizeof(*s));
	int rc;

	if (!s)
		return -ENOMEM;
	s->tree = tree;
	s->slower = 1;
	hash_seed_draw(&s->seed);
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

	if (!s->tree->mount->config.states_ns)
		return 0;
	/* What an earlier mount has left is not known. */
	pthread_mutex_lock(&s->mutex);
	want_walk(s);
	pthread_mutex_unlock(&s->mutex);
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
