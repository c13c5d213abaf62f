/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "vers3/util/clock.h"

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

struct parse_case {
	const char *text;
	int rc;
	int64_t ns;
};

static void check_parse(int (*parse)(const char *, int64_t *),
			const struct parse_case *c, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		int64_t ns = 42;

		if (parse(c[i].text, &ns) != c[i].rc)
			fail_msg("%s: wrong result", c[i].text);
		if (ns != (c[i].rc ? 42 : c[i].ns))
			fail_msg("%s: got %lld", c[i].text, (long long)ns);
	}
}

static void test_iso8601(void **state)
{
	static const struct parse_case cases[] = {
		{"1970-01-01T00:00:00Z", 0, 0},
		{"2026-11-21T23:50:08Z", 0, INT64_C(1795305008000000000)},
		{"2026-11-21T23:50:08.1Z", 0, INT64_C(1795305008100000000)},
		{"2026-11-21T23:50:08.123Z", 0, INT64_C(1795305008123000000)},
		{"2026-11-21T23:50:08.123456789Z", 0,
		 INT64_C(1795305008123456789)},
		{"2026-11-21T23:50:08.1234567899Z", 0,
		 INT64_C(1795305008123456789)},
		{"2024-02-29T00:00:00Z", 0, INT64_C(1709164800000000000)},
		{"2016-12-31T23:59:60Z", 0, INT64_C(1483228800000000000)},
		{"1969-12-31T23:59:59.5Z", 0, -500000000},
		{"2026-02-29T00:00:00Z", -EINVAL, 0},
		{"2026-11-31T00:00:00Z", -EINVAL, 0},
		{"2026-13-01T00:00:00Z", -EINVAL, 0},
		{"2026-11-21T24:00:00Z", -EINVAL, 0},
		{"2026-11-21T23:50:08", -EINVAL, 0},
		{"2026-11-21T23:50:08.Z", -EINVAL, 0},
		{"2026-11-21T23:50:08Zx", -EINVAL, 0},
		{"2026-11-21T23:50:08+00:00", -EINVAL, 0},
		{"2026-11-21 23:50:08Z", -EINVAL, 0},
		{"2026-1-1T0:0:0Z", -EINVAL, 0},
		{"9999-12-31T23:59:59Z", -EINVAL, 0}, /* past int64_t */
		{"", -EINVAL, 0},
		{"soon", -EINVAL, 0},
	};

	(void)state;
	check_parse(clock_parse_iso8601, cases, COUNT(cases));
}

static void test_http(void **state)
{
	static const struct parse_case cases[] = {
		{"Fri, 24 May 2013 00:00:00 GMT", 0,
		 INT64_C(1369353600000000000)},
		{"Sun, 06 Nov 1994 08:49:37 GMT", 0,
		 INT64_C(784111777000000000)},
		{"Sunday, 06-Nov-94 08:49:37 GMT", 0,
		 INT64_C(784111777000000000)},
		{"Sun Nov  6 08:49:37 1994", 0, INT64_C(784111777000000000)},
		{"Sun, 06 Nov 1994 08:49:37", -EINVAL, 0},
		{"Sun, 06 Nov 1994 08:49:37 GMT ", -EINVAL, 0},
		{"Sun, 31 Nov 1994 08:49:37 GMT", -EINVAL, 0},
		{"06 Nov 1994", -EINVAL, 0},
		{"", -EINVAL, 0},
	};

	(void)state;
	check_parse(clock_parse_http, cases, COUNT(cases));
}

static void test_format(void **state)
{
	const int64_t ns = INT64_C(1795305008999999999);
	char buf[32];

	(void)state;
	clock_format_amz(ns, buf, 17);
	assert_string_equal(buf, "20261121T235008Z");
	clock_format_name(ns, buf, 21);
	assert_string_equal(buf, "2026-11-21T23-50-08Z");
	clock_format_iso8601(ns, buf, 21);
	assert_string_equal(buf, "2026-11-21T23:50:08Z");
	clock_format_iso8601(-1, buf, 21);
	assert_string_equal(buf, "1969-12-31T23:59:59Z");
}

static void test_timespec(void **state)
{
	static const struct {
		int64_t ns, s, rest;
	} cases[] = {
		{0, 0, 0},
		{1, 0, 1},
		{NS_PER_S, 1, 0},
		{NS_PER_S + 7, 1, 7},
		{-1, -1, 999999999},
		{-NS_PER_S, -1, 0},
		{-NS_PER_S - 1, -2, 999999999},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct timespec ts = clock_timespec(cases[i].ns);

		assert_int_equal(ts.tv_sec, cases[i].s);
		assert_int_equal(ts.tv_nsec, cases[i].rest);
	}
	assert_true(clock_real_ns() > INT64_C(1700000000) * NS_PER_S);
}

static void test_cond(void **state)
{
	pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
	pthread_cond_t cond;
	int64_t start = clock_mono_ns();
	int rc;

	(void)state;
	assert_int_equal(clock_cond_init(&cond), 0);
	pthread_mutex_lock(&mutex);
	assert_int_equal(clock_cond_wait_until(&cond, &mutex, -5), -ETIMEDOUT);
	do {
		rc = clock_cond_wait_until(&cond, &mutex,
					   start + 20 * NS_PER_MS);
	} while (rc == 0);
	assert_int_equal(rc, -ETIMEDOUT);
	assert_true(clock_mono_ns() - start >= 20 * NS_PER_MS);
	/* Nobody signals it: it returns all the same. */
	clock_cond_wait(&cond, &mutex);
	pthread_mutex_unlock(&mutex);
	pthread_cond_destroy(&cond);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_iso8601), cmocka_unit_test(test_http),
		cmocka_unit_test(test_format),	cmocka_unit_test(test_timespec),
		cmocka_unit_test(test_cond),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
