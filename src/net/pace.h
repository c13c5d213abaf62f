/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The least rate of a transfer. A credit of bytes runs out as time goes by
 * and is filled up by what moves, so that a pause is borne and a trickle is
 * not. Private to this folder; one thread at a time.
 */
#ifndef VERS3_SRC_NET_PACE_H
#define VERS3_SRC_NET_PACE_H

#include <stdbool.h>
#include <stdint.h>

#define PACE_BYTES_PER_S 64

struct pace {
	int64_t full_ns; /* the time that a full credit lasts */
	int64_t left_ns;
	int64_t at_mono_ns; /* when it was looked at last */
	uint64_t moved_bytes; /* by then */
};

void pace_start(struct pace *p, int64_t now, int64_t full_ns);
/* False: it is too slow. moved_bytes: of all the time. */
bool pace_go_on(struct pace *p, int64_t now, uint64_t moved_bytes);

#endif
