/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns the walks under way, each on a thread. A walk has a stack of the
 * directories that its list is in. One that the list has left is known.
 */
#include "past_walk.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "list_at.h"
#include "vers3/core/mount.h"
#include "vers3/journal/journal.h"
#include "vers3/tree/reservation.h"
#include "vers3/util/array.h"
#include "vers3/util/cancel.h"
#include "vers3/util/clock.h"
#include "vers3/util/pool.h"
#include "view_node.h"

#define WALKS_MAX   8 /* at once: two trees that are compared, and more */
#define FIRST_PAGES 1 /* before anybody has asked for a second directory */
#define AHEAD_PAGES 16 /* of who asks for one after the other */
#define WAIT_PAGES  2 /* that are worth waiting for until it comes there */
#define STAY_PAGES  8 /* the same while it is in the directory */
#define IDLE_NS	    (30 * NS_PER_S)
#define QUIET_NS    NS_PER_S /* not followed for so long: it may make room */

/* Under the mutex of past_walks. */
struct past_walk {
	uint64_t number; /* of its records; 0: free */
	uint64_t mark; /* of past_records, by its beginning */
	int64_t at_ns;
	int64_t begun_ns; /* by the server's clock */
	char top[META_KEY_MAX + 1];
	char passed[META_KEY_MAX + 1]; /* the last key of the last page */
	char torn[META_KEY_MAX + 1]; /* what it filed up to there is gone */
	uint64_t pages;
	unsigned ahead; /* pages since somebody has followed */
	unsigned followers; /* who have it, and whom its end does not free */
	bool second; /* a directory below the top was asked for */
	bool waits; /* for followers: no request is out */
	bool unwanted; /* it makes room for another */
	int64_t followed_ns; /* monotonic: last */
};

struct past_walks {
	struct view *view; /* borrowed */
	struct past_records *records; /* borrowed */
	struct pool *pool; /* owned */
	struct cancel ended;
	pthread_mutex_t mutex; /* a leaf; protects what is below */
	pthread_cond_t moved; /* pages, followers, walks */
	struct past_walk walks[WALKS_MAX];
};

/* A directory that the list is in. */
struct level {
	size_t path_len; /* of it in the walk's path */
	bool there; /* something was in it at the instant */
	bool own; /* its own object has versions */
	bool torn; /* what was filed of it is gone */
	struct past_id id;
	struct past_stamp stamp;
};

struct found {
	struct past_id dir;
	char name[META_NAME_MAX + 1];
	struct past_entry e;
};

struct done {
	char *path; /* owned */
	struct past_stamp stamp;
	uint64_t old; /* the walk that had found it before; 0: none */
};

/* A walk as its own thread has it. */
struct run {
	struct past_walks *walks; /* borrowed */
	struct past_walk *walk; /* borrowed: its number is constant */
	struct list_at_tree list;
	char top[META_KEY_MAX + 1];
	char path[META_KEY_MAX + 1]; /* the directory of the last level */
	char last[META_KEY_MAX + 1]; /* the key that came last */
	struct level *levels; /* owned */
	size_t level_count, level_size;
	struct found *found; /* owned: the page */
	size_t found_count, found_size;
	struct done *done; /* owned: likewise */
	size_t done_count, done_size;
	/* What a directory that begins on this page, or the next, is stamped */
	struct past_stamp stamp, next_stamp;
	uint64_t pages;
};

static struct past_stamp stamp_now(const struct run *r)
{
	struct view *view = r->walks->view;

	return (struct past_stamp){
		.saves = journal_saves(view->journal),
		.walked_ns = mount_server_now_ns(view->mount),
		.mark = r->stamp.mark,
		.walk = r->walk->number,
	};
}

/* Whether key is below the directory of a path. */
static bool is_below(const char *path, size_t len, const char *key)
{
	return !len || (!strncmp(key, path, len) && key[len] == '/');
}

