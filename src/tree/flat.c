/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns the list, and a stack of the directories that it is in, each with its
 * merge. What a page brings of a directory is applied when the list goes into
 * a directory below it, which must have its inode first, when it leaves it, and
 * at the end of the page: each time under the directory's turn, and no other
 * flat list has it between these.
 */
#include "flat.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "confirm.h"
#include "dir_impl.h"
#include "names_page.h"
#include "tree_impl.h"
#include "turn.h"
#include "vers3/core/mount.h"
#include "vers3/journal/journal.h"
#include "vers3/meta/dentry.h"
#include "vers3/meta/inode.h"
#include "vers3/store/list_ahead.h"
#include "vers3/tree/merge.h"
#include "vers3/tree/reservation.h"
#include "vers3/util/array.h"
#include "vers3/util/cancel.h"
#include "vers3/util/clock.h"

#define PAGE_KEYS 1000

/* When a page was asked for. */
struct mark {
	uint64_t since; /* of journal_list_begin() */
	int64_t asked_ns;
	unsigned refs;
};

/* A directory that the list is in. */
struct level {
	size_t path_len; /* of it in f->path */
	uint64_t ino; /* 0: there is no such directory here */
	struct merge *merge; /* owned; NULL: it is passed over */
	struct mark *mark; /* counted; NULL without a merge */
	int64_t listed_ns; /* of its inode by then */
	struct names_page names; /* that are not applied yet */
	bool empty; /* a key with an empty component was met */
};

struct flat {
	struct tree *tree; /* borrowed */
	bool young;
	size_t skip; /* bytes of a key before its path */
	char prefix[META_KEY_MAX + 2];
	char from[META_KEY_MAX + 1]; /* "": from the beginning */
	char start[META_KEY_MAX + 2]; /* right before it */
	char path[META_KEY_MAX + 1]; /* the directory of the last level */
	char passed[META_KEY_MAX + 1];
	struct list_ahead list;
	struct level *levels; /* owned */
	size_t level_count, level_size;
	struct mark *mark; /* counted: of the page that comes next */
	unsigned known;
	uint64_t pages;
	void (*on_known)(void *ctx, uint64_t ino); /* NULL: nobody is told */
	void *ctx; /* its */
};

static int mark_new(struct flat *f, struct mark **ret_mark)
{
	struct mark *mark = malloc(sizeof(*mark));

	if (!mark)
		return -ENOMEM;
	mark->since = journal_list_begin(f->tree->journal);
	mark->asked_ns = clock_real_ns();
	mark->refs = 1;
	*ret_mark = mark;
	return 0;
}

static void mark_unref(struct flat *f, struct mark *mark)
{
	if (!mark || --mark->refs)
		return;
	journal_list_end(f->tree->journal, mark->since);
	free(mark);
}

/* What the list says of this directory is not used. */
static void pass_over(struct flat *f, struct level *l)
{
	if (l->merge)
		turn_unclaim(f->tree->dirs, l->ino);
	merge_free(l->merge);
	l->merge = NULL;
	mark_unref(f, l->mark);
	l->mark = NULL;
	names_page_release(&l->names);
	memset(&l->names, 0, sizeof(l->names));
}

/*
 * -ESTALE: it is no directory any more, or another list of it has ended since,
 * or is wanted.
 */
static int look_again(struct flat *f, const struct level *l)
{
	struct meta_inode inode;
	int rc = meta_lock(f->tree->meta);

	if (rc)
		return rc;
	rc = meta_inode_get(f->tree->meta, l->ino, &inode);
	meta_unlock(f->tree->meta);
	if (rc)
		return rc == -ENOENT ? -ESTALE : rc;
	return S_ISDIR(inode.mode) && inode.nlink &&
			       inode.listed_ns == l->listed_ns
		       ? 0
		       : -ESTALE;
}

/* Whose each item is; who waits for the directory's turn has a patience. */
static int confirm(struct flat *f, const struct level *l)
{
	struct patience p;

	patience_begin(&p, f->tree->mount->config.patience_ns);
	confirm_page(f->tree, l->ino, f->path, l->names.items, l->names.count);
	/* In vain: theirs could be taken for ours. */
	return patience_end(&p, cancel_asked() ? -EINTR : 0);
}

