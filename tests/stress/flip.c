/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A byte of a body is changed on its way. Objects whose ETag is an MD5 and
 * that are fetched whole are compared before use: a reader gets the bytes
 * that were saved, or an error when the line never gets better.
 *
 * Needs contrib/faultproxy, as faults.c.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proxy.h"
#include "rig.h"

#define FILES	       12
#define SIZE_MAX_BYTES (700 << 10) /* fetched as one */

static size_t make_file(struct model *m, unsigned char *data)
{
	size_t size = 1000 + model_random(m, SIZE_MAX_BYTES - 1000);

	for (size_t i = 0; i < size; i++)
		data[i] = (unsigned char)model_random(m, 256);
	return size;
}

static int write_files(struct rig *r, unsigned char **data, size_t *sizes)
{
	char path[256];

	for (unsigned i = 0; i < FILES; i++) {
		int fd;

		data[i] = malloc(SIZE_MAX_BYTES);
		if (!data[i])
			return -1;
		sizes[i] = make_file(&r->models[0], data[i]);
		snprintf(path, sizeof(path), "%s/f%u", r->live.mnt, i);
		fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
		if (fd < 0 || write(fd, data[i], sizes[i]) != (ssize_t)sizes[i])
			return -1;
		close(fd);
	}
	return 0;
}

/* 0: right; 1: an error; -1: wrong bytes. */
static int read_file(const char *path, const unsigned char *data, size_t size)
{
	unsigned char *got = malloc(size + 1);
	int fd = open(path, O_RDONLY | O_CLOEXEC), result = 1;
	size_t at = 0;

	while (got && fd >= 0 && at <= size) {
		ssize_t n = read(fd, got + at, size + 1 - at);

		if (n < 0)
			break;
		if (n == 0) {
			result =
				at == size && !memcmp(got, data, size) ? 0 : -1;
			break;
		}
		at += (size_t)n;
	}
	if (at > size)
		result = -1;
	if (fd >= 0)
		close(fd);
	free(got);
	return result;
}

static int one_round(struct rig *r, struct proxy *p, unsigned char **data,
		     const size_t *sizes, unsigned pct)
{
	unsigned errors = 0, wrong = 0;
	char what[80], path[256];
	int rc;

	rig_remove(r->cache);
	rc = rig_mount(r, &r->live, p->url, r->cache, "ro,ttl=0");
	for (unsigned i = 0; !rc && i < FILES; i++) {
		int result;

		snprintf(path, sizeof(path), "%s/f%u", r->live.mnt, i);
		snprintf(what, sizeof(what),
			 "flip pct=%u at=%u match='^GET.*f'", pct,
			 (unsigned)model_random(&r->models[0], sizes[i]));
		rc = proxy_fault(p, what);
		result = read_file(path, data[i], sizes[i]);
		errors += result > 0;
		wrong += result < 0;
	}
	if (!rc)
		rc = proxy_fault(p, "none");
	/* What was refused must not have been kept. */
	for (unsigned i = 0; !rc && i < FILES; i++) {
		snprintf(path, sizeof(path), "%s/f%u", r->live.mnt, i);
		wrong += read_file(path, data[i], sizes[i]) != 0;
	}
	printf("%u %% flipped: %u of %u reads failed, %u wrong\n", pct, errors,
	       FILES, wrong);
	if (!rc && pct == 100 && !errors) {
		printf("nothing was flipped\n");
		rc = -1;
	}
	if (!rc)
		rc = rig_unmount(&r->live);
	return rc || wrong ? -1 : 0;
}

int main(int argc, char **argv)
{
	unsigned char *data[FILES] = {NULL};
	size_t sizes[FILES];
	struct proxy p;
	struct rig r;
	int rc;

	rig_init(&r, argc, argv, 2);
	rc = proxy_start(&p, &r);
	if (rc)
		return rc;
	rc = rig_mount(&r, &r.live, NULL, r.cache, "commit=0");
	if (!rc)
		rc = write_files(&r, data, sizes);
	if (!rc)
		rc = rig_unmount(&r.live);
	for (unsigned i = 0; !rc && i < r.options.rounds; i++)
		rc = one_round(&r, &p, data, sizes, i % 2 ? 100 : 40);
	proxy_stop(&p);
	rc = rig_verdict(&r, rc, r.options.rounds);
	for (unsigned i = 0; i < FILES; i++)
		free(data[i]);
	rig_release(&r);
	return rc;
}