static int leave(struct run *r)
{
	struct level *l = &r->levels[--r->level_count];

	r->path[l->path_len] = '\0';
	if (l->there && !l->torn) {
		if (array_room(r->done, r->done_count, r->done_size))
			return -ENOMEM;
		r->done[r->done_count].stamp = l->stamp;
		r->done[r->done_count].old = 0;
		r->done[r->done_count].path = strdup(r->path);
		if (!r->done[r->done_count].path)
			return -ENOMEM;
		r->done_count++;
	}
	if (r->level_count)
		r->path[r->levels[r->level_count - 1].path_len] = '\0';
	return 0;
}

/* Goes into the directory that r->path names. */
static int enter(struct run *r)
{
	struct level *l;

	if (array_room(r->levels, r->level_count, r->level_size))
		return -ENOMEM;
	l = &r->levels[r->level_count++];
	memset(l, 0, sizeof(*l));
	l->path_len = strlen(r->path);
	l->stamp = r->stamp;
	past_id_make(&l->id, r->list.at_ns, r->path, r->walk->number);
	return 0;
}

static int find(struct run *r, const struct level *in, const char *name,
		const struct history_entry *version, bool dir, bool bare)
{
	struct found *f;

	if (array_room(r->found, r->found_count, r->found_size))
		return -ENOMEM;
	f = &r->found[r->found_count++];
	memset(f, 0, sizeof(*f));
	f->dir = in->id;
	strcpy(f->name, name);
	f->e.dir = dir;
	f->e.bare = bare;
	if (version)
		f->e.version = *version;
	return 0;
}

/*
 * The next name of a key from r->path on: 0, and it is in name; the rest of
 * the key is *ret_rest, NULL behind the last. -ENOENT: no tree shows it.
 */
static int next_name(const struct run *r, const char *key, char *name,
		     const char **ret_rest)
{
	size_t at = strlen(r->path), len;

	key += at + (at ? 1 : 0);
	len = strcspn(key, "/");
	*ret_rest = key[len] ? key + len + 1 : NULL;
	if (!len || len > META_NAME_MAX)
		return -ENOENT;
	memcpy(name, key, len);
	name[len] = '\0';
	return mount_name_ok(at ? NULL : r->walks->view->mount, name) ? 0
								      : -ENOENT;
}

/* Something was below all levels: those that were not there yet are found. */
static int find_levels(struct run *r, const char *key,
		       const struct history_entry *version)
{
	int rc = 0;

	for (size_t i = 1; !rc && i < r->level_count; i++) {
		struct level *l = &r->levels[i];
		char name[META_NAME_MAX + 1];
		size_t skip = r->levels[i - 1].path_len;

		if (l->there)
			continue;
		l->there = true;
		skip += skip ? 1 : 0;
		memcpy(name, r->path + skip, l->path_len - skip);
		name[l->path_len - skip] = '\0';
		rc = find(r, &r->levels[i - 1], name,
			  key[l->path_len + 1] ? NULL : version, true, !l->own);
	}
	return rc;
}

static int take_key(void *ctx, const char *key,
		    const struct history_entry *version)
{
	struct run *r = ctx;
	char name[META_NAME_MAX + 1];
	const char *rest = NULL;
	struct level *l;
	int rc = 0;

	/* A server that mixes its lists: directories were left too early. */
	if (strcmp(key, r->last) < 0)
		return -EIO;
	strcpy(r->last, key);
	while (!rc && !is_below(r->path, strlen(r->path), key))
		rc = leave(r);
	while (!rc && !(rc = next_name(r, key, name, &rest)) && rest) {
		if (*r->path)
			strcat(r->path, "/");
		strcat(r->path, name);
		rc = enter(r);
	}
	if (rc && rc != -ENOENT)
		return rc;
	l = &r->levels[r->level_count - 1];
	/* The directory's own object: it has no name in there. */
	if (rc && l->path_len && !key[l->path_len + 1])
		l->own = true;
	if (!version)
		return 0;
	if (!rc && !rest)
		rc = find(r, l, name, version, false, false);
	return rc && rc != -ENOENT ? rc : find_levels(r, key, version);
}

