/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../../src/read/stream.h"

#define KIB UINT64_C(1024)
#define MIB (KIB * KIB)
#define GIB (KIB * MIB)

struct row {
	uint64_t offset, end;
	uint64_t from, to; /* to 0: nothing */
	uint64_t window;
};

/* One stream over a file, read by read: what is fetched ahead. */
static void read_rows(uint64_t size, const struct row *rows, size_t count)
{
	struct reader_stream s = {0};

	for (size_t i = 0; i < count; i++) {
		uint64_t from = 0, to = 0;
		bool ahead = stream_advance(&s, size, GIB, rows[i].offset,
					    rows[i].end, &from, &to);

		assert_int_equal(ahead, rows[i].to != 0);
		assert_int_equal(from, rows[i].from);
		assert_int_equal(to, rows[i].to);
		assert_int_equal(s.window, rows[i].window);
	}
}

static void test_sequence(void **state)
{
	static const struct row rows[] = {
		{0, 64 * KIB, 0, 0, MIB},
		{64 * KIB, 256 * KIB, 0, 0, MIB},
		/* It goes on: several runs at once. */
		{384 * KIB, 512 * KIB, MIB, 40 * MIB, 32 * MIB},
		{512 * KIB, MIB, 0, 0, 32 * MIB},
		{23 * MIB, 24 * MIB, 0, 0, 0}, /* a jump */
		{24 * MIB, 25 * MIB, 0, 0, MIB},
		{25 * MIB, 26 * MIB, 25 * MIB, 64 * MIB, 32 * MIB},
		/* Not quite in order: the kernel asks for several at once. */
		{27 * MIB, 28 * MIB, 64 * MIB, 96 * MIB, 64 * MIB},
		{27 * MIB, 28 * MIB - 1, 0, 0, 64 * MIB},
		{47 * MIB, 48 * MIB, 0, 0, 0},
		{48 * MIB, 49 * MIB, 0, 0, MIB},
		{49 * MIB, 50 * MIB, 49 * MIB, 88 * MIB, 32 * MIB},
		{50 * MIB, 72 * MIB, 88 * MIB, 99 * MIB, 64 * MIB},
		/* Up to the end, and no further. */
		{72 * MIB, 98 * MIB, 0, 0, 64 * MIB},
	};

	(void)state;
	read_rows(99 * MIB - 7, rows, sizeof(rows) / sizeof(*rows));
}

/* The kernel asks for much at once where the reader does. */
static void test_large_first(void **state)
{
	static const struct row rows[] = {
		{0, 128 * KIB, MIB, 40 * MIB, 32 * MIB},
		{128 * KIB, 4 * MIB, 0, 0, 32 * MIB},
		/* It goes on with each run; an eighth was read. */
		{4 * MIB, 5 * MIB, 40 * MIB, 72 * MIB, 64 * MIB},
		{5 * MIB, 8 * MIB, 0, 0, 64 * MIB},
		{8 * MIB, 9 * MIB, 72 * MIB, 144 * MIB, 128 * MIB},
		{9 * MIB, 16 * MIB, 0, 0, 128 * MIB},
		{16 * MIB, 17 * MIB, 144 * MIB, 152 * MIB, 128 * MIB},
		/* Only at the start. */
		{512 * MIB, 513 * MIB, 0, 0, 0},
		{513 * MIB, 514 * MIB, 0, 0, MIB},
	};

	(void)state;
	read_rows(GIB, rows, sizeof(rows) / sizeof(*rows));
}

/* How wide the window gets where a cache is so large. */
static void test_small_cache(void **state)
{
	static const struct {
		uint64_t cache, wide, most; /* at first, in the end */
	} rows[] = {
		{10 * GIB, 32 * MIB, 128 * MIB},
		{512 * MIB, 32 * MIB, 128 * MIB},
		{256 * MIB, 32 * MIB, 64 * MIB},
		{200 * MIB, 32 * MIB, 50 * MIB},
		{100 * MIB, 25 * MIB, 25 * MIB},
		{32 * MIB, 8 * MIB, 8 * MIB},
		{MIB, 8 * MIB, 8 * MIB},
		{0, 8 * MIB, 8 * MIB},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct reader_stream s = {0};
		uint64_t from, to, wide = 0;

		for (uint64_t at = 0; at < 400 * MIB; at += MIB)
			if (stream_advance(&s, GIB, rows[i].cache, at, at + MIB,
					   &from, &to)) {
				wide = wide ? wide : s.window;
				assert_true(to - at <= rows[i].most + 9 * MIB);
			}
		assert_int_equal(wide, rows[i].wide);
		assert_int_equal(s.window, rows[i].most);
	}
}

