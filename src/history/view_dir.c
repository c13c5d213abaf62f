/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading directories of the versions view. Offsets count the entries, in an
 * order that stays: versions from the oldest, or at the top the named points;
 * then names. @GMT has points alone.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "past_row.h"
#include "shadow_copy.h"
#include "vers3/core/entry.h"
#include "vers3/core/mount.h"
#include "vers3/history/history.h"
#include "vers3/history/named_snapshots.h"
#include "vers3/meta/inode.h"
#include "view_bound.h"
#include "view_node.h"

#define OFF_DOT	   1
#define OFF_DOTDOT 2

/* Where a reader stands: after the entry with this offset. */
struct view_dir {
	uint64_t ino;
	struct view_node node; /* the directory */
	struct history_seen seen; /* its versions, of one walk */
	uint64_t names_walk; /* its names; 0: it has none */
	bool own; /* its own object's are to be listed, after all others */
	struct point_list points; /* of the root's; owned by the opened one */
	uint64_t offset; /* of the last entry given */
	uint64_t order; /* of the last version given */
	char version_id[META_VERSION_MAX + 1]; /* that one, and its time */
	int64_t last_modified_ns;
	struct view_second second; /* of that one */
	bool children; /* versions are done */
	bool own_met; /* own is done, or another has its name */
	size_t point; /* how many points were given */
	char name[META_NAME_MAX + 1]; /* the last child given */
	uint64_t asked; /* attributes were asked for up to this offset */
};

static int load(struct view *view, struct view_dir *d)
{
	const struct view_node *n = &d->node;
	int rc = 0;

	if (n->kind == VIEW_PAST_DIR)
		return snapshot_load(view, view->snapshot, n->at_ns, n->path);
	if (n->kind == VIEW_GMT)
		return shadow_copy_list(view, &d->points);
	if (n->kind != VIEW_NAME)
		return -ENOTDIR;
	d->seen.dir = true;
	if (n->path[0])
		rc = history_load_name(view, view->history, n->path, &d->seen);
	if (!rc && d->seen.dir)
		rc = history_load_dir(view, view->history, n->path,
				      &d->names_walk, &d->own);
	d->own = d->own && n->path[0];
	return rc;
}

int view_opendir(struct view *view, uint64_t ino, struct view_dir **ret_dir)
{
	struct view_dir *d = calloc(1, sizeof(*d));
	int rc;

	if (!d)
		return -ENOMEM;
	rc = view_bound_open(view->bound, ino);
	if (rc) {
		free(d);
		return rc;
	}
	d->ino = ino;
	d->offset = OFF_DOTDOT;
	rc = view_node_read(view, ino, &d->node);
	if (!rc)
		rc = load(view, d);
	if (!rc && ino == MOUNT_VERSIONS_INO)
		rc = named_snapshots_list(view, &d->points);
	if (rc) {
		view_closedir(view, d);
		return rc;
	}
	*ret_dir = d;
	return 0;
}

void view_closedir(struct view *view, struct view_dir *d)
{
	if (!d)
		return;
	view_bound_close(view->bound, d->ino);
	point_list_release(&d->points);
	free(d);
}

static int peek_snapshot(struct view *view, const struct view_dir *d,
			 char *name, struct view_node *n)
{
	const struct view_node *dir = &d->node;
	char path[META_KEY_MAX + 1];
	struct past_entry e;
	int rc;

	for (;;) {
		rc = snapshot_next(view, view->snapshot, dir->at_ns, dir->path,
				   d->name, name, &e);
		if (rc != -ESTALE)
			break;
		/* It was forgotten since: the same is asked for anew. */
		rc = snapshot_load(view, view->snapshot, dir->at_ns, dir->path);
		if (rc)
			return rc;
	}
	if (!rc)
		rc = mount_child_path(dir->path, name, path);
	if (!rc)
		view_node_of_snapshot(dir, path, &e, n);
	return rc;
}

