/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One step after the other of such a walk, and the three things done at each
 * inode: checking, marking ahead, marking.
 */
#include "move.h"

#include <errno.h>
#include <string.h>

#include "tree_impl.h"
#include "vers3/core/pins.h"
#include "vers3/journal/reconcile.h"
#include "vers3/journal/journal.h"
#include "vers3/meta/dentry.h"
#include "vers3/meta/dirty.h"
#include "vers3/object/rename_source.h"
#include "vers3/tree/link.h"
#include "vers3/tree/tree.h"
#include "vers3/util/path.h"

#define HOLDS_MAX 100 /* keys that wait for one another, in a row */

static bool is_pinned(struct tree *tree, const struct meta_inode *inode)
{
	return tree->mount->config.versioned && inode->base.version_id[0];
}

/* Whether the bytes of its base are wanted; of an empty one the object is. */
static bool needs_base(const struct meta_inode *inode)
{
	if (S_ISDIR(inode->mode))
		return reconcile_needs_object(inode);
	return inode->base.key[0] &&
	       (inode->base_bytes || !inode->base.size_bytes);
}

int tree_hold_source(struct tree *tree, const struct meta_inode *inode,
		     const char *new_key)
{
	struct meta_dirty dirty;
	int rc;

	if (!needs_base(inode) || is_pinned(tree, inode))
		return 0;
	rc = meta_dirty_get(tree->meta, inode->base.key, &dirty);
	if (rc == -ENOENT)
		return 0; /* its key is clean: nothing will touch it */
	if (rc)
		return rc;
	if (!strcmp(new_key, inode->base.key))
		new_key = "";
	if (!strcmp(dirty.depends_on, new_key))
		return 0;
	strcpy(dirty.depends_on, new_key);
	return meta_dirty_put(tree->meta, &dirty);
}

/*
 * Two that change places by a third name would wait for each other for ever,
 * each being the other's only copy: -EAGAIN when what tree_hold_source() is
 * to note would make a cycle. (Notes that have lost their reason count too:
 * a rename may give it back.)
 */
static int check_hold(struct tree *tree, const struct meta_inode *inode,
		      const char *new_key)
{
	struct meta_dirty dirty;
	const char *at = new_key;

	if (!needs_base(inode) || is_pinned(tree, inode) ||
	    !strcmp(new_key, inode->base.key))
		return 0;
	for (int i = 0; i < HOLDS_MAX; i++, at = dirty.depends_on) {
		char key[META_KEY_MAX + 1];

		strcpy(key, at);
		if (meta_dirty_get(tree->meta, key, &dirty) ||
		    !dirty.depends_on[0])
			return 0;
		if (!strcmp(dirty.depends_on, inode->base.key))
			return -EAGAIN;
	}
	return -EAGAIN;
}

/*
 * What the bucket holds where something is going to: in an exchange, what the
 * name there stands for until now. NULL: nothing.
 */
static const struct meta_version *known_at(struct tree *tree, const char *key,
					   struct meta_version *buf)
{
	size_t len = strlen(key);
	bool marker = len && key[len - 1] == '/';
	char path[META_KEY_MAX + 2];
	const struct meta_version *known;
	struct meta_dentry dentry;
	struct meta_inode inode;
	uint64_t parent;

	memcpy(path, key, len - marker);
	path[len - marker] = '\0';
	if (meta_resolve_parent(tree->meta, path, &parent) ||
	    meta_dentry_get(tree->meta, parent, path_base(path), &dentry) ||
	    meta_inode_get(tree->meta, dentry.ino, &inode) ||
	    S_ISDIR(inode.mode) != marker)
		return NULL;
	known = link_known(tree, &inode, parent, dentry.name, key, buf);
	if (known && known != buf)
		*buf = *known; /* it stands in the inode */
	return known ? buf : NULL;
}

static void path_cut(char *path, size_t *len, size_t to)
{
	*len = to;
	path[to] = '\0';
}

/* Leaves room for the '/' of a marker. */
static int path_add(const struct tree *tree, char *path, size_t *len,
		    const char *name)
{
	size_t n = strlen(name);

	if (*len + 1 + n + strlen(tree->mount->config.prefix) >= META_KEY_MAX)
		return -ENAMETOOLONG;
	path[*len] = '/';
	memcpy(path + *len + 1, name, n + 1);
	*len += 1 + n;
	return 0;
}

