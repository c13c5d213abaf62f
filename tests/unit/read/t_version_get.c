/* SPDX-License-Identifier: Apache-2.0 */
/* What was read is what the version holds, or it is not delivered. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>

#include "reader_rig.h"
#include "vers3/core/version.h"
#include "vers3/util/log.h"

static void test_truncated_is_never_cached(void **state)
{
	struct meta_version big, small;
	struct reader_stats stats;
	struct rig rig;
	char *buf = malloc(8 * MIB);

	(void)state;
	assert_non_null(buf);
	rig_start(&rig, true, 256 * MIB);
	rig_put(&rig, "big", 20 * MIB, 1, NULL, &big);
	rig_put(&rig, "small", 3 * MIB, 2, NULL, &small);

	rig.fault =
		(struct fault_decision){.kind = FAULT_CUT, .cut_bytes = 100000};
	assert_int_equal(rig_read(&rig, &big, NULL, 1, 5 * MIB, 10), -EIO);
	assert_int_equal(rig_read(&rig, &small, NULL, 2, 0, 10), -EIO);
	/* Here whole blocks come before the cut. */
	rig.fault.cut_bytes = 3 * MIB + 5;
	assert_int_equal(reader_read_sync(rig.reader, &big, 8 * MIB, buf,
					  8 * MIB),
			 -EIO);
	assert_int_equal(rig_cached(&rig, &big), 0);
	assert_int_equal(rig_cached(&rig, &small), 0);

	rig.fault.kind = FAULT_NONE;
	rig_lie(&rig, LIE_SHORT, 2, 0);
	assert_int_equal(rig_read(&rig, &big, NULL, 1, 5 * MIB, 10), -EIO);
	assert_int_equal(rig_read(&rig, &small, NULL, 2, 0, 10), -EIO);
	assert_int_equal(rig_cached(&rig, &big), 0);
	assert_int_equal(rig_cached(&rig, &small), 0);
	reader_read_stats(rig.reader, &stats);
	assert_int_equal(stats.failed_gets, 5);

	assert_int_equal(rig_read(&rig, &big, NULL, 1, 5 * MIB, 10), 0);
	assert_int_equal(rig_read(&rig, &small, NULL, 2, 0, 10), 0);
	rig_wait_cached(&rig, &big, 1);
	rig_stop(&rig);
	free(buf);
}

static void test_wrong_md5_is_never_delivered(void **state)
{
	struct meta_version v, kms;
	struct kvlist headers;
	struct got got;
	struct rig rig;
	uint64_t len;

	(void)state;
	rig_start(&rig, true, 256 * MIB);
	rig_put(&rig, "file", 3 * MIB, 9, NULL, &v);

	rig_lie(&rig, LIE_FLIP, 2, 0);
	assert_int_equal(rig_read(&rig, &v, NULL, 9, 0, 4096), -EIO);
	assert_int_equal(rig_gets(&rig), 2);
	assert_int_equal(rig_cached(&rig, &v), 0);

	rig_lie(&rig, LIE_FLIP, 1, 0);
	assert_int_equal(rig_read(&rig, &v, NULL, 9, 0, 3 * MIB), 0);
	assert_int_equal(rig_gets(&rig), 2);
	rig_wait_cached(&rig, &v, 3);

	/* The ETag of what KMS encrypted is no MD5: nothing to compare. */
	kvlist_init(&headers);
	assert_int_equal(kvlist_add(&headers, "x-amz-server-side-encryption",
				    "aws:kms"),
			 0);
	rig_put(&rig, "kms", 3 * MIB, 9, &headers, &kms);
	rig_lie(&rig, LIE_FLIP, 1, 0);
	got_start(&got, &rig, &kms, NULL, 9, 0, 4096);
	assert_int_equal(got_wait(&got, &len), 0);
	assert_int_equal(rig_gets(&rig), 1);
	kvlist_release(&headers);
	rig_stop(&rig);
}

