/* SPDX-License-Identifier: Apache-2.0 */
/* A block cache in a directory of its own. */
#ifndef VERS3_TESTS_UNIT_CACHE_BLOCKS_RIG_H
#define VERS3_TESTS_UNIT_CACHE_BLOCKS_RIG_H

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
#include <stdatomic.h>
#include <unistd.h>

#include "vers3/cache/blocks.h"
#include "vers3/util/log.h"

#define MIB	(UINT64_C(1) << 20)
#define KEPT_MB 8 /* more than any overhead of a few blocks */

static char dir[64];

static inline struct blocks_key make_key(unsigned id, uint64_t number)
{
	struct blocks_key key = {.number = number};

	memset(key.id, (int)(id * 37 + 5), sizeof(key.id));
	memcpy(key.id, &id, sizeof(id));
	return key;
}

static inline void fill(const struct blocks_key *key, unsigned char *data,
			size_t size)
{
	uint64_t x = key->number * 2654435761u + key->id[0] + 1;
	size_t i, len;

	/* By eight: under a sanitizer each access costs. */
	for (i = 0; i < size; i += len) {
		x = x * UINT64_C(6364136223846793005) + 1442695041;
		len = size - i < sizeof(x) ? size - i : sizeof(x);
		memcpy(data + i, &x, len);
	}
}

static inline void remove_dir(const char *path)
{
	DIR *d = opendir(path);
	struct dirent *e;
	char *name;

	while (d && (e = readdir(d))) {
		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
			continue;
		assert_true(asprintf(&name, "%s/%s", path, e->d_name) > 0);
		unlink(name);
		free(name);
	}
	if (d)
		closedir(d);
	rmdir(path);
}

static inline char *in_dir(const char *name)
{
	char *path;

	assert_true(asprintf(&path, "%s/blocks/%s", dir, name) > 0);
	return path;
}

static inline int setup(void **state)
{
	(void)state;
	log_set_level(LOG_LEVEL_ERROR);
	strcpy(dir, "/tmp/t_blocks.XXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

static inline int teardown(void **state)
{
	char *path = in_dir("");

	(void)state;
	remove_dir(path);
	free(path);
	return rmdir(dir);
}

static inline struct blocks *open_it(uint64_t limit)
{
	struct blocks *b = NULL;
	char reason[256] = "";

	if (blocks_open(dir, limit, reason, sizeof(reason), &b))
		fail_msg("%s", reason);
	return b;
}

static atomic_int done_count;

static inline void free_done(void *arg)
{
	atomic_fetch_add(&done_count, 1);
	free(arg);
}

static inline void put(struct blocks *b, unsigned id, uint64_t number,
		       size_t size)
{
	struct blocks_key key = make_key(id, number);
	unsigned char *data = malloc(size + 1);

	assert_non_null(data);
	fill(&key, data, size);
	assert_int_equal(blocks_put(b, &key, data, size, free_done, data), 0);
}

/* Whether it is there; if so, with the right bytes. */
static inline bool get(struct blocks *b, unsigned id, uint64_t number,
		       size_t size)
{
	struct blocks_key key = make_key(id, number);
	unsigned char *want;
	struct blocks_hit hit;
	int r = blocks_get(b, &key, &hit);

	if (r) {
		assert_int_equal(r, -ENOENT);
		return false;
	}
	want = malloc(size + 1);
	assert_non_null(want);
	fill(&key, want, size);
	assert_int_equal(hit.size, size);
	assert_memory_equal(hit.data, want, size);
	blocks_release(b, &hit);
	free(want);
	return true;
}

static inline struct blocks_stats stats(struct blocks *b)
{
	struct blocks_stats s;

	blocks_read_stats(b, &s);
	return s;
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

#endif