/* Marks one inode's old and new key. */
static int mark_both(struct move *m, const struct meta_inode *inode,
		     uint64_t parent, const char *name)
{
	const struct meta_version *known;
	struct meta_version own;
	int rc;

	known = link_known(m->tree, inode, parent, name, m->from, &own);
	rc = journal_mark_at(m->tree->journal, m->from, known, m->due.ns);
	if (rc)
		return rc;
	known = m->exchange ? known_at(m->tree, m->to, &own) : NULL;
	return journal_mark_at(m->tree->journal, m->to, known, m->due.ns);
}

/*
 * Whether a mark of the old key changes nothing if the rename does not come:
 * the syncer drops it, or has something to send there anyway. Only where no
 * key has to wait for the new one, which may never come. 1, 0 or -errno.
 */
static int can_leave(const struct move *m, const struct meta_inode *inode,
		     uint64_t parent, const char *name)
{
	struct tree *tree = m->tree;
	struct meta_version own;
	struct reconcile_in d = {.key = m->from,
				 .inode = inode,
				 .versioned = tree->mount->config.versioned};
	int64_t due_ns;
	int rc;

	if (needs_base(inode) && !is_pinned(tree, inode))
		return 0;
	rc = meta_dirty_due(tree->meta, m->from, &due_ns);
	if (rc != -ENOENT)
		return rc ? rc : strcmp(inode->base.key, m->to) != 0;
	d.known = link_known(tree, inode, parent, name, m->from, &own);
	return d.known && reconcile(&d) == RECONCILE_DROP &&
	       !pins_present_goes(tree->mount->pins, m->from);
}

/*
 * Nothing is wanted at the new key: whoever marks ahead has seen to it, and
 * what comes there until the rename finds the mark and says so.
 */
static int can_come(const struct move *m)
{
	int64_t due_ns;
	int rc = meta_dirty_due(m->tree->meta, m->to, &due_ns);

	if (rc == -ENOENT)
		return !pins_present_goes(m->tree->mount->pins, m->to);
	return rc ? rc : 1;
}

static int can_go_ahead(const struct move *m, const struct meta_inode *inode,
			uint64_t parent, const char *name)
{
	int rc = S_ISDIR(inode->mode) || inode->nlink < 2;

	if (rc)
		rc = can_leave(m, inode, parent, name);
	return rc == 1 ? can_come(m) : rc;
}

static bool is_due(const struct move *m, const char *key)
{
	int64_t due_ns;

	return !meta_dirty_due(m->tree->meta, key, &due_ns) &&
	       due_ns == m->due.ns;
}

/*
 * Whether an inode's keys have the marks that were made ahead: whatever else
 * was to be done for them was done then. Not so with several names, which one
 * may get without a mark (link_join()).
 */
static bool is_marked(const struct move *m, const struct meta_inode *inode)
{
	return m->due.ahead && (S_ISDIR(inode->mode) || inode->nlink < 2) &&
	       is_due(m, m->from) && is_due(m, m->to);
}

/* Marks the keys of one inode, m->from and m->to. */
static int mark(struct move *m, const struct meta_inode *inode, uint64_t parent,
		const char *name)
{
	int rc = m->what == MOVE_AHEAD ? can_go_ahead(m, inode, parent, name)
				       : !is_marked(m, inode);

	if (rc <= 0)
		return rc;
	rc = mark_both(m, inode, parent, name);
	if (!rc)
		rc = tree_hold_source(m->tree, inode, m->to);
	if (rc || S_ISDIR(inode->mode))
		return rc;
	rc = rename_source_note(m->tree->mount, inode, m->from, m->to);
	return rc || inode->nlink < 2 ? rc : link_moved(m->tree, inode->ino);
}

