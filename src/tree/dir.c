/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Looking a name up: what is known, whether that is still good, and whether
 * the key alone is asked for or the directory is listed; and the walks that
 * load or expire all below a directory.
 */
#include "vers3/tree/dir.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dir_impl.h"
#include "early_head.h"
#include "flat.h"
#include "tree_impl.h"
#include "walks.h"
#include "vers3/meta/dentry.h"
#include "vers3/meta/dirty.h"
#include "vers3/util/clock.h"
#include "vers3/util/path.h"

#define WALK_NAMES  256 /* of a walk under one hold of the lock */
#define BIG_LOOKUPS 32 /* single look-ups before a big one is listed */

int dirs_new(struct dirs **ret_dirs)
{
	struct dirs *d = calloc(1, sizeof(*d));
	int rc;

	if (!d)
		return -ENOMEM;
	pthread_mutex_init(&d->mutex, NULL);
	rc = clock_cond_init(&d->done);
	if (!rc)
		rc = map_new(&d->busy);
	if (!rc)
		rc = map_new(&d->claims);
	if (!rc)
		rc = map_new(&d->asking);
	if (!rc)
		rc = map_new(&d->early);
	if (!rc)
		rc = map_new(&d->lookups);
	if (!rc)
		rc = hidden_new(&d->hidden);
	if (!rc)
		rc = pool_new("attrs", ATTR_WIDTH, &d->pool);
	if (!rc)
		rc = pool_new("ahead", ATTR_WIDTH, &d->ahead);
	if (!rc)
		rc = walks_new(&d->walks);
	if (rc) {
		dirs_free(d);
		return rc;
	}
	cancel_init(&d->ended, NULL);
	*ret_dirs = d;
	return 0;
}

void dirs_end(struct dirs *d)
{
	if (!d)
		return;
	cancel_set(&d->ended);
	walks_end(d->walks);
	pool_drain(d->ahead);
	pool_drain(d->pool);
}

void dirs_free(struct dirs *d)
{
	if (!d)
		return;
	walks_free(d->walks);
	pool_free(d->ahead);
	pool_free(d->pool);
	map_free(d->busy);
	map_free(d->claims);
	map_free(d->asking);
	map_free(d->early);
	map_free(d->lookups);
	hidden_free(d->hidden);
	for (size_t i = 0; i < d->expired.count; i++)
		free(d->expired.items[i].path);
	pthread_cond_destroy(&d->done);
	pthread_mutex_destroy(&d->mutex);
	free(d);
}

uint64_t dir_hidden(struct tree *tree)
{
	return hidden_count(tree->dirs->hidden);
}

int dir_write_hidden(struct tree *tree, struct buf *out)
{
	return hidden_write(tree->dirs->hidden, out);
}

int64_t dir_ttl_ns(struct tree *tree, uint64_t ino,
		   const struct meta_inode *named)
{
	int64_t ttl = tree->mount->config.ttl_ns, left = ttl, age;
	struct meta_inode inode;

	if (meta_lock(tree->meta))
		return 0;
	/* In a large one, or an unknown, the name was asked for by itself. */
	if (!meta_inode_get(tree->meta, ino, &inode) &&
	    (inode.flags & META_I_LISTED) && !(inode.flags & META_I_BIG))
		left = inode.listed_ns + ttl - clock_real_ns();
	meta_unlock(tree->meta);
	/* Perhaps not just now, but with others. */
	age = named && !S_ISDIR(named->mode)
		      ? clock_real_ns() - named->listed_ns
		      : 0;
	if (age > 0 && age < ttl && left > ttl - age)
		left = ttl - age;
	return left < 0 ? 0 : left > ttl ? ttl : left;
}

/* Where a walk over directories stands. */
struct dir_walk {
	uint64_t top, at; /* the directory that it is in */
	struct meta_dentry de; /* its name there, met last */
	struct meta_inode inode; /* the directory met last */
	bool met; /* there is one */
};

