/* SPDX-License-Identifier: Apache-2.0 */
/* Files whose parts go up while they are written, and what comes late. */
#include "../vfs_rig.h"

#define MIB  (UINT64_C(1) << 20)
#define SIZE (64 * MIB)
#define TIME INT64_C(1732233008123456789)

/* Waits until so many requests that match were sent. */
static void wait_for(struct rig *r, const char *match, unsigned count)
{
	for (int i = 0; rig_count(r, match) < count && i < 1000; i++)
		usleep(10000);
	assert_true(rig_count(r, match) >= count);
}

static struct vfs_file *write_some(struct rig *r, const char *path,
				   const unsigned char *data, size_t size)
{
	struct vfs_file *file = rig_open(r, path, O_CREAT | O_WRONLY);

	for (size_t at = 0; at < size; at += MIB)
		rig_pwrite(r, file, at, data + at, MIB);
	return file;
}

/* What is remembered of uploads goes when they have ended. */
static void expect_nothing_noted(struct rig *r)
{
	static const char *const heads[] = {"ongoing:", "upload:"};
	struct meta *m = r->f.v->mount->meta;

	assert_int_equal(meta_lock(m), 0);
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(meta_seek(m, META_SYS, heads[i],
					   strlen(heads[i]), strlen(heads[i]),
					   false, NULL, NULL, NULL),
				 -ENOENT);
	meta_unlock(m);
}

static void expect_attrs(struct rig *r, const char *path, uint32_t mode,
			 int64_t mtime_ns)
{
	struct vfs_entry e;

	assert_int_equal(rig_lookup(r, path, &e), 0);
	assert_int_equal(e.st.st_mode, S_IFREG | mode);
	assert_int_equal(e.st.st_mtim.tv_sec * INT64_C(1000000000) +
				 e.st.st_mtim.tv_nsec,
			 mtime_ns);
}

/* The last part but one is sent with the file still open, each part once. */
static void test_while_written(void **state)
{
	struct rig *r = *state;
	unsigned char *data = rig_bytes(1, SIZE);
	struct vfs_file *file = write_some(r, "f", data, SIZE);

	wait_for(r, "UploadPart f", 7);
	rig_holds(r, "f", NULL);
	vfs_release(r->f.v, file);
	rig_chmod(r, "f", 0600);
	rig_utimens(r, "f", TIME);
	rig_sync(r);
	assert_int_equal(rig_count(r, "CreateMultipartUpload f"), 1);
	assert_int_equal(rig_count(r, "UploadPart f"), 8);
	assert_int_equal(rig_count(r, "CopyObject"), 0);
	assert_int_equal(rig_versions(r, "f"), 1);
	rig_holds_bytes(r, "f", data, SIZE);
	expect_nothing_noted(r);
	assert_int_equal(rig_count(r, "GetObjectTagging"), 0);
	expect_attrs(r, "f", 0600, TIME);
	rig_forget(r);
	expect_attrs(r, "f", 0600, TIME);
	free(data);
}

/*
 * What the stream has not sent goes beside what it has on its way, and the end
 * comes after both.
 */
static void test_beside_stream(void **state)
{
	struct rig *r = *state;
	unsigned char *data = rig_bytes(11, SIZE);
	struct vfs_file *file;
	pthread_t thread;

	rig_gate(r, "UploadPart f 3", RIG_BEFORE);
	file = write_some(r, "f", data, SIZE);
	wait_for(r, "UploadPart f", 7);
	rig_wait_held(r);
	vfs_release(r->f.v, file);
	assert_int_equal(pthread_create(&thread, NULL, rig_sync_thread, r), 0);
	wait_for(r, "UploadPart f 8", 1);
	assert_int_equal(rig_count(r, "CompleteMultipartUpload"), 0);
	rig_gate(r, NULL, RIG_BEFORE);
	pthread_join(thread, NULL);
	rig_sync(r);
	assert_int_equal(rig_count(r, "UploadPart f"), 8);
	assert_int_equal(rig_count(r, "CreateMultipartUpload f"), 1);
	rig_holds_bytes(r, "f", data, SIZE);
	assert_int_equal(rig_versions(r, "f"), 1);
	free(data);
}

