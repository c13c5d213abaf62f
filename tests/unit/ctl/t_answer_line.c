/* SPDX-License-Identifier: Apache-2.0 */
/* Single lines of an answer, and their words. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../../src/ctl/answer_line.h"

static void test_values(void **state)
{
	static const struct {
		const char *line, *value; /* NULL: there is none */
		int rc;
	} rows[] = {
		{"\titems = a b", "a b", 0},
		{"\titems = \"a \\\"b\\\"\\n\"", "a \"b\"\n", 0},
		{"\titems = 5", "5", 0},
		{"\tcount = 5", NULL, 0},
		{"\tother = a", NULL, 0},
		{"[items]", NULL, 0},
		{"", NULL, 0},
		{"# progress", NULL, 0},
		{"\titems = \"a", NULL, -EIO},
		{"items", NULL, -EIO},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char *value;

		assert_int_equal(answer_line_value(rows[i].line, "items",
						   &value),
				 rows[i].rc);
		if (!rows[i].value)
			assert_null(value);
		else
			assert_string_equal(value, rows[i].value);
		free(value);
	}
}

static void test_words(void **state)
{
	char text[] = "a b c d", one[] = "a", *words[3];

	(void)state;
	assert_int_equal(answer_line_split(text, words, 3), 0);
	assert_string_equal(words[0], "a");
	assert_string_equal(words[1], "b");
	assert_string_equal(words[2], "c d");
	assert_int_equal(answer_line_split(one, words, 2), -EIO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
