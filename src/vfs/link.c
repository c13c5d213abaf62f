/* SPDX-License-Identifier: Apache-2.0 */
#include "vers3/vfs/link.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/rand.h>

#include "vers3/util/clock.h"
#include "vers3/vfs/node.h"
#include "vers3/vfs/tree.h"

#define ID_LEN	  16 /* hex digits */
#define LINKS_MAX 65000 /* names; as ext4 has it */
#define ID_NOTE	  "link:" /* META_SYS: id → inode number */

static bool id_valid(const char *link_id)
{
	return strspn(link_id, "0123456789abcdef") == ID_LEN &&
	       link_id[ID_LEN] == ':';
}

static uint32_t id_count(const char *link_id)
{
	unsigned long n;

	if (!id_valid(link_id))
		return 0;
	n = strtoul(link_id + ID_LEN + 1, NULL, 10);
	return n > LINKS_MAX ? LINKS_MAX : (uint32_t)n;
}

static void id_set_count(struct meta_inode *in, uint32_t count)
{
	snprintf(in->link_id + ID_LEN, sizeof(in->link_id) - ID_LEN,
		 ":%" PRIu32, count);
}

static int id_make(struct meta_inode *in)
{
	unsigned char raw[ID_LEN / 2];

	if (RAND_bytes(raw, sizeof(raw)) != 1)
		return -EIO;
	for (size_t i = 0; i < sizeof(raw); i++)
		snprintf(in->link_id + 2 * i, 3, "%02x", raw[i]);
	id_set_count(in, 1);
	return 0;
}

static int note_id(struct vfs *v, const struct meta_inode *in)
{
	char name[sizeof(ID_NOTE) + ID_LEN];

	snprintf(name, sizeof(name), ID_NOTE "%.16s", in->link_id);
	return meta_sys_put_u64(v->meta, name, in->ino);
}

uint32_t link_count(const struct meta_inode *in)
{
	uint32_t said = in->link_id[0] ? id_count(in->link_id) : 0;

	return said > in->nlink ? said : in->nlink;
}

const struct meta_version *
link_known(struct vfs *v, const struct meta_inode *in, uint64_t parent,
	   const char *name, const char *path, struct meta_version *buf)
{
	/* The last name that is left is kept up to date by the base alone. */
	if (in->nlink < 2 && !strcmp(in->base.key, path))
		return &in->base;
	if (!S_ISDIR(in->mode) &&
	    !meta_name_version_get(v->meta, in->ino, parent, name, buf))
		return buf;
	return strcmp(in->base.key, path) ? NULL : &in->base;
}

/* The name that the inode has so far keeps what the bucket holds there. */
static int file_first_name(struct vfs *v, const struct meta_inode *in)
{
	char path[META_KEY_MAX + 1] = "";
	struct meta_dentry de;
	int rc = meta_name_next(v->meta, in->ino, 0, "", &de);

	if (!rc)
		rc = meta_path(v->meta, de.parent, de.name, path);
	if (rc || strcmp(in->base.key, path) != 0)
		return rc;
	return meta_name_version_put(v->meta, in->ino, de.parent, de.name,
				     &in->base);
}

int link_add(struct vfs *v, struct meta_inode *in, uint64_t parent,
	     const char *name)
{
	int rc = 0;

	if (in->nlink >= LINKS_MAX)
		return -EMLINK;
	if (!id_valid(in->link_id))
		rc = id_make(in);
	if (!rc)
		rc = note_id(v, in);
	/* Marked first, since that can be refused: all names, and the new. */
	if (!rc)
		rc = tree_mark_inode(v, in);
	if (!rc)
		rc = tree_mark_name(v, parent, name);
	if (!rc && in->nlink == 1)
		rc = file_first_name(v, in);
	if (!rc)
		rc = meta_dentry_add(v->meta, parent, name, in->ino);
	if (rc)
		return rc;
	id_set_count(in, link_count(in) + 1);
	in->nlink++;
	in->flags |= META_I_ATTR_DIRTY;
	in->ctime_ns = clock_real_ns();
	in->change++;
	return meta_inode_put(v->meta, in);
}

int link_removed(struct vfs *v, struct meta_inode *in)
{
	uint32_t count = id_count(in->link_id);
	int rc;

	if (!in->link_id[0] || in->nlink == 0)
		return 0;
	if (count > 2)
		id_set_count(in, count - 1);
	else
		in->link_id[0] = '\0';
	rc = tree_mark_inode(v, in);
	in->flags |= META_I_ATTR_DIRTY;
	in->change++;
	return rc ? rc : meta_inode_put(v->meta, in);
}

int link_note_saved(struct vfs *v, const struct meta_inode *in,
		    const char *path, const struct meta_version *version)
{
	struct meta_dentry de = {.name = ""};
	char at[META_KEY_MAX + 1];
	int rc;

	if (S_ISDIR(in->mode) || in->nlink < 2)
		return 0;
	while (!(rc = meta_name_next(v->meta, in->ino, de.parent, de.name,
				     &de))) {
		rc = meta_path(v->meta, de.parent, de.name, at);
		if (rc == -ESTALE)
			continue; /* in a directory that is gone */
		if (!rc && !strcmp(at, path))
			return meta_name_version_put(
				v->meta, in->ino, de.parent, de.name, version);
		if (rc)
			return rc;
	}
	return rc == -ENOENT ? 0 : rc;
}

/* Whether two objects with one id still are one file. */
static bool same_file(const struct meta_inode *a, const struct meta_inode *b)
{
	return !strncmp(a->link_id, b->link_id, ID_LEN + 1) &&
	       a->size_bytes == b->size_bytes && a->mtime_ns == b->mtime_ns &&
	       a->mode == b->mode && !(a->flags & META_I_STAGED);
}

int link_join(struct vfs *v, const struct meta_inode *in, bool *ret_joined)
{
	char name[sizeof(ID_NOTE) + ID_LEN];
	struct meta_inode other;
	struct meta_dentry de;
	uint64_t ino;
	int rc;

	*ret_joined = false;
	if (!id_valid(in->link_id) || in->nlink != 1)
		return 0;
	snprintf(name, sizeof(name), ID_NOTE "%.16s", in->link_id);
	if (meta_sys_get_u64(v->meta, name, &ino) ||
	    meta_inode_get(v->meta, ino, &other) || other.nlink == 0)
		return note_id(v, in);
	if (ino == in->ino || !same_file(&other, in) ||
	    nodes_is_open(v->nodes, in->ino))
		return 0;
	rc = meta_name_next(v->meta, in->ino, 0, "", &de);
	if (!rc && other.nlink == 1)
		rc = file_first_name(v, &other);
	if (!rc)
		rc = meta_dentry_set(v->meta, de.parent, de.name, ino);
	if (!rc)
		rc = meta_name_version_put(v->meta, ino, de.parent, de.name,
					   &in->base);
	other.nlink++;
	if (!rc)
		rc = meta_inode_put(v->meta, &other);
	/* Clean, and its name shows the same content as before. */
	if (!rc)
		rc = meta_inode_del(v->meta, in->ino);
	if (!rc)
		vfs_inval_entry(v, de.parent, de.name);
	*ret_joined = !rc;
	return rc;
}
