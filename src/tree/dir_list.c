/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asking the bucket for a directory's names. One list a directory at a time;
 * whoever has given up waiting for it leaves it to a scout.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "confirm.h"
#include "dir_impl.h"
#include "names_page.h"
#include "tree_impl.h"
#include "turn.h"
#include "vers3/core/mount.h"
#include "vers3/core/refusal.h"
#include "vers3/core/version.h"
#include "vers3/journal/journal.h"
#include "vers3/meta/dentry.h"
#include "vers3/meta/inode.h"
#include "vers3/store/list.h"
#include "vers3/store/store.h"
#include "vers3/tree/merge.h"
#include "vers3/tree/reservation.h"
#include "vers3/util/cancel.h"
#include "vers3/util/clock.h"
#include "vers3/util/map.h"
#include "vers3/util/pool.h"

#define PAGE_KEYS 1000
#define ROUNDS	  2 /* of a question that failed where others did not */

/* Whether a directory's names may be used though they could not be asked. */
bool dir_usable_offline(struct tree *tree, uint64_t ino, int rc)
{
	struct meta_inode inode;
	bool usable;

	if (!store_is_outage(rc) || meta_lock(tree->meta))
		return false;
	usable = !meta_inode_get(tree->meta, ino, &inode) &&
		 (inode.flags & META_I_LISTED);
	meta_unlock(tree->meta);
	return usable;
}

/* How long its names are waited for: others may do. */
static int64_t patience_ns(struct tree *tree, uint64_t ino)
{
	return dir_usable_offline(tree, ino, -ETIMEDOUT)
		       ? tree->mount->config.patience_ns
		       : 0;
}

/* One page of a list, collected by the callback. */
struct page {
	struct names_page names;
	size_t skip; /* bytes of a key before the name */
	struct merge *merge; /* borrowed: told of what is hidden */
};

static int page_add(void *ctx, const struct store_entry *e)
{
	struct page *p = ctx;
	size_t len = e->key_len;
	bool prefix = e->kind == STORE_ENTRY_PREFIX;

	if (len < p->skip)
		return 0;
	if (strlen(e->etag) > META_ETAG_MAX) {
		merge_hide(p->merge, e->key + p->skip, HIDDEN_ETAG);
		return 0;
	}
	if (prefix && len == p->skip + 1) {
		merge_hide(p->merge, e->key + p->skip, HIDDEN_EMPTY);
		return 0;
	}
	len -= p->skip;
	return names_page_add(&p->names, e->key + p->skip,
			      prefix && len ? len - 1 : len, prefix || !len, e);
}

/* Where in the bucket a directory's names stand: prefix + path + '/'. */
static int list_prefix(struct tree *tree, const char *path, char *buf)
{
	int rc = mount_key(tree->mount, path, buf);

	if (!rc && *path)
		strcat(buf, "/");
	return rc;
}

/* How a directory is to be listed. */
struct how {
	bool first_only; /* up to its first page, which may be its last */
	int64_t patience_ns; /* for each page; 0: as long as it takes */
};

/* Whose each item of the page is. In vain: theirs could be taken for ours. */
static int confirm(struct tree *tree, uint64_t ino, const char *path,
		   struct page *page, int64_t patience_ns)
{
	struct patience p;

	patience_begin(&p, patience_ns);
	confirm_page(tree, ino, path, page->names.items, page->names.count);
	return patience_end(&p, cancel_asked() ? -EINTR : 0);
}

/* Lists one directory into a merge; *ret_whole: to its end. */
static int list_into(struct tree *tree, struct merge *m, uint64_t ino,
		     const char *path, const struct how *how, bool *ret_whole)
{
	struct patience patience;
	char prefix[META_KEY_MAX + 2];
	struct page page = {.merge = m};
	struct store_list list;
	uint64_t pages = 0;
	int rc = list_prefix(tree, path, prefix);

	page.skip = strlen(prefix);
	store_list_init(&list, STORE_LIST, prefix, "/");
	list.max_keys = PAGE_KEYS;
	list.on_entry = page_add;
	list.ctx = &page;
	while (!rc) {
		names_page_reset(&page.names);
		patience_begin(&patience, how->patience_ns);
		rc = patience_end(&patience,
				  store_list_page(tree->mount->store, &list));
		for (unsigned i = 0; i < list.skipped; i++)
			merge_hide(m, NULL, NULL);
		if (!rc)
			rc = reservation_for_page(tree, pages++);
		if (!rc)
			rc = confirm(tree, ino, path, &page, how->patience_ns);
		if (!rc)
			rc = merge_page(m, page.names.items, page.names.count);
		if (how->first_only || !list.more)
			break;
	}
	*ret_whole = !list.more;
	names_page_release(&page.names);
	store_list_release(&list);
	return rc;
}

