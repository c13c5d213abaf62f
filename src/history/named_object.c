/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goes along a path by the namespace and by the view, in which a version whose
 * whole name is given is found by its number: without a list.
 */
#include "vers3/history/named_object.h"

#include <errno.h>
#include <string.h>

#include "vers3/core/mount.h"
#include "vers3/history/view.h"
#include "vers3/meta/dentry.h"
#include "vers3/meta/dirty.h"
#include "vers3/net/uri.h"
#include "vers3/tree/dir.h"
#include "vers3/util/errtext.h"
#include "vers3/util/gitconfig.h"
#include "view_node.h"

/* The first component; *path goes on behind it. */
static int next_name(const char **path, char name[META_NAME_MAX + 1])
{
	size_t len = strcspn(*path, "/");

	if (len > META_NAME_MAX)
		return -ENAMETOOLONG;
	memcpy(name, *path, len);
	name[len] = '\0';
	*path += len + ((*path)[len] == '/');
	return 0;
}

/* Where .versions stands in a path; NULL: in none. *ret_rest: behind it. */
static const char *find_history(const struct mount *mount, const char *path,
				const char **ret_rest)
{
	char name[META_NAME_MAX + 1];

	while (*path) {
		const char *at = path;

		if (next_name(&path, name))
			return NULL;
		if (mount_is_versions_name(mount, name)) {
			*ret_rest = path;
			return at;
		}
	}
	return NULL;
}

/* ---- in .versions ---- */

/* Whether a name is TIME~ID of a version that the view knows by its number. */
static bool is_known(struct view *view, const char *path, const char *name,
		     struct view_node *n)
{
	struct history_entry e = {.order = 0};
	const char *id;
	struct buf text;
	bool known;

	if (!view_name_scan(name, &id) || !id)
		return false;
	buf_init(&text, META_VERSION_MAX);
	known = !uri_decode(&text, id + 1, strlen(id + 1), false) && text.len;
	if (known)
		strcpy(e.version_id, text.data);
	buf_release(&text);
	if (!known)
		return false;
	view_node_of_entry(path, &e, n);
	if (view_node_read(view, view_node_number(n), n))
		return false;
	/* Its time is a part of the name. */
	e.last_modified_ns = n->version.last_modified_ns;
	return view_entry_match(&e, NULL, name, id) == VIEW_MATCH_WHOLE;
}

/* The version in the history of a path, without asking for its attributes. */
static int find_named(struct view *view, const char *path, const char *name,
		      struct view_node *n)
{
	struct history_entry e;
	int rc;

	if (is_known(view, path, name, n))
		return 0;
	rc = view_find_version(view, path, name, &e);
	if (!rc)
		view_node_of_entry(path, &e, n);
	return rc;
}

/* Along the names of rest, from a directory of the view. */
static int walk_view(struct view *view, uint64_t ino, const char *rest,
		     struct view_node *n)
{
	char name[META_NAME_MAX + 1];
	struct vfs_entry entry = {.ino = ino};
	int rc = 0;

	while (!rc && *rest) {
		rc = next_name(&rest, name);
		if (!rc)
			rc = view_lookup(view, entry.ino, name, &entry);
	}
	return rc ? rc : view_node_read(view, entry.ino, n);
}

/* `dir` is the directory whose .versions it is, "" : the root. */
static int find_version(struct view *view, const char *dir, const char *rest,
			struct view_node *n)
{
	char below[META_KEY_MAX + 1], path[META_KEY_MAX + 1];
	const char *slash = strrchr(rest, '/');
	struct vfs_entry top = {.ino = MOUNT_VERSIONS_INO};
	int rc = 0;

	/* Else it is in an instant, or names none: the walk tells. */
	if (slash && *rest != '@') {
		memcpy(below, rest, (size_t)(slash - rest));
		below[slash - rest] = '\0';
		if (!mount_child_path(dir, below, path) &&
		    !find_named(view, path, slash + 1, n))
			return 0;
	}
	if (*dir)
		rc = view_of_dir(view, dir, &top);
	return rc ? rc : walk_view(view, top.ino, rest, n);
}

