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

#include "move.h"
#include "tree_impl.h"
#include "vers3/journal/journal.h"
#include "vers3/meta/dentry.h"
#include "vers3/tree/dir.h"
#include "vers3/tree/link.h"
#include "vers3/tree/revive.h"
#include "vers3/tree/tree.h"
#include "vers3/util/clock.h"

#define HOLDS_MAX 10000 /* of marking ahead: 2 ms each */

/* One end of a rename, read under the lock. */
struct end {
	uint64_t parent;
	const char *name;
	bool exists;
	struct meta_inode inode;
	char path[META_KEY_MAX + 1];
};

static int key_of(const char *path, bool dir, char *key)
{
	int n = snprintf(key, META_KEY_MAX + 2, "%s%s", path, dir ? "/" : "");

	return n > META_KEY_MAX ? -ENAMETOOLONG : 0;
}

static int read_end(struct tree *tree, struct end *e)
{
	struct meta_dentry dentry;
	int rc = meta_path(tree->meta, e->parent, e->name, e->path);

	if (!rc &&
	    strlen(e->path) + strlen(tree->mount->config.prefix) > META_KEY_MAX)
		rc = -ENAMETOOLONG;
	if (rc)
		return rc == -ESTALE ? -ENOENT : rc; /* in what is removed */
	rc = meta_dentry_get(tree->meta, e->parent, e->name, &dentry);
	e->exists = !rc;
	if (rc)
		return rc == -ENOENT ? 0 : rc;
	return meta_inode_get(tree->meta, dentry.ino, &e->inode);
}

/* All of what stands at one end, on its way to the other. */
static void begin_move(struct move *m, struct tree *tree, enum move_what what,
		       const struct end *from, const struct end *to,
		       const struct move_due *due)
{
	move_begin(m, tree, what, from->inode.ino, from->path, to->path);
	m->due = *due;
}

/* *ret_marked, if not NULL: all that is below was marked ahead. */
static int check_end(struct tree *tree, const struct end *from,
		     const struct end *to, const struct move_due *due,
		     bool *ret_marked)
{
	struct move m;
	int rc;

	begin_move(&m, tree, MOVE_CHECK, from, to, due);
	rc = move_tree(&m, &from->inode, from->parent, from->name);
	if (!rc && ret_marked)
		*ret_marked = due->ahead && !m.unmarked;
	return rc;
}

static int mark_end(struct tree *tree, const struct end *from,
		    const struct end *to, bool exchange,
		    const struct move_due *due)
{
	struct move m;

	begin_move(&m, tree, MOVE_MARK, from, to, due);
	m.exchange = exchange;
	return move_tree(&m, &from->inode, from->parent, from->name);
}

/* The same where what is below it is marked. */
static int mark_top(struct tree *tree, const struct end *from,
		    const struct end *to, const struct move_due *due)
{
	struct move m;

	begin_move(&m, tree, MOVE_MARK, from, to, due);
	return move_top(&m, &from->inode, from->parent, from->name);
}

/* Whether the directory `ino` lies at or below inode `top`. */
static bool is_below(struct tree *tree, uint64_t ino, uint64_t top)
{
	struct meta_dentry dentry;

	while (ino != META_ROOT_INO) {
		if (ino == top)
			return true;
		if (meta_name_next(tree->meta, ino, 0, "", &dentry))
			return false;
		ino = dentry.parent;
	}
	return ino == top;
}

