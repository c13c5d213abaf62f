/* SPDX-License-Identifier: Apache-2.0 */
/* What lists tell of a path then and now, and what attributes do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "../../../src/upkeep/diff_verdict.h"

static struct diff_side side(enum diff_kind kind, const char *id,
			     const char *etag, uint64_t size)
{
	struct diff_side s = {.kind = kind};

	strcpy(s.version.version_id, id);
	strcpy(s.version.etag, etag);
	s.version.size_bytes = size;
	return s;
}

static void test_lists(void **state)
{
	static const struct {
		enum diff_kind then;
		const char *then_id, *then_etag;
		uint64_t then_size;
		enum diff_kind now;
		const char *now_id, *now_etag;
		uint64_t now_size;
		bool unsent;
		enum diff_verdict want;
	} rows[] = {
		{DIFF_NONE, "", "", 0, DIFF_NONE, "", "", 0, false, DIFF_SAME},
		{DIFF_NONE, "", "", 0, DIFF_FILE, "1", "a", 1, false,
		 DIFF_ADDED},
		{DIFF_NONE, "", "", 0, DIFF_DIR, "", "", 0, true, DIFF_ADDED},
		{DIFF_FILE, "1", "a", 1, DIFF_NONE, "", "", 0, false,
		 DIFF_REMOVED},
		{DIFF_FILE, "1", "a", 1, DIFF_DIR, "", "", 0, false,
		 DIFF_CHANGED},
		{DIFF_DIR, "1", "a", 0, DIFF_FILE, "1", "a", 0, false,
		 DIFF_CHANGED},
		/* One version is one state. */
		{DIFF_FILE, "1", "a", 1, DIFF_FILE, "1", "a", 1, false,
		 DIFF_SAME},
		/* Other content, by size or ETag. */
		{DIFF_FILE, "1", "a", 1, DIFF_FILE, "2", "a", 2, false,
		 DIFF_CHANGED},
		{DIFF_FILE, "1", "a", 1, DIFF_FILE, "2", "b", 1, false,
		 DIFF_CHANGED},
		/* Of equal content the attributes may differ. */
		{DIFF_FILE, "1", "a", 1, DIFF_FILE, "2", "a", 1, false,
		 DIFF_ASK},
		/* An upload in parts has another ETag. */
		{DIFF_FILE, "1", "a-2", 1, DIFF_FILE, "2", "b", 1, false,
		 DIFF_ASK},
		{DIFF_FILE, "1", "a-2", 1, DIFF_FILE, "2", "b", 2, false,
		 DIFF_CHANGED},
		/* What is not sent has none. */
		{DIFF_FILE, "1", "a", 1, DIFF_FILE, "", "", 1, true, DIFF_ASK},
		{DIFF_FILE, "1", "a", 1, DIFF_FILE, "1", "a", 1, true,
		 DIFF_ASK},
		{DIFF_FILE, "1", "a", 1, DIFF_FILE, "", "", 2, true,
		 DIFF_CHANGED},
		/* Without an id of its own: the same by ETag, and by date. */
		{DIFF_FILE, "null", "a", 1, DIFF_FILE, "null", "a", 1, false,
		 DIFF_SAME},
		{DIFF_FILE, "null", "a", 1, DIFF_FILE, "null", "b", 1, false,
		 DIFF_CHANGED},
		{DIFF_DIR, "", "", 0, DIFF_DIR, "", "", 0, false, DIFF_SAME},
		{DIFF_DIR, "1", "a", 0, DIFF_DIR, "1", "a", 0, false,
		 DIFF_SAME},
		{DIFF_DIR, "1", "a", 0, DIFF_DIR, "2", "a", 0, false, DIFF_ASK},
		{DIFF_DIR, "", "", 0, DIFF_DIR, "2", "a", 0, false, DIFF_ASK},
		{DIFF_DIR, "1", "a", 0, DIFF_DIR, "", "", 0, true, DIFF_ASK},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct diff_side then =
			side(rows[i].then, rows[i].then_id, rows[i].then_etag,
			     rows[i].then_size);
		struct diff_side now = side(rows[i].now, rows[i].now_id,
					    rows[i].now_etag, rows[i].now_size);

		now.unsent = rows[i].unsent;
		if (diff_by_lists(&then, &now) != rows[i].want)
			fail_msg("row %zu: %d", i, diff_by_lists(&then, &now));
	}
}

static void test_dates(void **state)
{
	struct diff_side then = side(DIFF_FILE, "null", "a", 1), now = then;

	(void)state;
	now.version.last_modified_ns = 1;
	assert_int_equal(diff_by_lists(&then, &now), DIFF_ASK);
}

static void test_attrs(void **state)
{
	static const struct {
		uint32_t mode, uid, gid;
		uint64_t rdev;
		int64_t mtime_ns;
		const char *etag;
		enum diff_verdict want;
	} rows[] = {
		{S_IFREG | 0644, 1, 2, 3, 4, "a", DIFF_SAME},
		{S_IFREG | 0644, 1, 2, 3, 4, "a-1", DIFF_SAME},
		{S_IFREG | 0640, 1, 2, 3, 4, "a", DIFF_CHANGED},
		{S_IFLNK | 0644, 1, 2, 3, 4, "a", DIFF_CHANGED},
		{S_IFREG | 0644, 9, 2, 3, 4, "a", DIFF_CHANGED},
		{S_IFREG | 0644, 1, 9, 3, 4, "a", DIFF_CHANGED},
		{S_IFREG | 0644, 1, 2, 9, 4, "a", DIFF_CHANGED},
		{S_IFREG | 0644, 1, 2, 3, 9, "a", DIFF_CHANGED},
	};
	struct diff_side then = side(DIFF_FILE, "1", "a", 1), now;

	(void)state;
	then.mode = S_IFREG | 0644;
	then.uid = 1;
	then.gid = 2;
	then.rdev = 3;
	then.mtime_ns = 4;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		now = side(DIFF_FILE, "2", rows[i].etag, 1);
		now.mode = rows[i].mode;
		now.uid = rows[i].uid;
		now.gid = rows[i].gid;
		now.rdev = rows[i].rdev;
		now.mtime_ns = rows[i].mtime_ns;
		if (diff_by_attrs(&then, &now) != rows[i].want)
			fail_msg("row %zu", i);
	}
	/* Links may share a size and a time. */
	then.mode = S_IFLNK | 0777;
	now = then;
	assert_int_equal(diff_by_attrs(&then, &now), DIFF_SAME);
	strcpy(now.version.etag, "b");
	assert_int_equal(diff_by_attrs(&then, &now), DIFF_CHANGED);
	/* What is in a directory changes its time. */
	then.kind = DIFF_DIR;
	then.mode = S_IFDIR | 0755;
	now = then;
	now.mtime_ns++;
	assert_int_equal(diff_by_attrs(&then, &now), DIFF_SAME);
	now.mode = S_IFDIR | 0700;
	assert_int_equal(diff_by_attrs(&then, &now), DIFF_CHANGED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lists),
		cmocka_unit_test(test_dates),
		cmocka_unit_test(test_attrs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