/* The next named point, which next then is. */
static int peek_point(const struct view_dir *d, struct view_dir *next,
		      char *name, struct view_node *n)
{
	const struct past_entry none = {.dir = true};
	const struct point *p = &d->points.items[d->point];
	struct view_node root = {.at_ns = p->at_ns};

	next->point++;
	name[0] = '@';
	strcpy(name + 1, p->name);
	root.root = view_node_root_number(d->ino, name, p->at_ns);
	view_node_of_snapshot(&root, "", &none, n);
	return 0;
}

/*
 * Whether a name that ever was is not shown: a named point hides one of its
 * spelling, and objects of our own are no part of any history.
 */
static bool is_hidden(const struct view *view, const struct view_dir *d,
		      const char *name)
{
	if (d->node.path[0])
		return false;
	return mount_is_own_name(view->mount, name) ||
	       (name[0] == '@' && point_list_find(&d->points, name + 1));
}

static int peek_name(struct view *view, const struct view_dir *d,
		     struct view_dir *next)
{
	int rc;

	do
		rc = history_next_name(view, d->node.path, d->names_walk,
				       next->name, next->name);
	while (!rc && is_hidden(view, d, next->name));
	return rc;
}

/* The entry after where d stands, which next then is. */
static int peek(struct view *view, const struct view_dir *d,
		struct view_dir *next, char *name, struct view_node *n)
{
	const char *path = d->node.path;
	struct history_entry e;
	int rc = -ENOENT;

	*next = *d;
	next->offset++;
	if (d->node.kind == VIEW_PAST_DIR) {
		rc = peek_snapshot(view, d, next->name, n);
		strcpy(name, next->name);
		return rc;
	}
	if (d->point < d->points.count)
		return peek_point(d, next, name, n);
	if (!d->children && d->seen.any) {
		rc = history_next(view, path, d->seen.walk, d->order, &e);
		if (!rc) {
			next->order = e.order;
			strcpy(next->version_id, e.version_id);
			next->last_modified_ns = e.last_modified_ns;
			view_node_of_entry(path, &e, n);
			rc = view_second_next(view, path, d->seen.walk, &e,
					      &next->second);
			return rc ? rc
				  : view_entry_name(&e, &next->second, name,
						    VIEW_NAME_SIZE);
		}
	}
	if (rc != -ENOENT)
		return rc;
	next->children = true;
	if (!d->names_walk)
		return -ENOENT;
	rc = peek_name(view, d, next);
	if (rc && (rc != -ENOENT || !d->own || d->own_met))
		return rc;
	memset(n, 0, sizeof(*n));
	n->kind = VIEW_NAME;
	n->root_len = d->node.root_len;
	if (rc) {
		next->own_met = true;
		strcpy(name, VIEW_OWN);
		return view_path_own(path, n->path);
	}
	strcpy(name, next->name);
	next->own_met = d->own_met || !strcmp(name, VIEW_OWN);
	return mount_child_path(path, name, n->path);
}

/*
 * Asks for the attributes of the entries that come; all: not only where the
 * type is open.
 */
static void ask_ahead(struct view *view, struct view_dir *d, bool all)
{
	char name[VIEW_NAME_SIZE + META_NAME_MAX];
	struct view_dir at = *d, next;
	struct view_node *nodes;
	unsigned count = 0;

	if (d->offset < d->asked)
		return;
	nodes = malloc(VIEW_AHEAD * sizeof(*nodes));
	if (!nodes)
		return;
	for (int i = 0;
	     i < VIEW_AHEAD && !peek(view, &at, &next, name, &nodes[count]);
	     i++) {
		at = next;
		count += all || !view_node_type(&nodes[count]);
	}
	view_node_ask(view, nodes, count);
	d->asked = at.offset;
	free(nodes);
}

static int emit_dots(struct view_dir *d, uint64_t offset, vfs_dirent_fn fn,
		     void *ctx)
{
	const struct vfs_dirent dots[] = {
		{".", d->ino, S_IFDIR, OFF_DOT, NULL},
		{"..", d->ino, S_IFDIR, OFF_DOTDOT, NULL},
	};

	for (int i = 0; i < 2; i++)
		if (offset < dots[i].offset && fn(ctx, &dots[i]))
			return 1;
	return 0;
}

