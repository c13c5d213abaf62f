/* SPDX-License-Identifier: Apache-2.0 */
/* Uploads that go on where they stopped, and those that are given up. */
#include "../vfs_rig.h"

#include <unistd.h>

#include "../../../src/sync/upload_record.h"
#include "../../../src/sync/syncer_impl.h"
#include "vers3/core/mount.h"
#include "vers3/meta/dentry.h"

#define MIB (UINT64_C(1) << 20)

/* A try that ends at this request. */
static void fail_at(struct rig *r, const char *request)
{
	uint64_t left;

	rig_fail(r, request, RIG_BEFORE, -EIO, 1);
	assert_int_equal(rig_try_sync(r, &left), -EIO);
}

/* A part that fails is sent again, and no other. */
static void test_part_fails(void **state)
{
	struct rig *r = *state;
	unsigned char *data = rig_bytes(3, 20 * MIB);

	rig_write_bytes(r, "f", data, 20 * MIB);
	fail_at(r, "UploadPart f 2");
	rig_holds(r, "f", NULL);
	rig_sync(r);
	assert_int_equal(rig_count(r, "CreateMultipartUpload f"), 1);
	assert_int_equal(rig_count(r, "UploadPart f"), 4);
	rig_holds_bytes(r, "f", data, 20 * MIB);
	assert_int_equal(rig_versions(r, "f"), 1);
	assert_int_equal(rig_uploads(r), 0);
	free(data);
}

static uint64_t find_locked(struct meta *meta, const char *path)
{
	uint64_t ino = 0;

	assert_int_equal(meta_resolve(meta, path, &ino), 0);
	return ino;
}

static void expect_no_uploads(struct rig *r)
{
	for (int i = 0; rig_uploads(r) && i < 500; i++)
		usleep(10000);
	assert_int_equal(rig_uploads(r), 0);
}

/* After a kill the next mount goes on where this one stopped. */
static void test_resumed(void **state)
{
	struct rig *r = *state;
	unsigned char *data = rig_bytes(7, 20 * MIB);

	rig_write_bytes(r, "f", data, 20 * MIB);
	fail_at(r, "UploadPart f 3");
	rig_restart(r);
	rig_sync(r);
	assert_int_equal(rig_count(r, "CreateMultipartUpload f"), 0);
	assert_int_equal(rig_count(r, "UploadPart f"), 1);
	rig_holds_bytes(r, "f", data, 20 * MIB);
	assert_int_equal(rig_versions(r, "f"), 1);
	free(data);
}

/* Nothing stays behind of a file that is deleted, renamed or made small. */
static void test_abandoned(void **state)
{
	struct rig *r = *state;
	unsigned char *data = rig_bytes(8, 20 * MIB);
	struct vfs_file *file;

	for (int i = 0; i < 3; i++) {
		rig_write_bytes(r, "f", data, 20 * MIB);
		fail_at(r, "UploadPart f 2");
		assert_int_equal(rig_uploads(r), 1);
		if (i == 0) {
			rig_unlink(r, "f");
		} else if (i == 1) {
			rig_rename(r, "f", "g");
			rig_sync(r);
			rig_holds_bytes(r, "g", data, 20 * MIB);
		} else {
			file = rig_open(r, "f", O_WRONLY | O_TRUNC);
			rig_pwrite(r, file, 0, "x", 1);
			vfs_release(r->f.v, file);
			rig_sync(r);
			rig_holds(r, "f", "x");
		}
		expect_no_uploads(r);
	}
	free(data);
}

/* Aborting what is left over from before keeps nothing waiting. */
static void test_leftovers(void **state)
{
	struct rig *r = *state;
	unsigned char *data = rig_bytes(13, 20 * MIB);
	char name[] = "a";

	/* Noted, begun, and nothing else of them is known any more. */
	for (; *name < 'd'; ++*name) {
		rig_write_bytes(r, name, data, 20 * MIB);
		fail_at(r, "UploadPart");
		assert_int_equal(meta_lock(r->f.v->mount->meta), 0);
		upload_record_forget_locked(r->f.v->mount->meta,
					    find_locked(r->f.v->mount->meta,
							name));
		meta_unlock(r->f.v->mount->meta);
		rig_unlink(r, name);
	}
	assert_int_equal(rig_uploads(r), 3);
	rig_gate(r, "AbortMultipartUpload", RIG_BEFORE);
	alarm(60);
	rig_restart(r);
	rig_wait_held(r);
	rig_write(r, "f", "one");
	rig_sync(r);
	rig_holds(r, "f", "one");
	/* The mount's end waits for the one under way, and not for the rest. */
	upload_ending(r->f.v->syncer->upload);
	rig_gate(r, NULL, RIG_BEFORE);
	while (rig_uploads(r) > 2)
		usleep(1000);
	usleep(100000); /* time for one that must not be sent */
	assert_int_equal(rig_uploads(r), 2);
	rig_restart(r);
	expect_no_uploads(r);
	alarm(0);
	free(data);
}

/* What stands at a place of the staging file is not what stood there once. */
static void test_staged_anew(void **state)
{
	struct rig *r = *state;
	unsigned char *data = rig_bytes(9, 20 * MIB);
	struct vfs_file *file;

	rig_write_bytes(r, "f", data, 20 * MIB);
	fail_at(r, "UploadPart f 2");
	file = rig_open(r, "f", O_WRONLY | O_TRUNC);
	vfs_release(r->f.v, file);
	rig_sync(r);
	rig_holds(r, "f", "");
	for (int i = 0; rig_dirty(r) && i < 500; i++)
		usleep(10000);
	memset(data, 7, 20 * MIB);
	rig_write_bytes(r, "f", data, 20 * MIB);
	rig_sync(r);
	rig_holds_bytes(r, "f", data, 20 * MIB);
	free(data);
}

/* An upload that somebody else has aborted begins anew. */
static void test_aborted_by_others(void **state)
{
	struct rig *r = *state;
	unsigned char *data = rig_bytes(10, 20 * MIB);
	uint64_t left;

	rig_write_bytes(r, "f", data, 20 * MIB);
	fail_at(r, "CompleteMultipartUpload f");
	rig_abort_uploads(r);
	while (rig_try_sync(r, &left) || left)
		;
	assert_int_equal(rig_count(r, "CreateMultipartUpload f"), 2);
	rig_holds_bytes(r, "f", data, 20 * MIB);
	free(data);
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		RIG_TEST(test_part_fails),
		RIG_TEST(test_resumed),
		RIG_TEST(test_abandoned),
		RIG_TEST_UNVERSIONED(test_abandoned),
		RIG_TEST(test_leftovers),
		RIG_TEST(test_staged_anew),
		RIG_TEST(test_aborted_by_others),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