static void mark_big(struct tree *tree, uint64_t ino)
{
	struct meta_inode inode;

	if (meta_lock(tree->meta))
		return;
	if (!meta_inode_get(tree->meta, ino, &inode) &&
	    !(inode.flags & META_I_BIG)) {
		inode.flags |= META_I_BIG;
		meta_inode_put(tree->meta, &inode);
	}
	meta_unlock(tree->meta);
}

static int list_directory(struct tree *tree, uint64_t ino,
			  const struct how *how)
{
	char path[META_KEY_MAX + 1];
	int64_t asked_ns = clock_real_ns();
	uint64_t since = journal_list_begin(tree->journal);
	struct merge *m = NULL;
	bool whole = false;
	int rc = meta_lock(tree->meta);

	if (rc)
		goto out;
	rc = meta_path(tree->meta, ino, NULL, path);
	meta_unlock(tree->meta);
	if (!rc)
		rc = merge_new(tree, ino, path, since, &m);
	if (!rc)
		rc = list_into(tree, m, ino, path, how, &whole);
	if (!rc && whole)
		rc = merge_finish(m, asked_ns);
	else if (!rc)
		mark_big(tree, ino);
	if (!rc)
		hidden_note(tree->dirs->hidden, ino, merge_hidden(m));
out:
	merge_free(m);
	journal_list_end(tree->journal, since);
	return rc;
}

static bool read_fresh(struct tree *tree, uint64_t ino, int *ret_rc)
{
	struct meta_inode inode;
	bool fresh = false;
	int rc = meta_lock(tree->meta);

	if (!rc) {
		rc = meta_inode_get(tree->meta, ino, &inode);
		if (!rc && !S_ISDIR(inode.mode))
			rc = -ENOTDIR;
		/* In one that is removed there is nothing. */
		fresh = !rc && (!inode.nlink || dir_is_fresh(tree, &inode));
		meta_unlock(tree->meta);
	}
	*ret_rc = rc;
	return fresh;
}

/* A list that goes on in the background. */
struct scout {
	struct tree *tree;
	uint64_t ino;
};

static void scout_run(void *arg)
{
	struct scout *s = arg;
	struct how how = {.patience_ns =
				  2 * s->tree->mount->config.patience_ns};
	struct dirs *d = s->tree->dirs;
	int64_t began_ns = clock_mono_ns();

	cancel_enter(&d->ended);
	outage_note(s->tree, began_ns, list_directory(s->tree, s->ino, &how));
	cancel_enter(NULL);
	pthread_mutex_lock(&d->mutex);
	d->scouting = false;
	pthread_mutex_unlock(&d->mutex);
	turn_end(d, s->ino);
	free(s);
}

/*
 * Goes on with a list that its caller, whose turn it is, has given up, so that
 * a server that is slow is heard in the end; not for so long that one that is
 * back would not be asked anew. One scout is enough. False: it is not done, and
 * the turn is the caller's yet.
 */
static bool scout_start(struct tree *tree, uint64_t ino)
{
	struct dirs *d = tree->dirs;
	struct scout *s = malloc(sizeof(*s));
	bool free_to = false;

	if (!s)
		return false;
	*s = (struct scout){tree, ino};
	pthread_mutex_lock(&d->mutex);
	free_to = !d->scouting && !cancel_is_set(&d->ended) &&
		  !map_put(d->busy, &ino, sizeof(ino), &d->scouting);
	d->scouting = d->scouting || free_to;
	pthread_mutex_unlock(&d->mutex);
	if (free_to && !pool_submit(d->pool, scout_run, s))
		return true;
	if (free_to) {
		pthread_mutex_lock(&d->mutex);
		d->scouting = false;
		pthread_mutex_unlock(&d->mutex);
	}
	free(s);
	return false;
}

/*
 * Lists a directory unless someone just did; one list a directory at a time,
 * whoever comes second shares its result. With ttl=0 each caller's answer
 * must be younger than its question, so a list is shared only by waiters who
 * came before it began; here they simply ask again.
 */
