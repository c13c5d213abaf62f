/* SPDX-License-Identifier: Apache-2.0 */
/* Whether there is anything that the path of a command could mean. */
#ifndef VERS3_HISTORY_NOWHERE_H
#define VERS3_HISTORY_NOWHERE_H

#include <stdbool.h>

struct view;

/*
 * Whether nothing is at a path ("": the root), nothing ever was, and it has no
 * change either: a name that was taken away is to be told like any other that
 * was changed, whether that has been sent already or not. What cannot be found
 * out, as in a bucket that keeps no versions, is not held against a path.
 *
 * Any thread, no lock held. May ask the bucket.
 */
bool is_nowhere(struct view *view, const char *path);

#endif
