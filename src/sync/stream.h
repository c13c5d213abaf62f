/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parts that go up while their file is still being written. A part is sent
 * when the file has grown well past it, from the staging file, and noted
 * (upload_record.h). The upload that ends the file finds it and sends the rest.
 *
 * Only files of which nothing comes from a base version are streamed; edits
 * send little anyway. A name of rsync's (.NAME.XXXXXX) is sent under NAME,
 * which it will be renamed to. Whatever goes wrong here ends the streaming
 * of that file and nothing else: all is sent in the end.
 */
#ifndef VERS3_SRC_SYNC_STREAM_H
#define VERS3_SRC_SYNC_STREAM_H

#include "upload_impl.h"

#define STREAM_MIN (UINT64_C(32) << 20) /* smaller files are not */

struct streams;

int streams_new(struct uploader *u, struct streams **ret_streams);
/* When no part is on its way any more. NULL is fine. */
void streams_free(struct streams *t);
/* The file has grown, or was written to. Any thread; never blocks. */
void streams_written(struct streams *t, const struct meta_inode *inode);
/*
 * Takes the inode's upload for its end: no more parts begin, and what is known
 * of the upload by then is noted. -EAGAIN when somebody else has taken it; 0:
 * give it back.
 */
int streams_take(struct streams *t, uint64_t ino);
/*
 * Of one that is taken: waits until that part is not on its way, before it is
 * looked for or sent anew; and until none is, before the upload ends.
 */
void streams_wait_part(struct streams *t, uint64_t ino, unsigned number);
void streams_wait_parts(struct streams *t, uint64_t ino);
/* Waits for those on their way. */
void streams_give(struct streams *t, uint64_t ino);
/* The file is gone, or what is staged of it. Leaf: any lock may be held. */
void streams_forget(struct streams *t, uint64_t ino);
/*
 * After that, in a job of the parts' pool: waits for those on their way. (They
 * began before it, so it is no matter how many such jobs there are.)
 */
void streams_wait_forgotten(struct streams *t, uint64_t ino);
/* As syncer_check(). */
const char *streams_check(struct streams *t);

#endif
