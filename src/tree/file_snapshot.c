/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Copies a file's extents at one moment, counts the copies that are out, and
 * reads through one: staged bytes, the base's, zeros.
 */
#include "vers3/tree/file_snapshot.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "tree_impl.h"
#include "vers3/cache/staging.h"
#include "vers3/core/version.h"
#include "vers3/journal/journal.h"
#include "vers3/meta/extent.h"
#include "vers3/object/sparse.h"
#include "vers3/read/reader.h"
#include "vers3/util/array.h"
#include "vers3/util/minmax.h"

struct file_snapshots {
	pthread_mutex_t mutex; /* a leaf */
	LIST_HEAD(, file_snapshot) all; /* protected by mutex */
};

int file_snapshots_new(struct file_snapshots **ret_file_snapshots)
{
	struct file_snapshots *o = calloc(1, sizeof(*o));

	if (!o)
		return -ENOMEM;
	pthread_mutex_init(&o->mutex, NULL);
	*ret_file_snapshots = o;
	return 0;
}

void file_snapshots_free(struct file_snapshots *o)
{
	if (!o)
		return;
	pthread_mutex_destroy(&o->mutex);
	free(o);
}

bool file_snapshots_hold(struct file_snapshots *o, uint64_t ino)
{
	struct file_snapshot *snap;
	bool held = false;

	pthread_mutex_lock(&o->mutex);
	LIST_FOREACH(snap, &o->all, entry)
		if (snap->inode->ino == ino)
			held = snap->reap = true;
	pthread_mutex_unlock(&o->mutex);
	return held;
}

int file_snapshot_extents(struct tree *tree, uint64_t ino, uint64_t from,
			  uint64_t end, struct meta_extent **ret_list,
			  size_t *ret_count)
{
	struct meta_extent *list = NULL, extent = {.offset = from};
	size_t count = 0, size = 0;
	int rc;

	while (!(rc = meta_extent_next(
			 tree->meta, ino, extent.offset + extent.length,
			 &extent.offset, &extent.length, &extent.place))) {
		if (extent.offset >= end)
			break;
		if (array_room(list, count, size)) {
			free(list);
			return -ENOMEM;
		}
		list[count++] = extent;
	}
	if (rc && rc != -ENOENT) {
		free(list);
		return rc;
	}
	*ret_list = list;
	*ret_count = count;
	return 0;
}

/*
 * META_I_STAGED is set and the extents are read under one meta_lock(): so the
 * staging file is the one that they speak of. Whoever removes it or gives
 * room in it back has decided to under meta_lock(), too: before, when these
 * extents were there already, or later, when this one is seen to be out.
 */
int file_snapshot_take(struct tree *tree, struct file_snapshots *o,
		       const struct meta_inode *inode,
		       struct file_snapshot *snap)
{
	int rc;

	*snap = (struct file_snapshot){.inode = inode};
	rc = sparse_of_base(tree->meta, inode, &snap->holes);
	if (rc)
		return rc;
	if (!S_ISREG(inode->mode) || !(inode->flags & META_I_STAGED))
		return 0;
	snap->out = o;
	pthread_mutex_lock(&o->mutex);
	LIST_INSERT_HEAD(&o->all, snap, entry);
	pthread_mutex_unlock(&o->mutex);
	return file_snapshot_extents(tree, inode->ino, 0, UINT64_MAX,
				     &snap->extents, &snap->count);
}

void file_snapshot_drop(struct tree *tree, struct file_snapshot *snap)
{
	struct file_snapshots *o = snap->out;

	if (o) {
		pthread_mutex_lock(&o->mutex);
		LIST_REMOVE(snap, entry);
		pthread_mutex_unlock(&o->mutex);
	}
	if (snap->reap)
		journal_reap(tree->journal, snap->inode->ino);
	free(snap->extents);
	memset(snap, 0, sizeof(*snap));
}

size_t file_snapshot_find(const struct meta_extent *list, size_t count,
			  uint64_t offset)
{
	size_t low = 0, high = count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (list[mid].offset + list[mid].length > offset)
			high = mid;
		else
			low = mid + 1;
	}
	return low;
}

/* Of what was listed and never asked for no content id is known. */
static struct meta_version base_of(const struct meta_inode *inode)
{
	struct meta_version base = inode->base;

	if (!version_has_content_id(&base))
		version_set_content_id(&base);
	return base;
}

void file_snapshot_expect(struct tree *tree, const struct file_snapshot *snap,
			  uint64_t offset, uint64_t size)
{
	size_t i = file_snapshot_find(snap->extents, snap->count, offset);
	uint64_t end = min_u64(offset + size, snap->inode->base_bytes);
	struct meta_version base = base_of(snap->inode);
	/* What comes in one; last 0: nothing. */
	uint64_t first = 0, last = 0;

	for (uint64_t at = offset; at < end; i++) {
		const struct meta_extent *extent = &snap->extents[i];
		uint64_t from = i < snap->count ? extent->offset : end;

		/* What is staged inside of a block is fetched with it. */
		if (last && at - last >= BLOCK_SIZE) {
			reader_expect(tree->reader, &base, first, last - first);
			last = 0;
		}
		if (from > at) {
			first = last ? first : at;
			last = min_u64(from, end);
		}
		if (i == snap->count)
			break;
		at = extent->offset + extent->length;
	}
	if (last)
		reader_expect(tree->reader, &base, first, last - first);
}

/* What nothing staged covers: the base's bytes, then zeros. */
static int read_unstaged(struct tree *tree, const struct meta_inode *inode,
			 uint64_t at, uint64_t end, char *buf)
{
	uint64_t base = min_u64(inode->base_bytes, end);

	if (at < base) {
		struct meta_version of = base_of(inode);
		int rc =
			reader_read_sync(tree->reader, &of, at, buf, base - at);

		if (rc)
			return rc;
		buf += base - at;
		at = base;
	}
	memset(buf, 0, end - at);
	return 0;
}

int file_snapshot_read(struct tree *tree, const struct file_snapshot *snap,
		       uint64_t offset, void *buf, size_t size)
{
	size_t i = file_snapshot_find(snap->extents, snap->count, offset);
	uint64_t at = offset, end = offset + size;
	int rc = 0;

	for (; !rc && at < end; i++) {
		const struct meta_extent *extent = &snap->extents[i];
		uint64_t from = i < snap->count ? extent->offset : end, to;

		if (from > at) {
			from = min_u64(from, end);
			rc = read_unstaged(tree, snap->inode, at, from,
					   (char *)buf + (at - offset));
			at = from;
		}
		if (rc || at == end)
			break;
		to = min_u64(extent->offset + extent->length, end);
		if (meta_extent_is_hole(extent->place))
			memset((char *)buf + (at - offset), 0, to - at);
		else
			rc = staging_read(tree->mount->staging,
					  snap->inode->ino,
					  extent->place + (at - extent->offset),
					  (char *)buf + (at - offset), to - at);
		at = to;
	}
	return rc;
}
