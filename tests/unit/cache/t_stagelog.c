/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The staging log: places that are given once, claims that keep bytes, room
 * that is given back; mounts after it; a disk that takes nothing.
 */
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
#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../../../src/cache/stagelog.h"
#include "../remove_tree.h"
#include "vers3/cache/staging.h"
#include "vers3/meta/extent.h"
#include "vers3/util/log.h"

#define KIB UINT32_C(1024)
#define MIB (1024 * KIB)

static char dir[64];
static atomic_int sync_error; /* of what is written next */
static atomic_uint syncs;
static atomic_size_t write_limit; /* bytes of a pwrite; then it fails */

int fdatasync(int fd)
{
	int error = atomic_load(&sync_error);

	atomic_fetch_add(&syncs, 1);
	if (error) {
		errno = error;
		return -1;
	}
	return (int)syscall(SYS_fdatasync, fd);
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t offset)
{
	size_t limit = atomic_load(&write_limit);

	if (size > limit) {
		atomic_store(&write_limit, 0);
		if (!limit) {
			errno = ENOSPC;
			return -1;
		}
		size = limit;
	}
	return syscall(SYS_pwrite64, fd, data, size, offset);
}

static atomic_uint holes, unaligned_holes;

int fallocate(int fd, int mode, off_t offset, off_t size)
{
	atomic_fetch_add(&holes, 1);
	if ((offset | size) % 4096)
		atomic_fetch_add(&unaligned_holes, 1);
	return (int)syscall(SYS_fallocate, fd, mode, offset, size);
}

static int setup(void **state)
{
	struct staging *s = NULL;

	log_set_level(LOG_LEVEL_ERROR);
	atomic_store(&sync_error, 0);
	atomic_store(&write_limit, SIZE_MAX);
	strcpy(dir, "/tmp/t_stagelog.XXXXXX");
	if (!mkdtemp(dir) || staging_open(dir, &s))
		return -1;
	staging_begin(s);
	*state = s;
	return 0;
}

static int teardown(void **state)
{
	staging_close(*state);
	return remove_tree(dir);
}

/* A mount later; nothing is claimed yet. */
static struct staging *again(void **state)
{
	struct staging *s = NULL;

	staging_close(*state);
	assert_int_equal(staging_open(dir, &s), 0);
	*state = s;
	return s;
}

/* How many segments there are, and what they take. */
static unsigned segments(uint64_t *ret_bytes, uint64_t *ret_blocks)
{
	char path[400];
	unsigned count = 0;
	struct dirent *e;
	struct stat st;
	DIR *d;

	*ret_bytes = *ret_blocks = 0;
	snprintf(path, sizeof(path), "%s/staging/log", dir);
	d = opendir(path);
	assert_non_null(d);
	while ((e = readdir(d))) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/staging/log/%s", dir,
			 e->d_name);
		assert_int_equal(stat(path, &st), 0);
		*ret_bytes += (uint64_t)st.st_size;
		*ret_blocks += (uint64_t)st.st_blocks * 512;
		count++;
	}
	closedir(d);
	return count;
}

static unsigned count_segments(void)
{
	uint64_t bytes, blocks;

	return segments(&bytes, &blocks);
}

static uint64_t append(struct staging *s, uint64_t ino, const void *data,
		       size_t len)
{
	uint64_t at = 0;

	assert_int_equal(staging_append(s, ino, data, len, &at), 0);
	return at;
}

static void holds(struct staging *s, uint64_t ino, uint64_t at,
		  const void *data, size_t len)
{
	char *got = malloc(len);

	assert_non_null(got);
	assert_int_equal(staging_read(s, ino, at, got, len), 0);
	assert_memory_equal(got, data, len);
	free(got);
}

static unsigned char *bytes_of(unsigned seed, size_t size)
{
	unsigned char *data = malloc(size);

	assert_non_null(data);
	for (size_t i = 0; i < size; i++)
		data[i] = (unsigned char)(seed = seed * 1103515245 + 12345);
	return data;
}

