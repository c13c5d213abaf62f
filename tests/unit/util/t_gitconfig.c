/* SPDX-License-Identifier: Apache-2.0 */
/* What is written in git-config syntax is what git reads. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "../git_config.h"
#include "vers3/util/gitconfig.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

static void values(void **state)
{
	static const char *const table[] = {
		"plain",
		"",
		" ",
		"two words",
		" blanks around ",
		"semi;colon",
		"hash # sign",
		"a \"quoted\" word",
		"\"",
		"back\\slash",
		"ends in backslash\\",
		"line\nfeed\n",
		"tab\tand\bbackspace",
		"cr\rin the middle",
		"control \001\033 bytes",
		"[section]",
		"key = value",
		"prefix/with=equals",
		"gr\xc3\xbc\xc3\x9f",
		"\xff\xfe",
		"$(date) `date` %s",
		"true",
		"-1",
	};
	char got[256];

	(void)state;
	if (!have_git())
		skip();
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct buf b;

		buf_init(&b, 4096);
		assert_int_equal(gitconfig_section(&b, "mount", NULL), 0);
		assert_int_equal(gitconfig_value(&b, "before", "1"), 0);
		assert_int_equal(gitconfig_value(&b, "name", table[i]), 0);
		assert_int_equal(gitconfig_value(&b, "after", "2"), 0);
		assert_int_equal(git_config_get(b.data, "mount.name", got,
						sizeof(got)),
				 0);
		assert_string_equal(got, table[i]);
		assert_int_equal(git_config_get(b.data, "mount.after", got,
						sizeof(got)),
				 0);
		assert_string_equal(got, "2");
		buf_release(&b);
	}
}

static void sections(void **state)
{
	static const struct {
		const char *sub, *read_as;
	} table[] = {
		{"plain", "plain"},
		{"", ""},
		{"With Case", "With Case"},
		{"dots.in.it", "dots.in.it"},
		{"a \"quote\"", "a \"quote\""},
		{"back\\slash\\", "back\\slash\\"},
		{"] # ;", "] # ;"},
		{"line\nfeed", "line feed"},
		{"\xe2\x82\xac", "\xe2\x82\xac"},
	};
	char name[128], got[64];

	(void)state;
	if (!have_git())
		skip();
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct buf b;

		buf_init(&b, 4096);
		assert_int_equal(
			gitconfig_section(&b, "lifecycle", table[i].sub), 0);
		assert_int_equal(gitconfig_number(&b, "expireDays", 7), 0);
		snprintf(name, sizeof(name), "lifecycle.%s.expireDays",
			 table[i].read_as);
		assert_int_equal(git_config_get(b.data, name, got, sizeof(got)),
				 0);
		assert_string_equal(got, "7");
		buf_release(&b);
	}
}

static void kinds(void **state)
{
	struct kvlist pairs;
	struct buf b;
	char got[64];

	(void)state;
	buf_init(&b, 4096);
	kvlist_init(&pairs);
	assert_int_equal(kvlist_add(&pairs, "a", "1"), 0);
	assert_int_equal(kvlist_add(&pairs, "b", "x y"), 0);
	assert_int_equal(gitconfig_section(&b, "s", NULL), 0);
	assert_int_equal(gitconfig_number(&b, "number", INT64_MIN), 0);
	assert_int_equal(gitconfig_time(&b, "time", 1795305008500000000), 0);
	assert_int_equal(gitconfig_bool(&b, "yes", 1), 0);
	assert_int_equal(gitconfig_bool(&b, "no", 0), 0);
	assert_int_equal(gitconfig_pairs(&b, "tags", &pairs), 0);
	assert_string_equal(b.data, "[s]\n"
				    "\tnumber = -9223372036854775808\n"
				    "\ttime = 2026-11-21T23:50:08Z\n"
				    "\tyes = true\n"
				    "\tno = false\n"
				    "\ttags = a=1\n"
				    "\ttags = \"b=x y\"\n");
	if (have_git()) {
		assert_int_equal(
			git_config_get(b.data, "s.tags", got, sizeof(got)), 0);
		assert_string_equal(got, "a=1|b=x y");
	}
	kvlist_release(&pairs);
	buf_release(&b);
}

static void no_room(void **state)
{
	(void)state;
	for (size_t max = 0; max < 30; max++) {
		struct buf b;
		int err;

		buf_init(&b, max);
		err = gitconfig_section(&b, "s", "sub");
		if (!err)
			err = gitconfig_value(&b, "name", "a \"value\"");
		assert_int_equal(err, -EFBIG);
		buf_release(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values),
		cmocka_unit_test(sections),
		cmocka_unit_test(kinds),
		cmocka_unit_test(no_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
