/* SPDX-License-Identifier: Apache-2.0 */
/* Extended attributes of the live tree. */
#include <errno.h>
#include <linux/limits.h>
#include <linux/xattr.h>
#include <stdlib.h>
#include <string.h>

#include "dir_impl.h"
#include "tree_impl.h"
#include "vers3/object/acl.h"
#include "vers3/object/class.h"
#include "vers3/object/expire.h"
#include "vers3/object/object_meta.h"
#include "vers3/object/objattr.h"
#include "vers3/object/overflow.h"
#include "vers3/object/rename_source.h"
#include "vers3/object/s3set.h"
#include "vers3/object/s3xattr.h"
#include "vers3/tree/dir.h"
#include "vers3/tree/states.h"
#include "vers3/tree/tree.h"

/* What is to come, or what the version says. */
static int get_expire(struct tree *tree, const struct meta_inode *inode,
		      struct buf *value)
{
	int rc = meta_lock(tree->meta);

	if (rc)
		return rc;
	rc = expire_known(tree->mount, inode, value);
	meta_unlock(tree->meta);
	if (!rc && !value->len)
		return -ENODATA;
	if (rc == -ENODATA && S_ISREG(inode->mode))
		rc = expire_get_version(tree->mount, &inode->base, value);
	return rc;
}

static int get_s3(struct tree *tree, const struct meta_inode *inode,
		  const char *name, struct buf *value)
{
	struct kvlist head;
	const char *class = NULL;
	int rc;

	if (s3xattr_is(name, "url"))
		return mount_url(tree->mount, inode->base.key, NULL, value);
	if (s3xattr_is(name, "expire"))
		return get_expire(tree, inode, value);
	if (s3xattr_is(name, "tags"))
		return s3set_get_tags(tree->mount, &inode->base, value);
	if (s3xattr_is_state(name))
		states_refresh(tree, inode);
	kvlist_init(&head);
	rc = meta_lock(tree->meta);
	if (rc)
		return rc;
	rc = meta_head_get(tree->meta, inode->ino, &head);
	meta_unlock(tree->meta);
	if ((!rc || rc == -ENOENT) && s3xattr_is(name, "storage_class"))
		class = class_known(inode, &head);
	if (class)
		rc = buf_puts(value, class);
	else if ((!rc || rc == -ENOENT) && s3xattr_is(name, "renamed_from"))
		rc = rename_source_tell(
			tree->mount,
			kvlist_get(&head, "x-amz-meta-" RENAMED_META), value);
	else if (!rc || rc == -ENOENT)
		rc = s3xattr_get(name, &inode->base, &head, value);
	kvlist_release(&head);
	return rc;
}

/* With meta_lock() held: 1 when all attributes are there, 0, -errno. */
static int is_whole(struct tree *tree, uint64_t ino,
		    struct meta_inode *ret_inode)
{
	int rc = meta_inode_get(tree->meta, ino, ret_inode);

	if (rc)
		return rc == -ENOENT ? -ESTALE : rc;
	/* Others have saved it meanwhile: what it says is to be asked for. */
	if (ino != META_ROOT_INO && !dir_attrs_do(tree, ret_inode, true))
		return 0;
	rc = overflow_is_away(tree->mount, ino, OVERFLOW_ANY);
	return rc < 0 ? rc : !rc;
}

/*
 * Takes meta_lock() with all attributes of the inode there, or fails without
 * it. Blocks.
 */
static int lock_whole(struct tree *tree, uint64_t ino,
		      struct meta_inode *ret_inode)
{
	for (int tries = 0; tries < ASK_TRIES; tries++) {
		int rc = dir_inode(tree, ino, ret_inode);

		if (!rc)
			rc = overflow_load(tree->mount, ino);
		if (!rc)
			rc = meta_lock(tree->meta);
		if (rc)
			return rc;
		rc = is_whole(tree, ino, ret_inode);
		if (rc > 0)
			return 0;
		meta_unlock(tree->meta);
		if (rc < 0)
			return rc;
	}
	return -EIO;
}

