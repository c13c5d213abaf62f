/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finds the version that is meant, makes the name and its parents where they
 * are missing, and bases the inode there on that version.
 */
#include "restore.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "vers3/control/control_state.h"
#include "vers3/core/mount.h"
#include "vers3/core/node.h"
#include "vers3/core/pins.h"
#include "vers3/history/nothing.h"
#include "vers3/history/named_snapshots.h"
#include "vers3/object/deferred_attrs.h"
#include "vers3/object/objattr.h"
#include "vers3/s3/archive.h"
#include "vers3/store/version_list.h"
#include "vers3/sync/syncer.h"
#include "vers3/tree/content.h"
#include "vers3/tree/dir.h"
#include "vers3/tree/tree.h"
#include "vers3/util/clock.h"
#include "vers3/util/errtext.h"
#include "vers3/util/gitconfig.h"

#define SEE "; `vers3ctl versions` lists what there is"

/* Which version of a key is looked for in a list, newest first. */
struct search {
	const char *key;
	bool previous; /* else the one that stood there at at_ns */
	int64_t at_ns;
	unsigned seen; /* entries of this key */
	bool found;
	struct version_list list;
	bool marker; /* what was found is a delete marker */
	char version_id[META_VERSION_MAX + 1];
};

static int look_at(void *ctx, const struct store_entry *e)
{
	bool marker = e->kind == STORE_ENTRY_MARKER;
	struct search *s = ctx;

	if (strcmp(e->key, s->key) != 0) {
		s->list.stop = true;
		return 0;
	}
	if (s->previous)
		s->found = s->seen > 0 && !marker;
	else
		s->found = e->last_modified_ns <= s->at_ns;
	s->seen++;
	if (s->found && strlen(e->version_id) > META_VERSION_MAX)
		return -EIO;
	if (s->found) {
		s->list.stop = true;
		s->marker = marker;
		strcpy(s->version_id, e->version_id);
	}
	return 0;
}

static int search_versions(struct control *control, struct search *s)
{
	s->list = (struct version_list){
		.prefix = s->key, .on_entry = look_at, .ctx = s};
	return version_list(control->mount->store, &s->list);
}

/* The version id that is meant; has META_VERSION_MAX + 1 bytes. */
static int pick(struct control *control, const struct restore *what,
		const char *key, char *version_id, struct buf *answer)
{
	struct search s = {.key = key};
	int rc;

	if (what->which[0] != '@') {
		if (!what->which[0] || strlen(what->which) > META_VERSION_MAX)
			return gitconfig_say(answer, -EINVAL, what->which,
					     "no version has such an id" SEE);
		strcpy(version_id, what->which);
		return 0;
	}
	s.previous = !strcmp(what->which, "@previous");
	rc = s.previous ? 0
			: named_snapshot_time(control->view, what->which,
					      &s.at_ns);
	if (rc == -EINVAL)
		return gitconfig_say(
			answer, rc, what->which,
			"is no time, and no named point; want such as "
			"2026-11-21T12:00:00Z, 2026-11-21 or 2h");
	if (!rc)
		rc = search_versions(control, &s);
	if (rc)
		return nothing_say_error(rc, what->path, answer);
	/* Where none is kept, the one that is there is all that there is. */
	if (!s.found && (!s.seen || !control->mount->config.versioned))
		return nothing_say(control->view, what->path, answer);
	if (!s.found)
		return gitconfig_say(
			answer, -ENOENT, what->path,
			s.previous ? "there is no earlier version" SEE
				   : "did not exist at that time" SEE);
	if (s.marker)
		return gitconfig_say(answer, -ENOENT, what->path,
				     "had been deleted by that time" SEE);
	strcpy(version_id, s.version_id);
	return 0;
}

/* Asks for the version; r is a HEAD request. */
static int head_version(struct control *control, const struct restore *what,
			struct store_request *r, struct buf *answer)
{
	int rc = deferred_head(control->mount->store, r);

