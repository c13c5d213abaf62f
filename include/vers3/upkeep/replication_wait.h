/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `replication wait`: returns when every version at a path and below it, the
 * old ones and the delete markers too, can be read in the other region. First
 * what is unsent is sent, as `sync` does. What was saved after that is not
 * waited for.
 *
 * Where the mount has a replica, that is asked; where it has none, the status
 * that the bucket's server tells has to do (x-amz-replication-status).
 */
#ifndef VERS3_UPKEEP_REPLICATION_WAIT_H
#define VERS3_UPKEEP_REPLICATION_WAIT_H

#include <stdint.h>

#include "vers3/util/answer_stream.h"

struct mount;
struct replication_wait;
struct syncer;
struct view;

/*
 * path: "" for the whole mount (copied). timeout_ns: how long it may take; 0:
 * as long as it takes. Borrows the others. 0 or -ENOMEM.
 */
int replication_wait_new(struct mount *mount, struct syncer *syncer,
			 struct view *view, const char *path,
			 int64_t timeout_ns,
			 struct replication_wait **ret_wait);
void replication_wait_free(void *wait);
/*
 * Blocks. As long_command.h has it: 0; or, after what is missing was told,
 * -ETIMEDOUT, or -EUCLEAN where waiting cannot help. -EINVAL while the replica
 * stands in for the bucket, -ENOENT where the path never was.
 */
int replication_wait_run(void *wait, struct answer_stream *answer);

#endif
