/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an archived object needs, and what the answer to a RestoreObject means.
 * Pure, any thread. Times in ns since the epoch.
 */
#ifndef VERS3_SRC_UPKEEP_THAW_VERDICT_H
#define VERS3_SRC_UPKEEP_THAW_VERDICT_H

#include <stdint.h>

#include "vers3/s3/archive.h"

enum thaw_action {
	THAW_NOTHING, /* it can be read, and long enough */
	THAW_ASK,
	THAW_EXTEND, /* it can be read, but not for so many days */
	THAW_WAIT, /* it is being restored */
};

enum thaw_outcome {
	THAW_ACCEPTED,
	THAW_EXTENDED, /* it can be read already; the days count from now */
	THAW_IN_PROGRESS,
	THAW_NOT_ARCHIVED,
	THAW_UNSUPPORTED,
	THAW_GONE,
	THAW_FAILED,
};

/* now: the server's. */
enum thaw_action thaw_choose(const struct archive *a, int64_t now_ns,
			     unsigned days);
/*
 * rc: store_call()'s; status and code: the reply's. state: what the object's
 * headers said: one that only may be archived is not where the server knows no
 * archive.
 */
enum thaw_outcome thaw_read_outcome(int rc, int status, const char *code,
				    enum archive_state state);

#endif
