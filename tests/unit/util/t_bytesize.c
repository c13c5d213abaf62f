/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "vers3/util/bytesize.h"

static const struct {
	const char *text;
	int64_t bytes; /* -1: refused */
} sizes[] = {
	{"0", 0},
	{"131072", 131072},
	{"128K", 131072},
	{"32M", INT64_C(32) << 20},
	{"5G", INT64_C(5) << 30},
	{"1T", INT64_C(1) << 40},
	{"4611686018427387904", INT64_C(1) << 62},
	{"4611686018427387905", -1},
	{"4194304T", INT64_C(1) << 62},
	{"4194305T", -1},
	{"99999999999999999999", -1},
	{"", -1},
	{"K", -1},
	{"-1", -1},
	{"+1", -1},
	{" 1", -1},
	{"1k", -1},
	{"1KK", -1},
	{"1.5G", -1},
	{"1 K", -1},
};

static void test_parse(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		uint64_t bytes = 5;
		int rc = bytesize_parse(sizes[i].text, &bytes);

		if (sizes[i].bytes < 0) {
			assert_int_equal(rc, -EINVAL);
			assert_int_equal(bytes, 5);
			continue;
		}
		assert_int_equal(rc, 0);
		assert_int_equal(bytes, sizes[i].bytes);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
