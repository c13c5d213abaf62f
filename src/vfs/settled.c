/* SPDX-License-Identifier: Apache-2.0 */
/* Which keys were settled while lists are under way. */
#include <stdlib.h>
#include <string.h>

#include "syncer_impl.h"

/* Under meta_lock(), so that it is one with the record's end. */
void settled_note(struct syncer *s, const char *key)
{
	pthread_mutex_lock(&s->mutex);
	s->saves++;
	if (s->lists)
		map_put(s->settled, key, strlen(key),
			(void *)(uintptr_t)++s->epoch);
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
	s->lists++;
	since = ++s->epoch;
	pthread_mutex_unlock(&s->mutex);
	return since;
}

void syncer_list_end(struct syncer *s, uint64_t since)
{
	(void)since;
	pthread_mutex_lock(&s->mutex);
	if (--s->lists == 0) {
		struct map *fresh = NULL;

		if (map_count(s->settled) && !map_new(&fresh)) {
			map_free(s->settled);
			s->settled = fresh;
		}
	}
	pthread_mutex_unlock(&s->mutex);
}

bool syncer_settled_after(struct syncer *s, const char *path, uint64_t since)
{
	uintptr_t at;

	pthread_mutex_lock(&s->mutex);
	at = (uintptr_t)map_get(s->settled, path, strlen(path));
	pthread_mutex_unlock(&s->mutex);
	return at > since;
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
	map_each(s->settled, check_below, &b);
	pthread_mutex_unlock(&s->mutex);
	return b.found;
}