static int check_replace(struct tree *tree, const struct end *from,
			 const struct end *to, unsigned flags)
{
	if (!from->exists)
		return -ENOENT;
	if (S_ISDIR(from->inode.mode) &&
	    is_below(tree, to->parent, from->inode.ino))
		return -EINVAL;
	if (flags & RENAME_EXCHANGE) {
		if (!to->exists)
			return -ENOENT;
		if (S_ISDIR(to->inode.mode) &&
		    is_below(tree, from->parent, to->inode.ino))
			return -EINVAL;
		/* Each would be the other's only copy. */
		return tree->mount->config.versioned ? 0 : -EINVAL;
	}
	if (!to->exists)
		return 0;
	if (flags & RENAME_NOREPLACE)
		return -EEXIST;
	if (S_ISDIR(to->inode.mode) && !S_ISDIR(from->inode.mode))
		return -EISDIR;
	if (!S_ISDIR(to->inode.mode) && S_ISDIR(from->inode.mode))
		return -ENOTDIR;
	if (S_ISDIR(to->inode.mode) && tree_is_empty(tree, &to->inode) != 1)
		return -ENOTEMPTY;
	return 0;
}

/* The target's inode loses its name; its saved versions stay in history. */
static int replace_target(struct tree *tree, struct end *to)
{
	char key[META_KEY_MAX + 2];
	const struct meta_version *known;
	struct meta_version own;
	int rc = key_of(to->path, S_ISDIR(to->inode.mode), key);

	if (rc)
		return rc;
	known = link_known(tree, &to->inode, to->parent, to->name, key, &own);
	rc = journal_mark(tree->journal, key, known,
			  tree->mount->config.commit_ns);
	to->inode.nlink = S_ISDIR(to->inode.mode) ? 0 : to->inode.nlink - 1;
	to->inode.ctime_ns = clock_real_ns();
	if (!rc)
		rc = meta_dentry_del(tree->meta, to->parent, to->name);
	if (!rc)
		rc = dir_unname_inode(tree, &to->inode);
	return rc ? rc : tree_link_removed(tree, &to->inode, key);
}

/* marked: what is below has its marks. */
static int move_name(struct tree *tree, struct end *from, struct end *to,
		     const struct move_due *due, bool marked)
{
	int rc = 0;

	if (to->exists)
		rc = replace_target(tree, to);
	if (!rc)
		rc = marked ? mark_top(tree, from, to, due)
			    : mark_end(tree, from, to, false, due);
	if (!rc)
		rc = meta_dentry_del(tree->meta, from->parent, from->name);
	if (!rc)
		rc = meta_dentry_add(tree->meta, to->parent, to->name,
				     from->inode.ino);
	if (!rc)
		rc = meta_inode_get(tree->meta, from->inode.ino, &from->inode);
	from->inode.ctime_ns = clock_real_ns();
	from->inode.change++;
	return rc ? rc : meta_inode_put(tree->meta, &from->inode);
}

static int exchange(struct tree *tree, struct end *a, struct end *b,
		    const struct move_due *due)
{
	int rc = mark_end(tree, a, b, true, due);

	if (!rc)
		rc = mark_end(tree, b, a, true, due);
	if (!rc)
		rc = meta_dentry_set(tree->meta, a->parent, a->name,
				     b->inode.ino);
	if (!rc)
		rc = meta_dentry_set(tree->meta, b->parent, b->name,
				     a->inode.ino);
	return rc;
}

/* What became of the directories at both ends, as their parents count them. */
static int count_ends(struct tree *tree, const struct end *from,
		      const struct end *to, bool swap)
{
	int came = S_ISDIR(from->inode.mode) ? 1 : 0;
	int went = to->exists && S_ISDIR(to->inode.mode) ? 1 : 0;
	int rc;

	if (from->parent == to->parent)
		return tree_count_in(tree, to->parent, swap ? 0 : -went);
	rc = tree_count_in(tree, from->parent, (swap ? went : 0) - came);
	return rc ? rc : tree_count_in(tree, to->parent, came - went);
}

