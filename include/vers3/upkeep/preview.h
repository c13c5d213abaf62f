/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the bucket's lifecycle rules will do, within some days, to the versions
 * and unfinished uploads of the mount or below a path of it: how many, how
 * many bytes, when and by which rule.
 *
 * Costs a request for each 1,000 versions; and one for each version that a
 * rule with tags may be about, each upload that is to be aborted.
 *
 * Any thread, no lock held. 0 or -errno. S3 API: GetBucketLifecycle-
 * Configuration, ListObjectVersions, GetObjectTagging, ListMultipartUploads,
 * ListParts.
 */
#ifndef VERS3_UPKEEP_PREVIEW_H
#define VERS3_UPKEEP_PREVIEW_H

#include <stddef.h>

#include "vers3/util/answer_stream.h"

#define PREVIEW_DAYS	 30 /* where none are given */
#define PREVIEW_DAYS_MAX 3650

struct mount;
struct preview;
struct view;

/*
 * path, "" for all, is copied, mount and view are borrowed. The words: days=N, and names to
 * be told each version, too. -EINVAL with one line in reason (size bytes) that
 * names the word that is wrong.
 */
int preview_new(struct mount *mount, struct view *view, const char *path,
		char *const *words, size_t count, struct preview **ret_preview,
		char *reason, size_t size);
/* Walks and answers: a run of struct long_command; preview is one of those. */
int preview_run(void *preview, struct answer_stream *answer);
void preview_free(void *preview);

#endif
