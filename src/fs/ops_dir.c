/* SPDX-License-Identifier: Apache-2.0 */
/* Operations on open directories. */
#include "ops.h"

#include <errno.h>
#include <stdlib.h>

static void drop_handle(struct ops_context *c, struct handle *handle)
{
	struct vfs_dir *d = handle->dir;

	handles_del(&c->handles, handle);
	vfs_releasedir(c->vfs, d);
}

void ops_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct interrupt turn;
	struct ops_context *c = ops_context(req);
	struct handle *handle = NULL;
	struct vfs_dir *d = NULL;
	int rc;

	ops_begin(req, &turn);
	rc = vfs_opendir(c->vfs, ino, &d);
	ops_end(&turn);
	if (!rc) {
		handle = handles_add(&c->handles, NULL, d, 0);
		if (!handle) {
			vfs_releasedir(c->vfs, d);
			rc = -ENOMEM;
		}
	}
	if (rc) {
		fuse_reply_err(req, -rc);
		return;
	}
	fi->fh = (uintptr_t)handle;
	if (fuse_reply_open(req, fi))
		drop_handle(c, handle); /* it was interrupted */
}

/* One reply of readdir as it grows. */
struct listing {
	fuse_req_t req; /* borrowed */
	char *data; /* owned */
	size_t len, size;
	bool plus;
};

static int add_entry(void *ctx, const struct vfs_dirent *d)
{
	struct listing *l = ctx;
	char *at = l->data + l->len;
	size_t room = l->size - l->len;
	struct fuse_entry_param e = {.ino = 0};
	size_t need;

	if (d->entry)
		e = ops_entry(l->req, d->entry);
	/* An entry without attributes counts as not looked up (ino 0). */
	e.attr.st_ino = d->ino;
	if (!d->entry)
		e.attr.st_mode = d->mode;
	if (l->plus)
		need = fuse_add_direntry_plus(l->req, at, room, d->name, &e,
					      (off_t)d->offset);
	else
		need = fuse_add_direntry(l->req, at, room, d->name, &e.attr,
					 (off_t)d->offset);
	if (need > room)
		return 1;
	l->len += need;
	return 0;
}

static void read_directory(fuse_req_t req, size_t size, off_t offset,
			   struct fuse_file_info *fi, bool plus)
{
	struct interrupt turn;
	struct listing l = {.req = req, .size = size, .plus = plus};
	int rc;

	l.data = malloc(size);
	if (!l.data) {
		fuse_reply_err(req, ENOMEM);
		return;
	}
	ops_begin(req, &turn);
	rc = vfs_readdir(ops_vfs(req), ops_handle(fi)->dir, (uint64_t)offset,
			 plus, add_entry, &l);
	ops_end(&turn);
	/* What came before an error is given; the next call meets it again. */
	if (rc && !l.len)
		fuse_reply_err(req, -rc);
	else
		fuse_reply_buf(req, l.data, l.len);
	free(l.data);
}

void ops_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
		 struct fuse_file_info *fi)
{
	(void)ino;
	read_directory(req, size, offset, fi, false);
}

void ops_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
		     struct fuse_file_info *fi)
{
	(void)ino;
	read_directory(req, size, offset, fi, true);
}

void ops_fsyncdir(fuse_req_t req, fuse_ino_t ino, int datasync,
		  struct fuse_file_info *fi)
{
	struct interrupt turn;
	int rc;

	(void)datasync;
	(void)fi;
	ops_begin(req, &turn);
	rc = vfs_fsyncdir(ops_vfs(req), ino);
	ops_end(&turn);
	fuse_reply_err(req, -rc);
}

void ops_releasedir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	(void)ino;
	drop_handle(ops_context(req), ops_handle(fi));
	fuse_reply_err(req, 0);
}
