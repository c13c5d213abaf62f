/* SPDX-License-Identifier: Apache-2.0 */
/* An ordered list of name=value strings. */
#include "vers3/util/kv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "vers3/util/array.h"

void kvlist_init(struct kvlist *l)
{
	l->items = NULL;
	l->count = 0;
	l->size = 0;
}

static void kv_clear(struct kv *kv)
{
	free(kv->name);
	free(kv->value);
}

void kvlist_release(struct kvlist *l)
{
	for (size_t i = 0; i < l->count; i++)
		kv_clear(&l->items[i]);
	free(l->items);
	kvlist_init(l);
}

static int kvlist_grow(struct kvlist *l)
{
	if (l->count >= KV_MAX)
		return -E2BIG;
	return array_room(l->items, l->count, l->size);
}

int kvlist_add(struct kvlist *l, const char *name, const char *value)
{
	struct kv kv;
	int rc;

	rc = kvlist_grow(l);
	if (rc)
		return rc;
	kv.name = strdup(name);
	kv.value = strdup(value);
	if (!kv.name || !kv.value) {
		kv_clear(&kv);
		return -ENOMEM;
	}
	l->items[l->count++] = kv;
	return 0;
}

/*
 * Drops the pairs of that name from index `from` on. The name may be
 * borrowed from one of them, which therefore goes last.
 */
static void kvlist_del_from(struct kvlist *l, size_t from, const char *name)
{
	struct kv lender = {NULL, NULL};
	size_t kept = from;

	for (size_t i = from; i < l->count; i++) {
		struct kv *kv = &l->items[i];

		if (strcasecmp(kv->name, name) != 0)
			l->items[kept++] = *kv;
		else if (kv->name == name)
			lender = *kv;
		else
			kv_clear(kv);
	}
	l->count = kept;
	kv_clear(&lender);
}

static size_t kvlist_find(const struct kvlist *l, const char *name)
{
	size_t i;

	for (i = 0; i < l->count; i++) {
		if (strcasecmp(l->items[i].name, name) == 0)
			break;
	}
	return i;
}

int kvlist_set(struct kvlist *l, const char *name, const char *value)
{
	size_t i = kvlist_find(l, name);
	char *copy;

	if (i == l->count)
		return kvlist_add(l, name, value);
	copy = strdup(value);
	if (!copy)
		return -ENOMEM;
	kvlist_del_from(l, i + 1, l->items[i].name);
	free(l->items[i].value);
	l->items[i].value = copy;
	return 0;
}

void kvlist_del(struct kvlist *l, const char *name)
{
	kvlist_del_from(l, 0, name);
}

const char *kvlist_get(const struct kvlist *l, const char *name)
{
	size_t i = kvlist_find(l, name);

	return i < l->count ? l->items[i].value : NULL;
}

const char *kvlist_get_exact(const struct kvlist *l, const char *name)
{
	for (size_t i = 0; i < l->count; i++)
		if (!strcmp(l->items[i].name, name))
			return l->items[i].value;
	return NULL;
}

bool kvlist_has(const struct kvlist *l, const struct kv *want)
{
	for (size_t i = 0; i < l->count; i++)
		if (!strcmp(l->items[i].name, want->name) &&
		    !strcmp(l->items[i].value, want->value))
			return true;
	return false;
}

int kvlist_copy(struct kvlist *dst, const struct kvlist *src)
{
	struct kvlist copy;
	int rc = 0;

	if (dst == src)
		return 0;
	kvlist_init(&copy);
	for (size_t i = 0; i < src->count && !rc; i++)
		rc = kvlist_add(&copy, src->items[i].name, src->items[i].value);
	if (rc) {
		kvlist_release(&copy);
		return rc;
	}
	kvlist_release(dst);
	*dst = copy;
	return 0;
}
