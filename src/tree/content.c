/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads, writes, truncates, zeros, seeks: extents and size change as one,
 * under the node's lock and meta_lock(); what is written goes behind all that
 * is staged.
 */
#include "vers3/tree/content.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tree_impl.h"
#include "vers3/core/mount.h"
#include "vers3/core/stat.h"
#include "vers3/journal/journal.h"
#include "vers3/meta/extent.h"
#include "vers3/object/sparse.h"
#include "vers3/read/reader.h"
#include "vers3/tree/rebased.h"
#include "vers3/tree/refused.h"
#include "vers3/tree/reservation.h"
#include "vers3/tree/runs.h"
#include "vers3/tree/taken.h"
#include "vers3/tree/tree.h"
#include "vers3/util/array.h"
#include "vers3/util/clock.h"
#include "vers3/util/minmax.h"

#define TRIM_STEP  (UINT64_C(256) << 20) /* bytes staged between two trims */
#define COPY_BYTES (UINT64_C(64) << 10)

/* Ranges that have to come from the base version. */
struct gaps {
	struct gap {
		uint64_t offset, length;
	} * items; /* owned */
	size_t count, size;
};

static int gap_add(struct gaps *g, uint64_t offset, uint64_t end)
{
	if (offset >= end)
		return 0;
	if (array_room(g->items, g->count, g->size))
		return -ENOMEM;
	g->items[g->count].offset = offset;
	g->items[g->count++].length = end - offset;
	return 0;
}

/*
 * The first staged piece of [at, end): [*ret_from, *ret_to); both end: none.
 * *ret_place: where its first byte is staged.
 */
static int next_staged(struct tree *tree, uint64_t ino, uint64_t at,
		       uint64_t end, uint64_t *ret_from, uint64_t *ret_to,
		       uint64_t *ret_place)
{
	uint64_t offset = end, length = 0, place = 0;
	int rc = meta_lock(tree->meta);

	if (rc)
		return rc;
	rc = meta_extent_next(tree->meta, ino, at, &offset, &length, &place);
	meta_unlock(tree->meta);
	if (rc && rc != -ENOENT)
		return rc;
	*ret_from = rc ? end : min_u64(max_u64(offset, at), end);
	*ret_to = rc ? end : min_u64(offset + length, end);
	if (*ret_from == end)
		*ret_to = end;
	*ret_place = place + (*ret_from - offset);
	return 0;
}

/*
 * Reads the staged bytes of [offset, end) into buf and notes what is left
 * to the base. Under the node's lock, so that extents and bytes agree.
 */
static int read_staged(struct tree *tree, const struct meta_inode *inode,
		       uint64_t offset, uint64_t end, char *buf,
		       struct gaps *gaps)
{
	uint64_t at = offset, from, to, place;
	int rc = 0;

	for (; !rc && at < end; at = to) {
		rc = next_staged(tree, inode->ino, at, end, &from, &to, &place);
		if (rc)
			break;
		rc = gap_add(gaps, at, min_u64(from, inode->base_bytes));
		/* The buffer is zeroed already. */
		if (!rc && from < to && !meta_extent_is_hole(place))
			rc = staging_read(tree->mount->staging, inode->ino,
					  place, buf + (from - offset),
					  to - from);
	}
	return rc;
}

static int get_inode(struct tree *tree, uint64_t ino, struct meta_inode *ret)
{
	int rc = meta_lock(tree->meta);

	if (rc)
		return rc;
	rc = meta_inode_get(tree->meta, ino, ret);
	meta_unlock(tree->meta);
	return rc;
}

/* Reads what the inode holds now; *ret_base is what it was based on. */
static int read_once(struct tree *tree, struct node *node, uint64_t offset,
		     void *buf, size_t size, size_t *ret_size,
		     struct meta_version *ret_base)
{
	struct gaps gaps = {0};
	struct meta_inode inode = {.ino = 0};
	uint64_t end = 0;
	int rc;

	pthread_rwlock_rdlock(&node->lock);
	rc = get_inode(tree, node->ino, &inode);
	if (!rc) {
		end = min_u64(offset + size, max_u64(inode.size_bytes, offset));
		memset(buf, 0, end - offset);
		rc = read_staged(tree, &inode, offset, end, buf, &gaps);
	}
	pthread_rwlock_unlock(&node->lock);
	/* The base is an immutable version: no lock is needed to read it. */
	for (size_t i = 0; !rc && i < gaps.count; i++) {
		const struct gap *g = &gaps.items[i];

		rc = reader_read_sync(tree->reader, &inode.base, g->offset,
				      (char *)buf + (g->offset - offset),
				      g->length);
	}
	free(gaps.items);
	*ret_base = inode.base;
	if (!rc)
		*ret_size = end - offset;
	return rc;
}

