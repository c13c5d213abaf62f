/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signals, taken by a thread of their own with sigwait(3), so that what they
 * cause is ordinary code under ordinary locks.
 *
 * SIGHUP calls the hook given to signals_new(). SIGTERM and SIGINT call what
 * is attached; while nothing is attached they end the process at once, which
 * is safe at any moment, as kill -9 is.
 */
#ifndef VERS3_FS_SIGNALS_H
#define VERS3_FS_SIGNALS_H

#include <stdbool.h>

struct signals;

/*
 * Blocks the signals in the calling thread, and so in all that it starts
 * later: call it before any other thread is there. 0 or -errno.
 */
int signals_new(struct signals **ret_signals);
/* Ends the thread. The signals stay blocked. NULL is fine. */
void signals_free(struct signals *s);

/* What SIGHUP calls, on the thread of the signals; NULL: nothing. */
void signals_on_hangup(struct signals *s, void (*fn)(void *ctx), void *ctx);
/*
 * What SIGTERM and SIGINT call (sig) from now on. When it returns true it is
 * called again every 100 ms, with sig 0, until it returns false or something
 * else is attached. After signals_attach() has returned the function that
 * was attached before is neither running nor called again. NULL: nothing.
 */
void signals_attach(struct signals *s, bool (*fn)(void *ctx, int sig),
		    void *ctx);

#endif
