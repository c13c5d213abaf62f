/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random reads of a file, as a program does them that seeks:
 *
 *	b_pread FILE COUNT [SIZE]
 *
 * Reads 4 KiB at COUNT places that lie on multiples of it; the same places for
 * the same size of file, so that all mounts are asked alike. Prints a sum of
 * what it has read. With SIZE, FILE stands for one of that size which is FILE
 * again and again: a local copy tells the sum that is right.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BYTES 4096u

/* splitmix64: the next number of a sequence. */
static uint64_t next_number(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

/* FNV-1a, eight bytes at a time: it costs next to nothing beside a read. */
static void add_sum(uint64_t *sum, const uint64_t *buf)
{
	for (size_t i = 0; i < BYTES / sizeof(*buf); i++)
		*sum = (*sum ^ buf[i]) * UINT64_C(0x100000001b3);
}

static int read_all(int fd, uint64_t count, uint64_t size, uint64_t *ret_sum)
{
	uint64_t state = 1, places, pieces, buf[BYTES / sizeof(uint64_t)];
	struct stat st;

	if (fstat(fd, &st))
		return -errno;
	pieces = (uint64_t)st.st_size / BYTES;
	places = size ? size / BYTES : pieces;
	if (!pieces || !places)
		return -EINVAL;
	for (uint64_t i = 0; i < count; i++) {
		uint64_t at = next_number(&state) % places % pieces * BYTES;
		ssize_t n = pread(fd, buf, BYTES, (off_t)at);

		if (n < 0)
			return -errno;
		if ((size_t)n != BYTES)
			return -EIO;
		add_sum(ret_sum, buf);
	}
	return 0;
}

int main(int argc, char **argv)
{
	uint64_t count = argc > 2 ? strtoull(argv[2], NULL, 10) : 0;
	uint64_t size = argc > 3 ? strtoull(argv[3], NULL, 10) : 0;
	uint64_t sum = UINT64_C(0xcbf29ce484222325);
	int fd, rc;

	if (!count) {
		fprintf(stderr, "usage: b_pread FILE COUNT [SIZE]\n");
		return 2;
	}
	fd = open(argv[1], O_RDONLY | O_CLOEXEC);
	rc = fd < 0 ? -errno : read_all(fd, count, size, &sum);
	if (rc)
		fprintf(stderr, "%s: %s\n", argv[1], strerror(-rc));
	else
		printf("%016" PRIx64 "\n", sum);
	if (fd >= 0)
		close(fd);
	return rc ? 1 : 0;
}
