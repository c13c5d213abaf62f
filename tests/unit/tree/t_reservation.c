/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writers with more to write than there is room for: quota= is the room here,
 * since it is ours alone. Nothing is due by itself: what goes, goes for them.
 */
#include "../vfs_rig.h"

#include <sys/stat.h>
#include <sys/statvfs.h>

#include "vers3/cache/space.h"
#include "vers3/cache/staging.h"
#include "vers3/journal/journal.h"
#include "vers3/tree/reservation.h"

#define KIB	((size_t)1024)
#define QUOTA	(64 * KIB)
#define SOON_NS (20 * NS_PER_S)
#define THREADS 4
#define PIECE	(16 * KIB)
#define PIECES	16

static void start(struct rig *r)
{
	r->f.config.quota_bytes = QUOTA;
	r->f.config.commit_ns = 3600 * NS_PER_S;
	rig_restart(r);
}

static int try_write(struct rig *r, struct vfs_file *file, uint64_t offset,
		     size_t size)
{
	char *data = calloc(1, size);
	int rc;

	assert_non_null(data);
	rc = vfs_write(r->f.v, file, offset, data, size);
	free(data);
	return rc;
}

static void write_closed(struct rig *r, const char *path, size_t size)
{
	unsigned char *data = rig_bytes(size, size);

	rig_write_bytes(r, path, data, size);
	free(data);
}

/* What is closed goes first: one version each, none of what is open. */
static void test_closed_first(void **state)
{
	struct rig *r = *state;
	struct vfs_file *file;

	start(r);
	write_closed(r, "a", 24 * KIB);
	write_closed(r, "b", 24 * KIB);
	file = rig_open(r, "open", O_CREAT | O_WRONLY);
	for (size_t at = 0; at < 64 * KIB; at += PIECE)
		assert_int_equal(try_write(r, file, at, PIECE), 0);
	assert_int_equal(rig_versions(r, "a"), 1);
	assert_int_equal(rig_versions(r, "b"), 1);
	assert_int_equal(rig_versions(r, "open"), 0);
	vfs_release(r->f.v, file);
	rig_sync(r);
	assert_int_equal(rig_versions(r, "open"), 1);
}

/* A file that is larger than the room goes in steps, and is whole. */
static void test_larger_than_room(void **state)
{
	const size_t size = PIECES * PIECE;
	struct rig *r = *state;
	unsigned char *data = rig_bytes(7, size), *back = malloc(size);
	struct vfs_file *file, *log;

	assert_non_null(back);
	start(r);
	log = rig_open(r, "log", O_CREAT | O_WRONLY);
	assert_int_equal(try_write(r, log, 0, 10), 0);
	file = rig_open(r, "big", O_CREAT | O_RDWR);
	assert_int_equal(vfs_fallocate(r->f.v, file, 0, 0, size), 0);
	for (size_t at = 0; at < size; at += PIECE) {
		rig_pwrite(r, file, at, data + at, PIECE);
		assert_true(staging_used_bytes(r->f.staging) <= QUOTA);
	}
	/* A small one beside it is left alone. */
	assert_int_equal(rig_versions(r, "log"), 0);
	vfs_release(r->f.v, log);
	/* What has left this disk is read all the same, and changed. */
	rig_pread(r, file, 0, back, size);
	assert_memory_equal(back, data, size);
	memcpy(data + 100, "changed", 7);
	rig_pwrite(r, file, 100, data + 100, 7);
	vfs_release(r->f.v, file);
	rig_sync(r);
	rig_holds_bytes(r, "big", data, size);
	assert_true(rig_versions(r, "big") <= PIECES * PIECE / QUOTA + 2);
	free(data);
	free(back);
}

struct writer {
	struct rig *r;
	struct vfs_file *file; /* of one_write() */
	unsigned number;
	unsigned char *data; /* of write_files() */
	int rc;
};

static void *one_write(void *arg)
{
	static const char data[PIECE];
	struct writer *w = arg;

	w->rc = vfs_write(w->r->f.v, w->file, 0, data, sizeof(data));
	return NULL;
}

