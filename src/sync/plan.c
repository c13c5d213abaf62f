/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Upload plans.
 *
 * The file is laid out in cells of the least size that a part may have. A cell
 * that holds staged bytes, or bytes past what is seen of the base, is sent, the
 * next one with it if that is changed, too; clean cells in a row are copied,
 * in pieces of whole cells. Since all but the last are whole cells, no part is
 * too small, and one changed byte sends one cell. A cell that is nothing but a
 * hole is of zeros.
 *
 * Copies run side by side, and a save waits for the last: so they are pieces of
 * one size, some dozen of them, unless that makes them too small to be worth a
 * request, or so large that a server takes minutes for one. The size depends on
 * the file's alone: when more of it is changed, most of what was copied before
 * fits.
 *
 * When that makes too many parts, larger copies are tried first, as they
 * cost nothing, and then larger cells.
 *
 * Where nothing can be copied, cells grow from part to part instead, by a
 * rule that does not ask for the file's size (plan_part_range()): what was
 * sent while the file was written fits the plan that is made in the end.
 */
#include "plan.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "vers3/meta/extent.h"
#include "vers3/util/minmax.h"

const struct plan_limits plan_limits_s3 = {
	.part_min = PLAN_PART_MIN,
	.part_size = PLAN_PART_SIZE,
	.join_size = PLAN_JOIN_SIZE,
	.part_max = PLAN_PART_MAX,
	.copy_least = PLAN_COPY_LEAST,
	.copy_size = PLAN_COPY_SIZE,
	.copy_max = PLAN_COPY_MAX,
	.single_max = PLAN_SINGLE_MAX,
	.parts_max = PLAN_PARTS_MAX,
};

#define COPIES	12 /* side by side */
#define GROWTHS 10 /* 10,000 parts from 8 MiB on are 8 TiB; S3 takes 5 */

/* A walk over the parts that a choice of sizes gives. */
struct plan_walk {
	const struct plan_input *in;
	uint64_t clean_end; /* nothing from here on can be copied */
	uint64_t cell, copy; /* copy is a multiple of cell; cell 0: growing */
	const struct plan_limits *limits;
	unsigned number; /* of the next part */
	uint64_t offset;
	size_t extent; /* the first that may end after offset */
};

/* The size of the cell that a part of this number has, growing. */
static uint64_t grown_cell(const struct plan_limits *l, unsigned number)
{
	unsigned step = l->parts_max / GROWTHS ? l->parts_max / GROWTHS : 1;
	unsigned shift = (number - 1) / step;

	if (shift >= GROWTHS || l->part_size > l->part_max >> shift)
		return l->part_max;
	return l->part_size << shift;
}

void plan_part_range(const struct plan_limits *limits, unsigned number,
		     uint64_t *ret_offset, uint64_t *ret_length)
{
	uint64_t offset = 0;

	for (unsigned i = 1; i < number; i++)
		offset += grown_cell(limits, i);
	*ret_offset = offset;
	*ret_length = grown_cell(limits, number);
}

static void walk_init(struct plan_walk *w, const struct plan_input *in,
		      uint64_t cell, uint64_t copy)
{
	*w = (struct plan_walk){.in = in,
				.cell = cell,
				.limits = in->limits ? in->limits
						     : &plan_limits_s3,
				.number = 1};
	if (cell)
		w->copy = copy < cell ? cell : copy / cell * cell;
	if (in->can_copy)
		w->clean_end =
			min_u64(in->size_bytes,
				min_u64(in->base_bytes, in->base_size_bytes));
}

/* Where the clean bytes that begin at the offset end; the offset: none do. */
static uint64_t walk_clean_end(struct plan_walk *w)
{
	const struct plan_input *in = w->in;

	while (w->extent < in->extent_count) {
		const struct meta_extent *e = &in->extents[w->extent];

		if (e->length && e->offset + e->length > w->offset)
			break;
		w->extent++;
	}
	if (w->offset >= w->clean_end)
		return w->offset;
	if (w->extent == in->extent_count)
		return w->clean_end;
	if (in->extents[w->extent].offset <= w->offset)
		return w->offset;
	return min_u64(w->clean_end, in->extents[w->extent].offset);
}

/*
 * Whether [w->offset, end) is a hole: no base shows through, and nothing but
 * holes is staged. After walk_clean_end(), which has moved w->extent on.
 */
static bool walk_is_hole(const struct plan_walk *w, uint64_t end)
{
	const struct plan_input *in = w->in;
	uint64_t at = w->offset;

	for (size_t i = w->extent; at < end; i++) {
		const struct meta_extent *e = &in->extents[i];
		uint64_t next = i < in->extent_count ? e->offset : end;

		if (i < in->extent_count && !e->length)
			continue;
		if (next > at && at < in->base_bytes)
			return false;
		if (next >= end)
			break;
		if (!meta_extent_is_hole(e->place))
			return false;
		at = e->offset + e->length;
	}
	return true;
}

