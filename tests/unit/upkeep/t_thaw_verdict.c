/* SPDX-License-Identifier: Apache-2.0 */
/* What an archived object needs, and what answers mean. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../../src/upkeep/thaw_verdict.h"
#include "vers3/util/clock.h"

#define DAY (INT64_C(86400) * NS_PER_S)
#define NOW (1000 * DAY)

static void test_choose(void **state)
{
	static const struct {
		enum archive_state state;
		int64_t until_ns;
		bool for_good;
		unsigned days;
		enum thaw_action want;
	} cases[] = {
		{ARCHIVE_NONE, 0, false, 7, THAW_NOTHING},
		{ARCHIVE_MAYBE, 0, false, 7, THAW_ASK},
		{ARCHIVE_FROZEN, 0, false, 7, THAW_ASK},
		{ARCHIVE_FROZEN, 0, true, 7, THAW_ASK},
		{ARCHIVE_UNDER_WAY, 0, false, 7, THAW_WAIT},
		{ARCHIVE_RESTORED, 0, false, 7, THAW_NOTHING},
		{ARCHIVE_RESTORED, NOW + 8 * DAY, false, 7, THAW_NOTHING},
		{ARCHIVE_RESTORED, NOW + 7 * DAY - NS_PER_S, false, 7,
		 THAW_NOTHING},
		{ARCHIVE_RESTORED, NOW + 6 * DAY, false, 7, THAW_EXTEND},
		{ARCHIVE_RESTORED, NOW + NS_PER_S, false, 1, THAW_EXTEND},
		{ARCHIVE_RESTORED, NOW, false, 1, THAW_ASK},
		{ARCHIVE_RESTORED, NOW - DAY, false, 1, THAW_ASK},
		{ARCHIVE_RESTORED, INT64_MAX, false, ARCHIVE_DAYS_MAX,
		 THAW_NOTHING},
		{ARCHIVE_RESTORED, NOW - DAY, true, 1, THAW_NOTHING},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct archive a = {cases[i].state, cases[i].until_ns,
				    cases[i].for_good};

		if (thaw_choose(&a, NOW, cases[i].days) != cases[i].want)
			fail_msg("case %zu", i);
	}
}

static void test_outcome(void **state)
{
	static const struct {
		int rc, status;
		const char *code;
		enum archive_state state;
		enum thaw_outcome want;
	} cases[] = {
		{0, 202, "", ARCHIVE_FROZEN, THAW_ACCEPTED},
		{0, 200, "", ARCHIVE_RESTORED, THAW_EXTENDED},
		{-EBUSY, 409, "RestoreAlreadyInProgress", ARCHIVE_FROZEN,
		 THAW_IN_PROGRESS},
		{-EBUSY, 409, "OperationAborted", ARCHIVE_FROZEN, THAW_FAILED},
		{-EREMOTE, 403, "InvalidObjectState", ARCHIVE_FROZEN,
		 THAW_NOT_ARCHIVED},
		{-EREMOTE, 403, "InvalidObjectState", ARCHIVE_MAYBE,
		 THAW_NOT_ARCHIVED},
		{-EACCES, 403, "AccessDenied", ARCHIVE_FROZEN, THAW_FAILED},
		{-EOPNOTSUPP, 501, "NotImplemented", ARCHIVE_FROZEN,
		 THAW_UNSUPPORTED},
		{-EOPNOTSUPP, 405, "MethodNotAllowed", ARCHIVE_FROZEN,
		 THAW_UNSUPPORTED},
		{-EINVAL, 400, "MalformedXML", ARCHIVE_FROZEN,
		 THAW_UNSUPPORTED},
		{-EINVAL, 412, "MalformedPOSTRequest", ARCHIVE_FROZEN,
		 THAW_UNSUPPORTED},
		{-EOPNOTSUPP, 501, "NotImplemented", ARCHIVE_MAYBE,
		 THAW_NOT_ARCHIVED},
		{-EINVAL, 400, "InvalidArgument", ARCHIVE_FROZEN, THAW_FAILED},
		{-ENOENT, 404, "NoSuchVersion", ARCHIVE_FROZEN, THAW_GONE},
		{-EIO, 503, "GlacierExpeditedRetrievalNotAvailable",
		 ARCHIVE_FROZEN, THAW_FAILED},
		{-ETIMEDOUT, 0, "", ARCHIVE_FROZEN, THAW_FAILED},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		if (thaw_read_outcome(cases[i].rc, cases[i].status,
				      cases[i].code,
				      cases[i].state) != cases[i].want)
			fail_msg("case %zu: %s", i, cases[i].code);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_choose),
		cmocka_unit_test(test_outcome),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
