/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The nodes of the versions view: what its inode numbers stand for.
 *
 * A number is a hash of what a node stands for, with MOUNT_VIEW_BIT, so the
 * same name and version have the same number on every mount, and never one
 * of the live tree's. META_VIEW tells what a number stands for.
 *
 * A directory can stand in one place only, or the kernel mixes them up. So
 * a name seen from DIR/.versions is another directory than from the root's
 * .versions, and directories of an instant are told apart by the instant's
 * own directory, whose number is of its spelling too. A file may stand in
 * many: that of an instant is the same in all instants that had this version.
 *
 * What is filed is bounded (view_bound.h), and a mount that finds very many
 * nodes begins without any. A number is stale then until its name is looked up.
 */
#ifndef VERS3_SRC_HISTORY_VIEW_NODE_H
#define VERS3_SRC_HISTORY_VIEW_NODE_H

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include <pthread.h>

#include "past_row.h"
#include "snapshot.h"
#include "vers3/history/history.h"
#include "vers3/history/view.h"
#include "vers3/object/rename_source.h"
#include "vers3/util/clock.h"

struct journal;
struct mount;
struct reader;
struct syncer;
struct tree;

#define VIEW_VERSION_TTL (3600 * NS_PER_S) /* a version never changes */

enum view_kind {
	VIEW_NAME = 'd', /* all that ever stood at a name */
	VIEW_VERSION = 'v',
	VIEW_MARKER = 'm',
	VIEW_PAST_DIR = 't', /* a directory as it was at an instant */
	VIEW_PAST_FILE = 'f', /* a file, with the mode that it had */
	VIEW_GMT = 'g', /* the instants as Samba spells them */
};

/*
 * The version that was found last. Who goes through a file's history asks for
 * the one after it next: it need not be searched for, and the attributes of
 * those that follow are asked for many at once.
 */
struct view_found {
	pthread_mutex_t mutex; /* protects all below */
	char path[META_KEY_MAX + 1]; /* "" : none */
	uint64_t walk, order; /* where it stands in the history */
	unsigned run; /* so many in a row */
	uint64_t asked; /* attributes were asked for up to this order */
};

struct view {
	struct mount *mount; /* borrowed */
	struct meta *meta; /* borrowed: the mount's */
	struct journal *journal; /* borrowed, as those up to syncer */
	struct reader *reader;
	struct tree *tree;
	struct syncer *syncer;
	struct named_snapshots *points; /* owned */
	struct purge *purge; /* owned */
	struct view_found found;
	struct past_row row;
	struct view_bound *bound; /* owned: of how much is filed */
	struct history *history; /* owned */
	struct snapshot *snapshot; /* owned */
	struct pool *pool; /* owned: attributes asked for at once */
	int64_t born_ns;
};

/* What a number stands for; with META_I_ATTRS-like `known` its attributes. */
struct view_node {
	enum view_kind kind;
	char path[META_KEY_MAX + 1];
	uint16_t root_len; /* directories: of DIR in path, seen below it */
	int64_t at_ns; /* PAST_DIR */
	uint64_t root; /* PAST_DIR: the instant's own directory */
	bool dir; /* NAME: something stands or stood below it */
	bool bare; /* PAST_DIR: known to have no object ever; not filed */
	struct meta_version version; /* none: a NAME, an implicit PAST_DIR */
	bool known; /* the attributes below were asked for */
	uint32_t mode, uid, gid;
	uint32_t lacks; /* META_I_LACKS_*: of these, what are the defaults */
	uint64_t rdev;
	int64_t mtime_ns;
	char renamed[RENAMED_MAX + 1]; /* where it came from, as told; "" */
};

/*
 * A directory's own object, DIR/, has versions, too: they are in this directory
 * of DIR's, whose path is "DIR/", unless something in DIR ever had its name. It
 * is listed where they ever had bytes.
 */
#define VIEW_OWN ".object"

/* DIR/ of DIR; own has room for META_KEY_MAX + 1 bytes. 0, -ENAMETOOLONG. */
static inline int view_path_own(const char *dir, char *own)
{
	size_t len = strlen(dir);

	if (len >= META_KEY_MAX)
		return -ENAMETOOLONG;
	memcpy(own, dir, len);
	strcpy(own + len, "/");
	return 0;
}

static inline bool view_path_is_own(const char *path)
{
	size_t len = strlen(path);

	return len && path[len - 1] == '/';
}

static inline bool view_node_is_dir(const struct view_node *n)
{
	return n->kind == VIEW_NAME || n->kind == VIEW_PAST_DIR ||
	       n->kind == VIEW_GMT;
}

