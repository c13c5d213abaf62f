/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A pool of worker threads over one queue of jobs, first in, first out.
 * Threads start when needed, up to the maximum, and end when there was nothing
 * to do for ten seconds: a pool may be wide that needs it seldom.
 */
#ifndef VERS3_UTIL_POOL_H
#define VERS3_UTIL_POOL_H

#include <stdint.h>

struct pool;

/* max_threads >= 1; name (15 bytes at most) names the threads. 0/-errno. */
int pool_new(const char *name, unsigned max_threads, struct pool **ret_pool);
/* Runs what is queued, waits for it, ends the threads. NULL is fine. */
void pool_free(struct pool *p);
/*
 * Queues run(arg). Any thread. 0 or -ENOMEM; or -ESHUTDOWN after pool_free
 * began. The job owns arg from here on.
 */
int pool_submit(struct pool *p, void (*run)(void *arg), void *arg);
/* How long a thread stays without work from its next wait on. */
void pool_set_idle(struct pool *p, int64_t ns);
/* The threads that there are now. */
unsigned pool_threads(struct pool *p);
/* Waits until nothing is queued or running. */
void pool_drain(struct pool *p);

/*
 * Runs fn(ctx, i) for i in [0, n) on at most `width` threads, the caller's
 * being one, and returns when all are done: the first failure's -errno (all
 * are run all the same) or 0. All of them stand for what the caller's thread
 * stands for (cancel.h), with its urgency (urgency.h).
 */
int pool_each(struct pool *p, unsigned width, unsigned n,
	      int (*fn)(void *ctx, unsigned i), void *ctx);

#endif
