/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Merging what a list says of one directory into the namespace. The caller
 * brings the pages, in order; between begin and end no lock is held.
 *
 * A merge is one thread's, which holds no lock: what changes the namespace
 * takes meta_lock(), in holds of milliseconds, and none waits for the bucket.
 * Items are borrowed for the call. 0 or -errno of meta.h's, and what is said
 * below.
 */
#ifndef VERS3_TREE_MERGE_H
#define VERS3_TREE_MERGE_H

#include "vers3/meta/dentry.h"

struct tree;

struct hidden_list;
struct merge;

/* One item of a page; strings are owned by the page. */
struct merge_item {
	char *name; /* "" : the directory's own marker */
	bool is_dir;
	char etag[META_ETAG_MAX + 1];
	uint64_t size_bytes;
	int64_t last_modified_ns; /* whole seconds */
	char version_id[META_VERSION_MAX + 1]; /* "" : not known */
	bool others; /* it is none of our saves, though it looks like one */
};

/*
 * Starts a merge of directory ino at path (meta_path()'s form). since: from
 * journal_list_begin(), taken before the list was asked for.
 */
int merge_new(struct tree *tree, uint64_t ino, const char *path, uint64_t since,
	      struct merge **ret_merge);
void merge_free(struct merge *m);
/* Applies a page. -ESTALE when the directory has moved meanwhile. */
int merge_page(struct merge *m, const struct merge_item *items, size_t count);
/* The bucket has nothing at a name: removes it here unless it is dirty. */
int merge_gone(struct merge *m, const char *name);
/* After the last page: removes what is gone, notes the time of the list. */
int merge_finish(struct merge *m, int64_t asked_ns);
/*
 * Notes a key that is shown under no name; name: the rest of it, NULL where a
 * string cannot hold it.
 */
void merge_hide(struct merge *m, const char *name, const char *why);
/* Those of this list (src/tree/hidden.h); may be moved. */
struct hidden_list *merge_hidden(struct merge *m);

#endif
