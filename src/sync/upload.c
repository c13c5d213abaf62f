/* SPDX-License-Identifier: Apache-2.0 */
/* The uploader's life, and what it is told. */
#include "upload_impl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "answered.h"
#include "stream.h"
#include "syncer_impl.h"
#include "vers3/core/link_id.h"
#include "vers3/object/rename_source.h"
#include "vers3/object/sparse.h"
#include "vers3/util/pool.h"
#include "zeros.h"

#define BIG_BUFFERS 4

int uploader_new(struct syncer *s, struct uploader **ret_uploader)
{
	struct uploader *u = calloc(1, sizeof(*u));
	int rc;

	if (!u)
		return -ENOMEM;
	u->s = s;
	u->no_sum = caps_no_whole_sum(s->meta);
	sem_init(&u->big, 0, BIG_BUFFERS);
	rc = pool_new("parts", PART_THREADS, &u->parts);
	if (!rc)
		rc = streams_new(u, &u->streams);
	if (!rc)
		rc = zeros_new(s, &u->zeros);
	if (!rc)
		rc = answered_new(&u->answered);
	if (rc) {
		uploader_end(u);
		uploader_free(u);
		return rc;
	}
	*ret_uploader = u;
	return 0;
}

void uploader_end(struct uploader *u)
{
	pool_free(u->parts);
	u->parts = NULL;
}

const char *uploader_check(struct uploader *u)
{
	int left = 0;

	sem_getvalue(&u->big, &left);
	if (left != BIG_BUFFERS)
		return "uploader: a large buffer is out";
	return streams_check(u->streams);
}

void uploader_free(struct uploader *u)
{
	if (!u)
		return;
	streams_free(u->streams);
	zeros_free(u->zeros);
	answered_free(u->answered);
	sem_destroy(&u->big);
	free(u);
}

void upload_written(struct uploader *u, const struct meta_inode *inode)
{
	streams_written(u->streams, inode);
}

void upload_result_init(struct upload_result *r)
{
	memset(r, 0, sizeof(*r));
	kvlist_init(&r->head);
}

void upload_result_release(struct upload_result *r)
{
	kvlist_release(&r->head);
}

bool upload_is_same(struct uploader *u, const struct meta_inode *inode,
		    const char *path, struct upload_result *ret)
{
	struct objattr_xattrs x = {0};
	struct object_meta want, has;
	bool same;

	object_meta_init(&has);
	same = !object_meta_make(u->s->mount, inode, path, OBJECT_CONTENT_KEPT,
				 &want) &&
	       !object_meta_read(u->s->mount, inode->ino, &has, &x) &&
	       (!has.names ||
		!kvlist_set(&has.meta, LINK_NAMES_META, has.names)) &&
	       (!has.holes || !kvlist_set(&has.meta, SPARSE_META, has.holes)) &&
	       object_meta_same(&want.meta, &has.meta) &&
	       object_meta_same(&want.headers, &has.headers) &&
	       !(want.expire && S_ISREG(inode->mode)) && /* a tag to give */
	       !object_meta_to_head(&want, &ret->head);
	if (same && has.renamed)
		same = !kvlist_set(&ret->head, "x-amz-meta-" RENAMED_META,
				   has.renamed);
	if (same)
		ret->version = inode->base;
	objattr_xattrs_release(&x);
	object_meta_release(&has);
	object_meta_release(&want);
	return same;
}
