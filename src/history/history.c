/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records of META_HISTORY, D being a hash of the directory's path, W one of
 * the path and the walk's number:
 *
 *	D 'h'                  the whole directory was walked: stamp
 *	D 'f' name             one name was walked: stamp, whether it is a
 *	                       directory too
 *	W 'n' name NUL order   one version of a name (filed.h); whether it
 *	                       is a marker, and the latest
 *	W 'p' name             something stands or stood below a name
 *	"walk" NUL number      a walk whose records are there: W, when it ended
 *
 * A directory's own object, DIR/, is the name "" in it, and walked only as such.
 *
 * A stamp is the walk's number, which is its time, and the number of saves
 * this mount had made by then, with the mount's own mark. What a walk found
 * is never changed: who reads it is not disturbed by the next one. It is
 * removed when no stamp can speak of it any more and KEEP_NS are over; who
 * still reads it gets -ESTALE.
 */
#include "vers3/history/history.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "filed.h"
#include "history_key.h"
#include "vers3/core/mount.h"
#include "vers3/journal/journal.h"
#include "vers3/store/version_list.h"
#include "vers3/tree/reservation.h"
#include "vers3/util/array.h"
#include "vers3/util/cancel.h"
#include "vers3/util/clock.h"
#include "vers3/util/path.h"
#include "view_node.h"

#define SEEK_MAX  512
#define KEEP_NS	  (30 * NS_PER_S)
#define REMOVE_NS (NS_PER_S / 2) /* more than a walk on a full disk adds */
#define CHUNK	  500 /* records removed under one hold */

struct history {
	/* One walk at a time: held over requests, as HACKING.md allows. */
	pthread_mutex_t walking;
	uint64_t first; /* no walk of this mount has a lower number */
	uint64_t last; /* walk's number; under walking */
	atomic_uint_fast64_t
		mark; /* in stamps: of this mount, until forgotten */
};

struct stamp {
	uint64_t walk; /* its number: realtime */
	uint64_t mark, saves;
	uint8_t any, dir;
	uint8_t own; /* of a directory: its own object ever had bytes */
};

int history_new(struct history **ret_history)
{
	struct history *h = calloc(1, sizeof(*h));

	if (!h)
		return -ENOMEM;
	pthread_mutex_init(&h->walking, NULL);
	h->first = (uint64_t)clock_real_ns();
	atomic_init(&h->mark, h->first);
	*ret_history = h;
	return 0;
}

void history_free(struct history *h)
{
	if (!h)
		return;
	pthread_mutex_destroy(&h->walking);
	free(h);
}

void history_forget(struct history *h)
{
	atomic_fetch_add(&h->mark, 1);
}

static bool read_stamp(struct view *view, struct history *h,
		       const struct history_key *k, struct stamp *ret)
{
	uint64_t now = (uint64_t)clock_real_ns();
	struct meta_val val;

	if (meta_get(view->meta, META_HISTORY, k->at, k->len, &val) ||
	    val.size != sizeof(*ret))
		return false;
	memcpy(ret, val.data, sizeof(*ret));
	return ret->mark == atomic_load(&h->mark) &&
	       ret->saves == journal_saves(view->journal) && ret->walk <= now &&
	       now - ret->walk < (uint64_t)view->mount->config.ttl_ns;
}

/* One walk: what it looks for, and the page as it comes. */
struct history_walk {
	struct view *view;
	struct history *h;
	struct version_list list;
	bool only_one; /* whether there is anything at all */
	const char *path; /* of the directory, or of the one name */
	bool one_name;
	size_t skip; /* bytes of a key before the name */
	size_t prefix_len;
	struct found *items; /* owned: one page */
	size_t count, size;
	uint64_t pages; /* so far */
	uint64_t order; /* counts down: versions come newest first */
	bool past; /* one name: the list has left it */
	bool any, dir, own;
	uint64_t number;
	uint64_t mark, saves; /* when it began */
};

struct found {
	bool prefix;
	char name[META_NAME_MAX + 1];
	struct history_entry e;
};

static struct found *found_add(struct history_walk *w)
{
	if (array_room(w->items, w->count, w->size))
		return NULL;
	memset(&w->items[w->count], 0, sizeof(*w->items));
	return &w->items[w->count++];
}

