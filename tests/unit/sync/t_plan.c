/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>

#include "../../../src/sync/plan.h"
#include "vers3/meta/extent.h"

#define MIB (UINT64_C(1) << 20)
#define GIB (UINT64_C(1) << 30)
#define TIB (UINT64_C(1) << 40)

/* Whether a byte is of no base, and staged nowhere. */
static bool is_zero(const struct plan_input *in, uint64_t at)
{
	for (size_t i = 0; i < in->extent_count; i++) {
		const struct meta_extent *e = &in->extents[i];

		if (e->offset <= at && at < e->offset + e->length)
			return meta_extent_is_hole(e->place);
	}
	return at >= in->base_bytes;
}

/*
 * Whether all of a range is; it can change only where the base ends, and where
 * an extent begins or ends.
 */
static bool is_hole(const struct plan_input *in, uint64_t from, uint64_t end)
{
	bool zero = is_zero(in, from) && is_zero(in, end - 1);

	if (in->base_bytes > from && in->base_bytes < end)
		zero = zero && is_zero(in, in->base_bytes - 1);
	for (size_t i = 0; i < in->extent_count; i++) {
		uint64_t edges[] = {in->extents[i].offset,
				    in->extents[i].offset +
					    in->extents[i].length};

		for (int k = 0; k < 2; k++)
			if (edges[k] > from && edges[k] < end)
				zero = zero && is_zero(in, edges[k]) &&
				       is_zero(in, edges[k] - 1);
	}
	return zero;
}

/* What every plan has to keep to. */
static void check(const struct plan_input *in, const struct plan *p)
{
	const struct plan_limits *l = in->limits ? in->limits : &plan_limits_s3;
	uint64_t at = 0, sent = 0, zeros = 0;
	size_t e = 0;

	if (p->single) {
		assert_true(in->size_bytes <= l->single_max);
		assert_int_equal(p->count, 0);
		assert_int_equal(p->data_bytes, in->size_bytes);
		return;
	}
	assert_in_range(p->count, 1, l->parts_max);
	for (size_t i = 0; i < p->count; i++) {
		const struct plan_part *part = &p->parts[i];
		uint64_t end = part->offset + part->length;

		assert_int_equal(part->number, i + 1);
		assert_int_equal(part->offset, at);
		assert_true(part->length > 0);
		assert_true(i + 1 == p->count || part->length >= l->part_min);
		at = end;
		if (part->kind != PLAN_COPY) {
			assert_true(part->length <= l->part_max);
			assert_int_equal(part->kind == PLAN_ZERO,
					 is_hole(in, part->offset, end));
			if (part->kind == PLAN_DATA)
				sent += part->length;
			else
				zeros += part->length;
			continue;
		}
		assert_true(in->can_copy);
		assert_true(part->length <= l->copy_max);
		assert_true(end <= in->base_bytes);
		assert_true(end <= in->base_size_bytes);
		while (e < in->extent_count &&
		       (!in->extents[e].length ||
			in->extents[e].offset + in->extents[e].length <=
				part->offset))
			e++;
		assert_true(e == in->extent_count ||
			    in->extents[e].offset >= end);
	}
	assert_int_equal(at, in->size_bytes);
	assert_int_equal(p->data_bytes, sent);
	assert_int_equal(p->zero_bytes, zeros);
}

