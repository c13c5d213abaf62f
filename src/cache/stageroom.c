/* SPDX-License-Identifier: Apache-2.0 */
/* Gives back the room of the staging log that nobody claims. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "stagelog.h"
#include "stagelog_impl.h"
#include "vers3/util/array.h"
#include "vers3/util/log.h"

#define HOLE_LEAST (64 << 10) /* in a hurry */

void stagelog_release(struct stagelog *l, uint64_t ino)
{
	struct segment *g;

	pthread_mutex_lock(&l->lock);
	TAILQ_FOREACH(g, &l->all, entry)
		stageclaims_remove(&g->claims, ino);
	pthread_mutex_unlock(&l->lock);
}

static int compare_from(const void *a, const void *b)
{
	const struct stageclaim *x = a, *y = b;

	return x->from < y->from ? -1 : x->from > y->from;
}

/*
 * Holes in [0, end), but for what is claimed; sorts the list. Of whole pages: a
 * part of one gives nothing back, and has the page written again that somebody
 * else's bytes are in.
 */
static void punch(int fd, uint32_t end, struct stageclaim *list, size_t count)
{
	uint32_t at = 0;

	array_sort(list, count, sizeof(*list), compare_from);
	for (size_t i = 0; i <= count && at < end; i++) {
		uint32_t from =
			i < count && list[i].from < end ? list[i].from : end;

		from = from / STAGELOG_PAGE * STAGELOG_PAGE;
		at = (at + STAGELOG_PAGE - 1) / STAGELOG_PAGE * STAGELOG_PAGE;
		/* Where there are no holes the room stays until all goes. */
		if (from > at &&
		    fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			      (off_t)at, (off_t)(from - at)))
			return;
		if (i < count && list[i].to > at)
			at = list[i].to;
	}
}

/*
 * Whether holes are worth it: half of what it takes, and half of what there
 * was the last time and has come since, so that it happens a few times to a
 * segment.
 */
static bool is_worth_holes(const struct segment *g, bool hurried)
{
	uint64_t claimed = g->claims.bytes;
	uint64_t dead = g->held_bytes > claimed ? g->held_bytes - claimed : 0;

	if (!claimed || g->error)
		return false;
	if (hurried)
		return dead >= HOLE_LEAST &&
		       g->punched_bytes / 8 * 7 >= claimed;
	return dead >= STAGELOG_IDLE_BYTES && dead >= claimed &&
	       g->punched_bytes / 2 >= claimed;
}

/*
 * With the lock held, but for the time of it. Claims that are released
 * meanwhile keep their bytes for now, and those that are made are behind the
 * end.
 */
static void punch_segment(struct stagelog *l, struct segment *g)
{
	struct stageclaim *list;
	size_t count = g->claims.count;
	uint32_t end = g->at;
	struct stat st;

	if (stageclaims_list(&g->claims, &list))
		return;
	g->punched_bytes = g->claims.bytes;
	if (stagelog_get(l, g)) {
		free(list);
		return;
	}
	pthread_mutex_unlock(&l->lock);
	punch(g->fd, end, list, count);
	free(list);
	pthread_mutex_lock(&l->lock);
	if (!fstat(g->fd, &st))
		g->held_bytes = (uint64_t)st.st_blocks * 512;
	stagelog_put(l, g);
}

/*
 * What nobody claims leaves the list. The highest number stays, be it of an
 * empty file: see the head. *ret_gone gets the others.
 */
static void take_empty(struct stagelog *l, struct segments *ret_gone)
{
	struct segment *g = TAILQ_FIRST(&l->all), *next;

	for (; g; g = next) {
		next = TAILQ_NEXT(g, entry);
		if (g->claims.count || g->refs)
			continue;
		if (g == l->current && g->at >= STAGELOG_IDLE_BYTES)
			stagelog_seal(l, g);
		if (!g->sealed)
			continue;
		if (next) {
			TAILQ_REMOVE(&l->all, g, entry);
			TAILQ_INSERT_TAIL(ret_gone, g, entry);
		} else if (g->at && !stagelog_get(l, g)) {
			(void)!ftruncate(g->fd, 0);
			g->at = 0;
			g->held_bytes = 0;
			g->synced = g->written;
			stagelog_put(l, g);
		}
	}
}

/*
 * No inode claims their bytes, so no durable extent speaks of them: the bucket
 * holds them, or they were written over or deleted (stagelog_release()). The
 * entry of the highest is durable first, or its number might come again.
 */
static void unlink_all(struct stagelog *l, struct segments *gone)
{
	bool listed = TAILQ_EMPTY(gone) || !fsync(l->fd);
	char name[STAGELOG_NAME_SIZE];
	struct segment *g;

	while ((g = TAILQ_FIRST(gone))) {
		TAILQ_REMOVE(gone, g, entry);
		stagelog_name(g->number, name);
		/* Else the next mount finds it. */
		if (listed && unlinkat(l->fd, name, 0) && errno != ENOENT)
			log_warning("staging log: %s: %s", name,
				    strerror(errno));
		pthread_mutex_lock(&l->lock);
		stagelog_free_segment(l, g);
		pthread_mutex_unlock(&l->lock);
	}
}

void stagelog_tidy(struct stagelog *l, bool hurried)
{
	struct segments gone = TAILQ_HEAD_INITIALIZER(gone);
	struct segment *g;

	pthread_mutex_lock(&l->lock);
	if (!l->begun) {
		pthread_mutex_unlock(&l->lock);
		return;
	}
	TAILQ_FOREACH(g, &l->all, entry)
		if (is_worth_holes(g, hurried))
			punch_segment(l, g);
	take_empty(l, &gone);
	pthread_mutex_unlock(&l->lock);
	unlink_all(l, &gone);
}