/* Who has little of the room asks for less the next time. */
static void test_short(void **state)
{
	static const struct {
		uint64_t window, end, reached, wanted;
	} rows[] = {
		{64 * MIB, 0, 0, 32 * MIB},
		{64 * MIB, 0, 31 * MIB, 32 * MIB},
		{64 * MIB, 0, 32 * MIB, 64 * MIB},
		{64 * MIB, 100 * MIB, 140 * MIB, 64 * MIB},
		{12 * MIB, 0, 0, 8 * MIB},
		{8 * MIB, 0, 0, 8 * MIB},
		{MIB, 0, 0, MIB},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct reader_stream s = {.window = rows[i].window,
					  .frontier = GIB};

		stream_short(&s, rows[i].end, rows[i].reached);
		assert_int_equal(s.window, rows[i].wanted);
		assert_int_equal(s.frontier, rows[i].reached);
	}
}

/* At which miss a file's runs come whole, and whether others do then. */
static void test_dense(void **state)
{
	static const struct {
		uint64_t size, cache;
		unsigned miss; /* 0: not at any of 1,000 */
		bool around;
	} rows[] = {
		{5 * MIB, 10 * GIB, 1, true},
		{16 * MIB, 10 * GIB, 2, true},
		{64 * MIB, 10 * GIB, 4, true},
		{100 * MIB, 10 * GIB, 4, true},
		{256 * MIB, 10 * GIB, 8, true},
		{256 * MIB, 512 * MIB, 8, true},
		/* It does not fit. */
		{256 * MIB, 511 * MIB, 32, false},
		{64 * MIB, 64 * MIB, 8, false},
		/* What comes would be evicted before it is hit again. */
		{64 * MIB, 64 * MIB - 1, 0, false},
		{64 * MIB, 0, 0, false},
		{GIB, 10 * GIB, 32, true},
		{GIB + 1, 10 * GIB, 129, false},
		{10 * GIB, 100 * GIB, 0, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct reader_stream s = {0};
		unsigned miss = 0;

		while (miss++ < 1000 &&
		       !stream_miss(&s, rows[i].size, rows[i].cache, 0))
			;
		assert_int_equal(miss > 1000 ? 0 : miss, rows[i].miss);
		assert_int_equal(s.around != 0, rows[i].around);
		/* Nor is it forgotten. */
		if (rows[i].miss)
			assert_true(stream_miss(&s, rows[i].size, rows[i].cache,
						0));
	}
}

/* Which runs come around a miss, and how many at each read. */
static void test_around(void **state)
{
	static const unsigned steps[] = {2, 4, 8, 8};
	struct reader_stream s = {0};
	uint64_t run;

	(void)state;
	assert_int_equal(stream_around(&s), 0);
	while (!stream_miss(&s, 100 * MIB, GIB, 85 * MIB))
		assert_int_equal(stream_around(&s), 0);
	for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++)
		assert_int_equal(stream_around(&s), steps[i]);
	/* Run 10 was fetched by the miss; 13 there are. */
	for (uint64_t i = 0; i < 12; i++) {
		assert_true(stream_take_run(&s, 100 * MIB, &run));
		assert_int_equal(run, (11 + i) % 13);
		if (i != 5)
			continue;
		stream_give_run(&s, run);
		assert_true(stream_take_run(&s, 100 * MIB, &run));
		assert_int_equal(run, (11 + i) % 13);
	}
	assert_false(stream_take_run(&s, 100 * MIB, &run));
	assert_int_equal(stream_around(&s), 0);
	assert_true(stream_miss(&s, 100 * MIB, GIB, 0));
	assert_int_equal(stream_around(&s), 0);
	/* Who reads on is no case for it. */
	s = (struct reader_stream){.window = MIB, .around = 2};
	s.around_left = 5;
	assert_false(stream_miss(&s, 100 * MIB, GIB, 0));
	assert_int_equal(stream_around(&s), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sequence),
		cmocka_unit_test(test_large_first),
		cmocka_unit_test(test_small_cache),
		cmocka_unit_test(test_short),
		cmocka_unit_test(test_dense),
		cmocka_unit_test(test_around),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
