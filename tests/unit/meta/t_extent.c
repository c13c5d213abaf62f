/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include <lmdb.h>

#include "../meta_fixture.h"
#include "vers3/meta/extent.h"
#include "vers3/util/buf.h"

#define INO 77

/*
 * Holds the extents against "start+length " of each, "start+length@place "
 * where the place is not the offset.
 */
static void assert_extents(struct meta *m, const char *expected)
{
	uint64_t at = 0, offset, length, place;
	struct buf b;
	int rc;

	buf_init(&b, 4096);
	while ((rc = meta_extent_next(m, INO, at, &offset, &length, &place)) ==
	       0) {
		buf_printf(&b, "%llu+%llu", (unsigned long long)offset,
			   (unsigned long long)length);
		if (place != offset)
			buf_printf(&b, "@%llu", (unsigned long long)place);
		buf_putc(&b, ' ');
		at = offset + length;
	}
	assert_int_equal(rc, -ENOENT);
	assert_string_equal(b.data, expected);
	buf_release(&b);
}

static void test_merge_and_split(void **state)
{
	static const struct {
		char op; /* '+' add, '-' remove */
		uint64_t offset, length;
		const char *expected;
	} steps[] = {
		{'+', 10, 0, ""},
		{'+', 10, 10, "10+10 "},
		{'+', 10, 10, "10+10 "},
		{'+', 12, 3, "10+10 "},
		{'+', 20, 10, "10+20 "}, /* touches the end */
		{'+', 5, 5, "5+25 "}, /* touches the beginning */
		{'+', 40, 10, "5+25 40+10 "},
		{'+', 60, 10, "5+25 40+10 60+10 "},
		{'+', 30, 10, "5+45 60+10 "}, /* fills the gap */
		{'+', 0, 100, "0+100 "},
		{'-', 40, 20, "0+40 60+40 "},
		{'-', 45, 10, "0+40 60+40 "},
		{'-', 45, 0, "0+40 60+40 "},
		{'-', 30, 40, "0+30 70+30 "},
		{'-', 0, 10, "10+20 70+30 "},
		{'-', 90, 50, "10+20 70+20 "},
		{'+', 40, 5, "10+20 40+5 70+20 "},
		{'-', 10, 70, "80+10 "},
		{'-', 0, UINT64_MAX, ""},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		int rc =
			steps[i].op == '+'
				? meta_extent_add(f->m, INO, steps[i].offset,
						  steps[i].length,
						  steps[i].offset)
				: meta_extent_remove(f->m, INO, steps[i].offset,
						     steps[i].length);

		assert_int_equal(rc, 0);
		assert_extents(f->m, steps[i].expected);
	}
}

