/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is kept local: a key that is dirty (the local state is the desired
 * one) and a key that this mount settled after the list was asked for (the
 * list may show the state before). All else follows the bucket.
 *
 * The names seen are remembered as 64-bit hashes, 8 bytes each, to find what
 * is gone. A collision keeps a vanished name until the next list.
 */
#include "vers3/tree/merge.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "expired.h"
#include "hidden.h"
#include "merge_verdict.h"
#include "tree_impl.h"
#include "vers3/core/mount.h"
#include "vers3/core/node.h"
#include "vers3/journal/journal.h"
#include "vers3/meta/dentry.h"
#include "vers3/meta/dirty.h"
#include "vers3/tree/dir.h"
#include "vers3/tree/gone.h"
#include "vers3/tree/link.h"
#include "vers3/tree/revive.h"
#include "vers3/tree/taken.h"
#include "vers3/tree/tree.h"
#include "vers3/util/array.h"
#include "vers3/util/clock.h"
#include "vers3/util/hash.h"

#define BIG_NAMES 20000 /* from here on a name is asked for alone */

struct merge {
	struct tree *tree;
	uint64_t ino;
	char path[META_KEY_MAX + 1];
	uint64_t since;
	struct hash_seed seed;
	uint64_t *seen; /* owned; sorted before the finish */
	size_t seen_count, seen_size;
	bool marker_seen;
	struct hidden_list hidden;
	/* Where the walk over what is gone stands. */
	uint64_t at; /* a directory: the merge's own, or below it */
	char after[META_NAME_MAX + 1]; /* the name there that was met last */
};

int merge_new(struct tree *tree, uint64_t ino, const char *path, uint64_t since,
	      struct merge **ret_merge)
{
	struct merge *m = calloc(1, sizeof(*m));

	if (!m)
		return -ENOMEM;
	m->tree = tree;
	m->ino = m->at = ino;
	m->since = since;
	hash_seed_draw(&m->seed);
	strcpy(m->path, path);
	*ret_merge = m;
	return 0;
}

void merge_free(struct merge *m)
{
	if (!m)
		return;
	free(m->seen);
	hidden_list_release(&m->hidden);
	free(m);
}

struct hidden_list *merge_hidden(struct merge *m)
{
	return &m->hidden;
}

void merge_hide(struct merge *m, const char *name, const char *why)
{
	if (name)
		hidden_add(&m->hidden, m->path, name, why);
	else
		m->hidden.count++;
}

static uint64_t hash_name(const struct merge *m, const char *name)
{
	return hash_add(&m->seed, 0, name, strlen(name));
}

static int seen_add(struct merge *m, const char *name)
{
	if (array_room(m->seen, m->seen_count, m->seen_size))
		return -ENOMEM;
	m->seen[m->seen_count++] = hash_name(m, name);
	return 0;
}

