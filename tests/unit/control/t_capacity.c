/* SPDX-License-Identifier: Apache-2.0 */
/* What df is told: the server's words, quota=, or that nobody knows. */
#include "../vfs_rig.h"

#define MIB (UINT64_C(1) << 20)

static void bucket_says(struct rig *r, const char *name, const char *value)
{
	assert_int_equal(memory_store_set_header(r->bucket, name, value), 0);
}

/* In MiB; asked twice, as the first answer may be what was known before. */
static void has(struct rig *r, uint64_t size, uint64_t left)
{
	struct statvfs st;

	for (int tries = 0;; tries++) {
		assert_int_equal(vfs_statfs(r->f.v, &st), 0);
		if ((st.f_blocks * st.f_frsize == size * MIB &&
		     st.f_bavail * st.f_frsize == left * MIB) ||
		    tries == 1000)
			break;
		usleep(10000);
	}
	assert_int_equal(st.f_blocks * st.f_frsize, size * MIB);
	assert_int_equal(st.f_bavail * st.f_frsize, left * MIB);
	assert_int_equal(st.f_bfree, st.f_bavail);
	assert_true(st.f_blocks <= UINT32_MAX);
}

/* The same of how many files there may be. */
static void has_files(struct rig *r, uint64_t count, uint64_t left)
{
	struct statvfs st;

	for (int tries = 0;; tries++) {
		assert_int_equal(vfs_statfs(r->f.v, &st), 0);
		if ((st.f_files == count && st.f_ffree == left) ||
		    tries == 1000)
			break;
		usleep(10000);
	}
	assert_int_equal(st.f_files, count);
	assert_int_equal(st.f_ffree, left);
}

static void write_mib(struct rig *r, size_t mib)
{
	unsigned char *data = rig_bytes(1, mib * MIB);

	rig_write_bytes(r, "f", data, mib * MIB);
	free(data);
}

#define PIB_MIB (UINT64_C(1) << 30)

static void test_nobody_knows(void **state)
{
	struct rig *r = *state;

	has(r, PIB_MIB, PIB_MIB);
	has(r, PIB_MIB, PIB_MIB);
	/* Who does not say it is not asked for it all the time. */
	assert_int_equal(rig_count(r, "HeadBucket"), 1);
}

static void test_quota(void **state)
{
	struct rig *r = *state;

	r->f.config.quota_bytes = 64 * MIB;
	rig_restart(r);
	has(r, 64, 64);
	write_mib(r, 3);
	has(r, 64, 61);
	rig_sync(r);
	has(r, 64, 64);
}

static void test_server_knows(void **state)
{
	struct rig *r = *state;

	bucket_says(r, "x-rgw-bytes-used", "5242880");
	bucket_says(r, "x-rgw-object-count", "7");
	bucket_says(r, "x-rgw-quota-bucket-size", "-1");
	bucket_says(r, "x-rgw-quota-user-size", "-1");
	has(r, PIB_MIB, PIB_MIB - 5);
	bucket_says(r, "x-rgw-quota-bucket-size", "10485760");
	has(r, 10, 5);
	bucket_says(r, "x-rgw-quota-user-size", "8388608");
	has(r, 8, 3);
	/* What is not there yet will be. */
	write_mib(r, 1);
	has(r, 8, 2);
	/* More than 32 bits of small blocks. */
	bucket_says(r, "x-rgw-quota-user-size", "-1");
	bucket_says(r, "x-rgw-quota-bucket-size", "1099511627776000");
	has(r, UINT64_C(1048576000), UINT64_C(1048576000) - 6);
	bucket_says(r, "x-rgw-quota-bucket-size", "1");
	has(r, 0, 0);
	/* Nonsense says nothing. */
	bucket_says(r, "x-rgw-quota-bucket-size", "12x");
	bucket_says(r, "x-rgw-quota-user-objects", "10");
	has(r, PIB_MIB, PIB_MIB - 6);
	has_files(r, 10, 3);
}

/* A server that is away: what it said last. */
static void test_outage(void **state)
{
	struct rig *r = *state;

	bucket_says(r, "x-rgw-bytes-used", "1048576");
	bucket_says(r, "x-rgw-quota-bucket-size", "4194304");
	has(r, 4, 3);
	rig_fail(r, "HeadBucket", RIG_BEFORE, -EIO, 1000);
	for (int i = 0; i < 20; i++)
		has(r, 4, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_TEST(test_nobody_knows),
		RIG_TEST(test_quota),
		RIG_TEST(test_server_knows),
		RIG_TEST(test_outage),
	};

	return cmocka_run_group_tests_name("capacity", tests, NULL, NULL);
}