static int take_entry(void *ctx, const struct store_entry *e)
{
	struct history_walk *w = ctx;
	const char *name = e->key + w->skip;
	size_t len = e->key_len - w->skip;
	bool own = w->one_name && e->key_len == w->skip;
	struct found *f;

	if (e->key_len < w->skip || w->past)
		return 0;
	w->own = w->own || (!len && e->size_bytes);
	if (w->one_name && e->key_len > w->prefix_len) {
		w->dir = w->dir || e->key[w->prefix_len] == '/';
		w->past = true;
		return 0;
	}
	if (e->kind == STORE_ENTRY_PREFIX && len)
		len--;
	if ((!len && !own) || len > META_NAME_MAX ||
	    strlen(e->version_id) > META_VERSION_MAX ||
	    strlen(e->etag) > META_ETAG_MAX)
		return 0;
	f = found_add(w);
	if (!f)
		return -ENOMEM;
	memcpy(f->name, name, len);
	f->prefix = e->kind == STORE_ENTRY_PREFIX;
	if (!own && !mount_name_ok(NULL, f->name)) {
		w->count--;
		return 0;
	}
	f->e.marker = e->kind == STORE_ENTRY_MARKER;
	f->e.latest = e->latest;
	f->e.size_bytes = e->size_bytes;
	f->e.last_modified_ns = e->last_modified_ns;
	strcpy(f->e.version_id, e->version_id);
	strcpy(f->e.etag, e->etag);
	return 0;
}

static int put_found(struct history_walk *w, const char *dir, size_t dir_len,
		     const struct found *f)
{
	const uint8_t marks[FILED_MARKS] = {f->e.marker, f->e.latest};
	char val[FILED_MAX];
	unsigned char order[8];
	struct history_key k;

	if (f->prefix) {
		history_key_found(&k, dir, dir_len, w->number, 'p', f->name);
		return meta_put(w->view->meta, META_HISTORY, k.at, k.len, "",
				0);
	}
	history_key_found(&k, dir, dir_len, w->number, 'n', f->name);
	meta_be64(order, --w->order);
	history_key_add(&k, order, sizeof(order));
	w->any = true;
	return meta_put(w->view->meta, META_HISTORY, k.at, k.len, val,
			filed_pack(&f->e, marks, val));
}

static int put_page(void *ctx)
{
	struct history_walk *w = ctx;
	size_t dir_len = strlen(w->path);
	int rc = reservation_for_page(w->view->tree, w->pages++);

	if (!rc)
		rc = meta_lock(w->view->meta);
	if (rc)
		return rc;
	if (w->one_name)
		dir_len = path_parent_len(w->path);
	for (size_t i = 0; !rc && i < w->count; i++)
		rc = put_found(w, w->path, dir_len, &w->items[i]);
	meta_unlock(w->view->meta);
	w->count = 0;
	w->list.stop = w->past || w->only_one;
	return rc;
}

/* Says where a walk's records are; ended_ns: 0 while they are coming. */
static int note_walk(const struct history_walk *w, const char *dir,
		     size_t dir_len, uint64_t ended_ns)
{
	struct meta *meta = w->view->meta;
	struct history_key k, val;
	unsigned char ended[8];
	int rc = meta_lock(meta);

	if (rc)
		return rc;
	history_key_walk(&k, w->number);
	history_key_dir_of(&val, dir, dir_len, w->number);
	meta_be64(ended, ended_ns);
	history_key_add(&val, ended, sizeof(ended));
	rc = meta_put(meta, META_HISTORY, k.at, k.len, val.at, val.len);
	meta_unlock(meta);
	return rc;
}

/*
 * A walk that failed has no readers: its records go as soon as its turn
 * comes, not only at the next mount.
 */
static void note_failure(const struct history_walk *w, const char *dir,
			 size_t dir_len)
{
	struct meta *meta = w->view->meta;
	struct history_key k, val;

	if (meta_lock(meta))
		return;
	history_key_walk(&k, w->number);
	history_key_dir_of(&val, dir, dir_len, w->number);
	history_key_add(&val, "", 1); /* as remove_some() cuts it */
	meta_put(meta, META_HISTORY, k.at, k.len, val.at, val.len);
	meta_unlock(meta);
}

