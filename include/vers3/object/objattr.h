/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attributes of a file as an object's metadata, and back (docs/attributes.md).
 * Pure: no I/O, no locks; any thread.
 *
 * Read, in this order: vers3's own set (file-permissions, file-owner,
 * file-group, file-mtime, mtime; as AWS's file services write them), s3fs's
 * (mode, uid, gid, mtime), rclone's (mtime), s3cmd's (s3cmd-attrs). Written:
 * the own set, and every other set that the object already carries, so that
 * none is left stale. Metadata that is not ours is kept as it came.
 */
#ifndef VERS3_OBJECT_OBJATTR_H
#define VERS3_OBJECT_OBJATTR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vers3/meta/inode.h"
#include "vers3/util/kv.h"

/*
 * Bytes of all metadata: S3's limit, and what is left beside the mark that an
 * upload in parts carries.
 */
#define OBJATTR_META_LIMIT 2048
#define OBJATTR_META_MAX   2032

#define LINK_META "vers3-link" /* see link.h */

struct objattr {
	uint32_t mode; /* st_mode, with its type */
	uint32_t uid, gid;
	uint64_t rdev;
	int64_t mtime_ns;
	char link_id[40]; /* "" : none */
	uint32_t lacks; /* META_I_LACKS_*: what no object names */
};

struct objattr_xattr {
	char *name; /* owned; whole, with "user." or the like */
	void *value; /* owned */
	size_t size;
};

struct objattr_xattrs {
	struct objattr_xattr *items; /* owned */
	size_t count;
};

void objattr_xattrs_release(struct objattr_xattrs *x);
/*
 * Takes name and value over, also where it fails. 0, or -ENOMEM: also where
 * one of them is NULL.
 */
int objattr_xattrs_add(struct objattr_xattrs *x, char *name, void *value,
		       size_t size);
/* The one of that name, borrowed; NULL: there is none. */
const struct objattr_xattr *objattr_xattrs_find(const struct objattr_xattrs *x,
						const char *name);

/*
 * Whether it is the name of an attribute that objects carry: user.*,
 * trusted.*, security.* but for SELinux's labels, and access control lists.
 */
bool objattr_xattr_ok(const char *name);

/*
 * Reads an object's metadata. meta: names without "x-amz-meta-". key ending
 * in '/' or a directory content type makes a directory where no mode says
 * so; a mode that contradicts the key's kind (a directory mode on a plain
 * key, or the other way round) loses its type. Unreadable values are passed
 * over, never an error. ret_xattrs may be NULL.
 * 0 or -ENOMEM.
 */
int objattr_parse(const char *key, const struct kvlist *meta,
		  const struct kvlist *headers, int64_t last_modified_ns,
		  const struct meta_defaults *defaults,
		  struct objattr *ret_attr, struct objattr_xattrs *ret_xattrs);

/*
 * What of mode, owner and group meta does not name: META_I_LACKS_*. On -ENOMEM
 * nothing is said to be lacking.
 */
uint32_t objattr_lacks(const struct kvlist *meta);

/*
 * Brings meta (names without prefix; what the object carried, or empty) to
 * say attr, but for what it lacks, and xattrs. xattrs may be NULL for none.
 * -ENOSPC when all names and values together pass max_bytes (AWS: 2048; each
 * counts as UTF-8 bytes of name and value), -ENOMEM; meta is unchanged then.
 */
int objattr_format(const struct objattr *attr,
		   const struct objattr_xattrs *xattrs, size_t max_bytes,
		   struct kvlist *meta);

/* Names and values together, as S3 counts them. */
size_t objattr_bytes(const struct kvlist *meta);
/*
 * Whether there is room for all that attr may become later: any owner, any
 * time, and more names. meta: what the object carries. 0, -ENOSPC, -ENOMEM.
 */
int objattr_meta_left(const struct objattr *attr,
		      const struct objattr_xattrs *xattrs, size_t max_bytes,
		      const struct kvlist *meta);
/*
 * Takes away from meta, until it fits, what is worth least: that names belong
 * together, the times, owner and mode where the object carried none (then they
 * are its defaults), in the end the rest from behind. For content that has to
 * be saved whatever others have written beside it.
 */
void objattr_cut(const struct kvlist *carried, size_t max_bytes,
		 struct kvlist *meta);

/*
 * Drops from meta what other programs noted of content that is being
 * replaced: rclone's md5chksum and the md5 in s3cmd-attrs, by which they
 * would take the new content for damaged. For an upload, not for a copy. 0,
 * -ENOMEM.
 */
int objattr_new_content(struct kvlist *meta);

/*
 * The Content-Type for a key: application/x-directory for a directory's,
 * else by extension from /etc/mime.types (read once), else
 * binary/octet-stream. Borrowed, lives as long as the process.
 */
const char *objattr_content_type(const char *key);

#endif