static void test_table(void **state)
{
	static const struct {
		uint64_t size, base, base_size;
		bool can_copy;
		struct meta_extent extents[3];
		size_t extent_count;
		bool single;
		size_t data, copies; /* parts */
		uint64_t sent;
	} cases[] = {
		/* Small files go as a whole. */
		{0, 0, 0, true, {{0}}, 0, true, 0, 0, 0},
		{8 * MIB,
		 8 * MIB,
		 8 * MIB,
		 true,
		 {{0}},
		 0,
		 true,
		 0,
		 0,
		 8 * MIB},
		/* A new file. */
		{8 * MIB + 1,
		 0,
		 0,
		 true,
		 {{0, 8 * MIB + 1, 0}},
		 1,
		 false,
		 2,
		 0,
		 8 * MIB + 1},
		{20 * MIB,
		 0,
		 0,
		 true,
		 {{0, 20 * MIB, 0}},
		 1,
		 false,
		 3,
		 0,
		 20 * MIB},
		/* Nothing but a hole. */
		{20 * MIB, 0, 0, true, {{0}}, 0, false, 0, 3, 0},
		/* A hole between data, and one over the base. */
		{48 * MIB,
		 0,
		 0,
		 true,
		 {{0, 1, 0}, {33 * MIB, 1, 1}},
		 2,
		 false,
		 2,
		 4,
		 16 * MIB},
		{64 * MIB,
		 64 * MIB,
		 64 * MIB,
		 true,
		 {{8 * MIB, 16 * MIB, META_HOLE_AT + 8 * MIB}},
		 1,
		 false,
		 2,
		 7,
		 10 * MIB},
		{64 * MIB,
		 64 * MIB,
		 64 * MIB,
		 true,
		 {{10 * MIB, 15 * MIB, META_HOLE_AT + 10 * MIB}},
		 1,
		 false,
		 0,
		 8,
		 0},
		{64 * MIB,
		 64 * MIB,
		 64 * MIB,
		 true,
		 {{10 * MIB, 15 * MIB - 1, META_HOLE_AT + 10 * MIB}},
		 1,
		 false,
		 1,
		 7,
		 5 * MIB},
		/* One byte in 1 GiB: at the start, inside, at the end. */
		{GIB, GIB, GIB, true, {{0, 1, 0}}, 1, false, 1, 12, 5 * MIB},
		{GIB,
		 GIB,
		 GIB,
		 true,
		 {{GIB / 3, 1, 0}},
		 1,
		 false,
		 1,
		 12,
		 5 * MIB},
		{GIB,
		 GIB,
		 GIB,
		 true,
		 {{GIB - 1, 1, 0}},
		 1,
		 false,
		 1,
		 12,
		 4 * MIB},
		/* Across the border of two parts. */
		{GIB,
		 GIB,
		 GIB,
		 true,
		 {{80 * MIB - 1, 2, 0}},
		 1,
		 false,
		 1,
		 12,
		 10 * MIB},
		/* Many in a row. */
		{GIB,
		 GIB,
		 GIB,
		 true,
		 {{90 * MIB, 35 * MIB, 0}},
		 1,
		 false,
		 4,
		 11,
		 35 * MIB},
		/* In 10 GiB. */
		{10 * GIB,
		 10 * GIB,
		 10 * GIB,
		 true,
		 {{5 * GIB, 1, 0}},
		 1,
		 false,
		 1,
		 22,
		 5 * MIB},
		/* Appended to: what of a cell is before it is sent anew. */
		{103 * MIB,
		 102 * MIB,
		 102 * MIB,
		 true,
		 {{102 * MIB, MIB, 0}},
		 1,
		 false,
		 1,
		 10,
		 3 * MIB},
		{100 * MIB + 5,
		 100 * MIB,
		 100 * MIB,
		 true,
		 {{100 * MIB, 5, 0}},
		 1,
		 false,
		 1,
		 10,
		 5},
		/* Cut, and cut and extended. */
		{50 * MIB, 50 * MIB, GIB, true, {{0}}, 0, false, 0, 5, 0},
		{64 * MIB,
		 24 * MIB,
		 GIB,
		 true,
		 {{0}},
		 0,
		 false,
		 1,
		 10,
		 5 * MIB},
		/* More is said to be seen than the base has. */
		{64 * MIB,
		 64 * MIB,
		 24 * MIB,
		 true,
		 {{0}},
		 0,
		 false,
		 5,
		 2,
		 44 * MIB},
		/* The base cannot be copied. */
		{32 * MIB,
		 32 * MIB,
		 32 * MIB,
		 false,
		 {{7, 1, 0}},
		 1,
		 false,
		 4,
		 0,
		 32 * MIB},
		/* Empty extents mean nothing. */
		{32 * MIB,
		 32 * MIB,
		 32 * MIB,
		 true,
		 {{MIB, 0, 0}, {9 * MIB, 1, 0}, {20 * MIB, 0, 0}},
		 3,
		 false,
		 1,
		 4,
		 5 * MIB},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct plan_input in = {
			.size_bytes = cases[i].size,
			.base_bytes = cases[i].base,
			.base_size_bytes = cases[i].base_size,
			.can_copy = cases[i].can_copy,
			.extents = cases[i].extents,
			.extent_count = cases[i].extent_count,
		};
		size_t data = 0;
		struct plan p;

		print_message("case %zu\n", i);
		assert_int_equal(plan_make(&in, &p), 0);
		check(&in, &p);
		for (size_t j = 0; j < p.count; j++)
			data += p.parts[j].kind == PLAN_DATA;
		assert_int_equal(p.single, cases[i].single);
		assert_int_equal(data, cases[i].data);
		assert_int_equal(p.count - data, cases[i].copies);
		assert_int_equal(p.data_bytes, cases[i].sent);
		plan_release(&p);
		assert_null(p.parts);
	}
}

