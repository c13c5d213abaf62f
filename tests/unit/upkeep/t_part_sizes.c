/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "../../../src/upkeep/part_sizes.h"

#define MIB (UINT64_C(1) << 20)
/* 9 MiB of the byte 7, sent in parts of 5 and of 8 MiB. */
#define OF_5 "6c4d6695c29b52426749a16f68b95f16-2"
#define OF_8 "9f295be70cd96aac1aefde5d9c6ee221-2"
/* 100 bytes of the byte 7, as one part. */
#define OF_1 "c1221658c84b8862a14faaac76b2bcaa-1"

static void test_count(void **state)
{
	static const struct {
		const char *etag;
		unsigned parts;
	} etags[] = {
		{"0cc175b9c0f1b6a831c399e269772661-2", 2},
		{"0cc175b9c0f1b6a831c399e269772661-10000", 10000},
		{"0cc175b9c0f1b6a831c399e269772661-10001", 0},
		{"0cc175b9c0f1b6a831c399e269772661-0", 0},
		{"0cc175b9c0f1b6a831c399e269772661", 0},
		{"0cc175b9c0f1b6a831c399e269772661-", 0},
		{"0cc175b9c0f1b6a831c399e269772661-2x", 0},
		{"0cc175b9c0f1b6a831c399e26977266-22", 0},
		{"zcc175b9c0f1b6a831c399e269772661-2", 0},
		{"", 0},
		{NULL, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(etags) / sizeof(*etags); i++)
		assert_int_equal(part_sizes_count_of(etags[i].etag),
				 etags[i].parts);
}

static void test_fit(void **state)
{
	uint64_t sizes[PART_SIZES_MAX];

	(void)state;
	assert_int_equal(part_sizes_that_fit(100, 1, sizes, PART_SIZES_MAX), 1);
	assert_int_equal(sizes[0], 100);
	/* 5 to 8 MiB come to 2. */
	assert_int_equal(part_sizes_that_fit(9 * MIB, 2, sizes, PART_SIZES_MAX),
			 3);
	assert_int_equal(sizes[0], 8 * MIB);
	assert_int_equal(part_sizes_that_fit(9 * MIB, 2, sizes, 1), 1);
	assert_int_equal(
		part_sizes_that_fit(16 * MIB, 2, sizes, PART_SIZES_MAX), 4);
	assert_int_equal(part_sizes_that_fit(9 * MIB, 7, sizes, PART_SIZES_MAX),
			 0);
	assert_int_equal(part_sizes_that_fit(0, 1, sizes, PART_SIZES_MAX), 0);
	assert_int_equal(part_sizes_that_fit(9 * MIB, 0, sizes, PART_SIZES_MAX),
			 0);
}

/* Which size of parts proves an ETag of bytes 7; 0: none does. */
static uint64_t prove(const char *etag, uint64_t size_bytes, size_t piece)
{
	unsigned char *data = malloc(piece);
	struct part_sizes *p = NULL;
	uint64_t part_bytes = 0;
	bool found = false;

	assert_non_null(data);
	memset(data, 7, piece);
	assert_int_equal(part_sizes_new(size_bytes, etag, &p), 0);
	assert_non_null(p);
	for (uint64_t left = size_bytes; left;) {
		size_t n = left < piece ? (size_t)left : piece;

		assert_int_equal(part_sizes_add(p, data, n), 0);
		left -= n;
	}
	assert_int_equal(part_sizes_end(p, etag, &found, &part_bytes), 0);
	part_sizes_free(p);
	free(data);
	return found ? part_bytes : 0;
}

static void test_prove(void **state)
{
	struct part_sizes *p = NULL;

	(void)state;
	assert_int_equal(prove(OF_5, 9 * MIB, 4 * MIB), 5 * MIB);
	assert_int_equal(prove(OF_5, 9 * MIB, 1000003), 5 * MIB);
	assert_int_equal(prove(OF_8, 9 * MIB, 4 * MIB), 8 * MIB);
	assert_int_equal(prove(OF_1, 100, 100), 100);
	/* Other bytes, or parts of a size that nobody has. */
	assert_int_equal(prove(OF_8, 9 * MIB - 1, 4 * MIB), 0);
	/* Nothing to try. */
	assert_int_equal(part_sizes_new(9 * MIB, OF_8 "0", &p), 0);
	assert_null(p);
	assert_int_equal(
		part_sizes_new(9, "0cc175b9c0f1b6a831c399e269772661", &p), 0);
	assert_null(p);
	part_sizes_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_count),
		cmocka_unit_test(test_fit),
		cmocka_unit_test(test_prove),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
