/* SPDX-License-Identifier: Apache-2.0 */
/* Large files on their way to the bucket: in parts, and by reference. */
#include "../vfs_rig.h"

#include <stdatomic.h>
#include <unistd.h>

#include "../../../src/sync/plan.h"
#include "../../../src/sync/syncer_impl.h"
#include "vers3/cache/staging.h"
#include "vers3/core/mount.h"
#include "vers3/core/tagset.h"
#include "vers3/journal/journal.h"

#define MIB (UINT64_C(1) << 20)

static void test_multipart(void **state)
{
	struct rig *r = *state;
	unsigned char *data = rig_bytes(1, 20 * MIB);

	rig_write_bytes(r, "f", data, PLAN_SINGLE_MAX);
	rig_sync(r);
	rig_changed(r, "PutObject f");
	rig_write_bytes(r, "f", data, 20 * MIB);
	rig_sync(r);
	assert_int_equal(rig_count(r, "CreateMultipartUpload f"), 1);
	assert_int_equal(rig_count(r, "UploadPart f"), 3);
	assert_int_equal(rig_count(r, "CompleteMultipartUpload f"), 1);
	rig_holds_bytes(r, "f", data, 20 * MIB);
	assert_int_equal(rig_versions(r, "f"), 2);
	free(data);
}

/* One byte of much: one part is sent, the rest is copied. */
static void test_one_byte(void **state)
{
	struct rig *r = *state;
	unsigned char *data = rig_bytes(2, 64 * MIB);
	struct syncer_stats before, after;
	struct vfs_file *file;

	rig_put(r, "f", data, 64 * MIB);
	rig_forget(r);
	file = rig_open(r, "f", O_RDWR);
	data[33 * MIB] ^= 1;
	rig_pwrite(r, file, 33 * MIB, &data[33 * MIB], 1);
	vfs_release(r->f.v, file);
	syncer_read_stats(r->f.v->syncer, &before);
	rig_sync(r);
	syncer_read_stats(r->f.v->syncer, &after);
	assert_int_equal(rig_count(r, "UploadPart f"), 1);
	assert_true(rig_count(r, "UploadPartCopy f") >= 1);
	assert_int_equal(rig_count(r, "PutObject"), 0);
	assert_true(after.sent_bytes - before.sent_bytes <= PLAN_PART_SIZE);
	rig_holds_bytes(r, "f", data, 64 * MIB);
	free(data);
}

/*
 * Where the bucket keeps no versions, a save takes away what the file is
 * based on: what is written meanwhile must not need it.
 */
static void test_base_overwritten(void **state)
{
	struct rig *r = *state;
	unsigned char *data = rig_bytes(5, 20 * MIB);
	struct vfs_file *file;
	pthread_t thread;

	rig_put(r, "f", data, 20 * MIB);
	rig_forget(r);
	file = rig_open(r, "f", O_RDWR);
	data[1] ^= 1;
	rig_pwrite(r, file, 1, &data[1], 1);
	rig_gate(r, "CompleteMultipartUpload f", RIG_AFTER);
	assert_int_equal(pthread_create(&thread, NULL, rig_sync_thread, r), 0);
	rig_wait_held(r);
	data[12 * MIB] ^= 1;
	rig_pwrite(r, file, 12 * MIB, &data[12 * MIB], 1);
	data[3 * MIB] ^= 1;
	rig_pwrite(r, file, 3 * MIB, &data[3 * MIB], 1);
	rig_gate(r, NULL, RIG_AFTER);
	pthread_join(thread, NULL);
	rig_sync(r);
	rig_holds_bytes(r, "f", data, 20 * MIB);
	vfs_release(r->f.v, file);
	free(data);
}

/* The class of the bucket's object; "" where none is named. */
static void class_is(struct rig *r, const char *key, const char *class)
{
	char path[META_KEY_MAX + 1];
	struct store_request req;
	const char *got;

	store_request_init(&req, STORE_HEAD);
	assert_int_equal(mount_key(r->f.v->mount, key, path), 0);
	req.key = path;
	assert_int_equal(store_call(r->bucket, &req), 0);
	got = kvlist_get(&req.reply.object.headers, "x-amz-storage-class");
	assert_string_equal(got ? got : "", class);
	store_request_release(&req);
}

