/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Directory entries: (parent, name) → inode, each with a cookie that stays
 * for the entry's life, so that readdir can go on where it was whatever else
 * happens. Several names may share an inode. All calls need meta_lock().
 * Link counts are the caller's.
 */
#ifndef VERS3_META_DENTRY_H
#define VERS3_META_DENTRY_H

#include <stdint.h>

#include "vers3/meta/inode.h"
#include "vers3/meta/meta.h"

struct meta_dentry {
	uint64_t parent;
	uint64_t ino;
	uint64_t cookie; /* > 2, ascending in order of creation */
	char name[META_NAME_MAX + 1];
};

/* 0, -ENOENT, -EIO. Names are 1 to META_NAME_MAX bytes. */
int meta_dentry_get(struct meta *m, uint64_t parent, const char *name,
		    struct meta_dentry *ret);
/* Adds (-EEXIST if there) a name. */
int meta_dentry_add(struct meta *m, uint64_t parent, const char *name,
		    uint64_t ino);
/* Points an existing name at another inode; the cookie stays. */
int meta_dentry_set(struct meta *m, uint64_t parent, const char *name,
		    uint64_t ino);
int meta_dentry_del(struct meta *m, uint64_t parent, const char *name);
/* The first entry of parent with a cookie > after, in cookie order. */
int meta_dentry_next(struct meta *m, uint64_t parent, uint64_t after,
		     struct meta_dentry *ret);
/*
 * The first entry of parent whose name sorts (bytewise) after `after`
 * ("" for the first), in name order.
 */
int meta_dentry_next_name(struct meta *m, uint64_t parent, const char *after,
			  struct meta_dentry *ret);
/* Whether parent has any entry: 1, 0, or -EIO. */
int meta_dentry_any(struct meta *m, uint64_t parent);
/*
 * The names of an inode: the first after (after_parent, after_name), 0 and
 * "" for the first of all. 0 or -ENOENT.
 */
int meta_name_next(struct meta *m, uint64_t ino, uint64_t after_parent,
		   const char *after_name, struct meta_dentry *ret);

/*
 * What the bucket holds at one name of an inode that has several (hard
 * links): filed with the name, and gone with it. get: -ENOENT when nothing
 * was put.
 */
int meta_name_version_get(struct meta *m, uint64_t ino, uint64_t parent,
			  const char *name, struct meta_version *ret);
int meta_name_version_put(struct meta *m, uint64_t ino, uint64_t parent,
			  const char *name, const struct meta_version *v);

/*
 * The path below the root of (parent, name), without a leading slash, into
 * buf of META_KEY_MAX + 1 bytes; name NULL: of directory `parent` itself
 * ("" for the root). 0, -ENAMETOOLONG past META_KEY_MAX, -ESTALE when a
 * directory on the way has no name any more.
 */
int meta_path(struct meta *m, uint64_t parent, const char *name, char *buf);
/*
 * The inode at a path as meta_path() writes it. 0, -ENOENT. For a path that
 * ends in '/', the directory's inode.
 */
int meta_resolve(struct meta *m, const char *path, uint64_t *ret_ino);
/* The same of what stands before the path's last slash, "" without one. */
int meta_resolve_parent(struct meta *m, const char *path, uint64_t *ret_ino);

#endif
