/* SPDX-License-Identifier: Apache-2.0 */
/* thaw, as the control file answers, over a bucket in memory. */
#include "../vfs_rig.h"

#include <stdatomic.h>

#include "../control_rig.h"
#include "vers3/store/memory.h"

#define TEXT_MAX (64 << 10)

static char answer[TEXT_MAX];

static void thaws(struct rig *r, const char *line, int rc, const char *has)
{
	int got = control_ask(r->f.v, line, answer, TEXT_MAX);

	if (got != rc || !strstr(answer, has))
		fail_msg("%s: %d: %s", line, got, answer);
}

static void says(const char *has)
{
	if (!strstr(answer, has))
		fail_msg("no %s: %s", has, answer);
}

static void test_file(void **state)
{
	struct rig *r = *state;

	rig_put_class(r, "f", "abc", "GLACIER", NULL);
	rig_put_class(r, "g", "abc", "GLACIER", NULL);
	thaws(r, "thaw f days=3 tier=bulk\n", 0, "\tstate = asked\n");
	says("[object \"f\"]\n\tpath = f\n");
	says("\tstorageClass = GLACIER\n\tbytes = 3\n");
	says("\tdays = 3\n\tobjects = 1\n\tarchived = 1\n\tbytes = 3\n"
	     "\tasked = 1\n\textended = 0\n\tunderWay = 0\n");
	assert_int_equal(rig_count(r, "RestoreObject f"), 1);
	assert_int_equal(rig_count(r, "RestoreObject"), 1);
	thaws(r, "thaw f\n", 0, "\tstate = underWay\n");
	says("\tasked = 0\n");
	says("\tunderWay = 1\n");
	assert_int_equal(rig_count(r, "RestoreObject"), 1);
	assert_int_equal(memory_store_end_restores(r->bucket, false), 1);
	rig_is(r, "f", "abc");
	thaws(r, "thaw f days=3\n", 0, "\tstate = restored\n");
	says("\tuntil = ");
	says("\trestored = 1\n");
	assert_int_equal(rig_count(r, "RestoreObject"), 1);
	/* For longer. */
	thaws(r, "thaw f days=30\n", 0, "\tstate = extended\n");
	says("\textended = 1\n");
	thaws(r, "thaw f days=30\n", 0, "\tstate = restored\n");
	assert_int_equal(rig_count(r, "RestoreObject"), 2);
}

/* One list, and a HEAD of what may be archived alone. */
static void test_tree(void **state)
{
	struct rig *r = *state;

	rig_put_text(r, "d/a", "a");
	rig_put_class(r, "d/b", "abc", "GLACIER", NULL);
	rig_put_class(r, "d/c d/e", "abc", "DEEP_ARCHIVE", NULL);
	rig_put_class(r, "d/f", "abc", "STANDARD_IA", NULL);
	rig_put_class(r, "d/g", "abc", "INTELLIGENT_TIERING", NULL);
	rig_put_class(r, "d/h", "abc", "INTELLIGENT_TIERING", "ARCHIVE_ACCESS");
	rig_put_class(r, "d/i", "abc", "COLD", NULL);
	rig_put_class(r, "dx", "abc", "GLACIER", NULL);
	assert_int_equal(rig_there(r, "d"), 0);
	rig_forget_requests(r);
	thaws(r, "thaw /d/\n", 0, "\tobjects = 7\n\tarchived = 3\n");
	says("\tasked = 3\n");
	says("[object \"d/c d/e\"]\n");
	assert_int_equal(rig_count(r, "HeadObject"), 5);
	/* What bears an unknown class is asked for, and is not archived. */
	assert_int_equal(rig_count(r, "RestoreObject"), 4);
	thaws(r, "thaw /\n", 0, "\tobjects = 8\n\tarchived = 4\n");
	says("\tasked = 1\n");
	says("\tunderWay = 3\n");
	assert_int_equal(memory_store_end_restores(r->bucket, false), 4);
	/* A tier of its class is left for good. */
	thaws(r, "thaw /\n", 0, "\tobjects = 8\n\tarchived = 3\n");
	says("\trestored = 3\n");
	rig_is(r, "d/h", "abc");
}

