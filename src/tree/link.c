/* SPDX-License-Identifier: Apache-2.0 */
#include "vers3/tree/link.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
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
static int file_first_name(struct tree *tree, const struct meta_inode *in)
{
	char path[META_KEY_MAX + 1] = "";
	struct meta_dentry de;
	int rc = meta_name_next(tree->meta, in->ino, 0, "", &de);

	if (!rc)
		rc = meta_path(tree->meta, de.parent, de.name, path);
	if (rc || strcmp(in->base.key, path) != 0)
		return rc;
	return meta_name_version_put(tree->meta, in->ino, de.parent, de.name,
				     &in->base);
}

int link_add(struct tree *tree, struct meta_inode *in, uint64_t parent,
	     const char *name)
{
	int rc = 0;

	if (in->nlink >= LINK_NAMES_MAX)
		return -EMLINK;
	if (!link_id_is_valid(in->link_id))
		rc = link_id_make(in);
	/* Marked first, since that can be refused: all names, and the new. */
	if (!rc)
		rc = tree_mark_inode(tree, in);
	if (!rc)
		rc = tree_mark_name(tree, parent, name);
	if (!rc && in->nlink == 1)
		rc = file_first_name(tree, in);
	if (!rc)
		rc = meta_dentry_add(tree->meta, parent, name, in->ino);
	if (rc)
		return rc;
	link_id_set_count(in, link_count(in) + 1);
	in->nlink++;
	in->flags |= META_I_ATTR_DIRTY;
	in->ctime_ns = clock_real_ns();
	in->change++;
	return meta_inode_put(tree->meta, in);
}

int link_removed(struct tree *tree, struct meta_inode *in)
{
	uint32_t count = link_id_count(in->link_id);
	int rc;

	if (!in->link_id[0] || in->nlink == 0)
		return 0;
	if (count > 2)
		link_id_set_count(in, count - 1);
	else
		in->link_id[0] = '\0';
	rc = tree_mark_inode(tree, in);
	in->flags |= META_I_ATTR_DIRTY;
	in->change++;
	return rc ? rc : meta_inode_put(tree->meta, in);
}

int link_find(struct tree *tree, const struct meta_inode *in, const char *path,
	      struct meta_dentry *ret)
{
	struct meta_dentry de = {.name = ""};
	char at[META_KEY_MAX + 1];
	int rc;

	while (!(rc = meta_name_next(tree->meta, in->ino, de.parent, de.name,
				     &de))) {
		rc = meta_path(tree->meta, de.parent, de.name, at);
		if (rc == -ESTALE)
			continue; /* in a directory that is gone */
		if (rc)
			return rc;
		if (!strcmp(at, path)) {
			*ret = de;
			return 0;
		}
	}
	return rc;
}

int link_note_saved(struct tree *tree, const struct meta_inode *in,
		    const char *path, const struct meta_version *version)
{
	struct meta_dentry de;
	int rc;

	if (S_ISDIR(in->mode) || in->nlink < 2)
		return 0;
	rc = link_find(tree, in, path, &de);
	if (!rc)
		rc = meta_name_version_put(tree->meta, in->ino, de.parent,
					   de.name, version);
	return rc == -ENOENT ? 0 : rc;
}

int link_moved(struct tree *tree, uint64_t ino)
{
	struct meta_inode in;
	int rc = meta_inode_get(tree->meta, ino, &in);

	if (rc || S_ISDIR(in.mode) || in.nlink < 2 || in.nlink > LINK_TOLD_MAX)
		return rc;
	rc = tree_mark_inode(tree, &in);
	in.flags |= META_I_ATTR_DIRTY;
	in.change++;
	return rc ? rc : meta_inode_put(tree->meta, &in);
}

/*
 * The base of an inode was lost with one of its names; what the bucket holds
 * at another one is the same, if nothing was saved since.
 */
static int change_base(struct tree *tree, struct meta_inode *in)
{
	struct meta_dentry de = {.name = ""};
	char path[META_KEY_MAX + 1];
	struct meta_version own;
	struct meta_dirty d;
	int rc;

	while (!(rc = meta_name_next(tree->meta, in->ino, de.parent, de.name,
				     &de))) {
		rc = meta_path(tree->meta, de.parent, de.name, path);
		if (rc == -ESTALE)
			continue; /* its directory is going */
		if (rc)
			return rc;
		if (meta_name_version_get(tree->meta, in->ino, de.parent,
					  de.name, &own) ||
		    strcmp(own.key, path) != 0 || !strcmp(path, in->base.key) ||
		    own.size_bytes != in->base.size_bytes)
			continue;
		if (strcmp(own.etag, in->base.etag) != 0 &&
		    meta_dirty_get(tree->meta, path, &d) != -ENOENT)
			continue;
		in->base = own;
		return 0;
	}
	return rc == -ENOENT ? 0 : rc;
}

