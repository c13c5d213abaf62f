/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Renames. A name changes in the namespace at once; in the bucket the new
 * key is a server-side copy of the version that the inode is based on, and
 * the old key gets a delete marker. The two need no order where the source
 * is pinned by its version id. Where it is not (an unversioned bucket, or an
 * object that was listed and never asked for) the old key's dirty record
 * says that it waits for the new one.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "purge.h"
#include "renamed.h"
#include "vers3/util/clock.h"
#include "vers3/vfs/dir.h"
#include "vers3/vfs/link.h"
#include "vers3/vfs/merge.h"
#include "vers3/vfs/syncer.h"
#include "vers3/vfs/tree.h"

#define HOLDS_MAX  100 /* keys that wait for one another, in a row */
#define KNOT_TRIES 4

/* A walk over what is moved, with both paths of where it stands. */
struct move {
	struct vfs *v; /* borrowed */
	bool check; /* only looks */
	bool exchange; /* something may stand where it goes */
	size_t from_len, to_len;
	char from[META_KEY_MAX + 2], to[META_KEY_MAX + 2];
};

/* One end of a rename, read under the lock. */
struct end {
	uint64_t parent;
	const char *name;
	bool exists;
	struct meta_inode in;
	char path[META_KEY_MAX + 1];
};

static bool is_pinned(struct vfs *v, const struct meta_inode *in)
{
	return v->config.versioned && in->base.version_id[0];
}

static int key_of(const char *path, bool dir, char *key)
{
	int n = snprintf(key, META_KEY_MAX + 2, "%s%s", path, dir ? "/" : "");

	return n > META_KEY_MAX ? -ENAMETOOLONG : 0;
}

/* Whether the bytes of its base are wanted; of an empty one the object is. */
static bool needs_base(const struct meta_inode *in)
{
	return in->base.key[0] && (in->base_bytes || !in->base.size_bytes);
}

int tree_hold_source(struct vfs *v, const struct meta_inode *in,
		     const char *new_key)
{
	struct meta_dirty d;
	int rc;

	if (!needs_base(in) || is_pinned(v, in))
		return 0;
	rc = meta_dirty_get(v->meta, in->base.key, &d);
	if (rc == -ENOENT)
		return 0; /* its key is clean: nothing will touch it */
	if (rc)
		return rc;
	strcpy(d.after, strcmp(new_key, in->base.key) ? new_key : "");
	return meta_dirty_put(v->meta, &d);
}

/*
 * Two that change places by a third name would wait for each other for ever,
 * each being the other's only copy: -EAGAIN when what tree_hold_source() is
 * to note would make a knot. (Notes that have lost their reason count too:
 * a rename may give it back.)
 */
static int check_hold(struct vfs *v, const struct meta_inode *in,
		      const char *new_key)
{
	struct meta_dirty d;
	const char *at = new_key;

	if (S_ISDIR(in->mode) || !needs_base(in) || is_pinned(v, in) ||
	    !strcmp(new_key, in->base.key))
		return 0;
	for (int i = 0; i < HOLDS_MAX; i++, at = d.after) {
		char key[META_KEY_MAX + 1];

		strcpy(key, at);
		if (meta_dirty_get(v->meta, key, &d) || !d.after[0])
			return 0;
		if (!strcmp(d.after, in->base.key))
			return -EAGAIN;
	}
	return -EAGAIN;
}

/*
 * What the bucket holds where something is going to: in an exchange, what the
 * name there stands for until now. NULL: nothing.
 */
static const struct meta_version *known_at(struct vfs *v, const char *key,
					   struct meta_version *buf)
{
	size_t len = strlen(key);
	bool marker = len && key[len - 1] == '/';
	char dir[META_KEY_MAX + 2], *name;
	const struct meta_version *known;
	struct meta_dentry de;
	struct meta_inode in;
	uint64_t parent;

	memcpy(dir, key, len + 1);
	dir[len - marker] = '\0';
	name = strrchr(dir, '/');
	if (name)
		*name++ = '\0';
	if (meta_resolve(v->meta, name ? dir : "", &parent) ||
	    meta_dentry_get(v->meta, parent, name ? name : dir, &de) ||
	    meta_inode_get(v->meta, de.ino, &in) || S_ISDIR(in.mode) != marker)
		return NULL;
	known = link_known(v, &in, parent, de.name, key, buf);
	if (known && known != buf)
		*buf = *known; /* it stands in `in` */
	return known ? buf : NULL;
}

