/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <sys/stat.h>

#include "../../../src/sync/examine.h"

#define NOW	INT64_C(1000000000000)
#define SOON	(NOW + 5)
#define RECHECK (NOW + EXAMINE_RECHECK_NS)

#define BUSY   1
#define PAUSES 2
#define HELD   4
#define FORCED 8

struct turn {
	const char *what;
	int64_t due_ns, settles_ns;
	unsigned flags;
	enum examine_verdict want;
	int64_t until_ns;
};

static const struct turn turns[] = {
	{"due", NOW, 0, 0, EXAMINE_GO_ON, 0},
	{"due, waited for", NOW, 0, FORCED, EXAMINE_GO_ON, 0},
	{"not due", SOON, 0, 0, EXAMINE_LEAVE, 0},
	{"not due, waited for", SOON, 0, FORCED, EXAMINE_GO_ON, 0},
	{"in a pause, waited for", SOON, 0, FORCED | PAUSES, EXAMINE_LEAVE, 0},
	{"after its pause", NOW, 0, PAUSES, EXAMINE_GO_ON, 0},
	{"after its pause, waited for", NOW, 0, FORCED | PAUSES, EXAMINE_GO_ON,
	 0},
	{"at work", NOW, 0, BUSY, EXAMINE_LEAVE, 0},
	{"at work, waited for", NOW, 0, BUSY | FORCED | HELD, EXAMINE_LEAVE, 0},
	{"settles", NOW, SOON, 0, EXAMINE_POSTPONE, SOON},
	{"settles, waited for", SOON, SOON, FORCED, EXAMINE_POSTPONE, SOON},
	{"settles, held", NOW, SOON, HELD | FORCED, EXAMINE_POSTPONE, SOON},
	{"settles, not due", SOON, SOON, 0, EXAMINE_LEAVE, 0},
	{"held", NOW, 0, HELD, EXAMINE_HELD, RECHECK},
	{"held, waited for", NOW, 0, HELD | FORCED, EXAMINE_FOLLOW, 0},
	{"held, not due", SOON, 0, HELD, EXAMINE_LEAVE, 0},
};

static void test_turn(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(turns) / sizeof(turns[0]); i++) {
		const struct turn *t = &turns[i];
		struct examine_turn f = {
			.now_ns = NOW,
			.due_ns = t->due_ns,
			.settles_ns = t->settles_ns,
			.busy = t->flags & BUSY,
			.pauses = t->flags & PAUSES,
			.held = t->flags & HELD,
			.forced = t->flags & FORCED,
		};
		int64_t until = 0;

		if (examine_turn(&f, &until) != t->want || until != t->until_ns)
			fail_msg("%s", t->what);
	}
}

#define TIRED  1
#define BATCH  2
#define JOBS   4
#define LARGE  8
#define WAITED 16

struct request {
	const char *what;
	enum reconcile_action action;
	int64_t quiet_ns;
	unsigned full;
	enum examine_verdict want;
	int64_t until_ns;
};

static const struct request requests[] = {
	{"put", RECONCILE_PUT, 0, 0, EXAMINE_SEND, 0},
	{"copy", RECONCILE_COPY, 0, 0, EXAMINE_SEND, 0},
	{"upload", RECONCILE_UPLOAD, 0, 0, EXAMINE_SEND, 0},
	{"put, no job", RECONCILE_PUT, 0, JOBS, EXAMINE_FULL, 0},
	{"upload, theirs are taken", RECONCILE_UPLOAD, 0, LARGE, EXAMINE_LEAVE,
	 0},
	/* Not "full": who can start more jobs looks again at once then. */
	{"upload, many found them taken", RECONCILE_UPLOAD, 0, LARGE | TIRED,
	 EXAMINE_POSTPONE, NOW + EXAMINE_STEP_BACK_NS},
	{"the same, waited for", RECONCILE_UPLOAD, 0, LARGE | TIRED | WAITED,
	 EXAMINE_TIRED, 0},
	{"upload, waited for", RECONCILE_UPLOAD, 0, LARGE | WAITED,
	 EXAMINE_LEAVE, 0},
	{"upload, all are taken", RECONCILE_UPLOAD, 0, LARGE | JOBS,
	 EXAMINE_FULL, 0},
	{"put beside uploads", RECONCILE_PUT, 0, LARGE | TIRED, EXAMINE_SEND,
	 0},
	{"delete beside uploads", RECONCILE_DELETE, 0, LARGE | TIRED,
	 EXAMINE_DELETE, 0},
	{"put beside deletes", RECONCILE_PUT, 0, TIRED | BATCH, EXAMINE_SEND,
	 0},
	{"quiet for long", RECONCILE_PUT, NOW, 0, EXAMINE_SEND, 0},
	{"being written", RECONCILE_PUT, SOON, 0, EXAMINE_POSTPONE, SOON},
	{"being written, no job", RECONCILE_PUT, SOON, JOBS, EXAMINE_POSTPONE,
	 SOON},
	{"equal, being written", RECONCILE_DROP, SOON, 0, EXAMINE_POSTPONE,
	 SOON},
	{"equal", RECONCILE_DROP, 0, TIRED | BATCH | JOBS, EXAMINE_DROP, 0},
	{"delete", RECONCILE_DELETE, 0, 0, EXAMINE_DELETE, 0},
	{"delete, no job", RECONCILE_DELETE, 0, JOBS, EXAMINE_DELETE, 0},
	{"delete, the batches full", RECONCILE_DELETE, 0, BATCH, EXAMINE_LEAVE,
	 0},
	{"delete, many found them full", RECONCILE_DELETE, 0, TIRED | BATCH,
	 EXAMINE_TIRED, 0},
};

static void test_request(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
		const struct request *t = &requests[i];
		struct examine_request f = {
			.now_ns = NOW,
			.quiet_ns = t->quiet_ns,
			.action = t->action,
			.tired = t->full & TIRED,
			.batch_full = t->full & BATCH,
			.jobs_full = t->full & JOBS,
			.large_full = t->full & LARGE,
			.forced = t->full & WAITED,
		};
		int64_t until = 0;

		if (examine_request(&f, &until) != t->want ||
		    until != t->until_ns)
			fail_msg("%s", t->what);
	}
}

/* Of what was tried and perhaps carried out, nothing is taken for equal. */
static void test_action(void **state)
{
	struct meta_inode inode = {
		.ino = 2, .mode = S_IFREG | 0644, .nlink = 1};
	struct meta_version there = {.key = "f", .version_id = "1"}, none = {0};
	struct reconcile_in in = {.key = "f",
				  .known = &there,
				  .inode = &inode,
				  .versioned = true};

	(void)state;
	inode.base = there;
	assert_int_equal(examine_action(&in, ""), RECONCILE_DROP);
	assert_int_equal(examine_action(&in, "e"), RECONCILE_COPY);
	in.inode = NULL;
	assert_int_equal(examine_action(&in, ""), RECONCILE_DELETE);
	assert_int_equal(examine_action(&in, "e"), RECONCILE_DELETE);
	in.known = &none;
	assert_int_equal(examine_action(&in, ""), RECONCILE_DROP);
	assert_int_equal(examine_action(&in, "e"), RECONCILE_DELETE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_turn),
		cmocka_unit_test(test_request),
		cmocka_unit_test(test_action),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
