/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The virtual file system: what the FUSE operations call.
 *
 * Operations take inode numbers and return 0 or -errno; every one may be
 * called from many threads. Those that may wait for the bucket say so. Three
 * trees stand behind the numbers: the live one (tree.h, dir.h, file.h), the
 * versions view (view.h) and the control file (control.h); vfs.c sends each
 * call to the right one.
 *
 * Lock order: node (file.h) → meta. Neither is held across the network.
 */
#ifndef VERS3_VFS_VFS_H
#define VERS3_VFS_VFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>

#include "vers3/cache/blocks.h"
#include "vers3/cache/space.h"
#include "vers3/cache/staging.h"
#include "vers3/meta/dentry.h"
#include "vers3/meta/inode.h"
#include "vers3/meta/meta.h"
#include "vers3/store/store.h"
#include "vers3/util/buf.h"
#include "vers3/vfs/caps.h"
#include "vers3/vfs/objattr.h"

#define VFS_CONTROL_INO	 UINT64_C(2) /* .control */
#define VFS_VERSIONS_INO UINT64_C(3) /* .versions at the root */
#define VFS_AT_INO	 UINT64_C(4) /* the tree at the instant `at` */
/* Inode numbers of the versions view have this bit set. */
#define VFS_VIEW_BIT (UINT64_C(1) << 62)
/* Their names, if the configuration has no others. */
#define VFS_CONTROL_NAME  ".control"
#define VFS_VERSIONS_NAME ".versions"
/* Objects of our own in the root, that nobody sees (overflow.h). */
#define VFS_OWN_NAME ".vers3"

enum vfs_versions_mode {
	VFS_VERSIONS_HIDDEN,
	VFS_VERSIONS_VISIBLE,
	VFS_VERSIONS_OFF,
	VFS_VERSIONS_PURGE, /* hidden, and versions may be removed */
};

/* Constant after vfs_new(). Strings are borrowed for the vfs's life. */
struct vfs_config {
	const char *bucket;
	const char *prefix; /* "" or ends in '/' */
	const char *cache_dir; /* for those who ask; NULL: none is told */
	struct meta_defaults defaults;
	int64_t ttl_ns; /* how old an answer about names may be */
	/*
	 * How long a list may stay unanswered where older names are known,
	 * which then answer; 0: as long as the store takes.
	 */
	int64_t patience_ns;
	int64_t commit_ns; /* quiet time before a change is sent */
	int64_t save_after_ns; /* of a file that is never quiet; 0: never */
	/* How long requests of a mount that was killed may be under way yet. */
	int64_t settle_ns;
	/* How often states are asked for in the background; 0: not at all. */
	int64_t states_ns;
	bool read_only;
	bool sync; /* close waits for the bucket */
	bool fsync_local;
	uint64_t quota_bytes; /* 0: none */
	uint64_t max_file_bytes; /* no file is made longer; 0: no limit */
	uint64_t copy_max_bytes; /* of one CopyObject; 0: S3's 5 GiB */
	const char *storage_class; /* NULL: the bucket's default */
	enum vfs_versions_mode versions;
	/*
	 * What history and control file are called, and nothing else may be;
	 * NULL: the names above; "" : they are not there.
	 */
	const char *versions_name, *control_name;
	bool versioned; /* the bucket keeps versions */
	bool suspended; /* it did once, or may have */
	struct caps caps; /* what the server can do beside */
	/* The root shows the tree of then, spelled as in .versions; or NULL. */
	const char *at;
	uint64_t list_names_max; /* of a directory listed for one; 0: 20,000 */
	uint64_t view_nodes_max; /* see view_bound.h; 0: its default */
	bool auto_uid; /* new files: the caller's ids, else defaults' */
};

/* Tells the kernel; queued, never blocks. Borrowed strings are copied. */
struct vfs_notify {
	void (*inval_inode)(void *ctx, uint64_t ino);
	void (*inval_entry)(void *ctx, uint64_t parent, const char *name);
	/* Waits a while until the kernel knows; see mount_inval_flush(). */
	void (*flush)(void *ctx);
	/*
	 * Has the kernel write what it holds of an inode, and waits a while for
	 * it: whether it has.
	 */
	bool (*write_back)(void *ctx, uint64_t ino);
	/* Whether the kernel lets nobody change anything: remounted so. */
	bool (*read_only)(void *ctx);
	void *ctx;
	bool forgets; /* what is looked up is forgotten: vfs_forget() */
};

struct reader;
struct syncer;
struct nodes;
struct pool;
struct dirs;
struct view;
struct control;
struct journal;
struct points;
struct pins;
struct bucket_config;
struct purge;
struct states;
struct overflows;

