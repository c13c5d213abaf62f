/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Adds and removes names of an inode, follows its base from one name to
 * another, and joins two inodes that are proved to be one file.
 */
#include "vers3/tree/link.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <openssl/evp.h>

#include "tree_impl.h"
#include "vers3/core/link_id.h"
#include "vers3/core/mount.h"
#include "vers3/core/node.h"
#include "vers3/meta/dentry.h"
#include "vers3/meta/dirty.h"
#include "vers3/object/object_meta.h"
#include "vers3/object/objattr.h"
#include "vers3/tree/tree.h"
#include "vers3/util/buf.h"
#include "vers3/util/clock.h"

#define NOTE	  "link:" /* META_SYS: id and names → inode number */
#define NOTE_SUM  18 /* bytes of a digest */
#define NOTE_SIZE (sizeof(NOTE) + NOTE_SUM / 3 * 4 + 1)

/* The name that the inode has so far keeps what the bucket holds there. */
static int file_first_name(struct tree *tree, const struct meta_inode *inode)
{
	char path[META_KEY_MAX + 1] = "";
	struct meta_dentry dentry;
	int rc = meta_name_next(tree->meta, inode->ino, 0, "", &dentry);

	if (!rc)
		rc = meta_path(tree->meta, dentry.parent, dentry.name, path);
	if (rc || strcmp(inode->base.key, path) != 0)
		return rc;
	return meta_name_version_put(tree->meta, inode->ino, dentry.parent,
				     dentry.name, &inode->base);
}

int link_add(struct tree *tree, struct meta_inode *inode, uint64_t parent,
	     const char *name)
{
	int rc = 0;

	if (inode->nlink >= LINK_NAMES_MAX)
		return -EMLINK;
	if (!link_id_is_valid(inode->link_id))
		rc = link_id_make(inode);
	/* Marked first, since that can be refused: all names, and the new. */
	if (!rc)
		rc = tree_mark_inode(tree, inode);
	if (!rc)
		rc = tree_mark_name(tree, parent, name);
	if (!rc && inode->nlink == 1)
		rc = file_first_name(tree, inode);
	if (!rc)
		rc = meta_dentry_add(tree->meta, parent, name, inode->ino);
	if (rc)
		return rc;
	link_id_set_count(inode, link_count(inode) + 1);
	inode->nlink++;
	inode->flags |= META_I_ATTR_DIRTY;
	inode->ctime_ns = clock_real_ns();
	inode->change++;
	return meta_inode_put(tree->meta, inode);
}

int link_removed(struct tree *tree, struct meta_inode *inode)
{
	uint32_t count = link_id_count(inode->link_id);
	int rc;

	if (!inode->link_id[0] || inode->nlink == 0)
		return 0;
	if (count > 2)
		link_id_set_count(inode, count - 1);
	else
		inode->link_id[0] = '\0';
	rc = tree_mark_inode(tree, inode);
	inode->flags |= META_I_ATTR_DIRTY;
	inode->change++;
	return rc ? rc : meta_inode_put(tree->meta, inode);
}

int link_find(struct tree *tree, const struct meta_inode *inode,
	      const char *path, struct meta_dentry *ret)
{
	struct meta_dentry dentry = {.name = ""};
	char at[META_KEY_MAX + 1];
	int rc;

	while (!(rc = meta_name_next(tree->meta, inode->ino, dentry.parent,
				     dentry.name, &dentry))) {
		rc = meta_path(tree->meta, dentry.parent, dentry.name, at);
		if (rc == -ESTALE)
			continue; /* in a directory that is gone */
		if (rc)
			return rc;
		if (!strcmp(at, path)) {
			*ret = dentry;
			return 0;
		}
	}
	return rc;
}

int link_note_saved(struct tree *tree, const struct meta_inode *inode,
		    const char *path, const struct meta_version *version)
{
	struct meta_dentry dentry;
	int rc;

	if (S_ISDIR(inode->mode) || inode->nlink < 2)
		return 0;
	rc = link_find(tree, inode, path, &dentry);
	if (!rc)
		rc = meta_name_version_put(tree->meta, inode->ino,
					   dentry.parent, dentry.name, version);
	return rc == -ENOENT ? 0 : rc;
}