/* A check of the whole tells damage where the ETag cannot. */
static void test_wrong_checksum_is_never_delivered(void **state)
{
	static const char *const algorithms[][2] = {
		/* Of 3 MiB of seed 9; another type's is of no body. */
		{"x-amz-checksum-crc32", "FULL_OBJECT"},
		{"x-amz-checksum-crc32c", "FULL_OBJECT"},
		{"x-amz-checksum-crc64nvme", "FULL_OBJECT"},
		{"x-amz-checksum-crc32", "COMPOSITE"},
	};
	static const enum crc_kind kinds[] = {CRC_32, CRC_32C, CRC_64NVME,
					      CRC_32};
	struct meta_version v;
	struct rig rig;

	(void)state;
	rig_start(&rig, true, 256 * MIB);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		bool whole = algorithms[i][1][0] == 'F';
		char text[CRC_TEXT_SIZE], name[16];
		struct kvlist headers;

		snprintf(name, sizeof(name), "file%zu", i);
		rig_crc(kinds[i], 9, 3 * MIB, text);
		kvlist_init(&headers);
		assert_int_equal(kvlist_add(&headers,
					    "x-amz-server-side-encryption",
					    "aws:kms"),
				 0);
		assert_int_equal(kvlist_add(&headers, algorithms[i][0], text),
				 0);
		assert_int_equal(kvlist_add(&headers, "x-amz-checksum-type",
					    algorithms[i][1]),
				 0);
		rig_put(&rig, name, 3 * MIB, 9, &headers, &v);
		rig_lie(&rig, LIE_FLIP, 2, 0);
		if (whole)
			assert_int_equal(rig_read(&rig, &v, NULL, 9, 0, 4096),
					 -EIO);
		else
			assert_int_equal(rig_read(&rig, &v, NULL, 9, 0, 4096),
					 0);
		assert_int_equal(rig_gets(&rig), whole ? 2 : 1);
		if (whole) {
			assert_int_equal(rig_cached(&rig, &v), 0);
			rig_lie(&rig, LIE_NONE, 0, 0);
			assert_int_equal(
				rig_read(&rig, &v, NULL, 9, 0, 3 * MIB), 0);
		}
		kvlist_release(&headers);
	}
	rig_stop(&rig);
}

/* Where a server's checksum is wrong and its ETag is right, the bytes are. */
static void test_wrong_checksum_of_right_bytes(void **state)
{
	struct meta_version v;
	struct kvlist headers;
	struct rig rig;

	(void)state;
	rig_start(&rig, true, 256 * MIB);
	kvlist_init(&headers);
	assert_int_equal(
		kvlist_add(&headers, "x-amz-checksum-crc32", "AAAAAA=="), 0);
	rig_put(&rig, "file", 3 * MIB, 9, &headers, &v);
	assert_int_equal(rig_read(&rig, &v, NULL, 9, 0, 3 * MIB), 0);
	rig_wait_cached(&rig, &v, 3);
	kvlist_release(&headers);
	rig_stop(&rig);
}

/* What nothing tells the check of is given as it comes. */
static void test_waits_for_checks_alone(void **state)
{
	struct meta_version plain, checked;
	char text[CRC_TEXT_SIZE];
	struct kvlist headers;
	struct rig rig;

	(void)state;
	rig_start(&rig, true, 256 * MIB);
	kvlist_init(&headers);
	assert_int_equal(kvlist_add(&headers, "x-amz-server-side-encryption",
				    "aws:kms"),
			 0);
	rig_put(&rig, "plain", 3 * MIB, 9, &headers, &plain);
	rig_crc(CRC_32C, 9, 3 * MIB, text);
	assert_int_equal(kvlist_add(&headers, "x-amz-checksum-crc32c", text),
			 0);
	rig_put(&rig, "checked", 3 * MIB, 9, &headers, &checked);
	rig.fault = (struct fault_decision){.kind = FAULT_CUT,
					    .cut_bytes = MIB + 5};
	assert_int_equal(rig_read(&rig, &plain, NULL, 9, 0, 4096), 0);
	assert_int_equal(rig_read(&rig, &plain, NULL, 9, MIB, 4096), -EIO);
	assert_int_equal(rig_read(&rig, &checked, NULL, 9, 0, 4096), -EIO);
	kvlist_release(&headers);
	rig_stop(&rig);
}

