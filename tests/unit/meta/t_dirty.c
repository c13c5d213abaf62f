/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "../meta_fixture.h"
#include "vers3/meta/dirty.h"
#include "vers3/util/buf.h"

static void put(struct meta *m, const char *key, int64_t due_ns)
{
	struct meta_dirty dirty = {.due_ns = due_ns};

	snprintf(dirty.key, sizeof(dirty.key), "%s", key);
	assert_int_equal(meta_dirty_put(m, &dirty), 0);
}

/* Holds the order of dueness against "key@due ". */
static void assert_order(struct meta *m, const char *expected)
{
	struct meta_dirty_cursor cursor = META_DIRTY_START;
	struct meta_dirty dirty;
	struct buf b;
	unsigned n = 0;
	int rc;

	buf_init(&b, 4096);
	while ((rc = meta_dirty_next(m, &cursor, &dirty)) == 0) {
		buf_printf(&b, "%s@%lld ", dirty.key, (long long)dirty.due_ns);
		n++;
	}
	assert_int_equal(rc, -ENOENT);
	assert_string_equal(b.data, expected);
	buf_release(&b);
	assert_int_equal(meta_dirty_count(m), n);
	assert_int_equal(meta_count(m, META_DUE), n);
}

static void test_order(void **state)
{
	struct fixture *f = *state;

	assert_order(f->m, "");
	put(f->m, "c", 30);
	put(f->m, "a", 10);
	put(f->m, "dir/", 20);
	put(f->m, "early", -5);
	put(f->m, "late", INT64_MAX);
	assert_order(f->m, "early@-5 a@10 dir/@20 c@30 "
			   "late@9223372036854775807 ");
	put(f->m, "a", 25);
	put(f->m, "late", 1);
	put(f->m, "c", 30);
	assert_order(f->m, "early@-5 late@1 dir/@20 a@25 c@30 ");
	assert_int_equal(meta_dirty_del(f->m, "a"), 0);
	assert_int_equal(meta_dirty_del(f->m, "a"), -ENOENT);
	assert_int_equal(meta_dirty_del(f->m, "dir"), -ENOENT);
	assert_order(f->m, "early@-5 late@1 dir/@20 c@30 ");
}

/* Those of one due time come in turn, and a cursor outlives its record. */
static void test_cursor(void **state)
{
	struct meta_dirty_cursor cursor = META_DIRTY_START;
	struct fixture *f = *state;
	struct meta_dirty dirty;
	char key[16];
	unsigned seen = 0;

	for (unsigned i = 0; i < 100; i++) {
		snprintf(key, sizeof(key), "k%u", i);
		put(f->m, key, 5);
	}
	while (meta_dirty_next(f->m, &cursor, &dirty) == 0) {
		seen++;
		assert_int_equal(meta_dirty_del(f->m, dirty.key), 0);
	}
	assert_int_equal(seen, 100);
	assert_order(f->m, "");
}

static void test_tried(void **state)
{
	char tried[META_TRIED_MAX + 1] = "", etag[META_ETAG_MAX + 1];

	(void)state;
	assert_false(meta_tried_has(tried, ""));
	meta_tried_add(tried, "aB");
	meta_tried_add(tried, "Ab");
	meta_tried_add(tried, META_TRIED_NOTHING);
	meta_tried_add(tried, "");
	meta_tried_add(tried, "of two words");
	assert_string_equal(tried, "aB - ? ");
	assert_true(meta_tried_has(tried, "ab"));
	assert_true(meta_tried_has(tried, META_TRIED_NOTHING));
	assert_false(meta_tried_has(tried, META_TRIED_UNKNOWN));
	assert_false(meta_tried_has(tried, ""));
	assert_false(meta_tried_has(tried, "a"));
	assert_false(meta_tried_has(tried, "abc"));
	/* The oldest go. */
	for (int i = 0; i < 9; i++) {
		memset(etag, '0' + i, META_ETAG_MAX);
		etag[META_ETAG_MAX] = '\0';
		meta_tried_add(tried, etag);
		assert_true(meta_tried_has(tried, etag));
		assert_in_range(strlen(tried), 1, META_TRIED_MAX);
	}
	assert_int_equal(strlen(tried), META_TRIED_MAX);
	assert_false(meta_tried_has(tried, "ab"));
}

