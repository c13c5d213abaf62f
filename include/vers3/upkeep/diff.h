/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is other now than it was at an instant, at a path and below it: from
 * one flat list of the versions, with what is not sent yet. Attributes are
 * asked for only where the list cannot tell: of equal content in two versions.
 *
 * Any thread, no lock held. 0 or -errno.
 */
#ifndef VERS3_UPKEEP_DIFF_H
#define VERS3_UPKEEP_DIFF_H

#include <stddef.h>

#include "vers3/util/answer_stream.h"

struct diff;
struct mount;
struct view;

/*
 * path, "" for all, is copied, mount and view are borrowed. at: as
 * named_snapshot_time() has it; may ask the bucket for the named points.
 * -EINVAL with one line in reason (size bytes) that names what is wrong.
 */
int diff_new(struct mount *mount, struct view *view, const char *path,
	     const char *at, struct diff **ret_diff, char *reason, size_t size);
/*
 * Answers: a run of struct long_command; diff is one of those. "[diff]" with
 * the instant, then for each path that differs "items = CHANGE THEN NOW ID
 * PATH", CHANGE +, - or ~, THEN and NOW a size, "directory" or "-", ID the
 * version of then or "-"; a directory behind what is below it; then how many.
 * -ENOENT where nothing is and nothing was.
 */
int diff_run(void *diff, struct answer_stream *answer);
void diff_free(void *diff);

#endif
