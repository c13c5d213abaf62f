/* SPDX-License-Identifier: Apache-2.0 */
/* Inodes whose staged bytes may go: who sends what is dirty looks at them. */
#include <stdlib.h>

#include "journal_impl.h"
#include "vers3/util/array.h"

void journal_reap(struct journal *j, uint64_t ino)
{
	bool first = false;

	pthread_mutex_lock(&j->mutex);
	/* Without memory the next mount's sweep finds it. */
	if (!array_room(j->reaping, j->reaping_count, j->reaping_size)) {
		first = !j->reaping_count;
		j->reaping[j->reaping_count++] = ino;
	}
	pthread_mutex_unlock(&j->mutex);
	if (first && j->listener.reaping)
		j->listener.reaping(j->listener.ctx);
}

void journal_take_reaping(struct journal *j, uint64_t **ret_inos,
			  size_t *ret_count)
{
	pthread_mutex_lock(&j->mutex);
	*ret_inos = j->reaping;
	*ret_count = j->reaping_count;
	j->reaping = NULL;
	j->reaping_count = j->reaping_size = 0;
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