/* Who waits is told of, and waits no longer than for what is sent. */
static void test_waiting(void **state)
{
	struct rig *r = *state;
	struct writer w = {.r = r};
	struct syncer_stats st;
	pthread_t thread;

	start(r);
	write_closed(r, "a", 60 * KIB);
	w.file = rig_open(r, "b", O_CREAT | O_WRONLY);
	rig_gate(r, "PutObject a", RIG_AFTER);
	assert_int_equal(pthread_create(&thread, NULL, one_write, &w), 0);
	rig_wait_held(r);
	syncer_read_stats(r->f.v->syncer, &st);
	assert_int_equal(st.waiting_writers, 1);
	rig_gate(r, NULL, RIG_AFTER);
	pthread_join(thread, NULL);
	assert_int_equal(w.rc, 0);
	syncer_read_stats(r->f.v->syncer, &st);
	assert_int_equal(st.waiting_writers, 0);
	vfs_release(r->f.v, w.file);
}

/* There is no waiting for a bucket that cannot be reached. */
static void test_outage(void **state)
{
	struct rig *r = *state;
	int64_t from = clock_mono_ns();
	struct vfs_file *file;

	start(r);
	write_closed(r, "a", 48 * KIB);
	file = rig_open(r, "b", O_CREAT | O_WRONLY);
	rig_fail(r, "PutObject", RIG_BEFORE, -ECONNREFUSED, 1000);
	assert_int_equal(try_write(r, file, 0, 32 * KIB), -EDQUOT);
	assert_int_equal(vfs_fallocate(r->f.v, file, 0, 0, QUOTA), -EDQUOT);
	assert_true(clock_mono_ns() - from < SOON_NS);
	rig_fail(r, "PutObject", RIG_BEFORE, 0, 0);
	rig_sync(r);
	assert_int_equal(rig_versions(r, "a"), 1);
	assert_int_equal(try_write(r, file, 0, 32 * KIB), 0);
	vfs_release(r->f.v, file);
}

/* A try that fails is followed by another one. */
static void test_bad_luck(void **state)
{
	struct rig *r = *state;
	struct vfs_file *file;

	start(r);
	write_closed(r, "a", 60 * KIB);
	file = rig_open(r, "b", O_CREAT | O_WRONLY);
	rig_fail(r, "PutObject", RIG_BEFORE, -ECONNRESET, 1);
	assert_int_equal(try_write(r, file, 0, PIECE), 0);
	assert_int_equal(rig_versions(r, "a"), 1);
	vfs_release(r->f.v, file);
}

/* Nor for a key that the bucket refuses; what else there is goes. */
static void test_refused(void **state)
{
	struct rig *r = *state;
	int64_t from = clock_mono_ns();
	struct vfs_file *file;

	start(r);
	write_closed(r, "bad", 40 * KIB);
	write_closed(r, "good", 16 * KIB);
	file = rig_open(r, "b", O_CREAT | O_WRONLY);
	rig_fail(r, "PutObject bad", RIG_BEFORE, -EACCES, 1000);
	assert_int_equal(try_write(r, file, 0, PIECE), 0);
	assert_int_equal(rig_versions(r, "good"), 1);
	assert_int_equal(try_write(r, file, PIECE, 2 * PIECE), -EDQUOT);
	assert_true(clock_mono_ns() - from < SOON_NS);
	rig_fail(r, "PutObject bad", RIG_BEFORE, 0, 0);
	vfs_release(r->f.v, file);
	rig_sync(r);
}

/* Nor for bytes of a file that has no name: these are never sent. */
static void test_nothing_to_send(void **state)
{
	struct rig *r = *state;
	int64_t from = clock_mono_ns();
	struct vfs_file *gone, *file;

	start(r);
	gone = rig_open(r, "gone", O_CREAT | O_WRONLY);
	assert_int_equal(try_write(r, gone, 0, 60 * KIB), 0);
	rig_unlink(r, "gone");
	file = rig_open(r, "b", O_CREAT | O_WRONLY);
	assert_int_equal(try_write(r, file, 0, PIECE), -EDQUOT);
	assert_true(clock_mono_ns() - from < SOON_NS);
	/* The last close gives it back. */
	vfs_release(r->f.v, gone);
	for (int i = 0; i < 1000 && staging_used_bytes(r->f.staging); i++)
		usleep(10000);
	assert_int_equal(staging_used_bytes(r->f.staging), 0);
	assert_int_equal(try_write(r, file, 0, PIECE), 0);
	vfs_release(r->f.v, file);
}