/* Written over, an archived file can be read; other classes stay. */
static void test_classes(void **state)
{
	static const struct {
		const char *before, *after;
	} table[] = {
		{"GLACIER", ""},
		{"DEEP_ARCHIVE", ""},
		{"STANDARD_IA", "STANDARD_IA"},
		{"GLACIER_IR", "GLACIER_IR"},
	};
	struct rig *r = *state;

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		char path[META_KEY_MAX + 1];
		struct store_request req;
		struct kvlist headers;

		store_request_init(&req, STORE_PUT);
		assert_int_equal(
			mount_key(r->f.v->mount, table[i].before, path), 0);
		kvlist_init(&headers);
		assert_int_equal(kvlist_set(&headers, "x-amz-storage-class",
					    table[i].before),
				 0);
		req.key = path;
		req.body.mem = "old";
		req.body.length = 3;
		req.headers = &headers;
		assert_int_equal(store_call(r->bucket, &req), 0);
		store_request_release(&req);
		kvlist_release(&headers);
		rig_write(r, table[i].before, "new");
		rig_sync(r);
		rig_holds(r, table[i].before, "new");
		class_is(r, table[i].before, table[i].after);
	}
}

/* Starts a sync that gets as far as its part, and stays there. */
static void hold_part(struct rig *r, const char *part, pthread_t *thread)
{
	rig_gate(r, part, RIG_BEFORE);
	assert_int_equal(pthread_create(thread, NULL, rig_sync_thread, r), 0);
	rig_wait_held(r);
}

static void let_go(struct rig *r, pthread_t thread)
{
	rig_gate(r, NULL, RIG_BEFORE);
	pthread_join(thread, NULL);
}

/*
 * What a file held when its save began is what is saved. What came meanwhile
 * makes the next version, and what it did not touch is not sent again.
 */
static void test_changed_meanwhile(void **state)
{
	struct rig *r = *state;
	unsigned char *data = rig_bytes(6, 20 * MIB);
	struct vfs_file *file;
	pthread_t thread;

	rig_write_bytes(r, "f", data, 20 * MIB);
	file = rig_open(r, "f", O_RDWR);
	hold_part(r, "UploadPart f 3", &thread);
	rig_pwrite(r, file, 9 * MIB, "new", 3);
	let_go(r, thread);
	assert_int_equal(rig_count(r, "CreateMultipartUpload f"), 1);
	assert_int_equal(rig_count(r, "UploadPart f"), 3);
	rig_holds_bytes(r, "f", data, 20 * MIB);
	vfs_release(r->f.v, file);
	rig_forget_requests(r);
	rig_sync(r);
	assert_int_equal(rig_count(r, "UploadPart f"), 1);
	assert_true(rig_count(r, "UploadPartCopy f") >= 1);
	memcpy(data + 9 * MIB, "new", 3);
	rig_holds_bytes(r, "f", data, 20 * MIB);
	assert_int_equal(rig_versions(r, "f"), 2);
	free(data);
}

/* Returns when what was queued to be reaped before has been. */
static void wait_reaped(struct rig *r)
{
	struct journal *j = r->f.v->journal;

	for (int i = 0; i < 2; i++) {
		journal_reap(j,
			     UINT64_MAX); /* there is none: it marks a turn */
		while (journal_is_reaping(j, UINT64_MAX))
			usleep(5000);
	}
}

/* What is being sent stays on the disk, written over or not; then it goes. */
static void test_written_over(void **state)
{
	struct rig *r = *state;
	unsigned char *data = rig_bytes(7, 20 * MIB);
	unsigned char *anew = rig_bytes(8, 4 * MIB);
	struct vfs_file *file;
	pthread_t thread;
	uint64_t ino;

	rig_write_bytes(r, "f", data, 20 * MIB);
	file = rig_open(r, "f", O_RDWR);
	ino = vfs_fixture_find(&r->f, "f");
	hold_part(r, "UploadPart f 3", &thread);
	rig_pwrite(r, file, 16 * MIB, anew, 4 * MIB);
	journal_reap(r->f.v->journal, ino);
	wait_reaped(r);
	assert_true(staging_inode_bytes(r->f.staging, ino) >= 24 * MIB);
	let_go(r, thread);
	rig_holds_bytes(r, "f", data, 20 * MIB);
	wait_reaped(r);
	assert_in_range(staging_inode_bytes(r->f.staging, ino), 4 * MIB,
			5 * MIB);
	rig_sync(r);
	memcpy(data + 16 * MIB, anew, 4 * MIB);
	rig_holds_bytes(r, "f", data, 20 * MIB);
	vfs_release(r->f.v, file);
	free(anew);
	free(data);
}