/* The end comes when the upload is being made: there is no second one. */
static void test_begun_at_end(void **state)
{
	struct rig *r = *state;
	unsigned char *data = rig_bytes(12, SIZE);
	struct vfs_file *file;
	pthread_t thread;

	rig_gate(r, "CreateMultipartUpload f", RIG_AFTER);
	file = write_some(r, "f", data, SIZE);
	rig_wait_held(r);
	vfs_release(r->f.v, file);
	assert_int_equal(pthread_create(&thread, NULL, rig_sync_thread, r), 0);
	usleep(20000); /* time for a second one, which must not be made */
	rig_gate(r, NULL, RIG_BEFORE);
	pthread_join(thread, NULL);
	rig_sync(r);
	assert_int_equal(rig_count(r, "UploadPart f"), 8);
	assert_int_equal(rig_count(r, "CreateMultipartUpload f"), 1);
	rig_holds_bytes(r, "f", data, SIZE);
	expect_nothing_noted(r);
	free(data);
}

/*
 * Under another name what the stream has begun is of no use: all of it has come
 * back before there is another upload.
 */
static void test_renamed_at_end(void **state)
{
	struct rig *r = *state;
	unsigned char *data = rig_bytes(14, SIZE);
	struct vfs_file *file;
	pthread_t thread;

	rig_gate(r, "UploadPart f 3", RIG_BEFORE);
	file = write_some(r, "f", data, SIZE);
	wait_for(r, "UploadPart f", 7);
	rig_wait_held(r);
	vfs_release(r->f.v, file);
	rig_rename(r, "f", "g");
	assert_int_equal(pthread_create(&thread, NULL, rig_sync_thread, r), 0);
	usleep(300000); /* time for one, which must not be made */
	assert_int_equal(rig_count(r, "CreateMultipartUpload g"), 0);
	rig_gate(r, NULL, RIG_BEFORE);
	pthread_join(thread, NULL);
	rig_sync(r);
	assert_int_equal(rig_count(r, "CreateMultipartUpload"), 2);
	rig_holds_bytes(r, "g", data, SIZE);
	for (int i = 0; rig_uploads(r) && i < 1000; i++)
		usleep(10000);
	assert_int_equal(rig_uploads(r), 0);
	free(data);
}

/* A file that is cut while a part past its new end is on its way. */
static void test_cut_beside_stream(void **state)
{
	struct stat st = {.st_size = 20 * MIB}, now;
	struct rig *r = *state;
	unsigned char *data = rig_bytes(13, SIZE);
	struct vfs_file *file;
	pthread_t thread;

	rig_gate(r, "UploadPart f 6", RIG_BEFORE);
	file = write_some(r, "f", data, SIZE);
	wait_for(r, "UploadPart f", 7);
	rig_wait_held(r);
	vfs_release(r->f.v, file);
	assert_int_equal(vfs_setattr(r->f.v, rig_ino(r, "f"), &st, VFS_SET_SIZE,
				     &now),
			 0);
	assert_int_equal(pthread_create(&thread, NULL, rig_sync_thread, r), 0);
	wait_for(r, "UploadPart f 3", 2);
	assert_int_equal(rig_count(r, "CompleteMultipartUpload"), 0);
	rig_gate(r, NULL, RIG_BEFORE);
	pthread_join(thread, NULL);
	rig_sync(r);
	rig_holds_bytes(r, "f", data, 20 * MIB);
	assert_int_equal(rig_versions(r, "f"), 1);
	assert_int_equal(rig_uploads(r), 0);
	expect_nothing_noted(r);
	free(data);
}