int content_read(struct tree *tree, struct node *node, uint64_t offset,
		 void *buf, size_t size, size_t *ret_size)
{
	int64_t until = clock_mono_ns() + REREAD_NS;
	struct meta_version base;
	int rc;

	do
		rc = read_once(tree, node, offset, buf, size, ret_size, &base);
	while (rc == -ESTALE &&
	       !(rc = rebased_wait(tree, node->ino, &base, until)));
	return rc;
}

/*
 * Reads the inode and marks its keys unless they are: that may be refused, so
 * it comes before any change. keep_bytes: what is left of the base at most.
 * With the node's lock and meta_lock() held.
 */
static int begin_change(struct tree *tree, uint64_t ino, uint64_t keep_bytes,
			struct meta_inode *ret)
{
	int rc = meta_inode_get(tree->meta, ino, ret);

	if (!rc && !ret->nlink) {
		rc = taken_back(tree, ret,
				min_u64(ret->base_bytes, keep_bytes));
		/* Else it stays without a name, as what is removed here. */
		rc = rc == -ENOENT ? 0 : rc;
	}
	if (!rc && !(ret->flags & META_I_STAGED))
		rc = tree_mark_inode(tree, ret);
	return rc;
}

/* Notes the change in the inode record; under the same locks. */
static int note_change(struct tree *tree, struct meta_inode *inode)
{
	inode->flags |= META_I_STAGED;
	inode->mtime_ns = inode->ctime_ns = clock_real_ns();
	inode->change++;
	inode->data_change++;
	return meta_inode_put(tree->meta, inode);
}

/* Whether a file may end there: where it does now, it may. */
static bool may_end(const struct tree *tree, const struct meta_inode *inode,
		    uint64_t end)
{
	uint64_t most = tree->mount->config.max_file_bytes;

	return !most || end <= most || end <= inode->size_bytes;
}

/* Before anything is staged for it; with the node's lock held. */
static int check_end(struct tree *tree, uint64_t ino, uint64_t end)
{
	struct meta_inode inode = {.size_bytes = 0};
	int rc = 0;

	if (!may_end(tree, &inode, end))
		rc = get_inode(tree, ino, &inode);
	return rc || may_end(tree, &inode, end) ? rc : -EFBIG;
}

/* Copies what stands at a place of the log to the end of the inode's file. */
static int copy_from_log(struct tree *tree, uint64_t ino,
			 const struct meta_extent *from, uint64_t *ret_place)
{
	struct staging *staging = tree->mount->staging;
	char *buf = malloc(COPY_BYTES);
	uint64_t place = 0;
	int rc = buf ? 0 : -ENOMEM;

	for (uint64_t at = 0; !rc && at < from->length; at += COPY_BYTES) {
		size_t len = min_u64(COPY_BYTES, from->length - at);
		uint64_t to = 0;

		rc = staging_read(staging, ino, from->place + at, buf, len);
		if (!rc)
			rc = staging_append_own(staging, ino, buf, len, &to);
		if (!at)
			place = to;
	}
	free(buf);
	if (!rc)
		*ret_place = place;
	return rc;
}

/*
 * A file that is no small one any more: what it has in the log is copied to a
 * file of its own, as one piece where it is one, so that it can be sent while
 * it grows. Extents speak of the copies from one change on, and of what was
 * there before until that is durable; so the log keeps it until then. With the
 * node's lock held.
 */
static int move_from_log(struct tree *tree, uint64_t ino)
{
	struct meta_extent *list = NULL;
	uint64_t *places = NULL;
	size_t count = 0;
	int rc = meta_lock(tree->meta);

	if (rc)
		return rc;
	rc = file_snapshot_extents(tree, ino, 0, UINT64_MAX, &list, &count);
	meta_unlock(tree->meta);
	if (!rc)
		places = calloc(count + 1, sizeof(*places));
	if (!rc && !places)
		rc = -ENOMEM;
	for (size_t i = 0; !rc && i < count; i++)
		if (meta_extent_in_log(list[i].place))
			rc = copy_from_log(tree, ino, &list[i], &places[i]);
	if (!rc)
		rc = meta_lock(tree->meta);
	if (rc)
		goto out;
	for (size_t i = 0; !rc && i < count; i++) {
		struct meta_extent now = {0};

		if (!meta_extent_in_log(list[i].place))
			continue;
		/* What was sent may have gone since (rebase_drop()). */
		rc = meta_extent_next(tree->meta, ino, list[i].offset,
				      &now.offset, &now.length, &now.place);
		if (!rc && now.offset == list[i].offset &&
		    now.length == list[i].length && now.place == list[i].place)
			rc = meta_extent_add(tree->meta, ino, now.offset,
					     now.length, places[i]);
		rc = rc == -ENOENT ? 0 : rc;
	}
	meta_unlock(tree->meta);
	journal_reap(tree->journal, ino);
out:
	free(list);
	free(places);
	return rc;
}

