/* SPDX-License-Identifier: Apache-2.0 */
/* What headers say of an archived object, and the request for it. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "vers3/s3/archive.h"
#include "vers3/util/clock.h"

static void test_read(void **state)
{
	static const struct {
		const char *class, *tier, *restore;
		enum archive_state state;
		bool for_good, closed;
		const char *until;
	} cases[] = {
		{NULL, NULL, NULL, ARCHIVE_NONE, false, false, NULL},
		{"STANDARD_IA", NULL, NULL, ARCHIVE_NONE, false, false, NULL},
		{"GLACIER_IR", NULL, NULL, ARCHIVE_NONE, false, false, NULL},
		{"GLACIER", NULL, NULL, ARCHIVE_FROZEN, false, true, NULL},
		{"DEEP_ARCHIVE", NULL, NULL, ARCHIVE_FROZEN, false, true, NULL},
		{"CLOUD", NULL, NULL, ARCHIVE_MAYBE, false, false, NULL},
		{"INTELLIGENT_TIERING", NULL, NULL, ARCHIVE_NONE, false, false,
		 NULL},
		{"INTELLIGENT_TIERING", "ARCHIVE_ACCESS", NULL, ARCHIVE_FROZEN,
		 true, true, NULL},
		{"INTELLIGENT_TIERING", "ARCHIVE_ACCESS",
		 "ongoing-request=\"true\"", ARCHIVE_UNDER_WAY, true, true,
		 NULL},
		{"GLACIER", NULL, "ongoing-request=\"true\"", ARCHIVE_UNDER_WAY,
		 false, true, NULL},
		{"CLOUD", NULL, "ongoing-request=\"true\"", ARCHIVE_UNDER_WAY,
		 false, true, NULL},
		{"GLACIER", NULL,
		 "ongoing-request=\"false\", expiry-date=\"Fri, 21 Dec 2012 "
		 "00:00:00 GMT\"",
		 ARCHIVE_RESTORED, false, false, "2012-12-21T00:00:00Z"},
		{"GLACIER", NULL, "ongoing-request=\"false\"", ARCHIVE_RESTORED,
		 false, false, NULL},
		{"GLACIER", NULL,
		 "ongoing-request=\"false\", expiry-date=\"soon\"",
		 ARCHIVE_RESTORED, false, false, NULL},
		{"GLACIER", NULL, "nonsense", ARCHIVE_FROZEN, false, true,
		 NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct kvlist headers;
		struct archive a;
		int64_t until = 0;

		kvlist_init(&headers);
		if (cases[i].class)
			kvlist_set(&headers, "x-amz-storage-class",
				   cases[i].class);
		if (cases[i].tier)
			kvlist_set(&headers, "x-amz-archive-status",
				   cases[i].tier);
		if (cases[i].restore)
			kvlist_set(&headers, "x-amz-restore", cases[i].restore);
		if (cases[i].until)
			assert_int_equal(
				clock_parse_iso8601(cases[i].until, &until), 0);
		archive_read(&headers, &a);
		if (a.state != cases[i].state ||
		    a.for_good != cases[i].for_good || a.until_ns != until ||
		    archive_is_closed(&headers) != cases[i].closed)
			fail_msg("case %zu: %d", i, a.state);
		kvlist_release(&headers);
	}
}

static void test_may_be(void **state)
{
	(void)state;
	assert_false(archive_may_be(""));
	assert_false(archive_may_be("STANDARD"));
	assert_false(archive_may_be("GLACIER_IR"));
	assert_true(archive_may_be("GLACIER"));
	assert_true(archive_may_be("DEEP_ARCHIVE"));
	assert_true(archive_may_be("INTELLIGENT_TIERING"));
	assert_true(archive_may_be("CLOUD"));
}

static void writes(unsigned days, enum archive_tier tier, const char *what)
{
	struct buf doc;

	buf_init(&doc, 1024);
	assert_int_equal(archive_write_request(days, tier, &doc), 0);
	if (!strstr(doc.data, what))
		fail_msg("%s: %s", what, doc.data);
	buf_release(&doc);
}

static void test_request(void **state)
{
	enum archive_tier tier = ARCHIVE_TIER_DEFAULT;

	(void)state;
	assert_int_equal(archive_tier_parse("bulk", &tier), 0);
	assert_int_equal(tier, ARCHIVE_TIER_BULK);
	assert_int_equal(archive_tier_parse("Expedited", &tier), 0);
	assert_int_equal(tier, ARCHIVE_TIER_EXPEDITED);
	assert_int_equal(archive_tier_parse("fast", &tier), -EINVAL);
	assert_int_equal(archive_tier_parse("", &tier), -EINVAL);
	assert_int_equal(tier, ARCHIVE_TIER_EXPEDITED);
	writes(7, ARCHIVE_TIER_DEFAULT,
	       "2006-03-01/\"><Days>7</Days></RestoreRequest>");
	writes(1, ARCHIVE_TIER_STANDARD,
	       "<Days>1</Days><GlacierJobParameters><Tier>Standard</Tier>"
	       "</GlacierJobParameters></RestoreRequest>");
	writes(0, ARCHIVE_TIER_BULK, "2006-03-01/\"><GlacierJobParameters>");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_read),
		cmocka_unit_test(test_may_be),
		cmocka_unit_test(test_request),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
