/* SPDX-License-Identifier: Apache-2.0 */
/* Items of a list on their way into a merge (merge.h). One thread. */
#ifndef VERS3_SRC_TREE_NAMES_PAGE_H
#define VERS3_SRC_TREE_NAMES_PAGE_H

#include <stdbool.h>
#include <stddef.h>

#include "vers3/tree/merge.h"

struct store_entry;

/* Zeroed is empty. */
struct names_page {
	struct merge_item *items; /* owned, with their strings */
	size_t count, size;
};

/*
 * Adds a name of len bytes, which is copied; e: what a list says of the object
 * (its ETag no longer than META_ETAG_MAX), NULL of a directory that is known by
 * what is in it. 0 or -ENOMEM.
 */
int names_page_add(struct names_page *p, const char *name, size_t len,
		   bool is_dir, const struct store_entry *e);
void names_page_reset(struct names_page *p);
void names_page_release(struct names_page *p);

#endif
