/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Replication configurations of a bucket, read only. See
 * "GetBucketReplication" of the Amazon S3 API reference.
 *
 * Pure: no I/O, no locks, any thread.
 */
#ifndef VERS3_S3_REPLICATION_H
#define VERS3_S3_REPLICATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vers3/util/buf.h"
#include "vers3/util/kv.h"

struct replication_rule {
	char *id; /* owned; "" if it has none */
	bool enabled;
	bool has_priority;
	uint64_t priority;
	char *prefix; /* owned; "" for every key */
	struct kvlist tags; /* an object must carry all of them */
	char *bucket; /* owned; its name, of an ARN the last part */
	char *storage_class; /* owned; NULL: the source's */
	bool delete_markers; /* are replicated too */
};

struct replication {
	char *role; /* owned; "" if it has none */
	struct replication_rule *rules; /* owned; in the document's order */
	size_t count;
};

/*
 * Reads a ReplicationConfiguration document. 0, -EIO when it cannot be
 * understood, -EFBIG, -ENOMEM; release it after 0 alone.
 */
int replication_parse(const char *doc, size_t len, struct replication *ret);
void replication_release(struct replication *r);
/*
 * Appends each rule as a `[replication "id"]` section of git-config syntax,
 * with those of these keys that it has: status, priority, prefix, tags (k=v,
 * one a value), bucket, storageClass, deleteMarkers. 0, -ENOMEM, -EFBIG.
 */
int replication_write(const struct replication *r, struct buf *out);

#endif
