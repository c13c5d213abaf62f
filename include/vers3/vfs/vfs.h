/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The virtual file system: what the FUSE operations call.
 *
 * Operations take inode numbers and return 0 or -errno; every one may be
 * called from many threads. Those that may wait for the bucket say so. Three
 * trees stand behind the numbers: the live one (tree.h, dir.h, content.h), the
 * versions view (view.h) and the control file (control.h); vfs.c sends each
 * call to the right one.
 *
 * Lock order: node (node.h) → meta. Neither is held across the network.
 *
 * Strings are borrowed for the call, buffers the caller's; an open file or
 * directory is the caller's until its release. Offsets and sizes in bytes,
 * times in ns. Errors are what the system call of that name has (POSIX, Linux
 * man pages).
 */
#ifndef VERS3_VFS_VFS_H
#define VERS3_VFS_VFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>

#include "vers3/core/entry.h"
#include "vers3/core/mount.h"

struct vfs;

/* Borrows what config and parts name. Starts the syncer. 0 or -errno. */
int vfs_new(const struct mount_config *config, const struct mount_parts *parts,
	    struct vfs **ret_vfs);
/*
 * Sends what is dirty (waits). What fails stays for the next mount and is
 * counted in the return value; -errno when the namespace has failed, so that
 * nothing can be said.
 */
int vfs_drain(struct vfs *v);
void vfs_free(struct vfs *v);
/* Tells the kernel from now on; before the session runs. Copied. */
void vfs_set_notify(struct vfs *v, const struct mount_notify *notify);
/* Of inode numbers: new with the cache. */
uint64_t vfs_generation(const struct vfs *v);

/*
 * What waits for the bucket, in whatever call, ends with -EINTR when the
 * cancel that the calling thread stands for is set (cancel.h).
 *
 * May wait for the bucket: lookup, getattr, readdir, open, readlink, xattr.
 */
int vfs_lookup(struct vfs *v, uint64_t parent, const char *name,
	       struct vfs_entry *ret_entry);
int vfs_getattr(struct vfs *v, uint64_t ino, struct stat *ret_st);
/* Its mode alone, and whether the file has capabilities (capabilities(7)). */
int vfs_privileges(struct vfs *v, uint64_t ino, mode_t *ret_mode,
		   bool *ret_capable);
/*
 * What is known of a file without asking the bucket, whatever its age. -ENOENT
 * where there is none, or it is one of the history.
 */
int vfs_known_attr(struct vfs *v, uint64_t ino, struct stat *ret_st);
/*
 * The kernel knows these inodes no more. Those without a name, which were kept
 * for it, go. Does not wait for the bucket.
 */
void vfs_forget(struct vfs *v, const uint64_t *inos, size_t count);
/*
 * How long the kernel may keep attributes that were given now with a time to
 * live. Not at all those that history has from a live directory: after a
 * chmod of that one they must not let anybody in.
 */
int64_t vfs_attr_ttl_ns(struct vfs *v, uint64_t ino, const struct stat *st,
			int64_t ttl_ns);
/* The directory that a directory is in, the root's being itself. */
int vfs_parent(struct vfs *v, uint64_t ino, struct vfs_entry *ret_entry);

int vfs_setattr(struct vfs *v, uint64_t ino, const struct stat *st,
		unsigned set, struct stat *ret_st);
/* target: appended to. */
int vfs_readlink(struct vfs *v, uint64_t ino, struct buf *target);

/* Change the live tree; durable within 50 ms, in the bucket a while later. */
int vfs_mknod(struct vfs *v, uint64_t parent, const char *name, uint32_t mode,
	      uint64_t rdev, const struct vfs_caller *who,
	      struct vfs_entry *ret_entry);
int vfs_mkdir(struct vfs *v, uint64_t parent, const char *name, uint32_t mode,
	      const struct vfs_caller *who, struct vfs_entry *ret_entry);
int vfs_symlink(struct vfs *v, uint64_t parent, const char *name,
		const char *target, const struct vfs_caller *who,
		struct vfs_entry *ret_entry);
