/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns the lists under way, each on a thread, and which directories were read
 * lately.
 */
#include "walks.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "dir_impl.h"
#include "flat.h"
#include "tree_impl.h"
#include "vers3/core/mount.h"
#include "vers3/meta/dentry.h"
#include "vers3/meta/inode.h"
#include "vers3/tree/dir.h"
#include "vers3/util/cancel.h"
#include "vers3/util/clock.h"
#include "vers3/util/minmax.h"
#include "vers3/util/path.h"
#include "vers3/util/pool.h"

#define WALKS_MAX   4 /* at once: two trees that are compared, and two more */
#define READS_MAX   16 /* directories that were read, and are remembered */
#define FIRST_PAGES 1 /* before a second directory is read */
#define AHEAD_PAGES 4 /* of who reads one after the other: not ttl= old yet */
#define WAIT_PAGES  2 /* that are worth waiting for until it comes there */
#define MISSES_MAX  2 /* lists that have brought nothing in time */
#define IDLE_NS	    (5 * NS_PER_S)
#define COMING	    1024 /* directories, for their files' attributes */
#define HEADS_EACH  32 /* to be asked ahead for each directory that was read */
#define HEADS_MAX   1024

/* A directory that is known, and to which nobody has come. */
struct coming {
	uint64_t ino;
	unsigned asked; /* files in it */
};

/* Under the mutex of walks. */
struct walk {
	uint64_t number; /* 0: it was never used */
	bool listing; /* its thread is there */
	char top[META_KEY_MAX + 1];
	char from[META_KEY_MAX + 1]; /* where it began */
	char passed[META_KEY_MAX + 1]; /* the last key of the last page */
	uint64_t pages;
	unsigned known; /* directories */
	unsigned ahead; /* pages since somebody has followed */
	unsigned followers; /* who wait, and whom its end does not free */
	bool wanted; /* one of them waits for the next page */
	unsigned read; /* directories */
	bool row; /* in one of them all attributes were wanted */
	uint64_t last; /* the directory that was read last */
	int64_t followed_ns; /* monotonic: then */
	struct coming coming[COMING]; /* a ring; those below count on */
	uint64_t first, next, end; /* next: to be asked for */
	unsigned unread; /* asked of those between first and next */
	bool asking; /* somebody goes on with next */
};

struct read {
	uint64_t ino; /* 0: none */
	int64_t ns; /* monotonic */
	unsigned misses;
};

struct walks {
	struct pool *pool; /* owned */
	pthread_mutex_t mutex; /* a leaf; protects what is below */
	pthread_cond_t moved; /* pages, followers, walks */
	struct walk walks[WALKS_MAX];
	uint64_t number;
	struct read reads[READS_MAX];
	unsigned next_read; /* the one that gives way next */
	bool refused; /* the server gives no such lists */
};

/* A walk as its own thread has it. */
struct run {
	struct tree *tree; /* borrowed */
	struct walk *walk; /* borrowed: its number is constant */
	char top[META_KEY_MAX + 1];
	char from[META_KEY_MAX + 1];
};

/* A directory that is read. */
struct place {
	uint64_t ino, parent; /* 0: it is the root */
	char path[META_KEY_MAX + 1];
	bool fresh; /* its names are known */
	int64_t until_ns; /* monotonic: older ones do then; 0: none do */
};

int walks_new(struct walks **ret_walks)
{
	struct walks *p = calloc(1, sizeof(*p));
	int rc;

	if (!p)
		return -ENOMEM;
	pthread_mutex_init(&p->mutex, NULL);
	rc = clock_cond_init(&p->moved);
	if (!rc)
		rc = pool_new("walks", WALKS_MAX, &p->pool);
	if (rc) {
		walks_free(p);
		return rc;
	}
	*ret_walks = p;
	return 0;
}

void walks_end(struct walks *p)
{
	pool_drain(p->pool);
}

void walks_free(struct walks *p)
{
	if (!p)
		return;
	pool_free(p->pool);
	pthread_cond_destroy(&p->moved);
	pthread_mutex_destroy(&p->mutex);
	free(p);
}

