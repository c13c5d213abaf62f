/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Deleting what is known, and nothing else. Where the server compares ETags,
 * each delete carries one. Where it does not, one list over the keys of a
 * batch vouches for those that stand there as they are known; any other is
 * asked for by itself. So `rm -rf` costs a list for a thousand keys.
 */
#include "vers3/vfs/conflict.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "conflict_impl.h"

#define PAGES_MAX  16 /* of a list, until it is better to ask one by one */
#define LOOK_WIDTH 8 /* keys asked for at once */

/* A batch at work. All but the flags is borrowed. */
struct batch {
	struct vfs *v;
	struct conflict *list;
	struct store_delete *items;
	size_t count;
	size_t *order; /* owned: indices, sorted by key */
	bool *checked; /* owned: [i] may be deleted, or is to be left */
	bool *leave; /* owned: nothing is to be sent for [i] */
};

static int batch_init(struct batch *b)
{
	b->order = calloc(b->count, sizeof(*b->order));
	b->checked = calloc(b->count, sizeof(*b->checked));
	b->leave = calloc(b->count, sizeof(*b->leave));
	return b->order && b->checked && b->leave ? 0 : -ENOMEM;
}

static void batch_release(struct batch *b)
{
	free(b->order);
	free(b->checked);
	free(b->leave);
}

static int compare_keys(const void *a, const void *b, void *ctx)
{
	const struct batch *batch = ctx;

	return strcmp(batch->items[*(const size_t *)a].key,
		      batch->items[*(const size_t *)b].key);
}

/* The index of a key in the batch; count: it is not one of it. */
static size_t find(const struct batch *b, const char *key)
{
	size_t low = 0, high = b->count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		int order = strcmp(b->items[b->order[mid]].key, key);

		if (!order)
			return b->order[mid];
		if (order < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return b->count;
}

/* An entry clears a key only by being what is known: no order is assumed. */
static int on_entry(void *ctx, const struct store_entry *e)
{
	struct batch *b = ctx;
	size_t i = find(b, e->key);

	if (i < b->count && b->list[i].held && b->list[i].etag[0] &&
	    !strcmp(b->list[i].etag, e->etag))
		b->checked[i] = true;
	return 0;
}

/* Where a list over the batch begins: before its first key, none of it. */
static void list_range(const struct batch *b, char *prefix, char *start)
{
	const char *first = b->items[b->order[0]].key;
	const char *last = b->items[b->order[b->count - 1]].key;
	size_t len = strlen(first), common = 0;

	while (first[common] && first[common] == last[common])
		common++;
	/* Cut between characters, since keys are UTF-8. */
	do
		len--;
	while (len && ((unsigned char)first[len] & 0xc0) == 0x80);
	while (common && ((unsigned char)first[common] & 0xc0) == 0x80)
		common--;
	memcpy(start, first, len);
	start[len] = '\0';
	memcpy(prefix, first, common);
	prefix[common] = '\0';
}

static void check_by_list(struct batch *b)
{
	char prefix[META_KEY_MAX + 1], start[META_KEY_MAX + 1], *token = NULL;
	bool more = true;

	list_range(b, prefix, start);
	for (int page = 0; more && page < PAGES_MAX; page++) {
		struct store_request r;

		store_request_init(&r, STORE_LIST);
		r.prefix = prefix;
		/* A start within the prefix only; else it is its beginning. */
		r.start_after = strlen(start) > strlen(prefix) ? start : NULL;
		r.token = token;
		r.on_entry = on_entry;
		r.entry_ctx = b;
		more = !store_call(b->v->store, &r) && r.reply.truncated &&
		       r.reply.next_token;
		free(token);
		token = more ? strdup(r.reply.next_token) : NULL;
		more = token != NULL;
		store_request_release(&r);
	}
	free(token);
}

/* Asks for a key that is not cleared; with -errno it stays for a next try. */
static int look_one(void *ctx, unsigned i)
{
	struct batch *b = ctx;
	struct conflict *c = &b->list[i];
	int rc;

	if (b->checked[i])
		return 0;
	rc = conflict_look(b->v, c);
	/* They have deleted it too: there is nothing to do, nor to tell. */
	if (!rc && c->gone)
		c->met = false;
	b->leave[i] = rc || c->gone || c->met;
	b->items[i].result = rc;
	return 0;
}

static int look_all(struct batch *b, struct pool *pool)
{
	return pool_each(pool, LOOK_WIDTH, (unsigned)b->count, look_one, b);
}

static int send_one(struct store *store, struct store_delete *item)
{
	struct store_request r;
	int rc;

	store_request_init(&r, STORE_DELETE);
	r.key = item->key;
	r.if_match = item->if_match;
	rc = store_call(store, &r);
	if (rc == -ENOENT)
		rc = 0;
	item->result = rc;
	store_request_release(&r);
	return rc == -EBUSY ? 0 : rc;
}

static int send_many(struct store *store, struct store_delete *items,
		     size_t count)
{
	struct store_request r;
	int rc;

	store_request_init(&r, STORE_DELETE_MANY);
	r.deletes = items;
	r.delete_count = count;
	rc = store_call(store, &r);
	store_request_release(&r);
	return rc;
}

/* Sends what is to be sent and brings the results back to their places. */
static int send(struct batch *b)
{
	struct store_delete *out = calloc(b->count, sizeof(*out));
	size_t n = 0;
	int rc = 0;

	if (!out)
		return -ENOMEM;
	for (size_t i = 0; i < b->count; i++)
		if (!b->leave[i])
			out[n++] = b->items[i];
	if (n == 1)
		rc = send_one(b->v->store, out);
	else if (n)
		rc = send_many(b->v->store, out, n);
	n = 0;
	for (size_t i = 0; i < b->count; i++) {
		if (b->leave[i])
			continue;
		if (rc)
			out[n].result = rc;
		b->items[i] = out[n++];
	}
	free(out);
	return rc;
}

/* With conditions: those that were refused are looked at. */
static void look_at_refused(struct batch *b, struct pool *pool)
{
	bool any = false;

	for (size_t i = 0; i < b->count; i++) {
		b->checked[i] = b->leave[i] || b->items[i].result != -EBUSY;
		any = any || !b->checked[i];
	}
	if (!any)
		return;
	look_all(b, pool);
	for (size_t i = 0; i < b->count; i++)
		/* It is what is known, and was refused all the same. */
		if (!b->checked[i] && !b->leave[i])
			b->items[i].result = -EBUSY;
}

int conflict_delete(struct vfs *v, struct pool *pool, struct conflict *list,
		    struct store_delete *items, size_t count)
{
	struct batch b = {.v = v, .list = list, .items = items, .count = count};
	int rc = batch_init(&b);

	for (size_t i = 0; !rc && i < count; i++) {
		b.order[i] = i;
		if (v->config.caps.remove && list[i].held && list[i].etag[0]) {
			items[i].if_match = list[i].etag;
			b.checked[i] = true;
		}
	}
	if (rc)
		goto out;
	if (!v->config.caps.remove && count > 1) {
		qsort_r(b.order, count, sizeof(*b.order), compare_keys, &b);
		check_by_list(&b);
	}
	rc = look_all(&b, pool);
	if (!rc)
		rc = send(&b);
	if (!rc && v->config.caps.remove)
		look_at_refused(&b, pool);
out:
	batch_release(&b);
	return rc;
}
