/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../remove_tree.h"
#include "vers3/cache/staging.h"
#include "vers3/util/log.h"

static char dir[64];

static int setup(void **state)
{
	struct staging *s = NULL;

	log_set_level(LOG_LEVEL_ERROR);
	strcpy(dir, "/tmp/t_staging.XXXXXX");
	if (!mkdtemp(dir) || staging_open(dir, &s))
		return -1;
	*state = s;
	return 0;
}

static int teardown(void **state)
{
	staging_close(*state);
	return remove_tree(dir);
}

static void file_path(uint64_t ino, char *path, size_t size)
{
	snprintf(path, size, "%s/staging/%02x/%016" PRIx64, dir,
		 (unsigned)(ino & 0xff), ino);
}

static bool exists(uint64_t ino)
{
	char path[128];

	file_path(ino, path, sizeof(path));
	return !access(path, F_OK);
}

/* It must come to stand at `wanted`. */
static int append(struct staging *s, uint64_t ino, const void *data, size_t len,
		  uint64_t wanted)
{
	uint64_t at = UINT64_MAX;
	int rc = staging_append_own(s, ino, data, len, &at);

	assert_int_equal(at, rc ? UINT64_MAX : wanted);
	return rc;
}

/* Sum of what the files take, asked of the disk. */
static uint64_t disk_bytes;

static int add_one(const char *path, const struct stat *st, int flag,
		   struct FTW *ftw)
{
	(void)path;
	(void)ftw;
	if (flag == FTW_F)
		disk_bytes += (uint64_t)st->st_blocks * 512;
	return 0;
}

static void assert_used(struct staging *s)
{
	disk_bytes = 0;
	nftw(dir, add_one, 16, FTW_PHYS);
	assert_int_equal(staging_used_bytes(s), disk_bytes);
}

