/* SPDX-License-Identifier: Apache-2.0 */
/* Operations on open files. */
#include "ops.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "setid.h"
#include "vers3/util/control_ioctl.h"

static struct vfs_file *file_of(const struct fuse_file_info *fi)
{
	return ops_handle(fi)->file;
}

/* Makes the handle of an open file; releases the file if it cannot. */
static int fill_info(fuse_req_t req, uint64_t ino, struct fuse_file_info *fi,
		     struct vfs_file *f, const struct vfs_open *how)
{
	bool reads = (fi->flags & O_ACCMODE) == O_RDONLY;
	struct handle *handle =
		handles_add(ops_handles(req), f, NULL, reads ? 0 : ino);

	if (!handle) {
		vfs_release(ops_vfs(req), f);
		return -ENOMEM;
	}
	fi->fh = (uintptr_t)handle;
	fi->keep_cache = how->keep_cache;
	fi->direct_io = how->direct;
	/*
	 * What is mapped for writing is opened for both; the kernel hands its
	 * pages over at a close only if that has a FLUSH.
	 */
	fi->noflush = how->no_flush && (fi->flags & O_ACCMODE) != O_RDWR;
	return 0;
}

static void drop_handle(struct ops_context *c, struct handle *handle)
{
	struct vfs_file *f = handle->file;

	handles_del(&c->handles, handle);
	vfs_release(c->vfs, f);
}

void ops_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct interrupt turn;
	struct ops_context *c = ops_context(req);
	struct vfs_open how = {.keep_cache = false};
	struct vfs_file *f = NULL;
	int rc = 0;

	/* It only has the kernel write what it has of the file. */
	if (writeback_is_child(&c->writeback, fuse_req_ctx(req)->pid)) {
		fi->fh = 0;
		fi->keep_cache = 1;
		fuse_reply_open(req, fi);
		return;
	}
	ops_begin(req, &turn);
	if (fi->flags & O_TRUNC)
		rc = setid_open(req, ino);
	if (!rc)
		rc = vfs_open(c->vfs, ino, fi->flags, &f, &how);
	ops_end(&turn);
	if (!rc)
		rc = fill_info(req, ino, fi, f, &how);
	if (rc)
		fuse_reply_err(req, -rc);
	else if (fuse_reply_open(req, fi))
		drop_handle(c, ops_handle(fi)); /* it was interrupted */
}

void ops_create(fuse_req_t req, fuse_ino_t parent, const char *name,
		mode_t mode, struct fuse_file_info *fi)
{
	struct interrupt turn;
	struct ops_context *c = ops_context(req);
	struct vfs_caller who = ops_caller(req);
	struct vfs_open how = {.keep_cache = false};
	struct vfs_file *f = NULL;
	struct vfs_entry entry;
	struct fuse_entry_param e;
	int rc;

	ops_begin(req, &turn);
	rc = vfs_create(c->vfs, parent, name, mode, fi->flags, &who, &entry, &f,
			&how);
	ops_end(&turn);
	if (!rc)
		rc = fill_info(req, entry.ino, fi, f, &how);
	if (rc) {
		fuse_reply_err(req, -rc);
		return;
	}
	e = ops_entry(req, &entry);
	if (fuse_reply_create(req, &e, fi))
		drop_handle(c, ops_handle(fi));
}

/* A read, from the request to its answer. */
struct read_turn {
	struct interrupt turn;
	fuse_req_t req; /* borrowed */
};

/* May come on any thread, so it goes through the gate. */
static void read_done(void *arg, int error, const struct iovec *iov, int count)
{
	struct read_turn *r = arg;
	fuse_req_t req = r->req;
	struct ops_context *c = ops_context(req);

	interrupt_end(&r->turn);
	free(r);
	pthread_rwlock_rdlock(&c->gate);
	if (c->closed)
		fuse_reply_none(req);
	else if (error)
		fuse_reply_err(req, -error);
	else
		fuse_reply_iov(req, iov, count);
	pthread_rwlock_unlock(&c->gate);
	handles_end_read(&c->handles);
}

void ops_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
	      struct fuse_file_info *fi)
{
	struct read_turn *r = malloc(sizeof(*r));

	(void)ino;
	if (!r) {
		fuse_reply_err(req, ENOMEM);
		return;
	}
	handles_begin_read(ops_handles(req));
	r->req = req;
	ops_begin(req, &r->turn);
	vfs_read(ops_vfs(req), file_of(fi), (uint64_t)offset, size, read_done,
		 r);
	cancel_enter(NULL);
}

