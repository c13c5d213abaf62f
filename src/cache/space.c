/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns the last answer of statvfs and what was granted since: between two
 * questions each grant is taken off, so that many writers at once cannot
 * all be granted the same room.
 */
#include "vers3/cache/space.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

#include "vers3/util/clock.h"

#define ASK_INTERVAL_NS (100 * NS_PER_MS)
#define CACHE_LEAST	(UINT64_C(256) << 20)
#define CACHE_SHARE	64 /* of the disk */

struct space {
	char *dir; /* owned */
	uint64_t min_free; /* bytes, or a percentage */
	bool percent;
	pthread_mutex_t lock;
	/* protected by lock */
	int64_t asked_ns; /* 0: never */
	uint64_t left_bytes; /* when it was asked */
	uint64_t short_bytes; /* then: what min_free lacked already */
	uint64_t keep_bytes; /* what min_free came to */
	uint64_t total_bytes;
	uint64_t granted_bytes; /* since then */
};

static int ask(struct space *s)
{
	struct statvfs st;
	uint64_t avail, keep;

	if (statvfs(s->dir, &st))
		return -errno;
	avail = (uint64_t)st.f_bavail * st.f_frsize;
	keep = s->min_free;
	if (s->percent)
		keep = (uint64_t)((double)st.f_blocks * (double)st.f_frsize *
				  (double)s->min_free / 100);
	s->keep_bytes = keep;
	s->total_bytes = (uint64_t)st.f_blocks * st.f_frsize;
	s->left_bytes = avail > keep ? avail - keep : 0;
	s->short_bytes = avail > keep ? 0 : keep - avail;
	s->granted_bytes = 0;
	s->asked_ns = clock_mono_ns();
	return 0;
}

/* What is left by now; a disk that does not answer keeps its last answer. */
static uint64_t left(const struct space *s)
{
	return s->left_bytes > s->granted_bytes
		       ? s->left_bytes - s->granted_bytes
		       : 0;
}

static void ask_if_due(struct space *s)
{
	if (clock_mono_ns() - s->asked_ns >= ASK_INTERVAL_NS)
		ask(s);
}

int space_new(const char *dir, uint64_t min_free, int percent,
	      struct space **ret_space)
{
	struct space *s;
	int r;

	if (percent && min_free > 100)
		return -EINVAL;
	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	pthread_mutex_init(&s->lock, NULL);
	s->min_free = min_free;
	s->percent = percent;
	s->dir = strdup(dir);
	r = s->dir ? ask(s) : -ENOMEM;
	if (r) {
		space_free(s);
		return r;
	}
	*ret_space = s;
	return 0;
}

void space_free(struct space *s)
{
	if (!s)
		return;
	pthread_mutex_destroy(&s->lock);
	free(s->dir);
	free(s);
}

int space_check(struct space *s, uint64_t bytes)
{
	int r = 0;

	pthread_mutex_lock(&s->lock);
	ask_if_due(s);
	/* Grants may not have been used: ask again before refusing for them. */
	if (left(s) < bytes && s->granted_bytes)
		ask(s);
	if (left(s) < bytes)
		r = -ENOSPC;
	else
		s->granted_bytes += bytes;
	pthread_mutex_unlock(&s->lock);
	return r;
}

int space_check_low(struct space *s)
{
	int r;

	pthread_mutex_lock(&s->lock);
	ask_if_due(s);
	r = s->short_bytes && s->short_bytes >= s->keep_bytes / 2 ? -ENOSPC : 0;
	pthread_mutex_unlock(&s->lock);
	return r;
}

uint64_t space_lacks(struct space *s, uint64_t bytes)
{
	uint64_t lacks = 0;

	pthread_mutex_lock(&s->lock);
	ask(s);
	if (s->short_bytes)
		lacks = s->short_bytes > UINT64_MAX - bytes
				? UINT64_MAX
				: s->short_bytes + bytes;
	else if (s->left_bytes < bytes)
		lacks = bytes - s->left_bytes;
	pthread_mutex_unlock(&s->lock);
	return lacks;
}

uint64_t space_cache_least(struct space *s)
{
	uint64_t least;

	pthread_mutex_lock(&s->lock);
	least = s->total_bytes / CACHE_SHARE;
	pthread_mutex_unlock(&s->lock);
	return least < CACHE_LEAST ? least : CACHE_LEAST;
}

uint64_t space_left(struct space *s)
{
	uint64_t bytes;

	pthread_mutex_lock(&s->lock);
	ask_if_due(s);
	bytes = left(s);
	pthread_mutex_unlock(&s->lock);
	return bytes;
}

void space_read(struct space *s, uint64_t *ret_usable, uint64_t *ret_used)
{
	uint64_t usable;

	pthread_mutex_lock(&s->lock);
	ask_if_due(s);
	usable = s->total_bytes > s->keep_bytes ? s->total_bytes - s->keep_bytes
						: 0;
	*ret_usable = usable;
	*ret_used = usable > left(s) ? usable - left(s) : 0;
	*ret_used += s->short_bytes;
	pthread_mutex_unlock(&s->lock);
}