/* Whether the new path can be a key, and its source can wait for it. */
static int check(struct move *m, const struct meta_inode *inode)
{
	bool has_key =
		!S_ISDIR(inode->mode) || (inode->flags & META_I_EXPLICIT);

	if (has_key && !is_marked(m, inode))
		m->unmarked++;
	if (strlen(m->tree->mount->config.prefix) + m->to_len > META_KEY_MAX)
		return -ENAMETOOLONG;
	if (S_ISDIR(inode->mode))
		return check_hold(m->tree, inode, m->to);
	if (pins_present_goes(m->tree->mount->pins, m->from) ||
	    pins_present_goes(m->tree->mount->pins, m->to))
		return -EBUSY;
	return check_hold(m->tree, inode, m->to);
}

static int visit_keys(struct move *m, const struct meta_inode *inode,
		      uint64_t parent, const char *name)
{
	return m->what == MOVE_CHECK ? check(m, inode)
				     : mark(m, inode, parent, name);
}

/* One inode of what is moved; of a directory its own object's key. */
static int visit(struct move *m, const struct meta_inode *inode,
		 uint64_t parent, const char *name)
{
	size_t from_len = m->from_len, to_len = m->to_len;
	int rc;

	m->count++;
	if (m->what == MOVE_COUNT)
		return m->count > MOVE_AHEAD_MIN;
	if (!S_ISDIR(inode->mode))
		return visit_keys(m, inode, parent, name);
	if (!(inode->flags & META_I_EXPLICIT) && m->what != MOVE_CHECK)
		return 0;
	strcpy(m->from + m->from_len++, "/");
	strcpy(m->to + m->to_len++, "/");
	rc = visit_keys(m, inode, parent, name);
	path_cut(m->from, &m->from_len, from_len);
	path_cut(m->to, &m->to_len, to_len);
	return rc;
}

/* Goes on to the next name in its directory: its inode, and both paths. */
static int enter_name(struct move *m, struct meta_inode *child)
{
	int rc =
		meta_dentry_next_name(m->tree->meta, m->at, m->de.name, &m->de);

	if (!rc)
		rc = meta_inode_get(m->tree->meta, m->de.ino, child);
	if (!rc)
		rc = path_add(m->tree, m->from, &m->from_len, m->de.name);
	return rc ? rc : path_add(m->tree, m->to, &m->to_len, m->de.name);
}

/* Both paths lose their last name. */
static void leave_name(struct move *m)
{
	size_t len = strlen(m->de.name) + 1;

	path_cut(m->from, &m->from_len, m->from_len - len);
	path_cut(m->to, &m->to_len, m->to_len - len);
}

/* The way back up is found by the names, so that no tree is too deep. */
static int leave_dir(struct move *m)
{
	int rc = meta_name_next(m->tree->meta, m->at, 0, "", &m->de);

	if (rc)
		return rc == -ENOENT ? -EIO : rc;
	m->at = m->de.parent;
	leave_name(m);
	return 0;
}

int move_step(struct move *m)
{
	struct meta_inode child;
	int rc = enter_name(m, &child);

	if (rc == -ENOENT)
		return m->at == m->top ? 1 : leave_dir(m);
	if (rc)
		return rc;
	rc = visit(m, &child, m->at, m->de.name);
	if (!rc && S_ISDIR(child.mode)) {
		m->at = child.ino;
		m->de.name[0] = '\0';
	} else {
		leave_name(m);
	}
	return rc == -ENOENT ? -EIO : rc;
}

void move_begin(struct move *m, struct tree *tree, enum move_what what,
		uint64_t top, const char *from, const char *to)
{
	m->tree = tree;
	m->what = what;
	m->exchange = false;
	m->due = (struct move_due){0, false};
	m->unmarked = 0;
	m->count = 0;
	m->top = m->at = top;
	m->de.name[0] = '\0';
	m->from_len = strlen(from);
	m->to_len = strlen(to);
	memcpy(m->from, from, m->from_len + 1);
	memcpy(m->to, to, m->to_len + 1);
}

int move_top(struct move *m, const struct meta_inode *inode, uint64_t parent,
	     const char *name)
{
	return visit(m, inode, parent, name);
}

int move_tree(struct move *m, const struct meta_inode *inode, uint64_t parent,
	      const char *name)
{
	int rc = move_top(m, inode, parent, name);

	m->unmarked = 0;
	while (!rc && S_ISDIR(inode->mode))
		rc = move_step(m);
	return rc == 1 ? 0 : rc;
}