static void rewind_to_start(struct view_dir *d)
{
	d->offset = OFF_DOTDOT;
	d->order = 0;
	d->version_id[0] = '\0';
	d->last_modified_ns = 0;
	memset(&d->second, 0, sizeof(d->second));
	d->point = 0;
	d->children = d->own_met = false;
	d->name[0] = '\0';
}

/*
 * What a slow reader's walk had found was removed since: walks anew, and goes
 * on behind the version that was given last, or where it stood.
 */
static int revive(struct view *view, struct view_dir *d)
{
	struct history_entry e = {.order = 0};
	struct view_second at = {.started = false};
	int rc = load(view, d);

	if (rc || d->children)
		return rc;
	d->order = 0;
	d->second = at;
	if (!d->version_id[0])
		return 0;
	while (!(rc = history_next(view, d->node.path, d->seen.walk, e.order,
				   &e))) {
		bool last = !strcmp(e.version_id, d->version_id);

		rc = view_second_next(view, d->node.path, d->seen.walk, &e,
				      &at);
		if (rc)
			return rc;
		if (last || e.last_modified_ns <= d->last_modified_ns) {
			d->order = e.order;
			d->second = at;
		}
		if (last)
			return 0;
	}
	return rc == -ENOENT ? 0 : rc;
}

/* How much is told of the entries of an instant's directory. */
enum plus {
	PLUS_NONE, /* their types, as far as they are known unasked */
	PLUS_TYPES, /* the attributes of those that must be asked for these */
	PLUS_ALL,
};

/* at_ns: of the instant, with plus. */
static int emit(struct view *view, const char *name, uint64_t offset,
		enum plus plus, int64_t at_ns, struct view_node *n,
		vfs_dirent_fn fn, void *ctx)
{
	struct vfs_dirent de = {
		.name = name,
		.offset = offset,
		.ino = view_node_number(n),
		.mode = view_node_type(n),
	};
	struct vfs_entry entry;

	if (view_node_is_dir(n))
		de.mode = S_IFDIR;
	/* One that cannot be told is looked up, and fails then. */
	if ((plus == PLUS_ALL || (plus && !view_node_type(n))) &&
	    !view_node_entry(view, n, &entry)) {
		de.mode = entry.st.st_mode & S_IFMT;
		entry.ttl_ns = snapshot_ttl_ns(view, at_ns);
		de.entry = &entry;
	}
	return fn(ctx, &de);
}

/*
 * The kernel asks for attributes with the first entries of each directory,
 * and with others if it has needed them: `find` and `ls -R` only want to know
 * what each is.
 */
static enum plus what_of(struct view *view, const struct view_dir *d,
			 uint64_t offset, bool plus)
{
	/* Of all versions attributes cost too much to ask unasked. */
	if (!plus || d->node.kind != VIEW_PAST_DIR)
		return PLUS_NONE;
	return offset > OFF_DOTDOT || past_row_wanted(&view->row) ? PLUS_ALL
								  : PLUS_TYPES;
}

int view_readdir(struct view *view, struct view_dir *d, uint64_t offset,
		 bool with_attrs, vfs_dirent_fn fn, void *ctx)
{
	enum plus plus = what_of(view, d, offset, with_attrs);
	char name[VIEW_NAME_SIZE + META_NAME_MAX];
	struct view_dir next;
	struct view_node n;
	int rc;

	if (emit_dots(d, offset, fn, ctx))
		return 0;
	if (offset < d->offset)
		rewind_to_start(d);
	for (;;) {
		if (plus && d->offset >= offset)
			ask_ahead(view, d, plus == PLUS_ALL);
		rc = peek(view, d, &next, name, &n);
		if (rc == -ESTALE) {
			rc = revive(view, d);
			if (!rc)
				rc = peek(view, d, &next, name, &n);
		}
		if (rc)
			break;
		if (next.offset > offset && emit(view, name, next.offset, plus,
						 d->node.at_ns, &n, fn, ctx))
			return 0;
		next.asked = d->asked;
		*d = next;
	}
	return rc == -ENOENT ? 0 : rc;
}
