/* SPDX-License-Identifier: Apache-2.0 */
/*
 * That this mount has changed nothing at a path cannot be read from the
 * namespace: what it has removed and sent leaves nothing behind, and what it
 * has saved looks like others'. So a path is watched, and the directories that
 * lead there: a mark of one of them gets a number that is higher than the one
 * that the watch began with. What is not watched any more counts as changed.
 */
#include <string.h>

#include "journal_impl.h"

#define WATCHES_MAX 50000 /* paths; then all are let go */

/* With the mutex held. */
static void clear(struct journal *j)
{
	struct map *empty;

	if (map_new(&empty))
		return;
	map_free(j->watched);
	j->watched = empty;
	/*
	 * What is watched anew counts as changed for whoever was there before.
	 */
	j->last++;
}

uint64_t journal_watch(struct journal *j, const char *path)
{
	size_t len = strlen(path);
	uint64_t at;

	pthread_mutex_lock(&j->mutex);
	if (map_count(j->watched) >= WATCHES_MAX)
		clear(j);
	for (size_t i = 1; i <= len; i++)
		if ((path[i] == '/' || i == len) &&
		    !map_get(j->watched, path, i))
			map_put(j->watched, path, i, (void *)j->last);
	at = j->last;
	pthread_mutex_unlock(&j->mutex);
	return at;
}

void journal_changed(struct journal *j, const char *key)
{
	size_t len = strlen(key);

	if (len && key[len - 1] == '/')
		len--;
	pthread_mutex_lock(&j->mutex);
	/* In place: the path is there. */
	if (map_count(j->watched) && map_get(j->watched, key, len))
		map_put(j->watched, key, len, (void *)++j->last);
	pthread_mutex_unlock(&j->mutex);
}

bool journal_has_changed(struct journal *j, const char *path, uint64_t since,
			 enum journal_reach reach)
{
	size_t len = strlen(path);
	bool changed = false;

	pthread_mutex_lock(&j->mutex);
	for (size_t i = 1; i <= len; i++)
		if (i == len || (reach == JOURNAL_WAY && path[i] == '/')) {
			uintptr_t at = (uintptr_t)map_get(j->watched, path, i);

			changed = changed || !at || at > since;
		}
	pthread_mutex_unlock(&j->mutex);
	return changed;
}