static int take_version(const struct view_node *n, const char *path,
			struct named_object *ret, struct buf *answer)
{
	if (view_node_is_dir(n))
		return gitconfig_say(answer, -EISDIR, path,
				     "is a directory of the history; want a "
				     "version of a file in it");
	if (n->kind == VIEW_MARKER)
		return gitconfig_say(
			answer, -EINVAL, path,
			"is a delete marker, which has no content");
	strcpy(ret->path, n->version.key);
	strcpy(ret->version_id, n->version.version_id);
	ret->version = ret->held = true;
	return 0;
}

/* ---- in the live tree ---- */

/* Asks for names that are not known, from the root on. */
static int look_up(struct view *view, const char *path)
{
	char name[META_NAME_MAX + 1];
	struct meta_inode inode = {.ino = META_ROOT_INO, .mode = S_IFDIR};
	int rc = 0;

	while (!rc && *path) {
		rc = next_name(&path, name);
		if (!rc && !S_ISDIR(inode.mode))
			rc = -ENOTDIR;
		if (!rc)
			rc = dir_lookup(view->tree, inode.ino, name, &inode);
	}
	return rc;
}

/* What is known of a path. With meta_lock() held. */
static int read_known(struct view *view, const char *path,
		      struct named_object *ret)
{
	struct meta_dirty dirty;
	struct meta_inode inode;
	uint64_t ino = META_ROOT_INO;
	int rc = *path ? meta_resolve(view->meta, path, &ino) : 0;

	if (!rc)
		rc = meta_inode_get(view->meta, ino, &inode);
	if (rc)
		return rc;
	ret->directory = S_ISDIR(inode.mode);
	ret->held = inode.base.key[0];
	ret->unsent = inode.flags & META_I_STAGED;
	rc = ret->directory ? -ENOENT
			    : meta_dirty_get(view->meta, path, &dirty);
	if (rc)
		return rc == -ENOENT ? 0 : rc;
	ret->unsent = true;
	ret->held = dirty.known.key[0];
	return 0;
}

static int find_live(struct view *view, const char *path,
		     struct named_object *ret)
{
	int rc = meta_lock(view->meta);

	if (rc)
		return rc;
	rc = read_known(view, path, ret);
	meta_unlock(view->meta);
	if (rc != -ENOENT)
		return rc;
	rc = look_up(view, path);
	if (!rc)
		rc = meta_lock(view->meta);
	if (rc)
		return rc;
	rc = read_known(view, path, ret);
	meta_unlock(view->meta);
	return rc;
}

static int say_error(int rc, const char *path, struct buf *answer)
{
	if (rc == -ENOENT || rc == -ENOTDIR || rc == -ESTALE)
		return gitconfig_say(answer, -ENOENT, path,
				     "there is no such file");
	return gitconfig_say(answer, rc, path, errtext(rc));
}

int named_object_find(struct view *view, const char *path,
		      struct named_object *ret, struct buf *answer)
{
	struct named_object found = {.version = false};
	char dir[META_KEY_MAX + 1];
	const char *rest = NULL, *at;
	struct view_node n;
	int rc;

	if (strlen(path) > META_KEY_MAX)
		return say_error(-ENAMETOOLONG, path, answer);
	at = find_history(view->mount, path, &rest);
	if (at) {
		size_t len = (size_t)(at - path);

		memcpy(dir, path, len);
		dir[len ? len - 1 : 0] = '\0';
		rc = find_version(view, dir, rest, &n);
	} else if (view->mount->at_ns) {
		rc = walk_view(view, MOUNT_AT_INO, path, &n);
	} else {
		strcpy(found.path, path);
		rc = find_live(view, path, &found);
	}
	if (!rc && (at || view->mount->at_ns))
		rc = take_version(&n, path, &found, answer);
	else if (rc)
		rc = say_error(rc, path, answer);
	if (!rc)
		*ret = found;
	return rc;
}
