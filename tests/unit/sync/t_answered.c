/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../../../src/sync/answered.h"

#define ROOM 256

static void put(struct answered *a, const char *path, uint64_t ino,
		uint64_t change)
{
	struct meta_inode inode = {.ino = ino, .change = change};
	struct conflict c = {.path = path, .snap = &inode, .since_ns = 7};
	struct meta_version v = {.size_bytes = change};

	answered_put(a, &c, &v);
}

/* The version that was noted; 0: none. */
static uint64_t take(struct answered *a, const char *path, uint64_t ino,
		     uint64_t change)
{
	struct meta_inode inode = {.ino = ino, .change = change};
	struct conflict c = {.path = path, .snap = &inode};
	struct meta_version v;

	if (!answered_take(a, &c, &v))
		return 0;
	assert_int_equal(c.since_ns, 7);
	return v.size_bytes;
}

static void test_one_change(void **state)
{
	struct answered *a;

	(void)state;
	assert_int_equal(answered_new(&a), 0);
	put(a, "f", 2, 5);
	assert_int_equal(take(a, "g", 2, 5), 0);
	assert_int_equal(take(a, "f", 2, 5), 5);
	assert_int_equal(take(a, "f", 2, 5), 0); /* once */
	put(a, "f", 2, 5);
	put(a, "f", 2, 6);
	assert_int_equal(take(a, "f", 2, 6), 6);
	put(a, "f", 2, 5);
	assert_int_equal(take(a, "f", 2, 6), 0); /* another change */
	assert_int_equal(take(a, "f", 2, 5), 0); /* and it is gone */
	put(a, "f", 2, 5);
	answered_free(a);
	answered_free(NULL);
}

static void name_of(unsigned i, char name[16])
{
	snprintf(name, 16, "f%u", i);
}

/* One that is full of what nobody asks for again takes new ones all the same.
 */
static void test_oldest_goes(void **state)
{
	struct answered *a;
	char name[16];

	(void)state;
	assert_int_equal(answered_new(&a), 0);
	for (unsigned i = 1; i <= 2 * ROOM; i++) {
		name_of(i, name);
		put(a, name, i, i);
	}
	for (unsigned i = 1; i <= 2 * ROOM; i++) {
		name_of(i, name);
		assert_int_equal(take(a, name, i, i), i > ROOM ? i : 0);
	}
	answered_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_change),
		cmocka_unit_test(test_oldest_goes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
