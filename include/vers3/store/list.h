/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A walk over the pages of a list (STORE_LIST, _VERSIONS or _UPLOADS), the
 * one way in which lists are asked for: what a server may answer is checked
 * here, so that no walk is without an end and no callback is given what was
 * not asked for. Refused with -EIO:
 *
 * - an entry that does not begin with the prefix, or that the delimiter
 *   should have folded, or has folded wrongly;
 * - entries that do not come in the binary order of UTF-8, in a page or from
 *   one to the next. AWS and Ceph agree on it; AWS's directory buckets have
 *   another one and cannot be used (nor do they keep versions);
 * - a token or a marker that comes again or goes back, and page after page
 *   that brings nothing.
 *
 * What is left is a list that truly grows without end: whoever keeps what it
 * brings bounds that.
 */
#ifndef VERS3_STORE_LIST_H
#define VERS3_STORE_LIST_H

#include <stdbool.h>
#include <stdint.h>

#include "vers3/store/store.h"
#include "vers3/util/buf.h"

#define STORE_LIST_KINDS 3

struct store_list {
	/* Set by the caller; borrowed until released. */
	const char *start_after; /* STORE_LIST without a delimiter */
	unsigned max_keys; /* of the next page; 0: the server's choice */
	store_entry_fn on_entry;
	/* What the server says of a page that fails; may be NULL. */
	void (*on_failure)(void *ctx, const struct store_reply *reply, int rc);
	void *ctx;
	bool trial; /* as of a request */

	/* Of the page that came last. */
	bool more; /* there are further ones */
	unsigned skipped; /* as in the reply */

	/* The walk's own. */
	enum store_op op;
	const char *prefix, *delimiter; /* borrowed */
	char *token, *version_marker; /* owned */
	/* Owned: where to begin a list of versions, if set before (malloc). */
	char *key_marker;
	char *mark_key, *mark_version; /* owned: a place passed before */
	uint64_t pages, mark_at;
	unsigned barren; /* pages in a row that brought nothing new */
	struct buf last; /* the greatest key of the pages so far */
	struct buf page_last[STORE_LIST_KINDS]; /* of this page, by kind */
};

/* prefix and delimiter may be NULL. Release it in any case. */
void store_list_init(struct store_list *l, enum store_op op, const char *prefix,
		     const char *delimiter);
/*
 * Asks for the next page. 0, -EIO, or what store_call() or a callback
 * returned; then the walk is over.
 */
int store_list_page(struct store *s, struct store_list *l);
void store_list_release(struct store_list *l);

#endif
