/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Looking up names in the versions view. A name is one directory there,
 * whether it was a file, a directory or both in its life: it holds the file's
 * versions and whatever stood below it. At the top of a .versions there are
 * the instants, too: view_node.h tells the kinds apart.
 */
#include "vers3/object/acl.h"
#include "view_node.h"

#include <errno.h>
#include <linux/xattr.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "shadow_copy.h"
#include "timestamp.h"
#include "vers3/core/entry.h"
#include "vers3/core/mount.h"
#include "vers3/history/history.h"
#include "vers3/history/named_snapshots.h"
#include "vers3/meta/inode.h"
#include "vers3/object/objattr.h"
#include "vers3/object/overflow.h"
#include "vers3/object/expire.h"
#include "vers3/object/s3set.h"
#include "vers3/object/s3xattr.h"
#include "vers3/read/reader.h"
#include "vers3/store/store.h"
#include "vers3/util/clock.h"
#include "view_bound.h"

#define INSTANT_XATTR "user.s3.instant"
/* What is a time before now counts in steps of such a part of itself. */
#define RELATIVE_STEPS 240

uint64_t view_shown(const struct view *view, uint64_t ino)
{
	return view->mount->at_ns && ino == META_ROOT_INO ? MOUNT_AT_INO : ino;
}

/* A name in a directory of an instant. */
static int lookup_snapshot(struct view *view, uint64_t parent,
			   const struct view_node *dir, const char *name,
			   struct vfs_entry *ret)
{
	char path[META_KEY_MAX + 1];
	struct past_entry e;
	struct view_node n;
	int rc = mount_child_path(dir->path, name, path);

	if (!dir->path[0] && !mount_name_ok(view->mount, name))
		return -ENOENT;
	if (!rc)
		rc = snapshot_find(view, view->snapshot, dir->at_ns, path, &e);
	if (rc)
		return rc;
	view_node_of_snapshot(dir, path, &e, &n);
	rc = view_node_file(view, &n, &ret->ino);
	if (!rc && !n.known && !e.dir)
		past_row_look_up(view, parent, dir, name);
	if (!rc)
		rc = view_node_entry(view, &n, ret);
	/* While the instant is not over, the name may get another version. */
	if (!rc)
		ret->ttl_ns = snapshot_ttl_ns(view, dir->at_ns);
	return rc;
}

/* Whether it is a .versions itself, of the root or of DIR. */
static bool is_top(const struct view_node *n)
{
	return n->kind == VIEW_NAME && strlen(n->path) == n->root_len;
}

/*
 * The instant that a name after '@' spells. One that is counted from now is
 * rounded down, so that it stays the same for a while. -ENOENT: none.
 */
static int read_instant(struct view *view, const char *text, int64_t *ret_ns)
{
	int64_t step, now = mount_server_now_ns(view->mount);
	int rc = named_snapshot_time(view, text, ret_ns);

	if (rc)
		return rc == -EINVAL ? -ENOENT : rc;
	if (timestamp_is_relative(text)) {
		step = (now - *ret_ns) / RELATIVE_STEPS;
		step -= step % NS_PER_S;
		if (step < NS_PER_S)
			step = NS_PER_S;
		*ret_ns -= *ret_ns % step;
	}
	return 0;
}

/* The directory of an instant: the root as it was, or DIR. */
static int lookup_instant(struct view *view, uint64_t parent,
			  const struct view_node *top, const char *name,
			  struct vfs_entry *ret)
{
	struct past_entry e = {.dir = true};
	struct view_node n, root = {.root_len = top->root_len};
	int rc = top->kind == VIEW_GMT
			 ? shadow_copy_time(view, name, &root.at_ns)
			 : read_instant(view, name + 1, &root.at_ns);

	if (!rc && top->path[0])
		rc = snapshot_find(view, view->snapshot, root.at_ns, top->path,
				   &e);
	if (!rc && !e.dir)
		rc = -ENOENT;
	if (rc)
		return rc;
	root.root = view_node_root_number(parent, name, root.at_ns);
	view_node_of_snapshot(&root, top->path, &e, &n);
	rc = view_node_entry(view, &n, ret);
	/* The spelling, or the point, may soon mean another instant. */
	if (!rc && ret->ttl_ns > view->mount->config.ttl_ns)
		ret->ttl_ns = view->mount->config.ttl_ns;
	return rc;
}

void view_forget(struct view *view)
{
	history_forget(view->history);
	snapshot_forget(view->snapshot);
	view_find_forget(view);
}

/* The versions of a directory's own object; path: theirs. */
static int look_up_own(struct view *view, const struct view_node *dir,
		       char *path)
{
	struct history_seen seen = {0};
	int rc;

	if (!dir->path[0])
		return -ENOENT;
	rc = view_path_own(dir->path, path);
	if (!rc)
		rc = history_load_name(view, view->history, path, &seen);
	return rc || seen.any ? rc : -ENOENT;
}

