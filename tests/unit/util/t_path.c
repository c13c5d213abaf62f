/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "vers3/util/path.h"

static void test_cut(void **state)
{
	static const struct {
		const char *path, *parent, *base;
	} rows[] = {
		{"", "", ""},	       {"a", "", "a"},
		{"a/b", "a", "b"},     {"a/b/c.d", "a/b", "c.d"},
		{"a/b/", "a/b", ""},   {"a//b", "a/", "b"},
		{"/", "", ""},	       {"/a", "", "a"},
		{"/a/..", "/a", ".."}, {"./a", ".", "a"},
	};
	char path[16];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		strcpy(path, rows[i].path);
		assert_string_equal(path_base(path), rows[i].base);
		assert_ptr_equal(path_base(path),
				 path + strlen(path) - strlen(rows[i].base));
		assert_int_equal(path_parent_len(path), strlen(rows[i].parent));
		path_to_parent(path);
		assert_string_equal(path, rows[i].parent);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
