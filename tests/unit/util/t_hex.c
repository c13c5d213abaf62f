/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "vers3/util/hex.h"

static void test_read(void **state)
{
	static const struct {
		const char *text;
		const char *bytes; /* of two; NULL: it is refused */
	} rows[] = {
		{"00ff", "\0\xff"},
		{"0aBc", "\x0a\xbc"},
		{"9F41", "\x9f"
			 "A"},
		{NULL, NULL},
		{"", NULL},
		{"00f", NULL},
		{"00ff0", NULL},
		{"00fg", NULL},
		{"0x00", NULL},
		{" 0ff", NULL},
		{"-0ff", NULL},
	};
	unsigned char got[2];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		assert_int_equal(hex_read(rows[i].text, 2, got),
				 rows[i].bytes != NULL);
		if (rows[i].bytes)
			assert_memory_equal(got, rows[i].bytes, 2);
	}
	assert_true(hex_read("", 0, got));
}

static void test_write(void **state)
{
	unsigned char all[256], got[256];
	char text[2 * sizeof(all) + 1];

	(void)state;
	for (size_t i = 0; i < sizeof(all); i++)
		all[i] = (unsigned char)i;
	hex_write(all, sizeof(all), text);
	assert_memory_equal(text, "000102", 6);
	assert_string_equal(text + 2 * sizeof(all) - 6, "fdfeff");
	assert_true(hex_read(text, sizeof(got), got));
	assert_memory_equal(got, all, sizeof(all));
	hex_write(all, 0, text);
	assert_string_equal(text, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_read),
		cmocka_unit_test(test_write),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