/* Small ones stand one behind the other, in one file. */
static void test_append(void **state)
{
	struct staging *s = *state;
	uint64_t a = append(s, 5, "hello", 5), b = append(s, 6, "world", 5);
	uint64_t offset = 0;
	char buf[5];
	int fd = -1;

	assert_true(meta_extent_in_log(a));
	assert_int_equal(b, a + 5);
	holds(s, 5, a, "hello", 5);
	holds(s, 6, b + 1, "orld", 4);
	assert_int_equal(staging_read(s, 6, b, buf, 6), -EIO);
	assert_int_equal(staging_used_bytes(s), 10);
	assert_int_equal(staging_inode_bytes(s, 6), 5);
	assert_int_equal(staging_inode_bytes(s, 7), 0);
	assert_int_equal(count_segments(), 1);
	assert_int_equal(staging_dup(s, 6, b, &fd, &offset), 0);
	assert_int_equal(pread(fd, buf, 5, (off_t)offset), 5);
	assert_memory_equal(buf, "world", 5);
	assert_int_equal(write(fd, "x", 1), -1);
	close(fd);
	assert_int_equal(staging_dup(s, 6, b + (UINT64_C(9) << 32), &fd,
				     &offset),
			 -ENOENT);
	log_open("/dev/null", false);
	assert_int_equal(staging_read(s, 6, b + (UINT64_C(9) << 32), buf, 5),
			 -EIO);
	log_open("stderr", false);
}

/* Large appends, and inodes with much, have a file of their own. */
static void test_outgrown(void **state)
{
	struct staging *s = *state;
	unsigned char *data = bytes_of(1, 64 * KIB + 1);
	unsigned i = 0;

	assert_false(staging_outgrows(s, 5, 64 * KIB + 1));
	assert_false(meta_extent_in_log(append(s, 5, data, 64 * KIB + 1)));
	/* And keep it. */
	assert_false(meta_extent_in_log(append(s, 5, data, 1)));
	for (; i < 4; i++) {
		assert_false(staging_outgrows(s, 6, 64 * KIB));
		assert_true(meta_extent_in_log(append(s, 6, data, 64 * KIB)));
	}
	assert_true(staging_outgrows(s, 6, 1));
	assert_false(meta_extent_in_log(append(s, 6, data, 1)));
	assert_false(staging_outgrows(s, 6, 1));
	for (i = 0; i < STAGELOG_APPENDS_MAX; i++)
		assert_true(meta_extent_in_log(append(s, 7, data, 1)));
	assert_true(staging_outgrows(s, 7, 1));
	assert_true(staging_outgrows(s, 7, 1));
	/* All of it goes together. */
	assert_int_equal(staging_remove(s, 6), 0);
	assert_int_equal(staging_inode_bytes(s, 6), 0);
	assert_int_equal(staging_used_bytes(s),
			 staging_inode_bytes(s, 5) + STAGELOG_APPENDS_MAX);
	assert_true(meta_extent_in_log(append(s, 6, data, 1)));
	free(data);
}

/* Fills some segments: inode 1000 + i has the i-th piece. */
static unsigned fill(struct staging *s, unsigned from, uint64_t mib,
		     uint64_t *places)
{
	unsigned char *data = bytes_of(from, 64 * KIB);
	unsigned count = (unsigned)(mib * 16);

	for (unsigned i = from; i < from + count; i++) {
		memcpy(data, &i, sizeof(i));
		places[i] = append(s, 1000 + i, data, 64 * KIB);
	}
	free(data);
	return from + count;
}

static void is_filled(struct staging *s, unsigned i, uint64_t place)
{
	holds(s, 1000 + i, place, &i, sizeof(i));
}