/*
 * What is here; -EAGAIN: it is away. Rights are asked for all the time, and not
 * looked for where the reference names none. With meta_lock() held.
 */
static int get_here(struct tree *tree, uint64_t ino, const char *name,
		    struct buf *value)
{
	struct meta_val val;
	int rc = meta_xattr_get(tree->meta, ino, name, &val), away;

	if (!rc)
		return buf_add(value, val.data, val.size);
	if (rc != -ENODATA)
		return rc;
	away = overflow_is_away(tree->mount, ino,
				acl_is_right(name) ? OVERFLOW_RIGHTS
						   : OVERFLOW_ANY);
	return away < 0 ? away : away ? -EAGAIN : rc;
}

int tree_getxattr(struct tree *tree, uint64_t ino, const char *name,
		  struct buf *value)
{
	struct meta_inode inode;
	int rc;

	if (!objattr_xattr_ok(name) && !s3xattr_owns(name))
		return -ENODATA;
	rc = dir_inode(tree, ino, &inode);
	if (rc)
		return rc;
	if (s3xattr_owns(name))
		return get_s3(tree, &inode, name, value);
	rc = meta_lock(tree->meta);
	if (rc)
		return rc;
	rc = get_here(tree, ino, name, value);
	meta_unlock(tree->meta);
	if (rc == -EAGAIN) {
		rc = lock_whole(tree, ino, &inode);
		if (rc)
			return rc;
		rc = get_here(tree, ino, name, value);
		meta_unlock(tree->meta);
	}
	if (!rc && !strcmp(name, XATTR_NAME_POSIX_ACL_ACCESS))
		acl_set_mode(value->data, value->len, inode.mode);
	return rc;
}

static int set_value(struct tree *tree, uint64_t ino, const char *name,
		     const void *value, size_t size)
{
	int rc;

	if (value)
		return meta_xattr_set(tree->meta, ino, name, value, size);
	rc = meta_xattr_del(tree->meta, ino, name);
	return rc == -ENODATA ? 0 : rc;
}

struct sizes {
	size_t names, values;
};

static int add_sizes(void *ctx, const char *name, const void *value,
		     size_t size)
{
	struct sizes *s = ctx;

	(void)value;
	if (objattr_xattr_ok(name)) {
		s->names += strlen(name) + 1;
		s->values += size;
	}
	return 0;
}

/* As ext4 has it for the values; more names cannot be listed. */
static int check_sizes(struct tree *tree, uint64_t ino)
{
	struct sizes s = {0};
	int rc = meta_xattr_each(tree->meta, ino, add_sizes, &s);

	if (!rc && (s.names > XATTR_LIST_MAX || s.values > XATTR_SIZE_MAX))
		rc = -ENOSPC;
	return rc;
}

/*
 * Sets value, or takes it away when that is NULL; puts the old one back where
 * it does not fit.
 */
static int set_checked(struct tree *tree, const struct meta_inode *inode,
		       const char *name, const void *value, size_t size)
{
	struct meta_val old;
	void *saved = NULL;
	size_t saved_size = 0;
	int rc = meta_xattr_get(tree->meta, inode->ino, name, &old);
	bool had = !rc;

	if (had) {
		saved = malloc(old.size ? old.size : 1);
		if (!saved)
			return -ENOMEM;
		memcpy(saved, old.data, old.size);
		saved_size = old.size;
	}
	rc = set_value(tree, inode->ino, name, value, size);
	if (!rc && value)
		rc = check_sizes(tree, inode->ino);
	if (!rc)
		rc = object_meta_check(tree->mount, inode);
	if (rc)
		set_value(tree, inode->ino, name, saved, saved_size);
	free(saved);
	return rc;
}

/*
 * A list goes into the mode as far as that can say it, and stands as an
 * attribute only for the rest. *value becomes NULL where nothing is left.
 */
