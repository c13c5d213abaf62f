/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Content is a function of the key, so every block that is found can be
 * checked wherever it comes from; "absent" is always a legal answer, wrong
 * bytes never are.
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
#include <signal.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vers3/cache/blocks.h"

#include "blocks_rig.h"

static const size_t sizes[] = {
	0,     1,     100,   1984,   1985,   4096,	     8000,	8161,
	16384, 16385, 65536, 100000, 262144, BLOCK_SIZE - 1, BLOCK_SIZE};

#define SIZES (sizeof(sizes) / sizeof(sizes[0]))

/* What the files take on disk, the mark included. */
static uint64_t disk_bytes(void)
{
	char *path = in_dir("");
	DIR *d = opendir(path);
	struct dirent *e;
	struct stat st;
	uint64_t sum = 0;

	assert_non_null(d);
	while ((e = readdir(d)))
		if (e->d_name[0] != '.' &&
		    !fstatat(dirfd(d), e->d_name, &st, 0))
			sum += (uint64_t)st.st_blocks * 512;
	closedir(d);
	free(path);
	return sum;
}

static void test_put_get(void **state)
{
	struct blocks_key key = make_key(0, 0);
	struct blocks *b = open_it(64 * MIB);
	struct blocks_stats st;
	size_t i;

	(void)state;
	atomic_store(&done_count, 0);
	for (i = 0; i < SIZES; i++)
		put(b, (unsigned)i, i % 3, sizes[i]);
	blocks_flush(b);
	assert_int_equal(atomic_load(&done_count), SIZES);
	for (i = 0; i < SIZES; i++) {
		key = make_key((unsigned)i, i % 3);
		assert_true(blocks_has(b, &key));
		assert_true(get(b, (unsigned)i, i % 3, sizes[i]));
		assert_true(get(b, (unsigned)i, i % 3, sizes[i]));
		key.number += 7;
		assert_false(blocks_has(b, &key));
		assert_false(get(b, (unsigned)i, i % 3 + 7, sizes[i]));
	}
	st = stats(b);
	assert_int_equal(st.count, SIZES);
	assert_int_equal(st.hits, 2 * SIZES);
	assert_int_equal(st.misses, SIZES);
	assert_true(st.used_bytes > 0 && st.used_bytes < 64 * MIB);
	assert_int_equal(blocks_put(b, &key, "", BLOCK_SIZE + 1, NULL, NULL),
			 -EINVAL);
	/* Twice the same block is one block. */
	put(b, 0, 0, sizes[0]);
	put(b, 14, 2, sizes[14]);
	blocks_flush(b);
	assert_int_equal(stats(b).count, SIZES);
	blocks_close(b);
}

struct handover {
	struct blocks *blocks;
	struct blocks_key key;
	atomic_uint done, found;
};

/*
 * Runs on the writer's thread; that it asks the cache, which done() is not
 * to do, is what makes the answer that of this very moment.
 */
static void look_for_it(void *arg)
{
	struct handover *h = arg;

	if (blocks_has(h->blocks, &h->key))
		atomic_fetch_add(&h->found, 1);
	atomic_fetch_add(&h->done, 1);
}

/* Who holds a block until done() leaves no moment when nobody has it. */
static void test_done_when_found(void **state)
{
	struct blocks *b = open_it(64 * MIB);
	static unsigned char data[BLOCK_SIZE];
	struct handover h[12];
	unsigned i;

	(void)state;
	for (i = 0; i < 12; i++) {
		h[i].blocks = b;
		h[i].key = make_key(1, i);
		atomic_init(&h[i].done, 0);
		atomic_init(&h[i].found, 0);
		assert_int_equal(blocks_put(b, &h[i].key, data,
					    i % 2 ? sizeof(data) : 4096,
					    look_for_it, &h[i]),
				 0);
	}
	blocks_flush(b);
	for (i = 0; i < 12; i++) {
		assert_int_equal(h[i].done, 1);
		assert_int_equal(h[i].found, 1);
	}
	blocks_close(b);
}

