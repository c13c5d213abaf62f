/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Upload plans.
 *
 * The file is laid out in cells of one part's size. A cell that holds staged
 * bytes, or bytes past what is seen of the base, is sent as one part; clean
 * cells in a row are copied as one, in pieces of whole cells. Since all but
 * the last are whole cells, no part is too small, and one changed byte sends
 * one cell. A cell that is nothing but a hole is a part of zeros.
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
	.part_max = PLAN_PART_MAX,
	.copy_size = PLAN_COPY_SIZE,
	.copy_max = PLAN_COPY_MAX,
	.single_max = PLAN_SINGLE_MAX,
	.parts_max = PLAN_PARTS_MAX,
};

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

/* The next part, without its number; false at the end of the file. */
static bool walk_next(struct plan_walk *w, struct plan_part *ret_part)
{
	uint64_t size = w->in->size_bytes;
	uint64_t left = size - w->offset;
	uint64_t cell = w->cell, clean;

	if (!left)
		return false;
	if (!cell)
		cell = grown_cell(w->limits, w->number);
	w->number++;
	clean = walk_clean_end(w) - w->offset;
	/* Whole cells, but for the file's last. */
	if (clean < left)
		clean = clean / cell * cell;
	ret_part->kind = clean ? PLAN_COPY : PLAN_DATA;
	ret_part->offset = w->offset;
	ret_part->length =
		clean ? min_u64(clean, w->copy) : min_u64(left, cell);
	if (!clean && walk_is_hole(w, w->offset + ret_part->length))
		ret_part->kind = PLAN_ZERO;
	w->offset += ret_part->length;
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

/* Chooses sizes under which the parts are few enough. 0 or -EFBIG. */
static int choose_sizes(const struct plan_input *in,
			const struct plan_limits *l, uint64_t *ret_cell,
			uint64_t *ret_copy)
{
	uint64_t cell = l->part_size, copy = l->copy_size;
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
