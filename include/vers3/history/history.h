/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What ListObjectVersions says, kept in META_HISTORY: all versions and
 * delete markers of a name, and all names that ever stood in a directory.
 * A walk is used for ttl, and until this mount saves something itself.
 *
 * Any thread, no lock held. Entries are the caller's copies. 0 or -errno. S3
 * API: ListObjectVersions.
 */
#ifndef VERS3_HISTORY_HISTORY_H
#define VERS3_HISTORY_HISTORY_H

#include "vers3/core/mount.h"

struct view;

struct history;

int history_new(struct history **ret_history);
void history_free(struct history *h);
/* Versions were removed: no walk that began before is used any more. */
void history_forget(struct history *h);

struct history_entry {
	uint64_t order; /* ascending from the oldest; the server's order */
	bool marker; /* a delete marker */
	bool latest;
	char version_id[META_VERSION_MAX + 1];
	char etag[META_ETAG_MAX + 1];
	uint64_t size_bytes;
	int64_t last_modified_ns;
};

/* What is known of a name; walk: for history_next(). */
struct history_seen {
	bool any; /* it has versions or delete markers */
	bool dir; /* something ever stood below it */
	uint64_t walk;
};

/*
 * Makes the versions of one name known. A path that ends in '/' is that of a
 * directory's own object: it has nothing below it. May wait for the bucket.
 */
int history_load_name(struct view *view, struct history *h, const char *path,
		      struct history_seen *ret_seen);
/*
 * Makes all names ever seen in a directory known, with their versions;
 * *ret_walk is for history_next_name(). *ret_own: the directory's own object
 * has versions with bytes. May wait for the bucket.
 */
int history_load_dir(struct view *view, struct history *h, const char *path,
		     uint64_t *ret_walk, bool *ret_own);

/*
 * The version of path that comes after `order` (0: the oldest), of what one
 * walk found: later ones do not disturb it. -ENOENT at the end; -ESTALE when
 * that is so old that it was removed.
 */
int history_next(struct view *view, const char *path, uint64_t walk,
		 uint64_t order, struct history_entry *ret);
/*
 * The first name in directory `path` after `after` ("": the first), likewise;
 * name has room for META_NAME_MAX + 1 bytes.
 */
int history_next_name(struct view *view, const char *path, uint64_t walk,
		      const char *after, char *name);

#endif
