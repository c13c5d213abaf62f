/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Room ahead of what LMDB uses of its file. LMDB finds out that a disk is full
 * in the midst of a commit, when it is too late to refuse anybody's change; so
 * blocks are taken before they are needed. Any thread.
 */
#ifndef VERS3_SRC_META_HEADROOM_H
#define VERS3_SRC_META_HEADROOM_H

#include <stdbool.h>
#include <stdint.h>

struct headroom;

/* fd (borrowed) is the file, path (borrowed) its name in the log. */
int headroom_new(int fd, const char *path, struct headroom **ret_headroom);
/* NULL is fine. */
void headroom_free(struct headroom *h);
/*
 * Has blocks ahead of used_bytes. 0, or -ENOSPC while too few can be had.
 * Where the file system has no fallocate, 0 says nothing.
 */
int headroom_keep(struct headroom *h, uint64_t used_bytes);
/* Whether the last headroom_keep() said -ENOSPC. */
bool headroom_is_short(const struct headroom *h);
/* Says so without having looked: the disk was full all the same. */
void headroom_set_short(struct headroom *h);

#endif
