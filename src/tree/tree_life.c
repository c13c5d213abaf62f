/* SPDX-License-Identifier: Apache-2.0 */
/* The tree's life: what it is made of, and what a mount before has left. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dir_impl.h"
#include "tree_impl.h"
#include "vers3/journal/journal.h"
#include "vers3/meta/extent.h"
#include "vers3/tree/gone.h"
#include "vers3/tree/read_row.h"
#include "vers3/tree/reread.h"
#include "vers3/tree/states.h"
#include "vers3/tree/tree.h"
#include "vers3/util/clock.h"
#include "vers3/util/log.h"
#include "vers3/util/pool.h"

#define SYS_NAMES  "vfs.names" /* META_SYS: of the last mount */
#define CLAIM_STEP 1000 /* extents looked at under one meta_lock() */

static int make_root(struct tree *tree)
{
	const struct meta_defaults *def = &tree->mount->config.defaults;
	struct meta_inode inode;
	int rc = meta_lock(tree->meta);

	if (rc)
		return rc;
	rc = meta_inode_get(tree->meta, META_ROOT_INO, &inode);
	if (rc == -ENOENT) {
		memset(&inode, 0, sizeof(inode));
		inode.ino = META_ROOT_INO;
		inode.mode = S_IFDIR | def->dir_mode;
		inode.uid = def->uid;
		inode.gid = def->gid;
		inode.nlink = 2;
		inode.flags = META_I_ATTRS | META_I_LACKS;
		inode.mtime_ns = inode.ctime_ns = inode.atime_ns =
			clock_real_ns();
		rc = meta_inode_put(tree->meta, &inode);
	}
	meta_unlock(tree->meta);
	return rc;
}

/*
 * What was listed by a mount that called history and control file otherwise
 * lacks those names, and has what are ours now: it is listed anew.
 */
static int note_names(struct tree *tree)
{
	char text[2 * META_NAME_MAX + 2];
	size_t len = (size_t)snprintf(text, sizeof(text), "%s/%s",
				      tree->mount->config.versions_name,
				      tree->mount->config.control_name);
	struct meta_inode root;
	struct meta_val val;
	int rc = meta_lock(tree->meta);

	if (rc)
		return rc;
	rc = meta_get(tree->meta, META_SYS, SYS_NAMES, strlen(SYS_NAMES), &val);
	if (!rc && val.size == len && !memcmp(val.data, text, len))
		goto out;
	if (!rc || rc == -ENOENT)
		rc = meta_inode_get(tree->meta, META_ROOT_INO, &root);
	if (rc)
		goto out;
	root.flags &= ~(uint32_t)META_I_LISTED;
	root.listed_ns = 0;
	rc = meta_inode_put(tree->meta, &root);
	if (!rc)
		rc = meta_put(tree->meta, META_SYS, SYS_NAMES,
			      strlen(SYS_NAMES), text, len);
out:
	meta_unlock(tree->meta);
	return rc;
}

/* Inodes that were open without a name when the last mount ended. */
static int drop_orphans(struct tree *tree)
{
	struct meta_inode inode;
	uint64_t ino = 0;
	int rc = meta_lock(tree->meta);

	if (rc)
		return rc;
	while (!rc && !meta_orphan_next(tree->meta, ino, &ino)) {
		rc = meta_orphan_del(tree->meta, ino);
		/* No name and no process has it: its bytes are unwanted. */
		if (!rc && !meta_inode_get(tree->meta, ino, &inode) &&
		    inode.nlink == 0)
			rc = meta_inode_del(tree->meta, ino);
	}
	meta_unlock(tree->meta);
	return rc;
}

static int sweep_one(void *ctx, uint64_t ino)
{
	struct tree *tree = ctx;

	/* The syncer removes it only if the namespace does not need it. */
	journal_reap(tree->journal, ino);
	return 0;
}

/*
 * Tells staging what the last mount has left in its log. Each is told under
 * the lock under which it was read: who gives it up comes later. False: not
 * all is known, so nothing of it may be given back.
 */
static bool claim_logged(struct tree *tree)
{
	uint64_t ino = 0, offset = 0, length, at;
	unsigned lost = 0;
	int rc, claimed;

	do {
		rc = meta_lock(tree->meta);
		if (rc)
			break;
		rc = meta_extent_next_logged(tree->meta, CLAIM_STEP, &ino,
					     &offset, &length, &at);
		claimed = rc ? 0
			     : staging_claim(tree->mount->staging, ino, at,
					     length);
		meta_unlock(tree->meta);
		lost += claimed == -EIO;
		rc = claimed == -ENOMEM ? claimed : rc;
	} while (!rc || rc == -EAGAIN);
	if (lost)
		log_error("staging log: what was written to %u places of files "
			  "is not there",
			  lost);
	return rc == -ENOENT;
}

int tree_new(struct mount *mount, struct journal *journal,
	     struct reader *reader, struct tree **ret_tree)
{
	struct tree *tree = calloc(1, sizeof(*tree));
	int rc;

	if (!tree)
		return -ENOMEM;
	tree->mount = mount;
	tree->meta = mount->meta;
	tree->journal = journal;
	tree->reader = reader;
	rc = states_new(tree, &tree->states);
	if (!rc)
		rc = dirs_new(&tree->dirs);
	if (!rc)
		rc = rereads_new(&tree->rereads);
	if (!rc)
		rc = read_rows_new(&tree->read_rows);
	if (!rc)
		rc = make_root(tree);
	if (!rc)
		rc = note_names(tree);
	if (!rc)
		rc = drop_orphans(tree);
	if (rc) {
		tree_free(tree);
		return rc;
	}
	*ret_tree = tree;
	return 0;
}

int tree_begin(struct tree *tree)
{
	int rc = gone_sweep(tree);

	if (!rc)
		rc = staging_each(tree->mount->staging, sweep_one, tree);
	if (rc)
		return rc;
	/* What is not claimed now must not come back after a loss of power. */
	if (claim_logged(tree) && !meta_sync(tree->meta))
		staging_begin(tree->mount->staging);
	return states_begin(tree->states);
}

void tree_end(struct tree *tree)
{
	if (!tree)
		return;
	states_end(tree->states);
	dirs_end(tree->dirs);
}

void tree_end_reads(struct tree *tree)
{
	if (!tree)
		return;
	pool_free(tree->rereads);
	tree->rereads = NULL;
}

void tree_free(struct tree *tree)
{
	if (!tree)
		return;
	pool_free(tree->rereads);
	read_rows_free(tree->read_rows);
	dirs_free(tree->dirs);
	states_free(tree->states);
	free(tree);
}