static void test_version(void **state)
{
	char line[512], names[256];
	struct rig *r = *state;

	rig_put_class(r, "f", "abc", "GLACIER", NULL);
	rig_put_text(r, "f", "now");
	thaws(r, "thaw f\n", 0, "\tarchived = 0\n");
	rig_list(r, ".versions/f", false, names, sizeof(names));
	names[strcspn(names, " ")] = '\0';
	snprintf(line, sizeof(line), "thaw .versions/f/%s\n", names);
	thaws(r, line, 0, "\tstate = asked\n");
	says("\tversion = ");
	assert_int_equal(memory_store_end_restores(r->bucket, false), 1);
	thaws(r, line, 0, "\tstate = restored\n");
	assert_int_equal(rig_count(r, "RestoreObject"), 1);
	thaws(r, "thaw .versions/f\n", -EISDIR, "thaw: .versions/f: is a dir");
}

/* The second HEAD of d/b is of the walk that waits. */
static atomic_uint heads;

static void end_at_second(struct rig *r)
{
	if (atomic_fetch_add(&heads, 1) == 1)
		memory_store_end_restores(r->bucket, false);
}

static void test_wait(void **state)
{
	struct rig *r = *state;

	rig_put_class(r, "d/a", "abc", "GLACIER", NULL);
	rig_put_class(r, "d/b", "abc", "GLACIER", NULL);
	rig_put_text(r, "d/c", "c");
	atomic_store(&heads, 0);
	rig_hook(r, "HeadObject d/b", end_at_second, 2);
	thaws(r, "thaw d days=2 wait\n", 0, "\tobjects = 3\n\tarchived = 2\n");
	says("\tasked = 2\n\textended = 0\n\tunderWay = 0\n"
	     "\trestored = 2\n\tfailed = 0\n");
	assert_null(strstr(answer, "\tstate = asked\n"));
	assert_int_equal(rig_count(r, "RestoreObject"), 2);
	assert_int_equal(rig_count(r, "HeadObject d/b"), 3);
	/* Nothing to wait for. */
	rig_forget_requests(r);
	thaws(r, "thaw d wait days=2\n", 0, "\trestored = 2\n");
	assert_int_equal(rig_count(r, "HeadObject"), 4);
}

static void end_well(struct rig *r)
{
	memory_store_end_restores(r->bucket, false);
}

/* That nobody answers for once is no end of the waiting. */
static void test_outage(void **state)
{
	struct rig *r = *state;

	rig_put_class(r, "f", "abc", "GLACIER", NULL);
	assert_int_equal(rig_there(r, "f"), 0);
	rig_hook(r, "RestoreObject f", end_well, 1);
	rig_fail(r, "HeadObject f", RIG_BEFORE, -ECONNREFUSED, 2);
	thaws(r, "thaw f wait\n", 0, "\tasked = 1\n");
	says("\trestored = 1\n\tfailed = 0\n");
}

static void end_in_vain(struct rig *r)
{
	memory_store_end_restores(r->bucket, true);
}

static void test_in_vain(void **state)
{
	struct rig *r = *state;

	rig_put_class(r, "f", "abc", "GLACIER", NULL);
	rig_hook(r, "RestoreObject f", end_in_vain, 8);
	thaws(r, "thaw f wait\n", -EIO, "thaw: 1 failed: f: asked for 2 times");
	says("\tstate = failed\n");
	says("\tfailed = 1\n");
	assert_int_equal(rig_count(r, "RestoreObject"), 3);
}

