/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hands a read that found its base gone to a pool, whose thread waits there
 * and begins anew.
 */
#include "vers3/tree/reread.h"

#include <errno.h>
#include <stdlib.h>

#include "tree_impl.h"
#include "vers3/tree/content.h"
#include "vers3/util/cancel.h"
#include "vers3/util/pool.h"

#define THREADS 8

struct reread {
	struct tree *tree; /* borrowed */
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
			 ? content_read(r->tree, r->node, r->offset,
					iov.iov_base, r->size, &iov.iov_len)
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
	    pool_submit(r->tree->rereads, run, r) != 0)
		end(r, error, iov, count);
}

void reread_begin(struct tree *tree, struct node *node,
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
		.tree = tree,
		.node = node,
		.cancel = cancel_current(),
		.offset = offset,
		.size = size,
		.done = done,
		.arg = arg,
	};
	reader_read(tree->reader, version, stream, offset, size, read_done, r);
}
