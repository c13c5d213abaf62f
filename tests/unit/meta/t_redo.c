/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a kill leaves: the files are copied while no commit can be made, and
 * the copy is opened as the next mount would. And a disk that is full, which
 * is made of calls that fail.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "../meta_fixture.h"
#include "../../../src/meta/redo.h"
#include "vers3/util/clock.h"
#include "vers3/util/log.h"

#define HEAD_BYTES 8192 /* of the log: where its records begin */

/* Files whose name ends so take nothing more; NULL: all do. */
static const char *_Atomic full_name;
static atomic_bool full_ahead; /* nor are blocks taken ahead */

static const char *_Atomic bad_name; /* as full_name: is not synced */

static bool has_name(int fd, const char *name)
{
	char link[64], path[512];
	ssize_t n;

	if (!name)
		return false;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof(path) - 1);
	if (n < (ssize_t)strlen(name))
		return false;
	path[n] = '\0';
	return !strcmp(path + n - strlen(name), name);
}

static bool is_full(int fd)
{
	return has_name(fd, atomic_load(&full_name));
}

int fdatasync(int fd)
{
	if (has_name(fd, atomic_load(&bad_name))) {
		errno = EIO;
		return -1;
	}
	return (int)syscall(SYS_fdatasync, fd);
}

static void set_bad(const char *name)
{
	atomic_store(&bad_name, name);
}

/*
 * In the place of libc's, for LMDB as well. The file's two first pages, which
 * end a commit, have their blocks.
 */
ssize_t pwrite(int fd, const void *data, size_t size, off_t offset)
{
	if (offset >= 8192 && is_full(fd)) {
		errno = ENOSPC;
		return -1;
	}
	return syscall(SYS_pwrite64, fd, data, size, offset);
}

ssize_t pwritev(int fd, const struct iovec *iov, int count, off_t offset)
{
	if (is_full(fd)) {
		errno = ENOSPC;
		return -1;
	}
	return syscall(SYS_pwritev, fd, iov, count, (long)offset, 0L);
}

ssize_t writev(int fd, const struct iovec *iov, int count)
{
	if (is_full(fd)) {
		errno = ENOSPC;
		return -1;
	}
	return syscall(SYS_writev, fd, iov, count);
}

int fallocate(int fd, int mode, off_t offset, off_t length)
{
	if (atomic_load(&full_ahead)) {
		errno = ENOSPC;
		return -1;
	}
	return (int)syscall(SYS_fallocate, fd, mode, offset, length);
}

static void set_full(const char *name, bool ahead)
{
	atomic_store(&full_ahead, ahead);
	atomic_store(&full_name, name);
}

/* A hook that holds commits up until it is let go. */
struct gate {
	atomic_bool open, waits;
};

static int wait_at_gate(void *ctx)
{
	struct timespec tick = clock_timespec(NS_PER_MS);
	struct gate *g = ctx;

	atomic_store(&g->waits, true);
	while (!atomic_load(&g->open))
		nanosleep(&tick, NULL);
	return 0;
}

static void open_gate(struct fixture *f, struct gate *g)
{
	atomic_store(&g->open, true);
	meta_sync(f->m);
	meta_set_precommit(f->m, NULL, NULL);
}

/* What a kill would leave now, as a fixture of its own that is not open. */
static struct fixture killed_copy(const struct fixture *f)
{
	struct fixture copy = {.m = NULL};
	char command[256];

	assert_int_equal(make_work_dir(copy.dir, sizeof(copy.dir), "t_redo"),
			 0);
	snprintf(command, sizeof(command), "cp -r --sparse=always %s/meta %s",
		 f->dir, copy.dir);
	assert_int_equal(system(command), 0);
	return copy;
}

static void drop_copy(struct fixture *copy)
{
	char command[128];

	meta_close(copy->m);
	copy->m = NULL;
	snprintf(command, sizeof(command), "rm -rf %s", copy->dir);
	assert_int_equal(system(command), 0);
}

