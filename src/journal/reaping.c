/* SPDX-License-Identifier: Apache-2.0 */
/* Inodes whose staged bytes may go: who sends what is dirty looks at them. */
#include <stdlib.h>

#include "journal_impl.h"
#include "vers3/util/array.h"

/* With the mutex held. Without memory the next mount's sweep finds it. */
static bool add(struct journal *j, uint64_t ino)
{
	if (array_room(j->reaping, j->reaping_count, j->reaping_size))
		return false;
	j->reaping[j->reaping_count++] = ino;
	return true;
}

void journal_reap(struct journal *j, uint64_t ino)
{
	bool first = false;

	pthread_mutex_lock(&j->mutex);
	if (add(j, ino)) {
		first = !j->reaping_told;
		j->reaping_told = true;
	}
	pthread_mutex_unlock(&j->mutex);
	if (first && j->listener.reaping)
		j->listener.reaping(j->listener.ctx);
}

void journal_reap_later(struct journal *j, const uint64_t *inos, size_t count)
{
	pthread_mutex_lock(&j->mutex);
	for (size_t i = 0; i < count; i++)
		add(j, inos[i]);
	pthread_mutex_unlock(&j->mutex);
}

void journal_take_reaping(struct journal *j, uint64_t **ret_inos,
			  size_t *ret_count)
{
	pthread_mutex_lock(&j->mutex);
	*ret_inos = j->reaping;
	*ret_count = j->reaping_count;
	j->reaping = NULL;
	j->reaping_count = j->reaping_size = 0;
	j->reaping_told = false;
	pthread_mutex_unlock(&j->mutex);
}

bool journal_is_reaping(struct journal *j, uint64_t ino)
{
	bool is = false;

	pthread_mutex_lock(&j->mutex);
	for (size_t i = 0; !is && i < j->reaping_count; i++)
		is = j->reaping[i] == ino;
	pthread_mutex_unlock(&j->mutex);
	return is;
}
