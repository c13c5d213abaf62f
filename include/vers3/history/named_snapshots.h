/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Named points: instants that have a name, for every mount of the bucket. A
 * point NAME is an empty object, .versions/@NAME below the mount's prefix;
 * its instant is the time that the server's lists give that object, which is
 * the clock that versions are dated by. No tree shows the object itself.
 *
 * Of several versions the first one after the last delete marker counts, so
 * that a PUT that was sent twice, or by two mounts at once, moves no point.
 *
 * What was listed is used for ttl. All calls may wait for the bucket.
 *
 * Any thread, no lock held. Times in ns since the epoch, by the server's clock.
 */
#ifndef VERS3_HISTORY_NAMED_SNAPSHOTS_H
#define VERS3_HISTORY_NAMED_SNAPSHOTS_H

#include "vers3/core/mount.h"

struct named_snapshots;
struct view;

struct point {
	char name[META_NAME_MAX]; /* without the '@' */
	int64_t at_ns;
};

/* In the order of names. */
struct point_list {
	struct point *items; /* owned */
	size_t count;
};

int named_snapshots_new(struct named_snapshots **ret_named_snapshots);
void named_snapshots_free(struct named_snapshots *p);

/* What was listed is asked for anew, however young. */
void named_snapshots_look_again(struct view *view);
/* A copy of what is there; the caller releases it. */
int named_snapshots_list(struct view *view, struct point_list *ret_list);
void point_list_release(struct point_list *l);
/* A point of the list, or NULL. */
const struct point *point_list_find(const struct point_list *l,
				    const char *name);

/*
 * The instant that a text means: a time (timestamp.h) or a point's name, with
 * or without '@'. 0; -EINVAL: it is neither; or why that cannot be told.
 */
int named_snapshot_time(struct view *view, const char *text, int64_t *ret_ns);

/*
 * Sends everything that is dirty, then makes a point of that moment: what
 * was in the bucket by then is in its tree, what is written after the return
 * is not. 0; -EINVAL: it is no name for a point; -EEXIST; -EOPNOTSUPP: the
 * bucket keeps no versions; or why something could not be sent, and then
 * there is no point.
 */
int named_snapshots_make(struct view *view, const char *name);
/* Forgets a point. 0, -ENOENT. */
int named_snapshots_remove(struct view *view, const char *name);

#endif