static void log_path(const struct fixture *f, char *path, size_t size)
{
	snprintf(path, size, "%s/meta/redo", f->dir);
}

/* Nothing but what is in the tables. */
static void lose_log(const struct fixture *f)
{
	char path[128];

	log_path(f, path, sizeof(path));
	assert_int_equal(unlink(path), 0);
}

/* Changes a byte of the log. */
static void flip(const struct fixture *f, off_t at)
{
	unsigned char c;
	char path[128];
	int fd;

	log_path(f, path, sizeof(path));
	fd = open(path, O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(pread(fd, &c, 1, at), 1);
	c ^= 0x20;
	assert_int_equal(pwrite(fd, &c, 1, at), 1);
	close(fd);
}

/* The next mount is in another boot of the machine. */
static void lose_power(const struct fixture *f)
{
	flip(f, (off_t)strlen("vers3 redo 1\nboot "));
}

static void test_kill_undoes_nothing(void **state)
{
	struct fixture *f = *state, copy;
	struct gate g = {false, false};
	uint64_t id = 0, next = 0;

	fixture_put_locked(f->m, "old", "1");
	fixture_put_locked(f->m, "xa", "1");
	fixture_put_locked(f->m, "xb", "1");
	assert_int_equal(meta_sync(f->m), 0);
	meta_set_precommit(f->m, wait_at_gate, &g);
	fixture_put_locked(f->m, "new", "1");
	fixture_put_locked(f->m, "old", "2");
	assert_int_equal(meta_lock(f->m), 0);
	assert_int_equal(meta_del_prefix(f->m, META_VIEW, "x", 1), 0);
	fixture_put(f->m, "xc", "");
	fixture_put(f->m, "new", "2");
	assert_int_equal(meta_next_id(f->m, &id), 0);
	meta_unlock(f->m);
	assert_int_equal(meta_keep(f->m), 0);
	copy = killed_copy(f);
	fixture_reopen(&copy);
	fixture_has(copy.m, "old", "2");
	fixture_has(copy.m, "new", "2");
	fixture_has(copy.m, "xa", "");
	assert_int_equal(meta_lock(copy.m), 0);
	assert_int_equal(meta_count(copy.m, META_VIEW), 3);
	assert_int_equal(meta_next_id(copy.m, &next), 0);
	meta_unlock(copy.m);
	assert_true(next > id);
	/* It was made durable: no log is needed any more. */
	meta_close(copy.m);
	copy.m = NULL;
	lose_log(&copy);
	fixture_reopen(&copy);
	fixture_has(copy.m, "new", "2");
	drop_copy(&copy);
	/* A power cut takes what the log was not synced with. */
	copy = killed_copy(f);
	lose_power(&copy);
	fixture_reopen(&copy);
	fixture_has(copy.m, "old", "1");
	fixture_has(copy.m, "new", "");
	fixture_has(copy.m, "xa", "1");
	drop_copy(&copy);
	open_gate(f, &g);
}

/* Changes under one lock come back together, whatever is left of the log. */
static void test_torn(void **state)
{
	struct fixture *f = *state, copy;
	struct gate g = {false, false};
	char path[128];

	meta_set_precommit(f->m, wait_at_gate, &g);
	fixture_put_locked(f->m, "one", "1");
	assert_int_equal(meta_lock(f->m), 0);
	fixture_put(f->m, "two", "2");
	fixture_put(f->m, "three", "3");
	meta_unlock(f->m);
	/* A head of 32, and 8 with key and value for each: 44, then 58. */
	for (off_t end = HEAD_BYTES; end <= HEAD_BYTES + 44 + 57; end += 3) {
		bool first = end >= HEAD_BYTES + 44;

		copy = killed_copy(f);
		log_path(&copy, path, sizeof(path));
		assert_int_equal(truncate(path, end), 0);
		fixture_reopen(&copy);
		fixture_has(copy.m, "one", first ? "1" : "");
		fixture_has(copy.m, "two", "");
		fixture_has(copy.m, "three", "");
		drop_copy(&copy);
	}
	for (off_t at = HEAD_BYTES + 3; at < HEAD_BYTES + 44 + 58; at += 5) {
		copy = killed_copy(f);
		flip(&copy, at);
		fixture_reopen(&copy);
		fixture_has(copy.m, "one", at < HEAD_BYTES + 44 ? "" : "1");
		fixture_has(copy.m, "two", "");
		fixture_has(copy.m, "three", "");
		drop_copy(&copy);
	}
	open_gate(f, &g);
}

static void refuse_log(const struct fixture *f)
{
	char reason[512] = "";
	struct meta *m = NULL;

	assert_int_equal(meta_open(f->dir, FIXTURE_IDENTITY, reason,
				   sizeof(reason), &m),
			 -EPROTO);
	assert_non_null(strstr(reason, "with the vers3 that made it"));
	assert_null(m);
}

/*
 * One that has changes in a layout of which nothing is known is not passed
 * over; of another kind it says nothing, of another boot, only what is marked.
 */
static void test_of_others(void **state)
{
	struct fixture *f = *state, copy;
	struct gate g = {false, false};
	char path[128], head[HEAD_BYTES];
	const char *what[] = {"redo 1", "boot ", "meta ", "tables "};
	int fd;

	fixture_put_locked(f->m, "a", "1");
	fixture_reopen(f);
	meta_set_precommit(f->m, wait_at_gate, &g);
	fixture_put_locked(f->m, "a", "2");
	log_path(f, path, sizeof(path));
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_int_equal(read(fd, head, sizeof(head)), sizeof(head));
	close(fd);
	for (size_t i = 0; i < sizeof(what) / sizeof(*what); i++) {
		const char *at = strstr(head, what[i]);

		assert_non_null(at);
		copy = killed_copy(f);
		flip(&copy, at - head + (off_t)strlen(what[i]));
		/* Who knows it has all of it afterwards. */
		if (i >= 2) {
			refuse_log(&copy);
			flip(&copy, at - head + (off_t)strlen(what[i]));
		}
		fixture_reopen(&copy);
		fixture_has(copy.m, "a", i < 2 ? "1" : "2");
		drop_copy(&copy);
	}
	open_gate(f, &g);
	/* Without changes that are missing in the tables it is of no use. */
	meta_close(f->m);
	f->m = NULL;
	flip(f, strstr(head, "tables ") - head + (off_t)strlen("tables "));
	fixture_reopen(f);
	fixture_has(f->m, "a", "2");
}

/* A log that is still there after its changes were committed does nothing. */
static void test_stale(void **state)
{
	struct fixture *f = *state, copy;
	struct gate g = {false, false};
	char command[256];

	meta_set_precommit(f->m, wait_at_gate, &g);
	fixture_put_locked(f->m, "a", "1");
	fixture_put_locked(f->m, "b", "1");
	copy = killed_copy(f);
	open_gate(f, &g);
	/* Taken over, then killed before the log is emptied. */
	snprintf(command, sizeof(command), "cp %s/meta/redo %s/meta/kept",
		 copy.dir, copy.dir);
	assert_int_equal(system(command), 0);
	fixture_reopen(&copy);
	fixture_has(copy.m, "a", "1");
	fixture_put_locked(copy.m, "a", "2");
	meta_close(copy.m);
	copy.m = NULL;
	snprintf(command, sizeof(command), "cp %s/meta/kept %s/meta/redo",
		 copy.dir, copy.dir);
	assert_int_equal(system(command), 0);
	fixture_reopen(&copy);
	fixture_has(copy.m, "a", "2");
	fixture_has(copy.m, "b", "1");
	drop_copy(&copy);
}

/* Each sync is a promise that a loss of power does not break. */
static void test_power(void **state)
{
	struct fixture *f = *state, copy;
	struct gate g = {false, false};
	char val[16];

	for (int i = 0; i < 4; i++) {
		snprintf(val, sizeof(val), "%d", i);
		fixture_put_locked(f->m, "a", val);
		fixture_put_locked(f->m, "b", val);
		assert_int_equal(meta_sync(f->m), 0);
		copy = killed_copy(f);
		lose_power(&copy);
		fixture_reopen(&copy);
		fixture_has(copy.m, "a", val);
		fixture_has(copy.m, "b", val);
		/* And one after the other. */
		fixture_put_locked(copy.m, "a", "again");
		assert_int_equal(meta_sync(copy.m), 0);
		meta_set_precommit(copy.m, wait_at_gate, &g);
		fixture_put_locked(copy.m, "b", "never");
		{
			struct fixture second = killed_copy(&copy);

			lose_power(&second);
			fixture_reopen(&second);
			fixture_has(second.m, "a", "again");
			fixture_has(second.m, "b", val);
			drop_copy(&second);
		}
		open_gate(&copy, &g);
		atomic_store(&g.open, false);
		drop_copy(&copy);
	}
}

/* Cut off while it gets another identity: it is whole under the old one. */
static void test_identity_cut_off(void **state)
{
	struct fixture *f = *state, copy, second;

	assert_int_equal(meta_set_identity(f->m, "another"), 0);
	copy = killed_copy(f);
	fixture_reopen(&copy);
	fixture_put_locked(copy.m, "a", "1");
	assert_int_equal(meta_sync(copy.m), 0);
	second = killed_copy(&copy);
	lose_power(&second);
	fixture_reopen(&second);
	fixture_has(second.m, "a", "1");
	drop_copy(&second);
	drop_copy(&copy);
}

/* What stands behind a mark that is torn is not durable. */
static void test_torn_mark(void **state)
{
	struct fixture *f = *state, whole, copy;
	char path[128];

	fixture_put_locked(f->m, "one", "1");
	assert_int_equal(meta_sync(f->m), 0);
	fixture_put_locked(f->m, "two", "2");
	assert_int_equal(meta_sync(f->m), 0);
	whole = killed_copy(f);
	/* Twice a record of 32 + 8 + 4 bytes and a mark of 32. */
	for (off_t end = HEAD_BYTES; end <= HEAD_BYTES + 76 + 76; end += 4) {
		off_t is = end - HEAD_BYTES;

		copy = killed_copy(&whole);
		log_path(&copy, path, sizeof(path));
		assert_int_equal(truncate(path, end), 0);
		lose_power(&copy);
		fixture_reopen(&copy);
		fixture_has(copy.m, "one", is >= 76 ? "1" : "");
		fixture_has(copy.m, "two", is >= 152 ? "2" : "");
		drop_copy(&copy);
	}
	drop_copy(&whole);
}

/* A log that the disk did not take is none: the tables have it instead. */
static void test_log_not_synced(void **state)
{
	struct fixture *f = *state, copy;

	set_bad("/redo");
	fixture_put_locked(f->m, "a", "1");
	assert_int_equal(meta_sync(f->m), 0);
	set_bad(NULL);
	copy = killed_copy(f);
	lose_log(&copy);
	fixture_reopen(&copy);
	fixture_has(copy.m, "a", "1");
	drop_copy(&copy);
	/* And it is one again after that. */
	fixture_put_locked(f->m, "a", "2");
	assert_int_equal(meta_sync(f->m), 0);
	copy = killed_copy(f);
	lose_power(&copy);
	fixture_reopen(&copy);
	fixture_has(copy.m, "a", "2");
	drop_copy(&copy);
}

static int count_op(void *ctx, const struct redo_op *op)
{
	unsigned *count = ctx;

	(void)op;
	++*count;
	return 0;
}

/* How many changes of a transaction a log of that name gives back. */
static unsigned count_replayed(const char *path, uint64_t txn)
{
	uint64_t records = 0;
	unsigned count = 0;
	struct redo *r;

	assert_int_equal(redo_open(path, "plain", "of a test", &r), 0);
	assert_int_equal(redo_replay(r, txn, count_op, &count, &records), 0);
	redo_close(r);
	return count;
}

/* A sync that fails: nothing is recorded by halves, and the head comes anew. */
static void test_sync_between(void **state)
{
	struct fixture *f = *state;
	static const char none[HEAD_BYTES];
	struct redo *r;
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/redo", f->dir);
	assert_int_equal(redo_open(path, "plain", "of a test", &r), 0);
	redo_begin(r);
	redo_put(r, 0, "a", 1, "1", 1);
	set_bad("/redo");
	assert_int_equal(redo_sync(r), -EIO);
	set_bad(NULL);
	redo_put(r, 0, "b", 1, "1", 1);
	redo_record(r, 1);
	assert_false(redo_is_whole(r));
	assert_int_equal(count_replayed(path, 1), 0);
	/* As the disk has it that did not take the head. */
	fd = open(path, O_WRONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, none, sizeof(none), 0), sizeof(none));
	close(fd);
	redo_restart(r);
	assert_true(redo_is_whole(r));
	redo_put(r, 0, "a", 1, "2", 1);
	redo_put(r, 0, "b", 1, "2", 1);
	redo_record(r, 2);
	assert_int_equal(redo_mark(r, 2, 1), 0);
	assert_int_equal(redo_sync(r), 0);
	redo_close(r);
	assert_int_equal(count_replayed(path, 2), 2);
	assert_int_equal(unlink(path), 0);
}

