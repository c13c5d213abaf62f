/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The versions and delete markers at a path and below it, one key after the
 * other, taken by who reads them: so that two buckets' lists can be gone
 * through side by side. Held are one key's versions, one page of a list, and
 * the two of list_ahead.h: the next page comes while this one is taken.
 *
 * Not for several threads at a time. Blocks where a page is to come, and ends
 * with the thread's cancel. S3 API: ListObjectVersions.
 */
#ifndef VERS3_SRC_UPKEEP_VERSION_CURSOR_H
#define VERS3_SRC_UPKEEP_VERSION_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vers3/meta/inode.h"
#include "vers3/store/list_ahead.h"

struct version_entry {
	char *key; /* owned: the whole one */
	char version_id[META_VERSION_MAX + 1];
	char etag[META_ETAG_MAX + 1];
	uint64_t size_bytes;
	int64_t last_modified_ns;
	bool marker, latest;
};

void version_entry_release(struct version_entry *e);

/* Those of one key, newest first as the server has them. */
struct version_group {
	struct version_entry *items; /* owned, with what is in them */
	size_t count, size;
};

/* Empties it, to be filled again or let go. */
void version_group_release(struct version_group *g);

#define VERSION_WHY_MAX 240

struct version_cursor {
	struct store *store; /* borrowed */
	char prefix[META_KEY_MAX + 2];
	size_t exact_len; /* of the key of the path itself; 0: all below it */
	bool listing, at_end, passed;
	struct list_ahead list; /* while listing */
	struct cancel *stands_for; /* borrowed: as in list_ahead.h */
	struct version_group page; /* what came and was not taken */
	size_t taken; /* of the page */
	uint64_t entries; /* that came so far */
	char why[VERSION_WHY_MAX]; /* what the server said of a failure; "" */
};

/*
 * key: of the path, or the mount's prefix where the path is "" (whole). It
 * stands for what the calling thread stands for, until it is released.
 */
void version_cursor_init(struct version_cursor *c, struct store *store,
			 const char *key, bool whole);
void version_cursor_release(struct version_cursor *c);
/* The key that comes next, borrowed; NULL at the end. 0 or -errno. */
int version_cursor_key(struct version_cursor *c, const char **ret_key);
/* All versions of that key, added to an empty group. 0 or -errno. */
int version_cursor_take(struct version_cursor *c, struct version_group *group);

#endif
