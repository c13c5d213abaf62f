/* SPDX-License-Identifier: Apache-2.0 */
/* What is being worked on: keys, and contents that several names share. */
#include <string.h>

#include "syncer_impl.h"

/* What `busy` says of a key. */
static char at_work, hurried; /* since then somebody has come to wait for it */

bool sync_busy_is(struct syncer *s, const char *key)
{
	bool busy;

	pthread_mutex_lock(&s->mutex);
	busy = map_get(s->busy, key, strlen(key)) != NULL;
	pthread_mutex_unlock(&s->mutex);
	return busy;
}

bool sync_busy_set(struct syncer *s, const char *key)
{
	int rc;

	pthread_mutex_lock(&s->mutex);
	rc = map_put(s->busy, key, strlen(key), &at_work);
	pthread_mutex_unlock(&s->mutex);
	return !rc;
}

void sync_busy_unset(struct syncer *s, const char *key)
{
	pthread_mutex_lock(&s->mutex);
	map_del(s->busy, key, strlen(key));
	pthread_mutex_unlock(&s->mutex);
}

void sync_busy_expedite(struct syncer *s, const char *key)
{
	size_t len = strlen(key);

	pthread_mutex_lock(&s->mutex);
	/* It has its place already: nothing can fail. */
	if (map_get(s->busy, key, len))
		map_put(s->busy, key, len, &hurried);
	pthread_mutex_unlock(&s->mutex);
}

bool sync_busy_is_hurried(struct syncer *s, const char *key)
{
	bool is;

	pthread_mutex_lock(&s->mutex);
	is = map_get(s->busy, key, strlen(key)) == &hurried;
	pthread_mutex_unlock(&s->mutex);
	return is;
}

void syncer_clear_busy(struct syncer *s, const char *key)
{
	pthread_mutex_lock(&s->mutex);
	map_del(s->busy, key, strlen(key));
	s->kicked = true;
	pthread_cond_signal(&s->wake);
	pthread_mutex_unlock(&s->mutex);
}

/* `busy` holds such inodes beside the keys, which never begin with a NUL. */
static void content_key(uint64_t ino, char key[9])
{
	key[0] = '\0';
	memcpy(key + 1, &ino, sizeof(ino));
}

/*
 * Staged content of an inode with several names goes up under one of them;
 * the others wait and are copied by the server then.
 */
bool sync_busy_take_content(struct syncer *s, const struct meta_inode *inode,
			    bool *ret_holds)
{
	char key[9];
	bool taken = false;

	*ret_holds = inode->nlink > 1 && !S_ISDIR(inode->mode) &&
		     (inode->flags & META_I_STAGED);
	if (!*ret_holds)
		return true;
	content_key(inode->ino, key);
	pthread_mutex_lock(&s->mutex);
	if (!map_get(s->busy, key, sizeof(key)))
		taken = !map_put(s->busy, key, sizeof(key), &at_work);
	pthread_mutex_unlock(&s->mutex);
	return taken;
}

void syncer_yield_content(struct syncer *s, uint64_t ino)
{
	char key[9];

	content_key(ino, key);
	pthread_mutex_lock(&s->mutex);
	map_del(s->busy, key, sizeof(key));
	pthread_mutex_unlock(&s->mutex);
}

bool sync_job_pauses(struct syncer *s, const char *key)
{
	bool pauses;

	pthread_mutex_lock(&s->mutex);
	pauses = map_get(s->again, key, strlen(key)) != NULL;
	pthread_mutex_unlock(&s->mutex);
	return pauses;
}

void sync_job_forget(struct syncer *s, const char *key)
{
	pthread_mutex_lock(&s->mutex);
	map_del(s->again, key, strlen(key));
	pthread_mutex_unlock(&s->mutex);
}