/*
 * What is written goes behind what is staged already. Bytes that a commit
 * speaks of are so never overwritten: a crash shows the file as it was after
 * one of its writes, whatever the disk had of the later ones.
 */
int content_write(struct tree *tree, struct node *node, uint64_t offset,
		  const void *data, size_t size)
{
	struct staging *staging = tree->mount->staging;
	unsigned before = taken_count(tree);
	struct meta_inode inode;
	bool staged = false;
	uint64_t at = 0;
	int rc;

	pthread_rwlock_wrlock(&node->lock);
	rc = check_end(tree, node->ino, offset + size);
	if (!rc && staging_outgrows(staging, node->ino, size))
		rc = move_from_log(tree, node->ino);
	if (!rc)
		rc = staging_append(staging, node->ino, data, size, &at);
	staged = !rc;
	if (!rc)
		rc = meta_lock(tree->meta);
	if (rc)
		goto out;
	rc = begin_change(tree, node->ino, UINT64_MAX, &inode);
	if (!rc)
		rc = meta_extent_add(tree->meta, node->ino, offset, size, at);
	if (!rc) {
		inode.size_bytes = max_u64(inode.size_bytes, offset + size);
		rc = note_change(tree, &inode);
	}
	meta_unlock(tree->meta);
out:
	pthread_rwlock_unlock(&node->lock);
	taken_tell(tree, before);
	if (!rc)
		journal_grown(tree->journal, &inode);
	/*
	 * Now and then, room that was written over is given back; and what
	 * nothing came to speak of.
	 */
	if (staged && (rc || at / TRIM_STEP != (at + size) / TRIM_STEP))
		journal_reap(tree->journal, node->ino);
	return rc;
}

/*
 * Staging keeps the bytes: only extents say what counts, and they
 * are committed as one with the size, so that a crash shows the file as it
 * was before or after, never cut by half. The room is given back when the
 * upload ends.
 */
static int resize(struct tree *tree, struct node *node, uint64_t size_bytes,
		  bool longer_only)
{
	unsigned before = taken_count(tree);
	struct meta_inode inode;
	bool is_set;
	int rc;

	pthread_rwlock_wrlock(&node->lock);
	rc = meta_lock(tree->meta);
	if (rc)
		goto out;
	rc = meta_inode_get(tree->meta, node->ino, &inode);
	is_set = !rc && longer_only && size_bytes <= inode.size_bytes;
	if (!rc && !may_end(tree, &inode, size_bytes))
		rc = -EFBIG;
	/* What must not be read can be replaced, and that is all. */
	if (!rc && (inode.flags & META_I_REFUSED) && size_bytes)
		rc = -EACCES;
	if (!rc && !is_set)
		rc = begin_change(tree, node->ino, size_bytes, &inode);
	if (!rc && (inode.flags & META_I_REFUSED))
		rc = refused_replace(tree, &inode);
	if (!rc && !is_set && size_bytes < inode.size_bytes)
		rc = meta_extent_remove(tree->meta, node->ino, size_bytes,
					UINT64_MAX - size_bytes);
	if (!rc && !is_set) {
		inode.base_bytes = min_u64(inode.base_bytes, size_bytes);
		inode.size_bytes = size_bytes;
		rc = note_change(tree, &inode);
	}
	meta_unlock(tree->meta);
out:
	pthread_rwlock_unlock(&node->lock);
	taken_tell(tree, before);
	return rc;
}

int content_truncate(struct tree *tree, struct node *node, uint64_t size_bytes)
{
	return resize(tree, node, size_bytes, false);
}

int content_extend(struct tree *tree, struct node *node, uint64_t size_bytes)
{
	return resize(tree, node, size_bytes, true);
}

