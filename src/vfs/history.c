/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records of META_HISTORY, D being a hash of the directory's path:
 *
 *	D 'h'                  the whole directory was walked: stamp
 *	D 'f' name             one name was walked: stamp, whether it is a
 *	                       directory too
 *	D 'n' name NUL order   one version or marker of a name
 *	D 'p' name             something stands or stood below a name
 *
 * A stamp is the time of the walk and the number of saves this mount had
 * made by then, with the mount's own mark.
 */
#include "vers3/vfs/history.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/evp.h>

#include "version_list.h"
#include "vers3/util/clock.h"
#include "vers3/vfs/merge.h"
#include "vers3/vfs/syncer.h"

#define DIR_HASH 16
#define KEY_MAX	 (DIR_HASH + 1 + META_NAME_MAX + 1 + 8)
#define SEEK_MAX 512

struct history {
	pthread_mutex_t walking; /* one walk at a time */
	atomic_uint_fast64_t
		mark; /* in stamps: of this mount, until forgotten */
};

struct stamp {
	int64_t walked_ns;
	uint64_t mark, saves;
	uint8_t any, dir;
};

/* A version as it is filed; strings after it, each with its NUL. */
struct packed {
	uint64_t size_bytes;
	int64_t last_modified_ns;
	uint8_t marker, latest;
};

struct hkey {
	unsigned char at[KEY_MAX];
	size_t len;
};

