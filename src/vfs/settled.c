/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which keys were settled while lists are under way.
 *
 * A list begins with an epoch of its own and is told of what was settled
 * after it. On a busy mount some list is always under way, so what is noted
 * is kept in two generations: when all lists of the older one have ended,
 * nobody asks for what was settled in it, and the younger takes its place.
 */
#include <stdlib.h>
#include <string.h>

#include "syncer_impl.h"

int settled_init(struct settled *t)
{
	int rc = map_new(&t->young);

	return rc ? rc : map_new(&t->old);
}

void settled_release(struct settled *t)
{
	map_free(t->young);
	map_free(t->old);
}

/* Under meta_lock(), so that it is one with the record's end. */
void settled_note(struct syncer *s, const char *key)
{
	struct settled *t = &s->settled;

	pthread_mutex_lock(&s->mutex);
	s->saves++;
	/* What cannot be noted: the lists under way are told of any key. */
	if (t->young_lists + t->old_lists &&
	    map_put(t->young, key, strlen(key), (void *)(uintptr_t)++t->epoch))
		t->any_epoch = t->epoch;
	pthread_cond_broadcast(&s->event);
	pthread_mutex_unlock(&s->mutex);
}

uint64_t syncer_saves(struct syncer *s)
{
	uint64_t saves;

	pthread_mutex_lock(&s->mutex);
	saves = s->saves;
	pthread_mutex_unlock(&s->mutex);
	return saves;
}

uint64_t syncer_list_begin(struct syncer *s)
{
	uint64_t since;

	pthread_mutex_lock(&s->mutex);
	s->settled.young_lists++;
	since = ++s->settled.epoch;
	pthread_mutex_unlock(&s->mutex);
	return since;
}

/* Lets go of the older generation; without memory it is kept for longer. */
static void turn(struct settled *t)
{
	struct map *fresh;

	if (!map_count(t->young) && !map_count(t->old))
		return;
	if (map_new(&fresh))
		return;
	map_free(t->old);
	t->old = t->young;
	t->young = fresh;
	t->old_lists = t->young_lists;
	t->young_lists = 0;
	t->turn_epoch = t->epoch;
}

void syncer_list_end(struct syncer *s, uint64_t since)
{
	struct settled *t = &s->settled;

	pthread_mutex_lock(&s->mutex);
	if (since > t->turn_epoch)
		t->young_lists--;
	else
		t->old_lists--;
	if (!t->old_lists)
		turn(t);
	/* Twice where there is no list at all: then nothing is kept. */
	if (!t->old_lists && !t->young_lists)
		turn(t);
	pthread_mutex_unlock(&s->mutex);
}

size_t settled_count(struct syncer *s)
{
	size_t count;

	pthread_mutex_lock(&s->mutex);
	count = map_count(s->settled.young) + map_count(s->settled.old);
	pthread_mutex_unlock(&s->mutex);
	return count;
}

static bool is_after(const struct map *m, const char *path, uint64_t since)
{
	return (uintptr_t)map_get(m, path, strlen(path)) > since;
}

bool syncer_settled_after(struct syncer *s, const char *path, uint64_t since)
{
	const struct settled *t = &s->settled;
	bool after;

	pthread_mutex_lock(&s->mutex);
	after = t->any_epoch > since || is_after(t->young, path, since) ||
		is_after(t->old, path, since);
	pthread_mutex_unlock(&s->mutex);
	return after;
}

struct below {
	const char *prefix;
	size_t len;
	uint64_t since;
	bool found;
};

static void check_below(void *ctx, const void *key, size_t len, void *value)
{
	struct below *b = ctx;

	if (len >= b->len && !memcmp(key, b->prefix, b->len) &&
	    (uintptr_t)value > b->since)
		b->found = true;
}

bool syncer_pending_below(struct vfs *v, const char *prefix, uint64_t since)
{
	struct below b = {prefix, strlen(prefix), since, false};
	struct syncer *s = v->syncer;

	/* A table that cannot be read may have one. */
	if (meta_dirty_any_below(v->meta, prefix))
		return true;
	pthread_mutex_lock(&s->mutex);
	b.found = s->settled.any_epoch > since;
	map_each(s->settled.young, check_below, &b);
	map_each(s->settled.old, check_below, &b);
	pthread_mutex_unlock(&s->mutex);
	return b.found;
}