static int fail_hook(void *ctx)
{
	return atomic_load((atomic_bool *)ctx) ? -EIO : 0;
}

/* What speaks of data that the disk did not take must not come back. */
static void test_data_failed(void **state)
{
	struct fixture *f = *state, copy;
	atomic_bool fails = true;

	log_set_level(LOG_LEVEL_ERROR);
	fixture_put_locked(f->m, "a", "1");
	assert_int_equal(meta_sync(f->m), 0);
	meta_set_precommit(f->m, fail_hook, &fails);
	fixture_put_locked(f->m, "a", "2");
	assert_int_equal(meta_sync(f->m), -EIO);
	fixture_put_locked(f->m, "a", "3");
	assert_int_equal(meta_keep(f->m), -EIO);
	for (int i = 0; i < 2; i++) {
		copy = killed_copy(f);
		if (i)
			lose_power(&copy);
		fixture_reopen(&copy);
		fixture_has(copy.m, "a", "1");
		drop_copy(&copy);
	}
	atomic_store(&fails, false);
	assert_int_equal(meta_keep(f->m), 0);
	fixture_put_locked(f->m, "a", "4");
	assert_int_equal(meta_keep(f->m), 0);
	copy = killed_copy(f);
	fixture_reopen(&copy);
	fixture_has(copy.m, "a", "4");
	drop_copy(&copy);
	meta_set_precommit(f->m, NULL, NULL);
}

