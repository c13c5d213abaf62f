/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside the syncer: its state, shared by syncer.c (what is sent when, by the
 * verdicts of examine.c), queue.c (records that go, or wait), sync_job.c
 * (sending it, and what follows by the verdicts of outcome.c), deletes.c
 * (deletes, many at a time), sync_busy.c (one job a key), sync_wait.c and
 * waiters.c (those who wait), sync_reap.c (staged bytes that may go),
 * sync_reservation.c (writers that wait for their room), between.c (who came
 * before a save) and sync_stats.c.
 *
 * Locks: meta_lock() before the mutex, which is a leaf and is never held
 * across anything that waits. A key is worked on by one job at a time.
 */
#ifndef VERS3_SRC_SYNC_SYNCER_IMPL_H
#define VERS3_SRC_SYNC_SYNCER_IMPL_H

#include <pthread.h>
#include <sys/queue.h>

#include "sync_outage.h"
#include "upload.h"
#include "vers3/journal/reconcile.h"
#include "vers3/sync/between.h"
#include "vers3/sync/syncer.h"
#include "vers3/tree/file_snapshot.h"
#include "vers3/util/map.h"
#include "vers3/util/urgency.h"

struct journal;
struct mount;
struct reader;
struct recent_saves;
struct tree;
struct upload_beginning;

/*
 * DeleteObjects takes 1,000. Servers go through them one by one, some 5 ms
 * each, also when the one who asked is dead by then: the next mount waits for
 * them to end. So few are under way at a time, in requests side by side.
 */
#define DELETES_MAX    200
#define DELETE_BATCHES 8
#define DELETES_LEAST  25 /* fewer are not shared out to several */
/*
 * In an outage: each may have to be looked at, and those who wait are told of
 * nothing before one batch has ended.
 */
#define DELETES_PROBE 8

/* Keys in a row that wait for one another; renames make shorter ones. */
#define SYNC_HOLDS_MAX 1000

/* What could still give room on the disk; see sync_reservation.c. */
enum room {
	ROOM_CLOSED, /* files that nobody writes, or it is not known yet */
	ROOM_WRITTEN, /* only files that are open for writing */
	ROOM_NONE,
};

/* Writers that wait for room, and what the looks for them found. */
struct sync_reservation {
	unsigned waiters;
	enum room room; /* as the last look found it, */
	int64_t since_ns; /* and the looks since then */
	uint64_t largest_bytes; /* of the written files it found */
	int64_t told_ns; /* when the log was last told; 0 never */
};

/* Someone who waits for one key (sync_inode) or for all below a path. */
struct waiter {
	LIST_ENTRY(waiter) entry;
	const char *path; /* borrowed from the waiting thread */
	bool all;
	uint64_t seq; /* all: changes up to this one */
	uint64_t ino, change; /* one key: this content, or a later one */
	bool done;
	int error;
	unsigned probes; /* the outage's when it began, or since */
};

struct syncer {
	struct mount *mount; /* borrowed, as those up to tree */
	struct meta *meta; /* the mount's */
	struct store *limited; /* likewise: tells how many requests at once */
	struct journal *journal;
	struct reader *reader;
	struct tree *tree;
	struct uploader *upload; /* owned */
	struct file_snapshots *snapshots; /* owned: what is being sent */
	struct recent_saves *saves; /* owned: what was */
	struct pool *pool; /* owned */
	struct between between;
	pthread_t thread;
	bool started;
	/* Records with a lower one may lack the note of what was sent. */
	uint64_t first_seq;
	int64_t settle_until_ns; /* monotonic; none of those is sent before */

