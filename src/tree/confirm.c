/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Collects the items of a page that are in doubt, and asks for them: a few by
 * HEAD, side by side, many by one list of versions.
 */
#include "confirm.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "dir_impl.h"
#include "tree_impl.h"
#include "vers3/core/mount.h"
#include "vers3/meta/dentry.h"
#include "vers3/meta/dirty.h"
#include "vers3/object/deferred_attrs.h"
#include "vers3/object/object_meta.h"
#include "vers3/store/list.h"
#include "vers3/tree/link.h"
#include "vers3/util/array.h"

#define FEW	  3 /* keys that are asked for one by one */
#define PAGES_MAX 4 /* of a list of versions */
#define META_WORD "x-amz-meta-"

/* An item of the page that may be ours. */
struct doubt {
	struct merge_item *item; /* borrowed */
	uint64_t ino; /* whose attributes are known; 0: nobody's */
	bool has_id; /* of the version that is known */
	char key[META_KEY_MAX + 1]; /* in the bucket */
	bool asked; /* it is known by now */
};

struct doubts {
	struct tree *tree;
	struct doubt *list; /* owned; sorted by key before they are asked */
	size_t count, size;
};

/* What is known to be at a key, and by whom; NULL: nothing of ours. */
static const struct meta_version *
known_at(struct tree *tree, uint64_t ino, const struct merge_item *it,
	 const char *path, struct meta_version *buf, uint64_t *ret_ino)
{
	struct meta_dentry dentry = {.ino = ino};
	const struct meta_version *ver;
	struct meta_inode inode;
	struct meta_dirty dirty;
	bool marker = !*it->name;

	*ret_ino = 0;
	if (!meta_dirty_get(tree->meta, path, &dirty)) {
		*buf = dirty.known;
		return buf;
	}
	if (!marker && meta_dentry_get(tree->meta, ino, it->name, &dentry))
		return NULL;
	if (meta_inode_get(tree->meta, dentry.ino, &inode) ||
	    (!marker && S_ISDIR(inode.mode)) ||
	    (marker && !(inode.flags & META_I_EXPLICIT)))
		return NULL;
	ver = marker ? &inode.base
		     : link_known(tree, &inode, ino, it->name, path, buf);
	if (!ver)
		return NULL;
	if (inode.flags & META_I_ATTRS)
		*ret_ino = inode.ino;
	if (ver != buf)
		*buf = *ver;
	return buf;
}

/* Whether an item looks like a save of ours of which no list has told yet. */
static bool in_doubt(struct tree *tree, uint64_t ino, const char *path,
		     struct doubt *d)
{
	struct meta_version buf;
	const struct meta_version *ver =
		known_at(tree, ino, d->item, path, &buf, &d->ino);

	d->has_id = ver && meta_is_version_id(ver->version_id);
	return ver && ver->key[0] && !ver->last_modified_ns &&
	       !strcmp(ver->etag, d->item->etag) &&
	       ver->size_bytes == d->item->size_bytes && (d->has_id || d->ino);
}

static int add_doubt(struct doubts *ds, uint64_t ino, const char *dir,
		     struct merge_item *it)
{
	char path[META_KEY_MAX + 1];
	struct doubt d = {.item = it};
	int n = snprintf(path, sizeof(path), "%s%s%s", dir,
			 *dir || !*it->name ? "/" : "", it->name);

	if ((it->is_dir && *it->name) || (!*it->name && !*dir) ||
	    n > META_KEY_MAX || !in_doubt(ds->tree, ino, path, &d) ||
	    mount_key(ds->tree->mount, path, d.key))
		return 0;
	if (array_room(ds->list, ds->count, ds->size))
		return -ENOMEM;
	ds->list[ds->count++] = d;
	return 0;
}

static int compare_doubts(const void *a, const void *b)
{
	return strcmp(((const struct doubt *)a)->key,
		      ((const struct doubt *)b)->key);
}

static int compare_key(const void *key, const void *d)
{
	return strcmp(key, ((const struct doubt *)d)->key);
}

static void take_id(struct doubt *d, const char *id)
{
	if (!d->has_id || !meta_is_version_id(id) ||
	    strlen(id) > META_VERSION_MAX)
		return;
	strcpy(d->item->version_id, id);
	d->asked = true;
}