/* What begins at w->offset: clean cells in a row, or one that is not. */
static void walk_cells(struct plan_walk *w, uint64_t cell,
		       struct plan_part *ret_part)
{
	uint64_t left = w->in->size_bytes - w->offset;
	uint64_t clean = walk_clean_end(w) - w->offset;

	/* Whole cells, but for the file's last. */
	if (clean < left)
		clean = clean / cell * cell;
	ret_part->kind = clean ? PLAN_COPY : PLAN_DATA;
	ret_part->offset = w->offset;
	ret_part->length = clean ? clean : min_u64(left, cell);
	if (!clean && walk_is_hole(w, w->offset + ret_part->length))
		ret_part->kind = PLAN_ZERO;
}

/* The next part, without its number; false at the end of the file. */
static bool walk_next(struct plan_walk *w, struct plan_part *ret_part)
{
	uint64_t cell = w->cell ? w->cell : grown_cell(w->limits, w->number);
	struct plan_part more;

	if (w->offset == w->in->size_bytes)
		return false;
	w->number++;
	walk_cells(w, cell, ret_part);
	if (ret_part->kind == PLAN_COPY)
		ret_part->length = min_u64(ret_part->length, w->copy);
	w->offset += ret_part->length;
	/* As parts are made while a file grows, each is one cell. */
	while (w->cell && ret_part->kind == PLAN_DATA &&
	       w->offset < w->in->size_bytes &&
	       ret_part->length + cell <= w->limits->join_size) {
		walk_cells(w, cell, &more);
		if (more.kind != PLAN_DATA)
			break;
		ret_part->length += more.length;
		w->offset += more.length;
	}
	return true;
}

static size_t walk_count(const struct plan_input *in, uint64_t cell,
			 uint64_t copy, size_t max)
{
	struct plan_part part;
	struct plan_walk w;
	size_t count = 0;

	walk_init(&w, in, cell, copy);
	while (count <= max && walk_next(&w, &part))
		count++;
	return count;
}

/* Of the pieces that a file is copied in. */
static uint64_t copy_size(const struct plan_limits *l, uint64_t size_bytes)
{
	uint64_t cells = size_bytes / COPIES / l->part_min + 1;

	return min_u64(max_u64(cells * l->part_min, l->copy_least),
		       l->copy_size);
}

/* Chooses sizes under which the parts are few enough. 0 or -EFBIG. */
static int choose_sizes(const struct plan_input *in,
			const struct plan_limits *l, uint64_t *ret_cell,
			uint64_t *ret_copy)
{
	uint64_t cell = l->part_min, copy = copy_size(l, in->size_bytes);
	/* A cell may turn out to be either kind of part. */
	uint64_t cell_max = min_u64(l->part_max, l->copy_max);

	if ((!in->can_copy || !min_u64(in->base_bytes, in->base_size_bytes)) &&
	    walk_count(in, 0, 0, l->parts_max) <= l->parts_max) {
		*ret_cell = *ret_copy = 0;
		return 0;
	}
	while (walk_count(in, cell, copy, l->parts_max) > l->parts_max) {
		if (in->can_copy && copy < l->copy_max) {
			copy = min_u64(copy * 2, l->copy_max);
		} else if (cell < cell_max) {
			cell = min_u64(cell * 2, cell_max);
		} else {
			return -EFBIG;
		}
	}
	*ret_cell = cell;
	*ret_copy = copy;
	return 0;
}

int plan_make(const struct plan_input *in, struct plan *ret_plan)
{
	const struct plan_limits *l = in->limits ? in->limits : &plan_limits_s3;
	struct plan p = {.single = in->size_bytes <= l->single_max};
	uint64_t cell, copy;
	struct plan_walk w;
	size_t count;
	int rc;

	assert(l->part_size >= l->part_min && l->part_size <= l->copy_max);
	assert(l->join_size <= l->part_max && l->copy_least <= l->copy_size);
	if (p.single) {
		p.data_bytes = in->size_bytes;
		*ret_plan = p;
		return 0;
	}
	/* Spares the long count of a size that no choice can carry. */
	if (in->size_bytes / l->part_max > l->parts_max)
		return -EFBIG;
	rc = choose_sizes(in, l, &cell, &copy);
	if (rc)
		return rc;
	count = walk_count(in, cell, copy, l->parts_max);
	p.parts = calloc(count, sizeof(*p.parts));
	if (!p.parts)
		return -ENOMEM;
	walk_init(&w, in, cell, copy);
	while (p.count < count && walk_next(&w, &p.parts[p.count])) {
		struct plan_part *part = &p.parts[p.count++];

		part->number = (unsigned)p.count;
		if (part->kind == PLAN_DATA)
			p.data_bytes += part->length;
		else if (part->kind == PLAN_ZERO)
			p.zero_bytes += part->length;
	}
	*ret_plan = p;
	return 0;
}

void plan_release(struct plan *p)
{
	free(p->parts);
	memset(p, 0, sizeof(*p));
}
