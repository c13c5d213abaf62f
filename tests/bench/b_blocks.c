/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How fast the block cache is, in a directory of the caller's choice:
 *
 *	b_blocks DIR [MIB [BLOCK_BYTES [LIMIT_MIB]]]
 *
 * Puts MIB of blocks and gets them twice: each block is verified on its first
 * get and read by a memcpy, as a reply would be. With a limit below MIB the
 * puts show what eviction costs. DIR/blocks is left for a second look.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vers3/cache/blocks.h"
#include "vers3/util/clock.h"

static struct blocks_key make_key(uint64_t number)
{
	struct blocks_key key = {.id = "a benchmark", .number = number};

	return key;
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

static void put_all(struct blocks *b, uint64_t count, uint64_t block,
		    const unsigned char *data)
{
	int64_t begin = clock_mono_ns();
	struct blocks_key key;
	uint64_t i;

	for (i = 0; i < count; i++) {
		key = make_key(i);
		blocks_put(b, &key, data, block, NULL, NULL);
	}
	blocks_flush(b);
	report("put", count, block, begin);
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

int main(int argc, char **argv)
{
	uint64_t mib = argc > 2 ? strtoull(argv[2], NULL, 10) : 1024;
	uint64_t block = argc > 3 ? strtoull(argv[3], NULL, 10) : BLOCK_SIZE;
	uint64_t limit = argc > 4 ? strtoull(argv[4], NULL, 10) : 4 * mib + 64;
	struct blocks *b = NULL;
	struct blocks_stats st;
	unsigned char *data;
	char reason[256];
	uint64_t count;

	if (argc < 2 || !block || block > BLOCK_SIZE) {
		fprintf(stderr, "usage: b_blocks DIR [MIB [BLOCK_BYTES "
				"[LIMIT_MIB]]]\n");
		return 2;
	}
	data = malloc(block);
	if (!data)
		return 1;
	memset(data, 'b', block);
	count = mib * BLOCK_SIZE / block;
	if (blocks_open(argv[1], limit * BLOCK_SIZE, reason, sizeof(reason),
			&b)) {
		fprintf(stderr, "%s\n", reason);
		free(data);
		return 1;
	}
	get_all(b, count, "get at open", data, block);
	put_all(b, count, block, data);
	get_all(b, count, "get", data, block);
	get_all(b, count, "get again", data, block);
	get_all(b, count, "look up", NULL, block);
	blocks_read_stats(b, &st);
	printf("on disk %.0f MiB for %.0f MiB of blocks, %llu evicted, "
	       "%llu wiped\n",
	       (double)st.used_bytes / (double)BLOCK_SIZE,
	       (double)(st.count * block) / (double)BLOCK_SIZE,
	       (unsigned long long)st.evicted, (unsigned long long)st.wiped);
	blocks_close(b);
	free(data);
	return 0;
}
