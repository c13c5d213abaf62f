/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a file handle needs (NFS, open_by_handle_at(2)): that an inode number
 * means one file for ever, and where a directory hangs.
 *
 * Numbers are never used twice within a cache directory. A new one begins
 * anew, so each has a number of its own, the generation, that goes into the
 * handles: one of another cache directory is refused as stale.
 */
#include "export.h"

#include <errno.h>
#include <openssl/rand.h>

#include "vers3/history/view.h"
#include "vers3/meta/dentry.h"
#include "vfs_impl.h"

#define SYS_GENERATION	"vfs.generation"
#define GENERATION_MASK UINT64_C(0x7fffffff) /* the kernel keeps 32 bits */

int export_generation(struct meta *m, uint64_t *ret_generation)
{
	unsigned char raw[8];
	uint64_t g;
	int rc = meta_lock(m);

	if (rc)
		return rc;
	rc = meta_sys_get_u64(m, SYS_GENERATION, &g);
	if (rc == -ENOENT) {
		rc = RAND_bytes(raw, sizeof(raw)) == 1 ? 0 : -EIO;
		if (!rc) {
			g = (meta_from_be64(raw) & GENERATION_MASK) | 1;
			rc = meta_sys_put_u64(m, SYS_GENERATION, g);
		}
	}
	meta_unlock(m);
	if (!rc)
		*ret_generation = g;
	return rc;
}

/* The live directory at a path: what DIR/.versions hangs in. */
static int live_dir(struct vfs *v, const char *path, struct vfs_entry *ret)
{
	int rc = meta_lock(v->mount->meta);

	if (rc)
		return rc;
	rc = meta_resolve(v->mount->meta, path, &ret->ino);
	meta_unlock(v->mount->meta);
	ret->ttl_ns = v->mount->config.ttl_ns;
	return rc ? rc : vfs_getattr(v, ret->ino, &ret->st);
}

int vfs_parent(struct vfs *v, uint64_t ino, struct vfs_entry *ret)
{
	char path[META_KEY_MAX + 1] = "";
	struct meta_dentry dentry;
	int rc = 1;

	if (mount_is_view(ino))
		rc = view_parent(v->view, ino, ret, path);
	if (rc != 1)
		return rc;
	if (mount_is_view(ino) || ino == META_ROOT_INO)
		return live_dir(v, path, ret);
	rc = meta_lock(v->mount->meta);
	if (rc)
		return rc;
	rc = meta_name_next(v->mount->meta, ino, 0, "", &dentry);
	meta_unlock(v->mount->meta);
	if (rc)
		return rc;
	ret->ino = dentry.parent;
	ret->ttl_ns = v->mount->config.ttl_ns;
	return vfs_getattr(v, dentry.parent, &ret->st);
}