/*
 * Someone who writes to "f" and never stops: the n-th write is 512 bytes that
 * say n, at its end or anywhere.
 */
#define STAMP 512

struct writer {
	struct rig *r;
	struct vfs_file *file;
	pthread_t thread;
	bool appends;
	int rc;
	atomic_bool stop;
	atomic_uint written;
};

static uint64_t stamp(const struct writer *w, unsigned n,
		      unsigned char bytes[STAMP])
{
	uint64_t seed = n;

	for (size_t i = 0; i < STAMP; i += sizeof(n))
		memcpy(bytes + i, &n, sizeof(n));
	return w->appends ? 12 * MIB + n * (uint64_t)STAMP
			  : rig_random(&seed) % (12 * MIB - STAMP);
}

static void *write_on(void *arg)
{
	struct writer *w = arg;
	unsigned char bytes[STAMP];

	for (unsigned n = 0; !w->stop; n++) {
		uint64_t at = stamp(w, n, bytes);

		w->rc = vfs_write(w->r->f.v, w->file, at, bytes, STAMP);
		if (w->rc)
			break;
		w->written = n + 1;
		usleep(500);
	}
	return NULL;
}

/* The bucket holds what the file was after one write, the n-th or later. */
static void expect_moment(struct writer *w, const unsigned char *start,
			  unsigned n)
{
	unsigned most = w->written + 1, i = 0;
	unsigned char *data, *has, bytes[STAMP];
	size_t has_size, size = 12 * MIB;

	data = malloc(size + (size_t)most * STAMP);
	assert_non_null(data);
	memcpy(data, start, size);
	rig_get_bytes(w->r, "f", &has, &has_size);
	while (i < n || size != has_size || memcmp(data, has, size) != 0) {
		uint64_t at = stamp(w, i, bytes);

		if (i++ == most)
			fail_msg("%zu bytes that the file never was", has_size);
		memcpy(data + at, bytes, STAMP);
		if (at + STAMP > size)
			size = at + STAMP;
	}
	free(has);
	free(data);
}

static void run_never_quiet(struct rig *r, bool appends)
{
	unsigned char *data = rig_bytes(9, 12 * MIB);
	struct writer w = {.r = r, .appends = appends};
	unsigned n, before;
	uint64_t ino;

	rig_write_bytes(r, "f", data, 12 * MIB);
	ino = vfs_fixture_find(&r->f, "f");
	w.file = rig_open(r, "f", O_WRONLY);
	assert_int_equal(pthread_create(&w.thread, NULL, write_on, &w), 0);
	for (int i = 0; i < 6; i++) {
		before = rig_versions(r, "f");
		n = w.written;
		if (i % 2)
			assert_int_equal(syncer_sync_inode(r->f.v->syncer, ino),
					 0);
		else
			rig_sync(r);
		expect_moment(&w, data, n);
		/* Each wait makes one, though one may be under way. */
		if (r->f.config.versioned)
			assert_in_range(rig_versions(r, "f"), before + 1,
					before + 2);
	}
	w.stop = true;
	pthread_join(w.thread, NULL);
	assert_int_equal(w.rc, 0);
	vfs_release(r->f.v, w.file);
	rig_sync(r);
	expect_moment(&w, data, w.written);
	rig_unlink(r, "f");
	free(data);
}

static void test_never_quiet(void **state)
{
	alarm(120); /* who waits for ever has failed */
	run_never_quiet(*state, true);
	run_never_quiet(*state, false);
	alarm(0);
}

