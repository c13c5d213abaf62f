/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The redo log: what has been changed since the last commit, in a file that
 * is written at each change. It outlives the process, so that a kill undoes
 * nothing that has returned. Now and then it is marked and synced: what stands
 * before a mark outlives the machine, too.
 *
 *	redo_open → redo_replay → (a durable commit) → redo_begin
 *	    → (redo_put|redo_del → redo_record)... → (redo_mark → redo_sync)
 *	    → ... → redo_restart → ...
 *
 * A record is all that was changed under one lock, and is replayed whole or
 * not at all. It names the transaction that it is part of: LMDB counts its
 * commits, so a record counts only as long as that very transaction has not
 * been committed. Nothing has to be removed at a commit, and a replay that is
 * itself cut short, or done by a vers3 that knows no log, harms nothing.
 *
 * The holder of meta's lock calls all but redo_is_whole() and redo_sync().
 */
#ifndef VERS3_SRC_META_REDO_H
#define VERS3_SRC_META_REDO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct redo;

struct redo_op {
	bool del;
	unsigned table;
	const void *key, *val; /* borrowed */
	size_t key_len, val_size;
};

/*
 * Opens or makes the file. layout: lines that say how its changes are to be
 * understood; whose: a line that says whose they are. A log of somebody else
 * is not replayed. 0 or -errno.
 */
int redo_open(const char *path, const char *layout, const char *whose,
	      struct redo **ret_redo);
/* NULL is fine. */
void redo_close(struct redo *r);

/*
 * Calls fn with every change of transaction txn that is in the log, in order;
 * in another boot of the machine, and after redo_void(), with those alone that
 * a mark speaks of. fn's result that is not 0 ends it. *ret_records: how many
 * records they were. 0 or -errno; -EPROTO: there are such changes, in another
 * layout.
 */
int redo_replay(struct redo *r, uint64_t txn,
		int (*fn)(void *ctx, const struct redo_op *op), void *ctx,
		uint64_t *ret_records);
/*
 * Empties the file and makes it this boot's and `about`'s: all that was in it
 * is durable elsewhere, or is not wanted. Where it cannot, what follows is
 * not recorded, and redo_restart() tries again.
 */
void redo_begin(struct redo *r);

/* Adds a change to the record being gathered; data is copied. */
void redo_put(struct redo *r, unsigned table, const void *key, size_t len,
	      const void *val, size_t size);
void redo_del(struct redo *r, unsigned table, const void *key, size_t len);
/* Writes what was gathered, as a record of txn; nothing when there is none. */
void redo_record(struct redo *r, uint64_t txn);
/* Forgets what was gathered. */
void redo_forget(struct redo *r);

/* All that was recorded is durable: the next record is the first. */
void redo_restart(struct redo *r);
/*
 * Notes that the first `records` records of txn are durable, with all data that
 * they speak of, as soon as the log is: redo_sync(). 0 or -errno.
 */
int redo_mark(struct redo *r, uint64_t txn, uint64_t records);
/*
 * Makes durable what was written to the log before, beside others who write
 * to it. 0 or -errno: then it is not whole any more.
 */
int redo_sync(struct redo *r);
/*
 * Nothing that was recorded since the last commit and is not marked may be
 * replayed, nor is anything recorded until redo_restart().
 */
void redo_void(struct redo *r, uint64_t txn);

/*
 * Whether the log has all changes since the last commit. False after a write
 * that failed, until redo_restart(). Any thread, without a lock: a thread that
 * has given meta's lock back and then sees true has its changes in the log, or
 * on disk.
 */
bool redo_is_whole(const struct redo *r);
/* How many records there are since the last commit. */
uint64_t redo_records(const struct redo *r);
/*
 * Whether it is time to commit, so that it stays where it has real blocks; or,
 * that many times as large, though it has left them.
 */
bool redo_is_large(const struct redo *r, unsigned times);
/* For when the disk has room enough: more of them, and fewer commits. */
void redo_take_more(struct redo *r);

#endif