/* Blocks of holes take no room, however many, and outlive the process. */
static void test_zeros(void **state)
{
	static char data[BLOCK_SIZE];
	struct blocks *b = open_it(16 * MIB);
	struct blocks_key key;
	struct blocks_hit hit;

	(void)state;
	for (unsigned i = 0; i < 200; i++) {
		key = make_key(7, i);
		assert_int_equal(blocks_put(b, &key, data,
					    i % 2 ? BLOCK_SIZE : 5000, NULL,
					    NULL),
				 0);
	}
	blocks_flush(b);
	for (int round = 0; round < 2; round++) {
		assert_int_equal(stats(b).count, 200);
		assert_true(stats(b).used_bytes < 2 * MIB);
		for (unsigned i = 0; i < 200; i++) {
			key = make_key(7, i);
			assert_int_equal(blocks_get(b, &key, &hit), 0);
			assert_int_equal(hit.size, i % 2 ? BLOCK_SIZE : 5000);
			assert_memory_equal(hit.data, data, hit.size);
			blocks_release(b, &hit);
		}
		blocks_close(b);
		b = open_it(16 * MIB);
	}
	/* One byte makes it another block. */
	data[BLOCK_SIZE / 2] = 1;
	key = make_key(8, 0);
	assert_int_equal(blocks_put(b, &key, data, BLOCK_SIZE, NULL, NULL), 0);
	blocks_flush(b);
	assert_int_equal(blocks_get(b, &key, &hit), 0);
	assert_memory_equal(hit.data, data, BLOCK_SIZE);
	blocks_release(b, &hit);
	assert_true(stats(b).used_bytes > BLOCK_SIZE);
	blocks_close(b);
	data[BLOCK_SIZE / 2] = 0;
}

static void test_reopen(void **state)
{
	struct blocks *b = open_it(64 * MIB);
	unsigned round;
	size_t i;

	(void)state;
	for (i = 0; i < SIZES; i++)
		put(b, (unsigned)i, 0, sizes[i]);
	blocks_close(b);
	for (round = 0; round < 2; round++) {
		b = open_it(64 * MIB);
		assert_int_equal(stats(b).wiped, 0);
		assert_int_equal(stats(b).count, SIZES);
		for (i = 0; i < SIZES; i++)
			assert_true(get(b, (unsigned)i, 0, sizes[i]));
		blocks_close(b);
	}
}

static void test_limit(void **state)
{
	const uint64_t limit = 16 * MIB;
	struct blocks *b = open_it(limit);
	unsigned i;

	(void)state;
	for (i = 0; i < 160; i++) {
		put(b, i, i, i % 4 ? BLOCK_SIZE : sizes[i / 4 % SIZES]);
		if (i % 8 != 7)
			continue;
		blocks_flush(b);
		assert_true(stats(b).used_bytes <= limit);
		assert_true(disk_bytes() <= limit + 8192);
	}
	for (i = 0; i < 160; i++) {
		size_t size = i % 4 ? BLOCK_SIZE : sizes[i / 4 % SIZES];
		bool there = get(b, i, i, size);

		assert_true(i > 8 || !there);
		assert_true(i < 160 - KEPT_MB || there);
	}
	assert_true(stats(b).evicted > 100);
	assert_int_equal(stats(b).wiped, 0);
	blocks_close(b);
}

static void test_small_blocks_find_room(void **state)
{
	const uint64_t limit = 8 * MIB;
	struct blocks *b = open_it(limit);
	unsigned i;

	(void)state;
	for (i = 0; i < 16; i++)
		put(b, 1, i, BLOCK_SIZE);
	for (i = 0; i < 3000; i++)
		put(b, 2, i, 4000);
	blocks_flush(b);
	assert_true(disk_bytes() <= limit + 8192);
	assert_true(get(b, 2, 2999, 4000));
	assert_false(get(b, 2, 0, 4000));
	for (i = 0; i < 16; i++)
		assert_false(get(b, 1, i, BLOCK_SIZE));
	for (i = 0; i < 16; i++)
		put(b, 1, i, BLOCK_SIZE);
	blocks_flush(b);
	assert_true(get(b, 1, 15, BLOCK_SIZE));
	assert_true(disk_bytes() <= limit + 8192);
	blocks_close(b);
}

