/* SPDX-License-Identifier: Apache-2.0 */
/* Why there is no version of a path to bring back, for people. */
#ifndef VERS3_VFS_NOTHING_INTERNAL_H
#define VERS3_VFS_NOTHING_INTERNAL_H

#include "vers3/util/buf.h"
#include "vers3/vfs/vfs.h"

/*
 * Answers that the bucket has no version of path as a file: it keeps none, or
 * path is a directory, or nothing ever was there. Asks the server; no lock is
 * held. Returns -ENOENT, or what hinders the answer.
 */
int nothing_say(struct vfs *v, const char *path, struct buf *answer);

/*
 * Answers with an error of the server, or of this host, in words, with what
 * to do where that is known. Returns rc.
 */
int nothing_say_error(int rc, const char *path, struct buf *answer);

#endif
