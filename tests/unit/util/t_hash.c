/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "vers3/util/hash.h"

#define N(rows) (sizeof(rows) / sizeof(*(rows)))

/* Lengths around the words of eight bytes, NULs, a change in each byte. */
static void test_differ(void **state)
{
	static const struct {
		const char *data;
		size_t len;
	} rows[] = {
		{"", 0},	   {"\0", 1},	     {"\0\0", 2},
		{"a", 1},	   {"b", 1},	     {"ab", 2},
		{"1234567", 7},	   {"12345678", 8},  {"22345678", 8},
		{"12345679", 8},   {"123456789", 9}, {"1234567812345678", 16},
		{"12345678\0", 9}, {"\xff\xfe", 2},
	};
	struct hash_seed seeds[2] = {{{0, 0}}};
	uint64_t seen[2][N(rows)];

	(void)state;
	hash_seed_draw(&seeds[1]);
	for (size_t s = 0; s < 2; s++) {
		for (size_t i = 0; i < N(rows); i++) {
			seen[s][i] = hash_add(&seeds[s], 0, rows[i].data,
					      rows[i].len);
			for (size_t j = 0; j < i; j++)
				assert_true(seen[s][i] != seen[s][j]);
			assert_true(!s || seen[0][i] != seen[1][i]);
			assert_true(hash_add(&seeds[s], 0, rows[i].data,
					     rows[i].len) == seen[s][i]);
		}
	}
}

/* Where one string ends and the next begins counts. */
static void test_in_turn(void **state)
{
	const struct hash_seed seed = {{1, 2}};
	uint64_t a = hash_add(&seed, hash_add(&seed, 0, "ab", 2), "c", 1);
	uint64_t b = hash_add(&seed, hash_add(&seed, 0, "a", 1), "bc", 2);
	uint64_t c = hash_add(&seed, hash_add(&seed, 0, "c", 1), "ab", 2);

	(void)state;
	assert_true(a != b && a != c && b != c);
	assert_true(a != hash_add(&seed, 0, "abc", 3));
}

/* One with a fixed seed outlives the process: it must stay what it is. */
static void test_fixed(void **state)
{
	const struct hash_seed seed = {{0, 0}};

	(void)state;
	assert_int_equal(hash_add(&seed, 0, "", 0),
			 UINT64_C(0xd1fba762150c532c));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_differ),
		cmocka_unit_test(test_in_turn),
		cmocka_unit_test(test_fixed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
