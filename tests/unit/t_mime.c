/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

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
	if (access("/etc/mime.types", R_OK) != 0)
		skip();
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_types),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
