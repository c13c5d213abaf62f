/* SPDX-License-Identifier: Apache-2.0 */
/* The table of such saves by path, with an order by which the oldest goes. */
#include "answered.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "vers3/util/map.h"

/* More saves than are under way at a time, with some that wait for a try. */
#define ENTRIES_MAX 256

struct entry {
	uint64_t order; /* of coming */
	uint64_t ino, change; /* the file and what was sent of it */
	int64_t since_ns;
	struct meta_version version;
};

struct answered {
	pthread_mutex_t mutex; /* a leaf */
	/* Under mutex: */
	struct map *entries; /* by path; owned */
	uint64_t order; /* of the last that came */
};

int answered_new(struct answered **ret_answered)
{
	struct answered *a = calloc(1, sizeof(*a));
	int rc;

	if (!a)
		return -ENOMEM;
	rc = map_new(&a->entries);
	if (rc) {
		free(a);
		return rc;
	}
	pthread_mutex_init(&a->mutex, NULL);
	*ret_answered = a;
	return 0;
}

static void free_entry(void *ctx, const void *key, size_t len, void *value)
{
	(void)ctx;
	(void)key;
	(void)len;
	free(value);
}

void answered_free(struct answered *a)
{
	if (!a)
		return;
	map_each(a->entries, free_entry, NULL);
	map_free(a->entries);
	pthread_mutex_destroy(&a->mutex);
	free(a);
}

struct oldest {
	uint64_t order;
	const void *key; /* borrowed from the map; NULL: there is none */
	size_t len;
};

static void find_oldest(void *ctx, const void *key, size_t len, void *value)
{
	const struct entry *e = value;
	struct oldest *o = ctx;

	if (!o->key || e->order < o->order)
		*o = (struct oldest){e->order, key, len};
}

/* With mutex held: takes the oldest out where there is no room. */
static struct entry *make_room(struct answered *a)
{
	struct oldest o = {.key = NULL};

	if (map_count(a->entries) < ENTRIES_MAX)
		return NULL;
	map_each(a->entries, find_oldest, &o);
	return map_del(a->entries, o.key, o.len);
}

void answered_put(struct answered *a, const struct conflict *c,
		  const struct meta_version *version)
{
	size_t len = strlen(c->path);
	struct entry *e = malloc(sizeof(*e)), *old, *oldest;

	if (!e)
		return;
	e->ino = c->snap->ino;
	e->change = c->snap->change;
	e->since_ns = c->since_ns;
	e->version = *version;
	pthread_mutex_lock(&a->mutex);
	old = map_del(a->entries, c->path, len);
	oldest = make_room(a);
	e->order = ++a->order;
	if (!map_put(a->entries, c->path, len, e))
		e = NULL;
	pthread_mutex_unlock(&a->mutex);
	free(old);
	free(oldest);
	free(e);
}

bool answered_take(struct answered *a, struct conflict *c,
		   struct meta_version *ret_version)
{
	struct entry *e = NULL;
	bool same;

	pthread_mutex_lock(&a->mutex);
	if (map_count(a->entries))
		e = map_del(a->entries, c->path, strlen(c->path));
	pthread_mutex_unlock(&a->mutex);
	same = e && e->ino == c->snap->ino && e->change == c->snap->change;
	if (same) {
		*ret_version = e->version;
		c->since_ns = e->since_ns;
	}
	free(e);
	return same;
}
