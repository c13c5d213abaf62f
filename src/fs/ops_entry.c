/* SPDX-License-Identifier: Apache-2.0 */
/* Who asks, as the vfs wants it, and an entry, as the kernel wants it. */
#include "ops.h"

struct vfs_caller ops_caller(fuse_req_t req)
{
	const struct fuse_ctx *ctx = fuse_req_ctx(req);

	return (struct vfs_caller){
		.uid = ctx->uid,
		.gid = ctx->gid,
		.umask = ctx->umask,
		.pid = ctx->pid,
	};
}

struct fuse_entry_param ops_entry(fuse_req_t req, const struct vfs_entry *entry)
{
	return (struct fuse_entry_param){
		.ino = entry->ino,
		/* The root's is the kernel's own, and 0. */
		.generation = entry->ino == META_ROOT_INO
				      ? 0
				      : vfs_generation(ops_vfs(req)),
		.attr = entry->st,
		.attr_timeout = ops_seconds(vfs_attr_ttl_ns(
			ops_vfs(req), entry->ino, &entry->st, entry->ttl_ns)),
		.entry_timeout = ops_seconds(entry->ttl_ns),
	};
}
