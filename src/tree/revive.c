/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Directories that others, or a rule, have taken come back: when a name is made
 * in them (taken.h), or since the rule was not meant for them (expired.h).
 */
#include "vers3/tree/revive.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dir_impl.h"
#include "expired.h"
#include "outage.h"
#include "tree_impl.h"
#include "vers3/core/bucket_config.h"
#include "vers3/journal/journal.h"
#include "vers3/meta/dentry.h"
#include "vers3/s3/lifecycle.h"
#include "vers3/tree/gone.h"
#include "vers3/tree/taken.h"
#include "vers3/util/log.h"

#define DOCUMENT_MAX (4 << 20)

/* 1: it has no name, and where it stood is not known, or not yet. */
static int revive(struct tree *tree, uint64_t ino)
{
	struct meta_inode inode;
	int rc = meta_lock(tree->meta);

	if (rc)
		return rc;
	rc = meta_inode_get(tree->meta, ino, &inode);
	if (!rc && S_ISDIR(inode.mode) && !inode.nlink) {
		rc = taken_back(tree, &inode, 0);
		rc = rc == -ENOENT ? 1 : rc;
	}
	meta_unlock(tree->meta);
	return rc == -ENOENT ? 0 : rc;
}

int revive_dir(struct tree *tree, uint64_t ino)
{
	int rc = revive(tree, ino);

	if (rc != 1)
		return rc;
	/* What is in it may be going yet: that is noted at the end. */
	rc = gone_sweep(tree);
	if (!rc)
		rc = revive(tree, ino);
	return rc == 1 ? 0 : rc;
}

int revive_dir_told(struct tree *tree, uint64_t ino)
{
	unsigned before = taken_count(tree);
	int rc = revive_dir(tree, ino);

	taken_tell(tree, before);
	return rc;
}

/* As they are known, at most ttl old. -ENODATA: there are none. */
static int ask_rules(struct tree *tree, struct lifecycle *ret)
{
	char reason[BUCKET_REASON_MAX];
	struct buf doc;
	int rc;

	buf_init(&doc, DOCUMENT_MAX);
	rc = bucket_config_get(tree->mount->bucket, BUCKET_LIFECYCLE, &doc,
			       reason, sizeof(reason));
	if (!rc)
		rc = doc.len ? lifecycle_parse(doc.data, doc.len, ret)
			     : -ENODATA;
	buf_release(&doc);
	return rc;
}

/* Whether a rule for what is in the directory was to take it by now. */
static bool is_by_rule(struct tree *tree, const struct lifecycle *rules,
		       const struct expired *e)
{
	char key[META_KEY_MAX + 2];
	struct lifecycle_fate fate;

	if (mount_key(tree->mount, e->path, key))
		return false;
	strcat(key, "/");
	lifecycle_fate(rules, key, NULL, 0, e->written_ns, &fate);
	return fate.expire_rule && !strcmp(fate.expire_rule->prefix, key) &&
	       fate.expire_ns <= mount_server_now_ns(tree->mount);
}

/* Others have files in the directory: it is there, without its object. */
static int object_back(struct tree *tree, struct meta_inode *inode,
		       const char *path)
{
	char key[META_KEY_MAX + 2];
	int rc = meta_path(tree->meta, inode->ino, NULL, key);

	if (rc || strcmp(key, path) != 0 || (inode->flags & META_I_EXPLICIT))
		return -ESTALE;
	strcat(key, "/");
	rc = journal_mark(tree->journal, key, NULL,
			  tree->mount->config.commit_ns);
	if (rc)
		return rc;
	inode->flags |= META_I_EXPLICIT;
	memset(&inode->base, 0, sizeof(inode->base));
	return meta_inode_put(tree->meta, inode);
}

static void give_back(struct tree *tree, const struct expired *e)
{
	struct meta_inode inode;
	int rc = meta_lock(tree->meta);

	if (rc)
		return;
	rc = meta_inode_get(tree->meta, e->ino, &inode);
	if (!rc)
		rc = inode.nlink ? object_back(tree, &inode, e->path)
				 : taken_back(tree, &inode, 0);
	meta_unlock(tree->meta);
	if (!rc)
		log_info("a rule has removed the object of directory %s: it is "
			 "made again",
			 e->path);
}

/* For the next list: nobody could tell the rules just now. */
static void keep(struct tree *tree, struct expired *e)
{
	struct expired_list *l = &tree->dirs->expired;

	pthread_mutex_lock(&tree->dirs->mutex);
	if (l->count < EXPIRED_MAX) {
		l->items[l->count++] = *e;
		e->path = NULL;
	}
	pthread_mutex_unlock(&tree->dirs->mutex);
}

void revive_expired(struct tree *tree)
{
	struct expired_list l;
	struct lifecycle rules;
	bool any;
	int rc;

	pthread_mutex_lock(&tree->dirs->mutex);
	any = tree->dirs->expired.count;
	pthread_mutex_unlock(&tree->dirs->mutex);
	/* As it is now: it may be mounted for reading since (remount). */
	if (!any || !mount_takes_changes(tree->mount))
		return;
	pthread_mutex_lock(&tree->dirs->mutex);
	l = tree->dirs->expired;
	tree->dirs->expired.count = 0;
	pthread_mutex_unlock(&tree->dirs->mutex);
	rc = l.count ? ask_rules(tree, &rules) : -ENODATA;
	for (size_t i = 0; i < l.count; i++) {
		if (!rc && is_by_rule(tree, &rules, &l.items[i]))
			give_back(tree, &l.items[i]);
		else if (store_is_outage(rc))
			keep(tree, &l.items[i]);
		free(l.items[i].path);
	}
	if (!rc)
		lifecycle_release(&rules);
}
