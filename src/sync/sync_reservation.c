/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writers that wait for room: what they want to write has none on this disk
 * (min_free=) or among the unsent changes (quota=), and what is unsent gives
 * its room back when it is sent. So it goes at once: first the files that
 * nobody writes, so that a copy of many makes one version of each. A file
 * that is open for writing is saved as it stands only if nothing else is
 * left, the largest of them: it is larger than the room there is. It goes on
 * from that version.
 *
 * There is no waiting for what will not come: while the bucket cannot be
 * reached, when nothing is left that could be sent, or when nothing has gone
 * for PATIENCE_NS.
 */
#include <errno.h>

#include "syncer_impl.h"
#include "vers3/cache/staging.h"
#include "vers3/core/node.h"
#include "vers3/meta/dirty.h"
#include "vers3/tree/reservation.h"
#include "vers3/util/cancel.h"
#include "vers3/util/clock.h"
#include "vers3/util/log.h"

#define LOOK_NS	    (50 * NS_PER_MS)
#define NONE_NS	    (NS_PER_S / 2) /* looks miss what is being written */
#define FAILS_MAX   3 /* in some seconds; from then on nothing is expected */
#define PATIENCE_NS (120 * NS_PER_S)
#define OUTAGE_NS   (5 * NS_PER_S) /* less may be one key's bad luck */
#define TELL_NS	    (60 * NS_PER_S) /* the log is told so often at most */

static void set_room(struct sync_reservation *r, enum room room)
{
	if (r->room != room)
		r->since_ns = clock_mono_ns();
	r->room = room;
}

void sync_reservation_begin(struct syncer *s, struct room_look *l)
{
	pthread_mutex_lock(&s->mutex);
	*l = (struct room_look){
		.any = s->reservation.waiters > 0,
		.take_written = s->reservation.room == ROOM_WRITTEN,
		.least_bytes = s->reservation.largest_bytes / 2,
	};
	pthread_mutex_unlock(&s->mutex);
}

bool sync_reservation_wants(struct syncer *s, struct room_look *l,
			    const struct meta_dirty *dirty, int64_t now)
{
	struct meta_inode inode;
	uint64_t bytes;

	if (!l->any || syncer_wanted(s, dirty->key, &inode) ||
	    !(inode.flags & META_I_STAGED))
		return false;
	/* One that has failed keeps its backoff, and some of the hope. */
	if (dirty->fails && dirty->due_ns > now) {
		l->closed = l->closed || dirty->fails <= FAILS_MAX;
		return false;
	}
	if (!nodes_is_written(s->mount->nodes, inode.ino)) {
		l->closed = true;
		return true;
	}
	/*
	 * Small ones would give little, and one that is written all the time
	 * would have a version of every moment.
	 */
	bytes = staging_inode_bytes(s->mount->staging, inode.ino);
	l->written = true;
	if (bytes > l->largest_bytes)
		l->largest_bytes = bytes;
	return l->take_written && bytes >= l->least_bytes;
}

void sync_reservation_end(struct syncer *s, const struct room_look *l,
			  bool whole)
{
	if (!l->any)
		return;
	pthread_mutex_lock(&s->mutex);
	/* What was sent is given back by this thread, after this look. */
	if (l->closed || s->reaping || !whole)
		set_room(&s->reservation, ROOM_CLOSED);
	else
		set_room(&s->reservation,
			 l->written ? ROOM_WRITTEN : ROOM_NONE);
	s->reservation.largest_bytes = l->largest_bytes;
	pthread_mutex_unlock(&s->mutex);
}

/* Whether what is dirty is sent: it may be, and the bucket can be reached. */
static bool is_sending(struct syncer *s)
{
	bool sending;

	pthread_mutex_lock(&s->mutex);
	sending = s->started && !s->outage.on;
	pthread_mutex_unlock(&s->mutex);
	return sending;
}

static void enter(struct syncer *s)
{
	int64_t now = clock_mono_ns();
	bool tell = false;

	pthread_mutex_lock(&s->mutex);
	if (!s->reservation.waiters++) {
		set_room(&s->reservation, ROOM_CLOSED);
		tell = !s->reservation.told_ns ||
		       now - s->reservation.told_ns > TELL_NS;
		if (tell)
			s->reservation.told_ns = now;
	}
	pthread_mutex_unlock(&s->mutex);
	if (tell)
		log_info("no room for unsent changes: writers wait for what is "
			 "being sent");
}

static void leave(struct syncer *s)
{
	pthread_mutex_lock(&s->mutex);
	s->reservation.waiters--;
	pthread_cond_broadcast(&s->event);
	pthread_mutex_unlock(&s->mutex);
}

/* Has the table looked at, and waits a little. */
static void wait_a_look(struct syncer *s)
{
	int64_t until = clock_mono_ns() + LOOK_NS;

	s->kicked = true;
	pthread_cond_signal(&s->wake);
	while (!s->stop &&
	       clock_cond_wait_until(&s->event, &s->mutex, until) != -ETIMEDOUT)
		;
}

static bool is_hopeless(const struct syncer *s, int64_t until)
{
	int64_t now = clock_mono_ns();

	return s->stop || now > until ||
	       sync_outage_lasts(&s->outage, OUTAGE_NS, now) ||
	       (s->reservation.room == ROOM_NONE &&
		now - s->reservation.since_ns > NONE_NS);
}

int syncer_make_room(struct syncer *s, uint64_t bytes)
{
	int64_t until = clock_mono_ns() + PATIENCE_NS;
	uint64_t progress = 0;
	bool hopeless;
	int rc = reservation_make_clean(s->tree, bytes);

	if (!rc || !s->started)
		return rc;
	enter(s);
	do {
		pthread_mutex_lock(&s->mutex);
		if (progress != s->progress)
			until = clock_mono_ns() + PATIENCE_NS;
		progress = s->progress;
		wait_a_look(s);
		hopeless = is_hopeless(s, until) || cancel_asked();
		pthread_mutex_unlock(&s->mutex);
		rc = reservation_make_clean(s->tree, bytes);
	} while (rc && !hopeless);
	leave(s);
	return rc;
}

int syncer_expect_room(struct syncer *s, uint64_t bytes)
{
	int rc = reservation_make_clean(s->tree, bytes);

	return rc && is_sending(s) ? 0 : rc;
}
