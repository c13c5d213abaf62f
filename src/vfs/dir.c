/* SPDX-License-Identifier: Apache-2.0 */
#include "vers3/vfs/dir.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "confirm.h"
#include "dir_impl.h"
#include "room.h"
#include "vers3/store/list.h"
#include "vers3/util/cancel.h"
#include "vers3/util/clock.h"
#include "vers3/util/log.h"
#include "vers3/vfs/merge.h"
#include "vers3/vfs/node.h"
#include "vers3/vfs/syncer.h"

#define PAGE_KEYS	 1000
#define WALK_NAMES	 256 /* of a walk under one hold of the lock */
#define BIG_LOOKUPS	 32 /* single look-ups before a big one is listed */
#define OFFLINE_PAUSE_NS (5 * NS_PER_S)

int dirs_new(struct vfs *v, struct dirs **ret_dirs)
{
	struct dirs *d = calloc(1, sizeof(*d));
	int rc;

	(void)v;
	if (!d)
		return -ENOMEM;
	pthread_mutex_init(&d->mutex, NULL);
	rc = clock_cond_init(&d->done);
	if (!rc)
		rc = map_new(&d->busy);
	if (!rc)
		rc = map_new(&d->lookups);
	if (!rc)
		rc = map_new(&d->hidden_in);
	if (!rc)
		rc = pool_new("attrs", ATTR_WIDTH, &d->pool);
	if (rc) {
		dirs_free(d);
		return rc;
	}
	*ret_dirs = d;
	return 0;
}

void dirs_free(struct dirs *d)
{
	if (!d)
		return;
	pool_free(d->pool);
	map_free(d->busy);
	map_free(d->lookups);
	map_free(d->hidden_in);
	pthread_cond_destroy(&d->done);
	pthread_mutex_destroy(&d->mutex);
	free(d);
}

uint64_t dirs_hidden(struct dirs *d)
{
	uint64_t hidden;

	pthread_mutex_lock(&d->mutex);
	hidden = d->hidden;
	pthread_mutex_unlock(&d->mutex);
	return hidden;
}

/* The latest count of one directory. The mutex is a leaf. */
static void note_hidden(struct dirs *d, uint64_t ino, uint64_t count)
{
	pthread_mutex_lock(&d->mutex);
	d->hidden -= (uintptr_t)map_del(d->hidden_in, &ino, sizeof(ino));
	if (count &&
	    !map_put(d->hidden_in, &ino, sizeof(ino), (void *)(uintptr_t)count))
		d->hidden += count;
	pthread_mutex_unlock(&d->mutex);
}

/* Whether an error means that the bucket cannot be reached just now. */
static bool is_outage(int rc)
{
	switch (rc) {
	case -EIO:
	case -ETIMEDOUT:
	case -ECONNREFUSED:
	case -ECONNRESET:
	case -EHOSTUNREACH:
	case -ENETUNREACH:
	case -EPROTO:
		return true;
	default:
		return false;
	}
}

bool dir_is_offline(struct vfs *v)
{
	return clock_mono_ns() < atomic_load(&v->dirs->offline_until);
}

int dir_note_result(struct vfs *v, int rc)
{
	if (is_outage(rc) && !dir_is_offline(v)) {
		atomic_store(&v->dirs->offline_until,
			     clock_mono_ns() + OFFLINE_PAUSE_NS);
		log_warning("bucket not reachable (%s): answering from what "
			    "is known here",
			    strerror(-rc));
	}
	return rc;
}

static bool is_fresh(struct vfs *v, const struct meta_inode *dir)
{
	int64_t age = clock_real_ns() - dir->listed_ns;

	return (dir->flags & META_I_LISTED) && age >= 0 &&
	       age < v->config.ttl_ns;
}

int64_t dir_ttl_ns(struct vfs *v, uint64_t ino)
{
	int64_t ttl = v->config.ttl_ns, left = ttl;
	struct meta_inode in;

	if (meta_lock(v->meta))
		return 0;
	/* In a large one, or an unknown, the name was asked for by itself. */
	if (!meta_inode_get(v->meta, ino, &in) && (in.flags & META_I_LISTED) &&
	    !(in.flags & META_I_BIG))
		left = in.listed_ns + ttl - clock_real_ns();
	meta_unlock(v->meta);
	return left < 0 ? 0 : left > ttl ? ttl : left;
}