/* Whether the records of a walk can go. */
static bool is_old(struct view *view, struct history *h,
		   const struct history_key *k, const struct meta_val *val)
{
	int64_t before = clock_real_ns() - view->mount->config.ttl_ns - KEEP_NS;
	uint64_t number, ended;

	if (k->len != sizeof(HISTORY_WALK_KEY) + 8 || before < 0)
		return false;
	if (val->size != HISTORY_WALK_SIZE)
		return val->size == HISTORY_DIR_HASH + 1; /* being removed */
	number = meta_from_be64(k->at + sizeof(HISTORY_WALK_KEY));
	ended = meta_from_be64((const unsigned char *)val->data +
			       HISTORY_DIR_HASH);
	/* One that an earlier mount did not end never will. */
	return ended ? ended < (uint64_t)before : number < h->first;
}

/*
 * Removes records of the oldest walk, if it is too old for any stamp. 0,
 * -ENOENT when there is none such. First the walk's own record is cut short:
 * readers see by it that others are gone.
 */
static int remove_some(struct view *view, struct history *h)
{
	unsigned char at[SEEK_MAX], scope[HISTORY_DIR_HASH + 1] = {0};
	struct meta_val val;
	struct history_key k;
	size_t len;
	int rc;

	history_key_walk(&k, 0);
	rc = meta_seek(view->meta, META_HISTORY, k.at, k.len,
		       sizeof(HISTORY_WALK_KEY), true, at, &len, &val);
	if (!rc && len <= sizeof(k.at)) {
		memcpy(k.at, at, len);
		k.len = len;
	}
	if (!rc && !is_old(view, h, &k, &val))
		rc = -ENOENT;
	if (rc)
		return rc;
	memcpy(scope, val.data, HISTORY_DIR_HASH);
	rc = meta_put(view->meta, META_HISTORY, k.at, k.len, scope,
		      sizeof(scope));
	for (int i = 0; !rc && i < CHUNK; i++) {
		rc = meta_seek(view->meta, META_HISTORY, scope,
			       HISTORY_DIR_HASH, HISTORY_DIR_HASH, false, at,
			       &len, &val);
		if (!rc)
			rc = meta_del(view->meta, META_HISTORY, at, len);
	}
	if (rc == -ENOENT)
		rc = meta_del(view->meta, META_HISTORY, k.at, k.len);
	return rc;
}

/* As far as it goes while somebody waits; the next walk goes on. */
static void remove_old(struct view *view, struct history *h)
{
	int64_t until = clock_mono_ns() + REMOVE_NS;
	int rc = 0;

	while (!rc && !cancel_asked() && clock_mono_ns() < until &&
	       !meta_lock(view->meta)) {
		rc = remove_some(view, h);
		meta_unlock(view->meta);
	}
}

/* Whether a walk's records are all there; with meta_lock() held. */
static bool is_whole(struct view *view, uint64_t walk)
{
	struct meta_val val;
	struct history_key k;

	history_key_walk(&k, walk);
	return !meta_get(view->meta, META_HISTORY, k.at, k.len, &val) &&
	       val.size == HISTORY_WALK_SIZE;
}

/* Starts a walk: under the mutex. */
static void walk_init(struct history_walk *w, struct view *view,
		      struct history *h, const char *path)
{
	uint64_t now = (uint64_t)clock_real_ns();

	memset(w, 0, sizeof(*w));
	w->view = view;
	w->h = h;
	w->path = path;
	w->order = UINT64_MAX;
	w->mark = atomic_load(&h->mark);
	w->saves = journal_saves(view->journal);
	w->number = now > h->last ? now : h->last + 1;
	h->last = w->number;
}

/* Walks the pages from prefix on, until the end, w->past or w->only_one. */
static int walk_pages(struct history_walk *w, const char *prefix,
		      const char *delimiter)
{
	w->list = (struct version_list){.prefix = prefix,
					.delimiter = delimiter,
					.max_keys = w->only_one ? 1 : 0,
					.on_entry = take_entry,
					.on_page = put_page,
					.ctx = w};
	return version_list(w->view->mount->store, &w->list);
}

static int put_stamp(struct history_walk *w, const struct history_key *k)
{
	struct stamp st;
	int rc = meta_lock(w->view->meta);

	if (rc)
		return rc;
	memset(&st, 0, sizeof(st));
	st.walk = w->number;
	st.mark = w->mark;
	st.saves = w->saves;
	st.any = w->any;
	st.dir = w->dir;
	st.own = w->own;
	rc = meta_put(w->view->meta, META_HISTORY, k->at, k->len, &st,
		      sizeof(st));
	meta_unlock(w->view->meta);
	return rc;
}