static void *write_files(void *arg)
{
	struct writer *w = arg;
	unsigned char *data = w->data;

	for (int i = 0; i < 4 && !w->rc; i++) {
		struct vfs_file *file;
		struct vfs_open how;
		struct vfs_entry e;
		char name[16];

		snprintf(name, sizeof(name), "%u.%d", w->number, i);
		w->rc = vfs_create(w->r->f.v, META_ROOT_INO, name, 0640,
				   O_WRONLY, &vfs_fixture_caller, &e, &file,
				   &how);
		if (w->rc)
			break;
		for (size_t at = 0; at < PIECES * PIECE && !w->rc; at += PIECE)
			w->rc = vfs_write(w->r->f.v, file, at, data + at,
					  PIECE);
		vfs_release(w->r->f.v, file);
	}
	return NULL;
}

/* Each of several, each with more than there is room for together. */
static void test_many_writers(void **state)
{
	struct rig *r = *state;
	struct writer writers[THREADS];
	pthread_t threads[THREADS];

	start(r);
	for (unsigned i = 0; i < THREADS; i++) {
		writers[i] = (struct writer){.r = r, .number = i};
		writers[i].data = rig_bytes(i, PIECES * PIECE);
		assert_int_equal(pthread_create(&threads[i], NULL, write_files,
						&writers[i]),
				 0);
	}
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	rig_sync(r);
	for (unsigned i = 0; i < THREADS; i++) {
		assert_int_equal(writers[i].rc, 0);
		for (int n = 0; n < 4; n++) {
			char name[16];

			snprintf(name, sizeof(name), "%u.%d", i, n);
			rig_holds_bytes(r, name, writers[i].data,
					PIECES * PIECE);
		}
		free(writers[i].data);
	}
}

/* The bytes that the disk of the rig's directory has free, as users see it. */
static uint64_t free_bytes(const struct rig *r)
{
	struct statvfs st;

	assert_int_equal(statvfs(r->f.dir, &st), 0);
	return (uint64_t)st.f_bavail * st.f_frsize;
}

/*
 * The first pages of a list fit on a disk that is short, others on one that is
 * not: so a list without end stops.
 */
static void test_pages(void **state)
{
	static const struct {
		unsigned quarters; /* of what is free, that are to stay so */
		int few, many;
	} table[] = {
		{0, 0, 0},
		{2, 0, 0},
		{5, 0, -ENOSPC},
		{7, 0, -ENOSPC},
		{12, -ENOSPC, -ENOSPC},
	};
	struct rig *r = *state;
	struct space *before = r->f.v->mount->space;

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		uint64_t keep = free_bytes(r) / 4 * table[i].quarters;

		assert_int_equal(
			space_new(r->f.dir, keep, 0, &r->f.v->mount->space), 0);
		assert_int_equal(reservation_for_page(r->f.v->tree, 0),
				 table[i].few);
		assert_int_equal(reservation_for_page(r->f.v->tree, 15),
				 table[i].few);
		assert_int_equal(reservation_for_page(r->f.v->tree, 16),
				 table[i].many);
		assert_int_equal(reservation_for_page(r->f.v->tree, 1 << 20),
				 table[i].many);
		space_free(r->f.v->mount->space);
	}
	r->f.v->mount->space = before;
}

static atomic_bool disk_fails;
static atomic_uint failures;

static int sync_staging(void *ctx)
{
	if (!atomic_load(&disk_fails))
		return staging_sync_all(ctx);
	atomic_fetch_add(&failures, 1);
	return -ENOSPC;
}

static void fail_disk(struct rig *r)
{
	(void)r;
	atomic_store(&disk_fails, true);
}

