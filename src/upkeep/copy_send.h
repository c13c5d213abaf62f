/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sending a copy whose bytes are proven to where another one stands, as a new
 * version: with its metadata and tags, in one request or in parts.
 *
 * Blocks; one thread at a time, no lock held. Sizes in bytes.
 */
#ifndef VERS3_SRC_UPKEEP_COPY_SEND_H
#define VERS3_SRC_UPKEEP_COPY_SEND_H

#include "content_sum.h"
#include "copy.h"
#include "vers3/cache/staging.h"

struct copy_send {
	struct copy *from; /* borrowed, as all here; looked at, and there */
	const struct content_sum *proven; /* its bytes, of another reading */
	const struct copy *to; /* what stands there, looked at, or nothing */
	struct staging *staging; /* has room for a part */
	struct throttle *throttle;
	char *why; /* out: COPY_WHY_MAX bytes, after a failure */
};

/*
 * 0; or -errno: nothing was changed, but where the answer to the last request
 * was lost, which may have made the new version all the same; its bytes are
 * the proven ones. -EPERM: what stands there, or is below it, has no version id
 * of its own and would not stay. -ESTALE: one of the two is not as it was.
 */
int copy_send(struct copy_send *s);

#endif
