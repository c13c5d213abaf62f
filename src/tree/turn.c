/* SPDX-License-Identifier: Apache-2.0 */
/* Owns nothing: it stands in dirs.busy and dirs.claims. */
#include "turn.h"

#include <errno.h>

#include "dir_impl.h"
#include "vers3/util/cancel.h"
#include "vers3/util/clock.h"

int turn_await(struct dirs *d, uint64_t ino, int64_t until)
{
	void *who;
	int rc = 0;

	while (!rc && (who = map_get(d->busy, &ino, sizeof(ino)))) {
		rc = cancel_wait(&d->done, &d->mutex);
		if (!rc && who == &d->scouting && clock_mono_ns() >= until)
			rc = -ETIMEDOUT;
	}
	return rc;
}

bool turn_try(struct dirs *d, uint64_t ino)
{
	bool taken;

	pthread_mutex_lock(&d->mutex);
	taken = !map_get(d->busy, &ino, sizeof(ino)) &&
		!map_put(d->busy, &ino, sizeof(ino), d);
	pthread_mutex_unlock(&d->mutex);
	return taken;
}

bool turn_claim(struct dirs *d, uint64_t ino)
{
	bool taken;

	pthread_mutex_lock(&d->mutex);
	taken = !map_get(d->claims, &ino, sizeof(ino)) &&
		!map_put(d->claims, &ino, sizeof(ino), d);
	pthread_mutex_unlock(&d->mutex);
	return taken;
}

void turn_unclaim(struct dirs *d, uint64_t ino)
{
	pthread_mutex_lock(&d->mutex);
	map_del(d->claims, &ino, sizeof(ino));
	pthread_mutex_unlock(&d->mutex);
}

void turn_end(struct dirs *d, uint64_t ino)
{
	pthread_mutex_lock(&d->mutex);
	map_del(d->busy, &ino, sizeof(ino));
	pthread_cond_broadcast(&d->done);
	pthread_mutex_unlock(&d->mutex);
}
