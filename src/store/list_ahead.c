/* SPDX-License-Identifier: Apache-2.0 */
/* Owns two pages: the one that is given, and the one that comes. */
#include "vers3/store/list_ahead.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "vers3/util/array.h"

#define TEXT_MAX ((size_t)64 << 20) /* of a page: 1,000 keys of 1 KB, often */

struct list_ahead_item {
	struct store_entry e; /* its strings are set when it is given */
	size_t key, version_id, etag, storage_class, owner; /* in text */
};

static int keep(struct list_ahead_page *p, const char *text, size_t *ret_at)
{
	*ret_at = p->text.len;
	return buf_add(&p->text, text, strlen(text) + 1);
}

static int keep_entry(void *ctx, const struct store_entry *e)
{
	struct list_ahead_page *p = ctx;
	struct list_ahead_item *it;
	int rc = array_room(p->items, p->count, p->size);

	if (rc)
		return rc;
	it = &p->items[p->count];
	it->e = *e;
	rc = keep(p, e->key, &it->key);
	if (!rc)
		rc = keep(p, e->version_id ? e->version_id : "",
			  &it->version_id);
	if (!rc)
		rc = keep(p, e->etag ? e->etag : "", &it->etag);
	if (!rc)
		rc = keep(p, e->storage_class ? e->storage_class : "",
			  &it->storage_class);
	if (!rc)
		rc = keep(p, e->owner ? e->owner : "", &it->owner);
	if (!rc)
		p->count++;
	return rc == -EFBIG ? -EIO : rc;
}

static int give(struct list_ahead *a, struct list_ahead_page *p)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < p->count; i++) {
		const struct list_ahead_item *it = &p->items[i];
		struct store_entry e = it->e;

		e.key = p->text.data + it->key;
		e.version_id = p->text.data + it->version_id;
		e.etag = p->text.data + it->etag;
		e.storage_class = p->text.data + it->storage_class;
		e.owner = p->text.data + it->owner;
		rc = a->on_entry ? a->on_entry(a->ctx, &e) : 0;
	}
	return rc;
}

static int take_entry(void *ctx, const struct store_entry *e)
{
	struct list_ahead *a = ctx;

	return keep_entry(&a->pages[a->next], e);
}

static void take_failure(void *ctx, const struct store_reply *reply, int rc)
{
	struct list_ahead *a = ctx;

	if (a->on_failure)
		a->on_failure(a->ctx, reply, rc);
}

void list_ahead_init(struct list_ahead *a, struct store *store,
		     enum store_op op, const char *prefix,
		     const char *delimiter)
{
	memset(a, 0, sizeof(*a));
	a->store = store;
	store_list_init(&a->list, op, prefix, delimiter);
	a->list.on_entry = take_entry;
	a->list.on_failure = take_failure;
	a->list.ctx = a;
	for (int i = 0; i < 2; i++)
		buf_init(&a->pages[i].text, TEXT_MAX);
}

/* Waits for the page that is asked for, if there is one. */
static void await(struct list_ahead *a)
{
	if (a->asking)
		pthread_join(a->thread, NULL);
	a->asking = false;
}

void list_ahead_release(struct list_ahead *a)
{
	cancel_set(&a->given_up);
	await(a);
	for (int i = 0; i < 2; i++) {
		free(a->pages[i].items);
		buf_release(&a->pages[i].text);
	}
	store_list_release(&a->list);
}

static void ask(struct list_ahead *a)
{
	struct list_ahead_page *p = &a->pages[a->next];

	p->count = 0;
	buf_reset(&p->text);
	p->rc = store_list_page(a->store, &a->list);
	p->more = a->list.more;
	p->skipped = a->list.skipped;
}

static void *ask_ahead(void *arg)
{
	struct list_ahead *a = arg;

	cancel_enter(&a->given_up);
	urgency_enter(a->urgency);
	ask(a);
	return NULL;
}

int list_ahead_next(struct list_ahead *a)
{
	struct list_ahead_page *p;
	int rc;

	if (!a->given) {
		cancel_init(&a->given_up, cancel_current());
		a->urgency = urgency_current();
	}
	if (a->asking)
		await(a);
	else
		ask(a);
	p = &a->pages[a->next];
	a->more = p->more;
	a->skipped = p->skipped;
	if (p->rc)
		return p->rc;
	if (a->given++ && p->more) {
		a->next = !a->next;
		/* Without a thread it is asked for when it is wanted. */
		a->asking = !pthread_create(&a->thread, NULL, ask_ahead, a);
	}
	rc = give(a, p);
	/* No page is given twice. */
	p->count = 0;
	return rc;
}
