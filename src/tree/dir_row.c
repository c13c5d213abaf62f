/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who goes through a directory's names and wants to know what each is: find,
 * rm -r (a small object may be a symlink, so its type is asked for), tar. Each
 * look-up would wait for a request of its own. After some in a row the
 * attributes of those that come next are asked for together.
 */
#include "dir_impl.h"
#include "tree_impl.h"
#include "walks.h"
#include "vers3/meta/dentry.h"
#include "vers3/util/clock.h"

#define ROW_MIN	  3 /* asked for in a row: more will be */
#define ROW_AHEAD 256
#define ROW_LOOK  1024 /* names looked at for these */
#define ROW_SKIP  16 /* names passed over that need no question */

/* The next name in order that has no attributes; with meta_lock() held. */
static int next_without(struct tree *tree, uint64_t parent, uint64_t after,
			struct meta_dentry *ret)
{
	unsigned skip = ROW_SKIP;
	struct meta_inode inode;
	int rc;

	ret->cookie = after;
	do {
		rc = meta_dentry_next(tree->meta, parent, ret->cookie, ret);
		if (!rc)
			rc = meta_inode_get(tree->meta, ret->ino, &inode);
	} while (!rc && (inode.flags & META_I_ATTRS) && skip--);
	return rc;
}

/* The row of a directory, or a new one; with the mutex held. */
static struct dir_row *find_row(struct dirs *d, uint64_t ino)
{
	struct dir_row *row;

	for (size_t i = 0; i < ROWS_MAX; i++)
		if (d->rows[i].ino == ino)
			return &d->rows[i];
	row = &d->rows[d->next_row++ % ROWS_MAX];
	*row = (struct dir_row){.ino = ino};
	return row;
}

static uint64_t row_at(struct dirs *d, uint64_t ino)
{
	uint64_t at;

	pthread_mutex_lock(&d->mutex);
	at = find_row(d, ino)->at;
	pthread_mutex_unlock(&d->mutex);
	return at;
}

/* Notes up to where names are asked for: how many were in a row. */
static unsigned row_note(struct dirs *d, uint64_t ino, uint64_t at, bool next)
{
	struct dir_row *row;
	unsigned count;

	pthread_mutex_lock(&d->mutex);
	row = find_row(d, ino);
	row->at = at;
	count = row->count = next ? row->count + 1 : 1;
	pthread_mutex_unlock(&d->mutex);
	return count;
}

/* With meta_lock() held: a name, and whether it is the next of its row. */
static bool is_next(struct tree *tree, uint64_t parent, const char *name,
		    uint64_t *ret_at)
{
	struct meta_dentry dentry, next;

	if (meta_dentry_get(tree->meta, parent, name, &dentry))
		return false;
	*ret_at = dentry.cookie;
	return !next_without(tree, parent, row_at(tree->dirs, parent), &next) &&
	       next.cookie == dentry.cookie;
}

/* Asks for many from this name on. */
static void ask_row(struct tree *tree, uint64_t parent, uint64_t at)
{
	struct meta_dentry dentry = {.cookie = at - 1};
	uint64_t inos[ROW_AHEAD];
	struct meta_inode inode;
	unsigned count = 0;

	if (meta_lock(tree->meta))
		return;
	for (int i = 0; i < ROW_LOOK && count < ROW_AHEAD; i++) {
		if (meta_dentry_next(tree->meta, parent, dentry.cookie,
				     &dentry))
			break;
		if (!meta_inode_get(tree->meta, dentry.ino, &inode) &&
		    !(inode.flags & META_I_ATTRS))
			inos[count++] = dentry.ino;
	}
	meta_unlock(tree->meta);
	row_note(tree->dirs, parent, dentry.cookie, true);
	atomic_store(&tree->dirs->row_ns, clock_mono_ns());
	walks_row(tree, parent);
	dir_prefetch_attrs(tree, inos, count);
}

int dir_fetch_in_row(struct tree *tree, uint64_t parent, const char *name,
		     uint64_t ino, struct early_head *early)
{
	uint64_t at = 0;
	bool next;
	int rc = meta_lock(tree->meta);

	if (rc)
		return rc;
	next = is_next(tree, parent, name, &at);
	meta_unlock(tree->meta);
	if (at && row_note(tree->dirs, parent, at, next) >= ROW_MIN)
		ask_row(tree, parent, at);
	return dir_fetch_attrs(tree, ino, early);
}