static void test_oldest_used_goes_first(void **state)
{
	struct blocks *b = open_it(32 * MIB);
	unsigned i;

	(void)state;
	for (i = 0; i < 24; i++)
		put(b, 1, i, BLOCK_SIZE);
	blocks_flush(b);
	assert_true(get(b, 1, 0, BLOCK_SIZE));
	assert_true(get(b, 1, 2, BLOCK_SIZE));
	/* Also over a restart. */
	blocks_close(b);
	b = open_it(32 * MIB);
	for (i = 24; i < 40; i++)
		put(b, 1, i, BLOCK_SIZE);
	blocks_flush(b);
	assert_true(get(b, 1, 0, BLOCK_SIZE));
	assert_false(get(b, 1, 1, BLOCK_SIZE));
	assert_true(get(b, 1, 2, BLOCK_SIZE));
	assert_false(get(b, 1, 3, BLOCK_SIZE));
	assert_true(get(b, 1, 39, BLOCK_SIZE));
	blocks_close(b);
}

static void test_set_limit(void **state)
{
	static const uint64_t limits[] = {20 * MIB, 6 * MIB, 2 * MIB,
					  100000,   0,	     24 * MIB};
	struct blocks *b = open_it(32 * MIB);
	size_t i, j;

	(void)state;
	for (i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		for (j = 0; j < 24; j++) {
			put(b, 1, j, BLOCK_SIZE);
			put(b, 2, j, 3000);
		}
		blocks_set_limit(b, limits[i]);
		blocks_flush(b);
		assert_int_equal(stats(b).limit_bytes, limits[i]);
		assert_true(stats(b).used_bytes <= limits[i]);
		assert_true(disk_bytes() <= limits[i] + 8192);
		if (!limits[i])
			assert_int_equal(stats(b).count, 0);
	}
	put(b, 1, 99, BLOCK_SIZE);
	blocks_flush(b);
	assert_true(get(b, 1, 99, BLOCK_SIZE));
	blocks_close(b);
}

static void test_drop(void **state)
{
	struct blocks_key key = make_key(2, 0);
	struct blocks *b = open_it(64 * MIB);
	unsigned i;

	(void)state;
	for (i = 0; i < 600; i++) {
		put(b, 1, i, 1000);
		put(b, 2, i, 1000 + i * 8);
		put(b, 3, i, 3000);
	}
	put(b, 2, 600, BLOCK_SIZE);
	assert_int_equal(blocks_drop(b, key.id), 0);
	assert_int_equal(stats(b).count, 1200);
	for (i = 0; i < 600; i++) {
		assert_true(get(b, 1, i, 1000));
		assert_false(get(b, 2, i, 1000 + i * 8));
		assert_true(get(b, 3, i, 3000));
	}
	assert_false(get(b, 2, 600, BLOCK_SIZE));
	assert_int_equal(blocks_drop(b, NULL), 0);
	assert_int_equal(stats(b).count, 0);
	put(b, 1, 0, 1000);
	blocks_flush(b);
	assert_true(get(b, 1, 0, 1000));
	blocks_close(b);
}

/* What a hit shows stays, whatever becomes of the block meanwhile. */
static void test_held_hit(void **state)
{
	struct blocks_key key = make_key(1, 0);
	unsigned char *want = malloc(BLOCK_SIZE);
	struct blocks *b = open_it(16 * MIB);
	struct blocks_hit hit, again;
	unsigned i;

	(void)state;
	assert_non_null(want);
	fill(&key, want, BLOCK_SIZE);
	put(b, 1, 0, BLOCK_SIZE);
	blocks_flush(b);
	assert_int_equal(blocks_get(b, &key, &hit), 0);
	for (i = 1; i < 40; i++)
		put(b, 1, i, BLOCK_SIZE);
	blocks_flush(b);
	assert_memory_equal(hit.data, want, BLOCK_SIZE);
	assert_int_equal(blocks_get(b, &key, &again), 0);
	blocks_drop(b, key.id);
	assert_int_equal(blocks_drop(b, NULL), 0);
	put(b, 2, 0, BLOCK_SIZE);
	blocks_flush(b);
	assert_memory_equal(hit.data, want, BLOCK_SIZE);
	assert_memory_equal(again.data, want, BLOCK_SIZE);
	blocks_release(b, &hit);
	blocks_release(b, &again);
	blocks_release(b, &again);
	assert_true(get(b, 2, 0, BLOCK_SIZE));
	assert_true(stats(b).used_bytes <= 16 * MIB);
	blocks_close(b);
	free(want);
}