	if (rc && r->reply.object.delete_marker)
		return gitconfig_say(
			answer, -ENOENT, what->path,
			"this version is a delete marker: `vers3ctl "
			"undelete` removes it");
	if (rc == -ENOENT || rc == -EINVAL)
		return gitconfig_say(answer, -ENOENT, what->path,
				     "there is no such version" SEE);
	if (rc)
		return nothing_say_error(rc, what->path, answer);
	/* Not every server repeats the id that it was asked for. */
	if (!r->reply.object.version_id) {
		r->reply.object.version_id = strdup(r->version_id);
		if (!r->reply.object.version_id)
			return gitconfig_say(answer, -ENOMEM, what->path,
					     "no memory");
	}
	if (archive_is_closed(&r->reply.object.headers))
		return gitconfig_say(
			answer, -EREMOTE, what->path,
			"this version is archived, and has to be thawed "
			"first: `vers3ctl thaw` of its path in .versions");
	return 0;
}

/* The directory that a path's last name is in, made where it is missing. */
static int make_parents(struct control *control, const char *path,
			const struct vfs_caller *who, uint64_t *ret_parent,
			const char **ret_name)
{
	char name[META_NAME_MAX + 1];
	uint64_t parent = META_ROOT_INO;
	struct meta_inode inode;
	const char *slash;

	for (; (slash = strchr(path, '/')); path = slash + 1) {
		size_t len = (size_t)(slash - path);
		int rc;

		if (!len || len > META_NAME_MAX)
			return len ? -ENAMETOOLONG : -EINVAL;
		memcpy(name, path, len);
		name[len] = '\0';
		rc = dir_lookup(control->tree, parent, name, &inode);
		if (rc == -ENOENT) {
			rc = tree_make(control->tree, parent, name,
				       S_IFDIR | control->mount->config.defaults
							 .dir_mode,
				       0, NULL, who, &inode);
			if (!rc)
				mount_inval_entry(control->mount, parent, name);
		}
		if (!rc && !S_ISDIR(inode.mode))
			rc = -ENOTDIR;
		if (rc)
			return rc;
		parent = inode.ino;
	}
	*ret_parent = parent;
	*ret_name = path;
	return 0;
}

/* An inode of the version's kind under the name: the one there, or anew. */
static int make_name(struct control *control, uint64_t parent, const char *name,
		     const struct objattr *attr, const struct vfs_caller *who,
		     struct meta_inode *inode)
{
	int rc = dir_lookup(control->tree, parent, name, inode);

	if (!rc && S_ISDIR(inode->mode))
		return -EISDIR;
	if (!rc && (inode->mode & S_IFMT) == (attr->mode & S_IFMT))
		return 0;
	/* What was staged since the sync is in no version yet. */
	if (!rc && (inode->flags & META_I_STAGED))
		return -EBUSY;
	/* The kernel does not take another kind of file for the same. */
	if (!rc)
		rc = tree_unlink(control->tree, parent, name);
	if (!rc || rc == -ENOENT)
		rc = tree_make(control->tree, parent, name, attr->mode,
			       attr->rdev, NULL, who, inode);
	if (!rc)
		mount_inval_entry(control->mount, parent, name);
	return rc;
}

/* With the node's lock and meta_lock() held. */
static int take_locked(struct control *control, uint64_t ino, const char *path,
		       const struct store_object *o)
{
	struct meta_inode inode;
	int rc = meta_inode_get(control->meta, ino, &inode);

	/* What was staged since the sync is in no version yet. */
	if (!rc && (inode.flags & META_I_STAGED))
		rc = -EBUSY;
	/* Marked first: what the bucket holds is read from the inode. */
	if (!rc)
		rc = tree_mark_inode(control->tree, &inode);
	if (!rc)
		rc = dir_take_object(control->tree, &inode, path, o);
	if (rc)
		return rc;
	inode.flags |= META_I_ATTR_DIRTY | META_I_REPLACED;
	inode.ctime_ns = clock_real_ns();
	inode.change++;
	inode.data_change++;
	return meta_inode_put(control->meta, &inode);
}