/* A file that is open and written all the time is saved now and then. */
static void test_save_after(void **state)
{
	const int64_t after = 300 * NS_PER_MS;
	struct rig *r = *state;
	struct vfs_file *file;
	unsigned lines = 0;
	int64_t start, took;

	r->f.config.commit_ns = 50 * NS_PER_MS;
	r->f.config.save_after_ns = after;
	rig_restart(r);
	alarm(60);
	file = rig_open(r, "f", O_CREAT | O_WRONLY);
	start = clock_mono_ns();
	while (rig_count(r, "PutObject f") < 4) {
		rig_pwrite(r, file, lines * 5, "line\n", 5);
		lines++;
		usleep(5000);
	}
	took = clock_mono_ns() - start;
	assert_true(took >= 3 * after);
	assert_in_range(rig_versions(r, "f"), 3, (uint64_t)(took / after) + 1);
	vfs_release(r->f.v, file);
	rig_sync(r);
	alarm(0);
}

/* What is to be tried anew is, a few times and with pauses; then it failed. */
static void test_tried_anew(void **state)
{
	struct rig *r = *state;
	unsigned char *data = rig_bytes(12, 20 * MIB);
	uint64_t left;

	rig_write_bytes(r, "f", data, 20 * MIB);
	rig_fail(r, "UploadPart f 2", RIG_BEFORE, -EAGAIN, 3);
	rig_sync(r);
	assert_int_equal(rig_count(r, "UploadPart f 2"), 4);
	rig_holds_bytes(r, "f", data, 20 * MIB);
	data[0] ^= 1;
	rig_write_bytes(r, "f", data, 20 * MIB);
	rig_forget_requests(r);
	rig_fail(r, "UploadPart f 2", RIG_BEFORE, -EAGAIN, 1000);
	assert_int_equal(rig_try_sync(r, &left), -EBUSY);
	assert_int_equal(left, 1);
	assert_in_range(rig_count(r, "UploadPart f 2"), 2, 12);
	rig_fail(r, "UploadPart f 2", RIG_BEFORE, 0, 0);
	rig_sync(r);
	rig_holds_bytes(r, "f", data, 20 * MIB);
	free(data);
}

/* As much metadata as a file may have goes with an upload in parts, too. */
static void test_much_metadata(void **state)
{
	struct rig *r = *state;
	unsigned char *data = rig_bytes(11, 20 * MIB);
	char value[2048];
	struct vfs_entry e;
	size_t size = sizeof(value);

	memset(value, 'x', sizeof(value));
	rig_write_bytes(r, "f", data, 20 * MIB);
	assert_int_equal(rig_lookup(r, "f", &e), 0);
	while (vfs_setxattr(r->f.v, e.ino, "user.much", value, size, 0))
		size--;
	assert_true(size > 1000);
	rig_sync(r);
	assert_int_equal(rig_count(r, "CompleteMultipartUpload f"), 1);
	rig_holds_bytes(r, "f", data, 20 * MIB);
	free(data);
}

static void copy_range(struct rig *r, const char *from, const char *to,
		       size_t size)
{
	struct vfs_file *in = rig_open(r, from, O_RDONLY);
	struct vfs_file *out = rig_open(r, to, O_CREAT | O_RDWR);
	size_t copied, at = 0;

	while (at < size) {
		assert_int_equal(vfs_copy_range(r->f.v, in, at, out, at,
						size - at, &copied),
				 0);
		assert_true(copied > 0);
		at += copied;
	}
	vfs_release(r->f.v, in);
	vfs_release(r->f.v, out);
}

static void test_copy_range(void **state)
{
	struct rig *r = *state;
	unsigned char *data = rig_bytes(4, 20 * MIB);

	rig_put(r, "f", data, 20 * MIB);
	rig_forget(r);
	copy_range(r, "f", "g", 20 * MIB);
	rig_sync(r);
	assert_int_equal(rig_count(r, "CopyObject g<f"), 1);
	assert_int_equal(rig_count(r, "GetObject f"), 0);
	assert_int_equal(rig_count(r, "PutObject"), 0);
	assert_int_equal(rig_count(r, "UploadPart"), 0);
	rig_holds_bytes(r, "g", data, 20 * MIB);
	free(data);
}

