/* SPDX-License-Identifier: Apache-2.0 */
/* How far a limit is used up, and when that is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "vers3/core/watermark.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

static void percent(void **state)
{
	static const struct {
		uint64_t used, limit;
		unsigned percent;
	} rows[] = {
		{0, 0, 0},	 {5, 0, 0},
		{0, 10, 0},	 {7, 10, 70},
		{799, 1000, 79}, {800, 1000, 80},
		{10, 10, 100},	 {11, 10, 100},
		{1, 1, 100},	 {UINT64_MAX - 1, UINT64_MAX, 100},
		{1, 3, 33},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct watermark m = watermark_of(rows[i].used, rows[i].limit);

		assert_int_equal(m.percent, rows[i].percent);
		assert_true(m.used_bytes == rows[i].used);
		assert_true(m.limit_bytes == rows[i].limit);
	}
}

/* Once for each time that it is reached, not for each look. */
static void crossings(void **state)
{
	static const struct {
		unsigned percent;
		bool crosses;
	} rows[] = {
		{10, false}, {79, false}, {80, true},	{81, false},
		{79, false}, {80, false}, {100, false}, {70, false},
		{90, false}, {69, false}, {79, false},	{95, true},
		{95, false}, {0, false},  {100, true},
	};
	atomic_bool told = false;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_int_equal(
			watermark_crosses(watermark_of(rows[i].percent, 100),
					  &told),
			rows[i].crosses);
}

static void names(void **state)
{
	(void)state;
	assert_string_equal(watermark_name(WATERMARK_MIN_FREE), "min_free");
	assert_string_equal(watermark_name(WATERMARK_QUOTA), "quota");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(percent),
		cmocka_unit_test(crossings),
		cmocka_unit_test(names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
