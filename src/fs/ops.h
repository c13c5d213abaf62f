/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The operations table: ops.c names and attributes, ops_file.c open files,
 * ops_dir.c open directories, ops_entry.c what all three take and give.
 *
 * Each operation ends in exactly one fuse_reply_*(). Inode numbers are
 * stable and never used twice, so the kernel's lookup counts need not be
 * kept, nor undone when a reply does not arrive. An open file or directory
 * whose reply does not arrive is released at once: the kernel will not.
 */
#ifndef VERS3_SRC_FS_OPS_H
#define VERS3_SRC_FS_OPS_H

/* The API of libfuse 3.14, Debian 12's; later ones still provide it. */
#ifndef FUSE_USE_VERSION
#define FUSE_USE_VERSION 314
#endif

#include <fuse_lowlevel.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "handles.h"
#include "interrupt.h"
#include "writeback.h"

#include "vers3/util/clock.h"

/* The session's user data. */
struct ops_context {
	struct vfs *vfs; /* borrowed */
	int64_t ttl_ns;
	struct fuse_session *session; /* borrowed */
	bool can_expire; /* set by INIT: see expire_entry() in fs.c */
	bool clears_setid; /* set by INIT: see setid.h */
	unsigned proto_major, proto_minor; /* likewise: the kernel's FUSE */
	unsigned lacks; /* likewise: FUSE_CAP_ that is wanted, and not there */
	bool watched; /* see init_reply.h; set before INIT */
	atomic_uint init_flags; /* to be added to the reply to INIT */
	void (*on_ready)(void *ctx); /* may be NULL */
	void *ready_ctx; /* borrowed */
	/*
	 * Replies that come from threads other than the session's own hold
	 * the gate for reading. Once it is closed they are dropped: the
	 * session's descriptor is gone, and its number may name another file.
	 */
	pthread_rwlock_t gate;
	bool closed; /* protected by gate */
	struct handles handles;
	struct interrupts *interrupts; /* owned by the session's owner */
	struct writeback writeback;
};

extern const struct fuse_lowlevel_ops ops_table;

/* See struct mount_notify; once INIT has come. */
void ops_features(const struct ops_context *c, char *agreed, char *lacks,
		  size_t size);

static inline struct ops_context *ops_context(fuse_req_t req)
{
	return fuse_req_userdata(req);
}

static inline struct handles *ops_handles(fuse_req_t req)
{
	return &ops_context(req)->handles;
}

static inline struct handle *ops_handle(const struct fuse_file_info *fi)
{
	return (struct handle *)(uintptr_t)fi->fh;
}

static inline struct vfs *ops_vfs(fuse_req_t req)
{
	return ops_context(req)->vfs;
}

/*
 * Around what may wait for the bucket: its caller may be killed, or the
 * session end. To be ended before the reply.
 */
static inline void ops_begin(fuse_req_t req, struct interrupt *i)
{
	interrupt_begin(i, ops_context(req)->interrupts, req, false);
	cancel_enter(&i->cancel);
}

static inline void ops_end(struct interrupt *i)
{
	cancel_enter(NULL);
	interrupt_end(i);
}

static inline double ops_seconds(int64_t ns)
{
	return (double)ns / (double)NS_PER_S;
}

/* ops_entry.c */
struct vfs_caller ops_caller(fuse_req_t req);
/* An entry as the kernel wants it. */
struct fuse_entry_param ops_entry(fuse_req_t req,
				  const struct vfs_entry *entry);

/* ops_file.c */
void ops_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void ops_create(fuse_req_t req, fuse_ino_t parent, const char *name,
		mode_t mode, struct fuse_file_info *fi);
void ops_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
	      struct fuse_file_info *fi);
void ops_write(fuse_req_t req, fuse_ino_t ino, const char *data, size_t size,
	       off_t offset, struct fuse_file_info *fi);
void ops_flush(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void ops_fsync(fuse_req_t req, fuse_ino_t ino, int datasync,
	       struct fuse_file_info *fi);
void ops_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void ops_ioctl(fuse_req_t req, fuse_ino_t ino, unsigned cmd, void *arg,
	       struct fuse_file_info *fi, unsigned flags, const void *in,
	       size_t in_size, size_t out_size);
void ops_fallocate(fuse_req_t req, fuse_ino_t ino, int mode, off_t offset,
		   off_t length, struct fuse_file_info *fi);
void ops_lseek(fuse_req_t req, fuse_ino_t ino, off_t offset, int whence,
	       struct fuse_file_info *fi);
void ops_copy_file_range(fuse_req_t req, fuse_ino_t ino_in, off_t offset_in,
			 struct fuse_file_info *fi_in, fuse_ino_t ino_out,
			 off_t offset_out, struct fuse_file_info *fi_out,
			 size_t size, int flags);

/* ops_dir.c */
void ops_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void ops_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
		 struct fuse_file_info *fi);
void ops_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
		     struct fuse_file_info *fi);
void ops_fsyncdir(fuse_req_t req, fuse_ino_t ino, int datasync,
		  struct fuse_file_info *fi);
void ops_releasedir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);

#endif
