/* SPDX-License-Identifier: Apache-2.0 */
/* Extended attributes of the live tree. */
#include <errno.h>
#include <linux/xattr.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>

#include "acl.h"
#include "dress.h"
#include "renamed.h"
#include "states.h"
#include "vers3/vfs/dir.h"
#include "vers3/vfs/s3xattr.h"
#include "vers3/vfs/tree.h"

static int get_s3(struct vfs *v, const struct meta_inode *in, const char *name,
		  struct buf *value)
{
	struct kvlist head;
	int rc;

	if (s3xattr_is_state(name))
		states_refresh(v, in);
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

	if (!objattr_xattr_ok(name) && !s3xattr_owns(name))
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
	if (!rc && !strcmp(name, XATTR_NAME_POSIX_ACL_ACCESS))
		acl_set_mode(value->data, value->len, in.mode);
	return rc;
}

static int set_value(struct vfs *v, uint64_t ino, const char *name,
		     const void *value, size_t size)
{
	int rc;

	if (value)
		return meta_xattr_set(v->meta, ino, name, value, size);
	rc = meta_xattr_del(v->meta, ino, name);
	return rc == -ENODATA ? 0 : rc;
}

/*
 * Sets value, or takes it away when that is NULL; puts the old one back where
 * it does not fit.
 */
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
	rc = set_value(v, in->ino, name, value, size);
	if (!rc)
		rc = dress_check(v, in);
	if (rc)
		set_value(v, in->ino, name, saved, saved_size);
	free(saved);
	return rc;
}

/*
 * A list goes into the mode as far as that can say it, and stands as an
 * attribute only for the rest. *value becomes NULL where nothing is left.
 */
static int take_list(const char *name, bool keep_setgid, size_t size,
		     const void **value, struct meta_inode *in)
{
	bool access = !strcmp(name, XATTR_NAME_POSIX_ACL_ACCESS);
	int rc = acl_check(*value, size);

	if (rc)
		return rc;
	if (S_ISLNK(in->mode))
		return -EOPNOTSUPP;
	if (!access && !S_ISDIR(in->mode))
		return -EACCES;
	if (access && !keep_setgid)
		in->mode &= ~(uint32_t)S_ISGID;
	if (access && !acl_is_empty(size))
		in->mode = (in->mode & ~0777u) | acl_mode(*value, size);
	if (acl_is_empty(size) || (access && acl_is_mode(*value, size)))
		*value = NULL;
	return 0;
}

int tree_setxattr(struct vfs *v, uint64_t ino, const char *name,
		  const void *value, size_t size, int flags)
{
	bool keep_setgid = !(flags & VFS_XATTR_KILL_SGID);
	struct meta_inode in;
	struct meta_val old;
	int rc;

	if (!objattr_xattr_ok(name) || s3xattr_owns(name))
		return -EOPNOTSUPP;
	if (size > OBJATTR_META_MAX)
		return -ENOSPC;
	if (!value)
		value = ""; /* size is 0 */
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
	if (!rc && (in.flags & META_I_REFUSED))
		rc = -EACCES;
	if (!rc && acl_is(name))
		rc = take_list(name, keep_setgid, size, &value, &in);
	if (!rc && !strcmp(name, XATTR_NAME_CAPS))
		in.flags |= META_I_CAPABLE;
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
	return objattr_xattr_ok(name) ? buf_add(ctx, name, strlen(name) + 1)
				      : 0;
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

	if (!objattr_xattr_ok(name) || s3xattr_owns(name))
		return -EOPNOTSUPP;
	rc = dir_inode(v, ino, &in);
	if (!rc)
		rc = meta_lock(v->meta);
	if (rc)
		return rc;
	rc = meta_inode_get(v->meta, ino, &in);
	if (!rc && (in.flags & META_I_REFUSED))
		rc = -EACCES;
	if (!rc)
		rc = meta_xattr_del(v->meta, ino, name);
	if (rc == -ENODATA && acl_is(name)) {
		rc = 0; /* nobody is named, as is wanted */
		goto out;
	}
	if (!rc && !strcmp(name, XATTR_NAME_CAPS))
		in.flags &= ~(uint32_t)META_I_CAPABLE;
	if (!rc)
		rc = tree_put_attrs(v, &in);
out:
	meta_unlock(v->meta);
	return rc;
}

int tree_inherit(struct vfs *v, uint64_t dir, uint32_t umask,
		 struct meta_inode *in)
{
	struct meta_val val;
	size_t size = 0;
	void *list;
	int rc = S_ISLNK(in->mode)
			 ? -ENODATA
			 : meta_xattr_get(v->meta, dir,
					  XATTR_NAME_POSIX_ACL_DEFAULT, &val);

	if (rc == -ENODATA) {
		in->mode &= ~(S_ISLNK(in->mode) ? 0 : umask & 0777);
		return 0;
	}
	if (rc)
		return rc;
	size = val.size;
	list = malloc(size);
	if (!list)
		return -ENOMEM;
	memcpy(list, val.data, size);
	in->mode &= ~0777u | acl_mode(list, size);
	if (S_ISDIR(in->mode))
		rc = meta_xattr_set(v->meta, in->ino,
				    XATTR_NAME_POSIX_ACL_DEFAULT, list, size);
	acl_set_mode(list, size, in->mode);
	if (!rc && !acl_is_mode(list, size))
		rc = meta_xattr_set(v->meta, in->ino,
				    XATTR_NAME_POSIX_ACL_ACCESS, list, size);
	free(list);
	if (!rc)
		rc = dress_check(v, in);
	if (rc)
		meta_xattr_clear(v->meta, in->ino);
	return rc;
}
