/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Block caches that are damaged, cut short or of another boot, and disks
 * that are full.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vers3/cache/blocks.h"
#include "vers3/cache/space.h"

#include "blocks_rig.h"

static void test_boot_id(void **state)
{
	static const struct {
		const char *text; /* of the mark; NULL: no file */
		bool kept;
	} rows[] = {
		{"vers3 blocks 1\nboot other\nclean\n", true},
		{"vers3 blocks 1\nboot other\nopen\n", false},
		{"vers3 blocks 1\n", false},
		{"vers3 blocks 0\nboot other\nclean\n", false},
		{"", false},
		{NULL, false},
	};
	char *path = in_dir("state");
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct blocks *b = open_it(16 * MIB);
		FILE *f;

		put(b, 1, 1, 5000);
		blocks_close(b);
		if (rows[i].text) {
			f = fopen(path, "w");
			assert_non_null(f);
			fputs(rows[i].text, f);
			fclose(f);
		} else {
			unlink(path);
		}
		b = open_it(16 * MIB);
		assert_int_equal(get(b, 1, 1, 5000), rows[i].kept);
		assert_int_equal(stats(b).wiped, !rows[i].kept && rows[i].text);
		blocks_close(b);
	}
	free(path);
}

/* Ways to spoil `len` bytes at an offset of a file. */
enum damage {
	GARBAGE,
	ZEROS,
	ONES,
	BIT,
	CUT
};

static void spoil(const char *path, enum damage how, off_t at, size_t len)
{
	unsigned char buf[4096];
	int fd = open(path, O_RDWR | O_CLOEXEC);
	size_t i;

	assert_true(fd >= 0 && len <= sizeof(buf));
	if (how == CUT) {
		assert_int_equal(ftruncate(fd, at), 0);
	} else {
		assert_true(pread(fd, buf, len, at) >= 0);
		for (i = 0; i < len && how != BIT; i++)
			buf[i] = how == GARBAGE ? (unsigned char)rand()
				 : how == ZEROS ? 0
						: 0xff;
		if (how == BIT)
			buf[(size_t)rand() % len] ^=
				(unsigned char)(1 << rand() % 8);
		assert_int_equal(pwrite(fd, buf, len, at), len);
	}
	close(fd);
}

static void use_damaged(void)
{
	struct blocks *b = open_it(KEPT_MB * MIB);
	unsigned i;

	for (i = 0; i < 40; i++)
		get(b, 1, i, 1000);
	for (i = 0; i < 40; i++)
		get(b, 2, i, 5000);
	for (i = 0; i < 5; i++)
		get(b, 3, i, BLOCK_SIZE);
	/* Eviction goes through all that is left. */
	for (i = 5; i < 17; i++) {
		put(b, 2, i + 100, 5000);
		put(b, 3, i, BLOCK_SIZE);
	}
	blocks_flush(b);
	assert_true(get(b, 3, 16, BLOCK_SIZE));
	blocks_close(b);
	b = open_it(KEPT_MB * MIB);
	assert_true(get(b, 3, 16, BLOCK_SIZE));
	assert_int_equal(blocks_drop(b, NULL), 0);
	blocks_close(b);
}

static void spoil_page(const char *name, enum damage how, int page)
{
	struct blocks *b = open_it(KEPT_MB * MIB);
	char *path = in_dir(name);
	struct stat st;
	unsigned i;
	off_t pages;

	for (i = 0; i < 40; i++)
		put(b, 1, i, 1000);
	for (i = 0; i < 40; i++)
		put(b, 2, i, 5000);
	for (i = 0; i < 5; i++)
		put(b, 3, i, BLOCK_SIZE);
	blocks_close(b);
	assert_int_equal(stat(path, &st), 0);
	pages = st.st_size / 4096;
	spoil(path, how, (page < 0 ? rand() % pages : page % pages) * 4096,
	      4096);
	use_damaged();
	free(path);
}

static void test_damage(void **state)
{
	static const char *const files[] = {"tiny.mdb", "4k.mdb", "1m.mdb"};
	unsigned f, how;
	int page;

	(void)state;
	srand(1);
	for (f = 0; f < 3; f++)
		for (how = GARBAGE; how <= CUT; how++)
			for (page = -1; page < 5; page += 1 + (int)f)
				spoil_page(files[f], how, page);
}

