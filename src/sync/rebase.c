/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file that went on while what it held at one moment became a version. It
 * is put on top of that version, and what was staged since stays staged:
 *
 *	staged at the same place as then	the version has it
 *	staged elsewhere			staged on
 *	of the base, then and now		the version has it, from there
 *	zeros now, something then		nothing of the version is to be
 *						seen from there on
 *
 * Extents that the version has go afterwards, step by step: they do no harm.
 */
#include <errno.h>
#include <string.h>

#include "syncer_impl.h"
#include "vers3/core/mount.h"
#include "vers3/core/node.h"
#include "vers3/core/version.h"
#include "vers3/journal/journal.h"
#include "vers3/meta/dirty.h"
#include "vers3/meta/extent.h"
#include "vers3/object/object_meta.h"
#include "vers3/util/minmax.h"

#define DROP_STEP 500 /* extents looked at under one meta_lock() */

static bool same_base(const struct meta_version *a,
		      const struct meta_version *b)
{
	return !strcmp(a->key, b->key) &&
	       !strcmp(a->version_id, b->version_id) &&
	       !strcmp(a->etag, b->etag);
}

/* The first byte from `at` to `end` that was not zero then; end: none. */
static uint64_t first_nonzero(const struct file_snapshot *snap, uint64_t at,
			      uint64_t end)
{
	size_t i = file_snapshot_find(snap->extents, snap->count, at);

	if (at < snap->inode->base_bytes || at >= end)
		return at;
	if (i == snap->count || snap->extents[i].offset >= end)
		return end;
	return snap->extents[i].offset > at ? snap->extents[i].offset : at;
}

/*
 * How much of the version the file shows: up to where it ends, or ended, or
 * where it has zeros that the version has not.
 */
static int shown_bytes(struct meta *meta, const struct file_snapshot *snap,
		       const struct meta_inode *inode, uint64_t *ret_bytes)
{
	uint64_t at = inode->base_bytes, offset, length, place, hole, bad;
	uint64_t end = min_u64(snap->inode->size_bytes, inode->size_bytes);
	int rc = 0;

	while (at < end) {
		rc = meta_extent_next(meta, inode->ino, at, &offset, &length,
				      &place);
		if (rc && rc != -ENOENT)
			return rc;
		hole = rc ? end : min_u64(offset, end);
		bad = at < hole ? first_nonzero(snap, at, hole) : hole;
		if (bad < hole) {
			end = bad;
			break;
		}
		at = rc ? end : offset + length;
	}
	*ret_bytes = end;
	return 0;
}

int rebase_under(struct syncer *s, struct meta_inode *inode,
		 const struct file_snapshot *snap,
		 const struct upload_result *r)
{
	struct meta *meta = s->meta;
	uint64_t shown = 0;
	int rc;

	if (!S_ISREG(inode->mode) || !(inode->flags & META_I_STAGED) ||
	    (inode->base_bytes && !same_base(&inode->base, &snap->inode->base)))
		return -ESTALE;
	rc = shown_bytes(meta, snap, inode, &shown);
	if (rc)
		return rc;
	inode->base = r->version;
	inode->base_bytes = shown;
	inode->flags &= ~(uint32_t)META_I_RENAMED;
	inode->flags |= META_I_ATTR_DIRTY;
	rc = upload_abandon_locked(s->upload, inode->ino);
	if (!rc)
		rc = object_meta_note_head(s->mount, inode, &r->head);
	if (!rc)
		rc = meta_holes_put(meta, inode->ino, r->version.id, &r->holes);
	return rc ? rc : meta_inode_put(meta, inode);
}

/*
 * With meta_lock() held. The bucket holds these bytes: they stand where they
 * stood when the version was made of them, and the file shows it there.
 */
static int drop_extent(struct meta *meta, const struct meta_inode *inode,
		       const struct meta_extent *extent)
{
	uint64_t end =
		min_u64(extent->offset + extent->length, inode->base_bytes);
	uint64_t at = extent->offset, offset, length, place;
	int rc = 0;

	while (!rc && at < end) {
		uint64_t from, to;

		rc = meta_extent_next(meta, inode->ino, at, &offset, &length,
				      &place);
		if (rc || offset >= end)
			break;
		from = offset > at ? offset : at;
		to = min_u64(offset + length, end);
		if (place + (from - offset) ==
		    extent->place + (from - extent->offset))
			rc = meta_extent_remove(meta, inode->ino, from,
						to - from);
		at = to;
	}
	return rc == -ENOENT ? 0 : rc;
}