/* Up to where the directory stands; anew where others have taken it away. */
static int walk_up(struct tree *tree, struct dir_walk *w)
{
	int rc = meta_name_next(tree->meta, w->at, 0, "", &w->de);

	if (rc == -ENOENT) {
		w->de.parent = w->top;
		w->de.name[0] = '\0';
		rc = 0;
	}
	w->at = w->de.parent;
	return rc;
}

/* To the next directory, or some names nearer. -ENOENT at the end. */
static int walk_on(struct tree *tree, struct dir_walk *w)
{
	int rc = meta_lock(tree->meta);

	w->met = false;
	if (rc)
		return rc;
	for (int i = 0; !rc && !w->met && i < WALK_NAMES; i++) {
		rc = meta_dentry_next_name(tree->meta, w->at, w->de.name,
					   &w->de);
		if (rc == -ENOENT && w->at != w->top) {
			rc = walk_up(tree, w);
			continue;
		}
		if (!rc)
			rc = meta_inode_get(tree->meta, w->de.ino, &w->inode);
		w->met = !rc && S_ISDIR(w->inode.mode);
	}
	meta_unlock(tree->meta);
	if (w->met) {
		w->at = w->inode.ino;
		w->de.name[0] = '\0';
	}
	return rc;
}

/*
 * Loads what was never listed by a flat list: of the directory alone, and each
 * time that there is one more, of all that follows in the next one above it.
 * Best effort: what it does not bring is listed alone.
 */
static void load_flat(struct tree *tree, uint64_t top, uint64_t at,
		      unsigned above)
{
	char path[META_KEY_MAX + 1], scope[META_KEY_MAX + 1];
	int64_t began_ns = clock_mono_ns();
	struct flat *f = NULL;
	bool more = true;
	size_t least;
	int rc = meta_lock(tree->meta);

	if (rc)
		return;
	rc = meta_path(tree->meta, top, NULL, scope);
	least = rc ? 0 : strlen(scope);
	if (!rc)
		rc = meta_path(tree->meta, at, NULL, path);
	meta_unlock(tree->meta);
	if (rc)
		return;
	strcpy(scope, path);
	for (; above && strlen(scope) > least; above--)
		path_to_parent(scope);
	rc = flat_new(tree, scope, strcmp(scope, path) ? path : NULL, false,
		      &f);
	while (!rc && more)
		rc = flat_page(f, &more);
	outage_note(tree, began_ns, rc);
	flat_free(f);
}

static bool is_listed(struct tree *tree, uint64_t ino)
{
	struct meta_inode inode;
	bool listed;

	if (meta_lock(tree->meta))
		return false;
	listed = !meta_inode_get(tree->meta, ino, &inode) &&
		 (inode.flags & META_I_LISTED);
	meta_unlock(tree->meta);
	return listed;
}

/* Makes the names of one directory known that was never listed. */
static int load(struct tree *tree, uint64_t top, uint64_t at, unsigned *above)
{
	if (!outage_is_on(tree))
		load_flat(tree, top, at, (*above)++);
	return is_listed(tree, at) ? 0 : dir_refresh(tree, at);
}

int dir_load_tree(struct tree *tree, uint64_t ino)
{
	struct dir_walk w = {.top = ino, .at = ino, .met = true};
	unsigned above = 0;
	int rc = meta_lock(tree->meta);

	if (rc)
		return rc;
	rc = meta_inode_get(tree->meta, ino, &w.inode);
	meta_unlock(tree->meta);
	while (!rc) {
		if (w.met && !(w.inode.flags & META_I_LISTED))
			rc = load(tree, ino, w.at, &above);
		if (!rc || (rc == -ENOENT && w.at != ino))
			rc = walk_on(tree, &w);
	}
	return rc == -ENOENT ? 0 : rc;
}

