/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where what is asked of an instant comes from: what is filed (past_records.h),
 * the flat walk of the tree that it is in (past_walk.h), or lists of its own.
 */
#include "snapshot.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "list_at.h"
#include "past_walk.h"
#include "vers3/core/mount.h"
#include "vers3/journal/journal.h"
#include "vers3/tree/reservation.h"
#include "vers3/util/cancel.h"
#include "vers3/util/clock.h"
#include "vers3/util/path.h"
#include "vers3/util/pool.h"
#include "view_node.h"

#define WIDTH 16 /* requests at once */

struct snapshot {
	/* One load at a time: held over requests, as HACKING.md allows. */
	pthread_mutex_t walking;
	struct pool *pool; /* owned */
	struct past_records records;
	struct past_walks *walks; /* owned */
};

int snapshot_new(struct view *view, struct snapshot **ret_snapshot)
{
	struct snapshot *p = calloc(1, sizeof(*p));
	int rc;

	if (!p)
		return -ENOMEM;
	pthread_mutex_init(&p->walking, NULL);
	rc = past_records_init(view, &p->records);
	if (!rc)
		rc = pool_new("snapshot", WIDTH, &p->pool);
	if (!rc)
		rc = past_walks_new(view, &p->records, &p->walks);
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
	past_walks_free(p->walks);
	pool_free(p->pool);
	past_records_release(&p->records);
	pthread_mutex_destroy(&p->walking);
	free(p);
}

int64_t snapshot_ttl_ns(struct view *view, int64_t at_ns)
{
	return past_was_over(at_ns, mount_server_now_ns(view->mount))
		       ? PAST_KEEP_NS
		       : view->mount->config.ttl_ns;
}

/* One list of a directory, and the page as it comes. */
struct load {
	struct view *view;
	struct snapshot *snapshot;
	int64_t at_ns;
	const char *path;
	struct past_id id;
	struct past_stamp stamp;
	struct past_walk *walk; /* beside this; or NULL */
	uint64_t pages; /* so far */
	struct list_at_item *items; /* owned by the list: the page */
	size_t count;
};

/*
 * Whether the directory of an item was there, and its own object. The walk
 * comes from the front, so these are asked for from the back.
 */
static int look_below(void *ctx, unsigned i)
{
	struct load *l = ctx;
	struct list_at_item *it = &l->items[l->count - 1 - i];
	char path[META_KEY_MAX + 1];
	struct past_entry e;
	int rc = -EAGAIN;

	if (!it->dir)
		return 0;
	if (l->walk)
		rc = past_walks_tell(l->snapshot->walks, l->walk, l->path,
				     it->name, &e);
	if (!rc) {
		it->bare = e.bare;
		it->version = e.version;
	}
	if (rc == -EAGAIN)
		rc = mount_child_path(l->path, it->name, path);
	else if (!rc)
		return 0;
	if (!rc)
		rc = list_at_below(l->view, l->at_ns, path, &it->bare,
				   &it->version);
	if (rc == -ENOENT || rc == -ENAMETOOLONG) {
		it->name[0] = '\0';
		rc = 0;
	}
	return rc;
}

static int put_item(struct load *l, const struct list_at_item *it)
{
	const struct past_entry e = {it->dir, it->bare, it->version};

	return past_put_entry(l->view, &l->id, it->name, &e);
}

static int take_page(void *ctx, struct list_at_item *items, size_t count)
{
	struct load *l = ctx;
	int rc = reservation_for_page(l->view->tree, l->pages++);

	if (rc)
		return rc;
	l->items = items;
	l->count = count;
	rc = pool_each(l->snapshot->pool, WIDTH, (unsigned)count, look_below,
		       l);
	if (!rc)
		rc = meta_lock(l->view->meta);
	if (rc)
		return rc;
	/* Files first: a directory of the same name hides the file. */
	for (int dirs = 0; dirs < 2; dirs++)
		for (size_t i = 0; !rc && i < count; i++)
			if (items[i].name[0] && items[i].dir == (dirs != 0))
				rc = put_item(l, &items[i]);
	meta_unlock(l->view->meta);
	return rc;
}

