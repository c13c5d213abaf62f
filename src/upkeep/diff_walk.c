/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns a stack of what the key that came last is below, or may be: directories,
 * and files whose name it begins with, as "a" may be a directory as well when
 * "a-b" is over. Whatever the next key does not begin with is done.
 */
#include "diff_walk.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vers3/journal/journal.h"
#include "vers3/meta/dentry.h"
#include "vers3/meta/dirty.h"
#include "vers3/util/array.h"
#include "vers3/util/cancel.h"
#include "vers3/util/clock.h"

/* A path that more may come of: so many bytes of the key that came last. */
struct open_path {
	size_t len;
	bool own_seen; /* its own object, as a directory's, has versions */
	struct diff_side file_then, file_now, dir_then, dir_now;
};

/* The key under way: of its versions what counts, newest first. */
struct key_now {
	bool any;
	char path[META_KEY_MAX + 1];
	bool met, decided; /* the one of now, the one of then, or none */
	bool versions; /* it has some: not only markers */
	struct diff_side then, now;
};

struct run {
	struct diff_walk *w; /* borrowed */
	bool live; /* now is what the mount has, not an instant of its own */
	int64_t now_ns; /* the instant; INT64_MAX: the present */
	uint64_t since; /* of the journal */
	char path[META_KEY_MAX + 1]; /* that the open ones are parts of */
	struct open_path *open; /* owned */
	size_t count, size;
	struct key_now key;
	/* What had something unsent when it began, in the order of keys. */
	char **unsent; /* owned, with what is in it */
	size_t unsent_count, unsent_size, unsent_at; /* which comes next */
};

static bool begins_with(const char *path, const char *with, size_t len)
{
	return !strncmp(path, with, len);
}

/* Whether it is the path that was asked for, or below it. */
static bool is_meant(const struct run *r, const char *path)
{
	size_t len = strlen(r->w->path);

	return !len || (begins_with(path, r->w->path, len) &&
			(!path[len] || path[len] == '/'));
}

/* Tells of the last of the open paths. A directory hides a file. */
static int close_last(struct run *r)
{
	struct open_path *o = &r->open[--r->count];
	const struct diff_side *then, *now;
	char path[META_KEY_MAX + 1];

	memcpy(path, r->path, o->len);
	path[o->len] = '\0';
	o->dir_then.bare = !o->own_seen;
	then = o->dir_then.kind ? &o->dir_then : &o->file_then;
	now = o->dir_now.kind ? &o->dir_now : &o->file_now;
	/* Of those above the one that was asked for a part is seen. */
	if (!is_meant(r, path) || (!then->kind && !now->kind))
		return 0;
	return r->w->on_path(r->w->ctx, path, then, now);
}

static int close_all_but(struct run *r, const char *path)
{
	int rc = 0;

	while (!rc && r->count &&
	       !begins_with(path, r->path, r->open[r->count - 1].len))
		rc = close_last(r);
	return rc;
}

/* The open path of so many bytes of r->path. */
static int open_at(struct run *r, size_t len, struct open_path **ret)
{
	for (size_t i = r->count; i-- > 0 && r->open[i].len >= len;)
		if (r->open[i].len == len) {
			*ret = &r->open[i];
			return 0;
		}
	/* Longer ones were opened with those that they are below. */
	if (array_room(r->open, r->count, r->size))
		return -ENOMEM;
	*ret = &r->open[r->count++];
	memset(*ret, 0, sizeof(**ret));
	(*ret)->len = len;
	return 0;
}

/* What is below a directory says that it is there. */
static void note_dir(struct diff_side *dir, const struct diff_side *below)
{
	if (below->kind)
		dir->kind = DIFF_DIR;
}

static int take_dir(struct run *r, size_t len)
{
	struct open_path *o;
	int rc = open_at(r, len, &o);

	if (rc)
		return rc;
	note_dir(&o->dir_then, &r->key.then);
	note_dir(&o->dir_now, &r->key.now);
	return 0;
}

/* The directory's own object. */
static int take_own(struct run *r, size_t len)
{
	struct open_path *o;
	int rc = open_at(r, len, &o);

	if (rc)
		return rc;
	o->own_seen = r->key.versions;
	o->dir_then = r->key.then;
	o->dir_now = r->key.now;
	if (o->dir_then.kind)
		o->dir_then.kind = DIFF_DIR;
	if (o->dir_now.kind)
		o->dir_now.kind = DIFF_DIR;
	return 0;
}

static int take_file(struct run *r, size_t len)
{
	struct open_path *o;
	int rc = open_at(r, len, &o);

	if (rc)
		return rc;
	o->file_then = r->key.then;
	o->file_now = r->key.now;
	return 0;
}