/* The next directory to ask ahead of, and how many; with the mutex held. */
static bool next_coming(struct walk *w, uint64_t *ret_ino, unsigned *ret_max)
{
	uint64_t most = min_u64(HEADS_EACH * (uint64_t)w->read, HEADS_MAX);

	if ((w->read < 2 && !w->row) || w->next == w->end || w->unread >= most)
		return false;
	*ret_ino = w->coming[w->next % COMING].ino;
	*ret_max = (unsigned)most - w->unread;
	return true;
}

/* Asks for attributes as far ahead as the walk has shown to be worth it. */
static void ask_ahead(struct tree *tree, struct walk *w)
{
	struct walks *p = tree->dirs->walks;
	unsigned max, asked;
	uint64_t ino;

	pthread_mutex_lock(&p->mutex);
	while (!w->asking && next_coming(w, &ino, &max)) {
		uint64_t at = w->next++, number = w->number;

		w->asking = true;
		pthread_mutex_unlock(&p->mutex);
		asked = dir_ask_ahead(tree, ino, max);
		pthread_mutex_lock(&p->mutex);
		if (w->number != number)
			break;
		w->asking = false;
		if (at >= w->first) {
			w->coming[at % COMING].asked = asked;
			w->unread += asked;
		}
	}
	pthread_mutex_unlock(&p->mutex);
}

static void on_known(void *ctx, uint64_t ino)
{
	struct run *r = ctx;
	struct walks *p = r->tree->dirs->walks;
	struct walk *w = r->walk;

	pthread_mutex_lock(&p->mutex);
	w->known++;
	/* Behind those there is nothing to ask yet: later ones ask alone. */
	if (w->end - w->first < COMING)
		w->coming[w->end++ % COMING] = (struct coming){ino, 0};
	pthread_mutex_unlock(&p->mutex);
}

/* A reader has come to a directory: it and those before it are not ahead. */
static void come(struct walk *w, uint64_t ino)
{
	uint64_t at = w->first;

	while (at < w->end && w->coming[at % COMING].ino != ino)
		at++;
	if (at == w->end)
		return;
	while (w->first <= at)
		w->unread -= w->coming[w->first++ % COMING].asked;
	if (w->next < w->first)
		w->next = w->first;
}

void walks_row(struct tree *tree, uint64_t dir)
{
	struct walks *p = tree->dirs->walks;

	for (int i = 0; i < WALKS_MAX; i++) {
		struct walk *w = &p->walks[i];
		bool about;

		pthread_mutex_lock(&p->mutex);
		about = w->number && w->last == dir;
		w->row = w->row || about;
		pthread_mutex_unlock(&p->mutex);
		if (about)
			ask_ahead(tree, w);
	}
}

/* Waits while it is too far ahead. 0; -EINTR: nobody follows. */
static int await_followers(struct walks *p, struct walk *w)
{
	int rc = 0;

	while (!rc && !w->wanted &&
	       w->ahead >= (w->read > 1 ? AHEAD_PAGES : FIRST_PAGES)) {
		rc = cancel_wait(&p->moved, &p->mutex);
		if (!rc && clock_mono_ns() - w->followed_ns > IDLE_NS)
			rc = -EINTR;
	}
	return rc;
}

static int walk(struct run *r, struct flat *f)
{
	struct walks *p = r->tree->dirs->walks;
	struct walk *w = r->walk;
	bool more = true;
	int rc = 0;

	while (!rc && more) {
		int64_t began_ns = clock_mono_ns();

		rc = flat_page(f, &more);
		outage_note(r->tree, began_ns, rc);
		if (rc || !more)
			break;
		ask_ahead(r->tree, w);
		pthread_mutex_lock(&p->mutex);
		strcpy(w->passed, flat_passed(f));
		w->pages++;
		w->ahead++;
		w->wanted = false;
		pthread_cond_broadcast(&p->moved);
		rc = await_followers(p, w);
		pthread_mutex_unlock(&p->mutex);
	}
	return rc;
}

