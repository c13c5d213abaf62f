/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Why there is no version of a path to bring back, for people.
 *
 * Any thread. Answers are appended to the caller's buffer.
 */
#ifndef VERS3_HISTORY_NOTHING_H
#define VERS3_HISTORY_NOTHING_H

#include <stdbool.h>

#include "vers3/util/buf.h"

struct view;

/*
 * Whether the bucket has nothing at a path or below it, and never had. 0;
 * -EOPNOTSUPP where the bucket keeps no versions, which would tell; or why it
 * could not be asked. Blocks; no lock is held.
 */
int nothing_ever(struct view *view, const char *path, bool *ret_never);

/*
 * Answers that the bucket has no version of path as a file: it keeps none, or
 * path is a directory, or nothing ever was there. Asks the server; no lock is
 * held. Returns -ENOENT, or what hinders the answer.
 */
int nothing_say(struct view *view, const char *path, struct buf *answer);

/*
 * Answers with an error of the server, or of this host, in words, with what
 * to do where that is known. Returns rc.
 */
int nothing_say_error(int rc, const char *path, struct buf *answer);

#endif
