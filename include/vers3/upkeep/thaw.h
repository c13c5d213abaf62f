/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Archived objects are asked for, so that they can be read for some days: one
 * file, all below a directory, or one version of .versions; and their coming
 * is waited for.
 *
 * It costs a list's requests, and two for each object that is archived. Who
 * waits asks for the state of each that is pending, at growing intervals, from
 * seconds to minutes; of a large tree only a page of it at a time.
 *
 * Any thread, no lock held. 0 or -errno. S3 API: ListObjectsV2, HeadObject,
 * RestoreObject.
 */
#ifndef VERS3_UPKEEP_THAW_H
#define VERS3_UPKEEP_THAW_H

#include <stddef.h>

#include "vers3/util/answer_stream.h"

struct mount;
struct view;
struct thaw;

/*
 * path, "" for all, is copied; mount and view are borrowed. The words:
 *
 *	days=N		can be read for so long; 7 without it
 *	tier=NAME	standard, bulk or expedited
 *	wait		until all of it can be read
 *
 * -EINVAL with one line in reason (size bytes) that names the word that is
 * wrong.
 */
int thaw_new(struct mount *mount, struct view *view, const char *path,
	     char *const *words, size_t count, struct thaw **ret_thaw,
	     char *reason, size_t size);
/* Answers: a run of struct long_command; thaw is one of those. */
int thaw_run(void *thaw, struct answer_stream *answer);
void thaw_free(void *thaw);

#endif
