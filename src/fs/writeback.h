/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What processes have changed through memory maps, and the kernel would throw
 * away with the connection: it is asked to write it while it is answered yet.
 *
 * The call for that enters the mount, and whoever enters it may sleep where
 * no signal wakes him until this very daemon has answered. A thread of its
 * own in there could not be killed, and with it the daemon could not: its
 * descriptor of /dev/fuse would stay open, and nobody would answer. So a
 * child goes in, which has that descriptor no more, for a limited time. When
 * the daemon has ended, however, the connection has, and so does the child.
 */
#ifndef VERS3_SRC_FS_WRITEBACK_H
#define VERS3_SRC_FS_WRITEBACK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct writeback {
	/* Of the child while it is there, else 0. Its opendir of the root is
	 * answered without a look at the bucket, which may hang. */
	atomic_int pid;
	int64_t until_ns; /* monotonic */
};

/* Starts it; where that fails the log is told. Not twice at a time. */
void writeback_start(struct writeback *w, const char *mountpoint);
/* Whether it has ended, or its time is over; waits a little for it. */
bool writeback_is_over(struct writeback *w);
/* Ends it, as far as that is possible; does not wait. */
void writeback_end(struct writeback *w);

#endif
