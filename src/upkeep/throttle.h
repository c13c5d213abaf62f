/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A bound on how many bytes a second go, shared by threads: who is about to
 * move some waits until those before have had their time.
 *
 * Any thread.
 */
#ifndef VERS3_SRC_UPKEEP_THROTTLE_H
#define VERS3_SRC_UPKEEP_THROTTLE_H

#include <pthread.h>
#include <stdint.h>

struct throttle {
	uint64_t bytes_per_s; /* constant; 0: no bound */
	pthread_mutex_t mutex; /* protects the rest; a leaf */
	int64_t next_ns; /* monotonic: when the next may go */
};

void throttle_init(struct throttle *t, uint64_t bytes_per_s);
void throttle_release(struct throttle *t);
/* Waits for its turn. 0, or -EINTR when the thread's cancel was set. */
int throttle_take(struct throttle *t, uint64_t bytes);

#endif