/* Whoever waits can give up: the mount ends at once, too. */
static void test_given_up(void **state)
{
	struct rig *r = *state;
	struct control_session *s;

	rig_put_class(r, "f", "abc", "GLACIER", NULL);
	assert_int_equal(control_open(r->f.v->control, &s), 0);
	assert_int_equal(control_write(s, "thaw f wait\n", 12), 0);
	while (rig_count(r, "HeadObject f") < 3)
		usleep(1000);
	control_close(s);
	assert_int_equal(rig_count(r, "RestoreObject"), 1);
}

static void test_failures(void **state)
{
	struct rig *r = *state;

	rig_put_class(r, "d/a", "abc", "GLACIER", NULL);
	rig_put_class(r, "d/b", "abc", "GLACIER", NULL);
	rig_fail(r, "RestoreObject d/a", RIG_BEFORE, -EACCES, 1);
	thaws(r, "thaw d\n", -EIO, "thaw: 1 failed: d/a: RestoreObject: ");
	says("\tstate = failed\n");
	says("\terror = ");
	says("\tasked = 1\n");
	rig_fail(r, "HeadObject d/b", RIG_BEFORE, -ECONNREFUSED, 1);
	thaws(r, "thaw d\n", -EIO, "thaw: 1 failed: d/b: HeadObject: ");
	rig_put_class(r, "f", "abc", "GLACIER", NULL);
	rig_fail(r, "RestoreObject f", RIG_BEFORE, -EOPNOTSUPP, 1);
	thaws(r, "thaw f\n", -EOPNOTSUPP,
	      "thaw: f: not supported by this server: RestoreObject: ");
	/* Of a tree as many are asked for as are under way at once. */
	for (char name[] = "e/a"; name[2] <= 'z'; name[2]++)
		rig_put_class(r, name, "abc", "GLACIER", NULL);
	rig_forget_requests(r);
	rig_fail(r, "RestoreObject", RIG_BEFORE, -EOPNOTSUPP, 100);
	thaws(r, "thaw e wait\n", -EOPNOTSUPP, "not supported by this server");
	assert_in_range(rig_count(r, "RestoreObject"), 1, 8);
	rig_fail(r, "", RIG_BEFORE, 0, 0);
	/* It changes no version: where nothing may be changed, too. */
	r->f.v->mount->config.read_only = true;
	thaws(r, "thaw f\n", 0, "\tasked = 1\n");
	r->f.v->mount->config.read_only = false;
}

static void test_refused(void **state)
{
	static const struct {
		const char *line;
		int rc;
		const char *has;
	} cases[] = {
		{"thaw\n", -EINVAL, "usage: thaw PATH"},
		{"thaw f days=0\n", -EINVAL, "days=0: want a number of days"},
		{"thaw f days=\n", -EINVAL, "days=: want a number of days"},
		{"thaw f days=7d\n", -EINVAL, "days=7d: want"},
		{"thaw f days=99999\n", -EINVAL, "days=99999: want"},
		{"thaw f tier=fast\n", -EINVAL, "tier=fast: want tier="},
		{"thaw f soon\n", -EINVAL, "soon: want days=N, tier="},
		{"thaw nowhere\n", -ENOENT, "thaw: nowhere: there is no such"},
	};
	struct rig *r = *state;

	rig_put_class(r, "f", "abc", "GLACIER", NULL);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		thaws(r, cases[i].line, cases[i].rc, cases[i].has);
	assert_int_equal(rig_count(r, "RestoreObject"), 0);
	/* What is not in the bucket yet is not archived. */
	rig_write(r, "new", "new");
	thaws(r, "thaw new\n", 0, "\tarchived = 0\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_TEST(test_file),	 RIG_TEST(test_tree),
		RIG_TEST(test_version),	 RIG_TEST(test_wait),
		RIG_TEST(test_outage),	 RIG_TEST(test_in_vain),
		RIG_TEST(test_given_up), RIG_TEST(test_failures),
		RIG_TEST(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