/* A segment goes with its last claim; no place is given twice. */
static void test_segments(void **state)
{
	struct staging *s = *state;
	uint64_t *places = calloc(4096, sizeof(*places)), bytes, blocks, last;
	unsigned count = fill(s, 0, 130, places);

	assert_int_equal(count_segments(), 3);
	for (unsigned i = 0; i < count; i++)
		is_filled(s, i, places[i]);
	/* All but one of the first two, and the third. */
	for (unsigned i = 0; i < count; i++)
		if (i != 7)
			assert_int_equal(staging_remove(s, 1000 + i), 0);
	assert_int_equal(staging_used_bytes(s), 64 * KIB);
	assert_int_equal(count_segments(), 3);
	staging_tidy(s, false);
	/* One of one file is holes but for that; the last is of no use yet. */
	assert_int_equal(segments(&bytes, &blocks), 2);
	assert_true(blocks <= 256 * KIB);
	is_filled(s, 7, places[7]);
	last = append(s, 5, "a", 1);
	assert_true(last > places[count - 1]);
	assert_int_equal(staging_remove(s, 1007), 0);
	staging_tidy(s, false);
	assert_int_equal(count_segments(), 1);
	holds(s, 5, last, "a", 1);
	/* A little that nobody wants is left for what comes next. */
	assert_int_equal(staging_remove(s, 5), 0);
	staging_tidy(s, false);
	assert_int_equal(append(s, 5, "b", 1), last + 1);
	assert_int_equal(count_segments(), 1);
	assert_int_equal(staging_remove(s, 5), 0);
	/* The number outlives the bytes. */
	s = again(state);
	staging_begin(s);
	assert_int_equal(segments(&bytes, &blocks), 1);
	assert_int_equal(bytes, 0);
	bytes = append(s, 5, "c", 1);
	assert_true(bytes >> 32 > last >> 32);
	staging_tidy(s, false);
	assert_int_equal(count_segments(), 1);
	free(places);
}

/* Holes come when half is dead, and at once for whoever needs the room. */
static void test_holes(void **state)
{
	struct staging *s = *state;
	uint64_t places[160], bytes, before, blocks;
	unsigned count = fill(s, 0, 10, places), i;

	assert_int_equal(staging_sync_all(s), 0);
	segments(&bytes, &before);
	for (i = 0; i < count / 4; i++)
		assert_int_equal(staging_remove(s, 1000 + i * 3), 0);
	staging_tidy(s, false);
	segments(&bytes, &blocks);
	assert_int_equal(blocks, before);
	staging_tidy(s, true);
	segments(&bytes, &blocks);
	assert_true(blocks <= before - (count / 4 - 1) * 64 * KIB);
	for (i = 0; i < count; i++)
		if (i % 3 || i >= count / 4 * 3)
			is_filled(s, i, places[i]);
	/* The current one goes on behind. */
	bytes = append(s, 5, "on", 2);
	assert_true(bytes > places[count - 1]);
	for (i = 0; i < count - 8; i++)
		assert_int_equal(staging_remove(s, 1000 + i), 0);
	staging_tidy(s, false);
	segments(&bytes, &blocks);
	assert_true(blocks <= 10 * 64 * KIB);
	for (i = count - 8; i < count; i++)
		is_filled(s, i, places[i]);
	assert_int_equal(staging_used_bytes(s), 8 * 64 * KIB + 2);
}

/* A segment that had holes when it was young has more when it is old. */
static void test_holes_again(void **state)
{
	struct staging *s = *state;
	uint64_t *places = calloc(1024, sizeof(*places)), bytes, blocks;
	unsigned young = fill(s, 0, 3, places), old, i;

	assert_int_equal(staging_sync_all(s), 0);
	for (i = 1; i < young; i++)
		assert_int_equal(staging_remove(s, 1000 + i), 0);
	staging_tidy(s, false);
	segments(&bytes, &blocks);
	assert_true(blocks <= MIB);
	old = fill(s, young, 30, places);
	assert_int_equal(staging_sync_all(s), 0);
	for (i = young; i < old; i++)
		if (i % 200)
			assert_int_equal(staging_remove(s, 1000 + i), 0);
	staging_tidy(s, false);
	assert_int_equal(segments(&bytes, &blocks), 1);
	assert_true(blocks <= MIB);
	for (i = 0; i < old; i += 200)
		is_filled(s, i, places[i]);
	free(places);
}

