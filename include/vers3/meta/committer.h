/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Group commit: one transaction that all threads change in turn, and one
 * thread that makes durable what they change, by a log, and at times begins
 * and commits the transaction. Knows nothing of what a transaction and a log
 * are (meta.c does): it keeps the time, the turns and the order of data before
 * metadata.
 */
#ifndef VERS3_META_COMMITTER_H
#define VERS3_META_COMMITTER_H

#include <stdbool.h>
#include <stdint.h>

struct committer;

/*
 * All are called on the committer's thread, which has barred all others, but
 * in log_sync().
 */
struct committer_ops {
	/* Begins the first transaction. 0 or -errno. */
	int (*begin)(void *ctx);
	/*
	 * Makes the transaction durable and begins the next. Sets
	 * *ret_durable once the first is done, also if the second fails.
	 * -ENOSPC without it: there is no room for it, and all that was
	 * changed is still in the transaction; it is tried again. 0 or -errno.
	 */
	int (*commit)(void *ctx, bool *ret_durable);
	/*
	 * The first step of making durable what was changed so far without a
	 * commit. False where only a commit will do.
	 */
	bool (*log_begin)(void *ctx);
	/*
	 * Whether the log asks for a commit; patience: where one has had to
	 * wait, so many times its usual size.
	 */
	bool (*log_is_large)(void *ctx, unsigned patience);
	/* The data of what was there then is durable. 0 or -errno. */
	int (*log_mark)(void *ctx);
	/* So is what was marked, on return. 0 or -errno. */
	int (*log_sync)(void *ctx);
	/* It went well. */
	void (*log_end)(void *ctx);
	/* A commit was put off since the hook failed. */
	void (*put_off)(void *ctx);
	/* Drops what is left of the transaction, at the end. */
	void (*abort)(void *ctx);
};

/*
 * Starts the thread and returns when the first transaction has begun. Changes
 * are made durable durable_ns after the first of them, and committed commit_ns
 * after it, or when there are commit_changes of them; later where their data
 * takes the disk long and others would have to wait for it. name (borrowed) is
 * for messages.
 */
int committer_new(const char *name, const struct committer_ops *ops, void *ctx,
		  int64_t durable_ns, int64_t commit_ns,
		  uint64_t commit_changes, struct committer **ret_committer);
/* Commits what is left, ends the thread. NULL is fine. */
void committer_free(struct committer *c);

/* 0, or -EIO after committer_fail() (then there is nothing to unlock). */
int committer_lock(struct committer *c);
void committer_unlock(struct committer *c);
/* As meta_sync() and meta_set_precommit(). */
int committer_sync(struct committer *c);
void committer_set_hook(struct committer *c, int (*fn)(void *ctx), void *ctx);

/* For the holder of the lock: 0, or -EIO when failed. Asserts it is held. */
int committer_check(const struct committer *c);
/* For the holder: the transaction has one more change. */
void committer_changed(struct committer *c);
/* For the holder: as meta_pending_ns(). */
int64_t committer_pending_ns(const struct committer *c);
/* For the holder: the transaction is lost; nothing is committed any more. */
void committer_fail(struct committer *c);

#endif