int dir_expire(struct tree *tree, const char *path)
{
	char dir[META_KEY_MAX + 1];
	struct meta_inode inode;
	uint64_t ino;
	int rc;

	snprintf(dir, sizeof(dir), "%s", path);
	do {
		path_to_parent(dir);
		rc = meta_resolve(tree->meta, dir, &ino);
	} while (rc == -ENOENT && *dir);
	if (!rc)
		rc = meta_inode_get(tree->meta, ino, &inode);
	if (rc)
		return rc;
	inode.listed_ns = 0;
	return meta_inode_put(tree->meta, &inode);
}

enum local_answer {
	LOCAL_FOUND,
	LOCAL_ABSENT,
	LOCAL_STALE, /* the directory has to be listed again */
	LOCAL_UNKNOWN, /* it never was: try whether one page holds it */
	LOCAL_BIG, /* it is large: ask for the name alone */
	LOCAL_ATTRS, /* it is large: asking for the attributes tells all */
};

/* What a look-up wants. */
struct want {
	bool attrs;
	bool sure; /* what is known does, no matter how old it is */
	bool asked; /* attributes were asked for just now */
	struct early_head *early; /* owned: asked beside a list; or NULL */
};

/*
 * The answer for a name whose directory's list is old; in: NULL when it is not
 * known.
 */
static enum local_answer stale_answer(const struct meta_inode *dir,
				      const struct meta_inode *inode,
				      const struct want *want)
{
	if (!(dir->flags & META_I_BIG))
		return dir->flags & META_I_LISTED ? LOCAL_STALE : LOCAL_UNKNOWN;
	if (!inode)
		return LOCAL_BIG;
	/*
	 * Whoever removes it has looked it up: that others change it meanwhile
	 * is seen before it is deleted.
	 */
	if (!want->attrs)
		return LOCAL_FOUND;
	return S_ISDIR(inode->mode) || (inode->flags & META_I_ATTRS) ||
			       inode->base.version_id[0]
		       ? LOCAL_BIG
		       : LOCAL_ATTRS;
}

/* Whether a file was asked for by itself, under its name, not long ago. */
static bool was_asked(struct tree *tree, const struct meta_inode *inode,
		      const char *path)
{
	int64_t age = clock_real_ns() - inode->listed_ns;

	return !S_ISDIR(inode->mode) &&
	       (inode->flags & (META_I_ATTRS | META_I_REFUSED)) && age >= 0 &&
	       age < tree->mount->config.ttl_ns &&
	       !strcmp(inode->base.key, path);
}

/* Whether a key has a change of ours, as a file or as a directory. */
static bool is_mine(struct tree *tree, char path[META_KEY_MAX + 2])
{
	struct meta_dirty dirty;

	if (!meta_dirty_get(tree->meta, path, &dirty))
		return true;
	if (strlen(path) >= META_KEY_MAX)
		return false;
	strcat(path, "/");
	return !meta_dirty_get(tree->meta, path, &dirty);
}

/* What the namespace says of a name. */
static int look_local(struct tree *tree, uint64_t parent, const char *name,
		      const struct want *want, struct meta_inode *ret,
		      enum local_answer *ret_answer)
{
	char path[META_KEY_MAX + 2];
	struct meta_inode dir;
	struct meta_dentry dentry;
	bool enough, known;
	int rc = meta_inode_get(tree->meta, parent, &dir);

	if (!rc && !S_ISDIR(dir.mode))
		rc = -ENOTDIR;
	if (!rc && !dir.nlink)
		rc = -ENOENT; /* it is removed */
	if (!rc)
		rc = meta_path(tree->meta, parent, name, path);
	if (rc)
		return rc;
	rc = meta_dentry_get(tree->meta, parent, name, &dentry);
	known = !rc;
	if (!rc)
		rc = meta_inode_get(tree->meta, dentry.ino, ret);
	if (rc && (known || rc != -ENOENT))
		return rc;
	enough = want->sure || dir_is_fresh(tree, &dir) ||
		 (known && was_asked(tree, ret, path)) || is_mine(tree, path);
	if (enough)
		*ret_answer = known ? LOCAL_FOUND : LOCAL_ABSENT;
	else
		*ret_answer = stale_answer(&dir, known ? ret : NULL, want);
	return 0;
}

