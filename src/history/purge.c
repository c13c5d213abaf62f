/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What keeps the bytes of a file from going by accident:
 *
 * - A version that the namespace stands on is the base of an inode. If the
 *   inode is dirty, one of its names is in the dirty table; all of that is
 *   looked through. If it is open, it has a node; likewise. Copies by name
 *   and open entries of .versions have a hold.
 * - A path with an unsent change is left alone altogether: what the bucket
 *   holds there may be what was just sent, or what the change is made on.
 * - All this is looked at after the versions were filed as going, and who
 *   comes later asks: one of both sees the other.
 * - A clean inode of the present version forgets what the bucket holds
 *   before the request, so that a crash after it leaves nothing wrong. One
 *   with several names is based on another name's version by then.
 */
#include "vers3/history/purge.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "vers3/core/mount.h"
#include "vers3/core/node.h"
#include "vers3/core/pins.h"
#include "vers3/history/undelete.h"
#include "vers3/history/view.h"
#include "vers3/meta/dentry.h"
#include "vers3/meta/dirty.h"
#include "vers3/tree/dir.h"
#include "vers3/tree/link.h"
#include "vers3/util/cancel.h"
#include "vers3/util/log.h"
#include "vers3/util/pool.h"
#include "view_node.h"

#define UNASKED (-EINPROGRESS)
/*
 * A server may take 20 ms for each key of a request: smaller ones at once are
 * answered long before any time-out.
 */
#define SLICE	  100
#define WIDTH	  8
#define GONE_ETAG "purged" /* no object's: what a list shows differs */

struct purge {
	/* One batch at a time: held over requests, as HACKING.md allows. */
	pthread_mutex_t one;
};

int purge_new(struct purge **ret_purge)
{
	struct purge *p = calloc(1, sizeof(*p));

	if (!p)
		return -ENOMEM;
	pthread_mutex_init(&p->one, NULL);
	*ret_purge = p;
	return 0;
}

void purge_free(struct purge *p)
{
	if (!p)
		return;
	pthread_mutex_destroy(&p->one);
	free(p);
}

static struct pin pin_of(const struct purge_item *it)
{
	return (struct pin){
		.path = it->path,
		.version_id = it->version.version_id,
		.etag = it->version.etag,
	};
}

static bool is_same(const struct meta_version *a, const struct purge_item *it)
{
	const struct pin pin = pin_of(it);

	return pin_is(&pin, a);
}

static int compare_items(const void *a, const void *b)
{
	return strcmp(((const struct purge_item *)a)->path,
		      ((const struct purge_item *)b)->path);
}

/* A batch as it is looked at; with meta_lock() held. */
struct batch {
	struct view *view;
	struct purge_item *items;
	struct pin *pins; /* owned: of the items, as they are filed */
	size_t count;
	bool one; /* it may be what a clean inode shows */
	bool present; /* out: it is, or it may be soon */
};

/* Files the batch as going; those that are held stay. 0 or -ENOMEM. */
static int begin(struct batch *b)
{
	b->pins = calloc(b->count, sizeof(*b->pins));
	if (!b->pins)
		return -ENOMEM;
	for (size_t i = 0; i < b->count; i++)
		b->pins[i] = pin_of(&b->items[i]);
	pins_begin(b->view->mount->pins, b->pins, b->count);
	for (size_t i = 0; i < b->count; i++)
		if (b->pins[i].held)
			b->items[i].result = -EBUSY;
	return 0;
}

static void end(struct batch *b)
{
	pins_end(b->view->mount->pins);
	free(b->pins);
}

/* What an inode stands on stays. */
static void keep_base(struct batch *b, uint64_t ino)
{
	struct meta_inode inode;

	if (meta_inode_get(b->view->meta, ino, &inode) || !inode.base.key[0])
		return;
	for (size_t i = pins_find(b->pins, b->count, inode.base.key);
	     i < b->count && !strcmp(b->items[i].path, inode.base.key); i++)
		if (pin_is(&b->pins[i], &inode.base))
			b->items[i].result = -EBUSY;
}

