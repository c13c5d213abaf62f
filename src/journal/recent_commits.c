/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which keys were settled while lists are under way.
 *
 * A list begins with an epoch of its own and is told of what was settled
 * after it. On a busy mount some list is always under way, so what is noted
 * is kept in two generations: when all lists of the older one have ended,
 * nobody asks for what was settled in it, and the younger takes its place.
 */
#include <string.h>

#include "journal_impl.h"
#include "vers3/meta/dirty.h"

void journal_note_commit(struct journal *j, const char *key)
{
	struct recent_commits *t = &j->settled;

	pthread_mutex_lock(&j->mutex);
	t->saves++;
	/* What cannot be noted: the lists under way are told of any key. */
	if (t->young_lists + t->old_lists &&
	    map_put(t->young, key, strlen(key), (void *)(uintptr_t)++t->epoch))
		t->any_epoch = t->epoch;
	pthread_mutex_unlock(&j->mutex);
}

void journal_saved(struct journal *j)
{
	pthread_mutex_lock(&j->mutex);
	j->settled.saves++;
	pthread_mutex_unlock(&j->mutex);
}

uint64_t journal_saves(struct journal *j)
{
	uint64_t saves;

	pthread_mutex_lock(&j->mutex);
	saves = j->settled.saves;
	pthread_mutex_unlock(&j->mutex);
	return saves;
}

uint64_t journal_list_begin(struct journal *j)
{
	uint64_t since;

	pthread_mutex_lock(&j->mutex);
	j->settled.young_lists++;
	since = ++j->settled.epoch;
	pthread_mutex_unlock(&j->mutex);
	return since;
}

/* Lets go of the older generation; without memory it is kept for longer. */
static void turn(struct recent_commits *t)
{
	struct map *empty;

	if (!map_count(t->young) && !map_count(t->old))
		return;
	if (map_new(&empty))
		return;
	map_free(t->old);
	t->old = t->young;
	t->young = empty;
	t->old_lists = t->young_lists;
	t->young_lists = 0;
	t->turn_epoch = t->epoch;
}

void journal_list_end(struct journal *j, uint64_t since)
{
	struct recent_commits *t = &j->settled;

	pthread_mutex_lock(&j->mutex);
	if (since > t->turn_epoch)
		t->young_lists--;
	else
		t->old_lists--;
	if (!t->old_lists)
		turn(t);
	/* Twice where there is no list at all: then nothing is kept. */
	if (!t->old_lists && !t->young_lists)
		turn(t);
	pthread_mutex_unlock(&j->mutex);
}

size_t journal_commit_count(struct journal *j)
{
	size_t count;

	pthread_mutex_lock(&j->mutex);
	count = map_count(j->settled.young) + map_count(j->settled.old);
	pthread_mutex_unlock(&j->mutex);
	return count;
}

const char *journal_check(struct journal *j)
{
	const struct recent_commits *t = &j->settled;
	const char *words = NULL;

	pthread_mutex_lock(&j->mutex);
	if (t->young_lists || t->old_lists)
		words = "journal: a list is under way";
	else if (map_count(t->young) || map_count(t->old))
		words = "journal: keys are kept for lists that have ended";
	pthread_mutex_unlock(&j->mutex);
	return words;
}

static bool is_after(const struct map *m, const char *path, uint64_t since)
{
	return (uintptr_t)map_get(m, path, strlen(path)) > since;
}

bool journal_committed_after(struct journal *j, const char *path,
			     uint64_t since)
{
	const struct recent_commits *t = &j->settled;
	bool after;

	pthread_mutex_lock(&j->mutex);
	after = t->any_epoch > since || is_after(t->young, path, since) ||
		is_after(t->old, path, since);
	pthread_mutex_unlock(&j->mutex);
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

bool journal_pending_below(struct journal *j, const char *prefix,
			   uint64_t since)
{
	struct below b = {prefix, strlen(prefix), since, false};

	/* A table that cannot be read may have one. */
	if (meta_dirty_any_below(j->meta, prefix))
		return true;
	pthread_mutex_lock(&j->mutex);
	b.found = j->settled.any_epoch > since;
	map_each(j->settled.young, check_below, &b);
	map_each(j->settled.old, check_below, &b);
	pthread_mutex_unlock(&j->mutex);
	return b.found;
}
