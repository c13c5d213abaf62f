/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "vers3/journal/recent_saves.h"

#define MANY 100000

static void test_known(void **state)
{
	struct recent_saves *r;

	(void)state;
	assert_int_equal(recent_saves_new(&r), 0);
	assert_int_equal(recent_saves_when(r, "a"), 0);
	recent_saves_note(r, "a", 1);
	assert_int_equal(recent_saves_when(r, "a"), 1);
	assert_int_equal(recent_saves_when(r, "b"), 0);
	recent_saves_note(r, "a", 2);
	assert_int_equal(recent_saves_when(r, "a"), 2);
	recent_saves_free(r);
	recent_saves_free(NULL);
}

/* Of many the last are known, and none for another. */
static void test_many(void **state)
{
	struct recent_saves *r;
	unsigned known = 0;
	char key[16];

	(void)state;
	assert_int_equal(recent_saves_new(&r), 0);
	for (int i = 1; i <= MANY; i++) {
		snprintf(key, sizeof(key), "d/%d", i);
		recent_saves_note(r, key, i);
		assert_int_equal(recent_saves_when(r, key), i);
	}
	for (int i = 1; i <= MANY; i++) {
		int64_t when;

		snprintf(key, sizeof(key), "d/%d", i);
		when = recent_saves_when(r, key);
		assert_true(!when || when == i);
		known += when != 0;
	}
	assert_in_range(known, 1000, 5000);
	recent_saves_free(r);
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known),
		cmocka_unit_test(test_many),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