int view_lookup(struct view *view, uint64_t parent, const char *name,
		struct vfs_entry *ret)
{
	struct view_node dir, n;
	struct history_seen seen = {0};
	struct history_entry e;
	int rc;

	if (strlen(name) > META_NAME_MAX)
		return -ENAMETOOLONG;
	rc = view_node_read(view, parent, &dir);
	if (rc)
		return rc;
	if (dir.kind == VIEW_PAST_DIR)
		return lookup_snapshot(view, parent, &dir, name, ret);
	if (dir.kind == VIEW_GMT)
		return lookup_instant(view, parent, &dir, name, ret);
	if (dir.kind != VIEW_NAME)
		return -ENOTDIR;
	if (parent == MOUNT_VERSIONS_INO && !strcmp(name, GMT_DIR)) {
		memset(&n, 0, sizeof(n));
		n.kind = VIEW_GMT;
		return view_node_entry(view, &n, ret);
	}
	if (name[0] == '@' && is_top(&dir)) {
		rc = lookup_instant(view, parent, &dir, name, ret);
		if (rc != -ENOENT)
			return rc;
	}
	/* Objects of our own are no part of any history. */
	if (!dir.path[0] && mount_is_own_name(view->mount, name))
		return -ENOENT;
	rc = view_find_version(view, dir.path, name, &e);
	if (!rc) {
		view_node_of_entry(dir.path, &e, &n);
		rc = view_node_entry(view, &n, ret);
		/* Under another spelling than its own: see view_name.c. */
		if (!rc && !view_name_lasts(&e, name) &&
		    ret->ttl_ns > view->mount->config.ttl_ns)
			ret->ttl_ns = view->mount->config.ttl_ns;
		return rc;
	}
	if (rc != -ENOENT)
		return rc;
	memset(&n, 0, sizeof(n));
	n.kind = VIEW_NAME;
	n.root_len = dir.root_len;
	rc = view_path_is_own(dir.path)
		     ? -ENOENT
		     : mount_child_path(dir.path, name, n.path);
	if (!rc)
		rc = history_load_name(view, view->history, n.path, &seen);
	if (!rc && !seen.any && !seen.dir)
		rc = strcmp(name, VIEW_OWN) ? -ENOENT
					    : look_up_own(view, &dir, n.path);
	n.dir = seen.dir;
	return rc ? rc : view_node_entry(view, &n, ret);
}

int view_of_dir(struct view *view, const char *path, struct vfs_entry *ret)
{
	struct view_node n;

	memset(&n, 0, sizeof(n));
	n.kind = VIEW_NAME;
	n.dir = true;
	strcpy(n.path, path);
	n.root_len = (uint16_t)strlen(path);
	return view_node_entry(view, &n, ret);
}

int view_getattr(struct view *view, uint64_t ino, struct stat *ret_st)
{
	struct view_node n;
	int rc = view_node_read(view, ino, &n);

	if (!rc)
		rc = view_node_attrs(view, ino, &n);
	if (!rc)
		view_node_stat(view, ino, &n, ret_st);
	return rc;
}

bool view_follows(struct view *view, uint64_t ino)
{
	struct view_node n;

	return mount_is_view(ino) && !view_node_read(view, ino, &n) &&
	       view_node_is_dir(&n) && (n.kind != VIEW_PAST_DIR || !n.path[0]);
}

static bool has_content(const struct view_node *n)
{
	return n->kind == VIEW_VERSION || n->kind == VIEW_PAST_FILE;
}

/* Whether S3 can tell of it: not of an implicit directory. */
static bool has_object(const struct view_node *n)
{
	return has_content(n) ||
	       (n->kind == VIEW_PAST_DIR && n->version.version_id[0]);
}

int view_readlink(struct view *view, uint64_t ino, struct buf *target)
{
	char text[PATH_MAX];
	struct view_node n;
	int rc = view_node_read(view, ino, &n);

	if (!rc)
		rc = view_node_attrs(view, ino, &n);
	if (rc)
		return rc;
	if (!has_content(&n) || !S_ISLNK(n.mode) ||
	    n.version.size_bytes >= sizeof(text))
		return -EINVAL;
	rc = reader_read_sync(view->reader, &n.version, 0, text,
			      n.version.size_bytes);
	rc = rc == -ESTALE ? -EIO : rc;
	return rc ? rc : buf_add(target, text, n.version.size_bytes);
}

static int view_version(struct view *view, uint64_t ino,
			struct meta_version *ret)
{
	struct view_node n;
	int rc = view_node_read(view, ino, &n);

	if (rc)
		return rc;
	if (view_node_is_dir(&n))
		return -EISDIR;
	*ret = n.version;
	if (n.kind == VIEW_MARKER)
		memset(ret, 0, sizeof(*ret));
	return 0;
}

int view_open(struct view *view, uint64_t ino, struct meta_version *ret)
{
	int rc = view_bound_open(view->bound, ino);

	if (rc)
		return rc;
	rc = view_version(view, ino, ret);
	if (rc)
		view_bound_close(view->bound, ino);
	return rc;
}

