/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether what a replica holds is what the bucket holds, version by version.
 *
 * Pure; any thread. S3 API: ListObjectVersions, HeadObject.
 */
#ifndef VERS3_SRC_UPKEEP_REPLICA_VERDICT_H
#define VERS3_SRC_UPKEEP_REPLICA_VERDICT_H

#include "version_cursor.h"

enum replica_verdict {
	REPLICA_SAME,
	REPLICA_MISSING, /* the replica does not have that version */
	REPLICA_EXTRA, /* the bucket does not have that version */
	REPLICA_KIND, /* one has a delete marker, the other a version */
	REPLICA_SIZE,
	REPLICA_CONTENT, /* the ETags, or the checksums, are others */
	REPLICA_METADATA,
	REPLICA_NOT_CURRENT, /* it is there, but another one is current */
	REPLICA_UNKNOWN, /* it could not be told */
	REPLICA_VERDICTS,
};

/* One word of each, for answers. Constant. */
const char *replica_verdict_word(enum replica_verdict v);
/*
 * By what lists tell: one of both may be NULL. REPLICA_SAME is said of what
 * looks so; REPLICA_CONTENT by other ETags: replica_verdict_of_heads() knows
 * better then, as it alone knows of metadata.
 */
enum replica_verdict
replica_verdict_of_lists(const struct version_entry *own,
			 const struct version_entry *there);
/*
 * By what HEADs of both tell: size, content by checksum where both have one of
 * a kind, else by ETag; metadata, and the headers that say what a file is.
 * *ret_what: what is another, borrowed from own or there, or constant.
 */
enum replica_verdict replica_verdict_of_heads(const struct store_object *own,
					      const struct store_object *there,
					      const char **ret_what);

#endif