	pthread_mutex_t mutex;
	pthread_cond_t wake; /* the scheduler has something to look at */
	pthread_cond_t event; /* a key was settled, or a try failed */
	/* All below is protected by mutex. */
	bool stop, kicked;
	bool reaping; /* the journal has staged bytes that may go */
	bool asleep; /* the scheduler, until next_due_ns or a kick */
	struct sync_outage outage;
	int64_t next_due_ns; /* realtime; when the scheduler wakes itself */
	unsigned in_flight;
	unsigned large_in_flight; /* of these, uploads in parts */
	unsigned deleting; /* batches of deletes in flight, */
	size_t deleting_keys; /* and the keys in them */
	struct map *busy; /* keys being worked on */
	struct map *again; /* keys in a pause before another try → how many */
	LIST_HEAD(, waiter) waiters;
	LIST_HEAD(, syncer_job) running; /* of their threads */
	LIST_HEAD(, upload_beginning) beginnings; /* of their threads */
	struct sync_reservation reservation;
	uint64_t progress; /* saves, and parts that went */
	struct syncer_stats stats;
};

/* One key at work, with what was wanted there when the job was made. */
struct syncer_job {
	LIST_ENTRY(syncer_job) entry; /* protected by the syncer's mutex */
	struct urgency_cause cause; /* of its threads */
	struct syncer *s;
	char key[META_KEY_MAX + 1];
	struct meta_inode snap;
	struct file_snapshot content; /* owned: of snap */
	struct meta_version known;
	enum reconcile_action action;
	uint64_t seq; /* changes before this one are in the snapshot */
	bool unsure; /* an earlier try may have been carried out */
	char tried[META_TRIED_MAX + 1]; /* dirty.h */
	struct conflict conflict; /* what is met on the way */
	bool undurable; /* what is wanted may not be durable here yet */
	bool holds_content; /* of an inode with several names: see syncer.c */
};

/* sync_job.c: runs in the pool; owns and frees arg. */
void sync_job_run(void *arg);
/* A job has ended, or has failed altogether with rc. With the mutex held. */
void sync_job_end(struct syncer *s, int rc);
/* What a try has come to, for the outage and the statistics. */
void sync_job_note(struct syncer *s, const char *key, int rc);
/* A try failed: the record is due later. c: NULL before there was one. */
void sync_job_failed(struct syncer *s, const char *key, int rc,
		     const struct conflict *c);

/* deletes.c: what one look at the dirty table finds to be deleted. */
struct deletes {
	struct delete_item *items; /* owned; in the order of the table */
	size_t count, most;
	uint64_t seq; /* changes before this one were seen */
	unsigned batches; /* so many may begin */
	bool away; /* others are under way */
};
/* Before the look. With meta_lock() held, as the next two. */
void deletes_begin(struct syncer *s, struct deletes *d);
bool deletes_have_room(const struct deletes *d);
int deletes_add(struct syncer *s, struct deletes *d,
		const struct meta_dirty *dirty, bool unsure, bool undurable);
/*
 * Sends them, without any lock. A few wait while others are under way, so that
 * what comes bit by bit goes in few requests. false: some are not, for want of
 * memory, and nobody looks at them by himself.
 */
bool deletes_start(struct syncer *s, struct deletes *d);

/*
 * sync_busy.c: whether the key's last try was without a result, and is to be
 * repeated when the key is due, no earlier. Any lock may be held.
 */
bool sync_job_pauses(struct syncer *s, const char *key);
/* It is another thing now: tries are counted anew. Any lock may be held. */
void sync_job_forget(struct syncer *s, const char *key);

/*
 * rebase.c: a file that was changed while the version in r was made of what
 * snap held goes on from there. With the node's lock and meta_lock() held; in
 * is as it is now. -ESTALE: it cannot, and stays as it is.
 */
int rebase_under(struct syncer *s, struct meta_inode *inode,
		 const struct file_snapshot *snap,
		 const struct upload_result *r);
/* What is staged and stands in the version too need not stay. No lock held. */
int rebase_drop(struct syncer *s, const struct file_snapshot *snap,
		const struct meta_version *saved);

/*
 * A try with this snapshot failed with rc. If the bucket lacks its base since a
 * save of ours, whose answer was lost, has replaced that, the file goes on on
 * top of that save: -EAGAIN. Else rc. May wait; no lock held.
 */
int rebase_lost(struct syncer *s, const struct meta_inode *snap, int rc);

/* sync_reap.c: what was queued with journal_reap(). Without any lock. */
void sync_reap(struct syncer *s);

/*
 * sync_reservation.c: one look at the dirty table for those who wait for room.
 * With sync_reservation_wants() each record is looked at, with meta_lock()
 * held; whole tells that the look came to the table's end.
 */
