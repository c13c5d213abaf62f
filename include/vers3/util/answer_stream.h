/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The answer of long work, read while it is made: one thread writes lines,
 * who asked reads them as they come, as from a pipe. What was read is dropped;
 * while ANSWER_UNREAD_MAX bytes are unread the writer waits. A reader takes no
 * thread: its read is kept until there is something to give.
 *
 * The text is of git-config(1)'s syntax, where lines that begin with "#" tell
 * of progress. On failure its last line says why, and the reads after it fail.
 *
 * Counted; any thread, no lock held. 0 or -errno. Sizes in bytes.
 */
#ifndef VERS3_UTIL_ANSWER_STREAM_H
#define VERS3_UTIL_ANSWER_STREAM_H

#include <stddef.h>
#include <sys/uio.h>

#include "vers3/util/cancel.h"

#define ANSWER_UNREAD_MAX (256 << 10)
#define ANSWER_WHY_MAX	  512

struct answer_stream;

/* outer: its being set cancels the stream, too; borrowed; may be NULL. */
int answer_stream_new(struct cancel *outer, struct answer_stream **ret_stream);
struct answer_stream *answer_stream_ref(struct answer_stream *a);
/* NULL is fine. */
void answer_stream_unref(struct answer_stream *a);

/*
 * The writer's part. It looks at answer_stream_asked() between its steps, and
 * its thread stands for answer_stream_cancel_of() (cancel_enter()), so that
 * its requests end when the answer is not wanted any more.
 *
 * Whole lines go in: 0; -EINTR once it is not wanted, -ENOMEM, and -EFBIG for
 * more than ANSWER_UNREAD_MAX at once. May wait for the reader.
 */
int answer_stream_add(struct answer_stream *a, const void *text, size_t len);
int answer_stream_printf(struct answer_stream *a, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/*
 * A line of progress, "# " before it and its end after it: at most one each
 * second, the first after one; none while there is no room. Does not wait.
 * Returns 0, or -EINTR as above: it is the look between two steps, too.
 */
int answer_stream_progress(struct answer_stream *a, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/*
 * The last line, which says why the work has failed; for the log as well.
 * Returns rc. -EINTR of who gave up needs no words: none are written then.
 */
int answer_stream_fail(struct answer_stream *a, int rc, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* What that said, or "". Only for the writer. */
const char *answer_stream_why(const struct answer_stream *a);
/* Nothing more comes: after the text reads give the end, or fail with rc. */
void answer_stream_end(struct answer_stream *a, int rc);
struct cancel *answer_stream_cancel_of(struct answer_stream *a);

/*
 * The reader's part. done(), once and on any thread, with what there is, size
 * bytes at most, nothing at the end; or with the error: -EINTR when the cancel
 * that the calling thread stands for was set (answer_stream_give_up()),
 * -ECANCELED after answer_stream_cancel(), else the work's, again with each
 * read.
 */
typedef void (*answer_stream_done_fn)(void *arg, int error,
				      const struct iovec *iov, int count);
void answer_stream_read(struct answer_stream *a, size_t size,
			answer_stream_done_fn done, void *arg);
/* Ends the reads whose cancel is set. */
void answer_stream_give_up(struct answer_stream *a);
/* It is not wanted any more: ends the reads, and the work as soon as it can. */
void answer_stream_cancel(struct answer_stream *a);

#endif
