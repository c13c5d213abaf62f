/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Walks over lists of versions (a name, whether anything is below it, all that
 * is, a directory's items) with one rule that picks a key's version.
 */
#include "list_at.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "vers3/core/mount.h"
#include "vers3/store/version_list.h"
#include "vers3/util/array.h"
#include "view_node.h"

#define FIRST_PAGE 100 /* of lists that mostly end early */
#define OWN_PAGE   10 /* of those that hardly ever go on */

/* One list, from which each key's version at the instant is picked. */
struct pick {
	struct version_list list;
	int64_t at_ns;
	char key[META_KEY_MAX + 1]; /* the last one met */
	bool decided; /* its version is known, or that it had none */
	/* Of all but list_at_dir(): */
	size_t path_len; /* of prefix and path, without a slash */
	bool file, dir; /* it was there */
	bool own; /* the directory's own object has versions */
	bool beyond; /* the list has left the path's own key */
	bool passed; /* the list has left what is below */
	struct history_entry file_version, dir_version;
	/* Of list_at_dir(): */
	size_t skip; /* bytes of a key before the name */
	const struct mount *root; /* borrowed; NULL: below it */
	struct list_at_item *items; /* owned: the page */
	size_t count, size;
	int (*fn)(void *ctx, struct list_at_item *items, size_t count);
	void *ctx;
	const struct list_at_tree *tree; /* borrowed; of list_at_tree() */
};

/* Whether the entry is what its key held at the instant: a version. */
static bool is_picked(struct pick *p, const struct store_entry *e)
{
	if (e->key_len > META_KEY_MAX)
		return false;
	if (strcmp(e->key, p->key) != 0) {
		strcpy(p->key, e->key);
		p->decided = false;
	}
	if (p->decided || e->last_modified_ns > p->at_ns)
		return false;
	p->decided = true;
	return e->kind == STORE_ENTRY_VERSION &&
	       strlen(e->version_id) <= META_VERSION_MAX &&
	       strlen(e->etag) <= META_ETAG_MAX;
}

static void take_version(const struct store_entry *e, struct history_entry *ret)
{
	ret->latest = e->latest;
	ret->size_bytes = e->size_bytes;
	ret->last_modified_ns = e->last_modified_ns;
	strcpy(ret->version_id, e->version_id);
	strcpy(ret->etag, e->etag);
}

/* Keys that begin with the path: its own, then, among others, those below. */
static int look_at_name(void *ctx, const struct store_entry *e)
{
	struct pick *p = ctx;
	unsigned char next;

	if (e->key_len < p->path_len)
		return 0;
	next = (unsigned char)e->key[p->path_len];
	if (next > '/') {
		p->passed = p->list.stop = true;
		return 0;
	}
	p->beyond = p->beyond || next;
	if (next && next != '/')
		return 0;
	if (next && e->key_len == p->path_len + 1 &&
	    e->kind == STORE_ENTRY_VERSION)
		p->own = true;
	if (!is_picked(p, e))
		return 0;
	if (!next) {
		p->file = true;
		take_version(e, &p->file_version);
		return 0;
	}
	p->dir = true;
	p->list.stop = true;
	if (e->key_len == p->path_len + 1)
		take_version(e, &p->dir_version);
	return 0;
}

/* What is below may be far from the path's own key: it is asked for apart. */
static int end_name_page(void *ctx)
{
	struct pick *p = ctx;

	if (p->beyond || p->decided || !*p->key)
		p->list.stop = true;
	return 0;
}

/* A directory's own version, as p finds it among the keys below the path. */
static int pick_below(struct view *view, struct pick *p, const char *path,
		      struct history_entry *ret_version)
{
	char prefix[META_KEY_MAX + 2];
	int rc = mount_key(view->mount, path, prefix);

	if (rc)
		return rc;
	p->path_len = strlen(prefix);
	strcat(prefix, "/");
	p->list.prefix = prefix;
	p->list.ctx = p;
	rc = version_list(view->mount->store, &p->list);
	if (!rc && !p->dir)
		rc = -ENOENT;
	if (!rc)
		*ret_version = p->dir_version;
	return rc;
}

int list_at_below(struct view *view, int64_t at_ns, const char *path,
		  bool *ret_bare, struct history_entry *ret_version)
{
	struct pick p = {
		.at_ns = at_ns,
		.list = {.max_keys = FIRST_PAGE, .on_entry = look_at_name},
	};
	int rc = pick_below(view, &p, path, ret_version);

	/* Its key comes before all that is below. */
	if (!rc)
		*ret_bare = !p.own;
	return rc;
}

int list_at_name(struct view *view, int64_t at_ns, const char *path,
		 bool *ret_dir, bool *ret_bare,
		 struct history_entry *ret_version)
{
	bool bare;
	char key[META_KEY_MAX + 1];
	struct pick p;
	int rc = mount_key(view->mount, path, key);

	if (rc)
		return rc;
	memset(&p, 0, sizeof(p));
	p.at_ns = at_ns;
	p.path_len = strlen(key);
	p.list = (struct version_list){.prefix = key,
				       .max_keys = FIRST_PAGE,
				       .on_entry = look_at_name,
				       .on_page = end_name_page,
				       .ctx = &p};
	rc = version_list(view->mount->store, &p.list);
	if (rc)
		return rc;
	bare = !p.own;
	if (!p.dir && !p.passed && p.list.truncated) {
		rc = list_at_below(view, at_ns, path, &bare, &p.dir_version);
		p.dir = !rc;
		if (rc && rc != -ENOENT)
			return rc;
	}
	if (!p.dir && !p.file)
		return -ENOENT;
	*ret_dir = p.dir;
	*ret_bare = p.dir && bare;
	*ret_version = p.dir ? p.dir_version : p.file_version;
	return 0;
}

static int look_at_own(void *ctx, const struct store_entry *e)
{
	struct pick *p = ctx;

	p->list.stop = e->key_len != p->path_len + 1 || p->dir;
	if (p->list.stop || e->kind != STORE_ENTRY_VERSION ||
	    strlen(e->version_id) > META_VERSION_MAX ||
	    strlen(e->etag) > META_ETAG_MAX)
		return 0;
	p->dir = p->list.stop = true;
	take_version(e, &p->dir_version);
	return 0;
}

int list_at_own(struct view *view, const char *path,
		struct history_entry *ret_version)
{
	/* Of all keys below the path its own comes first. */
	struct pick p = {
		.list = {.max_keys = OWN_PAGE, .on_entry = look_at_own},
	};

	return pick_below(view, &p, path, ret_version);
}

static int add_item(struct pick *p, const char *name, size_t len,
		    const struct store_entry *e)
{
	struct list_at_item *it;

	if (!len || len > META_NAME_MAX)
		return 0;
	if (array_room(p->items, p->count, p->size))
		return -ENOMEM;
	it = &p->items[p->count];
	memset(it, 0, sizeof(*it));
	memcpy(it->name, name, len);
	if (!mount_name_ok(p->root, it->name))
		return 0;
	it->dir = e->kind == STORE_ENTRY_PREFIX;
	if (!it->dir)
		take_version(e, &it->version);
	p->count++;
	return 0;
}

static int look_at_dir(void *ctx, const struct store_entry *e)
{
	struct pick *p = ctx;
	size_t len = e->key_len - p->skip;

	if (e->key_len <= p->skip)
		return 0;
	if (e->kind == STORE_ENTRY_PREFIX)
		return add_item(p, e->key + p->skip, len - 1, e);
	return is_picked(p, e) ? add_item(p, e->key + p->skip, len, e) : 0;
}

static int end_dir_page(void *ctx)
{
	struct pick *p = ctx;
	int rc = p->fn(p->ctx, p->items, p->count);

	p->count = 0;
	return rc;
}

int list_at_dir(struct view *view, int64_t at_ns, const char *path,
		int (*fn)(void *ctx, struct list_at_item *items, size_t count),
		void *ctx)
{
	char prefix[META_KEY_MAX + 2];
	struct pick p;
	int rc = mount_key(view->mount, path, prefix);

	if (rc)
		return rc;
	if (*path)
		strcat(prefix, "/");
	memset(&p, 0, sizeof(p));
	p.at_ns = at_ns;
	p.skip = strlen(prefix);
	p.root = *path ? NULL : view->mount;
	p.fn = fn;
	p.ctx = ctx;
	p.list = (struct version_list){.prefix = prefix,
				       .delimiter = "/",
				       .on_entry = look_at_dir,
				       .on_page = end_dir_page,
				       .ctx = &p};
	rc = version_list(view->mount->store, &p.list);
	free(p.items);
	return rc;
}

static int look_at_tree(void *ctx, const struct store_entry *e)
{
	struct history_entry version = {.order = 0};
	struct pick *p = ctx;
	const char *key = e->key + p->skip;

	if (e->key_len <= p->skip)
		return 0;
	if (is_picked(p, e)) {
		take_version(e, &version);
		return p->tree->on_key(p->tree->ctx, key, &version);
	}
	return e->kind == STORE_ENTRY_VERSION && e->key_len <= META_KEY_MAX &&
			       e->key[e->key_len - 1] == '/'
		       ? p->tree->on_key(p->tree->ctx, key, NULL)
		       : 0;
}

static int end_tree_page(void *ctx)
{
	struct pick *p = ctx;

	return p->tree->on_page(p->tree->ctx, *p->key ? p->key + p->skip : "",
				p->list.truncated);
}

int list_at_tree(struct view *view, const struct list_at_tree *t)
{
	char prefix[META_KEY_MAX + 2], root[META_KEY_MAX + 1];
	struct pick p;
	int rc = mount_key(view->mount, "", root);

	if (!rc)
		rc = mount_key(view->mount, t->path, prefix);
	if (rc)
		return rc;
	if (*t->path)
		strcat(prefix, "/");
	memset(&p, 0, sizeof(p));
	p.at_ns = t->at_ns;
	p.skip = strlen(root);
	p.tree = t;
	p.list = (struct version_list){.prefix = prefix,
				       .on_entry = look_at_tree,
				       .on_page = end_tree_page,
				       .ctx = &p};
	return version_list(view->mount->store, &p.list);
}