static int on_version(void *ctx, const struct store_entry *e)
{
	struct doubts *ds = ctx;
	struct doubt *d = array_find(e->key, ds->list, ds->count, sizeof(*d),
				     compare_key);

	if (d && e->latest && e->kind == STORE_ENTRY_VERSION)
		take_id(d, e->version_id);
	/* Lists are in this order, or some are asked for one by one. */
	if (strcmp(e->key, ds->list[ds->count - 1].key) > 0)
		return -ECANCELED;
	return 0;
}

/* Best effort, as is all here. */
static void ask_by_list(struct doubts *ds, const char *prefix)
{
	char start[META_KEY_MAX + 1];
	size_t len = strlen(strcpy(start, ds->list[0].key));
	struct store_list list;
	int pages = 0, rc;

	/* Right before the first: cut between characters. */
	do
		start[--len] = '\0';
	while (len && ((unsigned char)ds->list[0].key[len] & 0xc0) == 0x80);
	store_list_init(&list, STORE_LIST_VERSIONS, prefix, "/");
	if (len > strlen(prefix))
		list.key_marker = strdup(start);
	list.on_entry = on_version;
	list.ctx = ds;
	do
		rc = store_list_page(ds->tree->mount->store, &list);
	while (!rc && list.more && ++pages < PAGES_MAX);
	store_list_release(&list);
}

static bool has_all(const struct kvlist *a, const struct kvlist *b)
{
	for (size_t i = 0; i < a->count; i++) {
		const char *value;

		if (strncasecmp(a->items[i].name, META_WORD, strlen(META_WORD)))
			continue;
		value = kvlist_get(b, a->items[i].name);
		if (!value || strcmp(value, a->items[i].value) != 0)
			return false;
	}
	return true;
}

/* Whether the object says of itself what is known of our inode's. */
static bool says_the_same(struct tree *tree, uint64_t ino,
			  const struct store_object *o)
{
	struct kvlist ours, theirs;
	bool same = false;

	kvlist_init(&ours);
	kvlist_init(&theirs);
	if (!object_meta_head_of(o, &theirs) && !meta_lock(tree->meta)) {
		int rc = meta_head_get(tree->meta, ino, &ours);

		meta_unlock(tree->meta);
		same = rc ||
		       (has_all(&ours, &theirs) && has_all(&theirs, &ours));
	}
	kvlist_release(&ours);
	kvlist_release(&theirs);
	return same;
}

static int ask_one(void *ctx, unsigned i)
{
	struct doubts *ds = ctx;
	struct doubt *d = &ds->list[i];
	struct store_object *o;
	struct store_request r;

	if (d->asked)
		return 0;
	store_request_init(&r, STORE_HEAD);
	r.key = d->key;
	o = &r.reply.object;
	if (!deferred_head(ds->tree->mount->store, &r)) {
		if (o->version_id)
			take_id(d, o->version_id);
		if (!d->asked && d->ino && !says_the_same(ds->tree, d->ino, o))
			d->item->others = true;
	}
	store_request_release(&r);
	return 0;
}

static int collect(struct doubts *ds, uint64_t ino, const char *path,
		   struct merge_item *items, size_t count)
{
	int rc = meta_lock(ds->tree->meta);

	if (rc)
		return rc;
	for (size_t i = 0; !rc && i < count; i++)
		rc = add_doubt(ds, ino, path, &items[i]);
	meta_unlock(ds->tree->meta);
	return rc;
}

void confirm_page(struct tree *tree, uint64_t ino, const char *path,
		  struct merge_item *items, size_t count)
{
	struct doubts ds = {.tree = tree};
	char prefix[META_KEY_MAX + 2];

	if (collect(&ds, ino, path, items, count) || !ds.count ||
	    mount_key(tree->mount, path, prefix))
		goto out;
	if (*path)
		strcat(prefix, "/");
	array_sort(ds.list, ds.count, sizeof(*ds.list), compare_doubts);
	if (tree->mount->config.versioned && ds.count > FEW)
		ask_by_list(&ds, prefix);
	pool_each(tree->dirs->pool, ATTR_WIDTH, (unsigned)ds.count, ask_one,
		  &ds);
out:
	free(ds.list);
}
