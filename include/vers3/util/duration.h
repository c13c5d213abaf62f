/* SPDX-License-Identifier: Apache-2.0 */
/* A length of time, as people write it. Pure. */
#ifndef VERS3_UTIL_DURATION_H
#define VERS3_UTIL_DURATION_H

#include <stdint.h>

/*
 * Reads a number with its unit: 90s 30m 2h 7d 2w. 0 or -EINVAL; what has no
 * room in nanoseconds is that, too.
 */
int duration_parse(const char *text, int64_t *ret_ns);

#endif
