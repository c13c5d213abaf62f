/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Merges extents with the base's holes; one byte of data makes its whole unit
 * data.
 */
#include "vers3/tree/runs.h"

#include <errno.h>
#include <sys/stat.h>

#include "vers3/meta/extent.h"
#include "vers3/object/sparse.h"
#include "vers3/util/minmax.h"

#define RUNS_MAX    1000 /* looked at for one stat */
#define RUNS_JOINED 64 /* holes, looked at as one at once */

/* What nothing staged covers, from `at` on, to `end` at most. */
static void unstaged_at(const struct meta_inode *inode,
			const struct holes *base, uint64_t at, uint64_t end,
			bool *ret_hole, uint64_t *ret_end)
{
	const struct hole *h = NULL;
	size_t i;

	*ret_hole = at >= inode->base_bytes;
	*ret_end = end;
	if (*ret_hole)
		return;
	*ret_end = min_u64(end, inode->base_bytes);
	i = holes_find(base, at);
	if (i < base->count)
		h = &base->items[i];
	*ret_hole = h && h->offset <= at;
	if (h)
		*ret_end = min_u64(*ret_end, *ret_hole ? h->offset + h->length
						       : h->offset);
}

/*
 * As runs_at(), to the byte. next: the first extent that ends after `at`;
 * NULL: there is none.
 */
static void exact_at(const struct meta_inode *inode, const struct holes *base,
		     const struct meta_extent *next, uint64_t at,
		     bool *ret_hole, uint64_t *ret_end)
{
	uint64_t size = inode->size_bytes;

	if (next && next->offset <= at) {
		*ret_hole = meta_extent_is_hole(next->place);
		*ret_end = min_u64(next->offset + next->length, size);
	} else {
		unstaged_at(inode, base, at,
			    next ? min_u64(next->offset, size) : size, ret_hole,
			    ret_end);
	}
}

int runs_at(struct meta *meta, const struct meta_inode *inode,
	    const struct holes *base, uint64_t at, bool *ret_hole,
	    uint64_t *ret_end)
{
	uint64_t size = inode->size_bytes, next = 0;
	uint64_t unit = at - at % HOLES_UNIT, end = unit;
	bool hole = true;

	/* Holes in a row, up to where data begins. */
	for (unsigned runs = 0; hole && end < size &&
				(runs < RUNS_JOINED || end < unit + HOLES_UNIT);
	     runs++) {
		struct meta_extent e;
		int rc = meta_extent_next(meta, inode->ino, end, &e.offset,
					  &e.length, &e.place);

		if (rc && rc != -ENOENT)
			return rc;
		exact_at(inode, base, rc ? NULL : &e, end, &hole, &next);
		if (hole)
			end = next;
	}
	/* Data fills its units; a hole has none of that in which it ends. */
	*ret_hole = hole || end >= unit + HOLES_UNIT;
	if (!*ret_hole)
		end = min_u64((next + HOLES_UNIT - 1) / HOLES_UNIT * HOLES_UNIT,
			      size);
	else if (end < size)
		end -= end % HOLES_UNIT;
	*ret_end = end;
	return 0;
}

uint64_t runs_data_bytes(struct meta *meta, const struct meta_inode *inode)
{
	uint64_t at = 0, end = 0, bytes = 0;
	struct holes base;
	bool hole;

	if (sparse_of_base(meta, inode, &base) ||
	    (!base.count && !(inode->flags & META_I_STAGED) &&
	     inode->base_bytes == inode->size_bytes))
		return inode->size_bytes;
	for (unsigned i = 0; i < RUNS_MAX && at < inode->size_bytes; i++) {
		if (runs_at(meta, inode, &base, at, &hole, &end) || end <= at)
			break;
		bytes += hole ? 0 : end - at;
		at = end;
	}
	return bytes + (inode->size_bytes - at);
}

void runs_of_snapshot(const struct file_snapshot *snap, struct holes *ret)
{
	uint64_t size = snap->inode->size_bytes, at = 0, end = 0;
	size_t i = 0;
	bool hole;

	ret->count = 0;
	for (; S_ISREG(snap->inode->mode) && at < size; at = end) {
		const struct meta_extent *next =
			i < snap->count ? &snap->extents[i] : NULL;

		exact_at(snap->inode, &snap->holes, next, at, &hole, &end);
		if (next && next->offset <= at)
			i++;
		if (hole)
			holes_add(ret, at, end, size);
	}
}
