/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "vers3/util/array.h"

struct item {
	uint64_t number;
	char rest[56];
};

struct list {
	struct item *items;
	size_t count, size;
};

static void test_grow(void **state)
{
	struct list l = {NULL, 0, 0};
	unsigned moves = 0;

	(void)state;
	for (size_t i = 0; i < 1000; i++) {
		size_t before = l.size;

		assert_int_equal(array_room(l.items, l.count, l.size), 0);
		assert_true(l.count < l.size);
		moves += l.size != before;
		l.items[l.count++] = (struct item){.number = i};
	}
	for (size_t i = 0; i < l.count; i++)
		assert_int_equal(l.items[i].number, i);
	/* Doubled, and not made anew for each: 8, 16, ..., 1024. */
	assert_int_equal(moves, 8);
	assert_int_equal(l.size, 1024);
	free(l.items);
}

/* What has been taken out leaves room, which is used first. */
static void test_room_stays(void **state)
{
	struct list l = {NULL, 0, 0};
	struct item *was;

	(void)state;
	while (l.count < ARRAY_FIRST) {
		assert_int_equal(array_room(l.items, l.count, l.size), 0);
		l.count++;
	}
	was = l.items;
	l.count = 1;
	assert_int_equal(array_room(l.items, l.count, l.size), 0);
	assert_ptr_equal(l.items, was);
	assert_int_equal(l.size, ARRAY_FIRST);
	free(l.items);
}

/* Sizes that no memory can have, in bytes or already in items. */
static void test_too_large(void **state)
{
	static const size_t sizes[] = {
		SIZE_MAX,
		SIZE_MAX / 2 + 1,
		SIZE_MAX / 2,
		SIZE_MAX / sizeof(struct item),
		SIZE_MAX / sizeof(struct item) / 2 + 1,
		PTRDIFF_MAX / sizeof(struct item),
	};

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		struct list l = {malloc(sizeof(struct item)), 0, 0};
		struct item *was = l.items;

		assert_non_null(was);
		was->number = 42;
		l.count = l.size = sizes[i];
		assert_int_equal(array_room(l.items, l.count, l.size), -ENOMEM);
		assert_ptr_equal(l.items, was);
		assert_int_equal(was->number, 42);
		assert_int_equal(l.count, sizes[i]);
		assert_int_equal(l.size, sizes[i]);
		if (sizes[i] < SIZE_MAX)
			assert_int_equal(array_room_for_one(l.items, l.count),
					 -ENOMEM);
		assert_ptr_equal(l.items, was);
		free(l.items);
	}
}

static void test_one_by_one(void **state)
{
	struct list l = {NULL, 0, 0};

	(void)state;
	for (size_t i = 0; i < 100; i++) {
		assert_int_equal(array_room_for_one(l.items, l.count), 0);
		l.items[l.count++] = (struct item){.number = i};
	}
	for (size_t i = 0; i < l.count; i++)
		assert_int_equal(l.items[i].number, i);
	free(l.items);
}

/* Arrays of pointers are arrays, too. */
static void test_pointers(void **state)
{
	const char **words = NULL;
	size_t count = 0, size = 0;

	(void)state;
	for (int i = 0; i < 20; i++) {
		assert_int_equal(array_room(words, count, size), 0);
		words[count++] = "word";
	}
	assert_string_equal(words[19], "word");
	free(words);
}

static int compare_numbers(const void *a, const void *b)
{
	uint64_t x = ((const struct item *)a)->number;
	uint64_t y = ((const struct item *)b)->number;

	return x < y ? -1 : x > y;
}

static void test_find(void **state)
{
	struct item items[] = {{.number = 3}, {.number = 1}, {.number = 2}};
	const struct item two = {.number = 2}, four = {.number = 4};

	(void)state;
	array_sort(NULL, 0, sizeof(*items), compare_numbers);
	assert_null(array_find(&two, NULL, 0, sizeof(*items), compare_numbers));
	array_sort(items, 3, sizeof(*items), compare_numbers);
	assert_ptr_equal(array_find(&two, items, 3, sizeof(*items),
				    compare_numbers),
			 &items[1]);
	assert_null(
		array_find(&four, items, 3, sizeof(*items), compare_numbers));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_grow),
		cmocka_unit_test(test_room_stays),
		cmocka_unit_test(test_too_large),
		cmocka_unit_test(test_one_by_one),
		cmocka_unit_test(test_pointers),
		cmocka_unit_test(test_find),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
