/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The way to the replica and back: failover, from which on it stands in for the
 * bucket (store/standby.h), and failback, which brings what was written there
 * meanwhile back, version by version and as new versions, and then goes on with
 * the bucket.
 *
 * Nothing is deleted anywhere. What others wrote to the bucket under the same
 * key stays as an older version below what is brought, and is told. A kill at
 * any moment leaves the replica standing in; a failback after it brings what is
 * left.
 *
 * Any thread, no lock held. 0 or -errno. S3 API: ListObjectVersions,
 * HeadObject, GetObject, PutObject and the requests of uploads, DeleteObject (a
 * marker).
 */
#ifndef VERS3_UPKEEP_FAILBACK_H
#define VERS3_UPKEEP_FAILBACK_H

#include <stddef.h>

#include "vers3/util/answer_stream.h"

struct mount;
struct failback;

/*
 * Asks the replica whether it can stand in, and has it. 0; -EINVAL: the mount
 * has none, or it is no mount to write to; -EALREADY; -EOPNOTSUPP: one of the
 * two keeps no versions; or why it cannot be had, with one line in reason (size
 * bytes).
 */
int failover_begin(struct mount *mount, char *reason, size_t size);

/*
 * Borrows the mount. With a reason: -EINVAL where nothing stands in, -EBUSY
 * while there is another.
 */
int failback_new(struct mount *mount, struct failback **ret_failback,
		 char *reason, size_t size);
/* Answers: a run of struct long_command; failback is one of those. */
int failback_run(void *failback, struct answer_stream *answer);
void failback_free(void *failback);

#endif
