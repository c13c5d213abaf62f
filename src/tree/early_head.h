/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A HEAD of a name beside the first list of its directory. Who looks a name up
 * in a directory of which nothing is known waits for that list, and would then
 * wait as long again for the file's attributes.
 *
 * It is one more request for a name that is not there, or no file. So there is
 * one a directory at a time, and only where an answer takes long. Nobody waits
 * for it before the list has shown the file, and its answer counts only where
 * that vouches for it: else it is as if it had not been sent.
 *
 * Any thread, no lock held; an early HEAD is one thread's. S3 API: HeadObject.
 */
#ifndef VERS3_SRC_TREE_EARLY_HEAD_H
#define VERS3_SRC_TREE_EARLY_HEAD_H

#include <stdbool.h>
#include <stdint.h>

#include "vers3/meta/inode.h"
#include "vers3/store/store.h"

struct early_head;
struct tree;

/* Owned by the caller; NULL: it is not worth it, or not to be had. */
struct early_head *early_head_begin(struct tree *tree, uint64_t dir,
				    const char *name);
/*
 * The answer, for a file as a list has shown it whose path is that; waits for
 * one that is under way. 0: *ret_object, borrowed until the end, asked for at
 * *ret_asked_ns (realtime); -EAGAIN: it has to be asked for anew; -EINTR.
 */
int early_head_await(struct early_head *e, const struct meta_inode *inode,
		     const char *path, const struct store_object **ret_object,
		     int64_t *ret_asked_ns);
/* What is under way goes on without anybody. NULL is fine. */
void early_head_end(struct early_head *e);

/*
 * Whether the answer to a HEAD that was sent beside a list, perhaps before it,
 * is of what the list has shown, or of what came after that. Pure.
 */
bool early_head_fits(const struct meta_version *listed,
		     const struct store_reply *reply);

#endif
