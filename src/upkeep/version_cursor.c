/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns a list under way and its last page. A path has two lists: of its own
 * key, which is left when another one comes, and of what is below it.
 */
#include "version_cursor.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "version_answer.h"
#include "vers3/util/array.h"

void version_entry_release(struct version_entry *e)
{
	free(e->key);
	e->key = NULL;
}

void version_group_release(struct version_group *g)
{
	for (size_t i = 0; i < g->count; i++)
		version_entry_release(&g->items[i]);
	free(g->items);
	*g = (struct version_group){.count = 0};
}

void version_cursor_init(struct version_cursor *c, struct store *store,
			 const char *key, bool whole)
{
	memset(c, 0, sizeof(*c));
	c->store = store;
	snprintf(c->prefix, sizeof(c->prefix), "%s", key);
	c->exact_len = whole ? 0 : strlen(c->prefix);
	c->stands_for = cancel_current();
}

void version_cursor_release(struct version_cursor *c)
{
	if (c->listing)
		list_ahead_release(&c->list);
	c->listing = false;
	version_group_release(&c->page);
}

static int on_entry(void *ctx, const struct store_entry *e)
{
	struct version_cursor *c = ctx;
	struct version_entry v = {
		.size_bytes = e->size_bytes,
		.last_modified_ns = e->last_modified_ns,
		.marker = e->kind == STORE_ENTRY_MARKER,
		.latest = e->latest,
	};
	int rc;

	/* Enough: the key's own come before all that begin with it. */
	if (c->exact_len && e->key_len != c->exact_len) {
		c->passed = true;
		return 0;
	}
	/* What is longer names no version that could be asked for. */
	if (strlen(e->version_id) > META_VERSION_MAX ||
	    strlen(e->etag) > META_ETAG_MAX)
		return -EIO;
	strcpy(v.version_id, e->version_id);
	strcpy(v.etag, e->etag);
	rc = array_room(c->page.items, c->page.count, c->page.size);
	if (rc)
		return rc;
	v.key = strdup(e->key);
	if (!v.key)
		return -ENOMEM;
	c->page.items[c->page.count++] = v;
	c->entries++;
	return 0;
}

static void on_failure(void *ctx, const struct store_reply *reply, int rc)
{
	struct version_cursor *c = ctx;

	version_explain(rc, reply, c->why, sizeof(c->why));
}

static void begin_list(struct version_cursor *c)
{
	list_ahead_init(&c->list, c->store, STORE_LIST_VERSIONS, c->prefix,
			NULL);
	c->list.on_entry = on_entry;
	c->list.on_failure = on_failure;
	c->list.ctx = c;
	c->list.stands_for = c->stands_for;
	c->listing = true;
	c->passed = false;
}

/* The list has come to its end, or failed: what is below is the next one. */
static void end_list(struct version_cursor *c)
{
	list_ahead_release(&c->list);
	c->listing = false;
	c->at_end = !c->exact_len;
	if (c->exact_len)
		strcat(c->prefix, "/");
	c->exact_len = 0;
}

/* Has entries on the page, but at the end. */
static int fill(struct version_cursor *c)
{
	while (c->taken == c->page.count && !c->at_end) {
		int rc;

		version_group_release(&c->page);
		c->taken = 0;
		if (!c->listing)
			begin_list(c);
		rc = list_ahead_next(&c->list);
		if (rc) {
			c->at_end = true;
			return rc;
		}
		if (!c->list.more || c->passed)
			end_list(c);
	}
	return 0;
}

int version_cursor_key(struct version_cursor *c, const char **ret_key)
{
	int rc = fill(c);

	if (!rc)
		*ret_key = c->taken < c->page.count
				   ? c->page.items[c->taken].key
				   : NULL;
	return rc;
}

int version_cursor_take(struct version_cursor *c, struct version_group *group)
{
	const char *key = NULL;
	int rc = version_cursor_key(c, &key);

	while (!rc && key &&
	       (!group->count || !strcmp(key, group->items[0].key))) {
		rc = array_room(group->items, group->count, group->size);
		if (rc)
			break;
		group->items[group->count++] = c->page.items[c->taken];
		c->page.items[c->taken++].key = NULL;
		rc = version_cursor_key(c, &key);
	}
	return rc;
}
