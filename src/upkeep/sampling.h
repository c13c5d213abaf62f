/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which versions are looked at where not all are: decided by a hash of key,
 * version id and a seed, so that a run that goes on later takes the same, and
 * one with another seed takes others. Pure, any thread.
 */
#ifndef VERS3_SRC_UPKEEP_SAMPLING_H
#define VERS3_SRC_UPKEEP_SAMPLING_H

#include <stdbool.h>
#include <stdint.h>

#define SAMPLING_ALL 1000000u /* parts per million: all of them */

struct sampling {
	uint64_t seed;
	uint32_t ppm; /* how many of a million are taken */
};

/*
 * Reads a share such as "1%", "0.5%" or "100%", to a millionth: 0, or -EINVAL.
 * "0%" is one.
 */
int sampling_parse_share(const char *text, uint32_t *ret_ppm);
/* Whether a version is taken; its id may be "". */
bool sampling_takes(const struct sampling *s, const char *key,
		    const char *version_id);

#endif
