/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inodes: what the user sees of a file, and where its bytes are.
 *
 * All calls need meta_lock(). An inode's content is its staged extents
 * (extent.h, in staging), over the first base_bytes of `base`, over
 * zeros up to `size`.
 */
#ifndef VERS3_META_INODE_H
#define VERS3_META_INODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vers3/meta/meta.h"
#include "vers3/util/kv.h"

#define META_KEY_MAX	 1024 /* bytes of an object key, S3's limit */
#define META_NAME_MAX	 255
#define META_VERSION_MAX 127 /* AWS: 32 characters today */
#define META_ETAG_MAX	 79
#define META_ID_SIZE	 16

/*
 * One version of one object: enough to read it for ever. `id` names the
 * content in the block cache; a server-side copy keeps it. All zero: none.
 */
struct meta_version {
	char key[META_KEY_MAX + 1]; /* "" : no version (a new file) */
	char version_id[META_VERSION_MAX + 1]; /* "" : unversioned/unknown */
	char etag[META_ETAG_MAX + 1];
	uint64_t size_bytes;
	int64_t last_modified_ns; /* whole seconds */
	unsigned char id[META_ID_SIZE];
};

/*
 * Whether an id names one version. "" names none, and "null" whatever has none
 * of its own: where versioning is suspended, each save anew. NULL is fine.
 */
bool meta_is_version_id(const char *id);

enum meta_inode_flag {
	META_I_ATTRS = 1 << 0, /* attributes were read (HEAD) or are ours */
	META_I_STAGED = 1 << 1, /* has bytes in staging: content is dirty */
	META_I_EXPLICIT = 1 << 2, /* a directory that has or wants `path/` */
	META_I_LISTED = 1 << 3, /* directory: all its names are known */
	META_I_BIG = 1 << 4, /* directory: too large to list for a name */
	META_I_ATTR_DIRTY = 1 << 5, /* attributes differ from base's */
	META_I_REPLACED = 1 << 6, /* by others, since it was last opened */
	META_I_RENAMED = 1 << 7, /* base is what it was under an old name */
	META_I_CAPABLE = 1 << 8, /* has file capabilities, an xattr */
	META_I_HIDES = 1 << 9, /* directory: has keys that are no names */
	/* What the object does not name is the mount's default. */
	META_I_LACKS_MODE = 1 << 10,
	META_I_LACKS_UID = 1 << 11,
	META_I_LACKS_GID = 1 << 12,
	META_I_REFUSED = 1 << 13, /* attributes may not be read: refused.h */
};
#define META_I_LACKS (META_I_LACKS_MODE | META_I_LACKS_UID | META_I_LACKS_GID)

struct meta_inode {
	uint64_t ino;
	uint32_t mode; /* st_mode */
	uint32_t uid, gid;
	uint32_t nlink;
	uint32_t flags; /* enum meta_inode_flag */
	uint64_t rdev;
	uint64_t size_bytes;
	int64_t mtime_ns, ctime_ns, atime_ns;
	uint64_t change; /* +1 at every change, content or attributes */
	uint64_t data_change; /* +1 at every change of content */
	uint64_t base_bytes; /* how much of base is still seen */
	int64_t listed_ns; /* realtime: when a directory's names were listed,
			      any other's object was asked for */
	char link_id[40]; /* hard links: vers3-link; "" : none */
	struct meta_version base;
};

/* Whether the content is the base version, whole and unchanged. Pure. */
bool meta_inode_is_base(const struct meta_inode *inode);
/*
 * 0, -ENOENT, -EIO (also for a record that cannot be understood). What the
 * flags META_I_LACKS_* name is filled in (meta_fill_in()), whatever the
 * record has.
 */
int meta_inode_get(struct meta *m, uint64_t ino, struct meta_inode *ret);
int meta_inode_put(struct meta *m, const struct meta_inode *inode);
/* The first inode with a number > after. 0, -ENOENT or -EIO. */
int meta_inode_next(struct meta *m, uint64_t after, uint64_t *ret_ino);
/*
 * Puts this mount's defaults where META_I_LACKS_* says so: a record outlives
 * the mount whose defaults it was made with. mode keeps its type.
 */
void meta_fill_in(const struct meta *m, uint32_t lacks, uint32_t *mode,
		  uint32_t *uid, uint32_t *gid);
/*
 * Deletes the inode with its xattrs, head, holes and extents. The caller has
 * made sure that no name is left and that nothing of it is wanted.
 */
int meta_inode_del(struct meta *m, uint64_t ino);

/* Extended attributes: names as users see them. */
/* 0, -ENODATA, -EIO; the value is valid as meta_get()'s. */
int meta_xattr_get(struct meta *m, uint64_t ino, const char *name,
		   struct meta_val *ret_val);
/* 0, -ERANGE for a name that is empty or over 255 bytes, -EIO. */
int meta_xattr_set(struct meta *m, uint64_t ino, const char *name,
		   const void *value, size_t size);
/* 0, -ENODATA, -EIO. */
int meta_xattr_del(struct meta *m, uint64_t ino, const char *name);
int meta_xattr_clear(struct meta *m, uint64_t ino);
/* Calls fn for each, in name order; fn must not change the table. */
int meta_xattr_each(struct meta *m, uint64_t ino,
		    int (*fn)(void *ctx, const char *name, const void *value,
			      size_t size),
		    void *ctx);

/*
 * The object's metadata and headers as they last came or went, so that a
 * rewrite keeps what vers3 does not understand. Names of meta are stored
 * with the prefix "x-amz-meta-", headers as they are. get: -ENOENT if none;
 * ret_list is initialised, its old pairs are freed.
 */
int meta_head_get(struct meta *m, uint64_t ino, struct kvlist *ret_list);
int meta_head_put(struct meta *m, uint64_t ino, const struct kvlist *list);
int meta_head_del(struct meta *m, uint64_t ino);
/*
 * The tags that an inode's object is to be given again, as soon as what goes
 * in its place is there. As above.
 */
int meta_tags_get(struct meta *m, uint64_t ino, struct kvlist *ret_list);
int meta_tags_put(struct meta *m, uint64_t ino, const struct kvlist *list);
int meta_tags_del(struct meta *m, uint64_t ino);

/* Inodes without a name that are still open; reclaimed at the next mount. */
int meta_orphan_add(struct meta *m, uint64_t ino);
int meta_orphan_del(struct meta *m, uint64_t ino);
/* The first orphan with a number > after. 0 or -ENOENT. */
int meta_orphan_next(struct meta *m, uint64_t after, uint64_t *ret_ino);

/*
 * Directories that were taken out of the tree with names in them, and the
 * paths that they had. next: as with orphans; ret_path has META_KEY_MAX + 1
 * bytes.
 */
int meta_gone_add(struct meta *m, uint64_t ino, const char *path);
int meta_gone_del(struct meta *m, uint64_t ino);
int meta_gone_next(struct meta *m, uint64_t after, uint64_t *ret_ino,
		   char *ret_path);

#endif