static int take_list(const char *name, bool keep_setgid, size_t size,
		     const void **value, struct meta_inode *inode)
{
	bool access = !strcmp(name, XATTR_NAME_POSIX_ACL_ACCESS);
	int rc = acl_check(*value, size);

	if (rc)
		return rc;
	if (S_ISLNK(inode->mode))
		return -EOPNOTSUPP;
	if (!access && !S_ISDIR(inode->mode))
		return -EACCES;
	if (access && !keep_setgid)
		inode->mode &= ~(uint32_t)S_ISGID;
	if (access && !acl_is_empty(size))
		inode->mode = (inode->mode & ~0777u) | acl_mode(*value, size);
	if (acl_is_empty(size) || (access && acl_is_mode(*value, size)))
		*value = NULL;
	return 0;
}

/* On the version that the inode is: what is unsent was sent before. */
static int set_s3(struct tree *tree, uint64_t ino, const char *name,
		  const void *value, size_t size)
{
	struct meta_inode inode;
	int rc = dir_inode(tree, ino, &inode);

	if (rc)
		return rc;
	if (inode.flags & (META_I_STAGED | META_I_ATTR_DIRTY))
		return -EBUSY; /* it was written to meanwhile */
	rc = s3set(tree->mount, &inode.base, name, value, size);
	if (!rc)
		states_renew(tree, &inode);
	return rc;
}

/*
 * Of a file by a copy in place, which the syncer makes; of a directory, for
 * what is made in it. text NULL: none.
 */
static int set_class(struct tree *tree, uint64_t ino, const char *text,
		     size_t size)
{
	struct mount *mount = tree->mount;
	char class[CLASS_NAME_MAX + 1] = "";
	struct meta_inode inode;
	bool same = false;
	int rc;

	if (text && !class_is_name(text, size))
		return -EINVAL;
	if (text)
		memcpy(class, text, size);
	rc = dir_inode(tree, ino, &inode);
	/* The root has no object that could keep it: -o storage_class=. */
	if (!rc && ((!S_ISREG(inode.mode) && !S_ISDIR(inode.mode)) ||
		    ino == META_ROOT_INO))
		rc = -EOPNOTSUPP;
	if (!rc && !text && !S_ISDIR(inode.mode))
		rc = -EOPNOTSUPP; /* a file has one */
	if (!rc && text)
		rc = caps_class(mount->meta, mount->store, mount->config.prefix,
				class);
	if (!rc && S_ISREG(inode.mode))
		states_refresh(tree, &inode);
	if (!rc)
		rc = lock_whole(tree, ino, &inode);
	if (rc)
		return rc;
	rc = inode.flags & META_I_REFUSED ? -EACCES : 0;
	if (!rc)
		rc = class_set(mount, &inode, text ? class : NULL, &same);
	if (!rc && !same)
		rc = tree_put_attrs(tree, &inode);
	meta_unlock(tree->meta);
	return rc;
}

static bool is_same_version(const struct meta_version *a,
			    const struct meta_version *b)
{
	return !strcmp(a->key, b->key) && !strcmp(a->etag, b->etag) &&
	       !strcmp(a->version_id, b->version_id);
}

/*
 * Of a version that is in the bucket, by a request. *ret_done: the file is yet
 * what it was then, or has a note for the save that is to come.
 */
static int set_expire_once(struct tree *tree, const struct meta_inode *was,
			   const char *text, bool *ret_done)
{
	struct meta_inode now;
	bool same;
	int rc = expire_set_version(tree->mount, &was->base, text);

	if (!rc)
		rc = meta_lock(tree->meta);
	if (rc)
		return rc;
	rc = meta_inode_get(tree->meta, was->ino, &now);
	/* A save that has begun may not have seen the tag. */
	if (!rc && (now.flags & (META_I_STAGED | META_I_ATTR_DIRTY)))
		rc = expire_note(tree->mount, &now, text, &same);
	else if (!rc)
		*ret_done = is_same_version(&now.base, &was->base);
	meta_unlock(tree->meta);
	return rc == -ENOENT ? -ESTALE : rc;
}