/* A refusal is of its kind: a policy may allow lists with a delimiter alone. */
static bool is_refusal(int rc)
{
	return rc == -EACCES || rc == -EINVAL || rc == -EOPNOTSUPP;
}

static void run_walk(void *arg)
{
	struct run *r = arg;
	struct walks *p = r->tree->dirs->walks;
	struct flat *f = NULL;
	int rc;

	cancel_enter(&r->tree->dirs->ended);
	rc = flat_new(r->tree, r->top, r->from, true, &f);
	if (!rc) {
		flat_tell(f, on_known, r);
		rc = walk(r, f);
	}
	flat_free(f);
	if (!rc)
		ask_ahead(r->tree, r->walk);
	cancel_enter(NULL);
	pthread_mutex_lock(&p->mutex);
	p->refused = p->refused || is_refusal(rc);
	r->walk->listing = false;
	pthread_cond_broadcast(&p->moved);
	pthread_mutex_unlock(&p->mutex);
	free(r);
}

static bool is_below(const char *path, const char *dir)
{
	size_t len = strlen(dir);

	return !len || (!strncmp(path, dir, len) && path[len] == '/');
}

/*
 * Where a list stands that has come to a key: < 0: it will come by the
 * directory; 0: it is in it; > 0: it was.
 */
static int stands(const char *key, const char *dir)
{
	size_t len = strlen(dir);
	int order = strncmp(key, dir, len);

	return order ? order : (int)(unsigned char)key[len] - '/';
}

/*
 * All below: with the mutex held. Whether a walk is about a directory. Of those
 * in which it has begun it has not met all.
 */
static bool covers(const struct walk *w, const char *path)
{
	return w->number && is_below(path, w->top) &&
	       (!strcmp(path, w->from) || is_below(path, w->from) ||
		stands(path, w->from) > 0);
}

/* The one that will bring a directory. */
static struct walk *walk_of(struct walks *p, const char *path)
{
	for (int i = 0; i < WALKS_MAX; i++) {
		struct walk *w = &p->walks[i];

		if (w->listing && covers(w, path) &&
		    stands(w->passed, path) <= 0)
			return w;
	}
	return NULL;
}

/* One that is over, and was followed longest ago. */
static struct walk *find_free(struct walks *p)
{
	struct walk *found = NULL;

	for (int i = 0; i < WALKS_MAX; i++) {
		struct walk *w = &p->walks[i];

		if (!w->listing && !w->followers &&
		    (!found || w->followed_ns < found->followed_ns))
			found = w;
	}
	return found;
}

static struct walk *begin(struct tree *tree, const struct place *at)
{
	struct walks *p = tree->dirs->walks;
	struct walk *w = find_free(p);
	struct run *r = w ? malloc(sizeof(*r)) : NULL;

	if (!r)
		return NULL;
	memset(w, 0, sizeof(*w));
	strcpy(w->top, at->path);
	path_to_parent(w->top);
	strcpy(w->from, at->path);
	w->number = ++p->number;
	w->listing = true;
	r->tree = tree;
	r->walk = w;
	strcpy(r->top, w->top);
	strcpy(r->from, w->from);
	if (pool_submit(p->pool, run_walk, r)) {
		w->listing = false;
		free(r);
		return NULL;
	}
	return w;
}

static struct read *read_find(struct walks *p, uint64_t ino)
{
	for (int i = 0; ino && i < READS_MAX; i++)
		if (p->reads[i].ino == ino)
			return &p->reads[i];
	return NULL;
}

static void read_note(struct walks *p, uint64_t ino)
{
	struct read *read = read_find(p, ino);

	if (!read) {
		read = &p->reads[p->next_read++ % READS_MAX];
		*read = (struct read){.ino = ino};
	}
	read->ns = clock_mono_ns();
}

/* Whether the directory that it is in was read, and lists have helped there. */
static bool is_worth(struct walks *p, const struct place *at)
{
	struct read *read = read_find(p, at->parent);

	return read && read->misses < MISSES_MAX &&
	       clock_mono_ns() - read->ns < IDLE_NS;
}

