/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random reads of a file, as a program does them that seeks:
 *
 *	b_pread FILE COUNT [BYTES]
 *
 * Reads BYTES (4096) at COUNT places that lie on multiples of it; the same
 * places for the same size of file, so that all mounts are asked alike.
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

/* splitmix64: the next number of a sequence. */
static uint64_t next_number(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

static int read_all(int fd, uint64_t count, size_t bytes, char *buf)
{
	uint64_t state = 1, places;
	struct stat st;

	if (fstat(fd, &st))
		return -errno;
	places = (uint64_t)st.st_size / bytes;
	if (!places)
		return -EINVAL;
	for (uint64_t i = 0; i < count; i++) {
		uint64_t at = next_number(&state) % places * bytes;
		ssize_t n = pread(fd, buf, bytes, (off_t)at);

		if (n < 0)
			return -errno;
		if ((size_t)n != bytes)
			return -EIO;
	}
	return 0;
}

int main(int argc, char **argv)
{
	uint64_t count = argc > 2 ? strtoull(argv[2], NULL, 10) : 0;
	size_t bytes = argc > 3 ? strtoul(argv[3], NULL, 10) : 4096;
	char *buf;
	int fd, rc;

	if (!count || !bytes) {
		fprintf(stderr, "usage: b_pread FILE COUNT [BYTES]\n");
		return 2;
	}
	buf = malloc(bytes);
	fd = open(argv[1], O_RDONLY | O_CLOEXEC);
	rc = fd < 0 ? -errno : buf ? read_all(fd, count, bytes, buf) : -ENOMEM;
	if (rc)
		fprintf(stderr, "%s: %s\n", argv[1], strerror(-rc));
	if (fd >= 0)
		close(fd);
	free(buf);
	return rc ? 1 : 0;
}
