/* SPDX-License-Identifier: Apache-2.0 */
/* Extended attributes of the live tree. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>

#include "dress.h"
#include "renamed.h"
#include "vers3/vfs/dir.h"
#include "vers3/vfs/s3xattr.h"
#include "vers3/vfs/tree.h"

static bool is_user(const char *name)
{
	return !strncmp(name, "user.", 5) && name[5];
}

static int get_s3(struct vfs *v, const struct meta_inode *in, const char *name,
		  struct buf *value)
{
	struct kvlist head;
	int rc;

	kvlist_init(&head);
	rc = meta_lock(v->meta);
	if (rc)
		return rc;
	rc = meta_head_get(v->meta, in->ino, &head);
	meta_unlock(v->meta);
	if ((!rc || rc == -ENOENT) && s3xattr_is(name, "renamed_from"))
		rc = renamed_tell(v,
				  kvlist_get(&head, "x-amz-meta-" RENAMED_META),
				  value);
	else if (!rc || rc == -ENOENT)
		rc = s3xattr_get(name, &in->base, &head, value);
	kvlist_release(&head);
	return rc;
}

int tree_getxattr(struct vfs *v, uint64_t ino, const char *name,
		  struct buf *value)
{
	struct meta_inode in;
	struct meta_val val;
	int rc;

	if (!is_user(name) && !s3xattr_owns(name))
		return -ENODATA;
	rc = dir_inode(v, ino, &in);
	if (rc)
		return rc;
	if (s3xattr_owns(name))
		return get_s3(v, &in, name, value);
	rc = meta_lock(v->meta);
	if (rc)
		return rc;
	rc = meta_xattr_get(v->meta, ino, name, &val);
	if (!rc)
		rc = buf_add(value, val.data, val.size);
	meta_unlock(v->meta);
	return rc;
}

/* Sets value, or puts the old one back where it does not fit. */
static int set_checked(struct vfs *v, const struct meta_inode *in,
		       const char *name, const void *value, size_t size)
{
	struct meta_val old;
	void *saved = NULL;
	size_t saved_size = 0;
	int rc = meta_xattr_get(v->meta, in->ino, name, &old);
	bool had = !rc;

	if (had) {
		saved = malloc(old.size ? old.size : 1);
		if (!saved)
			return -ENOMEM;
		memcpy(saved, old.data, old.size);
		saved_size = old.size;
	}
	rc = meta_xattr_set(v->meta, in->ino, name, value, size);
	if (!rc)
		rc = dress_check(v, in);
	if (rc && had)
		meta_xattr_set(v->meta, in->ino, name, saved, saved_size);
	else if (rc)
		meta_xattr_del(v->meta, in->ino, name);
	free(saved);
	return rc;
}

int tree_setxattr(struct vfs *v, uint64_t ino, const char *name,
		  const void *value, size_t size, int flags)
{
	struct meta_inode in;
	struct meta_val old;
	int rc;

	if (!is_user(name) || s3xattr_owns(name))
		return -EOPNOTSUPP;
	if (size > OBJATTR_META_MAX)
		return -ENOSPC;
	rc = dir_inode(v, ino, &in);
	if (!rc)
		rc = meta_lock(v->meta);
	if (rc)
		return rc;
	rc = meta_xattr_get(v->meta, ino, name, &old);
	if (!rc && (flags & XATTR_CREATE))
		rc = -EEXIST;
	else if (rc == -ENODATA && !(flags & XATTR_REPLACE))
		rc = 0;
	if (!rc)
		rc = meta_inode_get(v->meta, ino, &in);
	if (!rc)
		rc = set_checked(v, &in, name, value, size);
	if (!rc)
		rc = tree_put_attrs(v, &in);
	meta_unlock(v->meta);
	return rc;
}

static int list_one(void *ctx, const char *name, const void *value, size_t size)
{
	(void)value;
	(void)size;
	return is_user(name) ? buf_add(ctx, name, strlen(name) + 1) : 0;
}

int tree_listxattr(struct vfs *v, uint64_t ino, struct buf *names)
{
	struct meta_inode in;
	int rc = dir_inode(v, ino, &in);

	if (!rc)
		rc = meta_lock(v->meta);
	if (rc)
		return rc;
	rc = meta_xattr_each(v->meta, ino, list_one, names);
	meta_unlock(v->meta);
	return rc;
}

int tree_removexattr(struct vfs *v, uint64_t ino, const char *name)
{
	struct meta_inode in;
	int rc;

	if (!is_user(name) || s3xattr_owns(name))
		return -EOPNOTSUPP;
	rc = dir_inode(v, ino, &in);
	if (!rc)
		rc = meta_lock(v->meta);
	if (rc)
		return rc;
	rc = meta_inode_get(v->meta, ino, &in);
	if (!rc)
		rc = meta_xattr_del(v->meta, ino, name);
	if (!rc)
		rc = tree_put_attrs(v, &in);
	meta_unlock(v->meta);
	return rc;
}
