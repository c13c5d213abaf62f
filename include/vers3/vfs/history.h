/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What ListObjectVersions says, kept in META_HISTORY: all versions and
 * delete markers of a name, and all names that ever stood in a directory.
 * A walk is used for ttl, and until this mount saves something itself.
 */
#ifndef VERS3_VFS_HISTORY_H
#define VERS3_VFS_HISTORY_H

#include "vers3/vfs/vfs.h"

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

/*
 * Makes the versions of one name known; *ret_any: it has some; *ret_dir:
 * something ever stood below it. May wait for the bucket.
 */
int history_load_name(struct vfs *v, struct history *h, const char *path,
		      bool *ret_any, bool *ret_dir);
/* Makes all names ever seen in a directory known, with their versions. */
int history_load_dir(struct vfs *v, struct history *h, const char *path);

/* The version of path that comes after `order` (0: the oldest). -ENOENT. */
int history_next(struct vfs *v, const char *path, uint64_t order,
		 struct history_entry *ret);
/*
 * The first name in directory `path` after `after` ("": the first); name has
 * room for META_NAME_MAX + 1 bytes. 0 or -ENOENT.
 */
int history_next_name(struct vfs *v, const char *path, const char *after,
		      char *name);

#endif