static int take(struct control *control, uint64_t ino, const char *path,
		const struct store_object *o)
{
	struct node *node;
	int rc = node_get(control->mount->nodes, ino, &node);

	if (rc)
		return rc;
	pthread_rwlock_wrlock(&node->lock);
	rc = meta_lock(control->meta);
	if (!rc) {
		rc = take_locked(control, ino, path, o);
		meta_unlock(control->meta);
	}
	pthread_rwlock_unlock(&node->lock);
	node_put(control->mount->nodes, node);
	mount_inval_inode(control->mount, ino);
	return rc;
}

static bool shows_already(const struct meta_inode *inode, const char *path,
			  const char *version_id)
{
	return meta_inode_is_base(inode) &&
	       !(inode->flags & META_I_ATTR_DIRTY) &&
	       !strcmp(inode->base.key, path) &&
	       !strcmp(inode->base.version_id, version_id);
}

/* Puts the version under its live name. */
static int put_back(struct control *control, const struct restore *what,
		    const char *version_id, const struct store_object *o,
		    struct buf *answer)
{
	const struct meta_defaults *def = &control->mount->config.defaults;
	const struct vfs_caller who = {.uid = def->uid, .gid = def->gid};
	char text[META_VERSION_MAX + 32];
	struct objattr attr;
	struct meta_inode inode;
	const char *name;
	uint64_t parent;
	int rc = objattr_parse(what->path, &o->meta, &o->headers,
			       o->last_modified_ns, def, &attr, NULL);

	if (!rc)
		rc = make_parents(control, what->to, &who, &parent, &name);
	if (!rc)
		rc = make_name(control, parent, name, &attr, &who, &inode);
	if (!rc && !strcmp(what->path, what->to) &&
	    shows_already(&inode, what->path, version_id))
		return gitconfig_say(answer, 0, what->to,
				     "is this version already");
	if (!rc)
		rc = take(control, inode.ino, what->path, o);
	if (rc)
		return gitconfig_say(answer, rc, what->to, errtext(rc));
	snprintf(text, sizeof(text), "restored version %s", version_id);
	return gitconfig_say(answer, 0, what->to, text);
}

/* A path below the root that can be a file's key. */
static bool is_path(const struct control *control, const char *path)
{
	size_t len = strlen(path);

	return len && len <= META_KEY_MAX && path[len - 1] != '/' &&
	       !mount_is_history(control->mount, path);
}

/* Copies the version, which is kept until a change of the name says so. */
static int bring_back(struct control *control, const struct restore *what,
		      const char *key, const char *version_id,
		      struct buf *answer)
{
	struct meta_version held = {.size_bytes = 0};
	struct store_request r;
	int rc;

	strcpy(held.key, what->path);
	strcpy(held.version_id, version_id);
	rc = pins_hold(control->mount->pins, &held);
	if (rc)
		return gitconfig_say(answer, rc, what->path, strerror(-rc));
	store_request_init(&r, STORE_HEAD);
	r.key = key;
	r.version_id = version_id;
	rc = head_version(control, what, &r, answer);
	if (!rc)
		rc = put_back(control, what, version_id, &r.reply.object,
			      answer);
	store_request_release(&r);
	pins_drop(control->mount->pins, &held);
	return rc;
}

int restore_version(struct control *control, const struct restore *what,
		    struct buf *answer)
{
	char key[META_KEY_MAX + 1], version_id[META_VERSION_MAX + 1];
	char why[256];
	uint64_t left;
	int rc;

	if (!is_path(control, what->path) || !is_path(control, what->to))
		return gitconfig_say(answer, -EINVAL,
				     is_path(control, what->path) ? what->to
								  : what->path,
				     "is no name of a file");
	rc = mount_key(control->mount, what->path, key);
	if (!rc)
		rc = syncer_sync_all(control->syncer, what->to, &left);
	if (!rc && strcmp(what->path, what->to) != 0)
		rc = syncer_sync_all(control->syncer, what->path, &left);
	if (rc) {
		snprintf(why, sizeof(why),
			 "what it holds now could not be saved (%s), so it is "
			 "left as it is; `vers3ctl status` says more",
			 strerror(-rc));
		return gitconfig_say(answer, rc, what->to, why);
	}
	rc = pick(control, what, key, version_id, answer);
	return rc ? rc : bring_back(control, what, key, version_id, answer);
}