static int keep_open(struct batch *b)
{
	uint64_t *inos;
	size_t count;
	int rc = nodes_list_open(b->view->mount->nodes, &inos, &count);

	if (rc)
		return rc;
	for (size_t i = 0; i < count; i++)
		keep_base(b, inos[i]);
	free(inos);
	return 0;
}

static int find_inode(struct view *view, const char *path,
		      struct meta_inode *ret)
{
	uint64_t ino;
	int rc = meta_resolve(view->meta, path, &ino);

	return rc ? rc : meta_inode_get(view->meta, ino, ret);
}

static bool has_names(const struct meta_inode *inode)
{
	return !S_ISDIR(inode->mode) && inode->nlink > 1;
}

/* Whether the version is what the mount takes as the present one. */
static bool is_live(struct view *view, const struct purge_item *it)
{
	const struct meta_version *known;
	struct meta_version own;
	struct meta_dentry dentry;
	struct meta_inode inode;

	if (find_inode(view, it->path, &inode))
		return false;
	if (!has_names(&inode) ||
	    link_find(view->tree, &inode, it->path, &dentry))
		return is_same(&inode.base, it);
	known = link_known(view->tree, &inode, dentry.parent, dentry.name,
			   it->path, &own);
	return known && is_same(known, it);
}

/* Paths with unsent changes, and what clean inodes show. */
static void keep_paths(struct batch *b)
{
	struct meta_dirty dirty;

	for (size_t i = 0; i < b->count; i++) {
		struct purge_item *it = &b->items[i];

		bool live = is_live(b->view, it);

		b->present = b->one && (live || it->version.latest);
		if (meta_dirty_get(b->view->meta, it->path, &dirty) !=
			    -ENOENT ||
		    (live && !b->one))
			it->result = -EBUSY;
		/* Without versions this id is whatever is there by then. */
		if (!it->version.version_id[0] ||
		    (!b->view->mount->config.versioned &&
		     !meta_is_version_id(it->version.version_id)))
			it->result = -EPERM;
	}
}

/*
 * Marks all that something stands on. In one hold: records move in the table
 * when they are due at another time, and one that moved behind the walk would
 * not be seen.
 */
static int keep_used(struct batch *b)
{
	struct meta_dirty_cursor cur = META_DIRTY_START;
	struct meta_dirty dirty;
	uint64_t ino;
	int rc;

	while (!(rc = meta_dirty_next(b->view->meta, &cur, &dirty)))
		if (!meta_resolve(b->view->meta, dirty.key, &ino))
			keep_base(b, ino);
	if (rc != -ENOENT)
		return rc;
	keep_paths(b);
	rc = keep_open(b);
	/* Before meta_lock() ends: who looks at the inode then is told. */
	pins_set_present(b->view->mount->pins, b->present);
	return rc;
}

static int look(struct batch *b)
{
	int rc = meta_lock(b->view->meta);

	if (rc)
		return rc;
	rc = keep_used(b);
	meta_unlock(b->view->meta);
	return rc;
}

/* What was asked for the version is told where it can be read. */
static void report(const struct purge_item *it)
{
	const char *why = strerror(-it->result);

	if (it->result == -EBUSY)
		why = "it is in use, or a change of the file is unsent";
	else if (it->result == -EACCES)
		why = "the server does not allow it: it is locked, or these "
		      "credentials lack s3:DeleteObjectVersion";
	else if (it->result == -EPERM)
		why = "the bucket keeps no versions, and this is all it holds";
	if (it->result)
		log_warning("%s: version %s is not purged: %s", it->path,
			    it->version.version_id, why);
	else
		log_info("%s: version %s is purged", it->path,
			 it->version.version_id);
}

/*
 * A clean file: whoever comes by its number, too, asks the bucket what it has.
 * It is based on nothing that can be copied until then.
 */
