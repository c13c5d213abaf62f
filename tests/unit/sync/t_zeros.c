/* SPDX-License-Identifier: Apache-2.0 */
/* Holes are copied by the server, from objects of zeros. */
#include "../vfs_rig.h"

#include "../../../src/sync/zeros.h"
#include "vers3/core/mount.h"

#include "../object/sparse_rig.h"

#define BIG (100 * MIB)

/* A hundred MiB with three of data; *ret_bytes is what it holds, owned. */
static void make_islands(struct rig *r, const char *path,
			 unsigned char **ret_bytes)
{
	static const uint64_t places[] = {9 * MIB, 50 * MIB, 77 * MIB + 5};
	struct vfs_file *file = rig_open(r, path, O_CREAT | O_RDWR);

	*ret_bytes = calloc(1, BIG);
	assert_non_null(*ret_bytes);
	set_size(r, path, BIG);
	for (size_t i = 0; i < 3; i++) {
		unsigned char *data = rig_bytes(i + 1, MIB);

		memcpy(*ret_bytes + places[i], data, MIB);
		rig_pwrite(r, file, places[i], data, MIB);
		free(data);
	}
	vfs_release(r->f.v, file);
}

static uint64_t sent_bytes(struct rig *r)
{
	struct syncer_stats stats;

	syncer_read_stats(r->f.v->syncer, &stats);
	return stats.sent_bytes;
}

/* Parts that are holes are copied from 8 MiB of zeros that are sent once. */
static void test_copied(void **state)
{
	struct rig *r = *state;
	struct vfs_file *file;
	unsigned char *bytes;

	make_islands(r, "f", &bytes);
	rig_forget_requests(r);
	rig_sync(r);
	rig_holds_bytes(r, "f", bytes, BIG);
	assert_int_equal(rig_count(r, "PutObject .versions/zeros-"), 1);
	assert_int_equal(rig_count(r, "UploadPart f"), 3);
	assert_int_equal(rig_count(r, "UploadPartCopy f"), 10);
	assert_int_equal(sent_bytes(r), 3 * 8 * MIB);
	/* What is done again costs an island. */
	rig_forget(r);
	rig_forget_requests(r);
	bytes[20 * MIB] = 1;
	file = rig_open(r, "f", O_RDWR);
	rig_pwrite(r, file, 20 * MIB, "\1", 1);
	vfs_release(r->f.v, file);
	rig_sync(r);
	rig_holds_bytes(r, "f", bytes, BIG);
	assert_int_equal(rig_count(r, "UploadPart f"), 1);
	rig_forget(r);
	rig_forget_requests(r);
	free(bytes);
	make_islands(r, "g", &bytes);
	rig_sync(r);
	rig_holds_bytes(r, "g", bytes, BIG);
	assert_int_equal(rig_count(r, "PutObject .versions/zeros-"), 0);
	free(bytes);
}

/* What is there and is none, or is refused: zeros are sent. */
static void test_not_copied(void **state)
{
	struct rig *r = *state;
	unsigned char *bytes, *other = rig_bytes(7, 8 * MIB);

	rig_put(r, ".versions/zeros-8388608", other, 8 * MIB);
	free(other);
	make_islands(r, "f", &bytes);
	rig_sync(r);
	rig_holds_bytes(r, "f", bytes, BIG);
	assert_int_equal(sent_bytes(r), BIG);
	free(bytes);
	rig_remove(r, ".versions/zeros-8388608");
	rig_restart(r);
	rig_fail(r, "UploadPartCopy g", RIG_BEFORE, -EACCES, 1000);
	make_islands(r, "g", &bytes);
	rig_sync(r);
	rig_holds_bytes(r, "g", bytes, BIG);
	rig_restart(r);
	rig_fail(r, "PutObject .versions", RIG_BEFORE, -EACCES, 1);
	free(bytes);
	rig_remove(r, ".versions/zeros-8388608");
	make_islands(r, "h", &bytes);
	rig_sync(r);
	rig_holds_bytes(r, "h", bytes, BIG);
	free(bytes);
}

static void put_theirs(struct rig *r)
{
	rig_put_text(r, ".versions/zeros-8388608", "theirs");
}

/* What others have put there, before the look for it or after, stays. */
static void test_theirs(void **state)
{
	struct rig *r = *state;

	for (int later = 0; later < 2; later++) {
		unsigned char *bytes;

		if (later)
			rig_hook(r, "HeadObject .versions", put_theirs, 1);
		else
			put_theirs(r);
		make_islands(r, "f", &bytes);
		rig_sync(r);
		rig_holds_bytes(r, "f", bytes, BIG);
		rig_holds(r, ".versions/zeros-8388608", "theirs");
		free(bytes);
		rig_unlink(r, "f");
		rig_sync(r);
		rig_remove(r, ".versions/zeros-8388608");
		rig_restart(r);
	}
}

/* No file shows them, and where they would stay, or be seen, there are none. */
static void test_zeros_stay(void **state)
{
	struct rig *r = *state;
	unsigned char *bytes;

	make_islands(r, "f", &bytes);
	rig_sync(r);
	free(bytes);
	rig_lists(r, "", "f");
	rig_lists(r, ".versions", "f/");
	assert_int_equal(rig_there(r, ".versions/zeros-8388608"), -ENOENT);
	rig_remove(r, ".versions/zeros-8388608");
	for (int i = 0; i < 2; i++) {
		r->f.config.caps.retains = !i;
		r->f.config.versions_name = i ? "" : NULL;
		rig_restart(r);
		rig_forget_requests(r);
		make_islands(r, "g", &bytes);
		rig_sync(r);
		rig_holds_bytes(r, "g", bytes, BIG);
		free(bytes);
		assert_int_equal(rig_count(r, "UploadPartCopy"), 0);
		assert_int_equal(rig_count(r, "PutObject .versions"), 0);
		assert_int_equal(rig_count(r, "PutObject zeros"), 0);
		rig_unlink(r, "g");
		rig_sync(r);
	}
}

