/* SPDX-License-Identifier: Apache-2.0 */
/* The unfinished uploads at a path of the mount and below it. */
#ifndef VERS3_SRC_UPKEEP_UPLOADS_BELOW_H
#define VERS3_SRC_UPKEEP_UPLOADS_BELOW_H

#include <stdbool.h>

#include "vers3/core/mount.h"
#include "vers3/util/answer_stream.h"

/*
 * on_entry is given each that is wanted (NULL: all), with the size of the
 * parts that it has (S3 API: ListMultipartUploads, ListParts): a request for
 * each. wants() is asked without that. Blocks. 0, -EINTR when the answer is
 * not wanted any more, or -errno.
 */
typedef bool (*uploads_want_fn)(void *ctx, const struct store_entry *e);
int uploads_below(struct mount *mount, const char *path, uploads_want_fn wants,
		  store_entry_fn on_entry, void *ctx,
		  struct answer_stream *answer);

#endif
