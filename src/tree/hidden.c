/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of hidden keys by directory, its total, and how it is written out.
 */
#include "hidden.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "vers3/util/array.h"
#include "vers3/util/gitconfig.h"
#include "vers3/util/map.h"

struct hidden {
	pthread_mutex_t mutex; /* a leaf */
	struct map *dirs; /* ino → struct hidden_list, owned */
	uint64_t count; /* of all lists */
	size_t named;
};

/* Best effort: what has no memory is counted, and has no name. */
void hidden_add(struct hidden_list *l, const char *dir, const char *name,
		const char *why)
{
	struct hidden_key key = {.why = why};

	l->count++;
	if (l->named == HIDDEN_NAMED || array_room_for_one(l->keys, l->named))
		return;
	if (asprintf(&key.path, "%s%s%s", dir, *dir ? "/" : "", name) >= 0)
		l->keys[l->named++] = key;
}

void hidden_list_release(struct hidden_list *l)
{
	for (size_t i = 0; i < l->named; i++)
		free(l->keys[i].path);
	free(l->keys);
	*l = (struct hidden_list){.count = 0};
}

static void list_free(struct hidden_list *l)
{
	if (l)
		hidden_list_release(l);
	free(l);
}

int hidden_new(struct hidden **ret_hidden)
{
	struct hidden *h = calloc(1, sizeof(*h));
	int rc = h ? map_new(&h->dirs) : -ENOMEM;

	if (rc) {
		free(h);
		return rc;
	}
	pthread_mutex_init(&h->mutex, NULL);
	*ret_hidden = h;
	return 0;
}

static void free_one(void *ctx, const void *key, size_t len, void *value)
{
	(void)ctx;
	(void)key;
	(void)len;
	list_free(value);
}

void hidden_free(struct hidden *h)
{
	if (!h)
		return;
	map_each(h->dirs, free_one, NULL);
	map_free(h->dirs);
	pthread_mutex_destroy(&h->mutex);
	free(h);
}

void hidden_note(struct hidden *h, uint64_t ino, struct hidden_list *l)
{
	struct hidden_list *old, *now = NULL;
	uint64_t count = l->count;

	if (count)
		now = malloc(sizeof(*now));
	pthread_mutex_lock(&h->mutex);
	old = map_del(h->dirs, &ino, sizeof(ino));
	if (old) {
		h->count -= old->count;
		h->named -= old->named;
	}
	if (h->named >= HIDDEN_NAMED) {
		hidden_list_release(l);
		l->count = count;
	}
	if (now) {
		*now = *l;
		if (!map_put(h->dirs, &ino, sizeof(ino), now)) {
			h->count += now->count;
			h->named += now->named;
			*l = (struct hidden_list){.count = 0};
			now = NULL;
		}
	}
	pthread_mutex_unlock(&h->mutex);
	list_free(old);
	free(now);
	hidden_list_release(l);
}

uint64_t hidden_count(struct hidden *h)
{
	uint64_t count;

	pthread_mutex_lock(&h->mutex);
	count = h->count;
	pthread_mutex_unlock(&h->mutex);
	return count;
}

struct writing {
	struct buf *out;
	size_t left; /* to be told by name */
	int rc;
};

static void write_one(void *ctx, const void *key, size_t len, void *value)
{
	const struct hidden_list *l = value;
	struct writing *w = ctx;

	(void)key;
	(void)len;

	for (size_t i = 0; !w->rc && w->left && i < l->named; i++, w->left--) {
		w->rc = gitconfig_section(w->out, "hidden", l->keys[i].path);
		if (!w->rc)
			w->rc = gitconfig_value(w->out, "why", l->keys[i].why);
	}
}

int hidden_write(struct hidden *h, struct buf *out)
{
	struct writing w = {.out = out, .left = HIDDEN_NAMED};

	w.rc = gitconfig_section(out, "hidden", NULL);
	pthread_mutex_lock(&h->mutex);
	if (!w.rc)
		w.rc = gitconfig_number(out, "count", (int64_t)h->count);
	if (!w.rc)
		map_each(h->dirs, write_one, &w);
	pthread_mutex_unlock(&h->mutex);
	return w.rc;
}
