/* SPDX-License-Identifier: Apache-2.0 */
/* What the kernel is told of a node: its attributes, as it may have them. */
#include <string.h>

#include "vers3/core/stat.h"
#include "vers3/util/pool.h"
#include "view_node.h"

#define WIDTH 32 /* requests at once */

/* Whether S3 keeps attributes for it. */
static bool has_attrs(const struct view_node *n)
{
	if (n->kind == VIEW_PAST_DIR)
		return n->version.version_id[0] || n->version.etag[0];
	return n->kind == VIEW_VERSION || n->kind == VIEW_PAST_FILE;
}

int view_node_attrs(struct view *view, uint64_t ino, struct view_node *n)
{
	int rc;

	if (n->kind == VIEW_NAME || n->kind == VIEW_GMT)
		return view_guard(view, n);
	if (n->known || n->kind == VIEW_MARKER)
		return 0;
	rc = has_attrs(n) ? view_node_ask_version(view, n)
			  : view_guard(view, n);
	if (!rc && n->known)
		rc = view_node_put(view, ino, n);
	return rc;
}

void view_node_stat(struct view *view, uint64_t ino, const struct view_node *n,
		    struct stat *st)
{
	const struct meta_defaults *def = &view->mount->config.defaults;
	struct meta_inode inode;

	memset(&inode, 0, sizeof(inode));
	inode.ino = ino;
	inode.nlink = 1;
	inode.uid = def->uid;
	inode.gid = def->gid;
	inode.mtime_ns = inode.ctime_ns = n->version.last_modified_ns;
	if (view_node_is_dir(n)) {
		inode.mode = n->mode;
		inode.uid = n->uid;
		inode.gid = n->gid;
		inode.nlink = n->known ? 1 : 2;
	}
	if (n->kind == VIEW_NAME || n->kind == VIEW_GMT) {
		inode.mtime_ns = inode.ctime_ns = view->born_ns;
	} else if (n->kind == VIEW_PAST_DIR && !n->known) {
		inode.mtime_ns = inode.ctime_ns = n->at_ns; /* implicit */
	} else if (n->kind == VIEW_MARKER) {
		inode.mode = S_IFREG | 0444;
	} else {
		inode.mode = n->mode;
		if (n->kind == VIEW_VERSION)
			inode.mode &= ~(uint32_t)0222;
		if (view_path_is_own(n->path))
			inode.mode = S_IFREG | (inode.mode & 0444);
		inode.uid = n->uid;
		inode.gid = n->gid;
		inode.rdev = n->rdev;
		inode.mtime_ns = n->mtime_ns;
		inode.size_bytes = n->version.size_bytes;
	}
	inode.atime_ns = inode.mtime_ns;
	inode_stat(&inode, st);
}

int view_node_entry(struct view *view, struct view_node *n,
		    struct vfs_entry *ret)
{
	int rc = view_node_file(view, n, &ret->ino);

	if (!rc)
		rc = view_node_attrs(view, ret->ino, n);
	if (rc)
		return rc;
	view_node_stat(view, ret->ino, n, &ret->st);
	ret->ttl_ns = VIEW_VERSION_TTL;
	if (n->kind == VIEW_NAME || n->kind == VIEW_GMT)
		ret->ttl_ns = view->mount->config.ttl_ns;
	else if (n->kind == VIEW_PAST_DIR)
		ret->ttl_ns = snapshot_ttl_ns(view, n->at_ns);
	return 0;
}

struct ahead {
	struct view *view;
	struct view_node *nodes;
};

static int ask_one(void *ctx, unsigned i)
{
	const struct ahead *a = ctx;
	uint64_t ino;
	int rc = view_node_file(a->view, &a->nodes[i], &ino);

	return rc ? rc : view_node_attrs(a->view, ino, &a->nodes[i]);
}

void view_node_ask(struct view *view, struct view_node *nodes, unsigned count)
{
	struct ahead a = {view, nodes};

	pool_each(view->pool, WIDTH, count, ask_one, &a);
}