/* No page that has somebody's bytes is written for a hole beside them. */
static void test_holes_between(void **state)
{
	struct staging *s = *state;
	unsigned char *data = bytes_of(3, 1000);
	uint64_t places[3000], bytes, blocks;

	for (unsigned i = 0; i < 3000; i++)
		places[i] = append(s, 1000 + i, data, 1000);
	assert_int_equal(staging_sync_all(s), 0);
	for (unsigned i = 0; i < 3000; i++)
		if (i % 30)
			assert_int_equal(staging_remove(s, 1000 + i), 0);
	atomic_store(&holes, 0);
	atomic_store(&unaligned_holes, 0);
	staging_tidy(s, false);
	assert_true(atomic_load(&holes) >= 90);
	assert_int_equal(atomic_load(&unaligned_holes), 0);
	segments(&bytes, &blocks);
	assert_true(blocks <= MIB);
	for (unsigned i = 0; i < 3000; i += 30)
		holds(s, 1000 + i, places[i], data, 1000);
	free(data);
}

/* What a mount before has left is kept as it is claimed, and no other. */
static void test_claims(void **state)
{
	struct staging *s = *state;
	uint64_t *places = calloc(4096, sizeof(*places)), at;
	unsigned count = fill(s, 0, 70, places);

	s = again(state);
	log_open("/dev/null", false);
	assert_int_equal(staging_claim(s, 5, META_LOG_AT + (UINT64_C(77) << 32),
				       1),
			 -EIO);
	log_open("stderr", false);
	assert_int_equal(staging_claim(s, 1003, places[3], 64 * KIB), 0);
	/* Not before all is known. */
	staging_tidy(s, true);
	assert_int_equal(count_segments(), 2);
	is_filled(s, count - 1, places[count - 1]);
	at = append(s, 1003, "new", 3);
	assert_true(at > places[count - 1]);
	staging_begin(s);
	assert_int_equal(count_segments(), 2);
	is_filled(s, 3, places[3]);
	holds(s, 1003, at, "new", 3);
	assert_int_equal(staging_inode_bytes(s, 1003), 64 * KIB + 3);
	staging_leave_log(s, 1003);
	staging_tidy(s, false);
	assert_int_equal(count_segments(), 1);
	assert_int_equal(staging_used_bytes(s), 0);
	free(places);
}

/* Nothing is known of what is there: nothing of it goes. */
static void test_not_begun(void **state)
{
	struct staging *s = *state;
	uint64_t at = append(s, 5, "abc", 3);

	s = again(state);
	staging_leave_log(s, 5);
	staging_tidy(s, true);
	append(s, 6, "def", 3);
	staging_leave_log(s, 6);
	s = again(state);
	holds(s, 5, at, "abc", 3);
	assert_int_equal(count_segments(), 2);
}

/* One sync for all; none for nothing. */
static void test_sync(void **state)
{
	struct staging *s = *state;
	unsigned before;
	uint64_t at;

	for (uint64_t ino = 5; ino < 500; ino++)
		append(s, ino, "data", 4);
	before = atomic_load(&syncs);
	assert_int_equal(staging_sync_all(s), 0);
	assert_int_equal(atomic_load(&syncs), before + 1);
	assert_int_equal(staging_sync_all(s), 0);
	assert_int_equal(staging_sync(s, 7), 0);
	assert_int_equal(staging_sync(s, 4), -ENOENT);
	assert_int_equal(atomic_load(&syncs), before + 1);
	/* What is durable has its pages for itself. */
	at = append(s, 5, "more", 4);
	assert_int_equal(at % 4096, 0);
	assert_int_equal(append(s, 6, "more", 4), at + 4);
	assert_int_equal(staging_sync(s, 6), 0);
	assert_int_equal(atomic_load(&syncs), before + 2);
	assert_int_equal(staging_sync_all(s), 0);
	assert_int_equal(atomic_load(&syncs), before + 2);
}

