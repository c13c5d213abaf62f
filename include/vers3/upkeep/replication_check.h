/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `replication check`: whether the replica holds what the bucket holds at a
 * path and below it, version by version: is it there, of the same size,
 * content and metadata, a delete marker where there is one. Lists of both are
 * compared; what they cannot tell, HEADs of both do, several at a time.
 */
#ifndef VERS3_UPKEEP_REPLICATION_CHECK_H
#define VERS3_UPKEEP_REPLICATION_CHECK_H

#include <stdbool.h>
#include <stddef.h>

#include "vers3/util/answer_stream.h"

struct mount;
struct replication_check;
struct view;

/*
 * path: "" for the whole mount (copied). quick: where lists say the same, that
 * will do. Borrows mount and view. 0; -EOPNOTSUPP for a mount without a
 * replica, -EINVAL while that stands in for the bucket, with one line in reason
 * (size bytes); -ENOMEM.
 */
int replication_check_new(struct mount *mount, struct view *view,
			  const char *path, bool quick,
			  struct replication_check **ret_check, char *reason,
			  size_t size);
void replication_check_free(void *check);
/* Blocks. As long_command.h has it. -ENOENT where the path never was. */
int replication_check_run(void *check, struct answer_stream *answer);

#endif