/* What the last walk of the whole directory says of a name. */
static bool known_from_dir(struct view *view, struct history *h,
			   const char *path, struct history_seen *ret)
{
	unsigned char at[SEEK_MAX];
	struct meta_val val;
	struct stamp st;
	struct history_key k;
	size_t dir_len = path_parent_len(path), len;
	const char *name = path_base(path);

	history_key_stamp(&k, path, dir_len, 'h', NULL);
	if (!read_stamp(view, h, &k, &st))
		return false;
	ret->walk = st.walk;
	history_key_found(&k, path, dir_len, st.walk, 'n', name);
	ret->any = !meta_seek(view->meta, META_HISTORY, k.at, k.len, k.len,
			      false, at, &len, &val);
	history_key_found(&k, path, dir_len, st.walk, 'p', name);
	ret->dir = !meta_get(view->meta, META_HISTORY, k.at, k.len, &val);
	return true;
}

static bool known_name(struct view *view, struct history *h, const char *path,
		       struct history_seen *ret)
{
	struct stamp st;
	struct history_key k;
	size_t dir_len = path_parent_len(path);
	const char *name = path_base(path);
	bool known;

	if (meta_lock(view->meta))
		return false;
	known = *name && known_from_dir(view, h, path, ret);
	if (!known) {
		history_key_stamp(&k, path, dir_len, 'f', name);
		known = read_stamp(view, h, &k, &st);
		if (known) {
			ret->any = st.any;
			ret->dir = st.dir;
			ret->walk = st.walk;
		}
	}
	meta_unlock(view->meta);
	return known;
}

static int walk_name(struct view *view, struct history *h, const char *path,
		     struct history_seen *ret)
{
	char prefix[META_KEY_MAX + 2];
	struct history_walk w;
	struct history_key k;
	size_t dir_len = path_parent_len(path);
	const char *name = path_base(path);
	int rc = mount_key(view->mount, path, prefix);

	if (rc)
		return rc;
	walk_init(&w, view, h, path);
	w.one_name = true;
	w.prefix_len = strlen(prefix);
	w.skip = w.prefix_len - strlen(name);
	rc = note_walk(&w, path, dir_len, 0);
	if (!rc)
		rc = walk_pages(&w, prefix, NULL);
	w.dir = w.dir && *name;
	if (!rc && !w.dir && *name) {
		/* Names such as "a-b" stand between "a" and "a/". */
		w.past = false;
		w.only_one = true;
		strcat(prefix, "/");
		rc = walk_pages(&w, prefix, NULL);
	}
	if (!rc)
		rc = note_walk(&w, path, dir_len, (uint64_t)clock_real_ns());
	history_key_stamp(&k, path, dir_len, 'f', name);
	if (!rc)
		rc = put_stamp(&w, &k);
	else
		note_failure(&w, path, dir_len);
	free(w.items);
	ret->any = w.any;
	ret->dir = w.dir;
	ret->walk = w.number;
	return rc;
}

int history_load_name(struct view *view, struct history *h, const char *path,
		      struct history_seen *ret_seen)
{
	int rc = 0;

	if (known_name(view, h, path, ret_seen))
		return 0;
	rc = cancel_lock(&h->walking);
	if (rc)
		return rc;
	if (!known_name(view, h, path, ret_seen)) {
		rc = walk_name(view, h, path, ret_seen);
		remove_old(view, h);
	}
	pthread_mutex_unlock(&h->walking);
	return rc;
}

static bool known_dir(struct view *view, struct history *h, const char *path,
		      uint64_t *ret_walk, bool *ret_own)
{
	struct stamp st;
	struct history_key k;
	bool known;

	if (meta_lock(view->meta))
		return false;
	history_key_stamp(&k, path, strlen(path), 'h', NULL);
	known = read_stamp(view, h, &k, &st);
	meta_unlock(view->meta);
	if (known) {
		*ret_walk = st.walk;
		*ret_own = st.own;
	}
	return known;
}

