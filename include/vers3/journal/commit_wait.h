/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How long a change is left alone before it is sent: `commit=` at most, and
 * less where nothing more is to be expected. Each guess that is wrong costs a
 * version, or a copy and a delete marker. Pure; any thread. Times in ns.
 */
#ifndef VERS3_JOURNAL_COMMIT_WAIT_H
#define VERS3_JOURNAL_COMMIT_WAIT_H

#include <stdbool.h>
#include <stdint.h>

#include "vers3/util/clock.h"

/*
 * What is done to a file after its close, by its name, comes within that: also
 * by another program, on a busy machine.
 */
#define COMMIT_WAIT_LEAST_NS (500 * NS_PER_MS)
/* `commit=` where nobody gives it; who gives a longer one gets all of it. */
#define COMMIT_WAIT_USUAL_NS (2 * NS_PER_S)

struct commit_wait_in {
	const char *path; /* the key below the mount's prefix */
	bool file; /* a regular one */
	bool content; /* it is new at this name: not attributes alone */
	int64_t since_ns; /* of its first change that is not saved */
	int64_t changed_ns; /* of its last change */
	int64_t saved_ns; /* when this mount saved the key last; 0: long ago */
	uint64_t size_bytes;
	int64_t commit_ns; /* commit= */
};
/*
 * Counts from the last change, once nobody has it open for writing. Up to
 * commit_ns.
 */
int64_t commit_wait(const struct commit_wait_in *in);

/*
 * Whether programs give such a name, to a file or to a directory that it is in,
 * while they make what they will rename or remove: random endings, swap files,
 * locks, downloads that are not complete. One that is taken for such loses
 * nothing: it waits for commit=.
 */
bool commit_wait_is_temporary(const char *path);

#endif
