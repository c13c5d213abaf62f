/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys at which a list has shown something else than is known there. After a
 * restart there are none: lists of before the mount vouch for nothing.
 */
#include <string.h>

#include "journal_impl.h"

void journal_suspect(struct journal *j, const char *path)
{
	pthread_mutex_lock(&j->mutex);
	map_put(j->suspects, path, strlen(path), j);
	pthread_mutex_unlock(&j->mutex);
}

void journal_acquit(struct journal *j, const char *path)
{
	pthread_mutex_lock(&j->mutex);
	if (map_count(j->suspects))
		map_del(j->suspects, path, strlen(path));
	pthread_mutex_unlock(&j->mutex);
}

bool journal_is_suspect(struct journal *j, const char *path)
{
	bool is;

	pthread_mutex_lock(&j->mutex);
	is = map_get(j->suspects, path, strlen(path)) != NULL;
	pthread_mutex_unlock(&j->mutex);
	return is;
}
