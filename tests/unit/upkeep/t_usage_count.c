/* SPDX-License-Identifier: Apache-2.0 */
/* Which old versions a rule would take, and the short tables. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../../src/upkeep/usage_count.h"

#define DAY_NS (INT64_C(86400) * 1000000000)
#define NOW_NS (1001 * DAY_NS)

/* A version a letter, newest first: its age in days, '-': a delete marker. */
static void give(struct usage_count *c, const char *key, const char *ages)
{
	for (const char *p = ages; *p; p++) {
		bool marker = *p == '-';
		struct store_entry e = {
			.kind = marker ? STORE_ENTRY_MARKER
				       : STORE_ENTRY_VERSION,
			.key = key,
			.key_len = strlen(key),
			.storage_class = "STANDARD",
			.size_bytes = 1,
			.latest = p == ages,
		};

		if (marker)
			p++;
		e.last_modified_ns = (1000 - (*p - '0')) * DAY_NS + 1;
		usage_count_version(c, &e, false);
	}
}

static const struct {
	const char *ages;
	unsigned days;
	unsigned keep;
	uint64_t versions;
} rules[] = {
	/* Since when they are old: 1, 2, 3 days, and the rest of one. */
	{"1234", 1, 0, 3},
	{"1234", 2, 0, 2},
	{"1234", 3, 0, 1},
	{"1234", 4, 0, 0},
	{"1234", 1, 1, 2},
	{"1234", 1, 2, 1},
	{"1234", 1, 3, 0},
	/* The newest stay, old enough or not. */
	{"1234", 3, 1, 1},
	{"1234", 3, 2, 1},
	{"1234", 3, 3, 0},
	/* A delete makes the one below it old. */
	{"-234", 2, 0, 2},
	{"-234", 3, 0, 1},
	{"-2-34", 3, 0, 1},
	/* A noncurrent delete marker is one of those that stay. */
	{"1-234", 1, 1, 2},
	{"1-234", 1, 2, 1},
	{"-2-34", 1, 1, 1},
	{"-2-34", 1, 2, 0},
	{"1", 1, 0, 0},
};

/* A day of the rules ends at midnight: just before it it is not over. */
static void take(int64_t now_ns, unsigned day)
{
	struct prices prices;

	prices_default(&prices);
	for (size_t i = 0; i < sizeof(rules) / sizeof(*rules); i++) {
		struct usage_count *c;

		if (rules[i].days <= day)
			continue;
		c = calloc(1, sizeof(*c));
		assert_non_null(c);
		c->prices = &prices;
		c->rule = (struct usage_rule){.days = rules[i].days - day,
					      .keep = rules[i].keep,
					      .now_ns = now_ns};
		/* The keys do not know each other. */
		give(c, "a", rules[i].ages);
		give(c, "b", rules[i].ages);
		usage_count_end(c);
		if (c->rule.saved.count != 2 * rules[i].versions)
			fail_msg("%zu: %s: %u", i, rules[i].ages,
				 (unsigned)c->rule.saved.count);
		assert_int_equal(c->rule.saved.bytes, c->rule.saved.count);
		free(c);
	}
}

static void test_rule(void **state)
{
	(void)state;
	take(NOW_NS, 0);
	take(NOW_NS - 1, 1);
}

static void test_tops(void **state)
{
	struct usage_count *c = calloc(1, sizeof(*c));
	struct prices prices;
	char key[16], ages[32];

	(void)state;
	assert_non_null(c);
	prices_default(&prices);
	c->prices = &prices;
	/* 25 files of 1 to 25 versions, in an order of no kind. */
	for (unsigned i = 0; i < 25; i++) {
		unsigned count = i * 7 % 25 + 1;

		snprintf(key, sizeof(key), "%02u", i);
		snprintf(ages, sizeof(ages), "%.*s", (int)count,
			 "1111111111111111111111111");
		give(c, key, ages);
	}
	usage_count_end(c);
	assert_int_equal(c->most_count, USAGE_TOP);
	assert_int_equal(c->biggest_count, USAGE_TOP);
	for (unsigned i = 0; i < USAGE_TOP; i++) {
		assert_int_equal(c->most[i].versions, 25 - i);
		assert_int_equal(c->biggest[i].bytes, 25 - i);
	}
	assert_int_equal(c->current.count, 25);
	assert_int_equal(c->noncurrent.count, 25 * 26 / 2 - 25);
	free(c);
}

/* More classes than there is room for are counted, too. */
static void test_many_classes(void **state)
{
	struct usage_count *c = calloc(1, sizeof(*c));
	struct prices prices;
	uint64_t all = 0;
	char name[64];

	(void)state;
	assert_non_null(c);
	prices_default(&prices);
	c->prices = &prices;
	for (unsigned i = 0; i < 2 * USAGE_CLASSES_MAX; i++) {
		struct store_entry e = {.kind = STORE_ENTRY_VERSION,
					.key = "k",
					.key_len = 1,
					.storage_class = name,
					.size_bytes = 3};

		snprintf(name, sizeof(name), "CLASS%u", i);
		usage_count_version(c, &e, false);
	}
	for (size_t i = 0; i < c->class_count; i++)
		all += c->classes[i].noncurrent.bytes;
	assert_int_equal(c->class_count, USAGE_CLASSES_MAX);
	assert_int_equal(all, 3 * 2 * USAGE_CLASSES_MAX);
	assert_string_equal(c->classes[USAGE_CLASSES_MAX - 1].name, "others");
	free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rule),
		cmocka_unit_test(test_tops),
		cmocka_unit_test(test_many_classes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
