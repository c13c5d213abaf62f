/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>

#include "vers3/s3/tagging.h"

static int parse(const char *doc, struct kvlist *tags)
{
	kvlist_init(tags);
	return tagging_parse(doc, strlen(doc), tags);
}

static void test_round(void **state)
{
	static const char *const pairs[][2] = {
		{"a", "0100644 0 0 1732233008123456789ns"},
		{"A", "<&>\"'"},
		{"empty", ""},
	};
	struct kvlist in, out;
	struct buf doc;

	(void)state;
	kvlist_init(&in);
	buf_init(&doc, 65536);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(kvlist_add(&in, pairs[i][0], pairs[i][1]), 0);
	assert_int_equal(tagging_write(&in, &doc), 0);
	assert_non_null(strstr(doc.data, "2006-03-01"));
	assert_int_equal(parse(doc.data, &out), 0);
	assert_int_equal(out.count, 3);
	for (size_t i = 0; i < 3; i++) {
		assert_string_equal(out.items[i].name, pairs[i][0]);
		assert_string_equal(out.items[i].value, pairs[i][1]);
	}
	kvlist_release(&in);
	kvlist_release(&out);
	buf_release(&doc);
}

static void test_documents(void **state)
{
	static const struct {
		const char *doc;
		int rc;
		size_t count;
	} cases[] = {
		{"<Tagging><TagSet/></Tagging>", 0, 0},
		{"<Tagging/>", 0, 0},
		{"<Tagging><TagSet><Tag><Key>k</Key><Value>v</Value></Tag>"
		 "<Other/><Tag><Key>l</Key></Tag></TagSet></Tagging>",
		 0, 2},
		{"<Tagging><TagSet><Tag><Value>v</Value></Tag></TagSet>"
		 "</Tagging>",
		 -EIO, 0},
		{"<Tagging><TagSet>", -EIO, 0},
		{"<Error><Code>AccessDenied</Code></Error>", -EIO, 0},
		{"", -EIO, 0},
		{"<!DOCTYPE a><Tagging/>", -EIO, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct kvlist tags;

		print_message("case %zu\n", i);
		assert_int_equal(parse(cases[i].doc, &tags), cases[i].rc);
		assert_int_equal(tags.count, cases[i].count);
		kvlist_release(&tags);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round),
		cmocka_unit_test(test_documents),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
