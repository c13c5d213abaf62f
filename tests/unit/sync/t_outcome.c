/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../../src/sync/outcome.h"

#define AT_KEY	1
#define SAME	2
#define DATA	4
#define STAGED	8
#define DIFFER	16
#define LASTING 32
#define GONE	64

struct saved {
	const char *what;
	unsigned flags;
	enum outcome_saved want;
};

static const struct saved saves[] = {
	{"as it was", AT_KEY | SAME | DATA | STAGED | LASTING, OUTCOME_CLEAN},
	{"as it was, nothing staged", AT_KEY | SAME | DATA, OUTCOME_CLEAN},
	{"tags cannot be set", AT_KEY | SAME | DATA | STAGED | DIFFER,
	 OUTCOME_ATTRS},
	{"chmod meanwhile", AT_KEY | DATA | STAGED, OUTCOME_BASE},
	{"chmod, and tags cannot be set", AT_KEY | DATA | DIFFER, OUTCOME_BASE},
	{"written meanwhile", AT_KEY | STAGED | LASTING, OUTCOME_UNDER},
	{"written, tags cannot be set", AT_KEY | STAGED | DIFFER,
	 OUTCOME_UNDER},
	{"renamed", DATA | STAGED | LASTING, OUTCOME_PAST},
	{"renamed, no versions", DATA | STAGED, OUTCOME_OTHER},
	{"renamed, and saved there", DATA | LASTING, OUTCOME_OTHER},
	{"renamed and written", STAGED | LASTING, OUTCOME_OTHER},
	{"renamed, nothing of it changed", SAME | DATA | LASTING,
	 OUTCOME_OTHER},
	{"removed", GONE, OUTCOME_GONE},
	{"removed, and whatever", GONE | AT_KEY | SAME | DATA | STAGED,
	 OUTCOME_GONE},
};

static void test_saved(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(saves) / sizeof(saves[0]); i++) {
		unsigned flags = saves[i].flags;
		struct outcome_saved_facts f = {
			.there = !(flags & GONE),
			.at_key = flags & AT_KEY,
			.same = flags & SAME,
			.data_same = flags & DATA,
			.staged = flags & STAGED,
			.attrs_differ = flags & DIFFER,
			.lasting = flags & LASTING,
		};

		if (outcome_saved(&f) != saves[i].want)
			fail_msg("%s", saves[i].what);
	}
}

struct failed {
	const char *what;
	struct outcome_failed_facts facts;
	int64_t wait_ns;
	bool counts;
};

static const struct failed fails[] = {
	{"first", {0, false, 0}, NS_PER_S, true},
	{"second", {0, false, 1}, 2 * NS_PER_S, true},
	{"sixth", {0, false, 5}, 32 * NS_PER_S, true},
	{"seventh", {0, false, 6}, 64 * NS_PER_S, true},
	{"thousandth", {0, false, 1000}, 64 * NS_PER_S, true},
	{"most", {0, false, UINT32_MAX}, 64 * NS_PER_S, true},
	{"hurried", {0, true, 0}, 0, false},
	{"hurried again", {0, true, 9}, 0, false},
	{"no result", {25, false, 0}, 25, false},
	{"no result, hurried", {25, true, 3}, 25, false},
};

static void test_failed(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(fails) / sizeof(fails[0]); i++) {
		struct outcome_failed r = outcome_failed(&fails[i].facts);

		if (r.wait_ns != fails[i].wait_ns ||
		    r.counts != fails[i].counts)
			fail_msg("%s", fails[i].what);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_saved),
		cmocka_unit_test(test_failed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
