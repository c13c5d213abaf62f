/* SPDX-License-Identifier: Apache-2.0 */
/* The arithmetic of the credit; the clock is the caller's. */
#include "pace.h"

#include "vers3/util/clock.h"

#define NS_PER_BYTE (NS_PER_S / PACE_BYTES_PER_S)

void pace_start(struct pace *p, int64_t now, int64_t full_ns)
{
	p->full_ns = full_ns;
	p->left_ns = full_ns;
	p->at_mono_ns = now;
	p->moved_bytes = 0;
}

bool pace_go_on(struct pace *p, int64_t now, uint64_t moved_bytes)
{
	uint64_t most = (uint64_t)(p->full_ns / NS_PER_BYTE) + 1, came = 0;

	/* A request that curl sends again begins to count anew. */
	if (moved_bytes > p->moved_bytes)
		came = moved_bytes - p->moved_bytes;
	p->moved_bytes = moved_bytes;
	p->left_ns -= now - p->at_mono_ns;
	p->at_mono_ns = now;
	p->left_ns += (int64_t)(came < most ? came : most) * NS_PER_BYTE;
	if (p->left_ns > p->full_ns)
		p->left_ns = p->full_ns;
	return p->left_ns > 0;
}