/* What a disk has not taken once is not said to be there later. */
static void test_sync_fails(void **state)
{
	struct staging *s = *state;
	uint64_t before = append(s, 5, "a", 1), after;

	assert_int_equal(staging_sync_all(s), 0);
	append(s, 5, "b", 1);
	atomic_store(&sync_error, EIO);
	assert_int_equal(staging_sync_all(s), -EIO);
	atomic_store(&sync_error, 0);
	assert_int_equal(staging_sync_all(s), -EIO);
	assert_int_equal(staging_sync(s, 5), -EIO);
	/* Others are not harmed. */
	after = append(s, 6, "c", 1);
	assert_true(after >> 32 > before >> 32);
	assert_int_equal(staging_sync(s, 6), 0);
	assert_int_equal(staging_sync_all(s), -EIO);
	assert_int_equal(staging_remove(s, 5), 0);
	assert_int_equal(staging_sync_all(s), 0);
	staging_tidy(s, false);
	assert_int_equal(count_segments(), 1);
	holds(s, 6, after, "c", 1);
}

/* A disk that is full harms who writes to it, and no other. */
static void test_full(void **state)
{
	struct staging *s = *state;
	uint64_t a = append(s, 5, "aaaa", 4), at = 1, b;

	for (size_t limit = 0; limit < 4; limit += 3) {
		atomic_store(&write_limit, limit);
		assert_int_equal(staging_append(s, 6, "bbbb", 4, &at), -ENOSPC);
		assert_int_equal(at, 1);
		assert_int_equal(staging_inode_bytes(s, 6), 0);
		atomic_store(&write_limit, 0);
		assert_int_equal(staging_append(s, 5, "bbbb", 4, &at), -ENOSPC);
		assert_int_equal(staging_inode_bytes(s, 5), 4);
		atomic_store(&write_limit, SIZE_MAX);
	}
	b = append(s, 6, "bbbb", 4);
	assert_int_equal(staging_sync_all(s), 0);
	holds(s, 5, a, "aaaa", 4);
	holds(s, 6, b, "bbbb", 4);
	assert_int_equal(staging_used_bytes(s), 8);
}

struct crowd {
	struct staging *s;
	atomic_uint next, wrong;
	atomic_bool stop;
};

#define MINE 64

/* Each thread has inodes of its own, and reads what it has written. */
static void *churn(void *arg)
{
	struct crowd *c = arg;
	uint64_t base = 1 + 1000 * (uint64_t)atomic_fetch_add(&c->next, 1);
	uint64_t at[MINE] = {0};
	char data[9000];

	for (unsigned i = 0; i < 6000; i++) {
		uint64_t ino = base + i % MINE, back = 0;
		size_t len = 8 + i * 37 % 8000;

		if (at[i % MINE] &&
		    (staging_read(c->s, ino, at[i % MINE], &back, 8) ||
		     back != ino))
			atomic_fetch_add(&c->wrong, 1);
		memset(data, 0, sizeof(data));
		memcpy(data, &ino, sizeof(ino));
		if (i % 7 == 3) {
			if (staging_remove(c->s, ino))
				atomic_fetch_add(&c->wrong, 1);
			staging_tidy(c->s, i % 2);
			at[i % MINE] = 0;
		} else if (staging_append(c->s, ino, data, len,
					  &at[i % MINE])) {
			atomic_fetch_add(&c->wrong, 1);
		}
		if (i % 97 == 1 && at[i % MINE] && staging_sync(c->s, ino))
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
		usleep(5000);
	}
	return NULL;
}

static void test_threads(void **state)
{
	struct crowd c = {.s = *state};
	pthread_t threads[4], syncer;

	assert_int_equal(pthread_create(&syncer, NULL, sync_often, &c), 0);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, churn, &c),
				 0);
	for (unsigned i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	atomic_store(&c.stop, true);
	pthread_join(syncer, NULL);
	assert_int_equal(atomic_load(&c.wrong), 0);
	for (uint64_t i = 0; i < 4; i++)
		for (uint64_t ino = 0; ino < MINE; ino++)
			assert_int_equal(
				staging_remove(c.s, 1 + 1000 * i + ino), 0);
	staging_tidy(c.s, false);
	assert_int_equal(staging_used_bytes(c.s), 0);
	assert_int_equal(count_segments(), 1);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_append),	TEST(test_outgrown),
		TEST(test_segments),	TEST(test_holes),
		TEST(test_holes_again), TEST(test_holes_between),
		TEST(test_claims),	TEST(test_not_begun),
		TEST(test_sync),	TEST(test_sync_fails),
		TEST(test_full),	TEST(test_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