/* What the page has brought; a file comes before a directory of its name. */
static int file_page(struct run *r)
{
	struct view *view = r->walks->view;
	int rc = reservation_for_page(view->tree, r->pages++);

	if (!rc)
		rc = meta_lock(view->meta);
	if (rc)
		return rc;
	for (size_t i = 0; !rc && i < r->found_count; i++)
		rc = past_put_entry(view, &r->found[i].dir, r->found[i].name,
				    &r->found[i].e);
	for (size_t i = 0; !rc && i < r->done_count; i++)
		rc = past_put_stamp(view, r->list.at_ns, r->done[i].path,
				    &r->done[i].stamp, &r->done[i].old);
	meta_unlock(view->meta);
	r->found_count = 0;
	while (r->done_count) {
		const struct done *d = &r->done[--r->done_count];

		past_drop_names(view, r->list.at_ns, d->path, d->old);
		free(d->path);
	}
	return rc;
}

/*
 * Too much is filed: all that is goes, and what is under way is not whole.
 * last: of the keys so far.
 */
static int bound(struct run *r, const char *last)
{
	struct past_walks *p = r->walks;
	uint64_t mark = atomic_load(&p->records->mark);
	int rc;

	/* What was known holds no more: nor does this. */
	if (mark != r->stamp.mark)
		return -ESTALE;
	rc = past_records_bound(p->view, p->records);
	mark = atomic_load(&p->records->mark);
	if (rc || mark == r->stamp.mark)
		return rc;
	for (size_t i = 0; i < r->level_count; i++)
		r->levels[i].torn = true;
	r->stamp.mark = r->next_stamp.mark = mark;
	pthread_mutex_lock(&p->mutex);
	r->walk->mark = mark;
	strcpy(r->walk->torn, last);
	pthread_mutex_unlock(&p->mutex);
	return 0;
}

/* Waits while it is too far ahead. 0, or -errno: nobody can follow any more. */
static int await_followers(struct past_walks *p, struct past_walk *w)
{
	int rc = 0;

	while (!rc && !w->followers &&
	       w->ahead >= (w->second ? AHEAD_PAGES : FIRST_PAGES)) {
		w->waits = true;
		rc = cancel_wait(&p->moved, &p->mutex);
		/* Somebody waits for its end, whoever has followed since. */
		if (!rc &&
		    (w->unwanted || clock_mono_ns() - w->followed_ns > IDLE_NS))
			rc = -EINTR;
		if (!rc && atomic_load(&p->records->mark) != w->mark)
			rc = -ESTALE;
	}
	w->waits = false;
	return rc;
}

static int end_page(void *ctx, const char *last, bool more)
{
	struct run *r = ctx;
	struct past_walks *p = r->walks;
	int rc = file_page(r);

	if (!rc)
		rc = bound(r, last);
	if (rc || !more)
		return rc;
	/* The page after this one may have been asked for already. */
	r->stamp = r->next_stamp;
	r->next_stamp = stamp_now(r);
	pthread_mutex_lock(&p->mutex);
	strcpy(r->walk->passed, last);
	r->walk->pages++;
	r->walk->ahead++;
	pthread_cond_broadcast(&p->moved);
	rc = await_followers(p, r->walk);
	pthread_mutex_unlock(&p->mutex);
	return rc;
}

static int walk(struct run *r)
{
	int rc;

	r->list.path = r->top;
	r->list.on_key = take_key;
	r->list.on_page = end_page;
	r->list.ctx = r;
	r->stamp = r->next_stamp = stamp_now(r);
	r->stamp.mark = r->next_stamp.mark = r->walk->mark;
	strcpy(r->path, r->top);
	rc = enter(r);
	if (rc)
		return rc;
	r->levels[0].there = true;
	rc = list_at_tree(r->walks->view, &r->list);
	while (!rc && r->level_count)
		rc = leave(r);
	return rc ? rc : file_page(r);
}

static void run_walk(void *arg)
{
	struct run *r = arg;
	struct past_walks *p = r->walks;

	cancel_enter(&p->ended);
	walk(r); /* who waits for more than it brings asks alone */
	cancel_enter(NULL);
	pthread_mutex_lock(&p->mutex);
	r->walk->number = 0;
	pthread_cond_broadcast(&p->moved);
	pthread_mutex_unlock(&p->mutex);
	while (r->done_count)
		free(r->done[--r->done_count].path);
	free(r->done);
	free(r->found);
	free(r->levels);
	free(r);
}

