/* SPDX-License-Identifier: Apache-2.0 */
#include "version_list.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Where the next page begins. */
struct place {
	char *key, *version; /* owned */
};

static void place_release(struct place *p)
{
	free(p->key);
	free(p->version);
	p->key = p->version = NULL;
}

static int place_take(struct place *p, const struct store_reply *reply)
{
	place_release(p);
	p->key = strdup(reply->next_key_marker);
	if (reply->next_version_marker)
		p->version = strdup(reply->next_version_marker);
	return p->key && (p->version || !reply->next_version_marker) ? 0
								     : -ENOMEM;
}

static int give_entry(void *ctx, const struct store_entry *e)
{
	struct version_list *l = ctx;

	return l->stop ? 0 : l->on_entry(l->ctx, e);
}

int version_list(struct store *store, struct version_list *l)
{
	struct place at = {NULL, NULL};
	unsigned max_keys = l->max_keys;
	int rc;

	do {
		struct store_request r;

		store_request_init(&r, STORE_LIST_VERSIONS);
		r.prefix = l->prefix;
		r.delimiter = l->delimiter;
		r.key_marker = at.key;
		r.version_marker = at.version;
		r.max_keys = max_keys;
		r.on_entry = give_entry;
		r.entry_ctx = l;
		rc = store_call(store, &r);
		l->truncated =
			!rc && r.reply.truncated && r.reply.next_key_marker;
		if (!rc && l->on_page)
			rc = l->on_page(l->ctx);
		if (!rc && l->truncated && !l->stop)
			rc = place_take(&at, &r.reply);
		store_request_release(&r);
		max_keys = 0;
	} while (!rc && l->truncated && !l->stop);
	place_release(&at);
	return rc;
}
