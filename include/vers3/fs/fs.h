/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The FUSE session: decodes the kernel's requests, calls the vfs, and gives
 * each exactly one reply.
 *
 *	call		legal when
 *	fs_new		once the vfs is there
 *	fs_mount	once, after fs_new
 *	fs_run		once, after fs_mount; returns when the mount has ended
 *	fs_unmount	after fs_mount; further calls do nothing
 *	fs_notify_hooks	from fs_new on; the hooks work until fs_free
 *	fs_free		after vfs_free: the vfs calls the hooks until then
 */
#ifndef VERS3_FS_FS_H
#define VERS3_FS_FS_H

#include <stddef.h>
#include <stdint.h>

#include "vers3/fs/signals.h"
#include "vers3/vfs/vfs.h"

struct fs;

/* Strings are copied by fs_new(). */
struct fs_config {
	const char *source; /* what the mount table shows: BUCKET[:PREFIX] */
	const char *mountpoint; /* absolute */
	const char *options; /* further mount options, comma-separated; NULL */
	int64_t ttl_ns; /* how long the kernel may keep attributes */
	unsigned max_threads; /* 0: 64 */
	/* Once, when the kernel has greeted us: the mount is usable. */
	void (*on_ready)(void *ctx);
	void *ctx; /* borrowed */
};

/*
 * Borrows the vfs. 0, -EINVAL for mount options that libfuse does not take,
 * -ENOMEM. On failure reason (size bytes) gets one line.
 */
int fs_new(const struct fs_config *config, struct vfs *vfs, char *reason,
	   size_t size, struct fs **ret_fs);
/* 0, or -EIO with a reason as libfuse gives it. */
int fs_mount(struct fs *fs, char *reason, size_t size);
/*
 * Serves requests until the file system is unmounted or a signal ends it.
 * Attaches itself to signals, and leaves it to the caller to attach what
 * comes next, so that none falls in between. 0 or -errno.
 */
int fs_run(struct fs *fs, struct signals *signals);
/*
 * Unmounts, if it is still mounted; no reply reaches the kernel any more.
 * Waits for reads under way and releases what is still open.
 */
void fs_unmount(struct fs *fs);
/* NULL is fine. */
void fs_free(struct fs *fs);

/* What the vfs calls to make the kernel forget. */
void fs_notify_hooks(struct fs *fs, struct mount_notify *ret_notify);

#endif
