/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How fast the block cache is, in a directory of the caller's choice:
 *
 *	b_blocks DIR [MIB [BLOCK_BYTES [LIMIT_MIB]]]
 *
 * Puts MIB of blocks and gets them twice: each block is verified on its first
 * get and read by a memcpy, as a reply would be. With a limit below MIB the
 * puts show what eviction costs. Fails where a block is not what was put, or
 * has gone without having been evicted. DIR/blocks is left for a second look.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vers3/cache/blocks.h"
#include "vers3/util/clock.h"

#define SHIFTS 65521

static struct blocks_key make_key(uint64_t number)
{
	struct blocks_key key = {.id = "a benchmark", .number = number};

	return key;
}

/* What block `number` holds, in bytes that no two places have alike. */
static const unsigned char *bytes_of(const unsigned char *data, uint64_t number)
{
	return data + number % SHIFTS;
}

static unsigned char *make_bytes(uint64_t size)
{
	unsigned char *data = malloc(size);
	uint32_t state = 1;

	for (uint64_t i = 0; data && i < size; i++) {
		state = state * 1664525u + 1013904223u;
		data[i] = (unsigned char)(state >> 24);
	}
	return data;
}

static void report(const char *what, uint64_t count, uint64_t block,
		   int64_t begin_ns)
{
	double s = (double)(clock_mono_ns() - begin_ns) / (double)NS_PER_S;

	if (!count)
		return;
	printf("%-12s %8.0f MB/s %10.2f us a block\n", what,
	       (double)(count * block) / s / 1e6, s / (double)count * 1e6);
}

static int put_all(struct blocks *b, uint64_t count, uint64_t block,
		   const unsigned char *data)
{
	int64_t begin = clock_mono_ns();
	struct blocks_key key;
	int rc = 0;

	for (uint64_t i = 0; !rc && i < count; i++) {
		key = make_key(i);
		rc = blocks_put(b, &key, bytes_of(data, i), block, NULL, NULL);
	}
	blocks_flush(b);
	report("put", count, block, begin);
	return rc;
}

/* Gets each block; with `copy`, its bytes too. */
static void get_all(struct blocks *b, uint64_t count, const char *what,
		    unsigned char *copy, uint64_t block)
{
	int64_t begin = clock_mono_ns();
	struct blocks_key key;
	struct blocks_hit hit;
	uint64_t i, hits = 0;

	for (i = 0; i < count; i++) {
		key = make_key(i);
		if (blocks_get(b, &key, &hit))
			continue;
		if (copy)
			memcpy(copy, hit.data, hit.size);
		hits++;
		blocks_release(b, &hit);
	}
	report(what, hits, block, begin);
}

/* Each block that was not evicted is there, and is what was put. */
static bool check_all(struct blocks *b, uint64_t count, uint64_t block,
		      const unsigned char *data)
{
	struct blocks_stats st;
	struct blocks_key key;
	struct blocks_hit hit;
	uint64_t hits = 0, wrong = 0;

	for (uint64_t i = 0; i < count; i++) {
		key = make_key(i);
		if (blocks_get(b, &key, &hit))
			continue;
		hits++;
		wrong += hit.size != block ||
			 memcmp(hit.data, bytes_of(data, i), block) != 0;
		blocks_release(b, &hit);
	}
	blocks_read_stats(b, &st);
	if (!wrong && hits && hits + st.evicted >= count && !st.wiped)
		return true;
	fprintf(stderr,
		"of %llu blocks %llu are there, %llu of them wrong; %llu "
		"evicted, %llu wiped\n",
		(unsigned long long)count, (unsigned long long)hits,
		(unsigned long long)wrong, (unsigned long long)st.evicted,
		(unsigned long long)st.wiped);
	return false;
}

int main(int argc, char **argv)
{
	uint64_t mib = argc > 2 ? strtoull(argv[2], NULL, 10) : 1024;
	uint64_t block = argc > 3 ? strtoull(argv[3], NULL, 10) : BLOCK_SIZE;
	uint64_t limit = argc > 4 ? strtoull(argv[4], NULL, 10) : 4 * mib + 64;
	struct blocks *b = NULL;
	struct blocks_stats st;
	static unsigned char copy[BLOCK_SIZE];
	unsigned char *data;
	char reason[256];
	uint64_t count;
	bool ok;

	if (argc < 2 || !block || block > BLOCK_SIZE) {
		fprintf(stderr, "usage: b_blocks DIR [MIB [BLOCK_BYTES "
				"[LIMIT_MIB]]]\n");
		return 2;
	}
	data = make_bytes(block + SHIFTS);
	if (!data)
		return 1;
	count = mib * BLOCK_SIZE / block;
	if (blocks_open(argv[1], limit * BLOCK_SIZE, reason, sizeof(reason),
			&b)) {
		fprintf(stderr, "%s\n", reason);
		free(data);
		return 1;
	}
	get_all(b, count, "get at open", copy, block);
	/* What another run has left may be of other sizes. */
	ok = !blocks_drop(b, NULL) && !put_all(b, count, block, data);
	get_all(b, count, "get", copy, block);
	get_all(b, count, "get again", copy, block);
	get_all(b, count, "look up", NULL, block);
	ok = check_all(b, count, block, data) && ok;
	blocks_read_stats(b, &st);
	printf("on disk %.0f MiB for %.0f MiB of blocks, %llu evicted, "
	       "%llu wiped\n",
	       (double)st.used_bytes / (double)BLOCK_SIZE,
	       (double)(st.count * block) / (double)BLOCK_SIZE,
	       (unsigned long long)st.evicted, (unsigned long long)st.wiped);
	blocks_close(b);
	free(data);
	return ok ? 0 : 1;
}
