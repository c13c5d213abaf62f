/* SPDX-License-Identifier: Apache-2.0 */
/* Owns two pages: the one that is given, and the one that comes. */
#include "vers3/store/list_ahead.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "page_order.h"
#include "vers3/util/array.h"
#include "vers3/util/clock.h"

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

/* Their strings stay where they are from now on: in the order to give. */
static int put_in_order(struct list_ahead_page *p, bool versions)
{
	for (size_t i = 0; i < p->count; i++) {
		struct list_ahead_item *it = &p->items[i];

		if (array_room(p->order, i, p->order_size))
			return -ENOMEM;
		it->e.key = p->text.data + it->key;
		it->e.version_id = p->text.data + it->version_id;
		it->e.etag = p->text.data + it->etag;
		it->e.storage_class = p->text.data + it->storage_class;
		it->e.owner = p->text.data + it->owner;
		p->order[i] = &it->e;
	}
	return versions ? page_order(p->order, p->count) : 0;
}

static int give(struct list_ahead *a, struct list_ahead_page *p)
{
	int rc = put_in_order(p, a->list.op == STORE_LIST_VERSIONS);

	for (size_t i = 0; !rc && i < p->count; i++)
		rc = a->on_entry ? a->on_entry(a->ctx, p->order[i]) : 0;
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
	pthread_mutex_init(&a->mutex, NULL);
	a->waits = !clock_cond_init(&a->came);
}

/* Waits for the page that is asked for, or gives it up. */
static int await(struct list_ahead *a)
{
	int rc = 0;

	pthread_mutex_lock(&a->mutex);
	while (!rc && !a->is_there)
		rc = cancel_wait(&a->came, &a->mutex);
	pthread_mutex_unlock(&a->mutex);
	if (rc)
		cancel_set(&a->given_up);
	pthread_join(a->thread, NULL);
	a->asking = false;
	return rc;
}

void list_ahead_release(struct list_ahead *a)
{
	cancel_set(&a->given_up);
	if (a->asking)
		pthread_join(a->thread, NULL);
	if (a->waits)
		pthread_cond_destroy(&a->came);
	pthread_mutex_destroy(&a->mutex);
	for (int i = 0; i < 2; i++) {
		free(a->pages[i].items);
		free(a->pages[i].order);
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
	pthread_mutex_lock(&a->mutex);
	a->is_there = true;
	pthread_cond_signal(&a->came);
	pthread_mutex_unlock(&a->mutex);
	return NULL;
}

int list_ahead_next(struct list_ahead *a)
{
	struct list_ahead_page *p;
	int rc = 0;

	if (!a->given) {
		cancel_init(&a->given_up,
			    a->stands_for ? a->stands_for : cancel_current());
		a->urgency = urgency_current();
	}
	if (a->asking)
		rc = await(a);
	else
		ask(a);
	if (rc)
		return rc;
	p = &a->pages[a->next];
	a->more = p->more;
	a->skipped = p->skipped;
	if (p->rc)
		return p->rc;
	if (a->given++ && p->more && a->waits) {
		a->next = !a->next;
		a->is_there = false;
		/* Without a thread it is asked for when it is wanted. */
		a->asking = !pthread_create(&a->thread, NULL, ask_ahead, a);
	}
	rc = give(a, p);
	/* No page is given twice. */
	p->count = 0;
	return rc;
}
