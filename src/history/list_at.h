/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the bucket held at an instant, asked of it: of a key's versions, which
 * a list gives newest first, the first that is not younger. Nothing is kept.
 * All calls wait for the bucket.
 */
#ifndef VERS3_SRC_HISTORY_LIST_AT_H
#define VERS3_SRC_HISTORY_LIST_AT_H

#include "vers3/history/history.h"

struct view;

struct list_at_item {
	bool dir; /* something stood below it at some time */
	bool bare; /* see past_entry; list_at_below() tells */
	char name[META_NAME_MAX + 1];
	struct history_entry version; /* of a file */
};

/*
 * What stood at a path: a directory, or else a file. version: the file's, or
 * that of the directory's own object (all zero without). bare: a directory's
 * own object never had a version. 0 or -ENOENT.
 */
int list_at_name(struct view *view, int64_t at_ns, const char *path,
		 bool *ret_dir, bool *ret_bare,
		 struct history_entry *ret_version);
/* Whether anything was below a path: 0 or -ENOENT. The rest is the same. */
int list_at_below(struct view *view, int64_t at_ns, const char *path,
		  bool *ret_bare, struct history_entry *ret_version);
/*
 * The newest version of a directory's own object, also of one that was
 * deleted since. 0; -ENOENT when it never had any.
 */
int list_at_own(struct view *view, const char *path,
		struct history_entry *ret_version);
/*
 * The files that were in a directory, and the directories that ever were:
 * whether one was there then is list_at_below()'s. fn gets a page at a time,
 * may change it, and ends the walk with a negative return.
 */
int list_at_dir(struct view *view, int64_t at_ns, const char *path,
		int (*fn)(void *ctx, struct list_at_item *items, size_t count),
		void *ctx);

/* A list of all that is below a path, in the order of keys. */
struct list_at_tree {
	int64_t at_ns;
	const char *path; /* borrowed */
	/*
	 * A key, below the mount's prefix, and what it held then. version
	 * NULL: nothing, though it has versions; told of keys that end in '/'.
	 */
	int (*on_key)(void *ctx, const char *key,
		      const struct history_entry *version);
	/* Behind each page; last: the key that it has ended with. */
	int (*on_page)(void *ctx, const char *last, bool more);
	void *ctx; /* of both, whose negative returns end the walk */
};
int list_at_tree(struct view *view, const struct list_at_tree *t);

#endif