/* What could not be given back in a bad moment is given back after it. */
static void test_given_back_later(void **state)
{
	struct rig *r = *state;

	rig_write(r, "a", "some");
	meta_set_precommit(r->f.meta, sync_staging, r->f.staging);
	log_open("/dev/null", false);
	rig_hook(r, "PutObject a", fail_disk, 1);
	rig_sync(r);
	/* One of them was of who wanted to give it back. */
	while (atomic_load(&failures) < 6)
		usleep(5000);
	assert_int_equal(staging_used_bytes(r->f.staging), 4);
	atomic_store(&disk_fails, false);
	while (meta_sync(r->f.meta))
		usleep(5000);
	log_open("stderr", false);
	for (int i = 0; i < 1000 && staging_used_bytes(r->f.staging); i++) {
		journal_reap(r->f.v->journal, UINT64_MAX); /* it makes a turn */
		usleep(10000);
	}
	assert_int_equal(staging_used_bytes(r->f.staging), 0);
	rig_holds(r, "a", "some");
}

/* What was cut off before another file's version took its place. */
static void test_adopted_over(void **state)
{
	struct rig *r = *state;
	struct stat st = {.st_size = 0}, now;
	struct vfs_file *from, *to;
	size_t copied = 0;

	rig_write(r, "from", "source");
	rig_sync(r);
	for (int i = 0; i < 1000 && staging_used_bytes(r->f.staging); i++)
		usleep(10000);
	rig_write(r, "to", "old");
	assert_int_equal(staging_used_bytes(r->f.staging), 3);
	from = rig_open(r, "from", O_RDONLY);
	to = rig_open(r, "to", O_RDWR);
	assert_int_equal(vfs_setattr(r->f.v, vfs_fixture_find(&r->f, "to"), &st,
				     VFS_SET_SIZE, &now),
			 0);
	assert_int_equal(vfs_copy_range(r->f.v, from, 0, to, 0, 6, &copied), 0);
	assert_int_equal(copied, 6);
	for (int i = 0; i < 1000 && staging_used_bytes(r->f.staging); i++)
		usleep(10000);
	assert_int_equal(staging_used_bytes(r->f.staging), 0);
	assert_int_equal(rig_versions(r, "to"), 0);
	vfs_release(r->f.v, from);
	vfs_release(r->f.v, to);
	rig_is(r, "to", "source");
}

/* What the first segment of the staging log takes on the disk. */
static uint64_t log_blocks(const struct rig *r)
{
	char path[128];
	struct stat st;

	snprintf(path, sizeof(path), "%s/staging/log/00000000", r->f.dir);
	assert_int_equal(stat(path, &st), 0);
	return (uint64_t)st.st_blocks * 512;
}

/* A disk that is short: room that was not worth it is made, sent or not. */
static void test_log_hurried(void **state)
{
	struct rig *r = *state;
	struct space *before = r->f.v->mount->space, *none;
	struct vfs_file *gone, *file;
	char name[2] = "a";

	gone = rig_open(r, "gone", O_CREAT | O_WRONLY);
	assert_int_equal(try_write(r, gone, 0, PIECE), 0);
	rig_unlink(r, "gone");
	for (; name[0] < 'i'; name[0]++)
		write_closed(r, name, PIECE);
	rig_sync(r);
	for (int i = 0; i < 1000 && staging_used_bytes(r->f.staging) > PIECE;
	     i++)
		usleep(10000);
	assert_int_equal(staging_used_bytes(r->f.staging), PIECE);
	assert_true(log_blocks(r) >= 9 * PIECE);
	file = rig_open(r, "b", O_WRONLY);
	assert_int_equal(space_new(r->f.dir, free_bytes(r) * 3, 0, &none), 0);
	r->f.v->mount->space = none;
	assert_int_equal(try_write(r, file, 0, PIECE), -ENOSPC);
	assert_true(log_blocks(r) <= 2 * PIECE);
	r->f.v->mount->space = before;
	space_free(none);
	vfs_release(r->f.v, file);
	vfs_release(r->f.v, gone);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		RIG_TEST(test_closed_first),	RIG_TEST(test_larger_than_room),
		RIG_TEST(test_waiting),		RIG_TEST(test_outage),
		RIG_TEST(test_bad_luck),	RIG_TEST(test_refused),
		RIG_TEST(test_nothing_to_send), RIG_TEST(test_many_writers),
		RIG_TEST(test_pages),		RIG_TEST(test_given_back_later),
		RIG_TEST(test_log_hurried),	RIG_TEST(test_adopted_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
