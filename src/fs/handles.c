/* SPDX-License-Identifier: Apache-2.0 */
/* The list of what is open. */
#include "handles.h"

#include <errno.h>
#include <stdlib.h>

void handles_init(struct handles *h)
{
	pthread_mutex_init(&h->mutex, NULL);
	pthread_cond_init(&h->idle, NULL);
	LIST_INIT(&h->open);
	h->reads = 0;
}

void handles_release(struct handles *h)
{
	pthread_cond_destroy(&h->idle);
	pthread_mutex_destroy(&h->mutex);
}

struct handle *handles_add(struct handles *h, struct vfs_file *file,
			   struct vfs_dir *dir, uint64_t ino)
{
	struct handle *handle = malloc(sizeof(*handle));

	if (!handle)
		return NULL;
	handle->file = file;
	handle->dir = dir;
	handle->ino = ino;
	pthread_mutex_lock(&h->mutex);
	LIST_INSERT_HEAD(&h->open, handle, entry);
	pthread_mutex_unlock(&h->mutex);
	return handle;
}

void handles_del(struct handles *h, struct handle *handle)
{
	pthread_mutex_lock(&h->mutex);
	LIST_REMOVE(handle, entry);
	pthread_mutex_unlock(&h->mutex);
	free(handle);
}

int handles_written(struct handles *h, uint64_t **ret_inos, size_t *ret_count)
{
	uint64_t *inos;
	size_t count = 0;
	struct handle *handle;

	pthread_mutex_lock(&h->mutex);
	LIST_FOREACH(handle, &h->open, entry) {
		count += handle->ino != 0;
	}
	inos = calloc(count ? count : 1, sizeof(*inos));
	count = 0;
	LIST_FOREACH(handle, &h->open, entry) {
		if (inos && handle->ino)
			inos[count++] = handle->ino;
	}
	pthread_mutex_unlock(&h->mutex);
	*ret_inos = inos;
	*ret_count = count;
	return inos ? 0 : -ENOMEM;
}

void handles_begin_read(struct handles *h)
{
	pthread_mutex_lock(&h->mutex);
	h->reads++;
	pthread_mutex_unlock(&h->mutex);
}

void handles_end_read(struct handles *h)
{
	pthread_mutex_lock(&h->mutex);
	if (--h->reads == 0)
		pthread_cond_broadcast(&h->idle);
	pthread_mutex_unlock(&h->mutex);
}

void handles_end(struct handles *h, struct vfs *v)
{
	struct handle *handle;

	pthread_mutex_lock(&h->mutex);
	while (h->reads)
		pthread_cond_wait(&h->idle, &h->mutex);
	handle = LIST_FIRST(&h->open);
	LIST_INIT(&h->open);
	pthread_mutex_unlock(&h->mutex);
	while (handle) {
		struct handle *next = LIST_NEXT(handle, entry);

		if (handle->file)
			vfs_release(v, handle->file);
		else
			vfs_releasedir(v, handle->dir);
		free(handle);
		handle = next;
	}
}
