/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "vers3/util/clock.h"
#include "vers3/util/duration.h"

static const struct {
	const char *text;
	int64_t seconds; /* -1: refused */
} durations[] = {
	{"0s", 0},
	{"90s", 90},
	{"30m", 1800},
	{"2h", 7200},
	{"7d", 604800},
	{"2w", 1209600},
	{"", -1},
	{"7", -1},
	{"d", -1},
	{"-1d", -1},
	{"+1d", -1},
	{" 1d", -1},
	{"1dd", -1},
	{"1 d", -1},
	{"1y", -1},
	{"9223372036s", 9223372036},
	{"9223372037s", -1},
	{"99999999999999999999s", -1},
};

static void test_parse(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(durations) / sizeof(*durations); i++) {
		int64_t ns = 5;
		int rc = duration_parse(durations[i].text, &ns);

		if (durations[i].seconds < 0) {
			assert_int_equal(rc, -EINVAL);
			assert_int_equal(ns, 5);
			continue;
		}
		assert_int_equal(rc, 0);
		assert_int_equal(ns, durations[i].seconds * NS_PER_S);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