static void test_no_other_version(void **state)
{
	struct meta_version old, new, nameless;
	struct kvlist kms;
	struct rig rig;

	(void)state;
	/* An overwritten version is still there... */
	rig_start(&rig, true, 256 * MIB);
	rig_put(&rig, "file", 3 * MIB, 1, NULL, &old);
	rig_put(&rig, "file", 3 * MIB, 2, NULL, &new);
	assert_memory_not_equal(old.id, new.id, sizeof(old.id));
	assert_int_equal(rig_read(&rig, &old, NULL, 1, 0, 4096), 0);
	assert_int_equal(rig_read(&rig, &new, NULL, 2, 0, 4096), 0);

	/* ...unless the server overlooks which one was asked for. */
	rig_put(&rig, "liar", 3 * MIB, 1, NULL, &old);
	rig_put(&rig, "liar", 3 * MIB, 2, NULL, &new);
	rig_lie(&rig, LIE_VERSION, 1, 0);
	assert_int_equal(rig_read(&rig, &old, NULL, 1, 0, 4096), -ESTALE);
	assert_int_equal(rig_cached(&rig, &old), 0);

	/* Nor what has no check, and goes to readers block by block. */
	kvlist_init(&kms);
	assert_int_equal(
		kvlist_add(&kms, "x-amz-server-side-encryption", "aws:kms"), 0);
	rig_put(&rig, "liar2", 3 * MIB, 1, &kms, &old);
	rig_put(&rig, "liar2", 3 * MIB, 2, &kms, &new);
	kvlist_release(&kms);
	rig_lie(&rig, LIE_VERSION, 1, 0);
	assert_int_equal(rig_read(&rig, &old, NULL, 1, 0, 4096), -ESTALE);
	assert_int_equal(rig_cached(&rig, &old), 0);

	/* Nothing tells which version this is. */
	nameless = new;
	nameless.version_id[0] = nameless.etag[0] = 0;
	version_set_content_id(&nameless);
	assert_int_equal(rig_read(&rig, &nameless, NULL, 2, 0, 4096), -EIO);
	rig_stop(&rig);

	/* Without versions it is gone. */
	rig_start(&rig, false, 256 * MIB);
	rig_put(&rig, "file", 9 * MIB, 1, NULL, &old);
	assert_int_equal(rig_read(&rig, &old, NULL, 1, 0, 4096), 0);
	rig_put(&rig, "file", 9 * MIB, 2, NULL, &new);
	assert_int_equal(rig_read(&rig, &old, NULL, 1, 2 * MIB, 4096), -ESTALE);
	assert_int_equal(rig_read(&rig, &old, NULL, 1, 0, 4096), 0);
	assert_int_equal(rig_read(&rig, &new, NULL, 2, 0, 4096), 0);
	rig_stop(&rig);
}

static void test_error_then_recovery(void **state)
{
	static const struct {
		enum fault_kind kind;
		int status, error, want;
	} cases[] = {
		{FAULT_REFUSE, 0, 0, -EIO},
		{FAULT_LOST, 0, 0, -EIO},
		{FAULT_STATUS, 403, 0, -EACCES},
		{FAULT_STATUS, 404, 0, -ESTALE},
		{FAULT_STATUS, 412, 0, -ESTALE},
		{FAULT_STATUS, 416, 0, -ESTALE},
		{FAULT_STATUS, 503, 0, -EIO},
		{FAULT_NONE, 0, -ETIMEDOUT, -ETIMEDOUT},
		{FAULT_NONE, 0, -EREMOTE, -EREMOTE},
		{FAULT_NONE, 0, -EHOSTUNREACH, -EIO},
	};
	struct reader_stream stream = {0};
	struct meta_version v;
	struct rig rig;

	(void)state;
	rig_start(&rig, true, 256 * MIB);
	rig_put(&rig, "file", 40 * MIB, 1, NULL, &v);
	for (unsigned i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		uint64_t at = i * 2 * MIB;

		rig.fault = (struct fault_decision){.kind = cases[i].kind,
						    .status = cases[i].status};
		if (cases[i].error)
			rig_lie(&rig, LIE_ERROR, 1, cases[i].error);
		assert_int_equal(rig_read(&rig, &v, NULL, 1, at, 4096),
				 cases[i].want);
		rig.fault.kind = FAULT_NONE;
		assert_int_equal(rig_read(&rig, &v, NULL, 1, at, 4096), 0);
	}
	/* A sequential reader goes on behind what failed. */
	rig_put(&rig, "file", 40 * MIB, 2, NULL, &v);
	for (uint64_t at = 0; at < v.size_bytes; at += MIB / 2) {
		if (at == 4 * MIB)
			rig_lie(&rig, LIE_ERROR, 3, -EHOSTUNREACH);
		for (unsigned try = 0; try < 8; try++)
			if (!rig_read(&rig, &v, &stream, 2, at, MIB / 2))
				break;
		assert_int_equal(rig_read(&rig, &v, &stream, 2, at, MIB / 2),
				 0);
	}
	rig_stop(&rig);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_truncated_is_never_cached),
		cmocka_unit_test(test_wrong_md5_is_never_delivered),
		cmocka_unit_test(test_wrong_checksum_is_never_delivered),
		cmocka_unit_test(test_wrong_checksum_of_right_bytes),
		cmocka_unit_test(test_waits_for_checks_alone),
		cmocka_unit_test(test_no_other_version),
		cmocka_unit_test(test_error_then_recovery),
	};

	/* The failures are meant. */
	log_open("/dev/null", false);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
