/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records of META_PAST, D being a hash of an instant and a directory's path:
 *
 *	D '0'        the directory's names are known: stamp
 *	D 'n' name   what stood there (filed.h), and whether it is a directory
 *
 * The stamp goes first and comes last, so that names under a stamp are all of
 * them.
 */
#include "snapshot.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/evp.h>

#include "filed.h"
#include "list_at.h"
#include "vers3/core/mount.h"
#include "vers3/journal/journal.h"
#include "vers3/tree/reservation.h"
#include "vers3/util/cancel.h"
#include "vers3/util/clock.h"
#include "vers3/util/path.h"
#include "vers3/util/pool.h"
#include "view_node.h"

#define DIR_HASH    16
#define HEAD_LEN    (DIR_HASH + 1)
#define KEY_MAX	    (HEAD_LEN + META_NAME_MAX)
#define RECORDS_MAX 500000 /* then all is forgotten */
#define BATCH	    1000 /* records removed under one hold of the lock */
#define WIDTH	    16 /* requests at once */
#define OVER_NS	    (10 * NS_PER_S) /* clocks may differ by so much */
#define KEEP_NS	    (600 * NS_PER_S)

struct snapshot {
	/* One walk at a time: held over requests, as HACKING.md allows. */
	pthread_mutex_t walking;
	struct pool *pool; /* owned */
	atomic_uint_fast64_t
		mark; /* in stamps: of this mount, until forgotten */
};

struct stamp {
	int64_t walked_ns;
	uint64_t mark, saves;
};

struct pkey {
	unsigned char at[KEY_MAX];
	size_t len;
};

/* Removes all records, stamps before the names under them. */
static int remove_all(struct view *view)
{
	unsigned char key[META_KEY_BUF];
	size_t len;
	int rc = 0;

	while (!rc) {
		rc = meta_lock(view->meta);
		if (rc)
			return rc;
		for (int i = 0; !rc && i < BATCH; i++) {
			rc = meta_seek(view->meta, META_PAST, "", 0, 0, false,
				       key, &len, NULL);
			if (!rc)
				rc = meta_del(view->meta, META_PAST, key, len);
		}
		meta_unlock(view->meta);
	}
	return rc == -ENOENT ? 0 : rc;
}

int snapshot_new(struct view *view, struct snapshot **ret_snapshot)
{
	struct snapshot *p = calloc(1, sizeof(*p));
	int rc;

	if (!p)
		return -ENOMEM;
	pthread_mutex_init(&p->walking, NULL);
	atomic_init(&p->mark, (uint64_t)clock_real_ns());
	rc = pool_new("snapshot", WIDTH, &p->pool);
	if (!rc)
		rc = remove_all(view);
	if (rc) {
		snapshot_free(p);
		return rc;
	}
	*ret_snapshot = p;
	return 0;
}

void snapshot_free(struct snapshot *p)
{
	if (!p)
		return;
	pool_free(p->pool);
	pthread_mutex_destroy(&p->walking);
	free(p);
}

static void key_make(struct pkey *k, int64_t at_ns, const char *path, char kind,
		     const char *name)
{
	char text[8 + META_KEY_MAX];
	unsigned char md[EVP_MAX_MD_SIZE];
	unsigned md_len = 0;
	size_t path_len = strlen(path), name_len = strlen(name);

	meta_be64(text, (uint64_t)at_ns);
	memcpy(text + 8, path, path_len);
	EVP_Digest(text, 8 + path_len, md, &md_len, EVP_sha256(), NULL);
	memcpy(k->at, md, DIR_HASH);
	k->at[DIR_HASH] = (unsigned char)kind;
	memcpy(k->at + HEAD_LEN, name, name_len);
	k->len = HEAD_LEN + name_len;
}

/* Whether all that was saved by then could be listed at `asked`. */
static bool was_over(int64_t at_ns, int64_t asked_ns)
{
	return asked_ns > at_ns && asked_ns - at_ns > OVER_NS;
}

int64_t snapshot_ttl_ns(struct view *view, int64_t at_ns)
{
	return was_over(at_ns, mount_server_now_ns(view->mount))
		       ? KEEP_NS
		       : view->mount->config.ttl_ns;
}