/* What keeps zeros from being copied or made keeps no file from being saved. */
static void test_failing(void **state)
{
	static const struct {
		const char *match;
		int error;
	} tries[] = {
		{"UploadPartCopy f", -EREMOTE},
		{"UploadPartCopy f", -ERANGE},
		{"PutObject .versions", -EBUSY},
	};
	struct rig *r = *state;

	for (size_t i = 0; i < sizeof(tries) / sizeof(*tries); i++) {
		unsigned char *bytes;

		rig_fail(r, tries[i].match, RIG_BEFORE, tries[i].error, 1000);
		make_islands(r, "f", &bytes);
		rig_sync(r);
		rig_holds_bytes(r, "f", bytes, BIG);
		free(bytes);
		rig_fail(r, tries[i].match, RIG_BEFORE, 0, 0);
		rig_unlink(r, "f");
		rig_sync(r);
		rig_restart(r);
	}
}

/* Somebody removes the zeros under an upload. */
static void remove_zeros(struct rig *r)
{
	rig_remove(r, ".versions/zeros-8388608");
}

static void test_zeros_go(void **state)
{
	struct rig *r = *state;
	unsigned char *bytes;

	make_islands(r, "f", &bytes);
	rig_hook(r, "UploadPartCopy f", remove_zeros, 2);
	rig_sync(r);
	rig_holds_bytes(r, "f", bytes, BIG);
	free(bytes);
}

/* A failure in the midst, and a kill: nothing is sent twice. */
static void test_resumed(void **state)
{
	struct rig *r = *state;
	unsigned char *bytes;
	uint64_t left;

	make_islands(r, "f", &bytes);
	rig_fail(r, "CompleteMultipartUpload f", RIG_BEFORE, -EIO, 1);
	rig_try_sync(r, &left);
	rig_kill(r);
	rig_forget_requests(r);
	rig_sync(r);
	rig_holds_bytes(r, "f", bytes, BIG);
	assert_int_equal(rig_count(r, "UploadPart"), 0);
	free(bytes);
}

/* What larger zeros were to be made of has gone: it is made again. */
static void check_made_again(struct rig *r, struct zeros *z,
			     struct store_request *q)
{
	remove_zeros(r);
	rig_remove(r, ".versions/zeros-16777216");
	rig_remove(r, ".versions/zeros-33554432");
	assert_int_equal(zeros_copy(z, q, 20 * MIB, 100 * MIB), -EOPNOTSUPP);
	assert_int_equal(zeros_copy(z, q, 8 * MIB, 100 * MIB), 0);
	remove_zeros(r);
	assert_int_equal(zeros_copy(z, q, 20 * MIB, 100 * MIB), -EOPNOTSUPP);
	assert_int_equal(zeros_copy(z, q, 20 * MIB, 100 * MIB), 0);
}

/* Larger parts come from larger objects, which the server has put together. */
static void test_doubled(void **state)
{
	struct rig *r = *state;
	struct store_part part = {.number = 1};
	char key[META_KEY_MAX + 1], *id, *etag;
	unsigned char *bytes = calloc(1, 20 * MIB);
	struct store_request q;
	struct zeros *z;

	assert_non_null(bytes);
	assert_int_equal(zeros_new(r->f.v->syncer, &z), 0);
	assert_int_equal(mount_key(r->f.v->mount, "f", key), 0);
	store_request_init(&q, STORE_CREATE_UPLOAD);
	q.key = key;
	assert_int_equal(store_call(r->f.v->mount->store, &q), 0);
	id = strdup(q.reply.upload_id);
	store_request_release(&q);
	store_request_init(&q, STORE_COPY_PART);
	q.key = key;
	q.upload_id = id;
	q.part_number = 1;
	rig_forget_requests(r);
	assert_int_equal(zeros_copy(z, &q, 20 * MIB, 20 * MIB), -EOPNOTSUPP);
	assert_int_equal(zeros_copy(z, &q, 20 * MIB, 100 * MIB), 0);
	assert_int_equal(rig_count(r, "PutObject"), 1);
	assert_int_equal(rig_count(r, "UploadPart .versions"), 0);
	check_made_again(r, z, &q);
	etag = strdup(q.reply.object.etag);
	part.etag = etag;
	store_request_release(&q);
	store_request_init(&q, STORE_COMPLETE_UPLOAD);
	q.key = key;
	q.upload_id = id;
	q.parts = &part;
	q.part_count = 1;
	assert_int_equal(store_call(r->f.v->mount->store, &q), 0);
	store_request_release(&q);
	rig_holds_bytes(r, "f", bytes, 20 * MIB);
	assert_int_equal(rig_uploads(r), 0);
	zeros_free(z);
	free(bytes);
	free(etag);
	free(id);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_TEST(test_copied),
		RIG_TEST(test_not_copied),
		RIG_TEST_UNVERSIONED(test_copied),
		RIG_TEST(test_zeros_stay),
		RIG_TEST(test_zeros_go),
		RIG_TEST(test_resumed),
		RIG_TEST(test_doubled),
		RIG_TEST(test_failing),
		RIG_TEST_UNVERSIONED(test_theirs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