static void path_cut(char *path, size_t *len, size_t to)
{
	*len = to;
	path[to] = '\0';
}

/* Leaves room for the '/' of a marker. */
static int path_add(const struct vfs *v, char *path, size_t *len,
		    const char *name)
{
	size_t n = strlen(name);

	if (*len + 1 + n + strlen(v->config.prefix) >= META_KEY_MAX)
		return -ENAMETOOLONG;
	path[*len] = '/';
	memcpy(path + *len + 1, name, n + 1);
	*len += 1 + n;
	return 0;
}

/* Marks one inode's old and new key. */
static int mark_both(struct move *m, const struct meta_inode *in,
		     uint64_t parent, const char *name)
{
	int64_t delay_ns = m->v->config.commit_ns;
	const struct meta_version *known;
	struct meta_version own;
	int rc;

	known = link_known(m->v, in, parent, name, m->from, &own);
	rc = syncer_mark(m->v, m->from, known, delay_ns);
	if (rc)
		return rc;
	known = m->exchange ? known_at(m->v, m->to, &own) : NULL;
	return syncer_mark(m->v, m->to, known, delay_ns);
}

/* The same; the marker's for a directory. */
static int move_key(struct move *m, const struct meta_inode *in,
		    uint64_t parent, const char *name)
{
	size_t from_len = m->from_len, to_len = m->to_len;
	int rc;

	if (!S_ISDIR(in->mode)) {
		rc = mark_both(m, in, parent, name);
		if (!rc)
			rc = tree_hold_source(m->v, in, m->to);
		if (!rc)
			rc = renamed_note(m->v, in, m->from, m->to);
		return rc || in->nlink < 2 ? rc : link_moved(m->v, in->ino);
	}
	if (!(in->flags & META_I_EXPLICIT))
		return 0;
	strcpy(m->from + m->from_len++, "/");
	strcpy(m->to + m->to_len++, "/");
	rc = mark_both(m, in, parent, name);
	path_cut(m->from, &m->from_len, from_len);
	path_cut(m->to, &m->to_len, to_len);
	return rc;
}

/* Whether the new path can be a key, and its source can wait for it. */
static int check_key(const struct move *m, const struct meta_inode *in)
{
	size_t len = strlen(m->v->config.prefix) + m->to_len;

	if (S_ISDIR(in->mode))
		return len + 1 > META_KEY_MAX ? -ENAMETOOLONG : 0;
	if (purge_is_under_way(m->v, m->from) ||
	    purge_is_under_way(m->v, m->to))
		return -EBUSY;
	return check_hold(m->v, in, m->to);
}

/* One inode of what is moved. */
static int visit(struct move *m, const struct meta_inode *in, uint64_t parent,
		 const char *name)
{
	return m->check ? check_key(m, in) : move_key(m, in, parent, name);
}

/* Goes on to the next name in directory `at`: its inode, and both paths. */
static int enter_name(struct move *m, uint64_t at, struct meta_dentry *de,
		      struct meta_inode *child)
{
	int rc = meta_dentry_next_name(m->v->meta, at, de->name, de);

	if (!rc)
		rc = meta_inode_get(m->v->meta, de->ino, child);
	if (!rc)
		rc = path_add(m->v, m->from, &m->from_len, de->name);
	return rc ? rc : path_add(m->v, m->to, &m->to_len, de->name);
}

/* Both paths lose their last name. */
static void leave_name(struct move *m, const char *name)
{
	size_t len = strlen(name) + 1;

	path_cut(m->from, &m->from_len, m->from_len - len);
	path_cut(m->to, &m->to_len, m->to_len - len);
}

/*
 * Walks an inode and all below it: with m->check, only whether all can go
 * there; else marks the keys. The way back up is found by the names, so that
 * no tree is too deep.
 */
static int move_tree(struct move *m, const struct meta_inode *in,
		     uint64_t parent, const char *name)
{
	struct meta_dentry de = {.name = ""};
	struct meta_inode child;
	uint64_t at = in->ino;
	int rc = visit(m, in, parent, name);

	if (rc || !S_ISDIR(in->mode))
		return rc;
	for (;;) {
		rc = enter_name(m, at, &de, &child);
		if (rc == -ENOENT && at == in->ino)
			return 0;
		if (rc == -ENOENT) {
			rc = meta_name_next(m->v->meta, at, 0, "", &de);
			at = de.parent;
			if (!rc)
				leave_name(m, de.name);
		} else if (!rc) {
			rc = visit(m, &child, at, de.name);
			if (S_ISDIR(child.mode)) {
				at = child.ino;
				de.name[0] = '\0';
			} else {
				leave_name(m, de.name);
			}
		}
		if (rc)
			return rc == -ENOENT ? -EIO : rc;
	}
}