/* What a directory hands down goes into its object's metadata. */
static int set_expire_dir(struct tree *tree, uint64_t ino, const char *text)
{
	struct meta_inode inode;
	bool same = false;
	int rc = lock_whole(tree, ino, &inode);

	if (rc)
		return rc;
	rc = inode.flags & META_I_REFUSED ? -EACCES : 0;
	if (!rc)
		rc = expire_note(tree->mount, &inode, text, &same);
	if (!rc && !same)
		rc = object_meta_check(tree->mount, &inode);
	if (!rc && !same)
		rc = tree_put_attrs(tree, &inode);
	meta_unlock(tree->meta);
	return rc;
}

/* The root has no object that could keep it. */
static int check_expire(const struct meta_inode *inode)
{
	return (S_ISREG(inode->mode) || S_ISDIR(inode->mode)) &&
			       inode->ino != META_ROOT_INO
		       ? 0
		       : -EOPNOTSUPP;
}

int tree_check_expire(struct tree *tree, uint64_t ino)
{
	struct meta_inode inode;
	int rc = dir_inode(tree, ino, &inode);

	return rc ? rc : check_expire(&inode);
}

int tree_set_expire(struct tree *tree, uint64_t ino, const char *text)
{
	for (int tries = 0; tries < ASK_TRIES; tries++) {
		struct meta_inode inode;
		bool done = true;
		int rc = dir_inode(tree, ino, &inode);

		if (!rc)
			rc = check_expire(&inode);
		if (!rc && S_ISDIR(inode.mode))
			return set_expire_dir(tree, ino, text);
		if (!rc && (inode.flags & META_I_STAGED))
			rc = -EBUSY; /* it was written to meanwhile */
		if (!rc)
			rc = set_expire_once(tree, &inode, text, &done);
		if (rc || done)
			return rc;
	}
	return -EBUSY;
}

int tree_setxattr(struct tree *tree, uint64_t ino, const char *name,
		  const void *value, size_t size, int flags)
{
	bool keep_setgid = !(flags & VFS_XATTR_KILL_SGID);
	struct meta_inode inode;
	struct meta_val old;
	int rc;

	if (size > XATTR_SIZE_MAX)
		return -E2BIG;
	if (!value)
		value = ""; /* size is 0 */
	if (s3set_owns(name))
		return set_s3(tree, ino, name, value, size);
	if (s3xattr_is(name, "storage_class"))
		return set_class(tree, ino, value, size);
	if (!objattr_xattr_ok(name) || s3xattr_owns(name))
		return -EOPNOTSUPP;
	rc = lock_whole(tree, ino, &inode);
	if (rc)
		return rc;
	rc = meta_xattr_get(tree->meta, ino, name, &old);
	if (!rc && (flags & XATTR_CREATE))
		rc = -EEXIST;
	else if (rc == -ENODATA && !(flags & XATTR_REPLACE))
		rc = 0;
	if (!rc && (inode.flags & META_I_REFUSED))
		rc = -EACCES;
	if (!rc && acl_is(name))
		rc = take_list(name, keep_setgid, size, &value, &inode);
	if (!rc && !strcmp(name, XATTR_NAME_CAPS))
		inode.flags |= META_I_CAPABLE;
	if (!rc)
		rc = set_checked(tree, &inode, name, value, size);
	if (!rc)
		rc = tree_put_attrs(tree, &inode);
	meta_unlock(tree->meta);
	return rc;
}

static int list_one(void *ctx, const char *name, const void *value, size_t size)
{
	(void)value;
	(void)size;
	return objattr_xattr_ok(name) ? buf_add(ctx, name, strlen(name) + 1)
				      : 0;
}

int tree_listxattr(struct tree *tree, uint64_t ino, struct buf *names)
{
	struct meta_inode inode;
	int rc = lock_whole(tree, ino, &inode);

	if (rc)
		return rc;
	rc = meta_xattr_each(tree->meta, ino, list_one, names);
	meta_unlock(tree->meta);
	return rc;
}

