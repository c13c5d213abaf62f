/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading directories of the live tree. Offsets are the entries' cookies, so
 * that a reader goes on where it was whatever is created or removed between
 * two calls; "." is 1, ".." is 2, a visible .versions 3.
 */
#include <errno.h>
#include <stdlib.h>

#include "vers3/core/stat.h"
#include "vers3/history/view.h"
#include "vers3/meta/dentry.h"
#include "vers3/tree/content.h"
#include "vers3/tree/dir.h"
#include "vers3/vfs/vfs.h"
#include "vfs_impl.h"

#define OFF_DOT	     1
#define OFF_DOTDOT   2
#define OFF_VERSIONS 3
#define BATCH	     64 /* entries copied under one hold of the lock */
#define AHEAD	     256 /* entries whose attributes are asked for at once */

struct vfs_dir {
	uint64_t ino;
	struct view_dir *view; /* owned: of the versions view */
	uint64_t asked; /* attributes were asked for up to here */
	uint64_t end; /* names that are newer are not given; 0: not set */
};

int vfs_opendir(struct vfs *v, uint64_t ino, struct vfs_dir **ret_dir)
{
	struct vfs_dir *d = calloc(1, sizeof(*d));
	int rc;

	if (!d)
		return -ENOMEM;
	d->ino = ino;
	ino = view_shown(v->view, ino);
	rc = mount_is_view(ino) ? view_opendir(v->view, ino, &d->view)
				: dir_read(v->tree, ino);
	if (rc) {
		free(d);
		return rc == -ENOENT ? -ESTALE : rc;
	}
	*ret_dir = d;
	return 0;
}

void vfs_releasedir(struct vfs *v, struct vfs_dir *d)
{
	if (!d)
		return;
	view_closedir(v->view, d->view);
	free(d);
}

/* An entry with its inode, copied from the tables. */
struct item {
	struct meta_dentry de;
	struct meta_inode inode;
	uint64_t data_bytes; /* with plus */
};

/*
 * Asks for the attributes of the entries after `after` that have none, many
 * at once. The kernel wants some with the first entries of each directory, and
 * with others if it has needed them.
 */
static void ask_ahead(struct vfs *v, struct vfs_dir *d, uint64_t after)
{
	bool all = after > OFF_VERSIONS || dir_attrs_wanted(v->tree);
	uint64_t inos[AHEAD];
	struct meta_dentry dentry = {.cookie = after};
	struct meta_inode inode;
	unsigned count = 0;

	if (after < d->asked || meta_lock(v->mount->meta))
		return;
	for (int i = 0; i < AHEAD; i++) {
		if (meta_dentry_next(v->mount->meta, d->ino, dentry.cookie,
				     &dentry))
			break;
		if (!meta_inode_get(v->mount->meta, dentry.ino, &inode) &&
		    dir_wants_attrs(&inode, all))
			inos[count++] = dentry.ino;
	}
	meta_unlock(v->mount->meta);
	d->asked = dentry.cookie;
	if (count)
		dir_prefetch_attrs(v->tree, inos, count);
}

/*
 * Names that come after the beginning are not given, or who renames or makes
 * one for each that it reads would never come to the end. With meta_lock()
 * held.
 */
static void set_end(struct vfs *v, struct vfs_dir *d, uint64_t offset)
{
	if ((d->end && offset > OFF_VERSIONS) ||
	    meta_next_id(v->mount->meta, &d->end))
		return;
	d->asked = 0;
}

static int read_batch(struct vfs *v, struct vfs_dir *d, uint64_t after,
		      bool plus, struct item *items, int *ret_count)
{
	uint64_t ino = d->ino;
	int n = 0, rc = meta_lock(v->mount->meta);

	if (rc)
		return rc;
	set_end(v, d, after);
	while (!rc && n < BATCH) {
		rc = meta_dentry_next(v->mount->meta, ino, after, &items[n].de);
		if (!rc && d->end && items[n].de.cookie > d->end)
			rc = -ENOENT;
		if (rc)
			break;
		after = items[n].de.cookie;
		rc = meta_inode_get(v->mount->meta, items[n].de.ino,
				    &items[n].inode);
		if (!rc && plus)
			items[n].data_bytes =
				content_data_bytes(v->tree, &items[n].inode);
		if (!rc)
			n++;
	}
	meta_unlock(v->mount->meta);
	*ret_count = n;
	return rc == -ENOENT ? 0 : rc;
}

/* ttl_ns: how long the entry may be kept; negative: not wanted. */
static int emit_item(const struct item *it, int64_t ttl_ns, vfs_dirent_fn fn,
		     void *ctx)
{
	struct vfs_entry entry;
	struct vfs_dirent d = {.name = it->de.name,
			       .ino = it->inode.ino,
			       .mode = dir_known_type(&it->inode),
			       .offset = it->de.cookie};

	if (ttl_ns >= 0 && (it->inode.flags & META_I_ATTRS)) {
		entry.ino = it->inode.ino;
		entry.ttl_ns = ttl_ns;
		inode_stat_data(&it->inode, it->data_bytes, &entry.st);
		d.entry = &entry;
	}
	return fn(ctx, &d);
}

static int emit_fixed(struct vfs *v, struct vfs_dir *d, uint64_t offset,
		      vfs_dirent_fn fn, void *ctx)
{
	const struct vfs_dirent fixed[] = {
		{".", d->ino, S_IFDIR, OFF_DOT, NULL},
		{"..", d->ino, S_IFDIR, OFF_DOTDOT, NULL},
		{v->mount->config.versions_name, MOUNT_VERSIONS_INO, S_IFDIR,
		 OFF_VERSIONS, NULL},
	};
	size_t count = d->ino == META_ROOT_INO && v->mount->config.versions ==
							  MOUNT_VERSIONS_VISIBLE
			       ? 3
			       : 2;

	for (size_t i = 0; i < count; i++)
		if (offset < fixed[i].offset && fn(ctx, &fixed[i]))
			return 1;
	return 0;
}

static int read_live(struct vfs *v, struct vfs_dir *d, uint64_t offset,
		     bool plus, vfs_dirent_fn fn, void *ctx)
{
	struct item *items;
	int count, rc = 0;
	int64_t ttl_ns;

	if (emit_fixed(v, d, offset, fn, ctx))
		return 0;
	items = malloc(BATCH * sizeof(*items));
	if (!items)
		return -ENOMEM;
	if (offset < OFF_VERSIONS)
		offset = OFF_VERSIONS;
	for (;;) {
		if (plus)
			ask_ahead(v, d, offset);
		rc = read_batch(v, d, offset, plus, items, &count);
		if (rc || !count)
			break;
		ttl_ns = plus ? dir_ttl_ns(v->tree, d->ino, NULL) : -1;
		for (int i = 0; i < count; i++) {
			if (emit_item(&items[i], ttl_ns, fn, ctx))
				goto out;
			offset = items[i].de.cookie;
		}
	}
out:
	free(items);
	return rc;
}

int vfs_readdir(struct vfs *v, struct vfs_dir *d, uint64_t offset, bool plus,
		vfs_dirent_fn fn, void *ctx)
{
	if (d->view)
		return view_readdir(v->view, d->view, offset, plus, fn, ctx);
	return read_live(v, d, offset, plus, fn, ctx);
}
