/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What stood in the directories of an instant, in META_PAST until the mount
 * ends. Each walk that finds something files it under its own number, and
 * makes it known by a directory's stamp when all of it is there: two walks of
 * one directory do not disturb each other, and the later stamp counts.
 */
#ifndef VERS3_SRC_HISTORY_PAST_RECORDS_H
#define VERS3_SRC_HISTORY_PAST_RECORDS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "vers3/history/history.h"

struct view;

#define PAST_HASH    16
#define PAST_KEEP_NS (600 * NS_PER_S)

struct past_entry {
	bool dir;
	bool bare; /* a directory's own object never had a version */
	/* Of a directory: its own object, if it had one; else version_id "". */
	struct history_entry version;
};

struct past_records {
	/* In stamps: of this mount, until all is forgotten. */
	atomic_uint_fast64_t mark;
	atomic_uint_fast64_t walks; /* the number of the latest */
	pthread_mutex_t bounding; /* serial: held while all of it goes */
	atomic_bool removing; /* just now: nothing is known */
	atomic_uint_fast64_t max; /* records; then all is forgotten */
};

/* Where a walk files what it finds in a directory; walk 0: its stamp. */
struct past_id {
	unsigned char at[PAST_HASH];
};

struct past_stamp {
	int64_t walked_ns; /* when it was asked for, by the server's clock */
	uint64_t saves; /* of this mount by then */
	uint64_t mark, walk;
};

/* Removes what an earlier mount left. 0 or -errno; released in any case. */
int past_records_init(struct view *view, struct past_records *r);
void past_records_release(struct past_records *r);
/* What is known holds no more. */
void past_records_forget(struct past_records *r);
/*
 * The same, and all of it is removed if it is too much: also what others file
 * until it returns, and none of that will count. They wait here for its end,
 * before they begin. No lock held. 0, -EINTR, -errno.
 */
int past_records_bound(struct view *view, struct past_records *r);
/* A new walk's number. */
uint64_t past_records_number(struct past_records *r);

void past_id_make(struct past_id *id, int64_t at_ns, const char *path,
		  uint64_t walk);
/* Whether all that was saved by an instant could be listed at `asked`. */
bool past_was_over(int64_t at_ns, int64_t asked_ns);

/*
 * Removes what a walk has found in a directory and no stamp speaks of any more,
 * some under each hold of the lock; what is left at a failure is in nobody's
 * way. walk 0: nothing. No lock held.
 */
void past_drop_names(struct view *view, int64_t at_ns, const char *path,
		     uint64_t walk);

/* All below with meta_lock() held. */
int past_put_entry(struct view *view, const struct past_id *id,
		   const char *name, const struct past_entry *e);
/* 0, -ENOENT. */
int past_get_entry(struct view *view, const struct past_id *id,
		   const char *name, struct past_entry *ret);
/* The first after a name ("": of all); name has room for META_NAME_MAX + 1. */
int past_next_entry(struct view *view, const struct past_id *id,
		    const char *after, char *name, struct past_entry *ret);
/*
 * A walk has found all of a directory. What another had found there counts no
 * more: *ret_old is that walk's number, or 0, for past_drop_names().
 */
int past_put_stamp(struct view *view, int64_t at_ns, const char *path,
		   const struct past_stamp *st, uint64_t *ret_old);
/*
 * Whether a directory is known by another walk than this one, whose names may
 * have gone then.
 */
bool past_has_other(struct view *view, int64_t at_ns, const char *path,
		    uint64_t walk);
/* Whether a walk of this mount's was ended, however old. */
bool past_has_names(struct view *view, const struct past_records *r,
		    int64_t at_ns, const char *path, struct past_stamp *ret);
/* Whether it still tells what was. */
bool past_is_known(struct view *view, const struct past_records *r,
		   int64_t at_ns, const char *path, struct past_stamp *ret);

#endif
