/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lists of versions and delete markers, page after page, in the server's
 * order: by key, each key's newest first (S3 API: ListObjectVersions). From
 * the second page on one is asked for while the last is worked on
 * (list_ahead.h).
 */
#ifndef VERS3_STORE_VERSION_LIST_H
#define VERS3_STORE_VERSION_LIST_H

#include <stdbool.h>

#include "vers3/store/store.h"

struct version_list {
	const char *prefix, *delimiter; /* borrowed; of whole keys */
	const char
		*after_key; /* borrowed: begin behind it; NULL: at the first */
	unsigned max_keys; /* on the first page; 0: the server's choice */
	/* While no request of the walk's thread is out: it may send some. */
	store_entry_fn on_entry;
	/* After each page, while another may be asked for. May be NULL. */
	int (*on_page)(void *ctx);
	/*
	 * What the server says where a page fails. May be NULL. Perhaps on
	 * another thread, and before the page ahead of it was given.
	 */
	void (*on_failure)(void *ctx, const struct store_reply *reply, int rc);
	void *ctx; /* of all three */
	bool stop; /* set by either: no more is wanted */
	bool truncated; /* out: the server has more than was asked for */
};

/*
 * Blocks. 0, or what store_call() or a callback returned. No entry is given
 * after stop was set.
 */
int version_list(struct store *store, struct version_list *l);

#endif