/* Whether a walk was ended, by this mount; with meta_lock() held. */
static bool has_names(struct view *view, struct snapshot *p, int64_t at_ns,
		      const char *path, struct stamp *ret)
{
	struct meta_val val;
	struct pkey k;

	key_make(&k, at_ns, path, '0', "");
	if (meta_get(view->meta, META_PAST, k.at, k.len, &val) ||
	    val.size != sizeof(*ret))
		return false;
	memcpy(ret, val.data, sizeof(*ret));
	return ret->mark == atomic_load(&p->mark);
}

/* Whether it still tells what was; with meta_lock() held. */
static bool is_known(struct view *view, struct snapshot *p, int64_t at_ns,
		     const char *path)
{
	struct stamp st;
	int64_t age;

	if (!has_names(view, p, at_ns, path, &st))
		return false;
	age = mount_server_now_ns(view->mount) - st.walked_ns;
	if (age < 0)
		return false;
	if (was_over(at_ns, st.walked_ns))
		return age < KEEP_NS;
	return age < view->mount->config.ttl_ns &&
	       st.saves == journal_saves(view->journal);
}

static int unpack(const struct meta_val *val, struct snapshot_entry *ret)
{
	uint8_t marks[FILED_MARKS];
	int rc;

	memset(ret, 0, sizeof(*ret));
	rc = filed_unpack(val, &ret->version, marks);
	if (!rc)
		ret->dir = marks[0];
	return rc;
}

/* One walk of a directory, and the page as it comes. */
struct snapshot_walk {
	struct view *view;
	struct snapshot *snapshot;
	int64_t at_ns;
	const char *path;
	uint64_t mark; /* when it began */
	uint64_t pages; /* so far */
	struct list_at_item *items; /* owned by the snapshot: the page */
	size_t count;
};

static int put_item(struct snapshot_walk *w, const struct list_at_item *it)
{
	const uint8_t marks[FILED_MARKS] = {it->dir};
	char val[FILED_MAX];
	struct pkey k;

	key_make(&k, w->at_ns, w->path, 'n', it->name);
	return meta_put(w->view->meta, META_PAST, k.at, k.len, val,
			filed_pack(&it->version, marks, val));
}

/* Whether the directory of an item was there, and its own object. */
static int look_below(void *ctx, unsigned i)
{
	struct snapshot_walk *w = ctx;
	struct list_at_item *it = &w->items[i];
	char path[META_KEY_MAX + 1];
	int rc;

	if (!it->dir)
		return 0;
	rc = mount_child_path(w->path, it->name, path);
	if (!rc)
		rc = list_at_below(w->view, w->at_ns, path, &it->version);
	if (rc == -ENOENT || rc == -ENAMETOOLONG) {
		it->name[0] = '\0';
		rc = 0;
	}
	return rc;
}

static int take_page(void *ctx, struct list_at_item *items, size_t count)
{
	struct snapshot_walk *w = ctx;
	int rc = reservation_for_page(w->view->tree, w->pages++);

	if (rc)
		return rc;
	w->items = items;
	rc = pool_each(w->snapshot->pool, WIDTH, (unsigned)count, look_below,
		       w);
	if (!rc)
		rc = meta_lock(w->view->meta);
	if (rc)
		return rc;
	/* Files first: a directory of the same name hides the file. */
	for (int dirs = 0; dirs < 2; dirs++)
		for (size_t i = 0; !rc && i < count; i++)
			if (items[i].name[0] && items[i].dir == (dirs != 0))
				rc = put_item(w, &items[i]);
	meta_unlock(w->view->meta);
	return rc;
}

static int remove_dir(struct view *view, int64_t at_ns, const char *path)
{
	struct pkey k;
	int rc = meta_lock(view->meta);

	if (rc)
		return rc;
	key_make(&k, at_ns, path, '0', "");
	rc = meta_del_prefix(view->meta, META_PAST, k.at, DIR_HASH);
	meta_unlock(view->meta);
	return rc;
}

static int put_stamp(struct snapshot_walk *w, int64_t asked_ns, uint64_t saves)
{
	struct stamp st;
	struct pkey k;
	int rc = meta_lock(w->view->meta);

	if (rc)
		return rc;
	memset(&st, 0, sizeof(st));
	st.walked_ns = asked_ns;
	st.mark = w->mark;
	st.saves = saves;
	key_make(&k, w->at_ns, w->path, '0', "");
	rc = meta_put(w->view->meta, META_PAST, k.at, k.len, &st, sizeof(st));
	meta_unlock(w->view->meta);
	return rc;
}