int past_walks_new(struct view *view, struct past_records *records,
		   struct past_walks **ret_walks)
{
	struct past_walks *p = calloc(1, sizeof(*p));
	int rc;

	if (!p)
		return -ENOMEM;
	p->view = view;
	p->records = records;
	cancel_init(&p->ended, NULL);
	pthread_mutex_init(&p->mutex, NULL);
	rc = clock_cond_init(&p->moved);
	if (!rc)
		rc = pool_new("past", WALKS_MAX, &p->pool);
	if (rc) {
		past_walks_free(p);
		return rc;
	}
	*ret_walks = p;
	return 0;
}

void past_walks_free(struct past_walks *p)
{
	if (!p)
		return;
	cancel_set(&p->ended);
	pool_free(p->pool);
	pthread_cond_destroy(&p->moved);
	pthread_mutex_destroy(&p->mutex);
	free(p);
}

/* With the mutex held, as those below: the walk that a directory is in. */
static struct past_walk *walk_of(struct past_walks *p, int64_t at_ns,
				 const char *path)
{
	uint64_t mark = atomic_load(&p->records->mark);

	for (int i = 0; i < WALKS_MAX; i++) {
		struct past_walk *w = &p->walks[i];
		size_t len = strlen(w->top);

		if (w->number && w->at_ns == at_ns && w->mark == mark &&
		    (is_below(w->top, len, path) || !strcmp(w->top, path)))
			return w;
	}
	return NULL;
}

static struct past_walk *find_free(struct past_walks *p)
{
	for (int i = 0; i < WALKS_MAX; i++)
		if (!p->walks[i].number && !p->walks[i].followers)
			return &p->walks[i];
	return NULL;
}

/*
 * Ends the walk that nobody has followed for the longest time, and waits for
 * its end, which needs no request. Those whose top alone was read go first.
 */
static void make_room(struct past_walks *p)
{
	int64_t before = clock_mono_ns() - QUIET_NS;
	struct past_walk *last = NULL;
	uint64_t number;
	int rc = 0;

	for (int i = 0; i < WALKS_MAX; i++) {
		struct past_walk *w = &p->walks[i];

		if (!w->waits || w->followers || w->unwanted ||
		    (w->second && w->followed_ns > before))
			continue;
		if (!last || w->second < last->second ||
		    (w->second == last->second &&
		     w->followed_ns < last->followed_ns))
			last = w;
	}
	if (!last)
		return;
	number = last->number;
	last->unwanted = true;
	pthread_cond_broadcast(&p->moved);
	while (!rc && last->number == number)
		rc = cancel_wait(&p->moved, &p->mutex);
}

static struct past_walk *begin(struct past_walks *p, int64_t at_ns,
			       const char *path)
{
	struct past_walk *w = find_free(p);
	struct run *r;

	if (!w) {
		make_room(p);
		w = find_free(p);
	}
	r = w ? calloc(1, sizeof(*r)) : NULL;
	if (!r)
		return NULL;
	memset(w, 0, sizeof(*w));
	w->number = past_records_number(p->records);
	w->mark = atomic_load(&p->records->mark);
	w->at_ns = at_ns;
	w->begun_ns = mount_server_now_ns(p->view->mount);
	w->followed_ns = clock_mono_ns();
	strcpy(w->top, path);
	r->walks = p;
	r->walk = w;
	r->list.at_ns = at_ns;
	strcpy(r->top, path);
	if (pool_submit(p->pool, run_walk, r)) {
		w->number = 0;
		free(r);
		return NULL;
	}
	return w;
}

static void follow(struct past_walks *p, struct past_walk *w, const char *path)
{
	w->ahead = 0;
	w->followed_ns = clock_mono_ns();
	w->second = w->second || strcmp(w->top, path) != 0;
	pthread_cond_broadcast(&p->moved);
}

/*
 * Where a list stands that has come to a key: < 0: it will come by the
 * directory; 0: it is in it; > 0: it was.
 */