/* The floor's context: made once, its pointers constant while it runs. */
struct vfs {
	struct vfs_config config;
	uint64_t generation; /* of inode numbers: new with the cache */
	int64_t began_ns; /* realtime of the mount */
	int64_t at_ns; /* what config.at spells; 0: the root shows now */
	struct meta *meta; /* borrowed */
	struct blocks *blocks; /* borrowed */
	struct staging *staging; /* borrowed */
	struct space *space; /* borrowed */
	struct store *store; /* borrowed: top of the stack */
	struct store *metrics; /* borrowed: the metrics layer, or NULL */
	struct store *s3; /* borrowed: the last layer, or NULL */
	struct vfs_notify notify; /* set before the session runs */
	struct nodes *nodes; /* owned */
	struct dirs *dirs; /* owned */
	struct reader *reader; /* owned */
	struct pool *rereads; /* owned: reads that begin anew (reread.h) */
	struct syncer *syncer; /* owned */
	struct view *view; /* owned */
	struct control *control; /* owned */
	struct journal *journal; /* owned */
	struct points *points; /* owned */
	struct purge *purge; /* owned */
	struct bucket_config *bucket; /* owned */
	struct pins *pins; /* owned */
	struct states *states; /* owned */
	struct overflows *overflows; /* owned */
};

/* Borrows what config and parts name. Starts the syncer. 0 or -errno. */
struct vfs_parts {
	struct meta *meta;
	struct blocks *blocks;
	struct staging *staging;
	struct space *space;
	struct store *store, *metrics, *s3;
};
int vfs_new(const struct vfs_config *config, const struct vfs_parts *parts,
	    struct vfs **ret_vfs);
/*
 * Sends what is dirty (waits). What fails stays for the next mount and is
 * counted in the return value; -errno when the namespace has failed, so that
 * nothing can be said.
 */
int vfs_drain(struct vfs *v);
void vfs_free(struct vfs *v);

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

/*
 * What waits for the bucket, in whatever call, ends with -EINTR when the
 * cancel that the calling thread stands for is set (cancel.h).
 *
 * May wait for the bucket: lookup, getattr, readdir, open, readlink, xattr.
 */
int vfs_lookup(struct vfs *v, uint64_t parent, const char *name,
	       struct vfs_entry *ret_entry);
int vfs_getattr(struct vfs *v, uint64_t ino, struct stat *ret_st);
/* The same, and whether the file has capabilities (capabilities(7)). */
int vfs_getattr_capable(struct vfs *v, uint64_t ino, struct stat *ret_st,
			bool *ret_capable);
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
int vfs_setattr(struct vfs *v, uint64_t ino, const struct stat *st,
		unsigned set, struct stat *ret_st);
/* target: appended to. */
int vfs_readlink(struct vfs *v, uint64_t ino, struct buf *target);

/* Change the live tree; durable within 50 ms, in the bucket after commit=. */
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
};
int vfs_open(struct vfs *v, uint64_t ino, int flags, struct vfs_file **ret_file,
	     struct vfs_open *ret_how);
int vfs_create(struct vfs *v, uint64_t parent, const char *name, uint32_t mode,
	       int flags, const struct vfs_caller *who,
	       struct vfs_entry *ret_entry, struct vfs_file **ret_file,
	       struct vfs_open *ret_how);
/*
 * done() is called exactly once, perhaps before vfs_read() returns, perhaps
 * later on another thread: error 0 with the bytes (short at the end of the
 * file), valid only during the call, or -errno.
 */
typedef void (*vfs_read_fn)(void *arg, int error, const struct iovec *iov,
			    int count);
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
struct vfs_dirent {
	const char *name;
	uint64_t ino;
	uint32_t mode; /* type bits; 0: not known */
	uint64_t offset; /* readdir goes on after this */
	const struct vfs_entry *entry; /* with plus, else NULL */
};
/* A non-zero return ends the call (the buffer is full) without an error. */
typedef int (*vfs_dirent_fn)(void *ctx, const struct vfs_dirent *d);
int vfs_opendir(struct vfs *v, uint64_t ino, struct vfs_dir **ret_dir);
int vfs_readdir(struct vfs *v, struct vfs_dir *d, uint64_t offset, bool plus,
		vfs_dirent_fn fn, void *ctx);
int vfs_fsyncdir(struct vfs *v, uint64_t ino);
void vfs_releasedir(struct vfs *v, struct vfs_dir *d);

int vfs_statfs(struct vfs *v, struct statvfs *ret_st);

/* value: appended to. -ENODATA, -EOPNOTSUPP for foreign name spaces. */
int vfs_getxattr(struct vfs *v, uint64_t ino, const char *name,
		 struct buf *value);
/* With an access control list: the caller may not keep S_ISGID. */
#define VFS_XATTR_KILL_SGID (1 << 16)
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