/* Where nothing came late no tag is set. */
static void test_no_tag(void **state)
{
	struct rig *r = *state;
	unsigned char *data = rig_bytes(2, 20 * MIB);

	rig_write_bytes(r, "f", data, 20 * MIB);
	rig_utimens(r, "f", TIME);
	rig_sync(r);
	assert_int_equal(rig_count(r, "PutObjectTagging"), 0);
	rig_forget(r);
	expect_attrs(r, "f", 0640, TIME);
	assert_int_equal(rig_count(r, "GetObjectTagging"), 0);
	free(data);
}

/* rsync's temporary name is never seen in the bucket. */
static void test_rsync(void **state)
{
	struct rig *r = *state;
	unsigned char *data = rig_bytes(3, SIZE);
	struct vfs_file *file;

	rig_mkdir(r, "d");
	file = write_some(r, "d/.a.txt.Xy12zQ", data, SIZE);
	wait_for(r, "UploadPart d/a.txt", 7);
	vfs_release(r->f.v, file);
	rig_utimens(r, "d/.a.txt.Xy12zQ", TIME);
	rig_rename(r, "d/.a.txt.Xy12zQ", "d/a.txt");
	rig_sync(r);
	assert_int_equal(rig_count(r, "UploadPart d/a.txt"), 8);
	assert_int_equal(rig_count(r, "UploadPart"), 8);
	assert_int_equal(rig_versions(r, "d/a.txt"), 1);
	rig_holds_bytes(r, "d/a.txt", data, SIZE);
	rig_forget(r);
	expect_attrs(r, "d/a.txt", 0640, TIME);
	free(data);
}

/* What was written over after it was sent is sent again, and nothing else. */
static void test_written_over(void **state)
{
	struct rig *r = *state;
	unsigned char *data = rig_bytes(4, SIZE);
	struct vfs_file *file = write_some(r, "f", data, SIZE);

	wait_for(r, "UploadPart f", 7);
	data[17 * MIB] ^= 1;
	rig_pwrite(r, file, 17 * MIB, &data[17 * MIB], 1);
	vfs_release(r->f.v, file);
	rig_sync(r);
	assert_int_equal(rig_count(r, "UploadPart f"), 9);
	assert_int_equal(rig_count(r, "UploadPart f 3"), 2);
	rig_holds_bytes(r, "f", data, SIZE);
	assert_int_equal(rig_versions(r, "f"), 1);
	free(data);
}

/* A kill in the middle: what was sent is not sent again. */
static void test_killed(void **state)
{
	struct rig *r = *state;
	unsigned char *data = rig_bytes(5, SIZE);
	struct vfs_file *file = write_some(r, "f", data, SIZE);

	wait_for(r, "UploadPart f", 7);
	vfs_release(r->f.v, file);
	assert_int_equal(meta_sync(r->f.v->mount->meta), 0);
	rig_restart(r);
	rig_sync(r);
	assert_in_range(rig_count(r, "UploadPart f"), 1, 4);
	rig_holds_bytes(r, "f", data, SIZE);
	assert_int_equal(rig_versions(r, "f"), 1);
	assert_int_equal(rig_uploads(r), 0);
	free(data);
}

/* Killed between the version and its attributes: they follow, on it. */
static void test_killed_late(void **state)
{
	struct rig *r = *state;
	unsigned char *data = rig_bytes(6, SIZE);
	struct vfs_file *file = write_some(r, "f", data, SIZE);
	uint64_t left;

	wait_for(r, "UploadPart f", 7);
	vfs_release(r->f.v, file);
	rig_utimens(r, "f", TIME);
	rig_fail(r, "PutObjectTagging f", RIG_BEFORE, -EIO, 1);
	assert_int_equal(rig_try_sync(r, &left), -EIO);
	rig_restart(r);
	rig_sync(r);
	assert_int_equal(rig_count(r, "UploadPart"), 0);
	assert_int_equal(rig_versions(r, "f"), 1);
	expect_nothing_noted(r);
	rig_forget(r);
	expect_attrs(r, "f", 0640, TIME);
	free(data);
}

