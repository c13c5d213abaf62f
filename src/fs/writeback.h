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
 * by names with a secret, and what it asks is answered without a look at the
 * bucket, which may hang.
 *
 * The number that fork(2) gave us does not tell its requests from others': the
 * kernel counts as the mount's own pid namespace does, in which the process of
 * that number may be somebody else. Whoever knows the secret is the child. One
 * that has no number there is served as others are.
 */
#ifndef VERS3_SRC_FS_WRITEBACK_H
#define VERS3_SRC_FS_WRITEBACK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define WRITEBACK_SECRET_SIZE 16

struct writeback {
	atomic_int pid; /* of the child while it is there, else 0 */
	atomic_int seen; /* what its requests say; 0: it has made none */
	char secret[2 * WRITEBACK_SECRET_SIZE + 1]; /* constant while pid is */
	int64_t until_ns; /* monotonic */
};

/*
 * Starts it, for these inodes (borrowed), if there are any; where that fails
 * the log is told. Not twice at a time.
 */
void writeback_start(struct writeback *w, const char *mountpoint,
		     const uint64_t *inos, size_t count);
/*
 * The inode that the child means by a name, which the process pid has asked
 * for; 0: it is none of the child's. From then on that process is the child.
 */
uint64_t writeback_ino(struct writeback *w, const char *name, pid_t pid);
/*
 * Whether a request is the child's, whose process it names: 0 are those whose
 * number we cannot see. Its files have no handle: fh is 0.
 */
bool writeback_is_child(struct writeback *w, pid_t pid);
/* Whether it has ended, or its time is over; waits a little for it. */
bool writeback_is_over(struct writeback *w);
/* Ends it, as far as that is possible; does not wait. */
void writeback_end(struct writeback *w);

#endif