/* A file whose making was cut short by a kill, at any length, is no damage. */
static void test_half_made(void **state)
{
	struct blocks *b = open_it(64 * MIB);
	char *path = in_dir("4k.mdb"), *part = in_dir("4k.mdb.new");
	int page;

	(void)state;
	put(b, 2, 1, 5000);
	blocks_close(b);
	for (page = 0; page < 5; page++) {
		assert_int_equal(rename(path, part), 0);
		spoil(part, CUT, page * 4096, 0);
		b = open_it(64 * MIB);
		assert_int_equal(stats(b).wiped, 0);
		assert_int_not_equal(access(part, F_OK), 0);
		put(b, 2, 1, 5000);
		blocks_flush(b);
		assert_true(get(b, 2, 1, 5000));
		blocks_close(b);
		b = open_it(64 * MIB);
		assert_true(get(b, 2, 1, 5000));
		blocks_close(b);
	}
	free(path);
	free(part);
}

/* Noticed while it is open, by the block's own checksum. */
static void test_damaged_bytes(void **state)
{
	static const unsigned char mark[] = "a run of bytes to be found again";
	struct blocks_key key = make_key(1, 1);
	unsigned char *data = calloc(1, BLOCK_SIZE), *found;
	char *path = in_dir("1m.mdb"), *file;
	struct blocks *b = open_it(16 * MIB);
	struct blocks_hit hit;
	struct stat st;
	int fd;

	(void)state;
	assert_non_null(data);
	memcpy(data + 700000, mark, sizeof(mark));
	assert_int_equal(blocks_put(b, &key, data, BLOCK_SIZE, NULL, NULL), 0);
	blocks_close(b);
	fd = open(path, O_RDWR | O_CLOEXEC);
	assert_int_equal(fstat(fd, &st), 0);
	file = malloc((size_t)st.st_size);
	assert_non_null(file);
	assert_int_equal(pread(fd, file, (size_t)st.st_size, 0), st.st_size);
	found = memmem(file, (size_t)st.st_size, mark, sizeof(mark));
	assert_non_null(found);
	assert_int_equal(pwrite(fd, "A", 1, (char *)found - file), 1);
	close(fd);
	b = open_it(16 * MIB);
	assert_true(blocks_has(b, &key));
	assert_int_equal(blocks_get(b, &key, &hit), -ENOENT);
	blocks_flush(b);
	assert_int_equal(stats(b).wiped, 1);
	assert_int_equal(blocks_put(b, &key, data, BLOCK_SIZE, NULL, NULL), 0);
	blocks_flush(b);
	assert_int_equal(blocks_get(b, &key, &hit), 0);
	assert_memory_equal(hit.data, data, BLOCK_SIZE);
	blocks_release(b, &hit);
	blocks_close(b);
	free(data);
	free(file);
	free(path);
}

/* As a full disk does it, the file cannot grow. */
static void test_disk_full(void **state)
{
	struct rlimit old, low;
	struct blocks *b = open_it(64 * MIB);
	unsigned i, kept = 0;

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	low = old;
	low.rlim_cur = 6 * MIB + 1000;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &low), 0);
	for (i = 0; i < 40; i++) {
		put(b, 1, i, BLOCK_SIZE);
		put(b, 2, i, 1000);
		blocks_flush(b);
	}
	for (i = 0; i < 40; i++)
		kept += get(b, 1, i, BLOCK_SIZE);
	assert_true(kept > 0 && kept < 40);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	put(b, 1, 50, BLOCK_SIZE);
	blocks_flush(b);
	assert_true(get(b, 1, 50, BLOCK_SIZE));
	for (i = 0; i < 40; i++)
		assert_true(get(b, 2, i, 1000));
	blocks_close(b);
}

/* On a disk without room there is a little, and nothing goes in vain. */
static void test_no_room(void **state)
{
	struct blocks *b = open_it(64 * MIB);
	struct space *space = NULL;
	unsigned i;

	(void)state;
	assert_int_equal(space_new(dir, UINT64_MAX, 0, &space), 0);
	blocks_watch(b, space);
	for (i = 0; i < 8; i++)
		put(b, 1, i, BLOCK_SIZE);
	blocks_flush(b);
	for (i = 0; i < 8; i++)
		assert_true(get(b, 1, i, BLOCK_SIZE));
	/* All of it would not do: none of it goes. */
	blocks_make_room(b, 1);
	assert_int_equal(stats(b).count, 8);
	assert_int_equal(stats(b).evicted, 0);
	assert_int_equal(stats(b).wiped, 0);
	blocks_close(b);
	space_free(space);
}

static void test_open_fails(void **state)
{
	struct blocks *b = NULL;
	char reason[256] = "";

	(void)state;
	assert_int_equal(blocks_open("/nonexistent/dir", MIB, reason,
				     sizeof(reason), &b),
			 -ENOENT);
	assert_non_null(strstr(reason, "/nonexistent/dir"));
	assert_null(b);
	blocks_close(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_boot_id),    TEST(test_damage),
		TEST(test_half_made),  TEST(test_damaged_bytes),
		TEST(test_disk_full),  TEST(test_no_room),
		TEST(test_open_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
