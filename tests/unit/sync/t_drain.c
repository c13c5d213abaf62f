/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an unmount says of what it has sent. The cache's disk is made to fail
 * by a limit on the size of files: every write to the namespace is beyond it.
 */
#include "../vfs_rig.h"

#include <signal.h>
#include <sys/resource.h>

#include "vers3/util/log.h"

static void limit_files(rlim_t bytes)
{
	struct rlimit limit;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = bytes;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static int teardown(void **state)
{
	limit_files(RLIM_INFINITY);
	return rig_teardown(state);
}

static void test_all_sent(void **state)
{
	struct rig *r = *state;

	rig_write(r, "a", "1");
	assert_int_equal(vfs_drain(r->f.v), 0);
	rig_holds(r, "a", "1");
}

static void test_key_refused(void **state)
{
	struct rig *r = *state;

	rig_write(r, "a", "1");
	rig_write(r, "b", "1");
	rig_fail(r, "PutObject a", RIG_BEFORE, -EACCES, 1000);
	assert_int_equal(vfs_drain(r->f.v), 1);
	rig_holds(r, "b", "1");
	rig_fail(r, "", RIG_BEFORE, 0, 0);
}

/* A namespace that has failed knows of nothing left: that is not "all". */
static void test_disk_failed(void **state)
{
	struct rig *r = *state;

	log_set_level(LOG_LEVEL_ERROR);
	rig_sync(r);
	rig_write(r, "a", "1");
	limit_files(4096);
	assert_true(vfs_drain(r->f.v) < 0);
	assert_true(vfs_drain(r->f.v) < 0);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, rig_setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_all_sent),
		TEST(test_key_refused),
		TEST(test_disk_failed),
	};

	signal(SIGXFSZ, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
