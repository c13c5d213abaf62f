/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What libfuse answers to INIT, as it goes to the kernel.
 *
 * Before 3.17 libfuse has no word for FUSE_HANDLE_KILLPRIV_V2 (setid.h), and
 * drops flags of ours that it does not know. There the flag is added to its
 * reply on the way. The kernel passes over what it does not know itself.
 */
#ifndef VERS3_SRC_FS_INIT_REPLY_H
#define VERS3_SRC_FS_INIT_REPLY_H

#include <stdint.h>

#include "ops.h"

/*
 * Has the replies of a session that is mounted pass by here; before its loop.
 * c: its user data. 0 or -errno; -ENOTSUP where libfuse has words for all.
 */
int init_reply_watch(struct ops_context *c);
/*
 * For INIT: adds flags (of linux/fuse.h's struct fuse_init_out) to the reply.
 * False: it is not watched, and they are not.
 */
bool init_reply_add(struct ops_context *c, uint32_t flags);

#endif