/* Takes over what has come of a directory; end: it is all. */
static int apply(struct flat *f, struct level *l, bool end)
{
	struct dirs *d = f->tree->dirs;
	bool turn;
	int rc;

	if (!l->merge || (!l->names.count && !end))
		return 0;
	f->path[l->path_len] = '\0';
	turn = turn_try(d, l->ino);
	rc = turn ? look_again(f, l) : -ESTALE;
	if (!rc && l->names.count)
		rc = confirm(f, l);
	if (!rc && l->names.count)
		rc = merge_page(l->merge, l->names.items, l->names.count);
	if (!rc && end)
		rc = merge_finish(l->merge, l->mark->asked_ns);
	if (!rc && end)
		hidden_note(d->hidden, l->ino, merge_hidden(l->merge));
	if (turn)
		turn_end(d, l->ino);
	names_page_reset(&l->names);
	if (!rc && end) {
		f->known++;
		if (f->on_known)
			f->on_known(f->ctx, l->ino);
	}
	if (rc == -ESTALE || rc == -ENOENT) {
		pass_over(f, l);
		rc = 0;
	}
	return rc;
}

/* Out of the last directory. */
static int leave(struct flat *f)
{
	struct level *l = &f->levels[f->level_count - 1];
	int rc = apply(f, l, true);

	pass_over(f, l);
	f->level_count--;
	if (f->level_count)
		f->path[f->levels[f->level_count - 1].path_len] = '\0';
	return rc;
}

static bool is_below(const char *path, size_t len, const char *key)
{
	return !len || (!strncmp(key, path, len) && key[len] == '/');
}

/* Whether a directory's own list is wanted; all of its keys have to come. */
static bool is_wanted(const struct flat *f, const struct meta_inode *inode)
{
	if (is_below(f->path, strlen(f->path), f->from) && f->from[0])
		return false;
	if (!(inode->flags & META_I_LISTED))
		return true;
	/* Nor is one whose list is younger than this one. */
	return f->young && inode->listed_ns <= f->mark->asked_ns &&
	       !dir_is_fresh(f->tree, inode);
}

/* Into the directory of f->path, which is this inode; 0: there is none. */
static int push(struct flat *f, uint64_t ino)
{
	struct meta_inode inode;
	struct level *l;
	int rc = 0;

	if (array_room(f->levels, f->level_count, f->level_size))
		return -ENOMEM;
	l = &f->levels[f->level_count++];
	memset(l, 0, sizeof(*l));
	l->path_len = strlen(f->path);
	if (ino)
		rc = meta_lock(f->tree->meta);
	if (!ino || rc)
		return rc;
	rc = meta_inode_get(f->tree->meta, ino, &inode);
	meta_unlock(f->tree->meta);
	if (rc)
		return rc == -ENOENT ? 0 : rc;
	if (!S_ISDIR(inode.mode))
		return 0;
	l->ino = ino;
	l->listed_ns = inode.listed_ns;
	if (!is_wanted(f, &inode) || !turn_claim(f->tree->dirs, ino))
		return 0;
	rc = merge_new(f->tree, ino, f->path, f->mark->since, &l->merge);
	if (rc) {
		turn_unclaim(f->tree->dirs, ino);
		return rc;
	}
	l->mark = f->mark;
	l->mark->refs++;
	return 0;
}

/* Which inode a name of the last directory has; *ret_ino 0: none. */
static int find_child(struct flat *f, const char *name, uint64_t *ret_ino)
{
	uint64_t parent = f->levels[f->level_count - 1].ino;
	struct meta_dentry dentry;
	int rc;

	*ret_ino = 0;
	if (!parent || strlen(name) > META_NAME_MAX)
		return 0;
	rc = meta_lock(f->tree->meta);
	if (rc)
		return rc;
	rc = meta_dentry_get(f->tree->meta, parent, name, &dentry);
	meta_unlock(f->tree->meta);
	if (!rc)
		*ret_ino = dentry.ino;
	return rc == -ENOENT ? 0 : rc;
}

/* From the last directory into that of the next len bytes of the key. */
static int enter(struct flat *f, const char *name, size_t len)
{
	struct level *l = &f->levels[f->level_count - 1];
	size_t at = l->path_len + (l->path_len ? 1 : 0);
	uint64_t ino;
	int rc = 0;

	if (l->merge)
		rc = names_page_add(&l->names, name, len, true, NULL);
	if (!rc)
		rc = apply(f, l, false);
	if (rc)
		return rc;
	if (l->path_len)
		f->path[l->path_len] = '/';
	memcpy(f->path + at, name, len);
	f->path[at + len] = '\0';
	rc = find_child(f, f->path + at, &ino);
	return rc ? rc : push(f, ino);
}

/* A key whose next component is empty: its directory's list shows it once. */
static void hide_empty(struct level *l, const char *rest)
{
	if (l->merge && !l->empty)
		merge_hide(l->merge, rest, HIDDEN_EMPTY);
	l->empty = true;
}

