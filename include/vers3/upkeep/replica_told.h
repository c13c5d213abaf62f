/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How the server of a bucket says that the replication of a version stands, and
 * what that means to people.
 *
 * Pure; any thread. S3 API: HeadObject, x-amz-replication-status.
 */
#ifndef VERS3_UPKEEP_REPLICA_TOLD_H
#define VERS3_UPKEEP_REPLICA_TOLD_H

#include <stdbool.h>

#include "vers3/util/kv.h"

enum replica_told {
	REPLICA_TOLD_NOTHING,
	REPLICA_TOLD_PENDING,
	REPLICA_TOLD_COMPLETED,
	REPLICA_TOLD_FAILED,
	REPLICA_TOLD_REPLICA, /* it is one itself: nothing is to be copied */
};

enum replica_told replica_told(const struct kvlist *headers);
/*
 * What keeps a version from the replica, in words: by what the server tells
 * of it, compared: whether the replica was asked and does not have it.
 */
const char *replica_why_missing(enum replica_told told, bool marker,
				bool compared);

#endif
