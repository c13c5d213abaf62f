/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the time from which on the next bytes may go. */
#include "throttle.h"

#include <errno.h>

#include "vers3/util/cancel.h"
#include "vers3/util/clock.h"

void throttle_init(struct throttle *t, uint64_t bytes_per_s)
{
	t->bytes_per_s = bytes_per_s;
	t->next_ns = 0;
	pthread_mutex_init(&t->mutex, NULL);
}

void throttle_release(struct throttle *t)
{
	pthread_mutex_destroy(&t->mutex);
}

int throttle_take(struct throttle *t, uint64_t bytes)
{
	int64_t now = clock_mono_ns(), wait;

	if (!t->bytes_per_s)
		return cancel_asked() ? -EINTR : 0;
	pthread_mutex_lock(&t->mutex);
	if (t->next_ns < now)
		t->next_ns = now;
	wait = t->next_ns - now;
	t->next_ns += (int64_t)((double)bytes * (double)NS_PER_S /
				(double)t->bytes_per_s);
	pthread_mutex_unlock(&t->mutex);
	return cancel_sleep(wait);
}