/* The other end of test_kill: writes for ever and tells how it goes on. */
static int write_for_ever(const char *path, int fd)
{
	struct blocks *b;
	unsigned i;

	snprintf(dir, sizeof(dir), "%s", path);
	b = open_it(12 * MIB);
	for (i = 0;; i++) {
		put(b, 1, i % 64, sizes[i % 64 % SIZES]);
		put(b, 2, i % 64, BLOCK_SIZE);
		if (i % 8 == 7 && write(fd, "f", 1) != 1)
			return 1;
	}
}

static void test_kill(void **state)
{
	unsigned round, i;
	int fds[2];
	char c;

	(void)state;
	for (round = 0; round < 6; round++) {
		struct blocks *b;
		pid_t pid;

		/* So that the other end dies with this one. */
		assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
		pid = fork();
		assert_true(pid >= 0);
		if (!pid) {
			dup2(fds[1], STDOUT_FILENO);
			execl("/proc/self/exe", "t_blocks", dir, (char *)NULL);
			_exit(127);
		}
		close(fds[1]);
		for (i = 0; i < 5 + round; i++)
			assert_int_equal(read(fds[0], &c, 1), 1);
		usleep(1000 * (round * 7 % 10));
		kill(pid, SIGKILL);
		assert_int_equal(waitpid(pid, NULL, 0), pid);
		close(fds[0]);
		b = open_it(12 * MIB);
		assert_int_equal(stats(b).wiped, 0);
		assert_true(stats(b).count > 0);
		assert_true(disk_bytes() <= 12 * MIB + 8192);
		for (i = 0; i < 64; i++) {
			get(b, 1, i, sizes[i % SIZES]);
			get(b, 2, i, BLOCK_SIZE);
		}
		blocks_close(b);
	}
}

struct crowd {
	struct blocks *b;
	atomic_bool stop;
	atomic_uint wrong, hits;
};

static void *read_all(void *arg)
{
	struct crowd *c = arg;
	unsigned char *want = malloc(BLOCK_SIZE);
	unsigned i;

	/* cmocka's asserts are for the main thread. */
	for (i = 0; want && !atomic_load(&c->stop); i++) {
		size_t size = i % 3 ? BLOCK_SIZE : 3000;
		struct blocks_key key = make_key(i % 3, i / 3 % 20);
		struct blocks_hit hit;

		if (blocks_get(c->b, &key, &hit))
			continue;
		fill(&key, want, size);
		if (hit.size != size || memcmp(hit.data, want, size) != 0)
			atomic_fetch_add(&c->wrong, 1);
		atomic_fetch_add(&c->hits, 1);
		blocks_release(c->b, &hit);
	}
	free(want);
	return NULL;
}

static void test_readers_and_eviction(void **state)
{
	static const int fatal[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL};
	struct crowd c = {.b = open_it(KEPT_MB * MIB)};
	pthread_t threads[4];
	unsigned i, round;

	(void)state;
	/* In a thread cmocka's handlers would end all without a word. */
	for (i = 0; i < sizeof(fatal) / sizeof(fatal[0]); i++)
		signal(fatal[i], SIG_DFL);
	for (i = 0; i < 4; i++)
		assert_int_equal(
			pthread_create(&threads[i], NULL, read_all, &c), 0);
	for (round = 0; round < 6; round++) {
		for (i = 0; i < 20; i++) {
			put(c.b, 0, i, 3000);
			put(c.b, 1 + i % 2, i, BLOCK_SIZE);
		}
		if (round == 3)
			blocks_drop(c.b, NULL);
		if (round == 4)
			blocks_set_limit(c.b, 5 * MIB);
	}
	blocks_flush(c.b);
	while (!atomic_load(&c.hits))
		usleep(1000);
	atomic_store(&c.stop, true);
	for (i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(atomic_load(&c.wrong), 0);
	assert_true(stats(c.b).evicted > 0);
	blocks_flush(c.b);
	assert_true(stats(c.b).used_bytes <= 5 * MIB);
	blocks_close(c.b);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(test_put_get),
		TEST(test_done_when_found),
		TEST(test_reopen),
		TEST(test_zeros),
		TEST(test_limit),
		TEST(test_small_blocks_find_room),
		TEST(test_oldest_used_goes_first),
		TEST(test_set_limit),
		TEST(test_drop),
		TEST(test_held_hit),
		TEST(test_kill),
		TEST(test_readers_and_eviction),
	};

	if (argc > 1)
		return write_for_ever(argv[1], STDOUT_FILENO);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
