/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Invalidations on their way to the kernel: a queue with a thread of its
 * own. The kernel may wait for a page that a request of ours is to fill, so
 * a thread that answers requests must never send one itself.
 *
 * Doubles that wait in the queue are sent once. The queue is bounded; what
 * does not fit is dropped and counted: the kernel then believes the old
 * answer until its time to live has passed.
 */
#ifndef VERS3_SRC_FS_NOTIFY_H
#define VERS3_SRC_FS_NOTIFY_H

#include <stdbool.h>
#include <stdint.h>

#define NOTIFY_MAX 8192 /* invalidations that may wait */

/* Where they go; called on the queue's thread. */
struct notify_sink {
	void (*inode)(void *ctx, uint64_t ino);
	void (*entry)(void *ctx, uint64_t parent, const char *name);
	void *ctx; /* borrowed */
};

struct notify;

/* Starts the thread. 0 or -errno. */
int notify_new(const struct notify_sink *sink, struct notify **ret_notify);
/* Never block; copy the name. Any thread. After notify_stop: nothing. */
void notify_inode(struct notify *n, uint64_t ino);
void notify_entry(struct notify *n, uint64_t parent, const char *name);
/*
 * Waits until what was queued before is sent, for max_ns at most; whether it
 * was. Not on a thread whose request may hold what the kernel needs for it.
 */
bool notify_flush(struct notify *n, int64_t max_ns);
/* How many were dropped. */
uint64_t notify_dropped(struct notify *n);
/*
 * Drops what waits and ends the thread, waiting for the one being sent. May
 * be called again and from several threads.
 */
void notify_stop(struct notify *n);
/* Stops and frees. NULL is fine. */
void notify_free(struct notify *n);

#endif