static bool name_ok(const struct run *r, const char *name, size_t len)
{
	char copy[META_NAME_MAX + 1];

	if (!len || len > META_NAME_MAX)
		return false;
	memcpy(copy, name, len);
	copy[len] = '\0';
	return mount_name_ok(name == r->path ? r->w->mount : NULL, copy);
}

/* A name that no tree shows has directories all the same. */
static int file_key(struct run *r)
{
	const char *at = r->path;
	int rc = 0;

	while (!rc) {
		size_t len = strcspn(at, "/"), end = (size_t)(at - r->path);

		if (!*at)
			return take_own(r, end - 1);
		if (!name_ok(r, at, len))
			return 0;
		end += len;
		if (!r->path[end])
			return take_file(r, end);
		rc = take_dir(r, end);
		at = r->path + end + 1;
	}
	return rc;
}

/*
 * What the mount has at a key, where that is not what the bucket has: with
 * meta_lock() held. false: the list is right.
 */
static bool read_local(struct run *r, const char *path, struct diff_side *ret)
{
	struct meta *meta = r->w->mount->meta;
	bool dir_key = path[strlen(path) - 1] == '/', base;
	struct meta_inode inode;
	struct meta_dirty dirty;
	bool unsent = meta_dirty_get(meta, path, &dirty) != -ENOENT;
	uint64_t ino;

	if (!unsent && !journal_committed_after(r->w->journal, path, r->since))
		return false;
	memset(ret, 0, sizeof(*ret));
	if (meta_resolve(meta, path, &ino) ||
	    meta_inode_get(meta, ino, &inode) || S_ISDIR(inode.mode) != dir_key)
		return true;
	base = meta_inode_is_base(&inode);
	ret->kind = dir_key ? DIFF_DIR : DIFF_FILE;
	ret->unsent = unsent || !base;
	ret->known = (inode.flags & META_I_ATTRS) || !inode.base.key[0];
	ret->mode = inode.mode;
	ret->uid = inode.uid;
	ret->gid = inode.gid;
	ret->rdev = inode.rdev;
	ret->mtime_ns = inode.mtime_ns;
	ret->version.size_bytes = inode.size_bytes;
	ret->version.last_modified_ns = inode.base.last_modified_ns;
	if (base && !strcmp(inode.base.key, path))
		strcpy(ret->version.version_id, inode.base.version_id);
	if (base)
		strcpy(ret->version.etag, inode.base.etag);
	return true;
}

/* Others may have put equal content in the place of a "null" version. */
static bool is_same_date(const struct meta_version *base,
			 const struct history_entry *e)
{
	return meta_is_version_id(e->version_id) ||
	       base->last_modified_ns / NS_PER_S ==
		       e->last_modified_ns / NS_PER_S;
}

/* What the mount knows of a version's attributes: a HEAD less. */
static void read_attrs(struct run *r, const char *path, struct diff_side *now)
{
	struct meta *meta = r->w->mount->meta;
	struct meta_inode inode;
	uint64_t ino;

	if (!now->kind || meta_resolve(meta, path, &ino) ||
	    meta_inode_get(meta, ino, &inode) ||
	    !(inode.flags & META_I_ATTRS) ||
	    strcmp(inode.base.version_id, now->version.version_id) != 0 ||
	    strcmp(inode.base.etag, now->version.etag) != 0 ||
	    strcmp(inode.base.key, path) != 0 ||
	    !is_same_date(&inode.base, &now->version))
		return;
	now->known = true;
	now->mode = inode.mode;
	now->uid = inode.uid;
	now->gid = inode.gid;
	now->rdev = inode.rdev;
	now->mtime_ns = inode.mtime_ns;
}

/* What lists do not tell of the key, or would have to be asked for. */
static int look_here(struct run *r)
{
	struct meta *meta = r->w->mount->meta;
	struct key_now *k = &r->key;
	int rc = meta_lock(meta);

	if (rc)
		return rc;
	if (!read_local(r, k->path, &k->now) &&
	    diff_by_lists(&k->then, &k->now) == DIFF_ASK)
		read_attrs(r, k->path, &k->now);
	meta_unlock(meta);
	return 0;
}

/* The key is done: it has its place among the open paths. */
static int end_key(struct run *r)
{
	struct key_now *k = &r->key;
	int rc;

	if (!k->any)
		return 0;
	rc = r->live ? look_here(r) : 0;
	if (rc)
		return rc;
	k->any = false;
	rc = close_all_but(r, k->path);
	strcpy(r->path, k->path);
	return rc ? rc : file_key(r);
}

static void begin_key(struct run *r, const char *path)
{
	memset(&r->key, 0, sizeof(r->key));
	r->key.any = true;
	strcpy(r->key.path, path);
}