/* One page of a list, collected by the callback. */
struct page {
	struct merge_item *items;
	size_t count, size;
	size_t skip; /* bytes of a key before the name */
	uint64_t hidden;
};

static void page_reset(struct page *p)
{
	for (size_t i = 0; i < p->count; i++)
		free(p->items[i].name);
	p->count = 0;
}

static void page_release(struct page *p)
{
	page_reset(p);
	free(p->items);
}

static int page_add(void *ctx, const struct store_entry *e)
{
	struct page *p = ctx;
	struct merge_item *it;
	size_t len = e->key_len;

	if (len < p->skip)
		return 0;
	/* An ETag longer than any known; a component without a name. */
	if (strlen(e->etag) > META_ETAG_MAX ||
	    (e->kind == STORE_ENTRY_PREFIX && len == p->skip + 1)) {
		p->hidden++;
		return 0;
	}
	if (p->count == p->size) {
		size_t size = p->size ? p->size * 2 : 64;

		it = realloc(p->items, size * sizeof(*it));
		if (!it)
			return -ENOMEM;
		p->items = it;
		p->size = size;
	}
	it = &p->items[p->count];
	memset(it, 0, sizeof(*it));
	it->is_dir = e->kind == STORE_ENTRY_PREFIX || len == p->skip;
	if (e->kind == STORE_ENTRY_PREFIX && len > p->skip)
		len--;
	it->name = strndup(e->key + p->skip, len - p->skip);
	if (!it->name)
		return -ENOMEM;
	strcpy(it->etag, e->etag);
	it->size_bytes = e->size_bytes;
	it->last_modified_ns =
		e->last_modified_ns - e->last_modified_ns % NS_PER_S;
	p->count++;
	return 0;
}

/* Where in the bucket a directory's names stand: prefix + path + '/'. */
static int list_prefix(struct vfs *v, const char *path, char *buf)
{
	int rc = vfs_object_key(v, path, buf);

	if (!rc && *path)
		strcat(buf, "/");
	return rc;
}

/*
 * Lists one directory into a merge. With first_only, a list that does not
 * end on its first page is left there: *ret_whole tells.
 */
static int list_into(struct vfs *v, struct merge *m, uint64_t ino,
		     const char *path, bool first_only, bool *ret_whole,
		     uint64_t *ret_hidden)
{
	char prefix[META_KEY_MAX + 2];
	struct page page = {0};
	struct store_list list;
	uint64_t pages = 0;
	int rc = list_prefix(v, path, prefix);

	page.skip = strlen(prefix);
	store_list_init(&list, STORE_LIST, prefix, "/");
	list.max_keys = PAGE_KEYS;
	list.on_entry = page_add;
	list.ctx = &page;
	while (!rc) {
		page_reset(&page);
		rc = store_list_page(v->store, &list);
		page.hidden += list.skipped;
		if (!rc)
			rc = room_for_page(v, pages++);
		if (!rc)
			confirm_page(v, ino, path, page.items, page.count);
		if (!rc)
			rc = merge_page(m, page.items, page.count);
		if (first_only || !list.more)
			break;
	}
	*ret_hidden = page.hidden + merge_hidden(m);
	*ret_whole = !list.more;
	page_release(&page);
	store_list_release(&list);
	return rc;
}

static void mark_big(struct vfs *v, uint64_t ino)
{
	struct meta_inode in;

	if (meta_lock(v->meta))
		return;
	if (!meta_inode_get(v->meta, ino, &in) && !(in.flags & META_I_BIG)) {
		in.flags |= META_I_BIG;
		meta_inode_put(v->meta, &in);
	}
	meta_unlock(v->meta);
}

static int list_directory(struct vfs *v, uint64_t ino, bool first_only)
{
	char path[META_KEY_MAX + 1];
	int64_t asked_ns = clock_real_ns();
	uint64_t since = syncer_list_begin(v->syncer);
	struct merge *m = NULL;
	uint64_t hidden = 0;
	bool whole = false;
	int rc = meta_lock(v->meta);

	if (rc)
		goto out;
	rc = meta_path(v->meta, ino, NULL, path);
	meta_unlock(v->meta);
	if (!rc)
		rc = merge_new(v, ino, path, since, &m);
	if (!rc)
		rc = list_into(v, m, ino, path, first_only, &whole, &hidden);
	if (!rc && whole)
		rc = merge_finish(m, asked_ns);
	else if (!rc)
		mark_big(v, ino);
	if (!rc)
		note_hidden(v->dirs, ino, hidden);
out:
	merge_free(m);
	syncer_list_end(v->syncer, since);
	return rc;
}

