/* SPDX-License-Identifier: Apache-2.0 */
/* What can be done of a rename before it: see move.h. */
#include <errno.h>
#include <string.h>

#include "move.h"
#include "tree_impl.h"
#include "vers3/journal/journal.h"
#include "vers3/meta/dentry.h"
#include "vers3/tree/gone.h"
#include "vers3/util/clock.h"

#define AHEAD_NS NS_PER_S /* a mark whose time has come is dropped */

/*
 * Where both ends are, with meta_lock() held. -ENOTEMPTY: something is wanted
 * below the new one.
 */
static int find_ends(struct tree *tree, const struct move_way *way,
		     struct meta_dentry *ret_de, char *from, char *to)
{
	struct meta_dentry there;
	int rc = meta_path(tree->meta, way->parent, way->name, from);

	if (!rc)
		rc = meta_path(tree->meta, way->new_parent, way->new_name, to);
	if (!rc)
		rc = meta_dentry_get(tree->meta, way->parent, way->name,
				     ret_de);
	if (rc)
		return rc;
	rc = meta_dentry_get(tree->meta, way->new_parent, way->new_name,
			     &there);
	if (rc)
		return rc == -ENOENT ? 0 : rc;
	rc = meta_dentry_any(tree->meta, there.ino);
	return rc == 1 ? -ENOTEMPTY : rc;
}

/* Whether it is worth it: 1, 0 or -errno; *m is where the walk begins then. */
static int begin(struct tree *tree, const struct move_way *way, struct move *m)
{
	char from[META_KEY_MAX + 1], to[META_KEY_MAX + 1];
	struct meta_dentry dentry;
	int rc = meta_lock(tree->meta);

	if (rc)
		return rc;
	rc = find_ends(tree, way, &dentry, from, to);
	if (!rc)
		move_begin(m, tree, MOVE_COUNT, dentry.ino, from, to);
	while (!rc)
		rc = move_step(m);
	meta_unlock(tree->meta);
	if (rc != 1 || m->count <= MOVE_AHEAD_MIN)
		return rc == 1 ? 0 : rc;
	move_begin(m, tree, MOVE_AHEAD, dentry.ino, from, to);
	return 1;
}

/* Whether all is where it was: both ends, and where the walk stands. */
static int check_place(const struct move *m, const struct move_way *way,
		       const char *from, const char *to)
{
	char path[META_KEY_MAX + 1], new_path[META_KEY_MAX + 1];
	struct meta_dentry dentry;
	int rc = find_ends(m->tree, way, &dentry, path, new_path);

	if (rc)
		return rc;
	if (dentry.ino != m->top || strcmp(path, from) || strcmp(new_path, to))
		return -ESTALE;
	rc = meta_path(m->tree->meta, m->at, NULL, path);
	return rc || strcmp(path, m->from) ? -ESTALE : 0;
}

/* One hold. 1: all is marked. */
static int mark_some(struct move *m, const struct move_way *way,
		     const char *from, const char *to)
{
	int64_t until = clock_mono_ns() + GONE_HOLD_NS;
	int rc = meta_lock(m->tree->meta);

	if (rc)
		return rc;
	rc = check_place(m, way, from, to);
	while (!rc) {
		rc = move_step(m);
		if (clock_mono_ns() >= until)
			break;
	}
	meta_unlock(m->tree->meta);
	return rc;
}

void move_ahead(struct tree *tree, const struct move_way *way, unsigned holds,
		struct move_due *due)
{
	char from[META_KEY_MAX + 2], to[META_KEY_MAX + 2];
	struct move m;
	int rc;

	/* Without versions all keys wait for others. */
	if (!tree->mount->config.versioned)
		return;
	rc = begin(tree, way, &m);
	if (rc != 1)
		return;
	memcpy(from, m.from, sizeof(from));
	memcpy(to, m.to, sizeof(to));
	/* Odd: what others mark is due at times on a grid. */
	due->ns = journal_due(tree->mount->config.commit_ns + AHEAD_NS) | 1;
	due->ahead = true;
	m.due = *due;
	do {
		rc = mark_some(&m, way, from, to);
		/* Numbers are there again when what took them is durable. */
		if (rc == -EAGAIN)
			rc = meta_sync(tree->meta);
		else if (!rc)
			gone_pause();
	} while (!rc && --holds);
	/* One that failed half-way is not known from the others. */
	if (rc < 0)
		due->ahead = false;
}
