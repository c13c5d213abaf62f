/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unfinished multipart uploads below a path of the mount: which there are,
 * what they take, and the end of those that nobody goes on with.
 *
 * An upload of this mount, one that is under way or that a restart would go on
 * with, is never aborted, nor for a day what vers3 copies for itself. An upload
 * that is aborted is no version, and never was: what it held was sent by
 * whoever began it and stands there.
 *
 * Any thread, no lock held. 0 or -errno. S3 API: ListMultipartUploads,
 * ListParts, AbortMultipartUpload.
 */
#ifndef VERS3_UPKEEP_UPLOADS_H
#define VERS3_UPKEEP_UPLOADS_H

#include <stdbool.h>
#include <stddef.h>

#include "vers3/util/answer_stream.h"

struct mount;
struct syncer;
struct view;
struct uploads;

/*
 * words: [PATH] to list them; to abort, older=AGE too. Copied; the others are
 * borrowed. -EINVAL with one line in reason (size bytes) that names the word
 * that is wrong.
 */
int uploads_new(struct mount *mount, struct syncer *syncer, struct view *view,
		bool abort, const char *const *words, size_t count,
		struct uploads **ret_uploads, char *reason, size_t size);
/* Answers: a run of struct long_command; uploads is one of those. */
int uploads_run(void *uploads, struct answer_stream *answer);
void uploads_free(void *uploads);

#endif