static bool read_fresh(struct vfs *v, uint64_t ino, int *ret_rc)
{
	struct meta_inode in;
	bool fresh = false;
	int rc = meta_lock(v->meta);

	if (!rc) {
		rc = meta_inode_get(v->meta, ino, &in);
		if (!rc && !S_ISDIR(in.mode))
			rc = -ENOTDIR;
		/* In one that is removed there is nothing. */
		fresh = !rc && (!in.nlink || is_fresh(v, &in));
		meta_unlock(v->meta);
	}
	*ret_rc = rc;
	return fresh;
}

/*
 * Lists a directory unless someone just did; one list a directory at a time,
 * whoever comes second shares its result. With ttl=0 each caller's answer
 * must be younger than its question, so a list is shared only by waiters who
 * came before it began; here they simply ask again.
 */
static int refresh(struct vfs *v, uint64_t ino, bool first_only)
{
	struct dirs *d = v->dirs;
	int rc = 0;

	pthread_mutex_lock(&d->mutex);
	while (!rc && map_get(d->busy, &ino, sizeof(ino)))
		rc = cancel_wait(&d->done, &d->mutex);
	pthread_mutex_unlock(&d->mutex);
	if (rc || read_fresh(v, ino, &rc) || rc)
		return rc;

	pthread_mutex_lock(&d->mutex);
	while (!rc && map_get(d->busy, &ino, sizeof(ino)))
		rc = cancel_wait(&d->done, &d->mutex);
	if (!rc)
		rc = map_put(d->busy, &ino, sizeof(ino), d);
	pthread_mutex_unlock(&d->mutex);
	if (rc)
		return rc;
	if (!read_fresh(v, ino, &rc) && !rc)
		rc = dir_note_result(v, list_directory(v, ino, first_only));
	pthread_mutex_lock(&d->mutex);
	map_del(d->busy, &ino, sizeof(ino));
	pthread_cond_broadcast(&d->done);
	pthread_mutex_unlock(&d->mutex);
	return rc;
}

/* Whether a directory's names may be used though they could not be asked. */
static bool usable_offline(struct vfs *v, uint64_t ino, int rc)
{
	struct meta_inode in;
	bool usable;

	if (!is_outage(rc) || meta_lock(v->meta))
		return false;
	usable = !meta_inode_get(v->meta, ino, &in) &&
		 (in.flags & META_I_LISTED);
	meta_unlock(v->meta);
	return usable;
}

int dir_refresh(struct vfs *v, uint64_t ino)
{
	int rc = dir_is_offline(v) ? -EIO : refresh(v, ino, false);

	return rc && usable_offline(v, ino, rc) ? 0 : rc;
}

/* Where a walk over directories stands. */
struct walk {
	uint64_t top, at; /* the directory that it is in */
	struct meta_dentry de; /* its name there, met last */
	struct meta_inode in; /* the directory met last */
	bool met; /* there is one */
};

/* Up to where the directory stands; anew where others have taken it away. */
static int walk_up(struct vfs *v, struct walk *w)
{
	int rc = meta_name_next(v->meta, w->at, 0, "", &w->de);

	if (rc == -ENOENT) {
		w->de.parent = w->top;
		w->de.name[0] = '\0';
		rc = 0;
	}
	w->at = w->de.parent;
	return rc;
}

/* To the next directory, or some names nearer. -ENOENT at the end. */
static int walk_on(struct vfs *v, struct walk *w)
{
	int rc = meta_lock(v->meta);

	w->met = false;
	if (rc)
		return rc;
	for (int i = 0; !rc && !w->met && i < WALK_NAMES; i++) {
		rc = meta_dentry_next_name(v->meta, w->at, w->de.name, &w->de);
		if (rc == -ENOENT && w->at != w->top) {
			rc = walk_up(v, w);
			continue;
		}
		if (!rc)
			rc = meta_inode_get(v->meta, w->de.ino, &w->in);
		w->met = !rc && S_ISDIR(w->in.mode);
	}
	meta_unlock(v->meta);
	if (w->met) {
		w->at = w->in.ino;
		w->de.name[0] = '\0';
	}
	return rc;
}