/*
 * What no base shows through is zeros when nothing is staged there; over the
 * base a hole is noted, whose bytes stand nowhere.
 */
static int zero_locked(struct tree *tree, struct meta_inode *inode,
		       uint64_t offset, uint64_t length)
{
	int rc = begin_change(tree, inode->ino, UINT64_MAX, inode);
	uint64_t hole = 0;

	if (!rc)
		rc = meta_extent_remove(tree->meta, inode->ino, offset, length);
	if (!rc && offset < inode->base_bytes)
		hole = min_u64(length, inode->base_bytes - offset);
	if (!rc)
		rc = meta_extent_add(tree->meta, inode->ino, offset, hole,
				     META_HOLE_AT + offset);
	return rc ? rc : note_change(tree, inode);
}

int content_zero(struct tree *tree, struct node *node, uint64_t offset,
		 uint64_t length)
{
	unsigned before = taken_count(tree);
	struct meta_inode inode;
	int rc;

	pthread_rwlock_wrlock(&node->lock);
	rc = get_inode(tree, node->ino, &inode);
	if (rc || offset >= inode.size_bytes || !length)
		goto out;
	length = min_u64(length, inode.size_bytes - offset);
	rc = reservation_check(tree, 1);
	if (!rc)
		rc = meta_lock(tree->meta);
	if (rc)
		goto out;
	rc = zero_locked(tree, &inode, offset, length);
	meta_unlock(tree->meta);
out:
	pthread_rwlock_unlock(&node->lock);
	taken_tell(tree, before);
	return rc;
}

/*
 * Whether [.., offset) of the inode shows this very version already, but for a
 * hole at the end: cp has passed that over.
 */
static bool can_adopt(struct tree *tree, const struct meta_inode *inode,
		      const struct meta_version *version,
		      const struct holes *holes, uint64_t offset)
{
	uint64_t start, length, at;

	if (!tree->mount->config.versioned || !version->version_id[0] ||
	    inode->size_bytes > offset ||
	    inode->base_bytes != inode->size_bytes ||
	    !holes_cover(holes, inode->size_bytes, offset))
		return false;
	if (!meta_extent_next(tree->meta, inode->ino, 0, &start, &length, &at))
		return false;
	return inode->size_bytes == 0 ||
	       !memcmp(inode->base.id, version->id, sizeof(version->id));
}

int content_adopt(struct tree *tree, struct node *node,
		  const struct meta_version *version, const struct holes *holes,
		  uint64_t offset, uint64_t length)
{
	unsigned before = taken_count(tree);
	struct meta_inode inode;
	int rc;

	if (!length || offset + length > version->size_bytes)
		return -EXDEV;
	pthread_rwlock_wrlock(&node->lock);
	rc = meta_lock(tree->meta);
	if (rc)
		goto out;
	rc = meta_inode_get(tree->meta, node->ino, &inode);
	if (!rc && (!can_adopt(tree, &inode, version, holes, offset) ||
		    !may_end(tree, &inode, offset + length)))
		rc = -EXDEV;
	if (!rc)
		rc = begin_change(tree, node->ino, UINT64_MAX, &inode);
	if (!rc) {
		inode.flags |= META_I_STAGED;
		inode.base = *version;
		/* Bytes of another file: its past is not this one's. */
		inode.flags &= ~(uint32_t)META_I_RENAMED;
		inode.base_bytes = inode.size_bytes = offset + length;
		rc = note_change(tree, &inode);
	}
	if (!rc)
		rc = meta_holes_put(tree->meta, inode.ino, inode.base.id,
				    holes);
	if (!rc && inode.base_bytes == version->size_bytes) {
		/* Whole: the syncer's copy needs nothing from here. */
		inode.flags &= ~(uint32_t)META_I_STAGED;
		inode.flags |= META_I_ATTR_DIRTY;
		rc = meta_inode_put(tree->meta, &inode);
		/*
		 * What was cut off is staged yet, and goes when this is
		 * durable: who reaps it just now is told in the same change.
		 */
		if (staging_inode_bytes(tree->mount->staging, inode.ino))
			journal_reap(tree->journal, inode.ino);
	}
	meta_unlock(tree->meta);
out:
	pthread_rwlock_unlock(&node->lock);
	taken_tell(tree, before);
	return rc;
}

static int compare_places(const void *a, const void *b)
{
	const struct meta_extent *x = a, *y = b;

	return x->place < y->place ? -1 : x->place > y->place;
}