static int walk_dir(struct view *view, struct snapshot *p, int64_t at_ns,
		    const char *path)
{
	struct snapshot_walk w = {.view = view,
				  .snapshot = p,
				  .at_ns = at_ns,
				  .path = path,
				  .mark = atomic_load(&p->mark)};
	uint64_t records = 0, saves = journal_saves(view->journal);
	int64_t asked = mount_server_now_ns(view->mount);
	int rc = meta_lock(view->meta);

	if (rc)
		return rc;
	records = meta_count(view->meta, META_PAST);
	meta_unlock(view->meta);
	rc = records > RECORDS_MAX ? remove_all(view)
				   : remove_dir(view, at_ns, path);
	if (!rc)
		rc = list_at_dir(view, at_ns, path, take_page, &w);
	return rc ? rc : put_stamp(&w, asked, saves);
}

static bool is_known_locking(struct view *view, struct snapshot *p,
			     int64_t at_ns, const char *path)
{
	bool known;

	if (meta_lock(view->meta))
		return false;
	known = is_known(view, p, at_ns, path);
	meta_unlock(view->meta);
	return known;
}

int snapshot_load(struct view *view, struct snapshot *p, int64_t at_ns,
		  const char *path)
{
	int rc = 0;

	if (is_known_locking(view, p, at_ns, path))
		return 0;
	rc = cancel_lock(&p->walking);
	if (rc)
		return rc;
	if (!is_known_locking(view, p, at_ns, path))
		rc = walk_dir(view, p, at_ns, path);
	pthread_mutex_unlock(&p->walking);
	return rc;
}

int snapshot_next(struct view *view, struct snapshot *p, int64_t at_ns,
		  const char *path, const char *after, char *name,
		  struct snapshot_entry *ret)
{
	unsigned char at[META_KEY_BUF];
	struct meta_val val;
	struct stamp st;
	struct pkey k;
	size_t len;
	int rc = meta_lock(view->meta);

	if (rc)
		return rc;
	/* Who reads on reads from the same walk, however old. */
	if (!has_names(view, p, at_ns, path, &st)) {
		rc = -ESTALE;
		goto out;
	}
	key_make(&k, at_ns, path, 'n', after);
	rc = meta_seek(view->meta, META_PAST, k.at, k.len, HEAD_LEN, *after, at,
		       &len, &val);
	if (!rc)
		rc = unpack(&val, ret);
	if (!rc && len - HEAD_LEN > META_NAME_MAX)
		rc = -EIO;
	if (!rc) {
		memcpy(name, at + HEAD_LEN, len - HEAD_LEN);
		name[len - HEAD_LEN] = '\0';
	}
out:
	meta_unlock(view->meta);
	return rc;
}

/* From the names of its directory: 0, -ENOENT, -ESTALE. */
static int find_known(struct view *view, struct snapshot *p, int64_t at_ns,
		      const char *path, struct snapshot_entry *ret)
{
	size_t len = path_parent_len(path);
	char dir[META_KEY_MAX + 1];
	struct meta_val val;
	struct pkey k;
	int rc = meta_lock(view->meta);

	if (rc)
		return rc;
	memcpy(dir, path, len);
	dir[len] = '\0';
	if (!is_known(view, p, at_ns, dir)) {
		rc = -ESTALE;
	} else {
		key_make(&k, at_ns, dir, 'n', path_base(path));
		rc = meta_get(view->meta, META_PAST, k.at, k.len, &val);
		if (!rc)
			rc = unpack(&val, ret);
	}
	meta_unlock(view->meta);
	return rc;
}

int snapshot_find(struct view *view, struct snapshot *p, int64_t at_ns,
		  const char *path, struct snapshot_entry *ret)
{
	int rc = find_known(view, p, at_ns, path, ret);

	if (rc != -ESTALE)
		return rc;
	memset(ret, 0, sizeof(*ret));
	return list_at_name(view, at_ns, path, &ret->dir, &ret->version);
}

void snapshot_forget(struct snapshot *p)
{
	atomic_fetch_add(&p->mark, 1);
}
