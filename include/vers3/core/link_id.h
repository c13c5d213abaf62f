/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the objects of a file with several names say of them (link.h): an id
 * and how many there are, "ID:COUNT" in `vers3-link` and in the inode, and in
 * `vers3-link-names` a digest of each name, for names are long. Nobody finds
 * another name of the same digest.
 *
 * Any thread; no call waits. Paths are below the mount's prefix.
 */
#ifndef VERS3_CORE_LINK_ID_H
#define VERS3_CORE_LINK_ID_H

#include "vers3/core/mount.h"

#define LINK_NAMES_META "vers3-link-names"
#define LINK_NAMES_MAX	65000 /* of a file; as ext4 has it */
#define LINK_TOLD_MAX	32 /* names whose digests an object has */

bool link_id_is_valid(const char *link_id);
/* 0: it says nothing. */
uint32_t link_id_count(const char *link_id);
void link_id_set_count(struct meta_inode *inode, uint32_t count);
/* A new one, of one name. 0 or -EIO. */
int link_id_make(struct meta_inode *inode);
/* The link count that users see: names known here, or said by the object. */
uint32_t link_count(const struct meta_inode *inode);

/*
 * What objects of the inode tell of its names, owned by the caller. Unchanged
 * where there is one name, or too many to tell. With meta_lock() held.
 */
int link_names_make(struct mount *mount, const struct meta_inode *inode,
		    char **ret_names);
/* Whether an object's names have the one at a path. 1, 0 or -errno. */
int link_names_has(struct mount *mount, const char *names, const char *link_id,
		   const char *path);
/*
 * Whether an object's names are all that the inode has. 1, 0 or -errno. With
 * meta_lock() held.
 */
int link_names_has_all(struct mount *mount, const struct meta_inode *inode,
		       const char *names);

#endif
