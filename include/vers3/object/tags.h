/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tags of versions. A server-side copy takes them along; one that replaces
 * the metadata does so on Amazon; Ceph drops them, also when they are named
 * (x-amz-tagging). So they are asked for before, and set again.
 *
 * Any thread, no lock held; lists are the caller's. S3 API: GetObjectTagging,
 * PutObjectTagging, CopyObject (x-amz-tagging-directive).
 */
#ifndef VERS3_OBJECT_TAGS_H
#define VERS3_OBJECT_TAGS_H

#include "vers3/core/mount.h"
#include "vers3/object/object_meta.h"
#include "vers3/util/kv.h"

#define TAGS_HEADER "x-amz-tagging-count" /* of HEAD; absent for none */

/*
 * Whether what goes in the place of the object that d tells of, or is copied
 * from it, has to be given tags; by_server: it is a copy by CopyObject. What is
 * known of an object's tags may be old: others can set them, and lists do not
 * show it. So it is not asked only where the server takes them along.
 */
bool tags_need(struct mount *mount, const struct meta_inode *inode,
	       const struct object_meta *d, bool by_server);
/*
 * The same of new content, which gets no other tag than that of when the file
 * expires (expire.h). May block.
 */
bool tags_need_new(struct mount *mount, const struct meta_inode *inode,
		   const struct object_meta *d);
/*
 * Asks for the tags of the version that an inode is based on: before anything
 * goes in its place, since then they are gone where no versions are kept. There
 * they are noted, too, until they were given: where a try ended between both,
 * the next one finds none at the object and goes by the note, if it is made
 * of an object of the same ETag. Of new content only those that it gets; what
 * d has of them is in the place of what the version says. *ret is
 * initialized, and stays empty where they cannot be read or there is no such
 * object any more. What may not be read is not replaced by a tag of when the
 * file expires: that is taken out of d, so that it stays noted for the next
 * save; and where the server says that there are tags, and copies none, it is
 * an error. 0 or -errno. Takes meta_lock(). Blocks.
 */
int tags_ask(struct mount *mount, const struct meta_inode *inode,
	     struct object_meta *d, enum object_content content,
	     struct kvlist *ret);
/*
 * Gives them to the version `to` at `key`, in the bucket, which was made of
 * the inode; d gets their number, and loses when the file expires where that
 * may not be set. 0 or -errno. Takes meta_lock(). Blocks.
 */
int tags_give(struct mount *mount, uint64_t ino, const char *key,
	      const struct meta_version *to, const struct kvlist *tags,
	      struct object_meta *d);

#endif