int history_new(struct history **ret_history)
{
	struct history *h = calloc(1, sizeof(*h));

	if (!h)
		return -ENOMEM;
	pthread_mutex_init(&h->walking, NULL);
	atomic_init(&h->mark, (uint64_t)clock_real_ns());
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

/* Splits a path into its directory (hashed into k) and its last name. */
static const char *key_dir_of(struct hkey *k, const char *path, size_t len)
{
	unsigned char md[EVP_MAX_MD_SIZE];
	unsigned md_len = 0;

	EVP_Digest(path, len, md, &md_len, EVP_sha256(), NULL);
	memcpy(k->at, md, DIR_HASH);
	k->len = DIR_HASH;
	return path;
}

static void key_add(struct hkey *k, const void *data, size_t len)
{
	if (k->len + len <= sizeof(k->at)) {
		memcpy(k->at + k->len, data, len);
		k->len += len;
	}
}

/* D kind [name [NUL]] */
static void key_make(struct hkey *k, const char *dir, size_t dir_len, char kind,
		     const char *name, bool nul)
{
	key_dir_of(k, dir, dir_len);
	key_add(k, &kind, 1);
	if (name)
		key_add(k, name, strlen(name) + (nul ? 1 : 0));
}

static const char *split(const char *path, size_t *ret_dir_len)
{
	const char *slash = strrchr(path, '/');

	*ret_dir_len = slash ? (size_t)(slash - path) : 0;
	return slash ? slash + 1 : path;
}

static bool read_stamp(struct vfs *v, struct history *h, const struct hkey *k,
		       struct stamp *ret)
{
	int64_t now = clock_real_ns();
	struct meta_val val;

	if (meta_get(v->meta, META_HISTORY, k->at, k->len, &val) ||
	    val.size != sizeof(*ret))
		return false;
	memcpy(ret, val.data, sizeof(*ret));
	return ret->mark == atomic_load(&h->mark) &&
	       ret->saves == syncer_saves(v->syncer) && ret->walked_ns <= now &&
	       now - ret->walked_ns < v->config.ttl_ns;
}

/* One walk: what it looks for, and the page as it comes. */
struct walk {
	struct vfs *v;
	struct history *h;
	struct version_list list;
	bool only_one; /* whether there is anything at all */
	const char *path; /* of the directory, or of the one name */
	bool one_name;
	size_t skip; /* bytes of a key before the name */
	size_t prefix_len;
	struct found *items; /* owned: one page */
	size_t count, size;
	uint64_t order; /* counts down: versions come newest first */
	bool past; /* one name: the list has left it */
	bool any, dir;
	uint64_t mark; /* when it began */
};

struct found {
	bool prefix;
	char name[META_NAME_MAX + 1];
	struct history_entry e;
};

static struct found *found_add(struct walk *w)
{
	if (w->count == w->size) {
		size_t size = w->size ? w->size * 2 : 64;
		struct found *p = realloc(w->items, size * sizeof(*p));

		if (!p)
			return NULL;
		w->items = p;
		w->size = size;
	}
	memset(&w->items[w->count], 0, sizeof(*w->items));
	return &w->items[w->count++];
}

static int take_entry(void *ctx, const struct store_entry *e)
{
	struct walk *w = ctx;
	const char *name = e->key + w->skip;
	size_t len = e->key_len - w->skip;
	struct found *f;

	if (e->key_len < w->skip || w->past)
		return 0;
	if (w->one_name && e->key_len > w->prefix_len) {
		w->dir = w->dir || e->key[w->prefix_len] == '/';
		w->past = true;
		return 0;
	}
	if (e->kind == STORE_ENTRY_PREFIX && len)
		len--;
	if (!len || len > META_NAME_MAX ||
	    strlen(e->version_id) > META_VERSION_MAX ||
	    strlen(e->etag) > META_ETAG_MAX)
		return 0;
	f = found_add(w);
	if (!f)
		return -ENOMEM;
	memcpy(f->name, name, len);
	f->prefix = e->kind == STORE_ENTRY_PREFIX;
	if (!merge_name_ok(f->name, false)) {
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

static int put_found(struct walk *w, const char *dir, size_t dir_len,
		     const struct found *f)
{
	struct packed p = {.size_bytes = f->e.size_bytes,
			   .last_modified_ns = f->e.last_modified_ns,
			   .marker = f->e.marker,
			   .latest = f->e.latest};
	char val[sizeof(p) + META_VERSION_MAX + META_ETAG_MAX + 2];
	size_t vid = strlen(f->e.version_id) + 1;
	size_t etag = strlen(f->e.etag) + 1;
	unsigned char order[8];
	struct hkey k;

	if (f->prefix) {
		key_make(&k, dir, dir_len, 'p', f->name, false);
		return meta_put(w->v->meta, META_HISTORY, k.at, k.len, "", 0);
	}
	key_make(&k, dir, dir_len, 'n', f->name, true);
	meta_be64(order, --w->order);
	key_add(&k, order, sizeof(order));
	memcpy(val, &p, sizeof(p));
	memcpy(val + sizeof(p), f->e.version_id, vid);
	memcpy(val + sizeof(p) + vid, f->e.etag, etag);
	w->any = true;
	return meta_put(w->v->meta, META_HISTORY, k.at, k.len, val,
			sizeof(p) + vid + etag);
}

static int put_page(void *ctx)
{
	struct walk *w = ctx;
	size_t dir_len = strlen(w->path);
	int rc = meta_lock(w->v->meta);

	if (rc)
		return rc;
	if (w->one_name)
		split(w->path, &dir_len);
	for (size_t i = 0; !rc && i < w->count; i++)
		rc = put_found(w, w->path, dir_len, &w->items[i]);
	meta_unlock(w->v->meta);
	w->count = 0;
	w->list.stop = w->past || w->only_one;
	return rc;
}

/* Drops what an earlier walk filed under a beginning of keys. */
static int forget(struct vfs *v, const struct hkey *k)
{
	unsigned char at[SEEK_MAX];
	struct meta_val val;
	size_t len;
	int rc = meta_lock(v->meta);

	if (rc)
		return rc;
	while (!(rc = meta_seek(v->meta, META_HISTORY, k->at, k->len, k->len,
				false, at, &len, &val))) {
		rc = meta_del(v->meta, META_HISTORY, at, len);
		if (rc)
			break;
	}
	meta_unlock(v->meta);
	return rc == -ENOENT ? 0 : rc;
}

/* Walks the pages from prefix on, until the end or w->past. */
static int walk_pages(struct walk *w, const char *prefix, const char *delimiter,
		      bool only_one)
{
	w->list = (struct version_list){.prefix = prefix,
					.delimiter = delimiter,
					.max_keys = only_one ? 1 : 0,
					.on_entry = take_entry,
					.on_page = put_page,
					.ctx = w};
	w->only_one = only_one;
	return version_list(w->v->store, &w->list);
}

static int put_stamp(struct walk *w, const struct hkey *k, int64_t walked_ns,
		     uint64_t saves)
{
	struct stamp st;
	int rc = meta_lock(w->v->meta);

	if (rc)
		return rc;
	memset(&st, 0, sizeof(st));
	st.walked_ns = walked_ns;
	st.mark = w->mark;
	st.saves = saves;
	st.any = w->any;
	st.dir = w->dir;
	rc = meta_put(w->v->meta, META_HISTORY, k->at, k->len, &st, sizeof(st));
	meta_unlock(w->v->meta);
	return rc;
}

/* What the last walk of the whole directory says of a name. */
static bool known_from_dir(struct vfs *v, struct history *h, const char *path,
			   bool *ret_any, bool *ret_dir)
{
	unsigned char at[SEEK_MAX];
	struct meta_val val;
	struct stamp st;
	struct hkey k;
	size_t dir_len, len;
	const char *name = split(path, &dir_len);

	key_make(&k, path, dir_len, 'h', NULL, false);
	if (!read_stamp(v, h, &k, &st))
		return false;
	key_make(&k, path, dir_len, 'n', name, true);
	*ret_any = !meta_seek(v->meta, META_HISTORY, k.at, k.len, k.len, false,
			      at, &len, &val);
	key_make(&k, path, dir_len, 'p', name, false);
	*ret_dir = !meta_get(v->meta, META_HISTORY, k.at, k.len, &val);
	return true;
}

static bool known_name(struct vfs *v, struct history *h, const char *path,
		       bool *ret_any, bool *ret_dir)
{
	struct stamp st;
	struct hkey k;
	size_t dir_len;
	const char *name = split(path, &dir_len);
	bool known;

	if (meta_lock(v->meta))
		return false;
	known = known_from_dir(v, h, path, ret_any, ret_dir);
	if (!known) {
		key_make(&k, path, dir_len, 'f', name, false);
		known = read_stamp(v, h, &k, &st);
		if (known) {
			*ret_any = st.any;
			*ret_dir = st.dir;
		}
	}
	meta_unlock(v->meta);
	return known;
}

static int walk_name(struct vfs *v, struct history *h, const char *path,
		     struct walk *w)
{
	char prefix[META_KEY_MAX + 2];
	uint64_t saves = syncer_saves(v->syncer);
	int64_t now = clock_real_ns();
	struct hkey k;
	size_t dir_len;
	const char *name = split(path, &dir_len);
	int rc = vfs_object_key(v, path, prefix);

	if (rc)
		return rc;
	*w = (struct walk){.v = v,
			   .h = h,
			   .path = path,
			   .one_name = true,
			   .order = UINT64_MAX,
			   .mark = atomic_load(&h->mark)};
	w->prefix_len = strlen(prefix);
	w->skip = w->prefix_len - strlen(name);
	key_make(&k, path, dir_len, 'n', name, true);
	rc = forget(v, &k);
	if (!rc)
		rc = walk_pages(w, prefix, NULL, false);
	if (!rc && !w->dir) {
		/* Names such as "a-b" stand between "a" and "a/". */
		w->past = false;
		strcat(prefix, "/");
		rc = walk_pages(w, prefix, NULL, true);
	}
	key_make(&k, path, dir_len, 'f', name, false);
	if (!rc)
		rc = put_stamp(w, &k, now, saves);
	free(w->items);
	return rc;
}

int history_load_name(struct vfs *v, struct history *h, const char *path,
		      bool *ret_any, bool *ret_dir)
{
	struct walk w;
	int rc = 0;

	if (known_name(v, h, path, ret_any, ret_dir))
		return 0;
	pthread_mutex_lock(&h->walking);
	if (!known_name(v, h, path, ret_any, ret_dir)) {
		rc = walk_name(v, h, path, &w);
		*ret_any = w.any;
		*ret_dir = w.dir;
	}
	pthread_mutex_unlock(&h->walking);
	return rc;
}

static bool known_dir(struct vfs *v, struct history *h, const char *path)
{
	struct stamp st;
	struct hkey k;
	bool known;

	if (meta_lock(v->meta))
		return false;
	key_make(&k, path, strlen(path), 'h', NULL, false);
	known = read_stamp(v, h, &k, &st);
	meta_unlock(v->meta);
	return known;
}

static int walk_dir(struct vfs *v, struct history *h, const char *path)
{
	char prefix[META_KEY_MAX + 2];
	uint64_t saves = syncer_saves(v->syncer);
	int64_t now = clock_real_ns();
	struct walk w = {.v = v,
			 .h = h,
			 .path = path,
			 .order = UINT64_MAX,
			 .mark = atomic_load(&h->mark)};
	struct hkey k;
	int rc = vfs_object_key(v, path, prefix);

	if (rc)
		return rc;
	if (*path)
		strcat(prefix, "/");
	w.skip = w.prefix_len = strlen(prefix);
	key_dir_of(&k, path, strlen(path));
	rc = forget(v, &k);
	if (!rc)
		rc = walk_pages(&w, prefix, "/", false);
	key_make(&k, path, strlen(path), 'h', NULL, false);
	if (!rc)
		rc = put_stamp(&w, &k, now, saves);
	free(w.items);
	return rc;
}

int history_load_dir(struct vfs *v, struct history *h, const char *path)
{
	int rc = 0;

	if (known_dir(v, h, path))
		return 0;
	pthread_mutex_lock(&h->walking);
	if (!known_dir(v, h, path))
		rc = walk_dir(v, h, path);
	pthread_mutex_unlock(&h->walking);
	return rc;
}

static int unpack(const struct meta_val *val, struct history_entry *ret)
{
	const char *vid, *etag, *end = (const char *)val->data + val->size;
	struct packed p;

	if (val->size < sizeof(p) + 2 || end[-1])
		return -EIO;
	memcpy(&p, val->data, sizeof(p));
	vid = (const char *)val->data + sizeof(p);
	etag = vid + strlen(vid) + 1;
	if (etag >= end || strlen(vid) > META_VERSION_MAX ||
	    strlen(etag) > META_ETAG_MAX)
		return -EIO;
	ret->size_bytes = p.size_bytes;
	ret->last_modified_ns = p.last_modified_ns;
	ret->marker = p.marker;
	ret->latest = p.latest;
	strcpy(ret->version_id, vid);
	strcpy(ret->etag, etag);
	return 0;
}

int history_next(struct vfs *v, const char *path, uint64_t order,
		 struct history_entry *ret)
{
	unsigned char at[SEEK_MAX], from[8];
	struct meta_val val;
	struct hkey k;
	size_t dir_len, len, prefix;
	const char *name = split(path, &dir_len);
	int rc = meta_lock(v->meta);

	if (rc)
		return rc;
	key_make(&k, path, dir_len, 'n', name, true);
	prefix = k.len;
	meta_be64(from, order);
	key_add(&k, from, sizeof(from));
	rc = meta_seek(v->meta, META_HISTORY, k.at, k.len, prefix, true, at,
		       &len, &val);
	if (!rc && len != k.len)
		rc = -EIO;
	if (!rc) {
		ret->order = meta_from_be64(at + prefix);
		rc = unpack(&val, ret);
	}
	meta_unlock(v->meta);
	return rc;
}

/* The first name after `after` among the records of a kind. */
static int next_of_kind(struct vfs *v, const char *path, char kind,
			const char *after, char *name)
{
	unsigned char at[SEEK_MAX];
	struct meta_val val;
	struct hkey k;
	size_t len, head = DIR_HASH + 1, n;
	int rc;

	key_make(&k, path, strlen(path), kind, after, false);
	/* Past every version of `after`: their keys go on with a NUL. */
	if (*after)
		key_add(&k, kind == 'n' ? "\1" : "", kind == 'n' ? 1 : 0);
	rc = meta_seek(v->meta, META_HISTORY, k.at, k.len, head, *after, at,
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

int history_next_name(struct vfs *v, const char *path, const char *after,
		      char *name)
{
	char file[META_NAME_MAX + 1], dir[META_NAME_MAX + 1];
	int has_file, has_dir, rc = meta_lock(v->meta);

	if (rc)
		return rc;
	has_file = next_of_kind(v, path, 'n', after, file);
	has_dir = next_of_kind(v, path, 'p', after, dir);
	meta_unlock(v->meta);
	if (has_file && has_dir)
		return has_file == -ENOENT ? has_dir : has_file;
	if (has_dir || (!has_file && strcmp(file, dir) <= 0))
		strcpy(name, file);
	else
		strcpy(name, dir);
	return 0;
}