/* What others set at f, beside what is there. */
static void set_team(struct rig *r, const char *value)
{
	struct kvlist tags;

	kvlist_init(&tags);
	assert_int_equal(
		tagset_get(r->bucket, VFS_FIXTURE_PREFIX "f", NULL, &tags), 0);
	assert_int_equal(kvlist_set(&tags, "team", value), 0);
	assert_int_equal(
		tagset_put(r->bucket, VFS_FIXTURE_PREFIX "f", NULL, &tags), 0);
	kvlist_release(&tags);
}

static void expect_team(struct rig *r, const char *key, const char *value)
{
	struct kvlist tags;

	kvlist_init(&tags);
	assert_int_equal(tagset_get(r->bucket, key, NULL, &tags), 0);
	assert_string_equal(kvlist_get(&tags, "team"), value);
	kvlist_release(&tags);
}

/*
 * More than one CopyObject takes: the server copies it in parts, and what
 * goes with it goes along, though nobody here ever asked for it.
 */
static void test_copy_in_parts(void **state)
{
	const int64_t mtime_ns = 1234567890123456789;
	struct rig *r = *state;
	unsigned char *data = rig_bytes(5, 40 * MIB);
	struct vfs_entry e;

	rig_write_bytes(r, "f", data, 40 * MIB);
	rig_chmod(r, "f", 0640);
	rig_utimens(r, "f", mtime_ns);
	rig_sync(r);
	set_team(r, "blue");
	r->f.config.copy_max_bytes = 30 * MIB;
	rig_forget(r);
	rig_forget_requests(r);
	rig_rename(r, "f", "g");
	rig_sync(r);
	assert_int_equal(rig_count(r, "CopyObject"), 0);
	assert_true(rig_count(r, "UploadPartCopy g") > 0);
	assert_int_equal(rig_count(r, "UploadPart g"), 0);
	assert_int_equal(rig_count(r, "GetObject f"), 0);
	assert_int_equal(rig_versions(r, "g"), 1);
	rig_holds_bytes(r, "g", data, 40 * MIB);
	expect_team(r, VFS_FIXTURE_PREFIX "g", "blue");
	rig_forget(r);
	assert_int_equal(rig_lookup(r, "g", &e), 0);
	assert_int_equal(e.st.st_mode & 07777, 0640);
	assert_int_equal(e.st.st_mtim.tv_sec, mtime_ns / NS_PER_S);
	assert_int_equal(e.st.st_mtim.tv_nsec, mtime_ns % NS_PER_S);
	free(data);
}

/* Tags that others set while the last part takes its time go along. */
static void test_tags_late(void **state)
{
	struct rig *r = *state;
	unsigned char *data = rig_bytes(6, 40 * MIB);
	pthread_t thread;

	rig_write_bytes(r, "f", data, 40 * MIB);
	rig_sync(r);
	set_team(r, "blue");
	r->f.config.copy_max_bytes = 30 * MIB;
	rig_forget(r);
	rig_gate(r, "UploadPartCopy f 1", RIG_BEFORE);
	rig_chmod(r, "f", 0600);
	rig_forget_requests(r);
	assert_int_equal(pthread_create(&thread, NULL, rig_sync_thread, r), 0);
	rig_wait_held(r);
	while (!rig_count(r, "GetObjectTagging f"))
		usleep(1000);
	usleep(1200000); /* more than what is old, with ttl=0 */
	set_team(r, "red");
	rig_gate(r, NULL, RIG_BEFORE);
	pthread_join(thread, NULL);
	rig_sync(r);
	expect_team(r, VFS_FIXTURE_PREFIX "f", "red");
	rig_holds_bytes(r, "f", data, 40 * MIB);
	free(data);
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		RIG_TEST(test_multipart),
		RIG_TEST(test_one_byte),
		RIG_TEST(test_classes),
		RIG_TEST(test_base_overwritten),
		RIG_TEST_UNVERSIONED(test_base_overwritten),
		RIG_TEST(test_changed_meanwhile),
		RIG_TEST(test_much_metadata),
		RIG_TEST(test_save_after),
		RIG_TEST(test_tried_anew),
		RIG_TEST(test_written_over),
		RIG_TEST(test_never_quiet),
		RIG_TEST_UNVERSIONED(test_never_quiet),
		RIG_TEST(test_copy_range),
		RIG_TEST(test_copy_in_parts),
		RIG_TEST(test_tags_late),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