struct room_look {
	bool any; /* someone waits */
	bool take_written; /* nothing else is left: those of that size on */
	uint64_t least_bytes;
	bool closed, written; /* what was found, */
	uint64_t largest_bytes; /* and of the written ones */
};
void sync_reservation_begin(struct syncer *s, struct room_look *l);
bool sync_reservation_wants(struct syncer *s, struct room_look *l,
			    const struct meta_dirty *d, int64_t now);
void sync_reservation_end(struct syncer *s, const struct room_look *l,
			  bool whole);

/* With meta_lock() held. */

/*
 * What the namespace wants at a key: 0 with the inode, -ENOENT for nothing.
 * A key that ends in '/' is a directory's marker.
 */
int syncer_wanted(struct syncer *s, const char *key, struct meta_inode *ret);
/*
 * Whether a record waits for the key d->depends_on: what is wanted there comes
 * from its own key yet.
 */
bool syncer_is_held(struct syncer *s, const struct meta_dirty *d);
/* How long the change of a key is left alone: commit_wait.h. */
int64_t syncer_wait(const struct syncer *s, const struct meta_dirty *d,
		    const struct meta_inode *inode);
int syncer_postpone(struct syncer *s, struct meta_dirty *d, int64_t due_ns);
/* The key is clean: ends its record and tells whoever waits. */
int syncer_drop(struct syncer *s, const char *key);
/* Any lock may be held. */

/* Tells those who wait for a key: its record has ended, */
void waiters_tell_clean(struct syncer *s, const char *key);
/* or it was saved as inode is, which is enough for some of them, */
void waiters_tell_saved(struct syncer *s, const char *key,
			const struct meta_inode *inode);
/* or why it cannot be: -errno. */
void waiters_tell_failed(struct syncer *s, const char *key, int error);
/* Whether someone waits for the key, so that it goes at once. */
bool waiters_want(struct syncer *s, const struct meta_dirty *d, int64_t now);
/*
 * A job is wanted if one waits for its key alone when it begins, or comes to do
 * so before it ends.
 */
void waiters_job_begins(struct syncer *s, struct syncer_job *j);
void waiters_job_ends(struct syncer *s, struct syncer_job *j);
/* What is being done for the key is wanted. */
void waiters_hurry(struct syncer *s, const char *key);
/* What failed in an outage that is over is due again. No lock held. */
void sync_wait_over(struct syncer *s);
/* Whether someone waits for more than one key. */
bool waiters_all(struct syncer *s);
/* Whether a key is a path, or below it ("" has all). Pure. */
bool waiters_below(const char *key, const char *path);
/* w stays in the list until it is removed; wakes the scheduler. */
void waiters_add(struct syncer *s, struct waiter *w);
void waiters_remove(struct syncer *s, struct waiter *w);
/* sync_busy.c: whether a key is being worked on, and that it is; false: no
 * memory. */
bool sync_busy_is(struct syncer *s, const char *key);
bool sync_busy_set(struct syncer *s, const char *key);
/* It was not begun: nobody is told. */
void sync_busy_unset(struct syncer *s, const char *key);
/*
 * Somebody has come to wait for a key. If it is being worked on, that try began
 * before: should it fail, that says nothing yet to who has come, and the key is
 * due again at once. With meta_lock() held, as has who notes a failure.
 */
void sync_busy_expedite(struct syncer *s, const char *key);
bool sync_busy_is_hurried(struct syncer *s, const char *key);
/*
 * Whether the inode's content may go up now; *ret_holds: until
 * syncer_yield_content() no other of its names has it.
 */
bool sync_busy_take_content(struct syncer *s, const struct meta_inode *inode,
			    bool *ret_holds);
/* The inode's content may go up under another name. */
void syncer_yield_content(struct syncer *s, uint64_t ino);
/* Has the scheduler look no later than at due_ns (realtime). */
void syncer_wake(struct syncer *s, int64_t due_ns);
/* The key may be worked on again; wakes the scheduler. */
void syncer_clear_busy(struct syncer *s, const char *key);

#endif
