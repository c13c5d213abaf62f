/* SPDX-License-Identifier: Apache-2.0 */
/* Inside dir.h: what dir.c (names) and dir_attrs.c (attributes) share. */
#ifndef VERS3_SRC_VFS_DIR_IMPL_H
#define VERS3_SRC_VFS_DIR_IMPL_H

#include <pthread.h>
#include <stdatomic.h>

#include "vers3/util/map.h"
#include "vers3/util/pool.h"
#include "vers3/vfs/dir.h"

#define ATTR_WIDTH 32 /* HEADs at once */
/*
 * How often a question is asked again whose answer others have made old while
 * it came. Each time somebody else has got on with a change.
 */
#define ASK_TRIES 100

struct dirs {
	pthread_mutex_t mutex;
	pthread_cond_t done;
	struct map *busy; /* ino → itself: being listed; under mutex */
	struct pool *pool; /* owned: HEADs */
	struct map *lookups; /* ino → count of single look-ups; likewise */
	struct map *hidden_in; /* ino → keys that its list hid; likewise */
	uint64_t hidden; /* sum of those; likewise */
	atomic_int_fast64_t offline_until; /* monotonic */
};

/* Whether the bucket could not be reached a moment ago. */
bool dir_is_offline(struct vfs *v);
/* Notes what a request ended in; returns rc. */
int dir_note_result(struct vfs *v, int rc);
/*
 * Asks for one inode's attributes. 0; -ENOENT when the object is gone; 1 when
 * the name turned out to be one more of another inode (link.h).
 */
int dir_fetch_attrs(struct vfs *v, uint64_t ino);

#endif