static void test_limits(void **state)
{
	struct fixture *f = *state;
	uint64_t offset, length, place;
	unsigned char key[16];

	assert_int_equal(meta_extent_add(f->m, INO, UINT64_MAX, 1, 0), -EFBIG);
	assert_int_equal(meta_extent_add(f->m, INO, 1, INT64_MAX, 0), -EFBIG);
	assert_int_equal(meta_extent_add(f->m, INO, 0, 1, INT64_MAX), -EFBIG);
	assert_int_equal(meta_extent_add(f->m, INO, INT64_MAX - 5, 5, 7), 0);
	assert_int_equal(meta_extent_next(f->m, INO, INT64_MAX - 1, &offset,
					  &length, &place),
			 0);
	assert_int_equal(place, 7);
	assert_true(offset == INT64_MAX - 5 && length == 5);
	assert_int_equal(meta_extent_next(f->m, INO, UINT64_MAX, &offset,
					  &length, &place),
			 -ENOENT);
	assert_int_equal(
		meta_extent_remove(f->m, INO, INT64_MAX - 1, UINT64_MAX), 0);
	assert_int_equal(
		meta_extent_next(f->m, INO, 0, &offset, &length, &place), 0);
	assert_true(length == 4);
	assert_int_equal(meta_extent_clear(f->m, INO), 0);
	/* Damage: an extent that wraps, and one of no length. */
	f->damaged = true;
	meta_be64(key, INO);
	meta_be64(key + 8, 10);
	assert_int_equal(meta_put(f->m, META_EXTENT, key, 16,
				  "\xff\xff\xff\xff\xff\xff\xff\xff"
				  "\0\0\0\0\0\0\0\0",
				  16),
			 0);
	assert_int_equal(
		meta_extent_next(f->m, INO, 0, &offset, &length, &place), -EIO);
	assert_int_equal(meta_put(f->m, META_EXTENT, key, 16,
				  "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 16),
			 0);
	assert_int_equal(meta_extent_add(f->m, INO, 0, 20, 0), -EIO);
}

/* What stands elsewhere is kept apart, and cut where it is written over. */
static void test_places(void **state)
{
	static const struct {
		uint64_t offset, length, place;
		const char *expected;
	} steps[] = {
		{0, 10, 0, "0+10 "},
		{10, 10, 10, "0+20 "},
		{5, 5, 20, "0+5 5+5@20 10+10 "},
		{10, 2, 25, "0+5 5+7@20 12+8 "},
		{2, 3, 30, "0+2 2+3@30 5+7@20 12+8 "},
		{7, 1, 40, "0+2 2+3@30 5+2@20 7+1@40 8+4@23 12+8 "},
		{7, 1, 22, "0+2 2+3@30 5+7@20 12+8 "},
		{0, 20, 50, "0+20@50 "},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		assert_int_equal(meta_extent_add(f->m, INO, steps[i].offset,
						 steps[i].length,
						 steps[i].place),
				 0);
		assert_extents(f->m, steps[i].expected);
	}
	assert_int_equal(meta_extent_remove(f->m, INO, 8, 4), 0);
	assert_extents(f->m, "0+8@50 12+8@62 ");
}

#define BITS 300

/* The table says of each byte what the list says: its place, -1 for none. */
static void compare(struct meta *m, const int *places)
{
	uint64_t at = 0, offset, length, place;

	while (meta_extent_next(m, INO, at, &offset, &length, &place) == 0) {
		assert_true(offset >= at);
		assert_true(offset + length <= BITS);
		for (; at < offset; at++)
			assert_int_equal(places[at], -1);
		for (; at < offset + length; at++)
			assert_int_equal(places[at], place + (at - offset));
	}
	for (; at < BITS; at++)
		assert_int_equal(places[at], -1);
}

static void test_random(void **state)
{
	struct fixture *f = *state;
	unsigned seed = 12345, end = 0;
	int places[BITS];

	memset(places, -1, sizeof(places));
	/* Neighbours in the table that must not be touched. */
	assert_int_equal(meta_extent_add(f->m, INO - 1, 0, 1000, 0), 0);
	assert_int_equal(meta_extent_add(f->m, INO + 1, 0, 1000, 0), 0);
	for (int i = 0; i < 4000; i++) {
		unsigned offset = (unsigned)rand_r(&seed) % BITS;
		unsigned length = (unsigned)rand_r(&seed) %
				  (i % 10 ? 12 : BITS - offset + 1);
		/* Behind all, or where it would be in a file of its own. */
		unsigned at = rand_r(&seed) % 2 ? end : offset;
		bool add = rand_r(&seed) % 2;
		int rc;

		if (length > BITS - offset)
			length = BITS - offset;
		rc = add ? meta_extent_add(f->m, INO, offset, length, at)
			 : meta_extent_remove(f->m, INO, offset, length);
		assert_int_equal(rc, 0);
		for (unsigned j = 0; j < length; j++)
			places[offset + j] = add ? (int)(at + j) : -1;
		end += length;
		compare(f->m, places);
	}
	assert_int_equal(meta_extent_clear(f->m, INO), 0);
	assert_extents(f->m, "");
	assert_int_equal(meta_count(f->m, META_EXTENT), 2);
}

/* The format that stands in the tables of one that is open. */
static uint64_t format_of(struct fixture *f)
{
	uint64_t format = 0;

	assert_int_equal(meta_lock(f->m), 0);
	assert_int_equal(meta_sys_get_u64(f->m, "meta.format", &format), 0);
	meta_unlock(f->m);
	return format;
}

/* And of one that is closed, read by LMDB alone: opening would change it. */
static uint64_t format_at_rest(struct fixture *f)
{
	char path[128];
	MDB_val key = {sizeof("meta.format") - 1, "meta.format"}, val;
	uint64_t format;
	MDB_env *env;
	MDB_txn *txn;
	MDB_dbi dbi;

	meta_close(f->m);
	f->m = NULL;
	snprintf(path, sizeof(path), "%s/meta", f->dir);
	assert_int_equal(mdb_env_create(&env), 0);
	mdb_env_set_maxdbs(env, META_TABLE_COUNT);
	assert_int_equal(mdb_env_open(env, path, MDB_RDONLY, 0), 0);
	assert_int_equal(mdb_txn_begin(env, NULL, MDB_RDONLY, &txn), 0);
	assert_int_equal(mdb_dbi_open(txn, "sys", 0, &dbi), 0);
	assert_int_equal(mdb_get(txn, dbi, &key, &val), 0);
	format = meta_from_be64(val.mv_data);
	mdb_txn_abort(txn);
	mdb_env_close(env);
	fixture_reopen(f);
	return format;
}

/* An older vers3 takes it, unless bytes stand where that never looks. */
static void test_format_at_rest(void **state)
{
	struct fixture *f = *state;
	struct {
		uint64_t at;
		uint64_t format;
	} cases[] = {
		{0, META_FORMAT},
		{META_LOG_AT - 1, META_FORMAT},
		{META_LOG_AT, META_FORMAT_OPEN},
		{META_HOLE_AT - 1, META_FORMAT_OPEN},
		{META_HOLE_AT, META_FORMAT},
	};

	assert_int_equal(format_of(f), META_FORMAT_OPEN);
	assert_int_equal(format_at_rest(f), META_FORMAT);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		assert_int_equal(meta_lock(f->m), 0);
		assert_int_equal(meta_extent_add(f->m, 7, 0, 1, cases[i].at),
				 0);
		assert_int_equal(meta_extent_add(f->m, 6, 9, 1, 5), 0);
		meta_unlock(f->m);
		assert_int_equal(format_at_rest(f), cases[i].format);
		assert_int_equal(format_of(f), META_FORMAT_OPEN);
	}
	/* One that an older vers3 has left when it was cut off. */
	assert_int_equal(meta_lock(f->m), 0);
	assert_int_equal(
		meta_sys_put_u64(f->m, "meta.format", META_FORMAT_MARKED), 0);
	meta_unlock(f->m);
	fixture_reopen(f);
	assert_int_equal(format_of(f), META_FORMAT_OPEN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FIXTURE_LOCKED_TEST(test_merge_and_split),
		FIXTURE_LOCKED_TEST(test_limits),
		FIXTURE_LOCKED_TEST(test_places),
		FIXTURE_LOCKED_TEST(test_random),
		FIXTURE_TEST(test_format_at_rest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