static int refresh(struct tree *tree, uint64_t ino, bool first_only)
{
	struct how how = {first_only, patience_ns(tree, ino)};
	int64_t until = clock_mono_ns() + tree->mount->config.patience_ns;
	struct dirs *d = tree->dirs;
	int rc;

	pthread_mutex_lock(&d->mutex);
	rc = turn_await(d, ino, until);
	pthread_mutex_unlock(&d->mutex);
	if (rc || read_fresh(tree, ino, &rc) || rc)
		return rc;

	pthread_mutex_lock(&d->mutex);
	rc = turn_await(d, ino, until);
	if (!rc)
		rc = map_put(d->busy, &ino, sizeof(ino), d);
	pthread_mutex_unlock(&d->mutex);
	if (rc)
		return rc;
	/* Whoever had the turn before may have found out that it is in vain. */
	if (!read_fresh(tree, ino, &rc) && !rc)
		rc = outage_is_on(tree) ? -EIO
					: list_directory(tree, ino, &how);
	if (rc == -ETIMEDOUT && how.patience_ns && scout_start(tree, ino))
		return rc;
	turn_end(d, ino);
	return rc;
}

/*
 * What a list says of a key that must not be looked at. 0; -ENOENT where there
 * is none.
 */
static int list_single(struct tree *tree, struct merge *m, const char *key,
		       const char *name)
{
	struct page page = {.skip = strlen(key) - strlen(name), .merge = m};
	struct store_list list;
	int rc;

	store_list_init(&list, STORE_LIST, key, NULL);
	list.max_keys = 1;
	list.on_entry = page_add;
	list.ctx = &page;
	rc = store_list_page(tree->mount->store, &list);
	/* The key itself is before all that begin with it. */
	if (!rc)
		rc = page.names.count && !strcmp(page.names.items[0].name, name)
			     ? merge_page(m, page.names.items, 1)
			     : -ENOENT;
	names_page_release(&page.names);
	store_list_release(&list);
	return rc;
}

/*
 * Asks the bucket for one name of a directory too large to list for it: a
 * HEAD as a file, then a list of one key as a directory.
 */
static int ask_single(struct tree *tree, uint64_t parent, const char *name)
{
	char path[META_KEY_MAX + 1], key[META_KEY_MAX + 2];
	uint64_t since = journal_list_begin(tree->journal);
	struct merge_item item = {.name = (char *)name};
	struct page page = {0};
	struct merge *m = NULL;
	struct store_request r;
	struct store_list list;
	int rc = meta_lock(tree->meta);

	store_request_init(&r, STORE_HEAD);
	store_list_init(&list, STORE_LIST, key, NULL);
	if (rc)
		goto out;
	rc = meta_path(tree->meta, parent, name, path);
	if (!rc)
		rc = mount_key(tree->mount, path, key);
	if (!rc)
		rc = meta_path(tree->meta, parent, NULL, path);
	meta_unlock(tree->meta);
	if (!rc)
		rc = merge_new(tree, parent, path, since, &m);
	if (rc)
		goto out;
	rc = store_head(tree->mount->store, &r, key, NULL);
	if (!rc)
		version_ids(&r.reply.object, item.etag, item.version_id);
	if (item.etag[0]) {
		item.size_bytes = r.reply.object.size_bytes;
		item.last_modified_ns = r.reply.object.last_modified_ns;
		rc = merge_page(m, &item, 1);
		goto out;
	}
	if (refusal_is(rc))
		rc = list_single(tree, m, key, name);
	if (rc != -ENOENT)
		goto out;
	strcat(key, "/");
	page.merge = m;
	page.skip = strlen(key);
	list.max_keys = 1;
	list.on_entry = page_add;
	list.ctx = &page;
	rc = store_list_page(tree->mount->store, &list);
	item.is_dir = true;
	if (!rc)
		rc = page.names.count ? merge_page(m, &item, 1)
				      : merge_gone(m, name);
out:
	names_page_release(&page.names);
	store_list_release(&list);
	store_request_release(&r);
	merge_free(m);
	journal_list_end(tree->journal, since);
	return rc;
}

static int lookup_single(struct tree *tree, uint64_t parent, const char *name)
{
	struct patience p;

	patience_begin(&p, patience_ns(tree, parent));
	return patience_end(&p, ask_single(tree, parent, name));
}

/*
 * Asks the bucket for a directory's names, or for one (name) alone. Where that
 * fails and the bucket answers others, it is not for an outage that older names
 * would be given: it is asked again.
 */
int dir_ask(struct tree *tree, uint64_t ino, const char *name, bool first_only)
{
	int rc = -EIO;

	for (int i = 0; i < ROUNDS && !outage_is_on(tree); i++) {
		int64_t began_ns = clock_mono_ns();

		rc = name ? lookup_single(tree, ino, name)
			  : refresh(tree, ino, first_only);
		outage_note(tree, began_ns, rc);
		if (!dir_usable_offline(tree, ino, rc))
			break;
	}
	return rc;
}

int dir_refresh(struct tree *tree, uint64_t ino)
{
	int rc = dir_ask(tree, ino, NULL, false);

	return rc && dir_usable_offline(tree, ino, rc) ? 0 : rc;
}
