/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <string.h>

#include <cmocka.h>

#include "../../../src/ctl/version.h"

static void test_names(void **state)
{
	static const struct {
		const char *name, *time, *id; /* time NULL: is no version's */
		bool deleted;
	} cases[] = {
		{"2026-11-21T23-50-08Z~abc", "2026-11-21T23:50:08Z", "abc",
		 false},
		{"2026-11-21T23-50-08.125Z~abc", "2026-11-21T23:50:08Z", "abc",
		 false},
		{"2026-11-21T23-50-08Z.2~abc", "2026-11-21T23:50:08Z", "abc",
		 false},
		{"2026-11-21T23-50-08Z~abc.deleted", "2026-11-21T23:50:08Z",
		 "abc", true},
		{"2026-11-21T23-50-08Z~a%2Fb%7E.x", "2026-11-21T23:50:08Z",
		 "a/b~.x", false},
		{"2026-11-21T23-50-08Z~.deleted", "2026-11-21T23:50:08Z",
		 ".deleted", false},
		{"2026-11-21T23-50-08Z", NULL, NULL, false},
		{"2026-11-21T23-50-08~abc", NULL, NULL, false},
		{"2026-11-21T23:50:08Z~abc", NULL, NULL, false},
		{"2026-11-21T23-50-0Z~abc", NULL, NULL, false},
		{"2026-11-21T23-50-08Z~%zz", NULL, NULL, false},
		{"readme", NULL, NULL, false},
		{"", NULL, NULL, false},
	};
	struct version ver;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		bool is = version_parse(cases[i].name, &ver);

		assert_int_equal(is, cases[i].time != NULL);
		if (!is)
			continue;
		assert_string_equal(ver.time, cases[i].time);
		assert_string_equal(ver.id, cases[i].id);
		assert_int_equal(ver.deleted, cases[i].deleted);
	}
}

/* An id that has no room is no id. */
static void test_long(void **state)
{
	char text[VERSION_MAX + 1], id[VERSION_MAX];

	(void)state;
	memset(text, 'x', sizeof(text));
	assert_int_equal(version_decode_id(text, VERSION_MAX - 1, id), 0);
	assert_int_equal(strlen(id), VERSION_MAX - 1);
	assert_int_equal(version_decode_id(text, VERSION_MAX, id), -EFBIG);
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_long),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