static int forget_file(struct view *view, struct meta_inode *inode)
{
	int rc = 0;

	strcpy(inode->base.etag, GONE_ETAG);
	inode->base.version_id[0] = '\0';
	if (!S_ISDIR(inode->mode)) {
		inode->flags &= ~(uint32_t)META_I_ATTRS;
		inode->flags |= META_I_REPLACED;
		inode->change++;
		inode->data_change++;
		rc = meta_xattr_clear(view->meta, inode->ino);
		if (!rc)
			rc = meta_head_del(view->meta, inode->ino);
		if (rc == -ENOENT)
			rc = 0;
	}
	return rc ? rc : meta_inode_put(view->meta, inode);
}

/*
 * One of several names. The file goes on under the others, each of which has
 * an object of its own in the bucket; what is found under this one from then
 * on is another file. So the file is based on another name first, or nothing
 * is purged.
 */
static int forget_name(struct view *view, const struct purge_item *it,
		       struct meta_inode *inode, bool done)
{
	const struct meta_version *known;
	struct meta_version own;
	struct meta_dentry dentry;
	int rc = link_find(view->tree, inode, it->path, &dentry);

	if (rc)
		return rc == -ENOENT ? 0 : rc;
	known = link_known(view->tree, inode, dentry.parent, dentry.name,
			   it->path, &own);
	if (!known || !is_same(known, it))
		return 0;
	rc = link_change_base(view->tree, inode, it->path);
	if (!rc && !done && !strcmp(inode->base.key, it->path))
		rc = -EBUSY;
	if (rc || !done)
		return rc;
	rc = meta_dentry_del(view->meta, dentry.parent, dentry.name);
	inode->nlink--;
	if (!rc)
		rc = dir_drop_inode(view->tree, inode);
	return rc ? rc : link_lost(view->tree, inode, it->path);
}

/* A present version is going, or has gone: the bucket is asked what it has. */
static int forget_base(struct view *view, const struct purge_item *it,
		       bool done)
{
	struct meta_inode inode;
	int rc = meta_lock(view->meta);

	if (rc)
		return rc;
	rc = find_inode(view, it->path, &inode);
	if (rc == -ENOENT)
		rc = 0;
	else if (!rc && has_names(&inode))
		rc = forget_name(view, it, &inode, done);
	else if (!rc && is_same(&inode.base, it))
		rc = forget_file(view, &inode);
	meta_unlock(view->meta);
	return rc ? rc : undelete_look_again(view, it->path);
}

int purge_one(struct view *view, const char *path,
	      const struct history_entry *version)
{
	struct purge_item *it = calloc(1, sizeof(*it));
	struct batch b = {.view = view, .items = it, .count = 1, .one = true};
	char key[META_KEY_MAX + 1];
	int rc;

	if (!it)
		return -ENOMEM;
	strcpy(it->path, path);
	it->version = *version;
	rc = cancel_lock(&view->purge->one);
	if (rc) {
		free(it);
		return rc;
	}
	rc = begin(&b);
	if (!rc)
		rc = look(&b);
	if (!rc)
		rc = it->result;
	if (!rc)
		rc = mount_key(view->mount, path, key);
	if (!rc && b.present)
		rc = forget_base(view, it, false);
	/* From here on nothing stands on it, and nothing comes to. */
	if (!rc)
		rc = undelete_version(view, key, version->version_id);
	if (!rc)
		view_forget(view);
	/* Whoever looked meanwhile has seen what was there. */
	if (!rc && b.present)
		rc = forget_base(view, it, true);
	end(&b);
	pthread_mutex_unlock(&view->purge->one);
	it->result = rc;
	report(it);
	free(it);
	return rc;
}

/* By one request each: of keys that the document cannot hold, too. */
static void remove_singly(struct view *view, struct purge_item *it)
{
	char key[META_KEY_MAX + 1];

	it->result = mount_key(view->mount, it->path, key);
	if (!it->result)
		it->result =
			undelete_version(view, key, it->version.version_id);
}

