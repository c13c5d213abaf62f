/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sums of a preview: by rule and by what it does, and in these by the day.
 * Bounded by the rules and the days, whatever is counted. Pure; one owner at a
 * time. Sizes in bytes, times in ns since the epoch.
 */
#ifndef VERS3_SRC_UPKEEP_PREVIEW_COUNT_H
#define VERS3_SRC_UPKEEP_PREVIEW_COUNT_H

#include <stddef.h>
#include <stdint.h>

#include "verdict.h"

struct preview_sum {
	uint64_t count, bytes;
};

struct preview_day {
	int64_t day_ns; /* its midnight */
	struct preview_sum sum;
};

struct preview_group {
	struct verdict verdict; /* one of these: its rule and action */
	struct preview_sum all;
	struct preview_sum overdue; /* of all: the day has come already */
	struct preview_day *days; /* owned; those to come, by time */
	size_t count, size;
};

struct preview_count {
	int64_t now_ns, until_ns;
	struct preview_group *groups; /* owned; in the order they came */
	size_t count, size;
};

/* Whether it happens by until_ns. */
bool preview_count_wants(const struct preview_count *c,
			 const struct verdict *v);
/* Adds one that does. 0 or -ENOMEM. */
int preview_count_add(struct preview_count *c, const struct verdict *v,
		      uint64_t bytes);
/*
 * Appends a group as [planned "N"]: rule, action, count, bytes, overdue and
 * overdueBytes, and day = "DATE COUNT BYTES" for each day. 0 or -errno.
 */
int preview_count_write(const struct preview_count *c, size_t i,
			struct buf *out);
void preview_count_release(struct preview_count *c);

#endif