static int place(const char *key, const char *path)
{
	size_t len = strlen(path);
	int order = strncmp(key, path, len);

	if (!len)
		return 0;
	return order ? order : (int)(unsigned char)key[len] - '/';
}

/* Whether it will not have passed the directory soon. */
static bool is_far(const struct past_walk *w, const char *path,
		   const struct past_wait *wait)
{
	uint64_t pages = w->pages - wait->pages;

	if (!strcmp(w->top, path))
		return w->pages >= FIRST_PAGES;
	return pages >= (place(w->passed, path) ? WAIT_PAGES : STAY_PAGES);
}

int past_walks_wait(struct past_walks *p, int64_t at_ns, const char *path,
		    struct past_wait *wait)
{
	struct past_walk *w;
	int rc = 0;

	pthread_mutex_lock(&p->mutex);
	w = walk_of(p, at_ns, path);
	if (!w && !wait->walk)
		w = begin(p, at_ns, path);
	if (!w || (wait->walk && wait->walk != w->number)) {
		/* It has ended since it was looked at: a last look. */
		rc = wait->walk && wait->seen != UINT64_MAX ? 0 : 1;
		wait->seen = UINT64_MAX;
		goto out;
	}
	follow(p, w, path);
	if (!wait->walk) {
		wait->walk = w->number;
		wait->pages = wait->seen = w->pages;
		goto out;
	}
	w->followers++;
	while (!rc && w->number == wait->walk && w->pages == wait->seen &&
	       place(w->passed, path) <= 0 && !is_far(w, path, wait))
		rc = cancel_wait(&p->moved, &p->mutex);
	w->followers--;
	if (!rc && w->number == wait->walk && w->pages == wait->seen)
		rc = 1;
	wait->seen = w->pages;
out:
	pthread_mutex_unlock(&p->mutex);
	return rc;
}

void past_walks_follow(struct past_walks *p, int64_t at_ns, const char *path)
{
	struct past_walk *w;

	pthread_mutex_lock(&p->mutex);
	w = walk_of(p, at_ns, path);
	if (w)
		follow(p, w, path);
	pthread_mutex_unlock(&p->mutex);
}

struct past_walk *past_walks_join(struct past_walks *p, int64_t at_ns,
				  const char *path)
{
	struct past_walk *w;

	pthread_mutex_lock(&p->mutex);
	w = walk_of(p, at_ns, path);
	/* Of an instant that goes on, what it saw may be older than we are. */
	if (w && !past_was_over(at_ns, w->begun_ns))
		w = NULL;
	if (w) {
		w->followers++;
		follow(p, w, path);
	}
	pthread_mutex_unlock(&p->mutex);
	return w;
}

void past_walks_leave(struct past_walks *p, struct past_walk *w)
{
	if (!w)
		return;
	pthread_mutex_lock(&p->mutex);
	w->followers--;
	pthread_mutex_unlock(&p->mutex);
}

int past_walks_tell(struct past_walks *p, struct past_walk *w, const char *path,
		    const char *name, struct past_entry *ret)
{
	char child[META_KEY_MAX + 1];
	uint64_t number, mark;
	struct past_id id;
	int64_t at_ns;
	bool passed;
	int rc = mount_child_path(path, name, child);

	if (rc)
		return rc;
	pthread_mutex_lock(&p->mutex);
	number = w->number;
	mark = w->mark;
	at_ns = w->at_ns;
	/* It was met behind what is gone, and all of it was. */
	passed = number && place(w->torn, child) < 0 &&
		 place(w->passed, child) > 0;
	pthread_mutex_unlock(&p->mutex);
	if (!number)
		return -ECANCELED;
	if (!passed)
		return -EAGAIN;
	past_id_make(&id, at_ns, path, number);
	rc = meta_lock(p->view->meta);
	if (rc)
		return rc;
	rc = past_get_entry(p->view, &id, name, ret);
	/* Records go after the mark has changed, or behind another's stamp. */
	if (atomic_load(&p->records->mark) != mark ||
	    (rc == -ENOENT && past_has_other(p->view, at_ns, path, number)))
		rc = -EAGAIN;
	meta_unlock(p->view->meta);
	return !rc && !ret->dir ? -ENOENT : rc;
}
