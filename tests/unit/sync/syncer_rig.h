/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of the syncer share. */
#ifndef VERS3_TESTS_UNIT_SYNC_SYNCER_RIG_H
#define VERS3_TESTS_UNIT_SYNC_SYNCER_RIG_H

#include "../vfs_rig.h"

/* Names are known and stay so: requests are the syncer's alone. */
static inline int keep_names(struct rig *r)
{
	char names[4096];

	r->f.config.ttl_ns = 600 * NS_PER_S;
	rig_restart(r);
	assert_int_equal(rig_list(r, "", false, names, sizeof(names)), 0);
	rig_forget_requests(r);
	return 0;
}

static inline int setup(void **state)
{
	return rig_setup(state) || keep_names(*state);
}

static inline int setup_unversioned(void **state)
{
	return rig_setup_unversioned(state) || keep_names(*state);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, rig_teardown)
#define TEST_UNVERSIONED(fn)                                                   \
	cmocka_unit_test_setup_teardown(fn, setup_unversioned, rig_teardown)

static inline void wait_clean(struct rig *r)
{
	for (int i = 0; rig_dirty(r) && i < 1000; i++)
		usleep(10000);
	assert_int_equal(rig_dirty(r), 0);
}

#endif
