/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who may look where in the versions view. The kernel compares mode and owner
 * on every way through it, so a directory there has those of what it tells
 * of, and history is no way around the modes of the live tree:
 *
 *	a directory		its own, as it is now
 *	one that is gone	those of its newest version; none: UNKNOWN_MODE,
 *				as it may have had any
 *	a file			those of the directory that it is or was in,
 *				since its entries are names
 *
 * Its owner alone may write in it, which here means to take entries away. At
 * an instant a directory has the attributes of then (view_node.c). One that
 * had no object of its own yet, having been made a moment before, has those
 * that it got.
 */
#include <errno.h>
#include <linux/xattr.h>
#include <string.h>

#include "list_at.h"
#include "vers3/meta/dentry.h"
#include "vers3/object/acl.h"
#include "vers3/object/overflow.h"
#include "vers3/tree/dir.h"
#include "vers3/tree/tree.h"
#include "vers3/util/clock.h"
#include "vers3/util/path.h"
#include "view_node.h"

#define UNKNOWN_MODE 0700

static void take(struct view_node *n, uint32_t mode, uint32_t uid, uint32_t gid)
{
	n->mode = S_IFDIR | (mode & 07777);
	n->uid = uid;
	n->gid = gid;
}

/* Those of a live directory; its list of who may do what is in the mode. */
static int take_live(struct view *view, const struct meta_inode *inode,
		     struct view_node *n)
{
	uint32_t mode = inode->mode;
	struct meta_val list;
	int rc;

	/* Where they cannot be read the mode says nothing of the others. */
	tree_lists(view->tree, inode->ino);
	rc = meta_lock(view->meta);
	if (rc)
		return rc;
	if (overflow_is_away(view->mount, inode->ino, OVERFLOW_RIGHTS))
		mode &= ~077u;
	rc = meta_xattr_get(view->meta, inode->ino, XATTR_NAME_POSIX_ACL_ACCESS,
			    &list);
	if (!rc)
		mode = acl_strict_mode(list.data, list.size, mode);
	meta_unlock(view->meta);
	if (rc && rc != -ENODATA)
		return rc;
	take(n, mode, inode->uid, inode->gid);
	return 0;
}

static void take_unknown(struct view *view, uint32_t mode, struct view_node *n)
{
	take(n, mode, view->mount->config.defaults.uid,
	     view->mount->config.defaults.gid);
	n->lacks = META_I_LACKS_UID | META_I_LACKS_GID;
}

/*
 * The live directory at a path, as old as ttl at most. -ENOENT when there is
 * none: nothing, or a file.
 */
static int live_dir(struct view *view, const char *path, struct meta_inode *ret)
{
	char name[META_NAME_MAX + 1];
	uint64_t ino = META_ROOT_INO;
	int rc = *path ? 0 : dir_inode(view->tree, ino, ret);

	while (!rc && *path) {
		size_t len = strcspn(path, "/");

		if (len > META_NAME_MAX)
			return -ENOENT;
		memcpy(name, path, len);
		name[len] = '\0';
		path += len + (path[len] == '/');
		rc = dir_lookup(view->tree, ino, name, ret);
		if (!rc && !S_ISDIR(ret->mode))
			rc = -ENOENT;
		ino = ret->ino;
	}
	return rc;
}

/* Asks for the attributes of a directory's own object. */
static int ask_own(struct view *view, const char *path,
		   const struct history_entry *version, struct view_node *n)
{
	const struct view_node root = {.root = 0};
	struct past_entry e = {.dir = true, .version = *version};
	struct view_node own;
	int rc;

	view_node_of_snapshot(&root, path, &e, &own);
	rc = view_node_ask_version(view, &own);
	if (rc)
		return rc;
	take(n, own.mode, own.uid, own.gid);
	n->lacks = own.lacks;
	strcpy(n->version.version_id, version->version_id);
	strcpy(n->version.etag, version->etag);
	n->known = own.known;
	return 0;
}

