/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The loop over list_ahead_next(), until there is no page or no wish for more.
 */
#include "vers3/store/version_list.h"

#include <errno.h>
#include <string.h>

#include "vers3/store/list_ahead.h"

static int give_entry(void *ctx, const struct store_entry *e)
{
	struct version_list *l = ctx;

	/* Ceph begins with the older versions of the marker's key. */
	if (l->stop || (l->after_key && strcmp(e->key, l->after_key) <= 0))
		return 0;
	return l->on_entry(l->ctx, e);
}

static void give_failure(void *ctx, const struct store_reply *reply, int rc)
{
	struct version_list *l = ctx;

	if (l->on_failure)
		l->on_failure(l->ctx, reply, rc);
}

int version_list(struct store *store, struct version_list *l)
{
	struct list_ahead pages;
	int rc = 0;

	list_ahead_init(&pages, store, STORE_LIST_VERSIONS, l->prefix,
			l->delimiter);
	pages.list.max_keys = l->max_keys;
	pages.on_entry = give_entry;
	pages.on_failure = give_failure;
	pages.ctx = l;
	if (l->after_key) {
		pages.list.key_marker = strdup(l->after_key);
		rc = pages.list.key_marker ? 0 : -ENOMEM;
	}
	while (!rc) {
		bool first = !pages.given;

		rc = list_ahead_next(&pages);
		l->truncated = pages.more;
		if (!rc && l->on_page)
			rc = l->on_page(l->ctx);
		if (first)
			pages.list.max_keys = 0;
		if (!l->truncated || l->stop)
			break;
	}
	list_ahead_release(&pages);
	return rc;
}