int link_moved(struct tree *tree, uint64_t ino)
{
	struct meta_inode inode;
	int rc = meta_inode_get(tree->meta, ino, &inode);

	if (rc || S_ISDIR(inode.mode) || inode.nlink < 2 ||
	    inode.nlink > LINK_TOLD_MAX)
		return rc;
	rc = tree_mark_inode(tree, &inode);
	inode.flags |= META_I_ATTR_DIRTY;
	inode.change++;
	return rc ? rc : meta_inode_put(tree->meta, &inode);
}

/*
 * The base of an inode was lost with one of its names; what the bucket holds
 * at another one is the same, if nothing was saved since.
 */
static int change_base(struct tree *tree, struct meta_inode *inode)
{
	struct meta_dentry dentry = {.name = ""};
	char path[META_KEY_MAX + 1];
	struct meta_version own;
	struct meta_dirty dirty;
	int rc;

	while (!(rc = meta_name_next(tree->meta, inode->ino, dentry.parent,
				     dentry.name, &dentry))) {
		rc = meta_path(tree->meta, dentry.parent, dentry.name, path);
		if (rc == -ESTALE)
			continue; /* its directory is going */
		if (rc)
			return rc;
		if (meta_name_version_get(tree->meta, inode->ino, dentry.parent,
					  dentry.name, &own) ||
		    strcmp(own.key, path) != 0 ||
		    !strcmp(path, inode->base.key) ||
		    own.size_bytes != inode->base.size_bytes)
			continue;
		if (strcmp(own.etag, inode->base.etag) != 0 &&
		    meta_dirty_get(tree->meta, path, &dirty) != -ENOENT)
			continue;
		inode->base = own;
		return 0;
	}
	return rc == -ENOENT ? 0 : rc;
}

int link_change_base(struct tree *tree, struct meta_inode *inode,
		     const char *path)
{
	int rc;

	if (strcmp(inode->base.key, path) != 0)
		return 0;
	rc = change_base(tree, inode);
	return rc ? rc : meta_inode_put(tree->meta, inode);
}

int link_lost(struct tree *tree, struct meta_inode *inode, const char *gone)
{
	uint32_t count = link_id_count(inode->link_id);
	int rc = 0;

	if (S_ISDIR(inode->mode) || inode->nlink == 0)
		return 0;
	/* Told with the next save: who only looks sends nothing. */
	if (count > 2)
		link_id_set_count(inode, count - 1);
	else
		inode->link_id[0] = '\0';
	if (!strcmp(inode->base.key, gone))
		rc = change_base(tree, inode);
	return rc ? rc : meta_inode_put(tree->meta, inode);
}

/* Whether two objects with one id, seen as two inodes, are one file. */
static bool same_file(const struct meta_inode *a, const struct meta_inode *b)
{
	const uint32_t unsent = META_I_STAGED | META_I_ATTR_DIRTY;

	return !strcmp(a->link_id, b->link_id) && a->base.etag[0] &&
	       !strcmp(a->base.etag, b->base.etag) &&
	       a->size_bytes == b->size_bytes && a->mtime_ns == b->mtime_ns &&
	       a->mode == b->mode && a->uid == b->uid && a->gid == b->gid &&
	       (a->flags & META_I_ATTRS) && !(a->flags & unsent);
}

/* What is found by who looks for the other names of an object. */
static int note_name(const struct meta_inode *inode, const char *names,
		     char note[NOTE_SIZE])
{
	unsigned char sum[EVP_MAX_MD_SIZE];
	struct buf text;
	int rc;

	buf_init(&text, 2 * OBJATTR_META_LIMIT);
	rc = buf_printf(&text, "%.16s:%s", inode->link_id, names);
	if (!rc &&
	    !EVP_Digest(text.data, text.len, sum, NULL, EVP_sha256(), NULL))
		rc = -ENOMEM;
	buf_release(&text);
	strcpy(note, NOTE);
	if (!rc)
		EVP_EncodeBlock((unsigned char *)note + strlen(NOTE), sum,
				NOTE_SUM);
	return rc;
}

