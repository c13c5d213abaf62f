/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A walk over the pages of a list (list.h) that works on one page while the
 * next is asked for: at a distance a page takes as long as it does to bring,
 * or to work on, and not both.
 *
 * Each page is kept until its request is over, so that who gets its entries
 * may ask the server for more: a request that waits for another one would keep
 * its turn meanwhile (limit.h). Many walks end with the first page; from the
 * second on a thread of the walk's own asks for the one after. It stands for
 * what the caller's thread stood for when it began (cancel.h), which lasts
 * until the walk is released, with its urgency (urgency.h). Who waits for a
 * page gives the walk up as he gives up a request.
 *
 * A page of versions that tells its delete markers apart is given in the order
 * that the others have: by key, each key's newest first (page_order.h).
 *
 * One thread at a time. Blocks. Memory: two pages.
 */
#ifndef VERS3_STORE_LIST_AHEAD_H
#define VERS3_STORE_LIST_AHEAD_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#include "vers3/store/list.h"
#include "vers3/util/cancel.h"
#include "vers3/util/urgency.h"

/* A page as it was brought. */
struct list_ahead_page {
	struct list_ahead_item *items; /* owned */
	size_t count, size;
	const struct store_entry **order; /* owned: as they are given */
	size_t order_size;
	struct buf text; /* their strings */
	bool more; /* as in store_list */
	unsigned skipped; /* likewise */
	int rc; /* why it did not come */
};

struct list_ahead {
	/* Set by the caller. */
	store_entry_fn on_entry;
	/*
	 * What the server says of a page that fails; may be NULL. Perhaps on
	 * another thread, before the page ahead of it was given.
	 */
	void (*on_failure)(void *ctx, const struct store_reply *reply, int rc);
	void *ctx; /* of both */
	/* Its key_marker, max_keys and so on may be set before the first. */
	struct store_list list;

	/*
	 * Borrowed until it is released: what the walk's thread stands for, if
	 * that is not what the caller's stands for at the first page.
	 */
	struct cancel *stands_for;

	/* Of the page that was given last. */
	bool more;
	unsigned skipped;

	/* The walk's own. */
	struct store *store; /* borrowed */
	struct list_ahead_page pages[2];
	unsigned given; /* pages so far */
	unsigned next; /* of pages: the one that comes next */
	bool asking; /* the thread is there */
	pthread_t thread;
	bool waits; /* came is there */
	pthread_mutex_t mutex; /* a leaf; protects what is next */
	bool is_there; /* the page that the thread asks for, or its failure */
	pthread_cond_t came;
	struct cancel given_up;
	enum urgency urgency; /* of the walk's thread */
};

/* prefix and delimiter may be NULL. Release it in any case. */
void list_ahead_init(struct list_ahead *a, struct store *store,
		     enum store_op op, const char *prefix,
		     const char *delimiter);
/*
 * Gives the next page's entries. 0, -EIO, or what store_call() or on_entry
 * returned; then the walk is over.
 */
int list_ahead_next(struct list_ahead *a);
void list_ahead_release(struct list_ahead *a);

#endif