int link_change_base(struct tree *tree, struct meta_inode *in, const char *path)
{
	int rc;

	if (strcmp(in->base.key, path) != 0)
		return 0;
	rc = change_base(tree, in);
	return rc ? rc : meta_inode_put(tree->meta, in);
}

int link_lost(struct tree *tree, struct meta_inode *in, const char *gone)
{
	uint32_t count = link_id_count(in->link_id);
	int rc = 0;

	if (S_ISDIR(in->mode) || in->nlink == 0)
		return 0;
	/* Told with the next save: who only looks sends nothing. */
	if (count > 2)
		link_id_set_count(in, count - 1);
	else
		in->link_id[0] = '\0';
	if (!strcmp(in->base.key, gone))
		rc = change_base(tree, in);
	return rc ? rc : meta_inode_put(tree->meta, in);
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
static int note_name(const struct meta_inode *in, const char *names,
		     char note[NOTE_SIZE])
{
	unsigned char sum[EVP_MAX_MD_SIZE];
	struct buf text;
	int rc;

	buf_init(&text, 2 * OBJATTR_META_LIMIT);
	rc = buf_printf(&text, "%.16s:%s", in->link_id, names);
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

/* One more name for `other`: that of `in`, which goes. */
static int join(struct tree *tree, struct meta_inode *other,
		const struct meta_inode *in, const struct meta_dentry *de)
{
	int rc = 0;

	if (other->nlink == 1)
		rc = file_first_name(tree, other);
	if (!rc)
		rc = meta_dentry_set(tree->meta, de->parent, de->name,
				     other->ino);
	if (!rc)
		rc = meta_name_version_put(tree->meta, other->ino, de->parent,
					   de->name, &in->base);
	other->nlink++;
	if (!rc)
		rc = meta_inode_put(tree->meta, other);
	/* Clean, and its name shows the same content as before. */
	if (!rc)
		rc = meta_inode_del(tree->meta, in->ino);
	if (!rc)
		mount_inval_entry(tree->mount, de->parent, de->name);
	return rc;
}

/* 1 when all is proved: `in` is one more name of `other`; 0, -errno. */
static int is_proved(struct tree *tree, const struct meta_inode *other,
		     const struct meta_inode *in,
		     const struct object_meta *mine)
{
	struct objattr_xattrs x = {0};
	struct object_meta theirs;
	int rc = 0;

	if (other->ino == in->ino || other->nlink == 0 ||
	    !same_file(other, in) || nodes_is_open(tree->mount->nodes, in->ino))
		return 0;
	object_meta_init(&theirs);
	rc = object_meta_read_locked(tree->mount, other->ino, &theirs, &x);
	if (!rc && object_meta_same_object(mine, &theirs))
		rc = link_names_has_all(tree->mount, other, mine->names);
	objattr_xattrs_release(&x);
	object_meta_release(&theirs);
	return rc;
}

static int find_and_join(struct tree *tree, const struct meta_inode *in,
			 const struct object_meta *mine, bool *ret_joined)
{
	char note[NOTE_SIZE], path[META_KEY_MAX + 1];
	struct meta_inode other;
	struct meta_dentry de;
	uint64_t ino;
	int rc = meta_name_next(tree->meta, in->ino, 0, "", &de);

	if (!rc)
		rc = meta_path(tree->meta, de.parent, de.name, path);
	if (!rc)
		rc = link_names_has(tree->mount, mine->names, in->link_id,
				    path);
	/* What does not even name itself is a copy of something. */
	if (rc <= 0)
		return rc;
	rc = note_name(in, mine->names, note);
	if (rc)
		return rc;
	if (meta_sys_get_u64(tree->meta, note, &ino) ||
	    meta_inode_get(tree->meta, ino, &other))
		return meta_sys_put_u64(tree->meta, note, in->ino);
	rc = is_proved(tree, &other, in, mine);
	if (rc < 0)
		return rc;
	if (!rc)
		return meta_sys_put_u64(tree->meta, note, in->ino);
	rc = join(tree, &other, in, &de);
	*ret_joined = !rc;
	return rc;
}

int link_join(struct tree *tree, const struct meta_inode *in, bool *ret_joined)
{
	struct objattr_xattrs x = {0};
	struct object_meta mine;
	int rc;

	*ret_joined = false;
	if (!link_id_is_valid(in->link_id) || in->nlink != 1 ||
	    S_ISDIR(in->mode))
		return 0;
	object_meta_init(&mine);
	rc = object_meta_read_locked(tree->mount, in->ino, &mine, &x);
	if (!rc && mine.names)
		rc = find_and_join(tree, in, &mine, ret_joined);
	objattr_xattrs_release(&x);
	object_meta_release(&mine);
	return rc;
}