/* One more name for `other`: that of `inode`, which goes. */
static int join(struct tree *tree, struct meta_inode *other,
		const struct meta_inode *inode,
		const struct meta_dentry *dentry)
{
	int rc = 0;

	if (other->nlink == 1)
		rc = file_first_name(tree, other);
	if (!rc)
		rc = meta_dentry_set(tree->meta, dentry->parent, dentry->name,
				     other->ino);
	if (!rc)
		rc = meta_name_version_put(tree->meta, other->ino,
					   dentry->parent, dentry->name,
					   &inode->base);
	other->nlink++;
	if (!rc)
		rc = meta_inode_put(tree->meta, other);
	/* Clean, and its name shows the same content as before. */
	if (!rc)
		rc = meta_inode_del(tree->meta, inode->ino);
	if (!rc)
		mount_inval_entry(tree->mount, dentry->parent, dentry->name);
	return rc;
}

/* 1 when all is proved: `inode` is one more name of `other`; 0, -errno. */
static int is_proved(struct tree *tree, const struct meta_inode *other,
		     const struct meta_inode *inode,
		     const struct object_meta *mine)
{
	struct objattr_xattrs x = {0};
	struct object_meta theirs;
	int rc = 0;

	if (other->ino == inode->ino || other->nlink == 0 ||
	    !same_file(other, inode) ||
	    nodes_is_open(tree->mount->nodes, inode->ino))
		return 0;
	object_meta_init(&theirs);
	rc = object_meta_read_locked(tree->mount, other->ino, &theirs, &x);
	if (!rc && object_meta_same_object(mine, &theirs))
		rc = link_names_has_all(tree->mount, other, mine->names);
	objattr_xattrs_release(&x);
	object_meta_release(&theirs);
	return rc;
}

static int find_and_join(struct tree *tree, const struct meta_inode *inode,
			 const struct object_meta *mine, bool *ret_joined)
{
	char note[NOTE_SIZE], path[META_KEY_MAX + 1];
	struct meta_inode other;
	struct meta_dentry dentry;
	uint64_t ino;
	int rc = meta_name_next(tree->meta, inode->ino, 0, "", &dentry);

	if (!rc)
		rc = meta_path(tree->meta, dentry.parent, dentry.name, path);
	if (!rc)
		rc = link_names_has(tree->mount, mine->names, inode->link_id,
				    path);
	/* What does not even name itself is a copy of something. */
	if (rc <= 0)
		return rc;
	rc = note_name(inode, mine->names, note);
	if (rc)
		return rc;
	if (meta_sys_get_u64(tree->meta, note, &ino) ||
	    meta_inode_get(tree->meta, ino, &other))
		return meta_sys_put_u64(tree->meta, note, inode->ino);
	rc = is_proved(tree, &other, inode, mine);
	if (rc < 0)
		return rc;
	if (!rc)
		return meta_sys_put_u64(tree->meta, note, inode->ino);
	rc = join(tree, &other, inode, &dentry);
	*ret_joined = !rc;
	return rc;
}

int link_join(struct tree *tree, const struct meta_inode *inode,
	      bool *ret_joined)
{
	struct objattr_xattrs x = {0};
	struct object_meta mine;
	int rc;

	*ret_joined = false;
	if (!link_id_is_valid(inode->link_id) || inode->nlink != 1 ||
	    S_ISDIR(inode->mode))
		return 0;
	object_meta_init(&mine);
	rc = object_meta_read_locked(tree->mount, inode->ino, &mine, &x);
	if (!rc && mine.names)
		rc = find_and_join(tree, inode, &mine, ret_joined);
	objattr_xattrs_release(&x);
	object_meta_release(&mine);
	return rc;
}
