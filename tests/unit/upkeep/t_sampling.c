/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>

#include "../../../src/upkeep/sampling.h"

static const struct {
	const char *text;
	int64_t ppm; /* -1: refused */
} shares[] = {
	{"1%", 10000},
	{"0.5%", 5000},
	{"100%", 1000000},
	{"0%", 0},
	{"0.0001%", 1},
	{"33.3%", 333000},
	{"", -1},
	{"%", -1},
	{"1", -1},
	{"101%", -1},
	{"-1%", -1},
	{"1%%", -1},
	{".5%", -1},
	{"1.2.3%", -1},
	{" 1%", -1},
	{"1 %", -1},
	{"1e1%", -1},
	{"nan%", -1},
	{"0.000000000000001%", -1},
};

static void test_shares(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(shares) / sizeof(*shares); i++) {
		uint32_t ppm = 7;
		int rc = sampling_parse_share(shares[i].text, &ppm);

		if (shares[i].ppm < 0) {
			if (rc != -EINVAL || ppm != 7)
				fail_msg("%s is taken", shares[i].text);
			continue;
		}
		assert_int_equal(rc, 0);
		assert_int_equal(ppm, shares[i].ppm);
	}
}

static unsigned count_taken(const struct sampling *s, const char *version)
{
	unsigned taken = 0;
	char key[32];

	for (int i = 0; i < 100000; i++) {
		snprintf(key, sizeof(key), "dir/%d", i);
		taken += sampling_takes(s, key, version);
	}
	return taken;
}

static void test_takes(void **state)
{
	struct sampling s = {.seed = 1, .ppm = 10000};
	unsigned both = 0;
	char key[32];

	(void)state;
	assert_in_range(count_taken(&s, "v"), 800, 1200);
	/* Another seed takes others; the same one the same. */
	for (int i = 0; i < 100000; i++) {
		const struct sampling other = {.seed = 2, .ppm = 10000};
		bool takes;

		snprintf(key, sizeof(key), "dir/%d", i);
		takes = sampling_takes(&s, key, "v");
		assert_int_equal(takes, sampling_takes(&s, key, "v"));
		both += takes && sampling_takes(&other, key, "v");
	}
	assert_in_range(both, 0, 40);
	s.ppm = SAMPLING_ALL;
	assert_int_equal(count_taken(&s, ""), 100000);
	s.ppm = 0;
	assert_int_equal(count_taken(&s, ""), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shares),
		cmocka_unit_test(test_takes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
