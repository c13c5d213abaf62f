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
 *
 * syncfs(2) does not wait for the writes of a FUSE file system: older kernels
 * have only queued them when it returns, newer ones not even that (fs/sync.c,
 * SB_I_NO_DATA_INTEGRITY). fsync(2) does wait until they are answered, so the
 * child opens all that is open for writing and calls that. It finds the files
 * by names that nobody else is shown, and what it asks is answered without a
 * look at the bucket, which may hang.
 */
#ifndef VERS3_SRC_FS_WRITEBACK_H
#define VERS3_SRC_FS_WRITEBACK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct writeback {
	atomic_int pid; /* of the child while it is there, else 0 */
	int64_t until_ns; /* monotonic */
};

/*
 * Starts it, for these inodes (borrowed); where that fails the log is told.
 * Not twice at a time.
 */
void writeback_start(struct writeback *w, const char *mountpoint,
		     const uint64_t *inos, size_t count);
/*
 * Whether a request is the child's, whose process it names: 0 are those whose
 * number we cannot see. Its files and directories have no handle: fh is 0.
 */
bool writeback_is_child(struct writeback *w, pid_t pid);
/* The inode that the child means by a name; 0: none. */
uint64_t writeback_ino(const char *name);
/* Whether it has ended, or its time is over; waits a little for it. */
bool writeback_is_over(struct writeback *w);
/* Ends it, as far as that is possible; does not wait. */
void writeback_end(struct writeback *w);

#endif