/*
 * A directory that is gone. What was asked stays with its node in the root's
 * .versions: one list in ttl, and one HEAD a version. at_ns is when.
 */
static int gone_dir(struct view *view, const char *path, struct view_node *n)
{
	struct view_node filed, name = {.kind = VIEW_NAME, .dir = true};
	int64_t now = clock_real_ns(), age;
	struct history_entry e;
	uint64_t ino;
	int rc;

	strcpy(name.path, path);
	ino = view_node_number(&name);
	rc = view_node_read(view, ino, &filed);
	if (rc && rc != -ESTALE)
		return rc;
	if (rc || !filed.known)
		filed = name;
	age = now - filed.at_ns;
	if (!filed.known || age < 0 || age >= view->mount->config.ttl_ns) {
		rc = list_at_own(view, path, &e);
		if (!rc && (!filed.known ||
			    strcmp(e.version_id, filed.version.version_id) ||
			    strcmp(e.etag, filed.version.etag)))
			rc = ask_own(view, path, &e, &filed);
		/* Purged, never there, or not to be seen with these keys. */
		if (rc == -ENOENT || rc == -EACCES) {
			filed = name;
			filed.known = true;
			take_unknown(view, UNKNOWN_MODE, &filed);
			rc = 0;
		}
		filed.at_ns = now;
		if (!rc)
			rc = view_node_put(view, ino, &filed);
	}
	if (!rc)
		take(n, filed.mode, filed.uid, filed.gid);
	return rc;
}

/* What a directory, or the one that a file is in, says of a name. */
static int guard_name(struct view *view, struct view_node *n)
{
	char path[META_KEY_MAX + 1];
	struct meta_inode inode;
	int rc;

	strcpy(path, n->path);
	if (!n->dir)
		path_to_parent(path);
	rc = live_dir(view, path, &inode);
	if (!rc)
		rc = take_live(view, &inode, n);
	else if (rc == -ENOENT)
		rc = gone_dir(view, path, n);
	if (rc)
		return rc;
	n->mode &= S_IFMT | 0755;
	/* What is removed for good is for the mounting user to say. */
	if (view->mount->config.read_only ||
	    (view->mount->config.versions == MOUNT_VERSIONS_PURGE &&
	     n->uid != view->mount->config.defaults.uid))
		n->mode &= ~(uint32_t)0222;
	n->known = false;
	return 0;
}

/* A local directory that has attributes of its own, sent or not. */
static int made_here(struct view *view, const char *path, struct view_node *n)
{
	struct meta_inode inode;
	uint64_t ino;
	int rc = meta_lock(view->meta);

	if (rc)
		return rc;
	rc = meta_resolve(view->meta, path, &ino);
	if (!rc)
		rc = meta_inode_get(view->meta, ino, &inode);
	meta_unlock(view->meta);
	if (rc)
		return rc;
	if (!S_ISDIR(inode.mode) || !(inode.flags & META_I_ATTRS) ||
	    (*path && !(inode.flags & META_I_EXPLICIT)))
		return -ENOENT;
	return take_live(view, &inode, n);
}

/* A directory of an instant that had no object of its own then. */
static int guard_snapshot(struct view *view, struct view_node *n)
{
	struct history_entry e;
	int rc = made_here(view, n->path, n);

	if (!rc || rc != -ENOENT)
		return rc;
	rc = *n->path && !n->bare ? list_at_own(view, n->path, &e) : -ENOENT;
	if (!rc) {
		struct view_node own = *n;

		rc = ask_own(view, n->path, &e, &own);
		if (!rc) {
			take(n, own.mode, own.uid, own.gid);
			n->lacks = own.lacks;
			n->mtime_ns = n->at_ns;
			n->known = own.known;
		}
	}
	if (rc == -ENOENT || rc == -EACCES) {
		take_unknown(view, view->mount->config.defaults.dir_mode, n);
		rc = 0;
	}
	return rc;
}

int view_guard(struct view *view, struct view_node *n)
{
	return n->kind == VIEW_PAST_DIR ? guard_snapshot(view, n)
					: guard_name(view, n);
}
