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
#include <string.h>
#include <openssl/rand.h>

#include "vers3/vfs/view.h"
#include "view_node.h"

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

static int root_entry(struct vfs *v, struct vfs_entry *ret)
{
	ret->ino = META_ROOT_INO;
	ret->ttl_ns = v->config.ttl_ns;
	return vfs_getattr(v, META_ROOT_INO, &ret->st);
}

/* The live directory at a path: what DIR/.versions hangs in. */
static int live_dir(struct vfs *v, const char *path, struct vfs_entry *ret)
{
	int rc = meta_lock(v->meta);

	if (rc)
		return rc;
	rc = meta_resolve(v->meta, path, &ret->ino);
	meta_unlock(v->meta);
	ret->ttl_ns = v->config.ttl_ns;
	return rc ? rc : vfs_getattr(v, ret->ino, &ret->st);
}

/* Cuts the last name off a path. */
static void cut(char *path)
{
	char *slash = strrchr(path, '/');

	*(slash ? slash : path) = '\0';
}

/* Of a directory of an instant. */
static int past_parent(struct vfs *v, const struct view_node *n,
		       struct vfs_entry *ret)
{
	struct past_entry e = {.dir = true};
	char path[META_KEY_MAX + 1];
	struct view_node up;
	int rc = 0;

	if (strlen(n->path) == n->root_len) { /* the instant's own */
		if (n->root == VFS_AT_INO)
			return root_entry(v, ret);
		memset(&up, 0, sizeof(up));
		up.kind = VIEW_NAME;
		up.dir = true;
		up.root_len = n->root_len;
		strcpy(up.path, n->path);
		return view_node_entry(v, &up, ret);
	}
	strcpy(path, n->path);
	cut(path);
	if (!*path && n->root == VFS_AT_INO)
		return root_entry(v, ret);
	if (*path)
		rc = past_find(v, v->view->past, n->at_ns, path, &e);
	if (rc)
		return rc;
	view_node_of_past(n, path, &e, &up);
	return view_node_entry(v, &up, ret);
}

static int view_parent(struct vfs *v, uint64_t ino, struct vfs_entry *ret)
{
	struct view_node n;
	int rc = view_node_read(v, ino, &n);

	if (rc)
		return rc;
	if (n.kind == VIEW_PAST_DIR)
		return past_parent(v, &n, ret);
	if (n.kind == VIEW_GMT) {
		memset(&n, 0, sizeof(n));
		n.kind = VIEW_NAME;
		return view_node_entry(v, &n, ret);
	}
	if (n.kind != VIEW_NAME)
		return -ENOTDIR;
	if (strlen(n.path) == n.root_len)
		return live_dir(v, n.path, ret);
	cut(n.path);
	n.dir = true;
	n.known = false;
	return view_node_entry(v, &n, ret);
}

int vfs_parent(struct vfs *v, uint64_t ino, struct vfs_entry *ret)
{
	struct meta_dentry de;
	int rc;

	if (view_owns(ino))
		return view_parent(v, ino, ret);
	if (ino == META_ROOT_INO)
		return root_entry(v, ret);
	rc = meta_lock(v->meta);
	if (rc)
		return rc;
	rc = meta_name_next(v->meta, ino, 0, "", &de);
	meta_unlock(v->meta);
	if (rc)
		return rc;
	ret->ino = de.parent;
	ret->ttl_ns = v->config.ttl_ns;
	return vfs_getattr(v, de.parent, &ret->st);
}