static void test_large(void **state)
{
	static const uint64_t sizes[] = {
		80000 * MIB,
		80000 * MIB + 1,
		TIB + 77,
		5 * TIB,
	};
	struct meta_extent one = {TIB / 64 + 3, 1, 0};

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		struct plan_input in = {.size_bytes = sizes[i]};
		struct plan p;

		assert_int_equal(plan_make(&in, &p), 0);
		check(&in, &p);
		plan_release(&p);
		/* Larger copies come before larger parts. */
		in.base_bytes = in.base_size_bytes = sizes[i];
		in.can_copy = true;
		in.extents = &one;
		in.extent_count = 1;
		assert_int_equal(plan_make(&in, &p), 0);
		check(&in, &p);
		assert_int_equal(p.data_bytes, PLAN_PART_MIN);
		plan_release(&p);
	}
}

static void test_too_large(void **state)
{
	struct plan_input in = {.size_bytes = 10000 * PLAN_PART_MAX};
	struct plan p;

	(void)state;
	assert_int_equal(plan_make(&in, &p), 0);
	check(&in, &p);
	plan_release(&p);
	in.size_bytes++;
	assert_int_equal(plan_make(&in, &p), -EFBIG);
	in.size_bytes = UINT64_MAX;
	assert_int_equal(plan_make(&in, &p), -EFBIG);
}

/* What was sent while the file grew is what its plan asks for. */
static void test_growing(void **state)
{
	struct plan_input in = {.size_bytes = 3 * TIB + 12345};
	struct plan p;

	(void)state;
	assert_int_equal(plan_make(&in, &p), 0);
	check(&in, &p);
	for (size_t i = 0; i + 1 < p.count; i += 7) {
		uint64_t offset, length;

		plan_part_range(&plan_limits_s3, p.parts[i].number, &offset,
				&length);
		assert_int_equal(offset, p.parts[i].offset);
		assert_int_equal(length, p.parts[i].length);
	}
	assert_int_equal(p.parts[0].length, PLAN_PART_SIZE);
	assert_true(p.parts[p.count - 2].length > 1024 * MIB);
	plan_release(&p);
}

static uint64_t below(uint64_t n)
{
	uint64_t x = (uint64_t)random() << 31 ^ (uint64_t)random();

	return n ? x % n : 0;
}

/* Small limits, so that all of them are met. */
static void test_randomised(void **state)
{
	static const struct plan_limits small = {
		.part_min = 5,
		.part_size = 8,
		.join_size = 10,
		.part_max = 100,
		.copy_least = 10,
		.copy_size = 40,
		.copy_max = 90,
		.single_max = 8,
		.parts_max = 20,
	};
	unsigned fitted = 0, refused = 0;

	(void)state;
	srandom(42);
	for (unsigned round = 0; round < 20000; round++) {
		struct meta_extent extents[8];
		struct plan_input in = {
			.size_bytes = below(round & 1 ? 300 : 2500),
			.can_copy = below(5) != 0,
			.extents = extents,
			.limits = &small,
		};
		uint64_t at = 0;
		struct plan p;
		int rc;

		in.base_size_bytes = below(in.size_bytes * 2);
		in.base_bytes = below(2) ? in.base_size_bytes
					 : below(in.base_size_bytes + 1);
		if (in.base_bytes > in.size_bytes)
			in.base_bytes = in.size_bytes;
		while (in.extent_count < below(9)) {
			struct meta_extent *e = &extents[in.extent_count];

			e->offset = at + below(in.size_bytes / 4 + 1);
			if (e->offset >= in.size_bytes)
				break;
			e->length = below(in.size_bytes - e->offset + 1);
			if (below(2) && e->length > 3)
				e->length = 3;
			at = e->offset + e->length + 1;
			in.extent_count++;
		}
		rc = plan_make(&in, &p);
		if (rc) {
			assert_int_equal(rc, -EFBIG);
			/* Only the near impossible is refused. */
			assert_true(in.size_bytes > 1000);
			refused++;
			continue;
		}
		check(&in, &p);
		plan_release(&p);
		fitted++;
	}
	assert_true(fitted > 10000);
	assert_true(refused > 100);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_large),
		cmocka_unit_test(test_growing),
		cmocka_unit_test(test_too_large),
		cmocka_unit_test(test_randomised),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
