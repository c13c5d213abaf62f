/* SPDX-License-Identifier: Apache-2.0 */
/* What the control file tells of the syncer. */
#include "syncer_impl.h"
#include "vers3/meta/dirty.h"

#define SCAN_CHUNK 1000 /* records looked at under one hold */

/* The next records, counted in *left; -ENOENT after the last. */
static int scan_oldest(struct meta *meta, struct meta_dirty_cursor *cur,
		       uint64_t *left, int64_t *oldest)
{
	struct meta_dirty dirty;
	int rc = meta_lock(meta);

	if (rc)
		return rc;
	for (int i = 0; !rc && *left && i < SCAN_CHUNK; i++, --*left) {
		rc = meta_dirty_next(meta, cur, &dirty);
		if (!rc && (!*oldest || dirty.since_ns < *oldest))
			*oldest = dirty.since_ns;
	}
	meta_unlock(meta);
	return rc;
}

void syncer_read_stats(struct syncer *s, struct syncer_stats *ret)
{
	struct meta_dirty_cursor cur = META_DIRTY_START;
	struct meta *meta = s->meta;
	uint64_t dirty = 0, left;
	int64_t oldest = 0;

	if (!meta_lock(meta)) {
		dirty = meta_dirty_count(meta);
		meta_unlock(meta);
	}
	/* What is marked anew comes last: no more than there were. */
	left = dirty;
	while (left && !scan_oldest(meta, &cur, &left, &oldest))
		;
	pthread_mutex_lock(&s->mutex);
	*ret = s->stats;
	ret->in_flight = s->in_flight;
	ret->waiting_writers = s->reservation.waiters;
	pthread_mutex_unlock(&s->mutex);
	ret->dirty_keys = dirty;
	ret->oldest_dirty_ns = oldest;
}

const char *syncer_check(struct syncer *s)
{
	const char *words = NULL;

	pthread_mutex_lock(&s->mutex);
	if (s->in_flight)
		words = "syncer: a request is in flight";
	else if (s->deleting)
		words = "syncer: a batch of deletes is in flight";
	else if (map_count(s->busy))
		words = "syncer: a key is being worked on";
	else if (!LIST_EMPTY(&s->waiters) || s->reservation.waiters)
		words = "syncer: somebody waits";
	pthread_mutex_unlock(&s->mutex);
	return words ? words : uploader_check(s->upload);
}