static unsigned open_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	unsigned n = 0;

	assert_non_null(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

static void test_write_read(void **state)
{
	struct staging *s = *state;
	char path[128], buf[64], zeros[64] = {0};
	struct stat st;

	assert_false(exists(7));
	assert_int_equal(staging_read(s, 7, 0, buf, 1), -ENOENT);
	assert_int_equal(append(s, 7, "hel", 3, 0), 0);
	assert_true(exists(7));
	assert_int_equal(append(s, 7, "lo", 2, 3), 0);
	assert_int_equal(staging_read(s, 7, 0, buf, 5), 0);
	assert_memory_equal(buf, "hello", 5);
	/* Past the end. */
	memset(buf, 'x', sizeof(buf));
	assert_int_equal(staging_read(s, 7, 3, buf, 64), 0);
	assert_memory_equal(buf, "lo", 2);
	assert_memory_equal(buf + 2, zeros, 62);
	memset(buf, 'x', sizeof(buf));
	assert_int_equal(staging_read(s, 7, UINT64_C(1) << 40, buf, 64), 0);
	assert_memory_equal(buf, zeros, 64);
	file_path(7, path, sizeof(path));
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(st.st_size, 5);
	assert_used(s);
	assert_int_equal(staging_inode_bytes(s, 7), staging_used_bytes(s));
	assert_int_equal(staging_inode_bytes(s, 8), 0);
	/* An empty write makes the file. */
	assert_int_equal(append(s, 8, NULL, 0, 0), 0);
	assert_true(exists(8));
}

static void test_punch_remove(void **state)
{
	struct staging *s = *state;
	char *data = malloc(1 << 20), *back = malloc(1 << 20);
	uint64_t full;

	assert_non_null(data);
	assert_non_null(back);
	memset(data, 'd', 1 << 20);
	assert_int_equal(append(s, 1, data, 1 << 20, 0), 0);
	full = staging_used_bytes(s);
	assert_true(full >= 1 << 20);
	assert_used(s);
	assert_int_equal(staging_punch(s, 1, 65536, 131072), 0);
	assert_used(s);
	assert_int_equal(staging_read(s, 1, 0, back, 1 << 20), 0);
	memset(data + 65536, 0, 131072);
	assert_memory_equal(back, data, 1 << 20);
	assert_true(staging_used_bytes(s) < full);
	assert_int_equal(staging_remove(s, 1), 0);
	assert_false(exists(1));
	assert_int_equal(staging_used_bytes(s), 0);
	/* On what is not there nothing is to be done. */
	assert_int_equal(staging_remove(s, 1), 0);
	assert_int_equal(staging_punch(s, 1, 0, 10), 0);
	assert_int_equal(staging_sync(s, 1), -ENOENT);
	assert_false(exists(1));
	free(data);
	free(back);
}

static void test_dup(void **state)
{
	struct staging *s = *state;
	char buf[3];
	uint64_t at = 0;
	int fd = -1;

	assert_int_equal(staging_dup(s, 5, 0, &fd, &at), -ENOENT);
	assert_int_equal(fd, -1);
	assert_int_equal(append(s, 5, "abc", 3, 0), 0);
	assert_int_equal(staging_dup(s, 5, 1, &fd, &at), 0);
	assert_int_equal(at, 1);
	assert_int_equal(staging_remove(s, 5), 0);
	assert_int_equal(pread(fd, buf, 2, (off_t)at), 2);
	assert_memory_equal(buf, "bc", 2);
	assert_int_equal(write(fd, "x", 1), -1);
	close(fd);
}

static int refuse_file(void *ctx, uint64_t ino)
{
	(void)ctx;
	(void)ino;
	return -EEXIST;
}

/* It is nobody's file. */
static void test_scratch(void **state)
{
	struct staging *s = *state;
	char buf[3];
	int fd;

	assert_int_equal(staging_scratch(s, &fd), 0);
	assert_int_equal(staging_scratch_write(fd, 5, "abc", 3), 0);
	assert_int_equal(pread(fd, buf, 3, 5), 3);
	assert_memory_equal(buf, "abc", 3);
	assert_int_equal(staging_each(s, refuse_file, NULL), 0);
	close(fd);
}

static void test_no_symlink(void **state)
{
	struct staging *s = *state;
	char path[128], other[128], buf[4];
	int fd;

	snprintf(other, sizeof(other), "%s/other", dir);
	fd = open(other, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	file_path(9, path, sizeof(path));
	assert_int_equal(symlink(other, path), 0);
	assert_int_equal(append(s, 9, "evil", 4, 0), -ELOOP);
	assert_int_equal(staging_dup(s, 9, 0, &fd, &(uint64_t){0}), -ELOOP);
	assert_int_equal(pread(fd, buf, 4, 0), 0);
	close(fd);
}

/* More files than descriptors, all of them dirty, then made durable. */
static void test_many(void **state)
{
	struct staging *s = *state;
	unsigned before = open_fds(), round;
	uint64_t ino, back;

	for (round = 0; round < 2; round++)
		for (ino = 1; ino <= 1000; ino++)
			assert_int_equal(append(s, ino, &ino, sizeof(ino),
						round * sizeof(ino)),
					 0);
	assert_true(open_fds() <= before + 257);
	assert_used(s);
	for (ino = 1; ino <= 1000; ino += 3)
		assert_int_equal(staging_remove(s, ino), 0);
	assert_int_equal(staging_sync_all(s), 0);
	assert_int_equal(staging_sync_all(s), 0);
	for (ino = 1; ino <= 1000; ino++) {
		int want = ino % 3 == 1 ? -ENOENT : 0;

		assert_int_equal(staging_read(s, ino, sizeof(ino), &back,
					      sizeof(back)),
				 want);
		if (!want)
			assert_int_equal(back, ino);
	}
	assert_used(s);
}

static void test_sync_of_a_lost_file(void **state)
{
	struct staging *s = *state;
	char path[128];
	uint64_t ino;

	for (ino = 1; ino <= 400; ino++)
		assert_int_equal(append(s, ino, "a", 1, 0), 0);
	/* The first is no longer open: its loss is seen, and said once. */
	file_path(1, path, sizeof(path));
	assert_int_equal(unlink(path), 0);
	log_open("/dev/null", false);
	assert_int_equal(staging_sync_all(s), -ENOENT);
	log_open("stderr", false);
	assert_int_equal(staging_sync_all(s), 0);
	assert_int_equal(append(s, 1, "b", 1, 0), 0);
	assert_int_equal(staging_sync(s, 1), 0);
	assert_int_equal(staging_sync_all(s), 0);
}

struct found {
	struct staging *s;
	unsigned count;
	uint64_t sum;
};

static int note(void *ctx, uint64_t ino)
{
	struct found *f = ctx;

	f->count++;
	f->sum += ino;
	return 0;
}

static int note_and_remove(void *ctx, uint64_t ino)
{
	struct found *f = ctx;

	note(ctx, ino);
	return f->count % 2 ? staging_remove(f->s, ino) : 0;
}

static int stop(void *ctx, uint64_t ino)
{
	(void)ctx;
	(void)ino;
	return -ECANCELED;
}

static void test_sweep(void **state)
{
	struct found f = {.s = *state};
	char path[160];
	uint64_t used;
	int fd;

	assert_int_equal(staging_each(f.s, stop, NULL), 0);
	for (uint64_t ino = 250; ino < 270; ino++)
		assert_int_equal(
			append(f.s, ino << (ino % 40), "0123456789", 10, 0), 0);
	/* Not ours: another name, a name in a wrong place. */
	snprintf(path, sizeof(path), "%s/staging/00/readme", dir);
	fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	close(fd);
	snprintf(path, sizeof(path), "%s/staging/00/0000000000000001", dir);
	fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	close(fd);
	used = staging_used_bytes(f.s);
	staging_close(f.s);
	assert_int_equal(staging_open(dir, &f.s), 0);
	*state = f.s;
	assert_int_equal(staging_used_bytes(f.s), used);
	assert_int_equal(staging_each(f.s, note, &f), 0);
	assert_int_equal(f.count, 20);
	assert_int_equal(staging_each(f.s, stop, NULL), -ECANCELED);
	f.count = 0;
	assert_int_equal(staging_each(f.s, note_and_remove, &f), 0);
	assert_int_equal(f.count, 20);
	f.count = 0;
	assert_int_equal(staging_each(f.s, note, &f), 0);
	assert_int_equal(f.count, 10);
	assert_used(f.s);
}

struct crowd {
	struct staging *s;
	atomic_uint next, wrong;
	atomic_bool stop;
};

/* Each thread has inodes of its own, more than descriptors in all. */
static void *churn(void *arg)
{
	struct crowd *c = arg;
	uint64_t base = atomic_fetch_add(&c->next, 1) * 1000, ino, back, at;
	unsigned i;

	for (i = 0; i < 3000; i++) {
		ino = base + i % 300;
		back = 0;
		if (staging_append_own(c->s, ino, &ino, sizeof(ino), &at) ||
		    staging_read(c->s, ino, at, &back, sizeof(back)) ||
		    back != ino)
			atomic_fetch_add(&c->wrong, 1);
		if (i % 97 == 1 && staging_sync(c->s, ino))
			atomic_fetch_add(&c->wrong, 1);
		if (i % 5 == 0 && staging_remove(c->s, ino))
			atomic_fetch_add(&c->wrong, 1);
	}
	return NULL;
}

static void *sync_often(void *arg)
{
	struct crowd *c = arg;

	while (!atomic_load(&c->stop)) {
		if (staging_sync_all(c->s))
			atomic_fetch_add(&c->wrong, 1);
		usleep(20000);
	}
	return NULL;
}

static void test_threads(void **state)
{
	struct crowd c = {.s = *state};
	pthread_t threads[3], syncer;
	unsigned i;

	assert_int_equal(pthread_create(&syncer, NULL, sync_often, &c), 0);
	for (i = 0; i < 3; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, churn, &c),
				 0);
	for (i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	atomic_store(&c.stop, true);
	pthread_join(syncer, NULL);
	assert_int_equal(atomic_load(&c.wrong), 0);
	assert_int_equal(staging_sync_all(c.s), 0);
	assert_used(c.s);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_write_read),
		TEST(test_punch_remove),
		TEST(test_dup),
		TEST(test_scratch),
		TEST(test_no_symlink),
		TEST(test_many),
		TEST(test_sync_of_a_lost_file),
		TEST(test_sweep),
		TEST(test_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
