/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "vers3/net/uri.h"

static void test_encode(void **state)
{
	static const struct {
		const char *in, *path, *param;
	} cases[] = {
		{"", "", ""},
		{"AZaz09-._~", "AZaz09-._~", "AZaz09-._~"},
		{"a/b", "a/b", "a%2Fb"},
		{"a b+c", "a%20b%2Bc", "a%20b%2Bc"},
		{"100%", "100%25", "100%25"},
		{"\xc3\xa4\x01\n", "%C3%A4%01%0A", "%C3%A4%01%0A"},
		{"!*'();:@&=$,?#[]",
		 "%21%2A%27%28%29%3B%3A%40%26%3D%24%2C%3F%23%5B%5D",
		 "%21%2A%27%28%29%3B%3A%40%26%3D%24%2C%3F%23%5B%5D"},
	};
	struct buf b;

	(void)state;
	buf_init(&b, 256);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		size_t len = strlen(cases[i].in);

		buf_reset(&b);
		assert_int_equal(uri_encode(&b, cases[i].in, len, true), 0);
		assert_string_equal(b.data, cases[i].path);
		buf_reset(&b);
		assert_int_equal(uri_encode(&b, cases[i].in, len, false), 0);
		assert_string_equal(b.data, cases[i].param);
	}
	buf_release(&b);
	buf_init(&b, 5);
	assert_int_equal(uri_encode(&b, "ab cd", 5, false), -EFBIG);
	buf_release(&b);
}

static void test_decode(void **state)
{
	static const struct {
		const char *in;
		bool plus;
		int err;
		const char *out;
		size_t len;
	} cases[] = {
		{"", false, 0, "", 0},
		{"a%20b+c", false, 0, "a b+c", 5},
		{"a%20b+c", true, 0, "a b c", 5},
		{"%2B%2b", true, 0, "++", 2},
		{"a%00b", true, 0, "a\0b", 3},
		{"%C3%A4", true, 0, "\xc3\xa4", 2},
		{"%", true, -EINVAL, "", 0},
		{"a%2", true, -EINVAL, "", 0},
		{"%zz", true, -EINVAL, "", 0},
		{"%2g", true, -EINVAL, "", 0},
		{"%-1", true, -EINVAL, "", 0},
	};
	struct buf b;

	(void)state;
	buf_init(&b, 64);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		buf_reset(&b);
		assert_int_equal(uri_decode(&b, cases[i].in,
					    strlen(cases[i].in), cases[i].plus),
				 cases[i].err);
		assert_int_equal(b.len, cases[i].len);
		assert_memory_equal(b.data, cases[i].out, b.len + 1);
	}
	buf_release(&b);
}

static void test_round_trip(void **state)
{
	char bytes[256];
	struct buf coded, plain;

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (char)i;
	buf_init(&coded, 1024);
	buf_init(&plain, 1024);
	assert_int_equal(uri_encode(&coded, bytes, sizeof(bytes), false), 0);
	assert_int_equal(uri_decode(&plain, coded.data, coded.len, true), 0);
	assert_int_equal(plain.len, sizeof(bytes));
	assert_memory_equal(plain.data, bytes, sizeof(bytes));
	buf_release(&plain);
	buf_release(&coded);
}

static void test_split(void **state)
{
	static const struct {
		const char *url;
		int err;
		const char *host, *authority, *path;
		bool tls;
	} cases[] = {
		{"http://127.0.0.1:7480", 0, "127.0.0.1", "127.0.0.1:7480", "",
		 false},
		{"https://s3.example.org/", 0, "s3.example.org",
		 "s3.example.org", "", true},
		{"https://s3.example.org:443", 0, "s3.example.org",
		 "s3.example.org", "", true},
		{"http://s3.example.org:443", 0, "s3.example.org",
		 "s3.example.org:443", "", false},
		{"http://[::1]:9000/base/", 0, "[::1]", "[::1]:9000", "/base",
		 false},
		{"ftp://host", -EINVAL, NULL, NULL, NULL, false},
		{"host:80", -EINVAL, NULL, NULL, NULL, false},
		{"http://user@host", -EINVAL, NULL, NULL, NULL, false},
		{"http://host/?a", -EINVAL, NULL, NULL, NULL, false},
		{"http://host/#a", -EINVAL, NULL, NULL, NULL, false},
		{"http://", -EINVAL, NULL, NULL, NULL, false},
		{"http://host:99999", -EINVAL, NULL, NULL, NULL, false},
		{"", -EINVAL, NULL, NULL, NULL, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct uri u;

		memset(&u, 0, sizeof(u));
		if (uri_split(cases[i].url, &u) != cases[i].err)
			fail_msg("%s", cases[i].url);
		if (cases[i].err)
			continue;
		assert_string_equal(u.host, cases[i].host);
		assert_string_equal(u.authority, cases[i].authority);
		assert_string_equal(u.path, cases[i].path);
		assert_int_equal(u.tls, cases[i].tls);
		uri_release(&u);
	}
	assert_true(uri_host_is_ip("127.0.0.1"));
	assert_true(uri_host_is_ip("[::1]"));
	assert_false(uri_host_is_ip("127.0.0.1.example.org"));
}

/* What may be spoken to in plain text without a word. */
static void test_here(void **state)
{
	static const char *const here[] = {"localhost", "LocalHost",
					   "127.0.0.1", "127.1.2.3", "[::1]"};
	static const char *const elsewhere[] = {
		"128.0.0.1",	  "10.0.0.1",	       "[fd00::1]",
		"s3.example.org", "localhost.example", "127.0.0.1.example.org"};

	(void)state;
	for (size_t i = 0; i < sizeof(here) / sizeof(*here); i++)
		assert_true(uri_host_is_here(here[i]));
	for (size_t i = 0; i < sizeof(elsewhere) / sizeof(*elsewhere); i++)
		assert_false(uri_host_is_here(elsewhere[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_encode),
		cmocka_unit_test(test_decode),
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_split),
		cmocka_unit_test(test_here),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