/* All of what stands at one end, on its way to the other. */
static int move_end(struct vfs *v, const struct end *from, const struct end *to,
		    bool exchange, bool check)
{
	struct move m = {.v = v, .check = check, .exchange = exchange};

	m.from_len = strlen(from->path);
	m.to_len = strlen(to->path);
	memcpy(m.from, from->path, m.from_len + 1);
	memcpy(m.to, to->path, m.to_len + 1);
	return move_tree(&m, &from->in, from->parent, from->name);
}

static int read_end(struct vfs *v, struct end *e)
{
	struct meta_dentry de;
	int rc = meta_path(v->meta, e->parent, e->name, e->path);

	if (!rc && strlen(e->path) + strlen(v->config.prefix) > META_KEY_MAX)
		rc = -ENAMETOOLONG;
	if (rc)
		return rc == -ESTALE ? -ENOENT : rc; /* in what is removed */
	rc = meta_dentry_get(v->meta, e->parent, e->name, &de);
	e->exists = !rc;
	if (rc)
		return rc == -ENOENT ? 0 : rc;
	return meta_inode_get(v->meta, de.ino, &e->in);
}

/* Whether the directory `ino` lies at or below inode `top`. */
static bool is_below(struct vfs *v, uint64_t ino, uint64_t top)
{
	struct meta_dentry de;

	while (ino != META_ROOT_INO) {
		if (ino == top)
			return true;
		if (meta_name_next(v->meta, ino, 0, "", &de))
			return false;
		ino = de.parent;
	}
	return ino == top;
}

static int check_replace(struct vfs *v, const struct end *from,
			 const struct end *to, unsigned flags)
{
	if (!from->exists)
		return -ENOENT;
	if (S_ISDIR(from->in.mode) && is_below(v, to->parent, from->in.ino))
		return -EINVAL;
	if (flags & RENAME_EXCHANGE) {
		if (!to->exists)
			return -ENOENT;
		if (S_ISDIR(to->in.mode) &&
		    is_below(v, from->parent, to->in.ino))
			return -EINVAL;
		/* Each would be the other's only copy. */
		return v->config.versioned ? 0 : -EINVAL;
	}
	if (!to->exists)
		return 0;
	if (flags & RENAME_NOREPLACE)
		return -EEXIST;
	if (S_ISDIR(to->in.mode) && !S_ISDIR(from->in.mode))
		return -EISDIR;
	if (!S_ISDIR(to->in.mode) && S_ISDIR(from->in.mode))
		return -ENOTDIR;
	if (S_ISDIR(to->in.mode) && tree_is_empty(v, &to->in) != 1)
		return -ENOTEMPTY;
	return 0;
}

/* The target's inode loses its name; its saved versions stay in history. */
static int replace_target(struct vfs *v, struct end *to)
{
	char key[META_KEY_MAX + 2];
	const struct meta_version *known;
	struct meta_version own;
	int rc = key_of(to->path, S_ISDIR(to->in.mode), key);

	if (rc)
		return rc;
	known = link_known(v, &to->in, to->parent, to->name, key, &own);
	rc = syncer_mark(v, key, known, v->config.commit_ns);
	to->in.nlink = S_ISDIR(to->in.mode) ? 0 : to->in.nlink - 1;
	to->in.ctime_ns = clock_real_ns();
	if (!rc)
		rc = meta_dentry_del(v->meta, to->parent, to->name);
	if (!rc)
		rc = dir_unname_inode(v, &to->in);
	return rc ? rc : tree_link_removed(v, &to->in, key);
}

static int move_name(struct vfs *v, struct end *from, struct end *to)
{
	int rc = 0;

	if (to->exists)
		rc = replace_target(v, to);
	if (!rc)
		rc = move_end(v, from, to, false, false);
	if (!rc)
		rc = meta_dentry_del(v->meta, from->parent, from->name);
	if (!rc)
		rc = meta_dentry_add(v->meta, to->parent, to->name,
				     from->in.ino);
	if (!rc)
		rc = meta_inode_get(v->meta, from->in.ino, &from->in);
	from->in.ctime_ns = clock_real_ns();
	from->in.change++;
	return rc ? rc : meta_inode_put(v->meta, &from->in);
}

