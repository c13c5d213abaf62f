/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the operations of FUSE take and give, whichever room answers them.
 *
 * Types only. Times to live in ns; pointers are borrowed for the call that they
 * are given to.
 */
#ifndef VERS3_CORE_ENTRY_H
#define VERS3_CORE_ENTRY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/uio.h>

struct vfs_entry {
	uint64_t ino;
	struct stat st;
	int64_t ttl_ns; /* how long the kernel may keep it */
};

/* Who asks. */
struct vfs_caller {
	uint32_t uid, gid, umask; /* umask: vfs applies it */
	int32_t pid;
};

enum vfs_setattr {
	VFS_SET_MODE = 1 << 0,
	VFS_SET_UID = 1 << 1,
	VFS_SET_GID = 1 << 2,
	VFS_SET_SIZE = 1 << 3,
	VFS_SET_ATIME = 1 << 4,
	VFS_SET_MTIME = 1 << 5,
	VFS_SET_ATIME_NOW = 1 << 6,
	VFS_SET_MTIME_NOW = 1 << 7,
};
/*
 * done() is called exactly once, perhaps before vfs_read() returns, perhaps
 * later on another thread: error 0 with the bytes (short at the end of the
 * file), valid only during the call, or -errno.
 */
typedef void (*vfs_read_fn)(void *arg, int error, const struct iovec *iov,
			    int count);
struct vfs_dirent {
	const char *name;
	uint64_t ino;
	uint32_t mode; /* type bits; 0: not known */
	uint64_t offset; /* readdir goes on after this */
	const struct vfs_entry *entry; /* with plus, else NULL */
};
/* A non-zero return ends the call (the buffer is full) without an error. */
typedef int (*vfs_dirent_fn)(void *ctx, const struct vfs_dirent *d);
/* With an access control list: the caller may not keep S_ISGID. */
#define VFS_XATTR_KILL_SGID (1 << 16)

#endif
