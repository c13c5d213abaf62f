/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "vers3/util/buf.h"
#include "vers3/util/kv.h"

/* Holds the list against "name=value;name=value". */
static void assert_list(const struct kvlist *l, const char *expected)
{
	struct buf b;

	buf_init(&b, 4096);
	for (size_t i = 0; i < l->count; i++)
		assert_int_equal(buf_printf(&b, "%s%s=%s", i ? ";" : "",
					    l->items[i].name,
					    l->items[i].value),
				 0);
	assert_string_equal(b.data, expected);
	buf_release(&b);
}

static void test_list(void **state)
{
	struct kvlist l;

	(void)state;
	kvlist_init(&l);
	assert_null(kvlist_get(&l, "a"));
	assert_int_equal(kvlist_add(&l, "ETag", "1"), 0);
	assert_int_equal(kvlist_add(&l, "Date", "2"), 0);
	assert_int_equal(kvlist_add(&l, "etag", "3"), 0);
	assert_list(&l, "ETag=1;Date=2;etag=3");
	assert_string_equal(kvlist_get(&l, "ETAG"), "1");
	assert_int_equal(kvlist_set(&l, "etAg", "4"), 0);
	assert_list(&l, "ETag=4;Date=2");
	assert_int_equal(kvlist_set(&l, "Range", "5"), 0);
	assert_list(&l, "ETag=4;Date=2;Range=5");
	kvlist_del(&l, "etag");
	kvlist_del(&l, "none");
	assert_list(&l, "Date=2;Range=5");
	kvlist_release(&l);
	assert_list(&l, "");
	kvlist_release(&l);
}

/* Arguments that are borrowed from the list itself. */
static void test_borrowed(void **state)
{
	struct kvlist l;

	(void)state;
	kvlist_init(&l);
	assert_int_equal(kvlist_add(&l, "a", "1"), 0);
	assert_int_equal(kvlist_add(&l, "b", "2"), 0);
	assert_int_equal(kvlist_add(&l, "A", "3"), 0);
	assert_int_equal(kvlist_set(&l, l.items[2].name, l.items[2].value), 0);
	assert_list(&l, "a=3;b=2");
	assert_int_equal(kvlist_add(&l, "B", "4"), 0);
	kvlist_del(&l, l.items[1].name);
	assert_list(&l, "a=3");
	kvlist_release(&l);
}

static void test_copy(void **state)
{
	struct kvlist a, b;

	(void)state;
	kvlist_init(&a);
	kvlist_init(&b);
	assert_int_equal(kvlist_add(&a, "x", "1"), 0);
	assert_int_equal(kvlist_add(&a, "x", "2"), 0);
	assert_int_equal(kvlist_add(&b, "old", "3"), 0);
	assert_int_equal(kvlist_copy(&b, &a), 0);
	assert_list(&b, "x=1;x=2");
	assert_int_equal(kvlist_copy(&b, &b), 0);
	assert_list(&b, "x=1;x=2");
	kvlist_release(&a);
	assert_list(&b, "x=1;x=2");
	kvlist_release(&b);
}

static void test_exact(void **state)
{
	struct kvlist l;

	(void)state;
	kvlist_init(&l);
	assert_null(kvlist_get_exact(&l, "a"));
	assert_int_equal(kvlist_add(&l, "A", "1"), 0);
	assert_int_equal(kvlist_add(&l, "a", "2"), 0);
	assert_string_equal(kvlist_get_exact(&l, "a"), "2");
	assert_string_equal(kvlist_get(&l, "a"), "1");
	assert_null(kvlist_get_exact(&l, "b"));
	assert_true(kvlist_has(&l, &(struct kv){"a", "2"}));
	assert_false(kvlist_has(&l, &(struct kv){"a", "1"}));
	assert_false(kvlist_has(&l, &(struct kv){"b", "2"}));
	/* Not only the first of a name. */
	assert_int_equal(kvlist_add(&l, "a", "3"), 0);
	assert_true(kvlist_has(&l, &(struct kv){"a", "2"}));
	assert_true(kvlist_has(&l, &(struct kv){"a", "3"}));
	kvlist_release(&l);
}

static void test_cap(void **state)
{
	struct kvlist l;

	(void)state;
	kvlist_init(&l);
	for (int i = 0; i < KV_MAX; i++)
		assert_int_equal(kvlist_add(&l, "n", "v"), 0);
	assert_int_equal(kvlist_add(&l, "n", "v"), -E2BIG);
	assert_int_equal(kvlist_set(&l, "m", "v"), -E2BIG);
	assert_int_equal(kvlist_set(&l, "n", "w"), 0);
	assert_list(&l, "n=w");
	kvlist_release(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_list), cmocka_unit_test(test_borrowed),
		cmocka_unit_test(test_copy), cmocka_unit_test(test_exact),
		cmocka_unit_test(test_cap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