/* The first key behind `key` ("": of all) that is unsent, of those meant. */
static int next_unsent(struct run *r, char *key)
{
	struct meta *meta = r->w->mount->meta;
	const char *path = r->w->path;
	char from[META_KEY_MAX + 2];
	bool behind = *key;
	int rc = cancel_asked() ? -EINTR : meta_lock(meta);

	if (rc)
		return rc;
	strcpy(from, behind ? key : path);
	rc = meta_dirty_from(meta, from, behind, path, key);
	/* What only begins with the path's name is passed over. */
	if (!rc && !is_meant(r, key) && key[strlen(path)] < '/') {
		snprintf(from, sizeof(from), "%s/", path);
		rc = meta_dirty_from(meta, from, false, from, key);
	}
	if (!rc && !is_meant(r, key))
		rc = -ENOENT;
	meta_unlock(meta);
	return rc;
}

/*
 * All of them, before the list is asked for: what is sent while that is under
 * way may stand in no list, and is unsent no more when its place comes.
 */
static int find_unsent(struct run *r)
{
	char key[META_KEY_MAX + 1] = "";
	int rc = 0;

	while (r->live && !rc && !(rc = next_unsent(r, key))) {
		rc = array_room(r->unsent, r->unsent_count, r->unsent_size);
		if (rc)
			break;
		r->unsent[r->unsent_count] = strdup(key);
		rc = r->unsent[r->unsent_count] ? 0 : -ENOMEM;
		r->unsent_count += !rc;
	}
	return rc == -ENOENT ? 0 : rc;
}

/* Keys of which no list tells, up to this one (NULL: all). */
static int take_unsent(struct run *r, const char *until)
{
	int rc = 0;

	while (!rc && r->unsent_at < r->unsent_count) {
		const char *key = r->unsent[r->unsent_at];
		int order = until ? strcmp(key, until) : -1;

		if (order > 0)
			break;
		if (order < 0) {
			rc = end_key(r);
			begin_key(r, key);
			r->w->any = true;
		}
		r->unsent_at++;
	}
	return rc;
}

static void take_version(const struct store_entry *e, struct diff_side *side)
{
	if (e->kind != STORE_ENTRY_VERSION ||
	    strlen(e->version_id) > META_VERSION_MAX ||
	    strlen(e->etag) > META_ETAG_MAX)
		return;
	side->kind = DIFF_FILE;
	side->version.size_bytes = e->size_bytes;
	side->version.last_modified_ns = e->last_modified_ns;
	strcpy(side->version.version_id, e->version_id);
	strcpy(side->version.etag, e->etag);
}

static int on_entry(void *ctx, const struct store_entry *e)
{
	struct run *r = ctx;
	struct key_now *k = &r->key;
	const char *path = e->key + strlen(r->w->mount->config.prefix);
	int rc = 0;

	if (e->key_len > META_KEY_MAX || !*path || *path == '/' ||
	    mount_is_history(r->w->mount, path))
		return 0;
	if (!k->any || strcmp(path, k->path) != 0) {
		rc = take_unsent(r, path);
		if (!rc)
			rc = end_key(r);
		if (rc)
			return rc;
		begin_key(r, path);
	}
	r->w->any = true;
	k->versions = k->versions || e->kind == STORE_ENTRY_VERSION;
	if (!k->met && e->last_modified_ns <= r->now_ns) {
		take_version(e, &k->now);
		k->met = true;
	}
	if (!k->decided && e->last_modified_ns <= r->w->at_ns) {
		take_version(e, &k->then);
		k->decided = true;
	}
	return 0;
}

static int on_page(void *ctx)
{
	struct run *r = ctx;

	return r->w->on_page ? r->w->on_page(r->w->ctx) : 0;
}

int diff_walk(struct diff_walk *w)
{
	struct run *r = calloc(1, sizeof(*r));
	struct versions_below below = {.mount = w->mount,
				       .path = w->path,
				       .on_entry = on_entry,
				       .on_page = on_page,
				       .ctx = r,
				       .answer = w->answer,
				       .begun_ns = clock_mono_ns()};
	int rc;

	if (!r)
		return -ENOMEM;
	r->w = w;
	r->live = !w->mount->at_ns;
	r->now_ns = r->live ? INT64_MAX : w->mount->at_ns;
	r->since = journal_list_begin(w->journal);
	rc = find_unsent(r);
	if (!rc)
		rc = versions_below(&below);
	strcpy(w->why, below.why);
	if (!rc)
		rc = take_unsent(r, NULL);
	if (!rc)
		rc = end_key(r);
	while (!rc && r->count)
		rc = close_last(r);
	journal_list_end(w->journal, r->since);
	for (size_t i = 0; i < r->unsent_count; i++)
		free(r->unsent[i]);
	free(r->unsent);
	free(r->open);
	free(r);
	return rc;
}