/* Lists one directory; -ECANCELED as look_below(), with a walk. */
static int load_beside(struct view *view, struct snapshot *p, int64_t at_ns,
		       const char *path, struct past_walk *walk)
{
	struct load l = {.view = view,
			 .snapshot = p,
			 .at_ns = at_ns,
			 .path = path,
			 .walk = walk};
	uint64_t old = 0;
	int rc = past_records_bound(view, &p->records);

	if (rc)
		return rc;
	l.stamp.mark = atomic_load(&p->records.mark);
	l.stamp.walk = past_records_number(&p->records);
	l.stamp.saves = journal_saves(view->journal);
	l.stamp.walked_ns = mount_server_now_ns(view->mount);
	past_id_make(&l.id, at_ns, path, l.stamp.walk);
	rc = list_at_dir(view, at_ns, path, take_page, &l);
	if (!rc)
		rc = meta_lock(view->meta);
	if (rc)
		return rc;
	rc = past_put_stamp(view, at_ns, path, &l.stamp, &old);
	meta_unlock(view->meta);
	past_drop_names(view, at_ns, path, old);
	return rc;
}

static bool is_known(struct view *view, struct snapshot *p, int64_t at_ns,
		     const char *path)
{
	struct past_stamp st;
	bool known;

	if (meta_lock(view->meta))
		return false;
	known = past_is_known(view, &p->records, at_ns, path, &st);
	meta_unlock(view->meta);
	return known;
}

static bool has_names(struct view *view, struct snapshot *p, int64_t at_ns,
		      const char *path)
{
	struct past_stamp st;
	bool known;

	if (meta_lock(view->meta))
		return false;
	known = past_has_names(view, &p->records, at_ns, path, &st);
	meta_unlock(view->meta);
	return known;
}

static int load_alone(struct view *view, struct snapshot *p, int64_t at_ns,
		      const char *path)
{
	struct past_walk *walk;
	int rc = cancel_lock(&p->walking);

	if (rc)
		return rc;
	if (!is_known(view, p, at_ns, path)) {
		walk = past_walks_join(p->walks, at_ns, path);
		rc = load_beside(view, p, at_ns, path, walk);
		past_walks_leave(p->walks, walk);
	}
	/*
	 * The walk has ended, or what both have filed was too much, and went:
	 * this alone may be not.
	 */
	if (rc == -ECANCELED || (!rc && !has_names(view, p, at_ns, path)))
		rc = is_known(view, p, at_ns, path)
			     ? 0
			     : load_beside(view, p, at_ns, path, NULL);
	pthread_mutex_unlock(&p->walking);
	return rc;
}

int snapshot_load(struct view *view, struct snapshot *p, int64_t at_ns,
		  const char *path)
{
	struct past_wait wait = {0};
	int rc = 0;

	while (!rc && !is_known(view, p, at_ns, path))
		rc = past_walks_wait(p->walks, at_ns, path, &wait);
	if (rc > 0)
		return load_alone(view, p, at_ns, path);
	if (!rc && !wait.walk)
		past_walks_follow(p->walks, at_ns, path);
	return rc;
}

int snapshot_next(struct view *view, struct snapshot *p, int64_t at_ns,
		  const char *path, const char *after, char *name,
		  struct past_entry *ret)
{
	struct past_stamp st;
	struct past_id id;
	int rc = meta_lock(view->meta);

	if (rc)
		return rc;
	/* Who reads on reads what is known, however old. */
	rc = past_has_names(view, &p->records, at_ns, path, &st) ? 0 : -ESTALE;
	if (!rc) {
		past_id_make(&id, at_ns, path, st.walk);
		rc = past_next_entry(view, &id, after, name, ret);
	}
	meta_unlock(view->meta);
	return rc;
}

/* From the names of its directory: 0, -ENOENT, -ESTALE. */
static int find_known(struct view *view, struct snapshot *p, int64_t at_ns,
		      const char *path, struct past_entry *ret)
{
	size_t len = path_parent_len(path);
	char dir[META_KEY_MAX + 1];
	struct past_stamp st;
	struct past_id id;
	int rc = meta_lock(view->meta);

	if (rc)
		return rc;
	memcpy(dir, path, len);
	dir[len] = '\0';
	if (!past_is_known(view, &p->records, at_ns, dir, &st)) {
		rc = -ESTALE;
	} else {
		past_id_make(&id, at_ns, dir, st.walk);
		rc = past_get_entry(view, &id, path_base(path), ret);
	}
	meta_unlock(view->meta);
	return rc;
}

int snapshot_find(struct view *view, struct snapshot *p, int64_t at_ns,
		  const char *path, struct past_entry *ret)
{
	int rc = find_known(view, p, at_ns, path, ret);

	if (rc != -ESTALE)
		return rc;
	memset(ret, 0, sizeof(*ret));
	return list_at_name(view, at_ns, path, &ret->dir, &ret->bare,
			    &ret->version);
}

void snapshot_forget(struct snapshot *p)
{
	past_records_forget(&p->records);
}

void snapshot_set_max(struct snapshot *p, uint64_t records)
{
	atomic_store(&p->records.max, records);
}