int dir_load_tree(struct vfs *v, uint64_t ino)
{
	struct walk w = {.top = ino, .at = ino, .met = true};
	int rc = meta_lock(v->meta);

	if (rc)
		return rc;
	rc = meta_inode_get(v->meta, ino, &w.in);
	meta_unlock(v->meta);
	while (!rc) {
		if (w.met && !(w.in.flags & META_I_LISTED))
			rc = dir_refresh(v, w.at);
		if (!rc || (rc == -ENOENT && w.at != ino))
			rc = walk_on(v, &w);
	}
	return rc == -ENOENT ? 0 : rc;
}

int dir_expire(struct vfs *v, const char *path)
{
	char dir[META_KEY_MAX + 1];
	struct meta_inode in;
	uint64_t ino;
	int rc;

	snprintf(dir, sizeof(dir), "%s", path);
	do {
		char *slash = strrchr(dir, '/');

		*(slash ? slash : dir) = '\0';
		rc = meta_resolve(v->meta, dir, &ino);
	} while (rc == -ENOENT && *dir);
	if (!rc)
		rc = meta_inode_get(v->meta, ino, &in);
	if (rc)
		return rc;
	in.listed_ns = 0;
	return meta_inode_put(v->meta, &in);
}

static int drop(struct vfs *v, struct meta_inode *in, bool keep)
{
	int rc = meta_inode_put(v->meta, in);

	if (rc || (in->nlink > 0 && !S_ISDIR(in->mode)))
		return rc;
	if (S_ISDIR(in->mode))
		note_hidden(v->dirs, in->ino, 0);
	if (keep || nodes_is_open(v->nodes, in->ino))
		return meta_orphan_add(v->meta, in->ino);
	rc = meta_inode_del(v->meta, in->ino);
	/*
	 * Nobody can read the staged bytes any more: the user has deleted
	 * the file or replaced it. A crash before the commit would bring the
	 * inode back, so the staging file goes only when that is durable.
	 */
	if (!rc && (in->flags & META_I_STAGED))
		rc = syncer_reap(v->syncer, in->ino);
	return rc;
}

int dir_drop_inode(struct vfs *v, struct meta_inode *in)
{
	return drop(v, in, false);
}

int dir_unname_inode(struct vfs *v, struct meta_inode *in)
{
	return drop(v, in, v->notify.forgets);
}

void dir_forget_inode(struct vfs *v, uint64_t ino)
{
	struct meta_inode in;

	if (meta_orphan_del(v->meta, ino))
		return; /* it has a name, or is gone */
	/* Nobody can reach its bytes any more. */
	if (!meta_inode_get(v->meta, ino, &in) && in.nlink == 0)
		drop(v, &in, false);
}

enum local_answer {
	LOCAL_FOUND,
	LOCAL_ABSENT,
	LOCAL_STALE, /* the directory has to be listed again */
	LOCAL_UNKNOWN, /* it never was: try whether one page holds it */
	LOCAL_BIG, /* it is large: ask for the name alone */
};

/* What the namespace says of a name; sure: no matter how old it is. */
static int look_local(struct vfs *v, uint64_t parent, const char *name,
		      bool sure, struct meta_inode *ret,
		      enum local_answer *ret_answer)
{
	char path[META_KEY_MAX + 2];
	struct meta_inode dir;
	struct meta_dentry de;
	struct meta_dirty dirty;
	bool fresh, mine;
	int rc = meta_inode_get(v->meta, parent, &dir);

