/* SPDX-License-Identifier: Apache-2.0 */
/* Hexadecimal, and which ETags are the MD5 of their bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "vers3/core/etag.h"
#include "vers3/util/hex.h"

#define MD5_TEXT "00112233445566778899aAbBccddeEff"
#define SSE	 "x-amz-server-side-encryption"

static const unsigned char md5_bytes[ETAG_MD5_BYTES] = {
	0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77,
	0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff,
};

static void test_hex(void **state)
{
	static const char *const bad[] = {
		"0", "00112", "001g", "0x11", "00 1", "-011", "001122",
	};
	unsigned char bytes[sizeof(md5_bytes)];
	char text[2 * sizeof(md5_bytes) + 1];

	(void)state;
	hex_write(md5_bytes, sizeof(md5_bytes), text);
	assert_string_equal(text, "00112233445566778899aabbccddeeff");
	assert_true(hex_read(MD5_TEXT, sizeof(bytes), bytes));
	assert_memory_equal(bytes, md5_bytes, sizeof(bytes));
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_false(hex_read(bad[i], 2, bytes));
	assert_false(hex_read(NULL, 2, bytes));
}

static void test_md5(void **state)
{
	static const struct {
		const char *etag, *header, *value;
		bool is;
	} cases[] = {
		{MD5_TEXT, NULL, NULL, true},
		{MD5_TEXT, SSE, "AES256", true},
		{MD5_TEXT, SSE, "aws:kms", false},
		{MD5_TEXT, SSE, "aws:kms:dsse", false},
		{MD5_TEXT, SSE "-customer-algorithm", "AES256", false},
		{MD5_TEXT "-2", NULL, NULL, false},
		{"", NULL, NULL, false},
		{NULL, NULL, NULL, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		unsigned char md5[ETAG_MD5_BYTES];
		struct kvlist headers;

		kvlist_init(&headers);
		if (cases[i].header)
			assert_int_equal(kvlist_set(&headers, cases[i].header,
						    cases[i].value),
					 0);
		assert_int_equal(etag_md5(cases[i].etag, &headers, md5),
				 cases[i].is);
		if (cases[i].is)
			assert_memory_equal(md5, md5_bytes, sizeof(md5));
		kvlist_release(&headers);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hex),
		cmocka_unit_test(test_md5),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