static int walk_dir(struct view *view, struct history *h, const char *path,
		    uint64_t *ret_walk, bool *ret_own)
{
	char prefix[META_KEY_MAX + 2];
	struct history_walk w;
	struct history_key k;
	int rc = mount_key(view->mount, path, prefix);

	if (rc)
		return rc;
	if (*path)
		strcat(prefix, "/");
	walk_init(&w, view, h, path);
	w.skip = w.prefix_len = strlen(prefix);
	rc = note_walk(&w, path, strlen(path), 0);
	if (!rc)
		rc = walk_pages(&w, prefix, "/");
	if (!rc)
		rc = note_walk(&w, path, strlen(path),
			       (uint64_t)clock_real_ns());
	history_key_stamp(&k, path, strlen(path), 'h', NULL);
	if (!rc)
		rc = put_stamp(&w, &k);
	else
		note_failure(&w, path, strlen(path));
	free(w.items);
	*ret_walk = w.number;
	*ret_own = w.own;
	return rc;
}

int history_load_dir(struct view *view, struct history *h, const char *path,
		     uint64_t *ret_walk, bool *ret_own)
{
	int rc = 0;

	if (known_dir(view, h, path, ret_walk, ret_own))
		return 0;
	rc = cancel_lock(&h->walking);
	if (rc)
		return rc;
	if (!known_dir(view, h, path, ret_walk, ret_own)) {
		rc = walk_dir(view, h, path, ret_walk, ret_own);
		remove_old(view, h);
	}
	pthread_mutex_unlock(&h->walking);
	return rc;
}

int history_next(struct view *view, const char *path, uint64_t walk,
		 uint64_t order, struct history_entry *ret)
{
	unsigned char at[SEEK_MAX], from[8];
	uint8_t marks[FILED_MARKS];
	struct meta_val val;
	struct history_key k;
	size_t dir_len = path_parent_len(path), len, prefix;
	const char *name = path_base(path);
	int rc = meta_lock(view->meta);

	if (rc)
		return rc;
	history_key_found(&k, path, dir_len, walk, 'n', name);
	prefix = k.len;
	meta_be64(from, order);
	history_key_add(&k, from, sizeof(from));
	rc = is_whole(view, walk) ? 0 : -ESTALE;
	if (!rc)
		rc = meta_seek(view->meta, META_HISTORY, k.at, k.len, prefix,
			       true, at, &len, &val);
	if (!rc && len != k.len)
		rc = -EIO;
	if (!rc) {
		ret->order = meta_from_be64(at + prefix);
		rc = filed_unpack(&val, ret, marks);
	}
	if (!rc) {
		ret->marker = marks[0];
		ret->latest = marks[1];
	}
	meta_unlock(view->meta);
	return rc;
}

/* The first name after `after` among the records of a kind. */
static int next_of_kind(struct view *view, const char *path, uint64_t walk,
			char kind, const char *after, char *name)
{
	unsigned char at[SEEK_MAX];
	struct meta_val val;
	struct history_key k;
	size_t len, head = HISTORY_DIR_HASH + 1, n;
	int rc;

	history_key_dir_of(&k, path, strlen(path), walk);
	history_key_add(&k, &kind, 1);
	history_key_add(&k, after, strlen(after));
	/* Past every version of `after`: their keys go on with a NUL. */
	if (*after && kind == 'n')
		history_key_add(&k, "\1", 1);
	rc = meta_seek(view->meta, META_HISTORY, k.at, k.len, head, *after, at,
		       &len, &val);
	if (rc)
		return rc;
	n = strnlen((char *)at + head, len - head);
	if (n > META_NAME_MAX)
		return -EIO;
	memcpy(name, at + head, n);
	name[n] = '\0';
	return 0;
}

int history_next_name(struct view *view, const char *path, uint64_t walk,
		      const char *after, char *name)
{
	char file[META_NAME_MAX + 1], dir[META_NAME_MAX + 1];
	int has_file, has_dir, rc = meta_lock(view->meta);

	if (rc)
		return rc;
	rc = is_whole(view, walk) ? 0 : -ESTALE;
	has_file = next_of_kind(view, path, walk, 'n', after, file);
	has_dir = next_of_kind(view, path, walk, 'p', after, dir);
	meta_unlock(view->meta);
	if (rc)
		return rc;
	if (has_file && has_dir)
		return has_file == -ENOENT ? has_dir : has_file;
	if (has_dir || (!has_file && strcmp(file, dir) <= 0))
		strcpy(name, file);
	else
		strcpy(name, dir);
	return 0;
}