/* Counts a look-up in a big directory; true when it should be listed. */
static bool count_lookup(struct dirs *d, uint64_t ino)
{
	uintptr_t n;

	pthread_mutex_lock(&d->mutex);
	n = (uintptr_t)map_get(d->lookups, &ino, sizeof(ino)) + 1;
	if (n > BIG_LOOKUPS)
		map_del(d->lookups, &ino, sizeof(ino));
	else
		map_put(d->lookups, &ino, sizeof(ino), (void *)n);
	pthread_mutex_unlock(&d->mutex);
	return n > BIG_LOOKUPS;
}

/* Brings a name up to date; *ret_sure: what is known now is the answer. */
static int ask(struct tree *tree, uint64_t parent, const char *name,
	       enum local_answer how, bool *ret_sure)
{
	bool single = how == LOCAL_BIG && !count_lookup(tree->dirs, parent);
	int rc = dir_ask(tree, parent, single ? name : NULL,
			 how == LOCAL_UNKNOWN);

	/* It was asked for after the question, however long it took. */
	if (!rc && how != LOCAL_UNKNOWN)
		*ret_sure = true;
	if (rc && dir_usable_offline(tree, parent, rc)) {
		*ret_sure = true;
		rc = 0;
	}
	return rc;
}

/* Asks for the attributes of a name; early or not. As dir_fetch_attrs(). */
static int ask_attrs(struct tree *tree, uint64_t parent, const char *name,
		     struct want *want, uint64_t ino)
{
	int rc = dir_fetch_in_row(tree, parent, name, ino, want->early);

	early_head_end(want->early);
	want->early = NULL;
	return rc;
}

static int look_up(struct tree *tree, uint64_t parent, const char *name,
		   struct want *want, struct meta_inode *ret_inode)
{
	for (int tries = 0; tries < ASK_TRIES; tries++) {
		enum local_answer answer;
		int rc = meta_lock(tree->meta);

		if (rc)
			return rc;
		rc = look_local(tree, parent, name, want, ret_inode, &answer);
		meta_unlock(tree->meta);
		if (rc)
			return rc;
		if (answer == LOCAL_ABSENT)
			return -ENOENT;
		if (answer == LOCAL_FOUND &&
		    (!want->attrs ||
		     dir_attrs_do(tree, ret_inode, want->asked)))
			return 0;
		if (answer == LOCAL_FOUND || answer == LOCAL_ATTRS) {
			rc = ask_attrs(tree, parent, name, want,
				       ret_inode->ino);
			want->sure = want->asked = rc >= 0;
			if (rc >= 0)
				continue;
			if (rc != -ENOENT || answer == LOCAL_FOUND)
				return rc;
			answer = LOCAL_BIG; /* it may be a directory now */
		}
		if (answer == LOCAL_UNKNOWN && want->attrs && !want->early)
			want->early = early_head_begin(tree, parent, name);
		rc = ask(tree, parent, name, answer, &want->sure);
		if (rc && rc != -ESTALE)
			return rc;
	}
	return -EIO;
}

int dir_lookup(struct tree *tree, uint64_t parent, const char *name,
	       struct meta_inode *ret_inode)
{
	struct want want = {.attrs = true};
	int rc = look_up(tree, parent, name, &want, ret_inode);

	early_head_end(want.early);
	return rc;
}

int dir_find(struct tree *tree, uint64_t parent, const char *name,
	     struct meta_inode *ret_inode)
{
	struct want want = {.attrs = false};

	return look_up(tree, parent, name, &want, ret_inode);
}