void view_close(struct view *view, uint64_t ino)
{
	view_bound_close(view->bound, ino);
}

static int head_list(const struct store_object *o, struct kvlist *ret)
{
	kvlist_init(ret);
	return kvlist_copy(ret, &o->headers);
}

/* The instant of a directory's tree, so exact that it can be asked for. */
static int put_instant(const struct view_node *n, struct buf *value)
{
	char when[24];

	if (n->kind != VIEW_PAST_DIR)
		return -ENODATA;
	clock_format_iso8601(n->at_ns, when, sizeof(when));
	when[strlen(when) - 1] = '\0';
	return buf_printf(value, "%s.%09" PRId64 "Z", when,
			  n->at_ns % NS_PER_S);
}

/*
 * All that a version has, wherever it is; name: the one that is wanted, or
 * NULL. Before it executes a file the kernel asks for its capabilities: what
 * cannot have them is not read for that. The caller releases x.
 */
static int read_xattrs(struct view *view, const struct view_node *n,
		       const struct store_object *o, const char *name,
		       struct objattr_xattrs *x)
{
	bool caps = name && !strcmp(name, XATTR_NAME_CAPS);
	const char *ref = kvlist_get(&o->meta, OVERFLOW_META);
	struct objattr a;
	int rc = objattr_parse(n->version.key, &o->meta, &o->headers, 0,
			       &view->mount->config.defaults, &a, x);

	if (!rc && ref && overflow_is_ref(ref) &&
	    (!caps || overflow_has_rights(ref)))
		rc = overflow_read(view->mount, ref, x);
	return rc;
}

int view_getxattr(struct view *view, uint64_t ino, const char *name,
		  struct buf *value)
{
	const struct objattr_xattr *one;
	struct objattr_xattrs x = {0};
	struct store_request r;
	struct view_node n;
	struct kvlist head;
	int rc = view_node_read(view, ino, &n);

	if (rc)
		return rc;
	if (!strcmp(name, INSTANT_XATTR))
		return put_instant(&n, value);
	if (!has_object(&n) ||
	    (!(objattr_xattr_ok(name) && !acl_is(name)) && !s3xattr_owns(name)))
		return -ENODATA;
	/* Some of what is asked for is known: no request. */
	if (s3xattr_is(name, "renamed_from")) {
		rc = view_node_attrs(view, ino, &n);
		return rc ? rc
			  : rename_source_tell(view->mount, n.renamed, value);
	}
	if (s3xattr_is(name, "url"))
		return mount_url(view->mount, n.version.key,
				 n.version.version_id, value);
	if (s3xattr_is(name, "expire"))
		return expire_get_version(view->mount, &n.version, value);
	if (s3xattr_is(name, "tags"))
		return s3set_get_tags(view->mount, &n.version, value);
	kvlist_init(&head);
	if (s3xattr_of_version(name))
		return s3xattr_get(name, &n.version, &head, value);
	rc = view_node_head(view, &n, &r);
	if (rc)
		goto out;
	if (s3xattr_owns(name)) {
		rc = head_list(&r.reply.object, &head);
		if (!rc)
			rc = s3xattr_get(name, &n.version, &head, value);
		kvlist_release(&head);
		goto out;
	}
	rc = read_xattrs(view, &n, &r.reply.object, name, &x);
	if (!rc) {
		one = objattr_xattrs_find(&x, name);
		rc = one ? buf_add(value, one->value, one->size) : -ENODATA;
	}
	objattr_xattrs_release(&x);
out:
	store_request_release(&r);
	return rc;
}

int view_setxattr(struct view *view, uint64_t ino, const char *name,
		  const void *value, size_t size)
{
	struct view_node n;
	int rc = view_node_read(view, ino, &n);

	if (rc)
		return rc;
	if (!s3set_owns(name))
		return -EROFS;
	return has_content(&n) ? s3set(view->mount, &n.version, name,
				       value ? value : "", size)
			       : -EOPNOTSUPP;
}

int view_listxattr(struct view *view, uint64_t ino, struct buf *names)
{
	struct objattr_xattrs x = {0};
	struct store_request r;
	struct view_node n;
	int rc = view_node_read(view, ino, &n);

	if (rc || !has_object(&n))
		return rc;
	rc = view_node_head(view, &n, &r);
	if (!rc)
		rc = read_xattrs(view, &n, &r.reply.object, NULL, &x);
	/* Lists of access are in the modes here (view_node.h). */
	for (size_t i = 0; !rc && i < x.count; i++)
		if (!acl_is(x.items[i].name))
			rc = buf_add(names, x.items[i].name,
				     strlen(x.items[i].name) + 1);
	objattr_xattrs_release(&x);
	store_request_release(&r);
	return rc;
}

void view_forgotten(struct view *view, uint64_t ino)
{
	if (view && mount_is_view(ino))
		view_bound_forgotten(view->bound, ino);
}
