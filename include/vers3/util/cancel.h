/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Giving up a wait from outside. Who serves a request makes a cancel, has its
 * thread wait on its behalf, and sets it when the answer is not wanted any
 * more: whatever waits for the network then ends within CANCEL_POLL_MS with
 * -EINTR. Waits look at what their thread stands for, so that nothing has to
 * be handed through; pool_each() hands it on to its helpers.
 *
 * A wait looks now and then instead of being woken: no lock of the waiter's
 * is ever taken by whoever cancels.
 */
#ifndef VERS3_UTIL_CANCEL_H
#define VERS3_UTIL_CANCEL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define CANCEL_POLL_MS 100

struct cancel {
	struct cancel *outer; /* borrowed; its being set counts here, too */
	atomic_bool set; /* for good */
	int64_t until_ns; /* monotonic: then it counts as set; 0: never */
};

/* outer may be NULL. Nothing has to be released. */
void cancel_init(struct cancel *c, struct cancel *outer);
/* The same, which is set by itself at a time of clock_mono_ns(). */
void cancel_init_until(struct cancel *c, struct cancel *outer,
		       int64_t until_ns);
/* Any thread, any number of times; takes no lock. */
void cancel_set(struct cancel *c);
/* NULL: never. */
bool cancel_is_set(const struct cancel *c);

/*
 * What the calling thread waits on behalf of from now on (borrowed; NULL:
 * nobody who could give up). Returns what it was before, to be put back.
 */
struct cancel *cancel_enter(struct cancel *c);
/* What this thread stands for now; NULL: see above. */
struct cancel *cancel_current(void);
/* Has whoever this thread waits for given up? */
bool cancel_asked(void);

/*
 * One turn of waiting on a condition of clock_cond_init(): the caller looks
 * at what it waits for again. 0, or -EINTR once given up.
 */
int cancel_wait(pthread_cond_t *cond, pthread_mutex_t *mutex);
/* As pthread_mutex_lock(): 0, or -EINTR without the mutex. */
int cancel_lock(pthread_mutex_t *mutex);
/* 0 when the time is over, -EINTR when given up before. */
int cancel_sleep(int64_t ns);

#endif