/* With meta_lock() held; *i moves on. */
static int drop_some(struct meta *meta, const struct file_snapshot *snap,
		     const struct meta_version *saved, size_t *i)
{
	size_t end =
		snap->count - *i > DROP_STEP ? *i + DROP_STEP : snap->count;
	struct meta_inode inode;
	int rc = meta_inode_get(meta, snap->inode->ino, &inode);

	/* Something else is under it by now: then it may need all it has. */
	if (!rc &&
	    (!(inode.flags & META_I_STAGED) || !same_base(&inode.base, saved)))
		rc = -ENOENT;
	for (; !rc && *i < end; (*i)++)
		rc = drop_extent(meta, &inode, &snap->extents[*i]);
	return rc;
}

int rebase_drop(struct syncer *s, const struct file_snapshot *snap,
		const struct meta_version *saved)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < snap->count;) {
		rc = meta_lock(s->meta);
		if (rc)
			return rc;
		rc = drop_some(s->meta, snap, saved, &i);
		meta_unlock(s->meta);
	}
	journal_reap(s->journal, snap->inode->ino);
	return rc == -ENOENT ? 0 : rc;
}

/* What requests of ours may have made of a key; "" : none is open. */
static int tried_at(struct syncer *s, const char *key,
		    char tried[META_TRIED_MAX + 1])
{
	struct meta_dirty dirty;
	int rc = meta_lock(s->meta);

	if (rc)
		return rc;
	rc = meta_dirty_get(s->meta, key, &dirty);
	meta_unlock(s->meta);
	if (!rc)
		strcpy(tried, dirty.tried);
	return rc;
}

/* What the bucket holds at the version's key, if it is a try of ours. */
static int find_tried(struct syncer *s, const struct meta_version *base,
		      struct meta_version *ret)
{
	char key[META_KEY_MAX + 1], tried[META_TRIED_MAX + 1];
	const struct store_object *o;
	struct store_request r;
	int rc = tried_at(s, base->key, tried);

	if (!rc)
		rc = *tried ? mount_key(s->mount, base->key, key) : -ENOENT;
	if (rc)
		return rc;
	rc = store_head(s->mount->store, &r, key, NULL);
	o = &r.reply.object;
	if (!rc &&
	    (!o->etag || strlen(o->etag) > META_ETAG_MAX ||
	     !strcmp(o->etag, base->etag) || !meta_tried_has(tried, o->etag)))
		rc = -ENOENT;
	if (!rc) {
		memset(ret, 0, sizeof(*ret));
		strcpy(ret->key, base->key);
		strcpy(ret->etag, o->etag);
		ret->size_bytes = o->size_bytes;
		ret->last_modified_ns = o->last_modified_ns;
		version_set_content_id(ret);
	}
	store_request_release(&r);
	return rc;
}

/*
 * With the node's lock and meta_lock() held. The try was made of what the file
 * held then, over the same base. Whatever of the base still shows is not
 * staged now, so it was not then: the try has these bytes, at the same place.
 */
static int put_under(struct meta *meta, const struct meta_inode *snap,
		     const struct meta_version *made)
{
	struct meta_inode inode;
	int rc = meta_inode_get(meta, snap->ino, &inode);

	if (rc || !same_base(&inode.base, &snap->base))
		return rc ? rc : -ESTALE;
	if (made->size_bytes < inode.base_bytes)
		return -EIO;
	inode.base = *made;
	return meta_inode_put(meta, &inode);
}

int rebase_lost(struct syncer *s, const struct meta_inode *snap, int rc)
{
	struct meta_version made;
	struct node *node;
	int moved;

	if (s->mount->config.versioned || !S_ISREG(snap->mode) ||
	    !snap->base.key[0] || !snap->base_bytes ||
	    find_tried(s, &snap->base, &made) ||
	    node_get(s->mount->nodes, snap->ino, &node))
		return rc;
	pthread_rwlock_wrlock(&node->lock);
	moved = meta_lock(s->meta);
	if (!moved) {
		moved = put_under(s->meta, snap, &made);
		meta_unlock(s->meta);
	}
	pthread_rwlock_unlock(&node->lock);
	node_put(s->mount->nodes, node);
	return moved && moved != -ESTALE ? rc : -EAGAIN;
}
