/* SPDX-License-Identifier: Apache-2.0 */
/* Giving up a wait from outside. */
#include "vers3/util/cancel.h"

#include <errno.h>
#include <stddef.h>
#include <time.h>

#include "vers3/util/clock.h"

static _Thread_local struct cancel *current;

void cancel_init(struct cancel *c, struct cancel *outer)
{
	cancel_init_until(c, outer, 0);
}

void cancel_init_until(struct cancel *c, struct cancel *outer, int64_t until_ns)
{
	c->outer = outer;
	c->until_ns = until_ns;
	atomic_init(&c->set, false);
}

void cancel_set(struct cancel *c)
{
	atomic_store(&c->set, true);
}

bool cancel_is_set(const struct cancel *c)
{
	for (; c; c = c->outer)
		if (atomic_load(&c->set) ||
		    (c->until_ns && clock_mono_ns() >= c->until_ns))
			return true;
	return false;
}

struct cancel *cancel_enter(struct cancel *c)
{
	struct cancel *before = current;

	current = c;
	return before;
}

struct cancel *cancel_current(void)
{
	return current;
}

bool cancel_asked(void)
{
	return cancel_is_set(current);
}

int cancel_wait(pthread_cond_t *cond, pthread_mutex_t *mutex)
{
	if (cancel_asked())
		return -EINTR;
	clock_cond_wait_until(cond, mutex,
			      clock_mono_ns() + CANCEL_POLL_MS * NS_PER_MS);
	return 0;
}

int cancel_lock(pthread_mutex_t *mutex)
{
	struct timespec until;

	if (!pthread_mutex_trylock(mutex))
		return 0;
	for (;;) {
		if (cancel_asked())
			return -EINTR;
		/*
		 * By the other clock: the thread sanitizer does not know
		 * pthread_mutex_clocklock(). One that is set makes a turn
		 * longer or shorter, no more.
		 */
		until = clock_timespec(clock_real_ns() +
				       CANCEL_POLL_MS * NS_PER_MS);
		if (!pthread_mutex_timedlock(mutex, &until))
			return 0;
	}
}

int cancel_sleep(int64_t ns)
{
	int64_t until = clock_mono_ns() + ns, left = ns;

	do {
		struct timespec turn;

		if (cancel_asked())
			return -EINTR;
		if (left > CANCEL_POLL_MS * NS_PER_MS)
			left = CANCEL_POLL_MS * NS_PER_MS;
		turn = clock_timespec(left > 0 ? left : 0);
		nanosleep(&turn, NULL);
		left = until - clock_mono_ns();
	} while (left > 0);
	return 0;
}
