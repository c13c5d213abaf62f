/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parses the server's lines of use and quota, and fills statvfs from them,
 * from quota= or from 1 PiB.
 */
#include "vers3/control/capacity.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "vers3/control/control_state.h"
#include "vers3/core/bucket_config.h"
#include "vers3/core/mount.h"
#include "vers3/meta/inode.h"
#include "vers3/util/minmax.h"

#define NO_LIMIT  UINT64_MAX
#define BYTES_MAX (UINT64_C(1) << 50) /* where nobody knows */
#define FILES_MAX UINT32_MAX
/* Numbers of blocks have to fit into 32 bits for some who ask. */
#define SMALL_BLOCK (UINT64_C(4) << 10)
#define LARGE_BLOCK (UINT64_C(1) << 20)

/* The number in the line of that header; -1, or anything else: none. */
static uint64_t number_of(const char *lines, const char *name, uint64_t none)
{
	size_t len = strlen(name);
	unsigned long long n;
	char *end;

	for (; *lines; lines += strcspn(lines, "\n"), lines += *lines != '\0') {
		if (strncmp(lines, name, len) != 0 || lines[len] != ' ')
			continue;
		if (lines[len + 1] < '0' || lines[len + 1] > '9')
			return none;
		errno = 0;
		n = strtoull(lines + len + 1, &end, 10);
		return errno || *end != '\n' ? none : n;
	}
	return none;
}

struct amount {
	uint64_t used, limit;
};

static struct amount amount_of(const char *lines, const char *used,
			       const char *bucket, const char *user)
{
	return (struct amount){
		.used = number_of(lines, used, 0),
		.limit = min_u64(number_of(lines, bucket, NO_LIMIT),
				 number_of(lines, user, NO_LIMIT)),
	};
}

static void fill_bytes(struct control *control, struct amount a,
		       struct statvfs *st)
{
	uint64_t unsent = staging_used_bytes(control->mount->staging), block;

	if (a.limit == NO_LIMIT && control->mount->config.quota_bytes) {
		a.limit = control->mount->config.quota_bytes;
		a.used = unsent;
	} else {
		a.used += unsent;
	}
	if (a.limit == NO_LIMIT)
		a.limit = BYTES_MAX;
	block = a.limit / SMALL_BLOCK < UINT32_MAX ? SMALL_BLOCK : LARGE_BLOCK;
	st->f_bsize = LARGE_BLOCK;
	st->f_frsize = block;
	st->f_blocks = a.limit / block;
	st->f_bfree = (a.limit - min_u64(a.used, a.limit)) / block;
	st->f_bavail = st->f_bfree;
}

static void fill_files(struct amount a, struct statvfs *st)
{
	a.limit = min_u64(a.limit, FILES_MAX);
	st->f_files = a.limit;
	st->f_ffree = a.limit - min_u64(a.used, a.limit);
	st->f_favail = st->f_ffree;
}

void capacity_read(struct control *control, struct statvfs *st)
{
	const char *lines;
	struct buf doc;

	memset(st, 0, sizeof(*st));
	buf_init(&doc, 64 << 10);
	lines = bucket_config_peek(control->mount->bucket, BUCKET_USAGE,
				   &doc) ||
				!doc.len
			? ""
			: doc.data;
	fill_bytes(control,
		   amount_of(lines, "x-rgw-bytes-used",
			     "x-rgw-quota-bucket-size",
			     "x-rgw-quota-user-size"),
		   st);
	fill_files(amount_of(lines, "x-rgw-object-count",
			     "x-rgw-quota-bucket-objects",
			     "x-rgw-quota-user-objects"),
		   st);
	st->f_namemax = META_NAME_MAX;
	buf_release(&doc);
}
