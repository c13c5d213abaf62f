/* SPDX-License-Identifier: Apache-2.0 */
/* A moment of the past, as people name it. Pure. */
#ifndef VERS3_SRC_HISTORY_TIMESTAMP_H
#define VERS3_SRC_HISTORY_TIMESTAMP_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Reads one of
 *
 *	2026-11-21T12:00:00Z	with or without a fraction of a second
 *	2026-11-21T12-00-00Z	as the names in .versions have it
 *	GMT-2026.11.21-12.00.00	as Samba's shadow_copy2 has it
 *	2026-11-21		the beginning of that day, UTC
 *	90s 30m 2h 7d 2w	so long before now_ns
 *
 * A time in whole seconds is the end of that second: what was saved in it,
 * and is listed with that time, was there. 0 or -EINVAL.
 */
int timestamp_parse(const char *text, int64_t now_ns, int64_t *ret_ns);
/* Whether it is one that is counted back from now. */
bool timestamp_is_relative(const char *text);

#endif
