/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <sys/statvfs.h>

#include "vers3/cache/space.h"

#define DIR_NAME "/tmp"
#define SLACK	 (UINT64_C(4) << 30) /* others use this disk meanwhile */

static uint64_t avail(uint64_t *ret_total)
{
	struct statvfs st;

	assert_int_equal(statvfs(DIR_NAME, &st), 0);
	*ret_total = (uint64_t)st.f_blocks * st.f_frsize;
	return (uint64_t)st.f_bavail * st.f_frsize;
}

static void test_min_free(void **state)
{
	uint64_t total, now = avail(&total);
	const struct {
		uint64_t min_free;
		int percent;
		uint64_t left; /* UINT64_MAX: none at all */
	} rows[] = {
		{0, 0, now},
		{0, 1, now},
		{now / 2, 0, now - now / 2},
		{now * 2, 0, UINT64_MAX},
		{UINT64_MAX, 0, UINT64_MAX},
		{100, 1, UINT64_MAX},
		{1, 1, now > total / 100 ? now - total / 100 : UINT64_MAX},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct space *s = NULL;
		uint64_t left;

		assert_int_equal(space_new(DIR_NAME, rows[i].min_free,
					   rows[i].percent, &s),
				 0);
		left = space_left(s);
		if (rows[i].left == UINT64_MAX) {
			assert_int_equal(left, 0);
			assert_int_equal(space_check(s, 1), -ENOSPC);
			assert_true(space_lacks(s, 1) > 1);
			assert_true(space_lacks(s, UINT64_MAX) == UINT64_MAX);
		} else {
			assert_true(left <= rows[i].left + SLACK);
			assert_true(left + SLACK >= rows[i].left);
			assert_int_equal(space_check(s, left + SLACK), -ENOSPC);
			assert_int_equal(space_lacks(s, left / 2), 0);
			assert_true(space_lacks(s, left + SLACK) > 0);
			assert_true(space_lacks(s, left + SLACK) < 2 * SLACK);
		}
		assert_int_equal(space_check(s, 0), 0);
		space_free(s);
	}
}

/* Cached data may take a little, whatever there is. */
static void test_cache_least(void **state)
{
	const uint64_t most = UINT64_C(256) << 20;
	uint64_t total;
	struct space *s = NULL;

	(void)state;
	avail(&total);
	assert_int_equal(space_new(DIR_NAME, UINT64_MAX, 0, &s), 0);
	assert_int_equal(space_cache_least(s),
			 total / 64 < most ? total / 64 : most);
	space_free(s);
}

/* What is granted is taken off, until the disk is asked again. */
static void test_grants(void **state)
{
	uint64_t total, now = avail(&total);
	struct space *s = NULL;
	unsigned i;

	(void)state;
	assert_int_equal(space_new(DIR_NAME, 0, 0, &s), 0);
	/* Unused grants are no reason to refuse. */
	for (i = 0; i < 1000; i++)
		assert_int_equal(space_check(s, now / 4), 0);
	assert_true(space_left(s) <= now + SLACK);
	space_free(s);
}

static void test_bad(void **state)
{
	struct space *s = NULL;

	(void)state;
	assert_int_equal(space_new("/nonexistent", 0, 0, &s), -ENOENT);
	assert_int_equal(space_new(DIR_NAME, 101, 1, &s), -EINVAL);
	assert_null(s);
	space_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_min_free),
		cmocka_unit_test(test_grants),
		cmocka_unit_test(test_cache_least),
		cmocka_unit_test(test_bad),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