static int exchange(struct vfs *v, struct end *a, struct end *b)
{
	int rc = move_end(v, a, b, true, false);

	if (!rc)
		rc = move_end(v, b, a, true, false);
	if (!rc)
		rc = meta_dentry_set(v->meta, a->parent, a->name, b->in.ino);
	if (!rc)
		rc = meta_dentry_set(v->meta, b->parent, b->name, a->in.ino);
	return rc;
}

static int count_in(struct vfs *v, uint64_t parent, int by)
{
	struct meta_inode dir;
	int rc = by ? meta_inode_get(v->meta, parent, &dir) : 0;

	if (!by || rc)
		return rc;
	tree_count_dirs(&dir, by);
	return meta_inode_put(v->meta, &dir);
}

/* What became of the directories at both ends, as their parents count them. */
static int count_ends(struct vfs *v, const struct end *from,
		      const struct end *to, bool swap)
{
	int came = S_ISDIR(from->in.mode) ? 1 : 0;
	int went = to->exists && S_ISDIR(to->in.mode) ? 1 : 0;
	int rc;

	if (from->parent == to->parent)
		return count_in(v, to->parent, swap ? 0 : -went);
	rc = count_in(v, from->parent, (swap ? went : 0) - came);
	return rc ? rc : count_in(v, to->parent, came - went);
}

static int rename_locked(struct vfs *v, struct end *from, struct end *to,
			 unsigned flags)
{
	bool swap = flags & RENAME_EXCHANGE;
	int rc = read_end(v, from);

	if (!rc)
		rc = read_end(v, to);
	if (!rc && from->exists && to->exists && from->in.ino == to->in.ino)
		return flags & RENAME_NOREPLACE ? -EEXIST : 0;
	if (!rc)
		rc = check_replace(v, from, to, flags);
	if (!rc)
		rc = move_end(v, from, to, swap, true);
	if (!rc && swap)
		rc = move_end(v, to, from, swap, true);
	if (!rc && !swap)
		rc = tree_keep_dir(v, from->parent, from->name);
	if (rc)
		return rc;
	if (swap)
		rc = exchange(v, from, to);
	else
		rc = move_name(v, from, to);
	if (!rc)
		rc = count_ends(v, from, to, swap);
	if (!rc)
		rc = tree_touch_dir(v, from->parent, true);
	if (!rc && to->parent != from->parent)
		rc = tree_touch_dir(v, to->parent, false);
	return rc;
}

/* What has to be known beforehand; may wait for the bucket. */
static int prepare(struct vfs *v, struct end *from, struct end *to,
		   unsigned flags)
{
	int rc = dir_lookup(v, from->parent, from->name, &from->in);

	if (rc)
		return rc;
	if (S_ISDIR(from->in.mode))
		rc = dir_load_tree(v, from->in.ino);
	if (rc)
		return rc;
	rc = dir_lookup(v, to->parent, to->name, &to->in);
	if (rc == -ENOENT)
		return flags & RENAME_EXCHANGE ? rc : 0;
	if (!rc && S_ISDIR(to->in.mode))
		rc = flags & RENAME_EXCHANGE ? dir_load_tree(v, to->in.ino)
					     : dir_refresh(v, to->in.ino);
	return rc;
}

int tree_rename(struct vfs *v, uint64_t parent, const char *name,
		uint64_t new_parent, const char *new_name, unsigned flags)
{
	struct end from = {.parent = parent, .name = name};
	struct end to = {.parent = new_parent, .name = new_name};
	int rc;

	if (flags & ~(unsigned)(RENAME_NOREPLACE | RENAME_EXCHANGE))
		return -EINVAL;
	if (!merge_name_ok(new_name, new_parent == META_ROOT_INO))
		return strlen(new_name) > META_NAME_MAX ? -ENAMETOOLONG
							: -EILSEQ;
	for (int tries = 0;; tries++) {
		uint64_t left;

		rc = prepare(v, &from, &to, flags);
		if (!rc)
			rc = meta_lock(v->meta);
		if (rc)
			return rc;
		rc = rename_locked(v, &from, &to, flags);
		meta_unlock(v->meta);
		if (rc != -EAGAIN)
			return rc;
		/* The bucket must have what was before; then it can be. */
		rc = tries < KNOT_TRIES ? syncer_sync_all(v, "", &left)
					: -EBUSY;
		if (rc)
			return rc;
	}
}