/* Those that are about the directory go on. */
static void follow(struct walks *p, const struct place *at)
{
	for (int i = 0; i < WALKS_MAX; i++) {
		struct walk *w = &p->walks[i];

		if (!covers(w, at->path))
			continue;
		w->ahead = 0;
		w->read++;
		w->last = at->ino;
		w->followed_ns = clock_mono_ns();
		come(w, at->ino);
	}
	pthread_cond_broadcast(&p->moved);
}

/* Whether its own list would bring the directory sooner. */
static bool is_far(const struct walk *w, const char *path, uint64_t pages)
{
	const char *rest;

	if (w->pages == pages)
		return false;
	if (stands(w->passed, path))
		return w->pages - pages >= WAIT_PAGES;
	/* It is as good as the other, unless it is somewhere deeper. */
	rest = w->passed + strlen(path) + (*path ? 1 : 0);
	return strchr(rest, '/');
}

static int await(struct walks *p, struct walk *w, const struct place *at)
{
	uint64_t pages = w->pages;
	struct read *read;
	int rc = 0;

	w->followers++;
	while (!rc && w->listing && stands(w->passed, at->path) <= 0 &&
	       !is_far(w, at->path, pages)) {
		w->wanted = true;
		pthread_cond_broadcast(&p->moved);
		rc = cancel_wait(&p->moved, &p->mutex);
		if (at->until_ns && clock_mono_ns() >= at->until_ns)
			break;
	}
	w->followers--;
	read = read_find(p, at->parent);
	if (!rc && read && !w->known)
		read->misses++;
	return rc;
}

/* Without the mutex. 0; -ENOENT: it has no place that could be listed. */
static int find_place(struct tree *tree, uint64_t ino, struct place *at)
{
	struct meta_dentry dentry = {.parent = 0};
	struct meta_inode inode;
	int rc = meta_lock(tree->meta);

	if (rc)
		return rc;
	rc = meta_inode_get(tree->meta, ino, &inode);
	if (!rc && (!S_ISDIR(inode.mode) || !inode.nlink))
		rc = -ENOENT;
	if (!rc)
		rc = meta_path(tree->meta, ino, NULL, at->path);
	if (!rc && ino != META_ROOT_INO)
		rc = meta_name_next(tree->meta, ino, 0, "", &dentry);
	meta_unlock(tree->meta);
	if (rc)
		return rc;
	at->ino = ino;
	at->parent = dentry.parent;
	at->fresh = dir_is_fresh(tree, &inode);
	at->until_ns =
		inode.flags & META_I_LISTED
			? clock_mono_ns() + tree->mount->config.patience_ns
			: 0;
	return 0;
}

static void ask_all_ahead(struct tree *tree, const char *path)
{
	struct walks *p = tree->dirs->walks;
	bool about;

	for (int i = 0; i < WALKS_MAX; i++) {
		pthread_mutex_lock(&p->mutex);
		about = covers(&p->walks[i], path);
		pthread_mutex_unlock(&p->mutex);
		if (about)
			ask_ahead(tree, &p->walks[i]);
	}
}

int walks_read(struct tree *tree, uint64_t ino)
{
	struct walks *p = tree->dirs->walks;
	struct place at;
	struct walk *w;
	bool worth;
	int rc = 0;

	/* Where each reader wants a list of his own there is none ahead. */
	if (!tree->mount->config.ttl_ns || find_place(tree, ino, &at))
		return 0;
	worth = !at.fresh && !cancel_is_set(&tree->dirs->ended) &&
		!outage_is_on(tree);
	pthread_mutex_lock(&p->mutex);
	w = walk_of(p, at.path);
	if (!w && worth && !p->refused && is_worth(p, &at))
		w = begin(tree, &at);
	read_note(p, ino);
	follow(p, &at);
	if (w && !at.fresh)
		rc = await(p, w, &at);
	pthread_mutex_unlock(&p->mutex);
	if (!rc)
		ask_all_ahead(tree, at.path);
	return rc;
}

int dir_read(struct tree *tree, uint64_t ino)
{
	int rc = walks_read(tree, ino);

	return rc ? rc : dir_refresh(tree, ino);
}