	if (!rc && !S_ISDIR(dir.mode))
		rc = -ENOTDIR;
	if (!rc && !dir.nlink)
		rc = -ENOENT; /* it is removed */
	if (!rc)
		rc = meta_path(v->meta, parent, name, path);
	if (rc)
		return rc;
	mine = !meta_dirty_get(v->meta, path, &dirty);
	if (!mine && strlen(path) < META_KEY_MAX) {
		strcat(path, "/");
		mine = !meta_dirty_get(v->meta, path, &dirty);
	}
	fresh = sure || mine || is_fresh(v, &dir);
	rc = meta_dentry_get(v->meta, parent, name, &de);
	if (rc && rc != -ENOENT)
		return rc;
	if (!fresh) {
		*ret_answer = (dir.flags & META_I_BIG)	    ? LOCAL_BIG
			      : (dir.flags & META_I_LISTED) ? LOCAL_STALE
							    : LOCAL_UNKNOWN;
		return 0;
	}
	*ret_answer = rc ? LOCAL_ABSENT : LOCAL_FOUND;
	return rc ? 0 : meta_inode_get(v->meta, de.ino, ret);
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

/*
 * Asks the bucket for one name of a directory too large to list for it: a
 * HEAD as a file, then a list of one key as a directory.
 */
static int lookup_single(struct vfs *v, uint64_t parent, const char *name)
{
	char path[META_KEY_MAX + 1], key[META_KEY_MAX + 2];
	uint64_t since = syncer_list_begin(v->syncer);
	struct merge_item item = {.name = (char *)name};
	struct page page = {0};
	struct merge *m = NULL;
	struct store_request r;
	struct store_list list;
	const char *id;
	int rc = meta_lock(v->meta);

	store_request_init(&r, STORE_HEAD);
	store_list_init(&list, STORE_LIST, key, NULL);
	if (rc)
		goto out;
	rc = meta_path(v->meta, parent, name, path);
	if (!rc)
		rc = vfs_object_key(v, path, key);
	if (!rc)
		rc = meta_path(v->meta, parent, NULL, path);
	meta_unlock(v->meta);
	if (!rc)
		rc = merge_new(v, parent, path, since, &m);
	if (rc)
		goto out;
	r.key = key;
	rc = store_call(v->store, &r);
	if (!rc && r.reply.object.etag &&
	    strlen(r.reply.object.etag) <= META_ETAG_MAX) {
		strcpy(item.etag, r.reply.object.etag);
		item.size_bytes = r.reply.object.size_bytes;
		item.last_modified_ns = r.reply.object.last_modified_ns;
		id = r.reply.object.version_id;
		if (id && strlen(id) <= META_VERSION_MAX)
			strcpy(item.version_id, id);
		rc = merge_page(m, &item, 1);
		goto out;
	}
	if (rc != -ENOENT)
		goto out;
	strcat(key, "/");
	page.skip = strlen(key);
	list.max_keys = 1;
	list.on_entry = page_add;
	list.ctx = &page;
	rc = store_list_page(v->store, &list);
	item.is_dir = true;
	if (!rc)
		rc = page.count ? merge_page(m, &item, 1) : merge_gone(m, name);
out:
	dir_note_result(v, rc);
	page_release(&page);
	store_list_release(&list);
	store_request_release(&r);
	merge_free(m);
	syncer_list_end(v->syncer, since);
	return rc;
}

/* Brings a name up to date; *ret_sure: what is known now is the answer. */
static int ask(struct vfs *v, uint64_t parent, const char *name,
	       enum local_answer how, bool *ret_sure)
{
	int rc;

	if (dir_is_offline(v))
		rc = -EIO;
	else if (how == LOCAL_BIG && !count_lookup(v->dirs, parent))
		rc = lookup_single(v, parent, name);
	else
		rc = refresh(v, parent, how == LOCAL_UNKNOWN);
	/* It was asked for after the question, however long it took. */
	if (!rc && how != LOCAL_UNKNOWN)
		*ret_sure = true;
	if (rc && usable_offline(v, parent, rc)) {
		*ret_sure = true;
		rc = 0;
	}
	return rc;
}

int dir_lookup(struct vfs *v, uint64_t parent, const char *name,
	       struct meta_inode *ret_inode)
{
	bool sure = false;

	for (int tries = 0; tries < ASK_TRIES; tries++) {
		enum local_answer answer;
		int rc = meta_lock(v->meta);

		if (rc)
			return rc;
		rc = look_local(v, parent, name, sure, ret_inode, &answer);
		meta_unlock(v->meta);
		if (rc)
			return rc;
		if (answer == LOCAL_ABSENT)
			return -ENOENT;
		if (answer == LOCAL_FOUND) {
			if (ret_inode->flags & META_I_ATTRS)
				return 0;
			rc = dir_fetch_attrs(v, ret_inode->ino);
			if (rc < 0)
				return rc;
			sure = true;
			continue;
		}
		rc = ask(v, parent, name, answer, &sure);
		if (rc && rc != -ESTALE)
			return rc;
	}
	return -EIO;
}