static int rename_locked(struct tree *tree, struct end *from, struct end *to,
			 unsigned flags, const struct move_due *due)
{
	bool swap = flags & RENAME_EXCHANGE, marked = false;
	int rc = read_end(tree, from);

	if (!rc)
		rc = read_end(tree, to);
	if (!rc && from->exists && to->exists &&
	    from->inode.ino == to->inode.ino)
		return flags & RENAME_NOREPLACE ? -EEXIST : 0;
	if (!rc)
		rc = check_replace(tree, from, to, flags);
	if (!rc)
		rc = check_end(tree, from, to, due, &marked);
	if (!rc && swap)
		rc = check_end(tree, to, from, due, NULL);
	if (!rc && !swap)
		rc = tree_keep_dir(tree, from->parent, from->name);
	if (rc)
		return rc;
	journal_changed(tree->journal, from->path);
	journal_changed(tree->journal, to->path);
	if (swap)
		rc = exchange(tree, from, to, due);
	else
		rc = move_name(tree, from, to, due, marked);
	if (!rc)
		rc = count_ends(tree, from, to, swap);
	if (!rc)
		rc = tree_lost_name(tree, from->parent);
	if (!rc && to->parent != from->parent)
		rc = tree_touch_dir(tree, to->parent);
	return rc;
}

int move_switch(struct tree *tree, const struct move_way *way, unsigned flags,
		const struct move_due *due)
{
	struct end from = {.parent = way->parent, .name = way->name};
	struct end to = {.parent = way->new_parent, .name = way->new_name};
	int rc = meta_lock(tree->meta);

	if (rc)
		return rc;
	rc = rename_locked(tree, &from, &to, flags, due);
	meta_unlock(tree->meta);
	return rc;
}

/*
 * What has to be known beforehand; may wait for the bucket. *ret_from: what is
 * moved.
 */
static int prepare(struct tree *tree, const struct move_way *way,
		   unsigned flags, struct meta_inode *ret_from)
{
	struct meta_inode to;
	int rc = dir_lookup(tree, way->parent, way->name, ret_from);

	/* The server would have to copy it. */
	if (!rc && (ret_from->flags & META_I_REFUSED))
		rc = -EACCES;
	if (rc)
		return rc;
	if (S_ISDIR(ret_from->mode))
		rc = dir_load_tree(tree, ret_from->ino);
	if (rc)
		return rc;
	if (flags & RENAME_EXCHANGE)
		rc = dir_lookup(tree, way->new_parent, way->new_name, &to);
	else
		rc = dir_find(tree, way->new_parent, way->new_name, &to);
	if (!rc && (flags & RENAME_EXCHANGE) && (to.flags & META_I_REFUSED))
		rc = -EACCES;
	if (rc == -ENOENT)
		return flags & RENAME_EXCHANGE ? rc : 0;
	if (!rc && S_ISDIR(to.mode))
		rc = flags & RENAME_EXCHANGE ? dir_load_tree(tree, to.ino)
					     : dir_refresh(tree, to.ino);
	return rc;
}

int tree_rename(struct tree *tree, uint64_t parent, const char *name,
		uint64_t new_parent, const char *new_name, unsigned flags)
{
	struct move_way way = {.parent = parent,
			       .name = name,
			       .new_parent = new_parent,
			       .new_name = new_name};
	struct meta_inode from;
	struct move_due due;
	int rc;

	if (flags & ~(unsigned)(RENAME_NOREPLACE | RENAME_EXCHANGE))
		return -EINVAL;
	if (!mount_name_ok(new_parent == META_ROOT_INO ? tree->mount : NULL,
			   new_name))
		return strlen(new_name) > META_NAME_MAX ? -ENAMETOOLONG
							: -EILSEQ;
	rc = revive_dir(tree, new_parent);
	if (rc)
		return rc;
	rc = prepare(tree, &way, flags, &from);
	if (rc)
		return rc;
	due.ns = journal_due(tree->mount->config.commit_ns);
	due.ahead = false;
	if (S_ISDIR(from.mode) && !(flags & RENAME_EXCHANGE))
		move_ahead(tree, &way, HOLDS_MAX, &due);
	return move_switch(tree, &way, flags, &due);
}