static void test_round_trip(void **state)
{
	struct fixture *f = *state;
	struct meta_dirty dirty, e;

	memset(&dirty, 0, sizeof(dirty));
	fixture_fill(dirty.key, sizeof(dirty.key), 'k');
	fixture_fill(dirty.depends_on, sizeof(dirty.depends_on), 'a');
	fixture_fill(dirty.known.key, sizeof(dirty.known.key), 'b');
	fixture_fill(dirty.known.version_id, sizeof(dirty.known.version_id),
		     'v');
	fixture_fill(dirty.known.etag, sizeof(dirty.known.etag), 'e');
	dirty.known.size_bytes = 1;
	dirty.known.last_modified_ns = 2;
	memset(dirty.known.id, 3, sizeof(dirty.known.id));
	dirty.since_ns = -4;
	dirty.due_ns = 5;
	dirty.seq = UINT64_MAX;
	dirty.fails = 6;
	dirty.error = -7;
	fixture_fill(dirty.tried, sizeof(dirty.tried), 't');
	for (int same = 0; same < 2; same++) {
		if (same)
			memcpy(dirty.known.key, dirty.key, sizeof(dirty.key));
		assert_int_equal(meta_dirty_put(f->m, &dirty), 0);
		memset(&e, 0xff, sizeof(e));
		assert_int_equal(meta_dirty_get(f->m, dirty.key, &e), 0);
		assert_string_equal(e.key, dirty.key);
		assert_string_equal(e.depends_on, dirty.depends_on);
		assert_string_equal(e.known.key, dirty.known.key);
		assert_string_equal(e.known.version_id, dirty.known.version_id);
		assert_string_equal(e.known.etag, dirty.known.etag);
		assert_true(e.known.size_bytes == 1);
		assert_true(e.known.last_modified_ns == 2);
		assert_memory_equal(e.known.id, dirty.known.id,
				    sizeof(e.known.id));
		assert_true(e.since_ns == -4 && e.due_ns == 5 &&
			    e.seq == UINT64_MAX && e.fails == 6 &&
			    e.error == -7);
		assert_string_equal(e.tried, dirty.tried);
	}
}

/* A key of len bytes that begins with `begin`; the rest is c's. */
static const char *long_key(const char *begin, size_t len, char c)
{
	static char key[META_KEY_MAX + 1];
	size_t n = strlen(begin);

	memcpy(key, begin, n);
	memset(key + n, c, len - n);
	key[len] = '\0';
	return key;
}

/* Keys around the length from which on they are filed under a hash. */
static void test_lengths(void **state)
{
	static const size_t lens[] = {1,   2,	490, 491, 492,
				      493, 494, 500, 511, META_KEY_MAX};
	struct fixture *f = *state;
	struct meta_dirty dirty;
	const char *key;

	for (size_t i = 0; i < sizeof(lens) / sizeof(*lens); i++)
		for (char c = 'a'; c < 'd'; c++)
			put(f->m, long_key("", lens[i], c), c);
	assert_int_equal(meta_dirty_count(f->m), 30);
	for (size_t i = 0; i < sizeof(lens) / sizeof(*lens); i++)
		for (char c = 'a'; c < 'd'; c++) {
			key = long_key("", lens[i], c);
			assert_int_equal(meta_dirty_get(f->m, key, &dirty), 0);
			assert_string_equal(dirty.key, key);
			assert_int_equal(dirty.due_ns, c);
			put(f->m, key, 7);
			assert_int_equal(meta_count(f->m, META_DUE), 30);
		}
	for (size_t i = 0; i < sizeof(lens) / sizeof(*lens); i++)
		for (char c = 'a'; c < 'd'; c++)
			assert_int_equal(
				meta_dirty_del(f->m, long_key("", lens[i], c)),
				0);
	assert_order(f->m, "");
}

/* In the order of bytes, whatever the keys are filed under. */
static void test_from(void **state)
{
	static const struct {
		const char *from, *prefix, *want; /* NULL: there is none */
		bool behind;
	} rows[] = {
		{"", "", "a", false},	  {"a", "", "a", false},
		{"a", "", "a-b", true},	  {"a-b", "", "a/", true},
		{"a/", "", "a/b", true},  {"a/b", "", "b", true},
		{"b", "", NULL, true},	  {"a", "a", "a", false},
		{"a/b", "a", NULL, true}, {"a/", "a/", "a/", false},
		{"c", "c", NULL, false},
	};
	struct fixture *f = *state;
	char got[META_KEY_MAX + 1], next[META_KEY_MAX + 1];

	assert_int_equal(meta_dirty_from(f->m, "", false, "", got), -ENOENT);
	put(f->m, "b", 1);
	put(f->m, "a/b", 2);
	put(f->m, "a", 3);
	put(f->m, "a/", 4);
	put(f->m, "a-b", 5);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		int rc = meta_dirty_from(f->m, rows[i].from, rows[i].behind,
					 rows[i].prefix, got);

		assert_int_equal(rc, rows[i].want ? 0 : -ENOENT);
		if (!rc)
			assert_string_equal(got, rows[i].want);
	}
	strcpy(next, long_key("a/a", 800, 'x'));
	put(f->m, next, 6);
	assert_int_equal(meta_dirty_from(f->m, "a/", true, "a/", got), 0);
	assert_string_equal(got, next);
	assert_int_equal(meta_dirty_from(f->m, next, true, "a/", got), 0);
	assert_string_equal(got, "a/b");
	assert_int_equal(meta_dirty_from(f->m, next, true, next, got), -ENOENT);
	assert_int_equal(meta_dirty_from(f->m, next, false, next, got), 0);
	put(f->m, long_key("a/a", 900, 'x'), 7);
	assert_int_equal(meta_dirty_from(f->m, next, true, next, got), 0);
	assert_int_equal(strlen(got), 900);
}