void ops_write(fuse_req_t req, fuse_ino_t ino, const char *data, size_t size,
	       off_t offset, struct fuse_file_info *fi)
{
	struct interrupt turn;
	int rc = 0;

	/*
	 * What memory maps wrote comes later, in nobody's name, and also when
	 * the session ends: then it is the last time that it can.
	 */
	interrupt_begin(&turn, ops_context(req)->interrupts, req,
			fi->writepage);
	cancel_enter(&turn.cancel);
	if (!fi->writepage)
		rc = setid_content(req, ino);
	if (!rc)
		rc = vfs_write(ops_vfs(req), file_of(fi), (uint64_t)offset,
			       data, size);
	ops_end(&turn);
	if (rc)
		fuse_reply_err(req, -rc);
	else
		fuse_reply_write(req, size);
}

void ops_flush(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct interrupt turn;
	int rc;

	(void)ino;
	if (!fi->fh) {
		fuse_reply_err(req, 0);
		return;
	}
	ops_begin(req, &turn);
	rc = vfs_flush(ops_vfs(req), file_of(fi));
	ops_end(&turn);
	fuse_reply_err(req, -rc);
}

void ops_fsync(fuse_req_t req, fuse_ino_t ino, int datasync,
	       struct fuse_file_info *fi)
{
	struct interrupt turn;
	int rc;

	(void)ino;
	(void)datasync; /* an object has its data and attributes in one */
	/* The end of the mount will see to the rest. */
	if (!fi->fh) {
		fuse_reply_err(req, 0);
		return;
	}
	ops_begin(req, &turn);
	rc = vfs_fsync(ops_vfs(req), file_of(fi));
	ops_end(&turn);
	fuse_reply_err(req, -rc);
}

void ops_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	(void)ino;
	if (fi->fh)
		drop_handle(ops_context(req), ops_handle(fi));
	fuse_reply_err(req, 0);
}

void ops_fallocate(fuse_req_t req, fuse_ino_t ino, int mode, off_t offset,
		   off_t length, struct fuse_file_info *fi)
{
	struct interrupt turn;
	int rc;

	ops_begin(req, &turn);
	rc = setid_content(req, ino);
	if (!rc)
		rc = vfs_fallocate(ops_vfs(req), file_of(fi), mode,
				   (uint64_t)offset, (uint64_t)length);
	ops_end(&turn);
	fuse_reply_err(req, -rc);
}

void ops_ioctl(fuse_req_t req, fuse_ino_t ino, unsigned cmd, void *arg,
	       struct fuse_file_info *fi, unsigned flags, const void *in,
	       size_t in_size, size_t out_size)
{
	const struct control_ioctl_line *line = in;
	struct interrupt turn;
	int rc = -ENOTTY;

	(void)ino;
	(void)arg;
	(void)out_size;
	if (cmd == CONTROL_IOCTL_LINE && !(flags & FUSE_IOCTL_DIR)) {
		rc = -EINVAL;
		ops_begin(req, &turn);
		if (in_size == sizeof(*line) &&
		    memchr(line->text, '\0', sizeof(line->text)))
			rc = vfs_command(ops_vfs(req), file_of(fi), line->text);
		ops_end(&turn);
	}
	if (rc)
		fuse_reply_err(req, -rc);
	else
		fuse_reply_ioctl(req, 0, NULL, 0);
}

void ops_lseek(fuse_req_t req, fuse_ino_t ino, off_t offset, int whence,
	       struct fuse_file_info *fi)
{
	struct interrupt turn;
	uint64_t found = 0;
	int rc;

	(void)ino;
	ops_begin(req, &turn);
	rc = vfs_lseek(ops_vfs(req), file_of(fi), (uint64_t)offset, whence,
		       &found);
	ops_end(&turn);
	if (rc)
		fuse_reply_err(req, -rc);
	else
		fuse_reply_lseek(req, (off_t)found);
}

void ops_copy_file_range(fuse_req_t req, fuse_ino_t ino_in, off_t offset_in,
			 struct fuse_file_info *fi_in, fuse_ino_t ino_out,
			 off_t offset_out, struct fuse_file_info *fi_out,
			 size_t size, int flags)
{
	struct interrupt turn;
	size_t copied = 0;
	int rc = -EINVAL;

	(void)ino_in;
	ops_begin(req, &turn);
	if (!flags)
		rc = setid_content(req, ino_out);
	if (!rc)
		rc = vfs_copy_range(ops_vfs(req), file_of(fi_in),
				    (uint64_t)offset_in, file_of(fi_out),
				    (uint64_t)offset_out, size, &copied);
	ops_end(&turn);
	if (rc)
		fuse_reply_err(req, -rc);
	else
		fuse_reply_write(req, copied);
}