/* To remove a name that is here nothing else has to be. Blocks. */
static int lock_with(struct tree *tree, uint64_t ino, const char *name,
		     struct meta_inode *ret_inode)
{
	struct meta_val val;
	int rc = meta_lock(tree->meta);

	if (rc || !meta_xattr_get(tree->meta, ino, name, &val))
		return rc;
	meta_unlock(tree->meta);
	return lock_whole(tree, ino, ret_inode);
}

int tree_removexattr(struct tree *tree, uint64_t ino, const char *name)
{
	bool given_up = false;
	struct meta_inode inode;
	int rc;

	/* No tags at all; the others of these end by a value. */
	if (s3xattr_is(name, "tags"))
		return set_s3(tree, ino, name, "", 0);
	if (s3xattr_is(name, "storage_class"))
		return set_class(tree, ino, NULL, 0);
	if (!objattr_xattr_ok(name) || s3xattr_owns(name))
		return -EOPNOTSUPP;
	rc = dir_inode(tree, ino, &inode);
	if (!rc)
		rc = lock_with(tree, ino, name, &inode);
	/* A list that is gone for good refuses everybody: this is the way out.
	 */
	if (rc == -EIO && acl_is(name)) {
		rc = overflow_give_up(tree->mount, ino);
		given_up = !rc;
		if (!rc)
			rc = lock_with(tree, ino, name, &inode);
	}
	if (rc)
		return rc;
	rc = meta_inode_get(tree->meta, ino, &inode);
	if (!rc && (inode.flags & META_I_REFUSED))
		rc = -EACCES;
	if (!rc)
		rc = meta_xattr_del(tree->meta, ino, name);
	if (rc == -ENODATA && acl_is(name)) {
		rc = 0; /* nobody is named, as is wanted */
		if (!given_up)
			goto out;
	}
	if (!rc && !strcmp(name, XATTR_NAME_CAPS))
		inode.flags &= ~(uint32_t)META_I_CAPABLE;
	if (!rc)
		rc = tree_put_attrs(tree, &inode);
out:
	meta_unlock(tree->meta);
	return rc;
}

int tree_lists(struct tree *tree, uint64_t dir)
{
	int rc = meta_lock(tree->meta), away;

	if (rc)
		return rc;
	away = overflow_is_away(tree->mount, dir, OVERFLOW_RIGHTS);
	meta_unlock(tree->meta);
	return away > 0 ? overflow_load(tree->mount, dir) : away;
}

int tree_inherit(struct tree *tree, uint64_t dir, uint32_t umask,
		 struct meta_inode *inode)
{
	struct meta_val val;
	size_t size = 0;
	void *list;
	int rc = S_ISLNK(inode->mode)
			 ? -ENODATA
			 : meta_xattr_get(tree->meta, dir,
					  XATTR_NAME_POSIX_ACL_DEFAULT, &val);

	/* tree_make() has asked for it, in vain. */
	if (rc == -ENODATA && !S_ISLNK(inode->mode) &&
	    overflow_is_away(tree->mount, dir, OVERFLOW_RIGHTS))
		return -EIO;
	if (rc == -ENODATA) {
		inode->mode &= ~(S_ISLNK(inode->mode) ? 0 : umask & 0777);
		return 0;
	}
	if (rc)
		return rc;
	size = val.size;
	list = malloc(size);
	if (!list)
		return -ENOMEM;
	memcpy(list, val.data, size);
	inode->mode &= ~0777u | acl_mode(list, size);
	if (S_ISDIR(inode->mode))
		rc = meta_xattr_set(tree->meta, inode->ino,
				    XATTR_NAME_POSIX_ACL_DEFAULT, list, size);
	acl_set_mode(list, size, inode->mode);
	if (!rc && !acl_is_mode(list, size))
		rc = meta_xattr_set(tree->meta, inode->ino,
				    XATTR_NAME_POSIX_ACL_ACCESS, list, size);
	free(list);
	if (!rc)
		rc = object_meta_check(tree->mount, inode);
	if (rc)
		meta_xattr_clear(tree->meta, inode->ino);
	return rc;
}
