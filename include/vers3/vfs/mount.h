/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What every room needs of the mount: keys and names in it, the server's time,
 * what the kernel is told. None of it waits for the bucket; any lock may be
 * held, but for mount_inval_flush().
 */
#ifndef VERS3_VFS_MOUNT_H
#define VERS3_VFS_MOUNT_H

#include "vers3/vfs/vfs.h"

void mount_stat(const struct meta_inode *in, struct stat *ret_st);
/* The same of one with so many bytes of data; holes take no blocks. */
void mount_stat_data(const struct meta_inode *in, uint64_t data_bytes,
		     struct stat *ret_st);
/* The kernel's copies are stale; nothing where notify is not set. */
void mount_inval_inode(struct vfs *v, uint64_t ino);
void mount_inval_entry(struct vfs *v, uint64_t parent, const char *name);
/* Whether it was mounted for that, and is (mount -o remount,ro). */
bool mount_takes_changes(const struct vfs *v);
/* Whether a name is that of a .versions, of the .control at the root. */
bool mount_is_versions_name(const struct vfs *v, const char *name);
bool mount_is_control_name(const struct vfs *v, const char *name);
/* Whether it is one that names nothing at the root, or none of these files. */
bool mount_is_own_name(const struct vfs *v, const char *name);
/* Whether a path is below one of these at the root: no file's, then. */
bool mount_is_history(const struct vfs *v, const char *path);
/*
 * Waits until the kernel knows of the invalidations so far, for a second at
 * most. Only from a request that holds no directory: a write, say.
 */
void mount_inval_flush(struct vfs *v);
/* A name's path in the directory at path `dir`: 0 or -ENAMETOOLONG. */
int mount_child_path(const char *dir, const char *name, char *buf);
/*
 * Now by the server's clock, which is the one that versions are dated by. It
 * is known to a second and the time of an answer: so much is no difference.
 */
int64_t mount_server_now_ns(struct vfs *v);
/* Whole object key: prefix + path; buf of META_KEY_MAX + 1 bytes. */
int mount_key(const struct vfs *v, const char *path, char *buf);

#endif