int content_trim(struct tree *tree, struct node *node)
{
	struct meta_extent *list = NULL;
	struct meta_inode inode;
	uint64_t end = 0;
	size_t count = 0;
	bool logged = false;
	int rc = meta_sync(tree->meta);

	/* The lock keeps the extents as they were made durable. */
	if (!rc)
		rc = meta_lock(tree->meta);
	if (rc)
		return rc;
	/* One that was deleted in between is durable yet, with its extents. */
	rc = meta_inode_get(tree->meta, node->ino, &inode);
	if (!rc)
		rc = file_snapshot_extents(tree, node->ino, 0, UINT64_MAX,
					   &list, &count);
	meta_unlock(tree->meta);
	array_sort(list, count, sizeof(*list), compare_places);
	for (size_t i = 0; i < count; i++)
		logged = logged || meta_extent_in_log(list[i].place);
	/* Nothing durable refers to what it had there: it was written over,
	 * moved, or is in the bucket. */
	if (!rc && !logged)
		staging_leave_log(tree->mount->staging, node->ino);
	/* The log's places, and those of holes, are behind all the others. */
	for (size_t i = 0; !rc && i < count && list[i].place < META_LOG_AT;
	     i++) {
		if (list[i].place > end)
			rc = staging_punch(tree->mount->staging, node->ino, end,
					   list[i].place - end);
		end = list[i].place + list[i].length;
	}
	free(list);
	return rc;
}

/* runs_at(), with the lock taken for it alone: a file may have many runs. */
static int run_at(struct tree *tree, const struct meta_inode *inode,
		  const struct holes *base, uint64_t at, bool *ret_hole,
		  uint64_t *ret_end)
{
	int rc = meta_lock(tree->meta);

	if (rc)
		return rc;
	rc = runs_at(tree->meta, inode, base, at, ret_hole, ret_end);
	meta_unlock(tree->meta);
	return rc;
}

/* The inode, and what is known of its base's holes. */
static int get_sparse(struct tree *tree, uint64_t ino, struct meta_inode *inode,
		      struct holes *base)
{
	int rc = meta_lock(tree->meta);

	if (rc)
		return rc;
	rc = meta_inode_get(tree->meta, ino, inode);
	if (!rc)
		rc = sparse_of_base(tree->meta, inode, base);
	meta_unlock(tree->meta);
	return rc;
}

int content_seek(struct tree *tree, struct node *node, uint64_t offset,
		 int whence, uint64_t *ret_offset)
{
	uint64_t at = offset, end = 0;
	struct meta_inode inode;
	struct holes base;
	bool hole;
	int rc;

	pthread_rwlock_rdlock(&node->lock);
	rc = get_sparse(tree, node->ino, &inode, &base);
	if (!rc && offset >= inode.size_bytes)
		rc = -ENXIO;
	while (!rc && at < inode.size_bytes) {
		rc = run_at(tree, &inode, &base, at, &hole, &end);
		if (rc || hole == (whence == SEEK_HOLE))
			break;
		at = end;
	}
	pthread_rwlock_unlock(&node->lock);
	if (rc)
		return rc;
	at = min_u64(at, inode.size_bytes);
	if (whence == SEEK_DATA && at == inode.size_bytes)
		return -ENXIO;
	*ret_offset = at;
	return 0;
}

uint64_t content_data_bytes(struct tree *tree, const struct meta_inode *inode)
{
	uint64_t bytes = 0;

	if (S_ISREG(inode->mode) && inode->size_bytes)
		bytes = runs_data_bytes(tree->meta, inode);
	/*
	 * A memory map may have bytes of it, and tar reads none of no blocks.
	 */
	if (!bytes && inode->size_bytes &&
	    nodes_is_written(tree->mount->nodes, inode->ino))
		bytes = HOLES_UNIT;
	return bytes;
}

void content_stat(struct tree *tree, const struct meta_inode *inode,
		  struct stat *ret_st)
{
	struct meta_inode now;
	uint64_t bytes = inode->size_bytes;

	/*
	 * The inode was read earlier. What was staged then may be the base's by
	 * now, and would be counted as nothing: tar writes zeros for a file
	 * that has no blocks.
	 */
	if (S_ISREG(inode->mode) && inode->size_bytes &&
	    !meta_lock(tree->meta)) {
		if (!meta_inode_get(tree->meta, inode->ino, &now) &&
		    now.size_bytes == inode->size_bytes)
			bytes = content_data_bytes(tree, &now);
		meta_unlock(tree->meta);
	}
	inode_stat_data(inode, bytes, ret_st);
}