/* Who may set no tags gets a version more, and the right attributes. */
static void test_no_tags_allowed(void **state)
{
	struct rig *r = *state;
	unsigned char *data = rig_bytes(7, SIZE);
	struct vfs_file *file = write_some(r, "f", data, SIZE);

	wait_for(r, "UploadPart f", 7);
	vfs_release(r->f.v, file);
	rig_utimens(r, "f", TIME);
	rig_fail(r, "PutObjectTagging", RIG_BEFORE, -EACCES, 100);
	rig_sync(r);
	assert_int_equal(rig_count(r, "CopyObject f<f"), 1);
	assert_int_equal(rig_versions(r, "f"), 2);
	rig_forget(r);
	expect_attrs(r, "f", 0640, TIME);
	assert_int_equal(rig_count(r, "GetObjectTagging"), 0);
	rig_holds_bytes(r, "f", data, SIZE);
	free(data);
}

/* A rename's copy says by itself what the tag said. */
static void test_renamed(void **state)
{
	struct rig *r = *state;
	unsigned char *data = rig_bytes(8, SIZE);
	struct vfs_file *file = write_some(r, "f", data, SIZE);
	char *text;

	wait_for(r, "UploadPart f", 7);
	vfs_release(r->f.v, file);
	rig_utimens(r, "f", TIME);
	rig_sync(r);
	assert_int_equal(rig_count(r, "PutObjectTagging f"), 1);
	rig_rename(r, "f", "g");
	rig_sync(r);
	assert_int_equal(rig_versions(r, "g"), 1);
	text = rig_meta(r, "g", "file-mtime");
	assert_string_equal(text, "1732233008123456789ns");
	free(text);
	assert_null(rig_meta(r, "g", "vers3-late"));
	rig_forget(r);
	expect_attrs(r, "g", 0640, TIME);
	free(data);
}

/* Waits until nothing of uploads is noted that begins so. */
static void wait_forgotten(struct rig *r, const char *head)
{
	struct meta *m = r->f.v->mount->meta;
	int rc = 0;

	for (int i = 0; !rc && i < 1000; i++) {
		usleep(10000);
		assert_int_equal(meta_lock(m), 0);
		rc = meta_seek(m, META_SYS, head, strlen(head), strlen(head),
			       false, NULL, NULL, NULL);
		meta_unlock(m);
	}
	assert_int_equal(rc, -ENOENT);
}

/* A file that goes while its parts are on their way: they end first. */
static void test_removed(void **state)
{
	struct rig *r = *state;
	unsigned char *data = rig_bytes(9, SIZE);
	struct vfs_file *file;

	rig_gate(r, "UploadPart f 2", RIG_BEFORE);
	file = write_some(r, "f", data, SIZE);
	wait_for(r, "UploadPart f", 7);
	rig_unlink(r, "f");
	vfs_release(r->f.v, file);
	wait_forgotten(r, "ongoing:");
	usleep(100000); /* time for one that must not be sent */
	assert_int_equal(rig_count(r, "AbortMultipartUpload"), 0);
	rig_gate(r, NULL, RIG_BEFORE);
	wait_for(r, "AbortMultipartUpload f", 1);
	wait_forgotten(r, "upload:");
	assert_int_equal(rig_uploads(r), 0);
	free(data);
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		RIG_TEST(test_while_written),
		RIG_TEST(test_beside_stream),
		RIG_TEST(test_begun_at_end),
		RIG_TEST(test_renamed_at_end),
		RIG_TEST(test_cut_beside_stream),
		RIG_TEST_UNVERSIONED(test_while_written),
		RIG_TEST_UNVERSIONED(test_beside_stream),
		RIG_TEST_UNVERSIONED(test_begun_at_end),
		RIG_TEST_UNVERSIONED(test_cut_beside_stream),
		RIG_TEST(test_no_tag),
		RIG_TEST(test_rsync),
		RIG_TEST(test_written_over),
		RIG_TEST(test_killed),
		RIG_TEST(test_killed_late),
		RIG_TEST(test_no_tags_allowed),
		RIG_TEST(test_renamed),
		RIG_TEST(test_removed),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
