/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "vers3/util/mime.h"

static void test_types(void **state)
{
	static const struct {
		const char *name, *type;
	} cases[] = {
		{"page.html", "text/html"},
		{"a/b.c/PHOTO.JPEG", "image/jpeg"},
		{"archive.tar.gz", "application/gzip"},
		{"notes.txt", "text/plain"},
		{".html", NULL},
		{"dir/.html", NULL},
		{"dir.html/file", NULL},
		{"trailing.", NULL},
		{"html", NULL},
		{"", NULL},
		{"x.no-such-extension", NULL},
		{"x.an-extension-of-more-than-thirty-two-bytes", NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const char *type = mime_type(cases[i].name);

		if (cases[i].type) {
			assert_non_null(type);
			assert_string_equal(type, cases[i].type);
		} else {
			assert_null(type);
		}
	}
}

/* Where the system has no table, or a short one. */
static void test_common(void **state)
{
	(void)state;
	assert_string_equal(mime_common_type("html"), "text/html");
	assert_string_equal(mime_common_type("7z"),
			    "application/x-7z-compressed");
	assert_string_equal(mime_common_type("zst"), "application/zstd");
	assert_null(mime_common_type("HTML"));
	assert_null(mime_common_type(""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_types),
		cmocka_unit_test(test_common),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
