/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "vers3/util/map.h"

#define MANY 5000

static void test_keys(void **state)
{
	/* Prefixes of one another, NULs, the empty key, word boundaries. */
	static const struct {
		const char *key;
		size_t len;
	} keys[] = {
		{NULL, 0},	   {"a", 1},	     {"a\0", 2},
		{"a\0b", 3},	   {"\0", 1},	     {"1234567", 7},
		{"12345678", 8},   {"123456789", 9}, {"1234567812345678", 16},
		{"12345678\0", 9}, {"\xff\xfe", 2},
	};
	const size_t n = sizeof(keys) / sizeof(*keys);
	int values[sizeof(keys) / sizeof(*keys)];
	struct map *m = NULL;

	(void)state;
	assert_int_equal(map_new(&m), 0);
	for (size_t i = 0; i < n; i++) {
		assert_null(map_get(m, keys[i].key, keys[i].len));
		assert_int_equal(
			map_put(m, keys[i].key, keys[i].len, &values[i]), 0);
	}
	assert_int_equal(map_count(m), n);
	for (size_t i = 0; i < n; i++)
		assert_ptr_equal(map_get(m, keys[i].key, keys[i].len),
				 &values[i]);
	assert_int_equal(map_put(m, "a", 1, &values[9]), 0);
	assert_int_equal(map_count(m), n);
	assert_ptr_equal(map_del(m, "a", 1), &values[9]);
	assert_null(map_del(m, "a", 1));
	assert_null(map_get(m, "a", 1));
	assert_ptr_equal(map_get(m, "a\0", 2), &values[2]);
	assert_int_equal(map_count(m), n - 1);
	map_free(m);
	map_free(NULL);
}

struct seen {
	size_t count;
	unsigned char at[MANY];
};

static void see(void *ctx, const void *key, size_t len, void *value)
{
	struct seen *seen = ctx;
	int i;

	assert_int_equal(len, sizeof(i));
	memcpy(&i, key, sizeof(i));
	assert_int_equal(*(int *)value, i);
	seen->at[i]++;
	seen->count++;
}

static void test_many(void **state)
{
	static int values[MANY];
	static struct seen seen;
	struct map *m = NULL;

	(void)state;
	assert_int_equal(map_new(&m), 0);
	for (int i = 0; i < MANY; i++) {
		values[i] = i;
		assert_int_equal(map_put(m, &i, sizeof(i), &values[i]), 0);
	}
	for (int i = 0; i < MANY; i += 2)
		assert_ptr_equal(map_del(m, &i, sizeof(i)), &values[i]);
	assert_int_equal(map_count(m), MANY / 2);
	map_each(m, see, &seen);
	assert_int_equal(seen.count, MANY / 2);
	for (int i = 0; i < MANY; i++)
		assert_int_equal(seen.at[i], i % 2);
	map_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
