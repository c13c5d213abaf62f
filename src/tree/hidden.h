/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys of the bucket that are shown under no name: how many a directory's
 * latest list has met, which, and why. Kept in memory, since the last mount;
 * that a directory has any is in its inode (META_I_HIDES).
 */
#ifndef VERS3_SRC_TREE_HIDDEN_H
#define VERS3_SRC_TREE_HIDDEN_H

#include <stddef.h>
#include <stdint.h>

#include "vers3/util/buf.h"

#define HIDDEN_NAMED 100 /* so many are told by name */

/* Why. */
#define HIDDEN_NAME  "no file can have this name"
#define HIDDEN_EMPTY "a component of the key is empty"
#define HIDDEN_DIR   "a directory has this name"
#define HIDDEN_ETAG  "the server gives it an unknown kind of ETag"

struct hidden;

struct hidden_key {
	char *path; /* owned; below the mount's root, with the rest of a key */
	const char *why; /* static: "is ..." */
};

/* Those of one list. Zeroed is empty. */
struct hidden_list {
	uint64_t count;
	struct hidden_key *keys; /* owned; the first of them */
	size_t named;
};

/* name: the rest of the key after the directory's path and slash. */
void hidden_add(struct hidden_list *l, const char *dir, const char *name,
		const char *why);
void hidden_list_release(struct hidden_list *l);

/* 0 or -ENOMEM. All below: any thread. */
int hidden_new(struct hidden **ret_hidden);
void hidden_free(struct hidden *h);
/* The latest of one directory, moved from l; empty: none, or it is gone. */
void hidden_note(struct hidden *h, uint64_t ino, struct hidden_list *l);
uint64_t hidden_count(struct hidden *h);
/* Appends the control file's section. */
int hidden_write(struct hidden *h, struct buf *out);

#endif
