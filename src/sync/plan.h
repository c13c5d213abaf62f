/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The plan of an upload: which bytes of a file are sent, and which the
 * server copies from the version that the file is based on. Pure.
 *
 * S3 wants 1 to 10,000 parts of 5 MiB to 5 GiB, the last one of any size
 * (docs: "Amazon S3 multipart upload limits"); a copied part's source range
 * is at most 5 GiB.
 */
#ifndef VERS3_SRC_SYNC_PLAN_H
#define VERS3_SRC_SYNC_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vers3/journal/reconcile.h"

#define PLAN_PART_MIN	(UINT64_C(5) << 20)
#define PLAN_PART_SIZE	(UINT64_C(8) << 20)
#define PLAN_JOIN_SIZE	(UINT64_C(10) << 20)
#define PLAN_PART_MAX	(UINT64_C(5) << 30)
#define PLAN_COPY_LEAST (UINT64_C(10) << 20)
#define PLAN_COPY_SIZE	(UINT64_C(512) << 20)
#define PLAN_COPY_MAX	(UINT64_C(5) << 30)
#define PLAN_SINGLE_MAX RECONCILE_SINGLE_MAX
#define PLAN_PARTS_MAX	10000u

struct plan_limits {
	uint64_t part_min; /* of all but the last */
	uint64_t
		part_size; /* of a file that grows, sent at once; >= part_min */
	uint64_t join_size; /* changed cells in a row are sent so at most */
	uint64_t part_max;
	uint64_t copy_least; /* not worth a request alone */
	uint64_t copy_size; /* copied at once at most: copies are parallel */
	uint64_t copy_max;
	uint64_t single_max; /* up to this: one PUT */
	unsigned parts_max;
};

/* S3's limits and vers3's sizes. */
extern const struct plan_limits plan_limits_s3;

struct plan_input {
	uint64_t size_bytes;
	uint64_t base_bytes; /* of the base, still seen from the start on */
	uint64_t base_size_bytes; /* the base's own size; 0: no base */
	bool can_copy; /* the base is immutable, or not to be overwritten */
	const struct meta_extent *extents; /* staged; sorted, disjoint */
	size_t extent_count;
	const struct plan_limits *limits; /* NULL: plan_limits_s3 */
};

enum plan_kind {
	PLAN_DATA, /* sent: staged bytes, base bytes around them, and holes */
	PLAN_COPY, /* wholly the base's, from the same offset */
	PLAN_ZERO, /* nothing but a hole: sent unless zeros can be copied */
};

struct plan_part {
	unsigned number; /* from 1 */
	enum plan_kind kind;
	uint64_t offset, length;
};

struct plan {
	bool single; /* one PUT of the whole; no parts */
	struct plan_part *parts; /* owned; they tile the file */
	size_t count;
	uint64_t data_bytes; /* to be sent */
	uint64_t zero_bytes; /* of PLAN_ZERO */
};

/*
 * The range of a part of a file of which nothing can be copied. It does not
 * depend on the file's size, so that parts can go while it grows: every tenth
 * of all parts is of twice the size of those before.
 */
void plan_part_range(const struct plan_limits *limits, unsigned number,
		     uint64_t *ret_offset, uint64_t *ret_length);
/*
 * Plans. 0 with a plan for plan_release(), -EFBIG when the file is more than
 * the limits can carry, -ENOMEM.
 */
int plan_make(const struct plan_input *in, struct plan *ret_plan);
void plan_release(struct plan *p);

#endif
