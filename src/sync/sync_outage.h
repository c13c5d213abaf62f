/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether the bucket can be reached, as the syncer's own requests tell. In an
 * outage one job at a time probes it. Embedded, zeroed; whoever calls holds the
 * lock that protects it, and says what time it is (monotonic).
 */
#ifndef VERS3_SRC_SYNC_SYNC_OUTAGE_H
#define VERS3_SRC_SYNC_SYNC_OUTAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "vers3/util/clock.h"

#define SYNC_OUTAGE_MIN_NS   (2 * NS_PER_S) /* what is shorter is none */
#define SYNC_OUTAGE_AGAIN_NS (60 * NS_PER_S) /* between two that count */

struct sync_outage {
	bool on;
	int64_t since_ns;
	bool over; /* one has ended: sync_outage_take_over() */
	int64_t over_ns; /* when the last that counts did; 0 never */
	unsigned probes; /* in a row that did not reach the bucket, */
	int probe_error; /* and why the last one did not: -errno */
};

/* A request has shown whether there is one. */
void sync_outage_set(struct sync_outage *o, bool on, int64_t now_ns);
/*
 * A job has ended in rc; alone: no other was under way. Whether it was a probe
 * in vain, of which those who wait hear.
 */
bool sync_outage_probed(struct sync_outage *o, int rc, bool alone);
/* Whether one has ended since the last call: what failed in it is due again. */
bool sync_outage_take_over(struct sync_outage *o);
/* Whether there has been one for longer than that. */
bool sync_outage_lasts(const struct sync_outage *o, int64_t ns, int64_t now_ns);
/*
 * Why whoever began to wait at *from probes need wait no longer: the bucket
 * was out of reach for `most` of them since. 0, or -errno.
 */
int sync_outage_error(const struct sync_outage *o, unsigned *from,
		      unsigned most);

#endif
