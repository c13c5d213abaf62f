/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the lock file of a cache directory says: the process that holds it, or
 * did, what that is doing or how it ended, and an identity. Two lines, "PID
 * STATE" and the identity, which has no line feed.
 */
#ifndef VERS3_UTIL_LOCK_RECORD_H
#define VERS3_UTIL_LOCK_RECORD_H

#define LOCK_RECORD_NAME "lock"
#define LOCK_RECORD_MAX	 8192

#define LOCK_MOUNTED "mounted"
#define LOCK_ENDING  "ending"
#define LOCK_SENT    "sent" /* it has ended, and nothing is left */
#define LOCK_LEFT    "left"

struct lock_record {
	long pid; /* 0: nothing was read */
	char state[16]; /* LOCK_* */
	char identity[LOCK_RECORD_MAX];
};

/* 0; -ENOENT: it says nothing. */
int lock_record_read_fd(int fd, struct lock_record *ret);
/* Of a directory. 0 or -errno. */
int lock_record_read(const char *path, struct lock_record *ret);
int lock_record_write(int fd, const char *state, const char *identity);
/*
 * What a daemon that has ended has noted: 1 all is in the bucket, 0 something
 * is left, or it was killed before it said so; -ENOENT when another one has
 * come since, -errno when that cannot be read.
 */
int lock_record_outcome(const char *path, long pid);

#endif
