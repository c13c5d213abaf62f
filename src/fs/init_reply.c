/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the functions by which libfuse reads and writes its device. */
#include "init_reply.h"

#include <errno.h>
#include <linux/fuse.h>
#include <sys/uio.h>
#include <unistd.h>

#ifndef FUSE_CAP_HANDLE_KILLPRIV_V2

static ssize_t io_read(int fd, void *buf, size_t size, void *userdata)
{
	(void)userdata;
	return read(fd, buf, size);
}

/* The reply to INIT is the first one; notices have no number. */
static void add_flags(struct ops_context *c, const struct iovec *iov, int count)
{
	const struct fuse_out_header *out = iov[0].iov_base;
	struct fuse_init_out *init;

	if (!out->unique)
		return;
	if (!out->error && count > 1 &&
	    iov[1].iov_len >= FUSE_COMPAT_22_INIT_OUT_SIZE) {
		init = iov[1].iov_base;
		init->flags |= atomic_load(&c->init_flags);
	}
	atomic_store(&c->init_flags, 0);
}

static ssize_t io_writev(int fd, struct iovec *iov, int count, void *userdata)
{
	struct ops_context *c = userdata;

	if (atomic_load(&c->init_flags))
		add_flags(c, iov, count);
	return writev(fd, iov, count);
}

int init_reply_watch(struct ops_context *c)
{
	static const struct fuse_custom_io io = {.read = io_read,
						 .writev = io_writev};
	int rc = fuse_session_custom_io(c->session, &io,
					fuse_session_fd(c->session));

	c->watched = !rc;
	return rc;
}

#else

int init_reply_watch(struct ops_context *c)
{
	(void)c;
	return -ENOTSUP;
}

#endif

bool init_reply_add(struct ops_context *c, uint32_t flags)
{
	if (c->watched)
		atomic_store(&c->init_flags, flags);
	return c->watched;
}
