/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How the objects that the namespace knows stand with replication, by what
 * S3 said of each when it was last asked (x-amz-replication-status).
 */
#ifndef VERS3_VFS_CENSUS_INTERNAL_H
#define VERS3_VFS_CENSUS_INTERNAL_H

#include <stdint.h>

#include "vers3/meta/meta.h"

#define CENSUS_KEYS_MAX 100

enum census_status {
	CENSUS_PENDING,
	CENSUS_COMPLETED,
	CENSUS_FAILED,
	CENSUS_REPLICA,
	CENSUS_NONE,
	CENSUS_COUNT,
};

struct census {
	uint64_t counts[CENSUS_COUNT];
	int64_t oldest_pending_ns; /* its Last-Modified; 0: none */
	char *failed[CENSUS_KEYS_MAX]; /* owned: the first that failed */
	unsigned failed_count;
};

/* Walks all inodes, a few at a time. 0 or -errno; release it after 0. */
int census_take(struct meta *m, struct census *ret_census);
void census_release(struct census *c);

#endif