static int take_key(struct flat *f, const char *key,
		    const struct store_entry *e)
{
	const char *rest, *cut;
	struct level *l;
	int rc = 0;

	while (!rc && f->level_count > 1 &&
	       !is_below(f->path, strlen(f->path), key))
		rc = leave(f);
	while (!rc) {
		l = &f->levels[f->level_count - 1];
		rest = key + l->path_len + (l->path_len ? 1 : 0);
		cut = strchr(rest, '/');
		if (!cut)
			break;
		if (cut == rest) {
			hide_empty(l, "/");
			return 0;
		}
		rc = enter(f, rest, (size_t)(cut - rest));
	}
	if (rc || !l->merge)
		return rc;
	if (strlen(e->etag) > META_ETAG_MAX) {
		merge_hide(l->merge, rest, HIDDEN_ETAG);
		return 0;
	}
	return names_page_add(&l->names, rest, strlen(rest), !*rest, e);
}

static int take_entry(void *ctx, const struct store_entry *e)
{
	struct flat *f = ctx;
	const char *key = e->key + f->skip;

	/* Which directories would have to count those that cannot be told? */
	if (f->list.skipped || strlen(key) > META_KEY_MAX)
		return -ECANCELED;
	strcpy(f->passed, key);
	return take_key(f, key, e);
}

/* The object keys of where the list begins. */
static int set_keys(struct flat *f, const char *top, const char *from)
{
	int rc = mount_key(f->tree->mount, top, f->prefix);

	if (!rc && *top)
		strcat(f->prefix, "/");
	if (rc || !from)
		return rc;
	strcpy(f->from, from);
	rc = mount_key(f->tree->mount, from, f->start);
	/* The byte before the slash: nothing of it comes before that. */
	if (!rc)
		strcat(f->start, ".");
	return rc;
}

int flat_new(struct tree *tree, const char *top, const char *from, bool young,
	     struct flat **ret_flat)
{
	struct flat *f = calloc(1, sizeof(*f));
	uint64_t ino;
	int rc;

	if (!f)
		return -ENOMEM;
	f->tree = tree;
	f->young = young;
	f->skip = strlen(tree->mount->config.prefix);
	rc = set_keys(f, top, from);
	list_ahead_init(&f->list, tree->mount->store, STORE_LIST, f->prefix,
			NULL);
	f->list.list.max_keys = PAGE_KEYS;
	if (from)
		f->list.list.start_after = f->start;
	f->list.on_entry = take_entry;
	f->list.ctx = f;
	if (!rc)
		rc = mark_new(f, &f->mark);
	if (!rc)
		rc = meta_lock(tree->meta);
	if (!rc) {
		rc = meta_resolve(tree->meta, top, &ino);
		meta_unlock(tree->meta);
	}
	if (!rc) {
		strcpy(f->path, top);
		rc = push(f, ino);
	}
	if (rc) {
		flat_free(f);
		return rc;
	}
	*ret_flat = f;
	return 0;
}

void flat_free(struct flat *f)
{
	if (!f)
		return;
	list_ahead_release(&f->list);
	while (f->level_count)
		pass_over(f, &f->levels[--f->level_count]);
	free(f->levels);
	mark_unref(f, f->mark);
	free(f);
}

void flat_tell(struct flat *f, void (*fn)(void *ctx, uint64_t ino), void *ctx)
{
	f->on_known = fn;
	f->ctx = ctx;
}

/* Asks for the next page: f->mark was made before that of this one. */
static int ask(struct flat *f)
{
	struct mark *now;
	int rc = mark_new(f, &now);

	if (rc)
		return rc;
	if (!f->list.asking) {
		mark_unref(f, f->mark);
		f->mark = now;
		now->refs++;
	}
	rc = list_ahead_next(&f->list);
	mark_unref(f, f->mark);
	f->mark = now;
	return rc;
}

/*
 * Directories of which others have ended a list need no mark: what was settled
 * since would be kept in memory for as long as the list is below them.
 */
static int let_go(struct flat *f)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < f->level_count; i++) {
		struct level *l = &f->levels[i];

		if (l->merge)
			rc = look_again(f, l);
		if (rc == -ESTALE) {
			pass_over(f, l);
			rc = 0;
		}
	}
	return rc;
}

int flat_page(struct flat *f, bool *ret_more)
{
	int rc = reservation_for_page(f->tree, f->pages++);

	if (!rc)
		rc = ask(f);
	if (!rc && f->list.skipped)
		rc = -ECANCELED;
	if (!rc && f->list.more)
		rc = apply(f, &f->levels[f->level_count - 1], false);
	if (!rc && f->list.more)
		rc = let_go(f);
	while (!rc && !f->list.more && f->level_count)
		rc = leave(f);
	*ret_more = f->list.more;
	return rc;
}

const char *flat_passed(const struct flat *f)
{
	return f->passed;
}

unsigned flat_known(const struct flat *f)
{
	return f->known;
}
