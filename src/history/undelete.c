/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The requests that remove a version or the markers on top of a key, and what
 * the live tree and the view are told of it.
 */
#include "vers3/history/undelete.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "vers3/core/mount.h"
#include "vers3/history/nothing.h"
#include "vers3/history/view.h"
#include "vers3/meta/dentry.h"
#include "vers3/store/version_list.h"
#include "vers3/sync/syncer.h"
#include "vers3/util/gitconfig.h"
#include "view_node.h"

#define MARKERS_MAX 100 /* removed at once; more than that is no accident */

/*
 * The directory in which the first name of a path is that is not known, or
 * the last one; with meta_lock() held. *ret_name points into path's copy.
 */
static int deepest_known(struct view *view, char *path, uint64_t *ret_ino,
			 const char **ret_name)
{
	uint64_t ino = META_ROOT_INO;
	struct meta_dentry dentry;
	char *slash;
	int rc;

	for (; (slash = strchr(path, '/')); path = slash + 1) {
		*slash = '\0';
		rc = meta_dentry_get(view->meta, ino, path, &dentry);
		if (rc == -ENOENT)
			break;
		if (rc)
			return rc;
		ino = dentry.ino;
	}
	*ret_ino = ino;
	*ret_name = path;
	return 0;
}

/* The bucket has something else at a path: it is to be listed anew. */
int undelete_look_again(struct view *view, const char *path)
{
	char copy[META_KEY_MAX + 1];
	struct meta_inode inode;
	const char *name;
	uint64_t ino;
	int rc = meta_lock(view->meta);

	if (rc)
		return rc;
	strcpy(copy, path);
	rc = deepest_known(view, copy, &ino, &name);
	if (!rc)
		rc = meta_inode_get(view->meta, ino, &inode);
	if (!rc) {
		inode.listed_ns = 0;
		rc = meta_inode_put(view->meta, &inode);
	}
	meta_unlock(view->meta);
	if (!rc)
		mount_inval_entry(view->mount, ino, name);
	return rc == -ENOENT ? 0 : rc;
}

int undelete_version(struct view *view, const char *key, const char *version_id)
{
	struct store_request r;
	int rc;

	store_request_init(&r, STORE_DELETE);
	r.key = key;
	r.version_id = version_id;
	rc = store_call(view->mount->store, &r);
	store_request_release(&r);
	return rc == -ENOENT ? 0 : rc;
}

int undelete_remove(struct view *view, const char *path, const char *version_id)
{
	char key[META_KEY_MAX + 1];
	int rc = mount_key(view->mount, path, key);

	/* Without an id it would be a delete like any other. */
	if (!rc && !*version_id)
		rc = -EINVAL;
	if (!rc)
		rc = undelete_version(view, key, version_id);
	if (rc)
		return rc;
	view_forget(view);
	return undelete_look_again(view, path);
}

/* The markers on top of a key's versions. */
struct markers {
	struct version_list list;
	const char *key;
	char *ids[MARKERS_MAX]; /* owned */
	size_t count;
	bool version; /* there is one below them */
};

static int look_at(void *ctx, const struct store_entry *e)
{
	struct markers *m = ctx;

	if (strcmp(e->key, m->key) != 0) {
		m->list.stop = true;
		return 0;
	}
	if (e->kind == STORE_ENTRY_VERSION) {
		m->version = m->list.stop = true;
		return 0;
	}
	if (m->count == MARKERS_MAX)
		return -E2BIG;
	m->ids[m->count] = strdup(e->version_id);
	return m->ids[m->count++] ? 0 : -ENOMEM;
}

static int remove_markers(struct view *view, const char *path, const char *key)
{
	struct markers m = {.key = key, .count = 0};
	int rc;

	m.list = (struct version_list){
		.prefix = key, .on_entry = look_at, .ctx = &m};
	rc = version_list(view->mount->store, &m.list);
	if (!rc && !m.version)
		rc = -ENOENT;
	if (!rc && !m.count)
		rc = -EEXIST;
	/* From below: the file is there when the newest goes, or it is not. */
	for (size_t i = m.count; !rc && i-- > 0;)
		rc = undelete_version(view, key, m.ids[i]);
	for (size_t i = 0; i < m.count; i++)
		free(m.ids[i]);
	if (rc)
		return rc;
	view_forget(view);
	return undelete_look_again(view, path);
}

int undelete(struct view *view, const char *path, struct buf *answer)
{
	char key[META_KEY_MAX + 1], top[META_KEY_MAX + 1];
	const char *text = "is there again";
	uint64_t left;
	int rc = *path ? mount_key(view->mount, path, key) : -EINVAL;

	/*
	 * A delete that was not sent yet has no marker to remove, and that of
	 * a directory on the way would go on hiding what is below it.
	 */
	if (!rc) {
		memcpy(top, path, strcspn(path, "/"));
		top[strcspn(path, "/")] = '\0';
		rc = syncer_sync_all(view->syncer, top, &left);
	}
	if (!rc)
		rc = remove_markers(view, path, key);
	if (rc == -ENOENT)
		return nothing_say(view, path, answer);
	if (rc == -EEXIST)
		text = "is not deleted; `vers3ctl restore` brings an earlier "
		       "version back";
	else if (rc == -EACCES)
		text = "these credentials may not remove its delete marker "
		       "(s3:DeleteObjectVersion); `vers3ctl restore` does "
		       "without";
	else if (rc)
		return nothing_say_error(rc, path, answer);
	return gitconfig_say(answer, rc, path, text);
}
