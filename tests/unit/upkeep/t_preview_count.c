/* SPDX-License-Identifier: Apache-2.0 */
/* The sums of a preview, by rule, action and day. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../../src/upkeep/preview_count.h"

#define DAY_NS (INT64_C(86400) * 1000000000)

/* "r E 3 10" : rule r expires 10 bytes on day 3; M: moves to IA, G: to G. */
static const struct {
	const char *events, *want;
} table[] = {
	{"", ""},
	{"a E 3 10", "[planned \"1\"]\n\trule = a\n\taction = expire\n"
		     "\tcount = 1\n\tbytes = 10\n\toverdue = 0\n"
		     "\toverdueBytes = 0\n\tday = \"1970-01-04 1 10\"\n"},
	/* Days in their order, whichever comes first. */
	{"a E 4 1 a E 2 2 a E 3 4 a E 4 8",
	 "[planned \"1\"]\n\trule = a\n\taction = expire\n"
	 "\tcount = 4\n\tbytes = 15\n\toverdue = 0\n\toverdueBytes = 0\n"
	 "\tday = \"1970-01-03 1 2\"\n\tday = \"1970-01-04 1 4\"\n"
	 "\tday = \"1970-01-05 2 9\"\n"},
	/* What should have happened by now: day 1. */
	{"a E 1 5 a E 0 6",
	 "[planned \"1\"]\n\trule = a\n\taction = expire\n"
	 "\tcount = 2\n\tbytes = 11\n\toverdue = 2\n\toverdueBytes = 11\n"},
	/* Each rule, each action and class. */
	{"a M 2 1 b M 2 2 a G 2 4 a E 2 8 a M 2 16",
	 "[planned \"1\"]\n\trule = a\n\taction = move:IA\n\tcount = 2\n"
	 "\tbytes = 17\n\toverdue = 0\n\toverdueBytes = 0\n"
	 "\tday = \"1970-01-03 2 17\"\n"
	 "[planned \"2\"]\n\trule = b\n\taction = move:IA\n\tcount = 1\n"
	 "\tbytes = 2\n\toverdue = 0\n\toverdueBytes = 0\n"
	 "\tday = \"1970-01-03 1 2\"\n"
	 "[planned \"3\"]\n\trule = a\n\taction = move:G\n\tcount = 1\n"
	 "\tbytes = 4\n\toverdue = 0\n\toverdueBytes = 0\n"
	 "\tday = \"1970-01-03 1 4\"\n"
	 "[planned \"4\"]\n\trule = a\n\taction = expire\n\tcount = 1\n"
	 "\tbytes = 8\n\toverdue = 0\n\toverdueBytes = 0\n"
	 "\tday = \"1970-01-03 1 8\"\n"},
};

static void add(struct preview_count *c, const struct lifecycle_rule *rules,
		const char *events)
{
	char rule, action;
	int day, at;
	unsigned bytes;

	for (; sscanf(events, " %c %c %d %u%n", &rule, &action, &day, &bytes,
		      &at) == 4;
	     events += at) {
		struct verdict v = {
			.rule = &rules[rule - 'a'],
			.action = action == 'E' ? VERDICT_EXPIRE : VERDICT_MOVE,
			.when_ns = day * DAY_NS,
			.storage_class = action == 'M' ? "IA" : "G",
		};

		assert_int_equal(preview_count_add(c, &v, bytes), 0);
	}
}

static void test_table(void **state)
{
	struct lifecycle_rule rules[2] = {{.id = "a"}, {.id = "b"}};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		struct preview_count c = {.now_ns = DAY_NS,
					  .until_ns = 9 * DAY_NS};
		struct buf out;

		buf_init(&out, 4096);
		add(&c, rules, table[i].events);
		for (size_t k = 0; k < c.count; k++)
			assert_int_equal(preview_count_write(&c, k, &out), 0);
		assert_string_equal(out.len ? out.data : "", table[i].want);
		buf_release(&out);
		preview_count_release(&c);
	}
}

static void test_wants(void **state)
{
	const struct preview_count c = {.now_ns = 5, .until_ns = 10};
	struct verdict v = {.why = VERDICT_ACTS, .when_ns = 10};

	(void)state;
	assert_true(preview_count_wants(&c, &v));
	v.when_ns = 1;
	assert_true(preview_count_wants(&c, &v));
	v.when_ns = 11;
	assert_false(preview_count_wants(&c, &v));
	v.when_ns = 1;
	v.why = VERDICT_OVERTAKEN;
	assert_false(preview_count_wants(&c, &v));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_wants),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