static void test_below(void **state)
{
	struct fixture *f = *state;
	struct meta_dirty dirty = {.key = "a/b", .due_ns = 3};

	assert_int_equal(meta_dirty_any_below(f->m, ""), 0);
	assert_int_equal(meta_dirty_add(f->m, &dirty), 0);
	assert_order(f->m, "a/b@3 ");
	assert_int_equal(meta_dirty_any_below(f->m, ""), 1);
	assert_int_equal(meta_dirty_any_below(f->m, "a/"), 1);
	assert_int_equal(meta_dirty_any_below(f->m, "a/b"), 1);
	assert_int_equal(meta_dirty_any_below(f->m, "a/b/"), 0);
	assert_int_equal(meta_dirty_any_below(f->m, "a0"), 0);
	assert_int_equal(meta_dirty_any_below(f->m, "A"), 0);
	/* Those under a hash are below their path, too. */
	put(f->m, long_key("c/", 800, 'x'), 1);
	put(f->m, long_key("d/", 800, 'x'), 1);
	assert_int_equal(meta_dirty_any_below(f->m, "b"), 0);
	assert_int_equal(meta_dirty_any_below(f->m, "c/"), 1);
	assert_int_equal(meta_dirty_any_below(f->m, "d/"), 1);
	assert_int_equal(meta_dirty_any_below(f->m, "d/y"), 0);
	assert_int_equal(meta_dirty_any_below(f->m, long_key("d/", 600, 'x')),
			 1);
	assert_int_equal(meta_dirty_any_below(f->m, long_key("d/", 801, 'x')),
			 0);
}

static void test_file_below(void **state)
{
	struct fixture *f = *state;
	char key[16];

	put(f->m, "a/", 1);
	put(f->m, "a/b/", 1);
	assert_int_equal(meta_dirty_file_below(f->m, ""), 0);
	assert_int_equal(meta_dirty_file_below(f->m, "a/"), 0);
	put(f->m, "a/b/c", 1);
	assert_int_equal(meta_dirty_file_below(f->m, ""), 1);
	assert_int_equal(meta_dirty_file_below(f->m, "a/"), 1);
	assert_int_equal(meta_dirty_file_below(f->m, "a/b/"), 1);
	assert_int_equal(meta_dirty_file_below(f->m, "a/c/"), 0);
	assert_int_equal(meta_dirty_file_below(f->m, "b/"), 0);
	/* It does not go through all that there is. */
	for (int i = 0; i < 100; i++) {
		snprintf(key, sizeof(key), "m/%02d/", i);
		put(f->m, key, 1);
	}
	put(f->m, "m/99/f", 1);
	assert_int_equal(meta_dirty_file_below(f->m, "m/"), 0);
	assert_int_equal(meta_dirty_file_below(f->m, "m/99/"), 1);
}

static void test_bad(void **state)
{
	struct fixture *f = *state;
	struct meta_dirty_cursor cursor = META_DIRTY_START;
	unsigned char key[META_KEY_BUF];
	struct meta_dirty dirty = {.key = ""}, e;
	size_t len;

	assert_int_equal(meta_dirty_put(f->m, &dirty), -EINVAL);
	assert_int_equal(meta_dirty_get(f->m, "", &e), -ENOENT);
	assert_int_equal(meta_dirty_get(f->m, "x", &e), -ENOENT);
	memset(dirty.key, 'x', sizeof(dirty.key));
	assert_int_equal(meta_dirty_put(f->m, &dirty), -EINVAL);
	assert_int_equal(meta_dirty_count(f->m), 0);
	/* A damaged record is said to be one, by each way to it. */
	put(f->m, "a", 1);
	assert_int_equal(meta_seek(f->m, META_DIRTY, "", 0, 0, false, key, &len,
				   NULL),
			 0);
	f->damaged = true;
	assert_int_equal(meta_put(f->m, META_DIRTY, key, len, "junk", 4), 0);
	assert_int_equal(meta_dirty_get(f->m, "a", &e), -EIO);
	assert_int_equal(meta_dirty_next(f->m, &cursor, &e), -EIO);
	assert_int_equal(meta_dirty_del(f->m, "a"), -EIO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tried),
		FIXTURE_LOCKED_TEST(test_order),
		FIXTURE_LOCKED_TEST(test_cursor),
		FIXTURE_LOCKED_TEST(test_round_trip),
		FIXTURE_LOCKED_TEST(test_lengths),
		FIXTURE_LOCKED_TEST(test_below),
		FIXTURE_LOCKED_TEST(test_from),
		FIXTURE_LOCKED_TEST(test_file_below),
		FIXTURE_LOCKED_TEST(test_bad),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