int vfs_link(struct vfs *v, uint64_t ino, uint64_t parent, const char *name,
	     struct vfs_entry *ret_entry);
int vfs_unlink(struct vfs *v, uint64_t parent, const char *name);
int vfs_rmdir(struct vfs *v, uint64_t parent, const char *name);
/* flags: 0, RENAME_NOREPLACE or RENAME_EXCHANGE (renameat2(2)). */
int vfs_rename(struct vfs *v, uint64_t parent, const char *name,
	       uint64_t new_parent, const char *new_name, unsigned flags);

/* An open file. */
struct vfs_file;
struct vfs_open {
	bool keep_cache; /* the kernel's pages are still right */
	bool direct; /* no page cache (the control file) */
	bool no_flush; /* vfs_flush() has nothing to do at a close */
};
int vfs_open(struct vfs *v, uint64_t ino, int flags, struct vfs_file **ret_file,
	     struct vfs_open *ret_how);
int vfs_create(struct vfs *v, uint64_t parent, const char *name, uint32_t mode,
	       int flags, const struct vfs_caller *who,
	       struct vfs_entry *ret_entry, struct vfs_file **ret_file,
	       struct vfs_open *ret_how);
void vfs_read(struct vfs *v, struct vfs_file *f, uint64_t offset, size_t size,
	      vfs_read_fn done, void *arg);
/* Ends the reads whose cancel (cancel.h) is set; other calls see it alone. */
void vfs_give_up_reads(struct vfs *v);
int vfs_write(struct vfs *v, struct vfs_file *f, uint64_t offset,
	      const void *data, size_t size);
int vfs_flush(struct vfs *v, struct vfs_file *f);
int vfs_fsync(struct vfs *v, struct vfs_file *f);
void vfs_release(struct vfs *v, struct vfs_file *f);
/*
 * Has one line (without its newline) carried out by the control file, open in
 * whatever way; the answer is read from it. -ENOTTY: it is another file.
 */
int vfs_command(struct vfs *v, struct vfs_file *f, const char *line);
/* mode as in fallocate(2): 0, KEEP_SIZE, PUNCH_HOLE, ZERO_RANGE. */
int vfs_fallocate(struct vfs *v, struct vfs_file *f, int mode, uint64_t offset,
		  uint64_t length);
/* whence: SEEK_DATA or SEEK_HOLE. */
int vfs_lseek(struct vfs *v, struct vfs_file *f, uint64_t offset, int whence,
	      uint64_t *ret_offset);
int vfs_copy_range(struct vfs *v, struct vfs_file *in, uint64_t in_offset,
		   struct vfs_file *out, uint64_t out_offset, size_t size,
		   size_t *ret_copied);

/* An open directory. */
struct vfs_dir;
int vfs_opendir(struct vfs *v, uint64_t ino, struct vfs_dir **ret_dir);
int vfs_readdir(struct vfs *v, struct vfs_dir *d, uint64_t offset, bool plus,
		vfs_dirent_fn fn, void *ctx);
int vfs_fsyncdir(struct vfs *v, uint64_t ino);
void vfs_releasedir(struct vfs *v, struct vfs_dir *d);

int vfs_statfs(struct vfs *v, struct statvfs *ret_st);

/* value: appended to. -ENODATA, -EOPNOTSUPP for foreign name spaces. */
int vfs_getxattr(struct vfs *v, uint64_t ino, const char *name,
		 struct buf *value);
/*
 * flags: XATTR_CREATE, XATTR_REPLACE, VFS_XATTR_KILL_SGID. -ENOSPC beyond 64
 * KiB of all values of a file, -EOPNOTSUPP for foreign name spaces, -EIO where
 * what the object has cannot be read.
 */
int vfs_setxattr(struct vfs *v, uint64_t ino, const char *name,
		 const void *value, size_t size, int flags);
/* names: NUL-ended names one after the other. */
int vfs_listxattr(struct vfs *v, uint64_t ino, struct buf *names);
int vfs_removexattr(struct vfs *v, uint64_t ino, const char *name);

#endif