/* Copies of all keys, one after the other. Owned by the caller, or NULL. */
static char *keys_of(struct view *view, const struct purge_item *items,
		     size_t count)
{
	char *keys = malloc(count * (META_KEY_MAX + 1));

	for (size_t i = 0; keys && i < count; i++)
		if (mount_key(view->mount, items[i].path,
			      keys + i * (META_KEY_MAX + 1)))
			keys[i * (META_KEY_MAX + 1)] = '\0';
	return keys;
}

/* What could not be asked for. */
static void reject(struct purge_item *items, size_t count, int rc)
{
	for (size_t i = 0; i < count; i++)
		if (!items[i].result)
			items[i].result = rc;
}

/* Asks for those that may go, in one request. */
static int purge_send(struct view *view, struct purge_item *items, size_t count)
{
	struct store_delete *deletes = calloc(count, sizeof(*deletes));
	char *keys = keys_of(view, items, count);
	struct store_request r;
	size_t n = 0;
	int rc = deletes && keys ? 0 : -ENOMEM;

	for (size_t i = 0; !rc && i < count; i++) {
		if (items[i].result)
			continue;
		deletes[n].key = keys + i * (META_KEY_MAX + 1);
		deletes[n].version_id = items[i].version.version_id;
		deletes[n++].result = UNASKED;
	}
	if (!rc && n) {
		store_request_init(&r, STORE_DELETE_MANY);
		r.deletes = deletes;
		r.delete_count = n;
		rc = store_call(view->mount->store, &r);
		store_request_release(&r);
	}
	n = 0;
	for (size_t i = 0; !rc && i < count; i++) {
		if (items[i].result)
			continue;
		items[i].result = deletes[n].result;
		free(deletes[n++].marker_version);
		if (items[i].result == UNASKED)
			remove_singly(view, &items[i]);
	}
	if (rc)
		reject(items, count, rc);
	free(keys);
	free(deletes);
	return rc;
}

static int send_slice(void *ctx, unsigned i)
{
	const struct batch *b = ctx;
	size_t at = (size_t)i * SLICE, n = b->count - at;

	return purge_send(b->view, b->items + at, n < SLICE ? n : SLICE);
}

/*
 * The kernel may know the entry by its name, or by that which its milliseconds
 * give; names with an ordinal are not kept for long (view_lookup()).
 */
static void drop_entry(struct view *view, const struct purge_item *it)
{
	const struct view_second several = {.count = 2, .by_ms = true};
	struct view_node dir = {.kind = VIEW_NAME};
	char name[VIEW_NAME_SIZE];
	uint64_t ino;

	strcpy(dir.path, it->path);
	ino = view_node_number(&dir);
	if (!view_entry_name(&it->version, NULL, name, sizeof(name)))
		mount_inval_entry(view->mount, ino, name);
	if (!view_entry_name(&it->version, &several, name, sizeof(name)))
		mount_inval_entry(view->mount, ino, name);
}

int purge_many(struct view *view, struct purge_item *items, size_t count)
{
	struct batch b = {.view = view, .items = items, .count = count};
	int rc = 0;

	for (size_t i = 0; i < count; i++)
		items[i].result = 0;
	if (count)
		rc = cancel_lock(&view->purge->one);
	if (!count || rc)
		return rc;
	/* Servers differ in the order of keys; nothing is missed for that. */
	qsort(items, count, sizeof(*items), compare_items);
	rc = begin(&b);
	if (!rc)
		rc = look(&b);
	/* Nothing stands on what is left, and nothing comes to. */
	if (!rc)
		rc = pool_each(view->pool, WIDTH,
			       (unsigned)((count + SLICE - 1) / SLICE),
			       send_slice, &b);
	else
		reject(items, count, rc);
	end(&b);
	pthread_mutex_unlock(&view->purge->one);
	view_forget(view);
	for (size_t i = 0; i < count; i++) {
		report(&items[i]);
		if (!items[i].result)
			drop_entry(view, &items[i]);
	}
	return rc;
}