/* Where the log has no room, what returns is on disk instead. */
static void test_log_full(void **state)
{
	struct fixture *f = *state, copy;

	fixture_put_locked(f->m, "a", "1");
	assert_int_equal(meta_sync(f->m), 0);
	for (int i = 0; i < 3; i++) {
		char val[2] = {(char)('2' + i), '\0'};

		set_full("/redo", false);
		fixture_put_locked(f->m, "a", val);
		set_full(NULL, false);
		fixture_put_locked(f->m, "b", val);
		assert_int_equal(meta_keep(f->m), 0);
		copy = killed_copy(f);
		fixture_reopen(&copy);
		fixture_has(copy.m, "a", val);
		fixture_has(copy.m, "b", val);
		drop_copy(&copy);
	}
}

/* A disk that is full when a commit comes: nothing is lost, and it goes on. */
static void test_disk_full(void **state)
{
	struct timespec tick = clock_timespec(NS_PER_MS);
	struct fixture *f = *state, copy;
	char big[3000];
	int rc = 0;

	memset(big, 'x', sizeof(big));
	fixture_put_locked(f->m, "a", "1");
	assert_int_equal(meta_sync(f->m), 0);
	assert_int_equal(meta_room(f->m), 0);
	set_full("/data.mdb", true);
	fixture_put_locked(f->m, "a", "2");
	assert_int_equal(meta_lock(f->m), 0);
	for (int i = 0; i < 100 && !rc; i++) {
		char key[16];

		snprintf(key, sizeof(key), "k%d", i);
		rc = meta_put(f->m, META_VIEW, key, strlen(key), big,
			      sizeof(big));
	}
	assert_int_equal(rc, 0);
	meta_unlock(f->m);
	/* The log has its blocks, and what it has is durable. */
	assert_int_equal(meta_sync(f->m), 0);
	copy = killed_copy(f);
	set_full(NULL, false);
	lose_power(&copy);
	fixture_reopen(&copy);
	fixture_has(copy.m, "a", "2");
	drop_copy(&copy);
	set_full("/data.mdb", true);
	while (!(rc = meta_room(f->m)))
		nanosleep(&tick, NULL);
	assert_int_equal(rc, -ENOSPC);
	/* Read, and changed by those who make room. */
	fixture_has(f->m, "a", "2");
	fixture_put_locked(f->m, "b", "1");
	assert_int_equal(meta_keep(f->m), 0);
	assert_int_equal(meta_sync(f->m), -ENOSPC);
	fixture_has(f->m, "b", "1");
	set_full(NULL, true);
	copy = killed_copy(f);
	set_full(NULL, false);
	fixture_reopen(&copy);
	fixture_has(copy.m, "a", "2");
	fixture_has(copy.m, "b", "1");
	drop_copy(&copy);
	assert_int_equal(meta_room(f->m), 0);
	assert_int_equal(meta_sync(f->m), 0);
	fixture_put_locked(f->m, "c", "1");
	assert_int_equal(meta_sync(f->m), 0);
	meta_close(f->m);
	f->m = NULL;
	lose_log(f);
	fixture_reopen(f);
	fixture_has(f->m, "a", "2");
	fixture_has(f->m, "b", "1");
	fixture_has(f->m, "c", "1");
	assert_int_equal(meta_lock(f->m), 0);
	assert_int_equal(meta_count(f->m, META_VIEW), 103);
	meta_unlock(f->m);
}

/* Closed while the disk is full: the log has it for the next mount. */
static void test_closed_full(void **state)
{
	struct fixture *f = *state;

	log_set_level(LOG_LEVEL_ERROR);
	fixture_put_locked(f->m, "a", "1");
	assert_int_equal(meta_sync(f->m), 0);
	set_full("/data.mdb", true);
	fixture_put_locked(f->m, "a", "2");
	meta_close(f->m);
	f->m = NULL;
	set_full(NULL, false);
	fixture_reopen(f);
	fixture_has(f->m, "a", "2");
}

/* A fixture that a test left with a full disk would fail the next. */
static int teardown(void **state)
{
	set_full(NULL, false);
	return fixture_teardown(state);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, fixture_setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_kill_undoes_nothing),
		TEST(test_torn),
		TEST(test_of_others),
		TEST(test_stale),
		TEST(test_power),
		TEST(test_identity_cut_off),
		TEST(test_torn_mark),
		TEST(test_log_not_synced),
		TEST(test_sync_between),
		TEST(test_data_failed),
		TEST(test_log_full),
		TEST(test_disk_full),
		TEST(test_closed_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