static int compare_u64(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static bool was_seen(const struct merge *m, const char *name)
{
	uint64_t h = hash_name(m, name);

	return array_find(&h, m->seen, m->seen_count, sizeof(h), compare_u64);
}

/* path/name, or path/name/ for a directory's marker. */
static int child_path(const struct merge *m, const char *name, bool dir,
		      char *buf)
{
	int n = snprintf(buf, META_KEY_MAX + 1, "%s%s%s%s", m->path,
			 *m->path ? "/" : "", name, dir ? "/" : "");

	return n > META_KEY_MAX ? -ENAMETOOLONG : 0;
}

/* What a list says of a key at which there is nothing. */
static const struct merge_item nothing;

/*
 * Whether the local state of a key stands, whatever the list says (it: NULL
 * if nothing of the key itself). If that is not what the change was made on
 * top of, the syncer is told, so that it looks before it sends.
 */
static bool keep_local(const struct merge *m, const char *path,
		       const struct merge_item *it)
{
	struct meta_dirty dirty;
	bool clean;

	if (journal_committed_after(m->tree->journal, path, m->since))
		return true;
	clean = meta_dirty_get(m->tree->meta, path, &dirty);
	switch (merge_local(clean ? NULL : &dirty.known, it)) {
	case MERGE_LOCAL_FOLLOWS:
		return false;
	case MERGE_LOCAL_STANDS:
		break;
	case MERGE_LOCAL_SUSPECT:
		journal_suspect(m->tree->journal, path);
		break;
	case MERGE_LOCAL_DATED:
		/* So that the next list need not ask whose it is. */
		dirty.known.last_modified_ns = it->last_modified_ns;
		meta_dirty_put(m->tree->meta, &dirty);
		break;
	}
	return true;
}

static void set_base(struct meta_inode *inode, const char *path,
		     const struct merge_item *it)
{
	memset(&inode->base, 0, sizeof(inode->base));
	strcpy(inode->base.key, path);
	strcpy(inode->base.etag, it->etag);
	inode->base.size_bytes = it->size_bytes;
	inode->base.last_modified_ns = it->last_modified_ns;
	inode->base_bytes = inode->size_bytes = it->is_dir ? 0 : it->size_bytes;
	if (!it->is_dir)
		inode->mtime_ns = it->last_modified_ns;
	inode->ctime_ns = it->last_modified_ns;
	inode->flags &= ~(uint32_t)(META_I_ATTRS | META_I_REFUSED);
	inode->change++;
	inode->data_change++;
}

static int new_inode(struct merge *m, const char *path,
		     const struct merge_item *it, struct meta_inode *inode)
{
	const struct meta_defaults *def = &m->tree->mount->config.defaults;
	int rc;

	memset(inode, 0, sizeof(*inode));
	inode->mode =
		it->is_dir ? S_IFDIR | def->dir_mode : S_IFREG | def->file_mode;
	inode->uid = def->uid;
	inode->gid = def->gid;
	inode->flags = META_I_LACKS;
	inode->nlink = it->is_dir ? 2 : 1;
	inode->mtime_ns = inode->ctime_ns = inode->atime_ns = clock_real_ns();
	if (!it->is_dir)
		set_base(inode, path, it);
	rc = meta_next_id(m->tree->meta, &inode->ino);
	return rc ? rc : meta_inode_put(m->tree->meta, inode);
}

/* A name has got its inode. */
static int note_name(struct merge *m, const struct merge_item *it)
{
	int rc = it->is_dir ? tree_count_in(m->tree, m->ino, 1) : 0;

	if (!rc)
		mount_inval_entry(m->tree->mount, m->ino, it->name);
	return rc;
}

static int add_name(struct merge *m, const char *path,
		    const struct merge_item *it)
{
	struct meta_inode inode;
	int rc = new_inode(m, path, it, &inode);

	if (!rc)
		rc = meta_dentry_add(m->tree->meta, m->ino, it->name,
				     inode.ino);
	return rc ? rc : note_name(m, it);
}

/* The inode that had the name until now is the caller's to let go of. */
static int replace_name(struct merge *m, const char *path,
			const struct merge_item *it)
{
	struct meta_inode inode;
	int rc = new_inode(m, path, it, &inode);

	if (!rc)
		rc = meta_dentry_set(m->tree->meta, m->ino, it->name,
				     inode.ino);
	return rc ? rc : note_name(m, it);
}

/* The bucket holds another version than we knew, and nothing is dirty. */
static int take_version(struct merge *m, const char *path,
			const struct merge_item *it, struct meta_inode *inode)
{
	struct meta *meta = m->tree->meta;
	int rc;

	if (nodes_is_open(m->tree->mount->nodes, inode->ino) ||
	    inode->nlink > 1) {
		/*
		 * Whoever has it open keeps reading what was opened; other
		 * names of it keep what they hold.
		 */
		rc = replace_name(m, path, it);
		inode->nlink--;
		if (!rc)
			rc = taken_drop(m->tree, inode, path);
		return rc ? rc : link_lost(m->tree, inode, path);
	}
	set_base(inode, path, it);
	inode->flags |= META_I_REPLACED;
	rc = meta_xattr_clear(meta, inode->ino);
	if (!rc)
		rc = meta_head_del(meta, inode->ino);
	if (rc == -ENOENT)
		rc = 0;
	if (!rc)
		rc = meta_inode_put(meta, inode);
	mount_inval_inode(m->tree->mount, inode->ino);
	return rc;
}

/* What was known all along is seen in a list for the first time. */
static int date_name(struct merge *m, const struct merge_item *it,
		     struct meta_inode *inode, const struct meta_version *own)
{
	struct meta_version ver;

	if (!own) {
		inode->base.last_modified_ns = it->last_modified_ns;
		return meta_inode_put(m->tree->meta, inode);
	}
	ver = *own;
	ver.last_modified_ns = it->last_modified_ns;
	return meta_name_version_put(m->tree->meta, inode->ino, m->ino,
				     it->name, &ver);
}

static int apply_file(struct merge *m, const char *path,
		      const struct merge_item *it)
{
	struct merge_file_facts f = {.known = NULL};
	struct meta_version own;
	struct meta_dentry dentry;
	struct meta_inode inode;
	int rc = meta_dentry_get(m->tree->meta, m->ino, it->name, &dentry);

	f.there = rc != -ENOENT;
	if (!rc)
		rc = meta_inode_get(m->tree->meta, dentry.ino, &inode);
	if (rc && f.there)
		return rc;
	f.dir = f.there && S_ISDIR(inode.mode);
	if (f.there && !f.dir)
		f.known = link_known(m->tree, &inode, m->ino, it->name, path,
				     &own);
	switch (merge_file(&f, it)) {
	case MERGE_FILE_ADD:
		return add_name(m, path, it);
	case MERGE_FILE_HIDE:
		merge_hide(m, it->name, HIDDEN_DIR);
		return 0;
	case MERGE_FILE_TAKE:
		return take_version(m, path, it, &inode);
	case MERGE_FILE_DATE:
		return date_name(m, it, &inode, f.known == &own ? &own : NULL);
	case MERGE_FILE_KEEP:
		break;
	}
	return 0;
}

static int apply_prefix(struct merge *m, const char *path,
			const struct merge_item *it)
{
	struct meta_dentry dentry;
	struct meta_inode inode;
	int rc = meta_dentry_get(m->tree->meta, m->ino, it->name, &dentry);

	if (rc == -ENOENT) {
		/* Not one whose last objects are just being deleted. */
		if (journal_pending_below(m->tree->journal, path, m->since))
			return 0;
		return add_name(m, path, it);
	}
	if (!rc)
		rc = meta_inode_get(m->tree->meta, dentry.ino, &inode);
	if (rc || S_ISDIR(inode.mode))
		return rc;
	/*
	 * A file and a directory of one name: the directory is shown. The
	 * file's bytes stay in the bucket; a dirty file was kept above.
	 */
	char file[META_KEY_MAX + 1];

	if (child_path(m, it->name, false, file) || keep_local(m, file, NULL))
		return 0;
	merge_hide(m, it->name, HIDDEN_DIR);
	rc = replace_name(m, path, it);
	inode.nlink--;
	if (!rc)
		rc = dir_drop_inode(m->tree, &inode);
	return rc ? rc : link_lost(m->tree, &inode, file);
}

/* The directory's own marker object. */
static int apply_marker(struct merge *m, const struct merge_item *it)
{
	struct merge_file_facts f = {.there = true};
	enum merge_file what;
	struct meta_inode inode;
	char path[META_KEY_MAX + 2];
	int rc;

	if (m->ino == META_ROOT_INO)
		return 0;
	m->marker_seen = true;
	snprintf(path, sizeof(path), "%s/", m->path);
	if (keep_local(m, path, NULL))
		return 0;
	rc = meta_inode_get(m->tree->meta, m->ino, &inode);
	if (rc)
		return rc;
	if (inode.flags & META_I_EXPLICIT)
		f.known = &inode.base;
	what = merge_file(&f, it);
	if (what == MERGE_FILE_KEEP)
		return 0;
	if (what == MERGE_FILE_DATE)
		return date_name(m, it, &inode, NULL);
	set_base(&inode, path, it);
	inode.flags |= META_I_EXPLICIT;
	mount_inval_inode(m->tree->mount, m->ino);
	return meta_inode_put(m->tree->meta, &inode);
}

static int apply_item(struct merge *m, const struct merge_item *it)
{
	char path[META_KEY_MAX + 1];
	int rc;

	if (!*it->name)
		return apply_marker(m, it);
	/* Named points are kept there, and what has no room elsewhere. */
	if (m->ino == META_ROOT_INO && it->is_dir &&
	    mount_is_own_name(m->tree->mount, it->name))
		return 0;
	if (!mount_name_ok(m->ino == META_ROOT_INO ? m->tree->mount : NULL,
			   it->name) ||
	    child_path(m, it->name, it->is_dir, path)) {
		merge_hide(m, it->name, HIDDEN_NAME);
		return 0;
	}
	rc = seen_add(m, it->name);
	if (rc || keep_local(m, path, it->is_dir ? NULL : it))
		return rc;
	return it->is_dir ? apply_prefix(m, path, it) : apply_file(m, path, it);
}

/* With meta_lock() held: the directory is still where it was. */
static int check_place(struct merge *m)
{
	char path[META_KEY_MAX + 1];
	int rc = meta_path(m->tree->meta, m->ino, NULL, path);

	return rc || strcmp(path, m->path) ? -ESTALE : 0;
}

/* Applies items from *at on, for one hold of the lock. */
static int page_some(struct merge *m, const struct merge_item *items,
		     size_t count, size_t *at)
{
	int64_t until = clock_mono_ns() + GONE_HOLD_NS;
	int rc = meta_lock(m->tree->meta);

	if (rc)
		return rc;
	rc = check_place(m);
	while (!rc && *at < count) {
		rc = apply_item(m, &items[(*at)++]);
		if (clock_mono_ns() >= until)
			break;
	}
	meta_unlock(m->tree->meta);
	return rc;
}

int merge_page(struct merge *m, const struct merge_item *items, size_t count)
{
	size_t at = 0;
	int rc = count ? 0 : page_some(m, items, count, &at);

	while (!rc && at < count) {
		rc = page_some(m, items, count, &at);
		if (at < count)
			gone_pause();
	}
	return rc;
}

/* A file that the bucket no longer has goes, unless it is dirty. */
static int drop_file(struct merge *m, const struct meta_dentry *dentry,
		     struct meta_inode *inode, const char *path)
{
	struct meta *meta = m->tree->meta;
	int rc;

	if (keep_local(m, path, &nothing))
		return 0;
	/* Clean, so the bucket's history holds every byte of it. */
	rc = meta_dentry_del(meta, dentry->parent, dentry->name);
	mount_inval_entry(m->tree->mount, dentry->parent, dentry->name);
	inode->nlink--;
	if (!rc)
		rc = taken_drop(m->tree, inode, path);
	return rc ? rc : link_lost(m->tree, inode, path);
}

/*
 * A name that the bucket no longer has. A directory goes as a whole if nothing
 * below it is dirty; else the walk goes on inside of it.
 */
static int look_at_gone(struct merge *m, const struct meta_dentry *dentry)
{
	struct meta *meta = m->tree->meta;
	char path[META_KEY_MAX + 2];
	struct meta_inode inode;
	size_t len;
	int rc = meta_inode_get(meta, dentry->ino, &inode);

	if (!rc)
		rc = meta_path(meta, dentry->parent, dentry->name, path);
	if (rc || !S_ISDIR(inode.mode))
		return rc ? rc : drop_file(m, dentry, &inode, path);
	len = strlen(path);
	strcpy(path + len, "/");
	if (journal_pending_below(m->tree->journal, path, m->since)) {
		m->at = dentry->ino;
		m->after[0] = '\0';
		return 0;
	}
	path[len] = '\0';
	rc = gone_detach(m->tree, dentry, &inode, path);
	return rc ? rc : tree_count_in(m->tree, dentry->parent, -1);
}

/* The walk comes out of a directory: it goes if nothing in it has stayed. */
static int leave(struct merge *m)
{
	struct meta *meta = m->tree->meta;
	uint64_t ino = m->at;
	char path[META_KEY_MAX + 2];
	struct meta_inode inode;
	struct meta_dentry dentry;
	int rc = meta_name_next(meta, ino, 0, "", &dentry);

	if (rc)
		return rc == -ENOENT ? -ESTALE : rc;
	m->at = dentry.parent;
	strcpy(m->after, dentry.name);
	rc = meta_dentry_any(meta, ino);
	if (rc)
		return rc < 0 ? rc : 0;
	rc = meta_inode_get(meta, ino, &inode);
	if (!rc)
		rc = meta_path(meta, dentry.parent, dentry.name, path);
	if (rc)
		return rc;
	strcat(path, "/");
	if (keep_local(m, path, NULL))
		return 0;
	/* Empty, and its object clean: others have removed what it had. */
	rc = meta_dentry_del(meta, dentry.parent, dentry.name);
	mount_inval_entry(m->tree->mount, dentry.parent, dentry.name);
	inode.nlink = 0;
	path[strlen(path) - 1] = '\0';
	if (!rc)
		rc = taken_drop(m->tree, &inode, path);
	return rc ? rc : tree_count_in(m->tree, dentry.parent, -1);
}

/*
 * With meta_lock() held: the walk begins anew where others have taken away
 * what it stood in.
 */
static int check_walk(struct merge *m)
{
	char path[META_KEY_MAX + 1];
	size_t len = strlen(m->path);
	int rc = check_place(m);

	if (rc || m->at == m->ino)
		return rc;
	if (meta_path(m->tree->meta, m->at, NULL, path) ||
	    strncmp(path, m->path, len) != 0 || (len && path[len] != '/')) {
		m->at = m->ino;
		m->after[0] = '\0';
	}
	return 0;
}

/* One name of the walk; of the directory itself those not seen. */
static int step(struct merge *m)
{
	struct meta_dentry dentry;
	int rc = meta_dentry_next_name(m->tree->meta, m->at, m->after, &dentry);

	if (rc == -ENOENT && m->at != m->ino)
		return leave(m);
	if (rc)
		return rc;
	strcpy(m->after, dentry.name);
	return m->at == m->ino && was_seen(m, dentry.name)
		       ? 0
		       : look_at_gone(m, &dentry);
}

/* How far a walk goes. */
enum walk_reach {
	WALK_ENTERED, /* to the end of what was entered in the directory */
	WALK_ALL, /* to the directory's own */
};

/* Goes on for one hold of the lock; -ENOENT at the end. */
static int walk_some(struct merge *m, enum walk_reach reach)
{
	int64_t until = clock_mono_ns() + GONE_HOLD_NS;
	int rc = meta_lock(m->tree->meta);

	if (rc)
		return rc;
	rc = check_walk(m);
	while (!rc) {
		rc = reach == WALK_ENTERED && m->at == m->ino ? -ENOENT
							      : step(m);
		if (clock_mono_ns() >= until)
			break;
	}
	meta_unlock(m->tree->meta);
	return rc;
}

static int walk(struct merge *m, enum walk_reach reach)
{
	int rc;

	while (!(rc = walk_some(m, reach)))
		gone_pause();
	return rc == -ENOENT ? gone_sweep(m->tree) : rc;
}

int merge_gone(struct merge *m, const char *name)
{
	struct meta_dentry dentry;
	int rc = meta_lock(m->tree->meta);

	if (rc)
		return rc;
	rc = check_place(m);
	if (!rc)
		rc = meta_dentry_get(m->tree->meta, m->ino, name, &dentry);
	if (!rc)
		rc = look_at_gone(m, &dentry);
	meta_unlock(m->tree->meta);
	if (rc)
		return rc == -ENOENT ? 0 : rc;
	rc = walk(m, WALK_ENTERED);
	if (!rc)
		revive_expired(m->tree);
	return rc;
}

/* The list shows no object of the directory: nothing says more of it. */
static void note_implicit(struct merge *m, struct meta_inode *inode)
{
	if (inode->flags & META_I_EXPLICIT) {
		expired_note(m->tree, inode, m->path);
		/* Others have removed it, with no change of ours. */
		inode->flags &= ~(uint32_t)META_I_EXPLICIT;
		memset(&inode->base, 0, sizeof(inode->base));
	}
	inode->flags |= META_I_ATTRS;
}

static int note_listed(struct merge *m, int64_t asked_ns)
{
	uint64_t most = m->tree->mount->config.list_names_max;
	struct meta_inode inode;
	char marker[META_KEY_MAX + 2];
	int rc = meta_lock(m->tree->meta);

	if (rc)
		return rc;
	rc = check_place(m);
	if (!rc)
		rc = meta_inode_get(m->tree->meta, m->ino, &inode);
	if (!rc) {
		snprintf(marker, sizeof(marker), "%s/", m->path);
		if (m->ino != META_ROOT_INO && !m->marker_seen &&
		    !keep_local(m, marker, NULL))
			note_implicit(m, &inode);
		inode.flags |= META_I_LISTED;
		inode.flags &= ~(uint32_t)(META_I_HIDES | META_I_REFUSED);
		if (m->hidden.count)
			inode.flags |= META_I_HIDES;
		inode.flags &= ~(uint32_t)META_I_BIG;
		inode.listed_ns = asked_ns;
		if (m->seen_count > (most ? most : BIG_NAMES)) {
			/* Its list may take longer than ttl: it counts anew
			   from its end, and single names do not ask for it. */
			inode.flags |= META_I_BIG;
			inode.listed_ns = clock_real_ns();
		}
		rc = meta_inode_put(m->tree->meta, &inode);
	}
	meta_unlock(m->tree->meta);
	return rc;
}

int merge_finish(struct merge *m, int64_t asked_ns)
{
	int rc;

	array_sort(m->seen, m->seen_count, sizeof(*m->seen), compare_u64);
	rc = walk(m, WALK_ALL);
	if (!rc)
		rc = note_listed(m, asked_ns);
	if (!rc)
		revive_expired(m->tree);
	return rc;
}