/*
 * What a file of an instant is, as its size alone tells: S_IFREG; 0: it may be
 * a symlink or a device, as smaller objects may, or it is none.
 */
static inline uint32_t view_node_type(const struct view_node *n)
{
	return n->kind == VIEW_PAST_FILE && n->version.size_bytes >= PATH_MAX
		       ? S_IFREG
		       : 0;
}

/* A version of a path, with the kind that fits or is given. */
void view_node_of_entry(const char *path, const struct history_entry *e,
			struct view_node *n);
void view_node_of_snapshot(const struct view_node *dir, const char *path,
			   const struct past_entry *e, struct view_node *n);
/* The number of an instant's own directory in a .versions directory. */
uint64_t view_node_root_number(uint64_t dir, const char *spelling,
			       int64_t at_ns);

uint64_t view_node_number(const struct view_node *n);
/*
 * Reads what a number stands for. 0, -EIO; -ESTALE when it is not filed (any
 * more): the kernel then looks the name up anew.
 */
int view_node_read(struct view *view, uint64_t ino, struct view_node *n);
/* Files what is known of a node under its number, in place of what was. */
int view_node_put(struct view *view, uint64_t ino, const struct view_node *n);
/* Files a node unless it is filed; then n becomes what is. */
int view_node_file(struct view *view, struct view_node *n, uint64_t *ret_ino);
/* Makes its attributes known: one HEAD a version, ever. May wait. */
int view_node_attrs(struct view *view, uint64_t ino, struct view_node *n);
/*
 * Asks for those of the node's version: a HEAD; nothing is filed. An access
 * control list is in the mode as far as that can say it, and no further: some
 * of those whom it names cannot read here (acl_strict_mode()).
 */
int view_node_ask_version(struct view *view, struct view_node *n);
/*
 * Mode and owner of what has none of its own, a directory of names or of an
 * instant: view_guard.c. May wait.
 */
int view_guard(struct view *view, struct view_node *n);
void view_node_stat(struct view *view, uint64_t ino, const struct view_node *n,
		    struct stat *st);
/* Files it and gives its attributes. May wait. */
int view_node_entry(struct view *view, struct view_node *n,
		    struct vfs_entry *ret);
/* Asks for the version's metadata; the caller releases r, also on failure. */
int view_node_head(struct view *view, const struct view_node *n,
		   struct store_request *r);

/*
 * The version of a path whose name is, or uniquely begins with, name:
 * view_find.c. 0, -ENOENT. May wait.
 */
int view_find_version(struct view *view, const char *path, const char *name,
		      struct history_entry *ret);
/* What was found last is to be searched for again. */
void view_find_forget(struct view *w);
/*
 * Asks for the attributes of so many nodes, many at once: view_entry.c. Best
 * effort: who looks at one that failed learns why.
 */
#define VIEW_AHEAD 128 /* as many as are worth it */
void view_node_ask(struct view *view, struct view_node *nodes, unsigned count);
/*
 * view_name.c: how versions are spelled. Bytes for "TIME~VERSIONID" with all of
 * the id encoded, an ordinal and a marker's end.
 */
#define VIEW_NAME_SIZE (20 + 21 + 1 + 3 * META_VERSION_MAX + 16)

/* The versions of one second, and which of them one is. Zeroed at first. */
struct view_second {
	bool started, by_ms; /* by_ms: milliseconds tell them apart */
	int64_t second;
	uint64_t count, at; /* from 1 */
};

/*
 * Goes on to the next version of a path, e, in the order of a walk from the
 * oldest on. 0, -ESTALE as history_next().
 */
int view_second_next(struct view *view, const char *path, uint64_t walk,
		     const struct history_entry *e, struct view_second *s);
/* A version's name; s NULL: as if it were the only one of its second. */
int view_entry_name(const struct history_entry *e, const struct view_second *s,
		    char *name, size_t size);
/*
 * Whether a name begins as a version's does, with a time or part of one;
 * *ret_id is its end from the '~' on, or NULL.
 */
bool view_name_scan(const char *name, const char **ret_id);

/* Whether it is so spelled whatever else has its second. */
bool view_name_lasts(const struct history_entry *e, const char *name);

enum view_match {
	VIEW_MATCH_NOT,
	VIEW_MATCH_BEGINS, /* the name is the beginning of one of its own */
	VIEW_MATCH_WHOLE,
};
/* name and id as view_name_scan() has them. */
enum view_match view_entry_match(const struct history_entry *e,
				 const struct view_second *s, const char *name,
				 const char *id);

#endif
