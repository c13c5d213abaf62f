/* SPDX-License-Identifier: Apache-2.0 */
#include "reread.h"

#include <errno.h>
#include <stdlib.h>

#include "vers3/meta/dirty.h"
#include "vers3/util/cancel.h"
#include "vers3/util/pool.h"
#include "vers3/vfs/content.h"
#include "vers3/vfs/version.h"

#define THREADS	     8
#define PAUSE_NS     (2 * NS_PER_MS) /* doubled from look to look, up to */
#define PAUSE_MAX_NS (100 * NS_PER_MS)

struct reread {
	struct vfs *v; /* borrowed */
	struct node *node; /* borrowed; NULL: of a version */
	struct cancel *cancel; /* borrowed: whom the read is for */
	uint64_t offset;
	size_t size;
	vfs_read_fn done;
	void *arg;
};

int rereads_new(struct pool **ret_pool)
{
	return pool_new("reread", THREADS, ret_pool);
}

/*
 * Whether the inode has another base by now: 0. -EAGAIN while a request of
 * ours is out that may have replaced the old one: before it goes out its key's
 * record says so, and what it made is noted there and in the inode as one.
 */
static int look(struct vfs *v, uint64_t ino, const struct meta_version *lost)
{
	struct meta_inode in;
	struct meta_dirty d;
	int rc = meta_lock(v->meta);

	if (rc)
		return rc;
	rc = meta_inode_get(v->meta, ino, &in);
	if (!rc && version_is_same(&in.base, lost)) {
		rc = meta_dirty_get(v->meta, lost->key, &d);
		if (!rc)
			rc = d.tried[0] ? -EAGAIN : -EIO;
	}
	meta_unlock(v->meta);
	return rc == -ENOENT ? -EIO : rc;
}

int reread_wait(struct vfs *v, uint64_t ino, const struct meta_version *lost,
		int64_t until)
{
	int64_t pause = PAUSE_NS;
	int rc;

	if (clock_mono_ns() >= until)
		return -EIO;
	while ((rc = look(v, ino, lost)) == -EAGAIN) {
		if (clock_mono_ns() >= until)
			return -EIO;
		rc = cancel_sleep(pause);
		if (rc)
			break;
		pause = pause * 2 < PAUSE_MAX_NS ? pause * 2 : PAUSE_MAX_NS;
	}
	return rc;
}

static void end(struct reread *r, int error, const struct iovec *iov, int count)
{
	vfs_read_fn done = r->done;
	void *arg = r->arg;

	free(r);
	done(arg, error == -ESTALE ? -EIO : error, iov, count);
}

static void run(void *arg)
{
	struct reread *r = arg;
	struct iovec iov = {malloc(r->size ? r->size : 1), 0};
	struct cancel *before = cancel_enter(r->cancel);
	int rc = iov.iov_base
			 ? content_read(r->v, r->node, r->offset, iov.iov_base,
					r->size, &iov.iov_len)
			 : -ENOMEM;

	cancel_enter(before);
	end(r, rc, &iov, rc ? 0 : 1);
	free(iov.iov_base);
}

/* Reply threads are few: what may have to wait is not done on one of them. */
static void read_done(void *arg, int error, const struct iovec *iov, int count)
{
	struct reread *r = arg;

	if (error != -ESTALE || !r->node ||
	    pool_submit(r->v->rereads, run, r) != 0)
		end(r, error, iov, count);
}

void reread_begin(struct vfs *v, struct node *n,
		  const struct meta_version *version,
		  struct reader_stream *stream, uint64_t offset, size_t size,
		  vfs_read_fn done, void *arg)
{
	struct reread *r = malloc(sizeof(*r));

	if (!r) {
		done(arg, -ENOMEM, NULL, 0);
		return;
	}
	*r = (struct reread){
		.v = v,
		.node = n,
		.cancel = cancel_current(),
		.offset = offset,
		.size = size,
		.done = done,
		.arg = arg,
	};
	reader_read(v->reader, version, stream, offset, size, read_done, r);
}
