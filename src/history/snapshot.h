/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tree at an instant: what stood in a directory then. A file is its
 * newest version that is not younger than the instant, unless that is a
 * delete marker; a directory was there if anything below it was, an object of
 * its own included.
 *
 * A directory's names at an instant are kept in META_PAST until the mount
 * ends: for some minutes when the instant is over, since nothing can be saved
 * in it any more; else for ttl, and until this mount saves something.
 */
#ifndef VERS3_SRC_HISTORY_SNAPSHOT_H
#define VERS3_SRC_HISTORY_SNAPSHOT_H

#include "past_records.h"

struct view;

struct snapshot;

int snapshot_new(struct view *view, struct snapshot **ret_snapshot);
void snapshot_free(struct snapshot *p);

/* What stood at a path, which is not the root. 0, -ENOENT. May wait. */
int snapshot_find(struct view *view, struct snapshot *p, int64_t at_ns,
		  const char *path, struct past_entry *ret);
/* Makes the names in a directory known. May wait for the bucket. */
int snapshot_load(struct view *view, struct snapshot *p, int64_t at_ns,
		  const char *path);
/*
 * The first name after `after` ("": of all) in a directory, as it was loaded
 * last; name has room for META_NAME_MAX + 1 bytes. 0; -ENOENT; -ESTALE when the
 * names are not known (any more).
 */
int snapshot_next(struct view *view, struct snapshot *p, int64_t at_ns,
		  const char *path, const char *after, char *name,
		  struct past_entry *ret);
/* How long what is told of an instant holds. */
int64_t snapshot_ttl_ns(struct view *view, int64_t at_ns);
/* Versions were removed: nothing that is known holds. */
void snapshot_forget(struct snapshot *p);
/* How many records are kept from now on. */
void snapshot_set_max(struct snapshot *p, uint64_t records);

#endif
