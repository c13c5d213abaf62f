/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The set-user-id and set-group-id bits that a change takes from a file, and
 * its capabilities (capabilities(7)), which go whoever changes it.
 *
 * The kernel can clear them itself, but then asks before each write for
 * security.capability too, which costs as much as the write; else once a file.
 * Where it can be told that we do it (FUSE_HANDLE_KILLPRIV_V2, from Linux 5.11
 * on: by libfuse 3.17, else by init_reply.h), these functions are what we
 * promised; elsewhere all but setid_open() do nothing.
 *
 * libfuse does not hand on which writes and opens the kernel wants the bits
 * cleared for, so the caller's CAP_FSETID is looked up here, for files that
 * have such a bit.
 */
#ifndef VERS3_SRC_FS_SETID_H
#define VERS3_SRC_FS_SETID_H

#include "ops.h"

/* For INIT: asks for the task if libfuse and the kernel know of it. */
void setid_negotiate(struct ops_context *c, struct fuse_conn_info *conn);

/*
 * Before the caller of req changes the content of an inode: clears its bits
 * unless the caller may keep them. The kernel holds the inode's lock, so none
 * are set meanwhile. 0 or -errno.
 */
int setid_content(fuse_req_t req, fuse_ino_t ino);
/*
 * The same before an open that truncates, for which the kernel clears none in
 * either case. (A file that create() finds, which another program made after
 * the kernel had looked, loses them at the first write.)
 */
int setid_open(fuse_req_t req, fuse_ino_t ino);

/*
 * For setattr: adds to *set and attr the mode without the bits that a change
 * of owner or size (to_set, as FUSE gives it) takes away. 0 or -errno.
 */
int setid_attr(fuse_req_t req, fuse_ino_t ino, int to_set, struct stat *attr,
	       unsigned *set);

/*
 * Whether the caller may keep the set-group-id bit of an inode whose access
 * control list it changes; also where there is none.
 */
bool setid_may_keep_group(fuse_req_t req, fuse_ino_t ino);

#endif
