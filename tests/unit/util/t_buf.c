/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "vers3/util/buf.h"

static void test_empty(void **state)
{
	struct buf b;
	char *s;

	(void)state;
	buf_init(&b, 0);
	assert_string_equal(b.data, "");
	buf_reset(&b);
	assert_int_equal(buf_add(&b, NULL, 0), 0);
	assert_int_equal(buf_puts(&b, ""), 0);
	assert_int_equal(buf_putc(&b, 'x'), -EFBIG);
	s = buf_detach(&b);
	assert_string_equal(s, "");
	free(s);
	buf_release(&b);
	buf_release(&b);
}

static void test_adds(void **state)
{
	struct buf b;
	char *s;

	(void)state;
	buf_init(&b, 1000);
	assert_int_equal(buf_puts(&b, "one"), 0);
	assert_int_equal(buf_putc(&b, ' '), 0);
	assert_int_equal(buf_add(&b, "t\0o", 3), 0);
	assert_int_equal(buf_printf(&b, " %d %s", 3, "four"), 0);
	assert_int_equal(b.len, 14);
	assert_memory_equal(b.data, "one t\0o 3 four", 15);
	buf_reset(&b);
	assert_int_equal(b.len, 0);
	assert_string_equal(b.data, "");
	assert_int_equal(buf_puts(&b, "again"), 0);
	s = buf_detach(&b);
	assert_string_equal(s, "again");
	free(s);
	assert_string_equal(b.data, "");
	assert_int_equal(b.size, 0);
	buf_release(&b);
}

static void test_maximum(void **state)
{
	static const size_t maxima[] = {1, 2, 63, 64, 65, 100, 4096, 5000};

	(void)state;
	for (size_t i = 0; i < sizeof(maxima) / sizeof(*maxima); i++) {
		struct buf b;

		buf_init(&b, maxima[i]);
		for (size_t n = 0; n < maxima[i]; n++)
			assert_int_equal(buf_putc(&b, 'a'), 0);
		assert_int_equal(buf_putc(&b, 'b'), -EFBIG);
		assert_int_equal(buf_printf(&b, "%s", "bb"), -EFBIG);
		assert_int_equal(b.len, maxima[i]);
		assert_int_equal(strlen(b.data), maxima[i]);
		assert_true(b.size <= maxima[i] + 1);
		buf_release(&b);
	}
}

static void test_no_maximum(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, SIZE_MAX);
	for (int i = 0; i < 1000; i++)
		assert_int_equal(buf_puts(&b, "0123456789"), 0);
	assert_int_equal(b.len, 10000);
	buf_release(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_adds),
		cmocka_unit_test(test_maximum),
		cmocka_unit_test(test_no_maximum),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
