/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests that the server refuses, however often they are sent.
 *
 * Pure; any thread. rc is a negative errno of store_call().
 */
#ifndef VERS3_CORE_REFUSAL_H
#define VERS3_CORE_REFUSAL_H

#include <errno.h>
#include <stdbool.h>

/* Whether a HEAD that ended so was refused for good. */
static inline bool refusal_is(int rc)
{
	return rc == -EACCES || rc == -EINVAL;
}

#endif
